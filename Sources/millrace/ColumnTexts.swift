// The columns of a source, and how the text of a value (in CSV, or an ISO time in JSON) becomes a member of a record.

import JSONText
import Sessions
import Values

/// The columns of one source.
struct ColumnTexts {
    /// What the text of a value is read as.
    enum Kind {
        case number, boolean, text, date, time, timestamp, nested

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

    /// In the order in which they were declared.
    let columns: [(name: String, kind: Kind)]

    /// From the rows of DESCRIBE: names, and types that may have a remark in parentheses behind them.
    init(description rows: [[String]]) {
        columns = rows.compactMap { row in
            guard row.count > 1 else { return nil }
            let type = row[1].contains("<") ? row[1] : String(row[1].prefix { $0 != " " })
            return (row[0], Kind(type: type))
        }
    }

    /// Columns of which nothing but the names is known.
    init(names: [String]) { columns = names.map { ($0, .text) } }

    var hasTimes: Bool { columns.contains { $0.kind == .date || $0.kind == .time || $0.kind == .timestamp } }

    /// The column of a name, in any case of letters.
    func index(of name: String) -> Int? {
        columns.firstIndex { $0.name == name } ?? columns.firstIndex { $0.name.uppercased() == name.uppercased() }
    }

    /// Writes the value that a text stands for. What is none of the column's type is written as a text, for the reason to be found in
    /// the answer.
    func write(_ text: String, _ kind: Kind, to output: inout [UInt8]) {
        let trimmed = text.split(separator: " ").joined(separator: " ")
        switch kind {
        case .number where isNumber(trimmed): output += trimmed.utf8
        case .boolean where ["true", "false"].contains(trimmed.lowercased()): output += trimmed.lowercased().utf8
        case .boolean where ["t", "yes", "1"].contains(trimmed.lowercased()): output += "true".utf8
        case .boolean where ["f", "no", "0"].contains(trimmed.lowercased()): output += "false".utf8
        case .date, .time, .timestamp:
            if let number = number(trimmed, kind) { output += String(number).utf8 } else { JSONValue.write(text, to: &output) }
        case .nested where trimmed.hasPrefix("[") || trimmed.hasPrefix("{"):
            if (try? JSONValue(parsing: Array(trimmed.utf8)[...])) != nil { output += trimmed.utf8 } else { JSONValue.write(text, to: &output) }
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

    /// A JSON object with the texts of its times as numbers; anything else as it is.
    func withTimes(_ value: [UInt8]) -> [UInt8] {
        guard let members = (try? JSONValue(parsing: value[...]))?.objectValue else { return value }
        var changed = false
        let converted = members.map { member -> JSONValue.Member in
            guard case .string(let text) = member.value, let index = index(of: member.name),
                [.date, .time, .timestamp].contains(columns[index].kind), let number = number(text, columns[index].kind)
            else { return member }
            changed = true
            return JSONValue.Member(member.name, .integer(number))
        }
        return changed ? JSONValue.object(converted).bytes : value
    }
}
