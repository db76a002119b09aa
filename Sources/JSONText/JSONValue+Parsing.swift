// Reading JSON by RFC 8259, strictly, with the comments that hand-written files have as an option.

package import Diagnostics

extension JSONValue {
    /// Levels of arrays and objects; each costs a frame of the recursive reader, and no file of ours has ten.
    package static let maximumDepth = 128

    /// Reads one value with nothing but blanks around it. `allowsComments` takes `//` and `/* */` as blanks.
    package init(parsing bytes: ArraySlice<UInt8>, allowsComments: Bool = false) throws(Diagnostic) {
        var reader = JSONReader(bytes: bytes, allowsComments: allowsComments)
        self = try reader.document()
    }

    /// Reads one value from a text.
    package init(parsing text: String, allowsComments: Bool = false) throws(Diagnostic) {
        self = try JSONValue(parsing: Array(text.utf8)[...], allowsComments: allowsComments)
    }
}

/// A reader of one JSON text.
private struct JSONReader {
    let bytes: ArraySlice<UInt8>
    let allowsComments: Bool
    var position: Int
    var depth = 0

    init(bytes: ArraySlice<UInt8>, allowsComments: Bool) {
        self.bytes = bytes
        self.allowsComments = allowsComments
        position = bytes.startIndex
    }

    mutating func document() throws(Diagnostic) -> JSONValue {
        try skipBlanks()
        let value = try value()
        try skipBlanks()
        guard position == bytes.endIndex else { throw error("something follows the value") }
        return value
    }

    private var current: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private func error(_ message: String) -> Diagnostic {
        let before = bytes[bytes.startIndex..<min(position, bytes.endIndex)]
        let line = before.count { $0 == 0x0A } + 1
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? bytes.startIndex
        let column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
        let offset = position - bytes.startIndex
        return Diagnostic(
            .invalidJSON, message, category: .general, at: SourceRange(start: offset, end: offset + 1, line: line, column: column))
    }

    private mutating func skipBlanks() throws(Diagnostic) {
        while let byte = current {
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            case UInt8(ascii: "/") where allowsComments: try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(Diagnostic) {
        let rest = bytes[position...]
        if rest.starts(with: "//".utf8) {
            position = rest.firstIndex(of: 0x0A) ?? bytes.endIndex
            return
        }
        guard rest.starts(with: "/*".utf8) else { throw error("a value is expected") }
        position += 2
        while position + 1 < bytes.endIndex {
            if bytes[position] == UInt8(ascii: "*"), bytes[position + 1] == UInt8(ascii: "/") {
                position += 2
                return
            }
            position += 1
        }
        throw error("a comment has no end")
    }

    private mutating func value() throws(Diagnostic) -> JSONValue {
        switch current {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"): return .number(try number())
        case let byte? where byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"): return .number(try number())
        default: throw error("a value is expected")
        }
    }

    private mutating func word(_ text: String, _ value: JSONValue) throws(Diagnostic) -> JSONValue {
        guard bytes[position...].starts(with: text.utf8) else { throw error("a value is expected") }
        position += text.utf8.count
        return value
    }

    private mutating func descend() throws(Diagnostic) {
        depth += 1
        guard depth <= JSONValue.maximumDepth else { throw error("nested deeper than \(JSONValue.maximumDepth) levels") }
        position += 1
        try skipBlanks()
    }

    private mutating func array() throws(Diagnostic) -> JSONValue {
        try descend()
        var elements: [JSONValue] = []
        if current != UInt8(ascii: "]") {
            elements.append(try value())
            try skipBlanks()
            while current == UInt8(ascii: ",") {
                position += 1
                try skipBlanks()
                elements.append(try value())
                try skipBlanks()
            }
        }
        guard current == UInt8(ascii: "]") else { throw error("',' or ']' is expected") }
        position += 1
        depth -= 1
        return .array(elements)
    }

    private mutating func object() throws(Diagnostic) -> JSONValue {
        try descend()
        var members: [JSONValue.Member] = []
        if current != UInt8(ascii: "}") {
            members.append(try member())
            while current == UInt8(ascii: ",") {
                position += 1
                try skipBlanks()
                members.append(try member())
            }
        }
        guard current == UInt8(ascii: "}") else { throw error("',' or '}' is expected") }
        position += 1
        depth -= 1
        return .object(members)
    }

    private mutating func member() throws(Diagnostic) -> JSONValue.Member {
        guard current == UInt8(ascii: "\"") else { throw error("a name in quotes is expected") }
        let name = try string()
        try skipBlanks()
        guard current == UInt8(ascii: ":") else { throw error("':' is expected") }
        position += 1
        try skipBlanks()
        let value = try value()
        try skipBlanks()
        return JSONValue.Member(name, value)
    }

    // MARK: Strings and numbers

    private mutating func string() throws(Diagnostic) -> String {
        position += 1
        var text: [UInt8] = []
        var start = position
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                text.append(contentsOf: bytes[start..<position])
                guard let result = String(validating: text, as: UTF8.self) else { throw error("a string is not UTF-8") }
                position += 1
                return result
            case UInt8(ascii: "\\"):
                text.append(contentsOf: bytes[start..<position])
                try escape(into: &text)
                start = position
            case 0..<0x20: throw error("a control character has to be escaped")
            default: position += 1
            }
        }
        throw error("a string has no end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(Diagnostic) {
        position += 1
        guard let byte = current else { throw error("a string has no end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): try unicodeEscape(into: &text)
        default: throw error("an unknown escape")
        }
    }

    /// `\uXXXX`, two of them for a scalar beyond the basic plane; a lone surrogate becomes the replacement character.
    private mutating func unicodeEscape(into text: inout [UInt8]) throws(Diagnostic) {
        var code = try hexadecimal()
        if (0xD800...0xDBFF).contains(code), bytes[position...].starts(with: "\\u".utf8) {
            let mark = position
            position += 2
            let low = try hexadecimal()
            if (0xDC00...0xDFFF).contains(low) {
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            } else {
                position = mark
            }
        }
        text.append(contentsOf: String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
    }

    private mutating func hexadecimal() throws(Diagnostic) -> UInt32 {
        guard position + 4 <= bytes.endIndex else { throw error("four hexadecimal digits are expected") }
        var code: UInt32 = 0
        for byte in bytes[position..<(position + 4)] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error("four hexadecimal digits are expected")
            }
            code = code << 4 | UInt32(digit)
        }
        position += 4
        return code
    }

    private mutating func number() throws(Diagnostic) -> String {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        let whole = digits()
        guard whole > 0 else { throw error("a digit is expected") }
        if whole > 1, bytes[position - whole] == UInt8(ascii: "0") { throw error("a number may not begin with 0") }
        if current == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw error("a digit is expected") }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw error("a digit is expected") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        return position - start
    }
}
