// The paths of EXTRACTJSONFIELD: `$` and then `.name`, `[0]`, `[name]` or `["any text"]`.

import Values

/// A compiled path.
struct JSONPath {
    private struct Step {
        var name: [UInt8]
        /// The step as an array index; nil for names that are no numbers.
        var index: Int?
    }
    private var steps: [Step] = []

    init(_ text: ArraySlice<UInt8>) throws(EvaluationError) {
        var rest = Array(string(text).unicodeScalars)[...]
        func malformed() -> EvaluationError { EvaluationError("'\(string(text))' is not a JSON path") }
        guard rest.popFirst() == "$" else { throw malformed() }
        while let opener = rest.popFirst() {
            var name = String.UnicodeScalarView()
            switch opener {
            case ".":
                while let scalar = rest.first, JSONPath.isNamePart(scalar) || scalar == ":" || scalar == "@" {
                    name.append(rest.removeFirst())
                }
            case "[" where rest.first == "\"":
                guard let quoted = JSONPath.quoted(&rest) else { throw malformed() }
                name = quoted
            case "[":
                while let scalar = rest.first, JSONPath.isNamePart(scalar) { name.append(rest.removeFirst()) }
                guard !name.isEmpty, rest.popFirst() == "]" else { throw malformed() }
            default: throw malformed()
            }
            if opener == ".", name.isEmpty { throw malformed() }
            let bytes = Array(String(name).utf8)
            steps.append(Step(name: bytes, index: bytes.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? Int(String(name)) : nil))
        }
    }

    private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "_" { return true }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber: return true
        default: return false
        }
    }

    private static func quoted(_ rest: inout ArraySlice<Unicode.Scalar>) -> String.UnicodeScalarView? {
        var name = String.UnicodeScalarView()
        rest.removeFirst()
        while let scalar = rest.popFirst() {
            if scalar == "\"" { return rest.popFirst() == "]" ? name : nil }
            if scalar == "\\" {
                guard let escaped = rest.popFirst(), escaped == "\"" || escaped == "\\" else { return nil }
                name.append(escaped)
            } else {
                name.append(scalar)
            }
        }
        return nil
    }

    /// The value that the path leads to from a well-formed one.
    func find(_ start: JSONCursor) -> JSONCursor? {
        var cursor = start
        for step in steps {
            var found: JSONCursor?
            if cursor.isObject {
                cursor.forEachMember { name, value in if JSONPath.matches(cursor, name, step.name) { found = value } }
            } else if cursor.isArray, let index = step.index {
                var left = index
                cursor.forEachElement { element in
                    if left == 0 { found = element }
                    left -= 1
                    return left >= 0
                }
            }
            guard let found else { return nil }
            cursor = found
        }
        return cursor
    }

    private static func matches(_ cursor: JSONCursor, _ raw: JSONCursor.RawString, _ name: [UInt8]) -> Bool {
        if !raw.hasEscapes {
            guard raw.length == name.count else { return false }
            return name.indices.allSatisfy { cursor.byte(raw.start + $0) == name[$0] }
        }
        var decoded: [UInt8] = []
        cursor.decode(raw, into: &decoded)
        return decoded == name
    }
}
