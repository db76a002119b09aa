// The lenient patterns of PARSE_DATE, in the letters of java.text.SimpleDateFormat.

/// A compiled pattern.
package struct CalendarPattern: Sendable {
    /// A part of a pattern.
    package enum Piece: Sendable {
        case field(letter: UInt8, width: Int)
        case literal([UInt8])
    }

    /// In the order of the text.
    package let pieces: [Piece]

    /// The pattern that `pattern` writes.
    package init(_ pattern: String) throws(DatePatternError) { try self.init(Array(pattern.utf8)) }

    /// The pattern that UTF-8 bytes write.
    package init(_ pattern: [UInt8]) throws(DatePatternError) {
        var pieces: [Piece] = []
        var rest = pattern[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "'") {
                pieces.append(.literal(try DatePattern.quoted(&rest)))
            } else if byte | 0x20 >= 0x61, byte | 0x20 <= 0x7A {
                guard "GyYMLwWDdFEuaHkKhmsSzZX".utf8.contains(byte) else {
                    throw DatePatternError("Illegal pattern character '\(Character(Unicode.Scalar(byte)))'", at: rest.startIndex)
                }
                let run = rest.prefix { $0 == byte }
                rest = rest[run.endIndex...]
                pieces.append(.field(letter: byte, width: run.count))
            } else {
                pieces.append(.literal([byte]))
                rest.removeFirst()
            }
        }
        self.pieces = pieces
    }
}
