// The words of `.proto` files.

/// A word of a `.proto` file.
struct ProtobufToken {
    enum Kind: Hashable {
        case word(String)
        /// Digits, as they stand there.
        case number(String)
        case text(String)
        case symbol(UInt8)
        case end
    }

    var kind: Kind
    /// Where it begins, in bytes.
    var offset: Int

    /// What messages call it.
    var shown: String {
        switch kind {
        case .word(let text), .number(let text): text
        case .text(let text): "\"\(text)\""
        case .symbol(let byte): String(UnicodeScalar(byte))
        case .end: "the end"
        }
    }
}

struct ProtobufLexer {
    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    private func byte(_ distance: Int = 0) -> UInt8 { at + distance < bytes.count ? bytes[at + distance] : 0 }

    mutating func next() throws(SchemaError) -> ProtobufToken {
        try skipSpace()
        let start = at
        guard at < bytes.count else { return ProtobufToken(kind: .end, offset: start) }
        let first = byte()
        if Self.isLetter(first) {
            while Self.isLetter(byte()) || Self.isDigit(byte()) || (byte() == 0x2E && Self.isLetter(byte(1))) { at += 1 }
            return ProtobufToken(kind: .word(text(from: start)), offset: start)
        }
        if Self.isDigit(first) {
            while Self.isLetter(byte()) || Self.isDigit(byte()) || byte() == 0x2E { at += 1 }
            return ProtobufToken(kind: .number(text(from: start)), offset: start)
        }
        if first == 0x22 || first == 0x27 { return ProtobufToken(kind: .text(try string(first)), offset: start) }
        at += 1
        // A full name that starts at the root.
        if first == 0x2E, Self.isLetter(byte()) {
            var word = try next()
            if case .word(let name) = word.kind { word.kind = .word("." + name) }
            return ProtobufToken(kind: word.kind, offset: start)
        }
        return ProtobufToken(kind: .symbol(first), offset: start)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20 >= 97 && byte | 0x20 <= 122) || byte == 0x5F }
    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    private func text(from start: Int) -> String { String(decoding: bytes[start..<at], as: UTF8.self) }

    private mutating func skipSpace() throws(SchemaError) {
        while at < bytes.count {
            if byte() <= 0x20 {
                at += 1
            } else if byte() == 0x2F, byte(1) == 0x2F {
                while at < bytes.count, byte() != 0x0A { at += 1 }
            } else if byte() == 0x2F, byte(1) == 0x2A {
                let start = at
                at += 2
                while at < bytes.count, !(byte() == 0x2A && byte(1) == 0x2F) { at += 1 }
                guard at < bytes.count else { throw SchemaError("a comment without an end", at: start) }
                at += 2
            } else {
                return
            }
        }
    }

    /// A text in quotes; of its escapes only those of the quotes and of the backslash are needed, others stay as they are.
    private mutating func string(_ quote: UInt8) throws(SchemaError) -> String {
        let start = at
        at += 1
        var content: [UInt8] = []
        while at < bytes.count, byte() != quote, byte() != 0x0A {
            if byte() == 0x5C, at + 1 < bytes.count {
                at += 1
                if byte() != quote, byte() != 0x5C { content.append(0x5C) }
            }
            content.append(byte())
            at += 1
        }
        guard byte() == quote else { throw SchemaError("a text without an end", at: start) }
        at += 1
        return String(decoding: content, as: UTF8.self)
    }
}
