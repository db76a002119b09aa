// The values of columns as programs of others see them.

import Bytes
package import JSONText

/// A value of SQL.
///
/// `DATE`, `TIME` and `TIMESTAMP` are texts as ISO 8601 has them (`2026-01-31`, `09:00:05.000`, `2026-01-31T09:00:05.000`), in UTC.
public indirect enum Value: Hashable, Sendable {
    /// NULL.
    case null
    /// BOOLEAN.
    case boolean(Bool)
    /// INTEGER and BIGINT.
    case integer(Int64)
    /// DOUBLE.
    case double(Double)
    /// DECIMAL, with all its digits.
    case decimal(String)
    /// STRING, DATE, TIME and TIMESTAMP.
    case text(String)
    /// BYTES.
    case bytes([UInt8])
    /// ARRAY.
    case array([Value])
    /// STRUCT, and MAP with the texts of its keys, in the order in which they came.
    case object([Field])

    /// A field of a STRUCT, or an entry of a MAP.
    public struct Field: Hashable, Sendable {
        /// The name of the field, or the key.
        public let name: String
        /// What it holds.
        public let value: Value

        /// A field of that name.
        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// Whether it is NULL.
    public var isNull: Bool { self == .null }
    /// The truth value of a BOOLEAN; nil for others.
    public var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
    /// The number of an INTEGER or BIGINT; nil for others.
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    /// The number of a DOUBLE, INTEGER, BIGINT or DECIMAL, as the nearest double; nil for others.
    public var double: Double? {
        switch self {
        case .double(let value): value
        case .integer(let value): Double(value)
        case .decimal(let text): Double(text)
        default: nil
        }
    }
    /// The text of a STRING, DATE, TIME, TIMESTAMP or DECIMAL; nil for others.
    public var text: String? {
        switch self {
        case .text(let text), .decimal(let text): text
        default: nil
        }
    }
    /// The bytes of BYTES; nil for others.
    public var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    /// The elements of an ARRAY; nil for others.
    public var elements: [Value]? { if case .array(let elements) = self { elements } else { nil } }
    /// The field of a STRUCT, or the entry of a MAP, of that name; nil for others.
    public subscript(name: String) -> Value? {
        if case .object(let fields) = self { fields.first { $0.name == name }?.value } else { nil }
    }
}

extension Value {
    /// The value that a cell of an answer holds in a column of this type. What does not fit the type is taken as it stands.
    package init(_ json: JSONValue, type: String) {
        if json.isNull {
            self = .null
            return
        }
        switch type.prefix(while: { $0 != "(" && $0 != "<" }) {
        case "DOUBLE": self = Value.floating(json) ?? Value(json)
        case "DECIMAL": self = (json.numberText ?? json.stringValue).map { .decimal($0) } ?? Value(json)
        case "BYTES":
            let bytes = json.stringValue.flatMap { Base64.decode(Array($0.utf8)[...]) }
            self = bytes.map { .bytes($0) } ?? Value(json)
        default: self = Value(json, keepsDigits: type.contains("DECIMAL"))
        }
    }

    /// A double, also one that JSON has no number for.
    private static func floating(_ json: JSONValue) -> Value? {
        switch json {
        case .string("NaN"): .double(.nan)
        case .string("Infinity"): .double(.infinity)
        case .string("-Infinity"): .double(-.infinity)
        default: json.doubleValue.map { .double($0) }
        }
    }

    /// A value by its form alone. With `keepsDigits` a number with a fraction stands for a DECIMAL.
    private init(_ json: JSONValue, keepsDigits: Bool = false) {
        switch json {
        case .null: self = .null
        case .boolean(let flag): self = .boolean(flag)
        case .number(let text):
            if let integer = Int64(text) {
                self = .integer(integer)
            } else if !keepsDigits, let double = Double(text) {
                self = .double(double)
            } else {
                self = .decimal(text)
            }
        case .string(let text): self = .text(text)
        case .array(let elements): self = .array(elements.map { Value($0, keepsDigits: keepsDigits) })
        case .object(let members): self = .object(members.map { Field($0.name, Value($0.value, keepsDigits: keepsDigits)) })
        }
    }

    /// The value as a record in JSON has it.
    package var json: JSONValue {
        switch self {
        case .null: .null
        case .boolean(let flag): .boolean(flag)
        case .integer(let number): .integer(number)
        case .double(let number): Value.json(of: number)
        // A text, so that no digit is lost on the way.
        case .decimal(let text), .text(let text): .string(text)
        case .bytes(let bytes): .string(Base64.text(of: bytes))
        case .array(let elements): .array(elements.map(\.json))
        case .object(let fields): .object(fields.map { JSONValue.Member($0.name, $0.value.json) })
        }
    }

    private static func json(of number: Double) -> JSONValue {
        if number.isNaN { return .string("NaN") }
        if number.isInfinite { return .string(number < 0 ? "-Infinity" : "Infinity") }
        return .number(number.description)
    }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A double.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}
