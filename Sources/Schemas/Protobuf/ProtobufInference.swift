// Types of Protocol Buffers in SQL, as Kafka Connect and ksqlDB see them.

import Values

struct ProtobufInference {
    private let schema: ProtobufSchema
    private let naming: FieldNaming
    private let budget = InferenceBudget()

    init(_ schema: ProtobufSchema, _ naming: FieldNaming) {
        self.schema = schema
        self.naming = naming
    }

    /// The type of a message, and its fields. Errors: there is no such message.
    func root(_ name: String?) throws(SchemaError) -> (InferredType, [(name: String, type: InferredType)]?) {
        let message = try schema.message(named: name)
        let fields = fields(of: message, within: [message.name])
        return (structure(of: fields), fields)
    }

    /// The fields of the oneofs come first, as one STRUCT each.
    private func fields(of message: ProtobufMessage, within names: Set<String>) -> [(name: String, type: InferredType)] {
        let choices = message.oneofs.enumerated().map { index, name in
            let own = message.fields.filter { $0.oneof == index }
            return (
                naming.name(oneofFieldName(name, index)),
                structure(of: own.map { (naming.name($0.name), type(of: $0, within: names)) })
            )
        }
        return choices + message.fields.filter { $0.oneof == nil }.map { (naming.name($0.name), type(of: $0, within: names)) }
    }

    private func type(of field: ProtobufField, within names: Set<String>) -> InferredType {
        guard budget.take() else { return InferenceBudget.spent }
        if case .map(let key, let value) = field.type {
            switch key {
            case .double, .float, .bytes, .message, .enumeration, .map: return .none("a map with such keys")
            default: break
            }
            guard case .type(let value) = type(of: value, field, within: names) else { return .none("a map of no known type") }
            return .type(.map(key: .string, value: value))
        }
        let element = type(of: field.type, field, within: names)
        guard field.label == .repeated, case .type(let type) = element else { return element }
        return .type(.array(type))
    }

    private func type(of type: ProtobufType, _ field: ProtobufField, within names: Set<String>) -> InferredType {
        switch type {
        case .double, .float: return .type(.double)
        case .int32, .sint32, .sfixed32: return .type(.integer)
        case .int64, .uint64, .sint64, .fixed64, .sfixed64, .uint32, .fixed32: return .type(.bigint)
        case .bool: return .type(.boolean)
        case .string, .enumeration: return .type(.string)
        case .bytes: return .type(.bytes)
        case .map: return .none("a map within a map")
        case .message(let name):
            switch ProtobufWellKnown(name) {
            case .timestamp?: return .type(.timestamp)
            case .date?: return .type(.date)
            case .time?: return .type(.time)
            case .decimal?: return decimal(field)
            case .wrapper(let scalar)?: return self.type(of: scalar, field, within: names)
            case nil: break
            }
            guard let message = schema.messages[name] else { return .none("\(name) is not declared") }
            if names.contains(name) { return .none("\(name) contains itself") }
            guard names.count < SchemaLimits.depth else { return .none("nested deeper than \(SchemaLimits.depth) levels") }
            return structure(of: fields(of: message, within: names.union([name])))
        }
    }

    private func decimal(_ field: ProtobufField) -> InferredType {
        let scale = field.parameters["scale"].flatMap { Int($0) } ?? 0
        guard (0...SQLType.mostDecimalDigits).contains(scale) else { return .none("a decimal with scale \(scale)") }
        let precision = field.parameters["precision"].flatMap { Int($0) } ?? defaultDecimalPrecision
        return .type(.decimal(precision: min(max(precision, scale, 1), SQLType.mostDecimalDigits), scale: scale))
    }
}

/// What Kafka Connect calls the field of a oneof.
package func oneofFieldName(_ name: String, _ index: Int) -> String { "\(name)_\(index)" }
