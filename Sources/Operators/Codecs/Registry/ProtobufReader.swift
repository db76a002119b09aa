// Reads values of Protocol Buffers from the wire.

import Bytes
import Quantities
import Schemas
import Values

enum ProtobufReader {
    /// The number and the wire type of the next field; nil where there is none, with a problem noted.
    @inline(__always) static func tag(_ cursor: inout BinaryCursor) -> (number: UInt64, wireType: UInt64)? {
        guard let tag = cursor.varint() else { return nil }
        guard tag >> 3 != 0 else {
            _ = cursor.fail("a field has the number 0")
            return nil
        }
        return (tag >> 3, tag & 7)
    }

    /// The end of a value that begins with its length.
    @inline(__always) static func length(_ cursor: inout BinaryCursor) -> Int? {
        guard let length = cursor.varint() else { return nil }
        guard length <= UInt64(cursor.end &- cursor.at) else {
            _ = cursor.truncated()
            return nil
        }
        return Int(length)
    }

    /// Steps over a value.
    static func skip(_ cursor: inout BinaryCursor, _ wireType: UInt64, _ number: UInt64) -> Bool {
        switch wireType {
        case 0: return cursor.varint() != nil
        case 1: return cursor.take(8) != nil
        case 2: return length(&cursor).flatMap { cursor.take(Int64($0)) } != nil
        case 3:
            guard cursor.enter() else { return false }
            while let (inner, type) = tag(&cursor) {
                if type == 4 {
                    cursor.leave()
                    return inner == number || cursor.fail("a group ends that has not begun")
                }
                guard skip(&cursor, type, inner) else { return false }
            }
            return false
        case 5: return cursor.take(4) != nil
        default: return cursor.fail("there is no wire type \(wireType)")
        }
    }

    /// A number or a truth value, as the word that a column holds; that of a fraction is its bits.
    @inline(__always) static func word(_ kind: ProtobufStep.Kind, _ cursor: inout BinaryCursor) -> UInt64? {
        func signed(_ value: Int64) -> UInt64 { UInt64(bitPattern: value) }
        switch kind {
        case .varint64: return cursor.varint()
        case .varint32: return cursor.varint().map { signed(Int64(Int32(truncatingIfNeeded: $0))) }
        case .unsigned32: return cursor.varint().map { $0 & 0xFFFF_FFFF }
        case .zigzag32: return cursor.varint().map { signed(Int64(Int32(truncatingIfNeeded: unzigzag($0 & 0xFFFF_FFFF)))) }
        case .zigzag64: return cursor.varint().map { signed(unzigzag($0)) }
        case .boolean: return cursor.varint().map { $0 == 0 ? 0 : 1 }
        case .fixed32: return cursor.fixed32().map { signed(Int64(Int32(bitPattern: $0))) }
        case .fixedUnsigned32: return cursor.fixed32().map { UInt64($0) }
        case .fixed64, .double: return cursor.fixed64()
        case .float: return cursor.fixed32().map { Double(Float(bitPattern: $0)).bitPattern }
        case .text, .bytes, .other: return nil
        }
    }

    /// Reads one value into `row`; false, with the reason in the cursor, when it cannot be.
    static func read(_ action: ProtobufAction, _ cursor: inout BinaryCursor, into column: Column, _ row: Int) -> Bool {
        switch action {
        case .varint32, .varint64, .unsigned32, .zigzag32, .zigzag64, .fixed32, .fixedUnsigned32, .fixed64, .boolean:
            guard let value = word(ProtobufStep.Kind(action), &cursor) else { return false }
            column.words[row] = Int64(bitPattern: value)
        case .float, .double:
            guard let bits = word(ProtobufStep.Kind(action), &cursor) else { return false }
            column.doubles[row] = Double(bitPattern: bits)
        case .text, .bytes:
            guard let length = length(&cursor), let start = cursor.take(Int64(length)) else { return false }
            if case .text = action, !cursor.isText(start, length) { return false }
            unsafe column.setText(row, cursor.bytes(start, length))
        case .symbol, .spelled:
            let start = column.bytes.count
            guard appendText(action, &cursor, to: &column.bytes) else { return false }
            column.setRange(row, from: start)
        case .timestamp, .date, .time, .decimal, .wrapped, .message, .entry:
            guard let length = length(&cursor), cursor.enter() else { return false }
            let end = cursor.end
            cursor.end = cursor.at + length
            defer { cursor.end = end }
            guard readMessage(action, &cursor, column, row) else { return false }
            cursor.leave()
        case .mismatch(let message): return cursor.fail(message)
        }
        column.setPresent(row)
        return true
    }

    /// Spells a value out.
    static func appendText(_ action: ProtobufAction, _ cursor: inout BinaryCursor, to bytes: inout [UInt8]) -> Bool {
        switch action {
        case .symbol(let names):
            guard let number = cursor.varint() else { return false }
            let value = Int32(truncatingIfNeeded: number)
            if let name = names[value] { bytes.append(contentsOf: name) } else { NumberText.append(Int64(value), to: &bytes) }
        case .spelled(.float):
            guard let bits = cursor.fixed32() else { return false }
            let value = Float(bitPattern: bits)
            NumberText.append(Double("\(value)") ?? Double(value), to: &bytes)
        case .spelled(.double):
            guard let bits = cursor.fixed64() else { return false }
            NumberText.append(Double(bitPattern: bits), to: &bytes)
        case .spelled(.boolean):
            guard let value = cursor.varint() else { return false }
            bytes.append(contentsOf: (value != 0 ? "true" : "false").utf8)
        case .spelled(let number):
            guard let value = word(ProtobufStep.Kind(number), &cursor) else { return false }
            NumberText.append(Int64(bitPattern: value), to: &bytes)
        default: return cursor.fail("no text")
        }
        return true
    }

    /// Reads the content of a message, up to the end of the cursor.
    private static func readMessage(_ action: ProtobufAction, _ cursor: inout BinaryCursor, _ column: Column, _ row: Int) -> Bool {
        switch action {
        case .timestamp:
            guard let parts = numbers(&cursor, 2) else { return false }
            let time = Int128(parts[0]).multipliedReportingOverflow(by: 1000).partialValue + Int128(parts[1] / 1_000_000)
            guard let milliseconds = Int64(exactly: time) else { return cursor.fail("a timestamp is beyond 64 bits") }
            column.words[row] = milliseconds
        case .date:
            guard let parts = numbers(&cursor, 3) else { return false }
            guard (1...9999).contains(parts[0]), (1...12).contains(parts[1]),
                parts[2] >= 1, parts[2] <= CivilDate.days(inMonth: parts[1], of: parts[0])
            else { return cursor.fail("there is no day \(parts[0])-\(parts[1])-\(parts[2])") }
            column.words[row] = CivilDate(year: parts[0], month: parts[1], day: parts[2]).daysSinceEpoch
        case .time:
            guard let parts = numbers(&cursor, 4) else { return false }
            guard (0...24).contains(parts[0]), (0...59).contains(parts[1]), (0...60).contains(parts[2]), (0...999_999_999).contains(parts[3])
            else { return cursor.fail("there is no time \(parts[0]):\(parts[1]):\(parts[2])") }
            column.words[row] = ((parts[0] &* 60 &+ parts[1]) &* 60 &+ parts[2]).multipliedSaturated(by: 1000) &+ parts[3] / 1_000_000
        case .decimal: return readDecimal(&cursor, column, row)
        case .wrapped(let action): return readWrapped(action, &cursor, column, row)
        case .message(let plan):
            if column.lane != .structure { return readFields(plan, &cursor, [column], row) }
            return readFields(plan, &cursor, column.children, row)
        case .entry(let key, let value): return readEntry(key, value, &cursor, column, row)
        default: return cursor.fail("no message")
        }
        return true
    }

    /// The whole numbers of the first fields of a message; those that are not there are 0.
    private static func numbers(_ cursor: inout BinaryCursor, _ count: Int) -> [Int64]? {
        var values = [Int64](repeating: 0, count: count)
        while !cursor.isAtEnd {
            guard let (number, wireType) = tag(&cursor) else { return nil }
            if wireType == 0, number <= UInt64(count) {
                guard let value = cursor.varint() else { return nil }
                values[Int(number) - 1] = Int64(bitPattern: value)
            } else if !skip(&cursor, wireType, number) {
                return nil
            }
        }
        return values
    }

    private static func readDecimal(_ cursor: inout BinaryCursor, _ column: Column, _ row: Int) -> Bool {
        var place: (start: Int, length: Int) = (cursor.at, 0)
        var scale: Int64 = 0
        while !cursor.isAtEnd {
            guard let (number, wireType) = tag(&cursor) else { return false }
            switch (number, wireType) {
            case (1, 2):
                guard let length = length(&cursor), let start = cursor.take(Int64(length)) else { return false }
                place = (start, length)
            case (3, 0):
                guard let value = cursor.varint() else { return false }
                scale = Int64(Int32(truncatingIfNeeded: value))
            default: guard skip(&cursor, wireType, number) else { return false }
            }
        }
        guard (0...1000).contains(scale) else { return cursor.fail("a decimal has \(scale) digits behind the point") }
        return cursor.setDecimal(cursor.bigEndian(place.start, place.length), scale: Int(scale), column, row)
    }

    /// The field `value` of a wrapper; where it is not there, zero.
    private static func readWrapped(_ action: ProtobufAction, _ cursor: inout BinaryCursor, _ column: Column, _ row: Int) -> Bool {
        setZero(column, row)
        if case .spelled(let number) = action { column.setText(row, zeroText(number)) }
        while !cursor.isAtEnd {
            guard let (number, wireType) = tag(&cursor) else { return false }
            let isValue = number == 1 && wireType == action.wireType
            let isRead = isValue ? read(action, &cursor, into: column, row) : skip(&cursor, wireType, number)
            guard isRead else { return false }
        }
        return true
    }

    /// How a zero of a number is spelled.
    private static func zeroText(_ action: ProtobufAction) -> [UInt8] {
        switch action {
        case .boolean: Array("false".utf8)
        case .float, .double: Array("0.0".utf8)
        default: [0x30]
        }
    }

    private static func readEntry(
        _ key: ProtobufAction, _ value: ProtobufAction, _ cursor: inout BinaryCursor, _ column: Column, _ row: Int
    ) -> Bool {
        setZero(column.children[0], row)
        if case .spelled(let number) = key { column.children[0].setText(row, zeroText(number)) }
        switch value {
        case .message, .timestamp, .time, .decimal, .wrapped:
            // A value that is left out is an empty message, not NULL.
            var empty = cursor
            empty.end = empty.at
            guard readMessage(value, &empty, column.children[1], row) else { return cursor.fail("a value of a map is missing") }
        case .date: column.children[1].setNull(row)
        case .symbol(let names): column.children[1].setText(row, names[0] ?? [])
        default: setZero(column.children[1], row)
        }
        while !cursor.isAtEnd {
            guard let (number, wireType) = tag(&cursor) else { return false }
            let isRead =
                switch (number, wireType) {
                case (1, key.wireType): read(key, &cursor, into: column.children[0], row)
                case (2, value.wireType): read(value, &cursor, into: column.children[1], row)
                default: skip(&cursor, wireType, number)
                }
            guard isRead else { return false }
        }
        return true
    }

    static func setZero(_ column: Column, _ row: Int) {
        column.setPresent(row)
        switch column.lane {
        case .word: column.words[row] = 0
        case .double: column.doubles[row] = 0
        case .wide: column.wides[row] = 0
        case .text: column.setRange(row, start: column.bytes.count, count: 0)
        case .list, .map: column.setRange(row, start: column.children[0].count, count: 0)
        case .structure: column.setNull(row)
        }
    }

    static func setAbsent(_ absence: ProtobufAbsence, _ column: Column, _ row: Int) {
        switch absence {
        case .null: column.setNull(row)
        case .zero: setZero(column, row)
        case .text(let text):
            column.setPresent(row)
            column.setText(row, text)
        }
    }

    /// Reads the fields of a message into these columns. What comes twice is the last one, or more elements.
    static func readFields(_ plan: ProtobufMessagePlan, _ cursor: inout BinaryCursor, _ columns: [Column], _ row: Int) -> Bool {
        for (column, absence) in zip(columns, plan.absences) { setAbsent(absence, column, row) }
        while !cursor.isAtEnd {
            guard let (number, wireType) = tag(&cursor) else { return false }
            guard let field = plan.field(number) else {
                guard skip(&cursor, wireType, number) else { return false }
                continue
            }
            guard readField(field, wireType, number, &cursor, columns[field.column], row) else { return false }
        }
        return true
    }

    /// Reads a value of a field that has a column.
    static func readField(
        _ field: ProtobufFieldPlan, _ wireType: UInt64, _ number: UInt64, _ cursor: inout BinaryCursor, _ column: Column, _ row: Int
    ) -> Bool {
        if field.isRepeated { return readElements(field, wireType, number, &cursor, column, row) }
        guard wireType == field.action.wireType else {
            if case .mismatch(let message) = field.action { return cursor.fail(message) }
            return skip(&cursor, wireType, number)
        }
        guard let choice = field.choice else { return read(field.action, &cursor, into: column, row) }
        // Of a oneof the last one counts.
        column.setPresent(row)
        for (index, child) in column.children.enumerated() where index != choice { child.setNull(row) }
        return read(field.action, &cursor, into: column.children[choice], row)
    }

    private static func readElements(
        _ field: ProtobufFieldPlan, _ wireType: UInt64, _ number: UInt64, _ cursor: inout BinaryCursor, _ column: Column, _ row: Int
    ) -> Bool {
        if case .mismatch(let message) = field.action { return cursor.fail(message) }
        let known = column.ranges[row]
        let start = known.length == 0 ? column.children[0].count : Int(known.start)
        if wireType == field.action.wireType {
            guard readElement(field.action, &cursor, column) else { return false }
        } else if wireType == 2, field.action.wireType != 2 {
            // Packed.
            guard let length = length(&cursor) else { return false }
            let end = cursor.end
            cursor.end = cursor.at + length
            defer { cursor.end = end }
            while !cursor.isAtEnd { guard readElement(field.action, &cursor, column) else { return false } }
        } else {
            return skip(&cursor, wireType, number)
        }
        column.setRange(row, start: start, count: column.children[0].count - start)
        return true
    }

    private static func readElement(_ action: ProtobufAction, _ cursor: inout BinaryCursor, _ column: Column) -> Bool {
        guard cursor.admit(1) else { return false }
        let element = column.children[0].count
        for child in column.children { child.grow(to: element + 1) }
        if case .entry(let key, let value) = action {
            guard let length = length(&cursor), cursor.enter() else { return false }
            let end = cursor.end
            cursor.end = cursor.at + length
            defer { cursor.end = end }
            guard readEntry(key, value, &cursor, column, element) else { return false }
            cursor.leave()
            return true
        }
        return read(action, &cursor, into: column.children[0], element)
    }
}
