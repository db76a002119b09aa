// Date-time patterns in the letters of Java's DateTimeFormatter: checked where a statement names one, compiled once a query. Reading
// and writing texts by them is in the room Operators.

/// Why a text is no pattern, and where.
package struct DatePatternError: Error, Hashable, Sendable {
    /// A sentence without a full stop.
    package var message: String
    /// The place of what is wrong, in bytes of the pattern.
    package var offset: Int

    /// The message for the author of the pattern.
    package static let hint =
        "The letters are those of Java's patterns, as in yyyy-MM-dd HH:mm:ss.SSSX; other text stands in single quotes, "
        + "which are doubled inside a string: yyyy-MM-dd''T''HH:mm."

    init(_ message: String, at offset: Int) {
        self.message = message
        self.offset = offset
    }
}

/// A compiled pattern: G y u Y M L d D Q q w W F E e c a B H k K h m s S A n N, zone letters X x Z z V O, `p` before a letter that is to be
/// padded, quoted and literal text, and optional parts between `[` and `]`. Weeks begin on Sunday, and the first one is that of January 1.
package struct DatePattern: Sendable {
    /// A part of a pattern.
    package indirect enum Piece: Sendable {
        /// A number with so many letters; `M` and `Q` with one or two of them.
        case number(letter: UInt8, width: Int)
        /// A month, quarter, weekday, half or part of the day, or era in letters; `width` 3 is short, 4 full, 5 one letter.
        case name(letter: UInt8, width: Int)
        /// Exactly so many digits of a second's fraction.
        case fraction(width: Int)
        case zone(letter: UInt8, width: Int)
        case literal([UInt8])
        case optional([Piece])
        /// The piece with blanks before it, so that it takes so many characters.
        case padded(Piece, to: Int)
    }

    /// In the order of the text.
    package let pieces: [Piece]

    /// The pattern that `pattern` writes.
    package init(_ pattern: String) throws(DatePatternError) { try self.init(Array(pattern.utf8)) }

    /// The pattern that UTF-8 bytes write.
    package init(_ pattern: [UInt8]) throws(DatePatternError) {
        var rest = pattern[...]
        pieces = try DatePattern.pieces(&rest, depth: 0)
        if !rest.isEmpty { throw DatePatternError("the date pattern closes a part that it has not opened", at: rest.startIndex) }
    }

    /// Pieces up to the end or to the `]` that closes the part.
    private static func pieces(_ rest: inout ArraySlice<UInt8>, depth: Int) throws(DatePatternError) -> [Piece] {
        var pieces: [Piece] = []
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "'"): pieces.append(.literal(try quoted(&rest)))
            case UInt8(ascii: "["):
                guard depth < 20 else { throw DatePatternError("the date pattern is nested too deeply", at: rest.startIndex) }
                rest.removeFirst()
                pieces.append(.optional(try DatePattern.pieces(&rest, depth: depth + 1)))
                // A part that is not closed ends with the pattern.
                if !rest.isEmpty { rest.removeFirst() }
            case UInt8(ascii: "]"): return pieces
            case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "#"):
                throw DatePatternError(
                    "the date pattern includes the reserved character '\(Character(Unicode.Scalar(byte)))'", at: rest.startIndex)
            case 65...90, 97...122:
                pieces.append(try letters(&rest))
            default:
                pieces.append(.literal([byte]))
                rest.removeFirst()
            }
        }
        return pieces
    }

    /// The piece of the run of letters that `rest` begins with. `ppH` is one of two characters.
    private static func letters(_ rest: inout ArraySlice<UInt8>) throws(DatePatternError) -> Piece {
        let run = rest.prefix { $0 == rest.first }
        let letter = run[run.startIndex]
        rest = rest[run.endIndex...]
        guard letter == UInt8(ascii: "p") else { return try piece(letter, run.count, at: run.startIndex) }
        guard let next = rest.first, next | 0x20 >= 0x61, next | 0x20 <= 0x7A, next != letter else {
            throw DatePatternError("Pad letter 'p' must be followed by valid pad pattern", at: run.startIndex)
        }
        guard run.count <= 100 else { throw DatePatternError("Too many pattern letters: p", at: run.startIndex) }
        return .padded(try letters(&rest), to: run.count)
    }

    /// The text in the quotes that `rest` begins with; two quotes stand for one.
    static func quoted(_ rest: inout ArraySlice<UInt8>) throws(DatePatternError) -> [UInt8] {
        let start = rest.startIndex
        rest.removeFirst()
        if rest.first == UInt8(ascii: "'") {
            rest.removeFirst()
            return [UInt8(ascii: "'")]
        }
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "'") {
                guard rest.first == byte else { return text }
                rest.removeFirst()
            }
            text.append(byte)
        }
        throw DatePatternError("the date pattern ends inside a quoted text", at: start)
    }

    private static func piece(_ letter: UInt8, _ width: Int, at place: Int) throws(DatePatternError) -> Piece {
        let shown = Character(Unicode.Scalar(letter))
        let limit: Int
        var piece = Piece.number(letter: letter, width: width)
        switch shown {
        case "y", "u", "Y", "A", "n", "N": limit = 19
        case "D": limit = 3
        case "d", "H", "k", "h", "K", "m", "s", "w": limit = 2
        case "W", "F": limit = 1
        case "B":
            limit = 5
            guard width == 1 || width >= 4 else { throw DatePatternError("Wrong number of pattern letters: B", at: place) }
            piece = .name(letter: letter, width: max(3, width))
        case "M", "L", "Q", "q":
            limit = 5
            let field: UInt8 = shown == "M" || shown == "L" ? UInt8(ascii: "M") : UInt8(ascii: "Q")
            piece = width >= 3 ? .name(letter: field, width: width) : .number(letter: field, width: width)
        case "E":
            limit = 5
            piece = .name(letter: letter, width: max(3, width))
        case "e", "c":
            limit = 5
            piece = width >= 3 ? .name(letter: UInt8(ascii: "E"), width: width) : .number(letter: UInt8(ascii: "e"), width: width)
        case "G":
            limit = 5
            piece = .name(letter: letter, width: max(3, width))
        case "a":
            limit = 1
            piece = .name(letter: letter, width: 3)
        case "S":
            limit = 9
            piece = .fraction(width: width)
        case "X", "x", "Z":
            limit = 5
            piece = .zone(letter: letter, width: width)
        case "z", "O":
            limit = 4
            piece = .zone(letter: letter, width: width)
        case "V":
            limit = 2
            guard width == 2 else { throw DatePatternError("Pattern letter count must be 2: V", at: place) }
            piece = .zone(letter: letter, width: width)
        default: throw DatePatternError("Unknown pattern letter: \(shown)", at: place)
        }
        guard width <= limit else { throw DatePatternError("Too many pattern letters: \(shown)", at: place) }
        return piece
    }

    /// Whether any piece, optional ones included, is of a kind.
    private func contains(_ isWanted: (Piece) -> Bool) -> Bool {
        func search(_ pieces: [Piece]) -> Bool {
            pieces.contains { piece in
                if case .optional(let inner) = piece { return search(inner) }
                if case .padded(let inner, _) = piece { return isWanted(inner) }
                return isWanted(piece)
            }
        }
        return search(pieces)
    }

    /// Whether the pattern has letters of a date.
    package var hasDateFields: Bool {
        contains { piece in
            switch piece {
            case .number(let letter, _), .name(let letter, _): return "GyuYMQwWFEeDd".utf8.contains(letter)
            case .fraction, .zone, .literal, .optional, .padded: return false
            }
        }
    }
}
