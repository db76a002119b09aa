// Date-time patterns in the letters of Java's DateTimeFormatter, compiled once a query. Reading and writing stand in files of their own.

import Values

/// A compiled pattern: G y u M L d D Q q E e c a H k K h m s S A n N, zone letters X x Z z V O, quoted and literal text, and optional
/// parts between `[` and `]`.
struct DatePattern {
    indirect enum Piece {
        /// A number with so many letters; `M` and `Q` with one or two of them.
        case number(letter: UInt8, width: Int)
        /// A month, quarter, weekday, half of the day or era in letters; `width` 3 is short, 4 full, 5 one letter.
        case name(letter: UInt8, width: Int)
        /// Exactly so many digits of a second's fraction.
        case fraction(width: Int)
        case zone(letter: UInt8, width: Int)
        case literal([UInt8])
        case optional([Piece])
    }

    let pieces: [Piece]

    init(_ pattern: String) throws(EvaluationError) { try self.init(Array(pattern.utf8)[...]) }

    init(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) {
        var rest = pattern
        pieces = try DatePattern.pieces(&rest, depth: 0)
        if !rest.isEmpty { throw EvaluationError("the date pattern closes a part that it has not opened") }
    }

    /// Pieces up to the end or to the `]` that closes the part.
    private static func pieces(_ rest: inout ArraySlice<UInt8>, depth: Int) throws(EvaluationError) -> [Piece] {
        var pieces: [Piece] = []
        while let byte = rest.first {
            switch byte {
            case UInt8(ascii: "'"): pieces.append(.literal(try quoted(&rest)))
            case UInt8(ascii: "["):
                guard depth < 20 else { throw EvaluationError("the date pattern is nested too deeply") }
                rest.removeFirst()
                pieces.append(.optional(try DatePattern.pieces(&rest, depth: depth + 1)))
                // A part that is not closed ends with the pattern.
                if !rest.isEmpty { rest.removeFirst() }
            case UInt8(ascii: "]"): return pieces
            case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "#"):
                throw EvaluationError("the date pattern includes the reserved character '\(Character(Unicode.Scalar(byte)))'")
            case 65...90, 97...122:
                let run = rest.prefix { $0 == byte }
                rest = rest[run.endIndex...]
                pieces.append(try piece(byte, run.count))
            default:
                pieces.append(.literal([byte]))
                rest.removeFirst()
            }
        }
        return pieces
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>) throws(EvaluationError) -> [UInt8] {
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
        throw EvaluationError("the date pattern ends inside a quoted text")
    }

    private static func piece(_ letter: UInt8, _ width: Int) throws(EvaluationError) -> Piece {
        let shown = Character(Unicode.Scalar(letter))
        let limit: Int
        var piece = Piece.number(letter: letter, width: width)
        switch shown {
        case "y", "u", "A", "n", "N": limit = 19
        case "D": limit = 3
        case "d", "H", "k", "h", "K", "m", "s": limit = 2
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
            guard width == 2 else { throw EvaluationError("Pattern letter count must be 2: V") }
            piece = .zone(letter: letter, width: width)
        default: throw EvaluationError("Unknown pattern letter: \(shown)")
        }
        guard width <= limit else { throw EvaluationError("Too many pattern letters: \(shown)") }
        return piece
    }

    /// Whether any piece, optional ones included, is of a kind.
    func contains(_ isWanted: (Piece) -> Bool) -> Bool {
        func search(_ pieces: [Piece]) -> Bool {
            pieces.contains { piece in
                if case .optional(let inner) = piece { return search(inner) }
                return isWanted(piece)
            }
        }
        return search(pieces)
    }

    /// Whether the pattern has letters of a date.
    var hasDateFields: Bool {
        contains { piece in
            switch piece {
            case .number(let letter, _), .name(let letter, _): return "GyuMQEeDd".utf8.contains(letter)
            case .fraction, .zone, .literal, .optional: return false
            }
        }
    }
}

/// Names in dates, in English.
enum DateNames {
    static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ]
    /// From Monday on.
    static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    static let halves = ["AM", "PM"]

    /// All names of a field in the style of `width` letters, with their numbers; the first number is 1, except that AM and BC are 0.
    static func names(_ letter: UInt8, _ width: Int) -> [(name: String, value: Int64)] {
        func styled(_ names: [String]) -> [(String, Int64)] {
            names.enumerated().map { (width == 4 ? $1 : String($1.prefix(width == 5 ? 1 : 3)), Int64($0 + 1)) }
        }
        switch Character(Unicode.Scalar(letter)) {
        case "M": return styled(months)
        case "E": return styled(weekdays)
        case "a": return [("AM", 0), ("PM", 1)]
        case "G":
            return width == 4 ? [("Before Christ", 0), ("Anno Domini", 1)] : width == 5 ? [("B", 0), ("A", 1)] : [("BC", 0), ("AD", 1)]
        default:
            let ordinals = ["1st", "2nd", "3rd", "4th"]
            return (1...4).map { (width == 4 ? ordinals[$0 - 1] + " quarter" : width == 5 ? "\($0)" : "Q\($0)", Int64($0)) }
        }
    }
}
