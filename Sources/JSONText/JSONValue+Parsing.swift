// Reading JSON by RFC 8259, strictly, with the comments that hand-written files have as an option.

package import Diagnostics

extension JSONValue {
    /// Levels of arrays and objects, unless the caller says more: what walks through a value does so by recursion, and no
    /// file of ours has ten.
    package static let maximumDepth = 128

    /// Reads one value with nothing but blanks around it. `allowsComments` takes `//` and `/* */` as blanks;
    /// `depth` is how many levels are allowed.
    package init(parsing bytes: ArraySlice<UInt8>, allowsComments: Bool = false, depth: Int = maximumDepth) throws(Diagnostic) {
        var reader = JSONParser(bytes: bytes, allowsComments: allowsComments, maximumDepth: depth)
        self = try reader.document()
    }

    /// Reads one value from a text.
    package init(parsing text: String, allowsComments: Bool = false) throws(Diagnostic) {
        self = try JSONValue(parsing: Array(text.utf8)[...], allowsComments: allowsComments)
    }
}

/// An array or object whose end has not been read yet.
private struct OpenContainer {
    let isObject: Bool
    /// The name of the member that is being read.
    var name = ""
    var elements: [JSONValue] = []
    var members: [JSONValue.Member] = []

    var end: UInt8 { isObject ? UInt8(ascii: "}") : UInt8(ascii: "]") }
    var value: JSONValue { isObject ? .object(members) : .array(elements) }

    mutating func append(_ value: JSONValue) {
        if isObject { members.append(JSONValue.Member(name, value)) } else { elements.append(value) }
    }
}

/// A reader of one JSON text.
private struct JSONParser {
    let bytes: ArraySlice<UInt8>
    let allowsComments: Bool
    let maximumDepth: Int
    var position: Int

    init(bytes: ArraySlice<UInt8>, allowsComments: Bool, maximumDepth: Int) {
        self.maximumDepth = maximumDepth
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

    /// Reads a value. The containers that it is nested in are kept in a list: however deep they are, they cost no stack.
    private mutating func value() throws(Diagnostic) -> JSONValue {
        var open: [OpenContainer] = []
        while true {
            guard var complete = try leaf(in: &open) else { continue }
            while !open.isEmpty {
                open[open.count - 1].append(complete)
                try skipBlanks()
                if current == UInt8(ascii: ",") {
                    position += 1
                    try skipBlanks()
                    try readName(into: &open[open.count - 1])
                    break
                }
                complete = try closed(open.removeLast())
            }
            if open.isEmpty { return complete }
        }
    }

    /// Reads a value without parts; nil where a container with parts begins, which is then the last of `open`.
    private mutating func leaf(in open: inout [OpenContainer]) throws(Diagnostic) -> JSONValue? {
        guard current == UInt8(ascii: "{") || current == UInt8(ascii: "[") else { return try scalar() }
        guard open.count < maximumDepth else { throw error("nested deeper than \(maximumDepth) levels") }
        var container = OpenContainer(isObject: current == UInt8(ascii: "{"))
        position += 1
        try skipBlanks()
        if current == container.end { return try closed(container) }
        try readName(into: &container)
        open.append(container)
        return nil
    }

    private mutating func closed(_ container: OpenContainer) throws(Diagnostic) -> JSONValue {
        guard current == container.end else { throw error("',' or '\(container.isObject ? "}" : "]")' is expected") }
        position += 1
        return container.value
    }

    /// Reads the name of the next member and its colon; arrays have none.
    private mutating func readName(into container: inout OpenContainer) throws(Diagnostic) {
        guard container.isObject else { return }
        guard current == UInt8(ascii: "\"") else { throw error("a name in quotes is expected") }
        container.name = try string()
        try skipBlanks()
        guard current == UInt8(ascii: ":") else { throw error("':' is expected") }
        position += 1
        try skipBlanks()
    }

    private mutating func scalar() throws(Diagnostic) -> JSONValue {
        switch current {
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

    /// Reads the digits behind `\u`. Two such escapes that form a surrogate pair give one code point above U+FFFF (RFC 8259 §7); half a
    /// pair becomes U+FFFD, because UTF-8 has no bytes for it.
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
