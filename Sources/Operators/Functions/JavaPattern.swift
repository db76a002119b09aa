// Regular expressions in the syntax of java.util.regex, written again in the syntax of PCRE2. Most of the two is the same; what differs are
// character classes with unions and intersections, escapes of UTF-16 units, the names of POSIX and Unicode properties, and flags.

import Values

/// Translates one pattern.
struct JavaPattern {
    private var rest: ArraySlice<Unicode.Scalar>
    private var output = String.UnicodeScalarView()
    /// Classes in classes; the text of a query must not decide how deep the recursion goes.
    private static let depthLimit = 20

    /// Throws for patterns that Java refuses and PCRE2 would take.
    static func translated(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) -> [UInt8] {
        let special = pattern.contains { byte in byte == 0x5C || byte == 0x5B || byte == 0x28 }
        guard special else { return Array(pattern) }
        var translator = JavaPattern(rest: Array(string(pattern).unicodeScalars)[...])
        try translator.translate()
        return Array(String(translator.output).utf8)
    }

    private init(rest: ArraySlice<Unicode.Scalar>) { self.rest = rest }

    private mutating func translate() throws(EvaluationError) {
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\\":
                if rest.first == "Q" { takeQuotation() } else { try output.append(contentsOf: escape(inClass: false).unicodeScalars) }
            case "[": output.append(contentsOf: try characterClass(depth: 0).expression.unicodeScalars)
            case "(":
                if rest.first == "*" { throw EvaluationError("a regular expression has a dangling '*'") }
                output.append("(")
                if rest.starts(with: "?".unicodeScalars) { takeFlags() }
            default: output.append(scalar)
            }
        }
    }

    /// `\Q…\E` as it stands.
    private mutating func takeQuotation() {
        output.append("\\")
        var last: Unicode.Scalar = "\\"
        while let scalar = rest.popFirst() {
            output.append(scalar)
            if last == "\\", scalar == "E" { return }
            last = scalar
        }
    }

    /// `(?idmsux-…)`: without those flags that are always on here or have another meaning in PCRE2.
    private mutating func takeFlags() {
        let flags = rest.dropFirst().prefix { "idmsuxU-".unicodeScalars.contains($0) }
        let end = rest[flags.endIndex...].first
        guard !flags.isEmpty, end == ")" || end == ":" else { return }
        rest = rest[flags.endIndex...]
        output.append("?")
        for flag in flags where !"duU".unicodeScalars.contains(flag) { output.append(flag) }
    }

    /// What follows a backslash, backslash included.
    private mutating func escape(inClass: Bool) throws(EvaluationError) -> String {
        guard let letter = rest.popFirst() else { throw EvaluationError("a regular expression ends with a backslash") }
        switch letter {
        case "u":
            guard var code = hexadecimal(4) else { throw EvaluationError("a \\u escape needs four hexadecimal digits") }
            if code >= 0xD800, code < 0xDC00, rest.starts(with: "\\u".unicodeScalars) {
                let before = rest
                rest = rest.dropFirst(2)
                if let low = hexadecimal(4), low >= 0xDC00, low < 0xE000 {
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    rest = before
                }
            }
            return "\\x{" + String(code, radix: 16) + "}"
        case "0":
            let digits = rest.prefix(3).prefix { $0 >= "0" && $0 <= "7" }
            let used = digits.count == 3 && digits[digits.startIndex] > "3" ? digits.dropLast() : digits
            guard !used.isEmpty else { throw EvaluationError("a \\0 escape needs octal digits") }
            rest = rest[used.endIndex...]
            return "\\o{" + String(String.UnicodeScalarView(used)) + "}"
        case "p", "P": return try property(isNegated: letter == "P", inClass: inClass)
        case "K", "C", "g", "N": throw EvaluationError("a regular expression has the unknown escape \\\(letter)")
        default: return "\\" + String(Character(letter))
        }
    }

    private mutating func hexadecimal(_ count: Int) -> UInt32? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy({ $0.properties.isASCIIHexDigit }) else { return nil }
        rest = rest.dropFirst(count)
        return UInt32(String(String.UnicodeScalarView(digits)), radix: 16)
    }

    private static let posix = [
        "Lower": "lower", "Upper": "upper", "ASCII": "ascii", "Alpha": "alpha", "Digit": "digit", "Alnum": "alnum", "Punct": "punct",
        "Graph": "graph", "Print": "print", "Blank": "blank", "Cntrl": "cntrl", "XDigit": "xdigit", "Space": "space",
    ]
    private static let renamed = [
        "javaLowerCase": "Ll", "javaUpperCase": "Lu", "javaWhitespace": "Z", "IsAlphabetic": "L", "IsLetter": "L", "IsDigit": "Nd",
        "IsLowercase": "Ll", "IsUppercase": "Lu", "IsPunctuation": "P", "IsWhite_Space": "Z",
    ]

    private mutating func property(isNegated: Bool, inClass: Bool) throws(EvaluationError) -> String {
        var name = String.UnicodeScalarView()
        if rest.first == "{" {
            rest.removeFirst()
            while let scalar = rest.popFirst(), scalar != "}" { name.append(scalar) }
        } else if let scalar = rest.popFirst() {
            name.append(scalar)
        }
        var text = String(name)
        if let posix = JavaPattern.posix[text] {
            let inner = "[:" + (isNegated ? "^" : "") + posix + ":]"
            return inClass ? inner : "[" + inner + "]"
        }
        if let other = JavaPattern.renamed[text] { text = other } else if text.hasPrefix("Is") { text.removeFirst(2) }
        // Script and category properties may be given as assignments.
        for key in ["script=", "sc=", "general_category=", "gc="] where text.lowercased().hasPrefix(key) { text.removeFirst(key.count) }
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A || $0 == 0x5F }) else {
            throw EvaluationError("a regular expression has the unknown property '\(String(name))'")
        }
        return (isNegated ? "\\P{" : "\\p{") + text + "}"
    }

    /// A class: an expression that matches one character, and whether it is plain, `members` then being what stands between its brackets.
    private struct Class {
        var members: String
        var isNegated: Bool
        var expression: String
        var isPlain: Bool
    }

    /// A class whose opening bracket has been read. Unions with other classes become alternatives, intersections become lookaheads.
    private mutating func characterClass(depth: Int) throws(EvaluationError) -> Class {
        guard depth < JavaPattern.depthLimit else { throw EvaluationError("a regular expression nests classes too deeply") }
        var isNegated = false
        if rest.first == "^" {
            rest.removeFirst()
            isNegated = true
        }
        var members = ""
        var alternatives: [String] = []
        var intersections: [String] = []
        var isFirst = true
        while let scalar = rest.popFirst() {
            switch scalar {
            case "]" where !isFirst || !intersections.isEmpty:
                return JavaPattern.combined(members, alternatives: alternatives, intersections: intersections, isNegated: isNegated)
            case "[":
                let inner = try characterClass(depth: depth + 1)
                if inner.isPlain, !inner.isNegated { members += inner.members } else { alternatives.append(inner.expression) }
            case "&" where rest.first == "&":
                rest.removeFirst()
                intersections.append(JavaPattern.union(members, alternatives))
                members = ""
                alternatives = []
            case "\\" where rest.first == "Q":
                rest.removeFirst()
                while let quoted = rest.popFirst() {
                    if quoted == "\\", rest.first == "E" {
                        rest.removeFirst()
                        break
                    }
                    members += JavaPattern.literal(quoted)
                }
            case "\\": members += try escape(inClass: true)
            case "]", "^": members += JavaPattern.literal(scalar)
            default: members.unicodeScalars.append(scalar)
            }
            isFirst = false
        }
        throw EvaluationError("a regular expression has a class that is not closed")
    }

    private static func literal(_ scalar: Unicode.Scalar) -> String {
        scalar.isASCII && !scalar.properties.isAlphabetic && !(scalar >= "0" && scalar <= "9")
            ? "\\" + String(Character(scalar)) : String(Character(scalar))
    }

    private static func union(_ members: String, _ alternatives: [String]) -> String {
        let all = (members.isEmpty ? [] : ["[" + members + "]"]) + alternatives
        return all.count == 1 ? all[0] : all.isEmpty ? "(?!)" : "(?:" + all.joined(separator: "|") + ")"
    }

    private static func combined(_ members: String, alternatives: [String], intersections: [String], isNegated: Bool) -> Class {
        if alternatives.isEmpty, intersections.isEmpty {
            return Class(members: members, isNegated: isNegated, expression: (isNegated ? "[^" : "[") + members + "]", isPlain: true)
        }
        // `[a&&]` is `[a]`.
        let last = members.isEmpty && alternatives.isEmpty ? nil : union(members, alternatives)
        let parts = intersections + (last.map { [$0] } ?? [])
        let expression = parts.dropLast().map { "(?=" + $0 + ")" }.joined() + (parts.last ?? "(?!)")
        return Class(
            members: "", isNegated: isNegated, expression: isNegated ? "(?:(?!" + expression + ")[\\s\\S])" : "(?:" + expression + ")",
            isPlain: false)
    }
}
