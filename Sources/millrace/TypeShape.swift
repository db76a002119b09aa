// The type of a column as a load has to know it: where its values hold times, and which members its objects may have.

import JSONText

/// A type, without what makes no difference to a text.
indirect enum TypeShape: Equatable {
    case scalar(ColumnTexts.Kind)
    case array(TypeShape)
    /// By the type of its values.
    case map(TypeShape)
    case structure([Field])

    /// A field of a structure.
    struct Field: Equatable {
        let name: String
        let shape: TypeShape
    }

    /// Types are written no deeper; what is deeper is taken as it is.
    private static let deepest = 64

    /// The type that DESCRIBE writes so. What is none is a text.
    init(_ text: String) {
        var reader = Reader(rest: text[...])
        self = reader.type(depth: 0)
    }

    /// Whether a text may stand in it for a time.
    var hasTimes: Bool {
        switch self {
        case .scalar(let kind): kind.isTime
        case .array(let element), .map(let element): element.hasTimes
        case .structure(let fields): fields.contains { $0.shape.hasTimes }
        }
    }

    private struct Reader {
        var rest: Substring

        mutating func type(depth: Int) -> TypeShape {
            let word = self.word().uppercased()
            guard depth < TypeShape.deepest, rest.first == "<" else {
                if rest.first == "(" { skip(to: ")") }
                return .scalar(ColumnTexts.Kind(type: word))
            }
            rest.removeFirst()
            defer { take(">") }
            switch word {
            case "ARRAY": return .array(type(depth: depth + 1))
            case "MAP":
                _ = type(depth: depth + 1)
                take(",")
                return .map(type(depth: depth + 1))
            default:
                var fields: [Field] = []
                repeat {
                    let name = self.name()
                    fields.append(Field(name: name, shape: type(depth: depth + 1)))
                } while take(",")
                return .structure(fields)
            }
        }

        private mutating func skipBlanks() { rest = rest.drop { $0 == " " } }

        private mutating func word() -> String {
            skipBlanks()
            let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
            rest = rest.dropFirst(word.count)
            return String(word)
        }

        /// A name, perhaps in backquotes, which stand for themselves when they are doubled.
        private mutating func name() -> String {
            skipBlanks()
            guard rest.first == "`" else { return word() }
            rest.removeFirst()
            var name = ""
            while let character = rest.popFirst() {
                if character == "`" {
                    guard rest.first == "`" else { break }
                    rest.removeFirst()
                }
                name.append(character)
            }
            return name
        }

        private mutating func skip(to end: Character) { rest = rest.drop { $0 != end }.dropFirst() }

        @discardableResult
        private mutating func take(_ sign: Character) -> Bool {
            skipBlanks()
            guard rest.first == sign else { return false }
            rest.removeFirst()
            return true
        }
    }
}
