// JSON for the small objects of the protocol, of settings and of test cases: a tree that keeps the order of members and the exact text
// of numbers. Rows of data never pass through it.

/// A JSON value.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// The text as written: `10.10` and `10.1` differ, and no digit is lost.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Members in the order in which they came; a repeated name stays repeated.
    case object([Member])

    /// A name and its value.
    package struct Member: Hashable, Sendable {
        /// The name, unescaped.
        package var name: String
        /// The value.
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// An integer as a number.
    package static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    /// A string, or null for nil.
    package static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

    /// A whole number, or null for nil.
    package static func optional(_ value: (some BinaryInteger)?) -> JSONValue { value.map { .integer($0) } ?? .null }

    /// The last member of that name, as most readers of JSON take it; nil for other values and names.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    /// An element of an array; nil for other values and outside it.
    package subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The text of a string.
    package var stringValue: String? { if case .string(let text) = self { text } else { nil } }
    /// The truth value, of `true` and `false` only.
    package var booleanValue: Bool? { if case .boolean(let value) = self { value } else { nil } }
    /// The text of a number.
    package var numberText: String? { if case .number(let text) = self { text } else { nil } }
    /// The integer that the text of a number spells without fraction or exponent.
    package var intValue: Int? { numberText.flatMap { Int($0) } }
    /// The nearest double of a number.
    package var doubleValue: Double? { numberText.flatMap { Double($0) } }
    /// The elements of an array.
    package var arrayValue: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    /// The members of an object, in order.
    package var objectValue: [Member]? { if case .object(let members) = self { members } else { nil } }
    /// Whether it is `null`.
    package var isNull: Bool { self == .null }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { Member($0.0, $0.1) }) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(stringLiteral value: String) { self = .string(value) }
}

extension JSONValue {
    /// The value as JSON without blanks, on one line.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The value as JSON without blanks, in UTF-8.
    package var bytes: [UInt8] {
        var output: [UInt8] = []
        write(to: &output)
        return output
    }

    /// Appends the value as JSON.
    package func write(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .boolean(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): output.append(contentsOf: text.utf8)
        case .string(let text): JSONValue.write(text, to: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                element.write(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONValue.write(member.name, to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.write(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// Appends a string in quotes, with what JSON demands escaped.
    package static func write(_ text: String, to output: inout [UInt8]) {
        let hex = Array("0123456789abcdef".utf8)
        output.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x0A: output.append(contentsOf: "\\n".utf8)
            case 0x0D: output.append(contentsOf: "\\r".utf8)
            case 0x09: output.append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F:
                output.append(contentsOf: "\\u00".utf8)
                output.append(contentsOf: [hex[Int(byte >> 4)], hex[Int(byte & 15)]])
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }
}
