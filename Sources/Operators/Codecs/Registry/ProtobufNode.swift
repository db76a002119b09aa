// How a field of a message is read into a column: compiled once for each pair of a message and the columns that are read.

import Bytes
import Schemas
import Values

/// What is done with one value on the wire.
indirect enum ProtobufAction {
    /// Numbers, by the way in which they are written.
    case varint32, varint64, zigzag32, zigzag64, fixed32, fixedUnsigned32, fixed64, unsigned32, boolean
    case float, double, text, bytes
    /// The name of a number; numbers without one as digits.
    case symbol([Int32: [UInt8]])
    /// A whole or fractional number that becomes a text.
    case spelled(ProtobufAction)
    case timestamp, date, time, decimal
    /// The value of a wrapper message.
    case wrapped(ProtobufAction)
    case message(ProtobufMessagePlan)
    /// An entry of a map.
    case entry(key: ProtobufAction, value: ProtobufAction)
    case mismatch(String)

    /// The wire type in which it is written.
    var wireType: UInt64 {
        switch self {
        case .varint32, .varint64, .zigzag32, .zigzag64, .unsigned32, .boolean, .symbol: 0
        case .fixed64, .double: 1
        case .fixed32, .fixedUnsigned32, .float: 5
        case .spelled(let action): action.wireType
        case .text, .bytes, .timestamp, .date, .time, .decimal, .wrapped, .message, .entry, .mismatch: 2
        }
    }
}

/// What becomes of a field of a message.
struct ProtobufFieldPlan {
    var action: ProtobufAction
    /// The column, or the field of the STRUCT.
    var column: Int
    /// Elements of an ARRAY or entries of a MAP.
    var isRepeated: Bool
    /// In a STRUCT that stands for a oneof: its field there.
    var choice: Int?
}

/// What a column holds where the message has no value for it.
enum ProtobufAbsence {
    case null
    /// Zero, false, an empty text or an empty list.
    case zero
    /// The name of the enumeration's zero.
    case text([UInt8])
}

/// A message as it is read.
final class ProtobufMessagePlan {
    /// By field number.
    private let fields: [Int32: ProtobufFieldPlan]
    /// Of the numbers that are nearly always used, from 0 on.
    private let lowFields: [ProtobufFieldPlan?]
    /// For each column.
    let absences: [ProtobufAbsence]

    init(_ fields: [Int32: ProtobufFieldPlan], absences: [ProtobufAbsence]) {
        self.fields = fields
        self.absences = absences
        lowFields = (Int32.zero..<64).map { fields[$0] }
    }

    @inline(__always) func field(_ number: UInt64) -> ProtobufFieldPlan? {
        number < 64 ? lowFields[Int(number)] : Int32(exactly: number).flatMap { fields[$0] }
    }
}

/// Compiles messages of a schema.
struct ProtobufCompiler {
    private let schema: ProtobufSchema

    init(_ schema: ProtobufSchema) { self.schema = schema }

    /// The plan of a message for columns with these names and types. A message that has none of a column's fields leaves it NULL.
    func plan(_ message: ProtobufMessage, _ columns: [StructField], _ path: String) -> ProtobufMessagePlan {
        let match = FieldMatch(columns.map { protobufFieldName($0.name) })
        var plans: [Int32: ProtobufFieldPlan] = [:]
        var absences: [ProtobufAbsence] = columns.map { _ in .null }
        var taken: Set<Int> = []
        for (index, name) in message.oneofs.enumerated() {
            guard let column = match.index(of: oneofFieldName(name, index)), case .structure(let fields) = columns[column].type else { continue }
            taken.insert(column)
            let choices = FieldMatch(fields.map(\.name))
            for field in message.fields where field.oneof == index {
                guard let choice = choices.index(of: field.name) else { continue }
                plans[field.number] = ProtobufFieldPlan(
                    action: action(field.type, into: fields[choice].type, path + field.name), column: column, isRepeated: false, choice: choice)
            }
        }
        for field in message.fields where plans[field.number] == nil {
            guard let column = match.index(of: field.name), taken.insert(column).inserted else { continue }
            let type = columns[column].type
            plans[field.number] = self.field(field, column, type, path)
            absences[column] = absence(field, type)
        }
        return ProtobufMessagePlan(plans, absences: absences)
    }

    private func field(_ field: ProtobufField, _ column: Int, _ type: SQLType, _ path: String) -> ProtobufFieldPlan {
        let place = path + field.name
        var result = ProtobufFieldPlan(action: .mismatch(""), column: column, isRepeated: field.label == .repeated, choice: nil)
        switch (field.type, field.label, type) {
        case (.map(let key, let value), _, .map(.string, let wanted)):
            result.action = .entry(key: action(key, into: .string, place), value: action(value, into: wanted, place + "{}"))
        case (_, .repeated, .array(let element)): result.action = action(field.type, into: element, place + "[]")
        case (.map, _, _), (_, .repeated, _):
            result.action = .mismatch("\(place): cannot read a repeated field as \(type)")
        default: result.action = action(field.type, into: type, place)
        }
        return result
    }

    private func absence(_ field: ProtobufField, _ type: SQLType) -> ProtobufAbsence {
        if field.label == .repeated { return .zero }
        if field.label != .plain { return .null }
        switch field.type {
        case .message: return .null
        case .enumeration(let name):
            let zero = schema.enumerations[name]?.values.first { $0.number == 0 }?.name ?? schema.enumerations[name]?.values.first?.name
            return .text(Array((zero ?? "").utf8))
        case .string, .bytes, .map: return .zero
        case .bool: return type == .string ? .text(Array("false".utf8)) : .zero
        case .double, .float: return type == .string ? .text(Array("0.0".utf8)) : .zero
        default: return type == .string ? .text([0x30]) : .zero
        }
    }

    private func action(_ written: ProtobufType, into type: SQLType, _ path: String) -> ProtobufAction {
        func number(_ action: ProtobufAction, isNarrow: Bool) -> ProtobufAction {
            switch type {
            case .bigint: action
            case .integer where isNarrow: action
            case .string: .spelled(action)
            default: .mismatch("\(path): cannot read a number as \(type)")
            }
        }
        func fraction(_ action: ProtobufAction) -> ProtobufAction {
            switch type {
            case .double: action
            case .string: .spelled(action)
            default: .mismatch("\(path): cannot read a number as \(type)")
            }
        }
        switch (written, type) {
        case (.int32, _): return number(.varint32, isNarrow: true)
        case (.sint32, _): return number(.zigzag32, isNarrow: true)
        case (.sfixed32, _): return number(.fixed32, isNarrow: true)
        case (.uint32, _): return number(.unsigned32, isNarrow: false)
        case (.fixed32, _): return number(.fixedUnsigned32, isNarrow: false)
        case (.int64, _), (.uint64, _): return number(.varint64, isNarrow: false)
        case (.sint64, _): return number(.zigzag64, isNarrow: false)
        case (.fixed64, _), (.sfixed64, _): return number(.fixed64, isNarrow: false)
        case (.double, _): return fraction(.double)
        case (.float, _): return fraction(.float)
        case (.bool, .boolean): return .boolean
        case (.bool, .string): return .spelled(.boolean)
        case (.string, .string): return .text
        case (.bytes, .bytes): return .bytes
        case (.enumeration(let name), .string):
            let values = schema.enumerations[name]?.values ?? []
            return .symbol(Dictionary(values.map { ($0.number, Array($0.name.utf8)) }, uniquingKeysWith: { first, _ in first }))
        case (.message(let name), _): return message(name, into: type, path)
        default: return .mismatch("\(path): cannot read it as \(type)")
        }
    }

    private func message(_ name: String, into type: SQLType, _ path: String) -> ProtobufAction {
        switch (ProtobufWellKnown(name), type) {
        case (.timestamp?, .timestamp), (.timestamp?, .bigint): return .timestamp
        case (.date?, .date), (.date?, .integer): return .date
        case (.time?, .time), (.time?, .integer): return .time
        case (.decimal?, .decimal): return .decimal
        case (.wrapper(let scalar)?, .boolean), (.wrapper(let scalar)?, .integer), (.wrapper(let scalar)?, .bigint),
            (.wrapper(let scalar)?, .double), (.wrapper(let scalar)?, .string), (.wrapper(let scalar)?, .bytes):
            return .wrapped(action(scalar, into: type, path))
        default: break
        }
        guard let message = schema.messages[name] else { return .mismatch("\(path): \(name) is not declared") }
        if case .structure(let fields) = type { return .message(plan(message, fields, path + ".")) }
        // A list within a list, or a map within one, stands in a message of its own.
        if type.isNested, message.fields.count == 1, message.fields[0].label == .repeated {
            return .message(plan(message, [StructField(message.fields[0].name, type)], path + "."))
        }
        return .mismatch("\(path): cannot read \(name) as \(type)")
    }
}
