// The columns of a source, and how the text of a value (in CSV, or an ISO time in JSON) becomes a member of a record.

import JSONText
import Sessions
import Values

/// The columns of one source.
struct ColumnTexts {
    /// What the text of a value is read as.
    enum Kind {
        case number, boolean, text, date, time, timestamp, nested

        /// Whether records have it as a number that people write otherwise.
        var isTime: Bool { self == .date || self == .time || self == .timestamp }

        init(type: String) {
            switch type {
            case "BOOLEAN": self = .boolean
            case "DATE": self = .date
            case "TIME": self = .time
            case "TIMESTAMP": self = .timestamp
            case "INTEGER", "BIGINT", "DOUBLE": self = .number
            default: self = type.hasPrefix("DECIMAL") ? .number : type.contains("<") ? .nested : .text
            }
        }
    }

    /// A column.
    struct Column {
        let name: String
        let kind: Kind
        let shape: TypeShape
    }

    /// In the order in which they were declared, those that fields of lines go to.
    let columns: [Column]
    /// A key that the table makes for each row, unless a line has it.
    private let ownKeys: [Column]

    /// From the rows of DESCRIBE: names, and types that may have a remark in parentheses behind them.
    init(description rows: [[String]]) {
        var columns: [Column] = [], ownKeys: [Column] = []
        for row in rows where row.count > 1 {
            let type = row[1].contains("<") ? row[1] : String(row[1].prefix { $0 != " " })
            let column = Column(name: row[0], kind: Kind(type: type), shape: TypeShape(type))
            if row[1].contains(ownKeyRemark) { ownKeys.append(column) } else { columns.append(column) }
        }
        (self.columns, self.ownKeys) = (columns, ownKeys)
    }

    /// Columns of which nothing but the names is known.
    init(names: [String]) {
        columns = names.map { Column(name: $0, kind: .text, shape: .scalar(.text)) }
        ownKeys = []
    }

    var hasTimes: Bool { columns.contains { $0.shape.hasTimes } }

    /// The lines of JSON that rows are.
    var shape: TypeShape { .structure((ownKeys + columns).map { TypeShape.Field(name: $0.name, shape: $0.shape) }) }

    /// The column of a name, in any case of letters.
    func index(of name: String) -> Int? {
        columns.firstIndex { $0.name == name } ?? columns.firstIndex { $0.name.uppercased() == name.uppercased() }
    }

    /// Writes the value that a text stands for. What is none of the column's type is written as a text, for the reason to be found in
    /// the answer.
    func write(_ text: String, as column: Column, to output: inout [UInt8]) {
        let (kind, shape) = (column.kind, column.shape)
        let trimmed = text.split(separator: " ").joined(separator: " ")
        switch kind {
        case .number where isNumber(trimmed): output += trimmed.utf8
        case .boolean where ["true", "false"].contains(trimmed.lowercased()): output += trimmed.lowercased().utf8
        case .boolean where ["t", "yes", "1"].contains(trimmed.lowercased()): output += "true".utf8
        case .boolean where ["f", "no", "0"].contains(trimmed.lowercased()): output += "false".utf8
        case .date, .time, .timestamp:
            if let number = number(trimmed, kind) { output += String(number).utf8 } else { JSONValue.write(text, to: &output) }
        case .nested where trimmed.hasPrefix("[") || trimmed.hasPrefix("{"):
            if let value = try? JSONValue(parsing: Array(trimmed.utf8)[...]) {
                output += (withTimes(value, shape) ?? value).bytes
            } else {
                JSONValue.write(text, to: &output)
            }
        default: JSONValue.write(text, to: &output)
        }
    }

    /// As JSON writes numbers; anything else goes as a text, which the server reads or rejects.
    private func isNumber(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        let digits = bytes.first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes[...]
        guard let first = digits.first, first >= 0x30, first <= 0x39, digits.count < 2 || first != 0x30 || digits.dropFirst().first == 0x2E
        else { return false }
        return bytes.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2E || $0 == 0x2D } && Double(text) != nil && bytes.last != 0x2E
    }

    /// A time as records have it: milliseconds, or days. A number is one already.
    private func number(_ text: String, _ kind: Kind) -> Int64? {
        if let number = Int64(text) { return number }
        return switch kind {
        case .date: TemporalText.date(text.utf8).map(Int64.init)
        case .time: TemporalText.time(text.utf8).map(Int64.init)
        default: TemporalText.timestamp(text.utf8)
        }
    }

    /// A JSON object with the texts of its times as numbers, those inside its values among them; anything else as it is.
    func withTimes(_ value: [UInt8]) -> [UInt8] {
        guard let members = (try? JSONValue(parsing: value[...]))?.objectValue else { return value }
        var changed = false
        let converted = members.map { member -> JSONValue.Member in
            guard let index = index(of: member.name), let value = withTimes(member.value, columns[index].shape) else { return member }
            changed = true
            return JSONValue.Member(member.name, value)
        }
        return changed ? JSONValue.object(converted).bytes : value
    }

    /// A value with the texts of its times as numbers; nil where that is no other one. It goes no deeper than the type does.
    private func withTimes(_ value: JSONValue, _ shape: TypeShape) -> JSONValue? {
        guard shape.hasTimes else { return nil }
        switch (value, shape) {
        case (.string(let text), .scalar(let kind)): return number(text, kind).map { .integer($0) }
        case (.array(let elements), .array(let element)): return .array(elements.map { withTimes($0, element) ?? $0 })
        case (.object(let members), .map(let element)):
            return .object(members.map { JSONValue.Member($0.name, withTimes($0.value, element) ?? $0.value) })
        case (.object(let members), .structure(let fields)):
            return .object(
                members.map { member in
                    let field = fields.first { $0.name == member.name } ?? fields.first { $0.name.uppercased() == member.name.uppercased() }
                    return JSONValue.Member(member.name, field.flatMap { withTimes(member.value, $0.shape) } ?? member.value)
                })
        default: return nil
        }
    }
}
