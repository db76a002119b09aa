// What the type of a column may be, as far as values tell that have been seen. Each further value makes the guess wider, up to a text, which
// holds everything.

import JSONText
import Shell
import Syntax
import Values

/// A type that holds all values seen so far.
indirect enum GuessedType: Equatable {
    /// Nothing but NULL was seen.
    case nothing
    case boolean, bigint, double, date, timestamp, text
    case array(GuessedType)
    /// Fields in the order in which they were first seen.
    case structure([Field])

    /// A member of an object.
    struct Field: Equatable {
        let name: String
        var type: GuessedType
    }

    /// Deeper values are taken for texts, and objects have so many members at most.
    private static let deepest = 16, mostFields = 500

    /// The type of a value of JSON.
    init(_ value: JSONValue, depth: Int = 0) {
        switch value {
        case .null: self = .nothing
        case .boolean: self = .boolean
        case .number(let text): self = Int64(text) != nil ? .bigint : .double
        case .string(let text): self = GuessedType.timeType(text) ?? .text
        case .array(let elements):
            self = depth >= GuessedType.deepest ? .text : .array(elements.reduce(.nothing) { $0.merged(with: GuessedType($1, depth: depth + 1)) })
        case .object(let members):
            guard depth < GuessedType.deepest, members.count <= GuessedType.mostFields else {
                self = .text
                return
            }
            let fields = members.map { Field(name: $0.name, type: GuessedType($0.value, depth: depth + 1)) }
            self = GuessedType.structure([]).merged(with: .structure(fields))
        }
    }

    /// The type of a field of CSV, where everything is a text.
    init(field text: String) {
        let trimmed = text.trimmingCharacters
        if trimmed.isEmpty {
            self = .nothing
        } else if ["true", "false"].contains(trimmed.lowercased()) {
            self = .boolean
        } else if GuessedType.isNumber(trimmed) {
            self = Int64(trimmed) != nil ? .bigint : .double
        } else {
            self = GuessedType.timeType(trimmed) ?? .text
        }
    }

    /// Numbers as people write them; what begins with a zero is a code, whose zeros count.
    private static func isNumber(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard let first = digits.first, first.isASCII, first.isNumber, digits.allSatisfy({ $0.isASCII && ($0.isNumber || ".eE+-".contains($0)) })
        else { return false }
        return (digits == "0" || first != "0" || digits.hasPrefix("0.")) && Double(text) != nil
    }

    private static func timeType(_ text: String) -> GuessedType? {
        guard text.utf8.count >= 10, text.utf8.count <= 40, text.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) ?? false else { return nil }
        if text.utf8.count == 10 { return TemporalText.date(text.utf8) == nil ? nil : .date }
        return TemporalText.timestamp(text.utf8) == nil ? nil : .timestamp
    }

    /// The narrowest type that holds the values of both.
    func merged(with other: GuessedType) -> GuessedType {
        switch (self, other) {
        case _ where self == other: return self
        case (.nothing, _): return other
        case (_, .nothing): return self
        case (.bigint, .double), (.double, .bigint): return .double
        case (.date, .timestamp), (.timestamp, .date): return .timestamp
        case (.array(let first), .array(let second)): return .array(first.merged(with: second))
        case (.structure(var fields), .structure(let others)):
            for field in others {
                // Columns are known in any case of letters.
                if let index = fields.firstIndex(where: { $0.name.uppercased() == field.name.uppercased() }) {
                    fields[index].type = fields[index].type.merged(with: field.type)
                } else if fields.count < GuessedType.mostFields {
                    fields.append(field)
                }
            }
            return .structure(fields)
        default: return .text
        }
    }

    /// As SQL writes it. What was never seen is a text, which holds whatever comes.
    var sql: String {
        switch self {
        case .nothing, .text: "VARCHAR"
        case .boolean: "BOOLEAN"
        case .bigint: "BIGINT"
        case .double: "DOUBLE"
        case .date: "DATE"
        case .timestamp: "TIMESTAMP"
        case .array(let element): "ARRAY<\(element.sql)>"
        case .structure(let fields) where fields.isEmpty: "VARCHAR"
        case .structure(let fields): "STRUCT<\(fields.map { "\($0.sqlName) \($0.type.sql)" }.joined(separator: ", "))>"
        }
    }
}

extension GuessedType.Field {
    /// The name as a column has it: in capitals, as it is found in any case of letters, and in quotes only where it must.
    var sqlName: String { CanonicalText.identifier(name.uppercased()) }
}
