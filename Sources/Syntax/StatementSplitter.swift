// Cuts text into statements without parsing it: at each `;` outside quotes and comments. It takes text in pieces of any size, so that a
// shell can ask whether a statement is complete and a connection can be cut into requests as its bytes arrive.

/// Finds the ends of statements in a text that arrives in pieces.
package struct StatementSplitter: Sendable {
    private enum State: Sendable {
        case plain
        /// Inside quotes that this byte closes.
        case quoted(UInt8)
        case lineComment
        case blockComment
    }

    private var state = State.plain
    /// The byte before this one, where two bytes make a comment mark; 0 when it cannot be part of one.
    private var previous: UInt8 = 0
    /// Whether anything but blanks and comments came since the last `;`.
    private var hasContent = false
    /// How many parentheses are open in the statement.
    package private(set) var depth = 0

    package init() {}

    /// What an unfinished text needs to go on.
    package enum Pending: Hashable, Sendable {
        /// Nothing: only blanks and comments since the last `;`.
        case nothing
        /// A statement without its `;`.
        case statement
        /// A closing quote: this one.
        case quote(Character)
        /// The end of a block comment.
        case comment
    }

    /// What is open after all bytes taken so far.
    package var pending: Pending {
        switch state {
        case .quoted(let quote): .quote(Character(UnicodeScalar(quote)))
        case .blockComment: .comment
        case .plain, .lineComment: hasContent || previous != 0 ? .statement : .nothing
        }
    }

    /// Takes one byte; true when it is the `;` that ends a statement.
    package mutating func take(_ byte: UInt8) -> Bool {
        switch state {
        case .quoted(let quote):
            // A doubled quote closes and opens again, which has the same effect.
            if byte == quote { state = .plain }
            return false
        case .lineComment:
            if byte == UInt8(ascii: "\n") { state = .plain }
            return false
        case .blockComment:
            if previous == UInt8(ascii: "*"), byte == UInt8(ascii: "/") {
                state = .plain
                previous = 0
            } else {
                previous = byte
            }
            return false
        case .plain:
            return takePlain(byte)
        }
    }

    /// The offset behind the first `;` of these bytes that ends a statement, or nil when all were taken without meeting one.
    package mutating func take(_ bytes: ArraySlice<UInt8>) -> Int? {
        for index in bytes.indices where take(bytes[index]) { return index + 1 }
        return nil
    }

    /// Takes bytes from the front of some as long as each neither ends a statement or a line nor begins or ends anything; gives how many.
    package mutating func takeOrdinary(_ bytes: ArraySlice<UInt8>) -> Int {
        let lineEnd = UInt8(ascii: "\n")
        switch state {
        case .quoted(let quote): return bytes.prefix { $0 != quote && $0 != lineEnd }.count
        case .lineComment: return bytes.prefix { $0 != lineEnd }.count
        case .blockComment:
            let count = bytes.prefix { $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "/") && $0 != lineEnd }.count
            if count > 0 { previous = 0 }
            return count
        case .plain:
            if previous != 0 { return 0 }
            let hasContent = hasContent
            let count = bytes.prefix { StatementSplitter.isContent($0) || $0 == 0x20 && hasContent }.count
            if count > 0 { self.hasContent = true }
            return count
        }
    }

    /// Whether a byte outside quotes and comments is a part of a statement and nothing else: a digit, a letter, most signs, a part of a
    /// character beyond ASCII.
    private static func isContent(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte != UInt8(ascii: ";") && byte != UInt8(ascii: "`")
            || byte >= UInt8(ascii: "*") && byte <= UInt8(ascii: ",")
    }

    private mutating func takePlain(_ byte: UInt8) -> Bool {
        let before = previous
        previous = 0
        switch byte {
        case UInt8(ascii: "-") where before == byte:
            state = .lineComment
            return false
        case UInt8(ascii: "*") where before == UInt8(ascii: "/"):
            state = .blockComment
            return false
        default: break
        }
        // The byte before was no comment after all.
        if before != 0 { hasContent = true }
        switch byte {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
            state = .quoted(byte)
            hasContent = true
        case UInt8(ascii: "-"), UInt8(ascii: "/"): previous = byte
        case UInt8(ascii: ";"):
            hasContent = false
            depth = 0
            return true
        case UInt8(ascii: "("):
            hasContent = true
            depth += 1
        case UInt8(ascii: ")"):
            hasContent = true
            depth = max(0, depth - 1)
        case 0x20, 0x09, 0x0A, 0x0D: break
        default: hasContent = true
        }
        return false
    }

    /// The statements of a whole text, each with its `;`; what follows the last `;` comes last, unless it is only blanks and comments.
    package static func split(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        var splitter = StatementSplitter()
        var pieces: [String] = []
        var start = 0
        while let end = splitter.take(bytes[start...]) {
            pieces.append(String(decoding: bytes[start..<end], as: UTF8.self))
            start = end
        }
        if splitter.pending != .nothing { pieces.append(String(decoding: bytes[start...], as: UTF8.self)) }
        return pieces
    }
}
