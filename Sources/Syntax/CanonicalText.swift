// Printing, the parser's twin: from a tree to the one text that messages, listings and the catalog show for it. What is printed parses
// back to the same tree. The layout is ksqlDB's, because its test cases compare it.

/// The canonical texts of the small parts: names, literals, types, durations.
package enum CanonicalText {
    /// A name, in back-quotes unless it reads the same without. ARRAY, MAP and STRUCT are quoted because they begin constructors.
    package static func name(_ name: Name) -> String { identifier(name.text) }

    /// The name of a source; that of a system table has a dot.
    static func sourceName(_ name: Name) -> String {
        name.text.split(separator: ".", omittingEmptySubsequences: false).map { identifier(String($0)) }.joined(separator: ".")
    }

    /// The same for a name that is only text.
    package static func identifier(_ text: String) -> String {
        guard let first = text.utf8.first, Lexer.isNameStart(first), text.utf8.allSatisfy(Lexer.isNamePart),
            !text.utf8.contains(where: { $0 != Lexer.upperCased($0) }), !needsQuotes(text)
        else { return backQuoted(text) }
        return text
    }

    private static func needsQuotes(_ text: String) -> Bool {
        guard let keyword = Keyword.named(text) else { return false }
        return keyword.isReserved || keyword == .array || keyword == .map || keyword == .struct
    }

    /// A name in back-quotes, as listings of columns inside messages have every name.
    package static func backQuoted(_ text: String) -> String { "`" + doubled(text, "`") + "`" }

    /// A string literal.
    package static func quoted(_ text: String) -> String { "'" + doubled(text, "'") + "'" }

    /// By scalars: as a character, a quote with a combining mark behind it is no quote, but the lexer would end the text there.
    private static func doubled(_ text: String, _ quote: Unicode.Scalar) -> String {
        guard text.unicodeScalars.contains(quote) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(scalar)
            if scalar == quote { result.append(quote) }
        }
        return String(result)
    }

    /// A constant; decimals keep their digits, doubles get an exponent.
    package static func literal(_ literal: Literal) -> String {
        switch literal {
        case .null: "null"
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .decimal(let text): text
        case .double(let value): scientific(value)
        case .string(let text): quoted(text)
        }
    }

    /// A double with one digit before the point and always an exponent, so that it reads as a double again: `1.5E0`.
    static func scientific(_ value: Double) -> String {
        let plain = value.description
        let sign = plain.hasPrefix("-") ? "-" : ""
        let unsigned = plain.drop { $0 == "-" }
        let halves = unsigned.split(separator: "e")
        var exponent = halves.count > 1 ? Int(halves[1]) ?? 0 : 0
        let parts = halves[0].split(separator: ".")
        let whole = parts[0].drop { $0 == "0" }
        let fraction = parts.count > 1 ? parts[1] : ""
        var digits = whole + fraction
        exponent += whole.count - 1
        while digits.first == "0" {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.last == "0" { digits.removeLast() }
        guard let first = digits.first else { return sign + "0E0" }
        let rest = digits.dropFirst()
        return sign + String(first) + (rest.isEmpty ? "" : "." + rest) + "E" + String(exponent)
    }

    /// A type, with built-in names in full: `INTEGER`, not `INT`.
    package static func type(_ type: TypeName) -> String {
        switch type.node {
        case .primitive(let primitive): primitive.rawValue
        case .decimal(let precision, let scale): "DECIMAL(\(precision), \(scale))"
        case .array(let element): "ARRAY<" + self.type(element) + ">"
        case .map(let key, let value): "MAP<" + self.type(key) + ", " + self.type(value) + ">"
        case .structure(let fields): "STRUCT<" + fields.map(field).joined(separator: ", ") + ">"
        case .custom(let name): Keyword.named(name.text) == nil ? self.name(name) : backQuoted(name.text)
        }
    }

    static func field(_ field: TypeName.Field) -> String { name(field.name) + " " + type(field.type) }

    /// `5 MINUTES`; the unit is always plural.
    package static func duration(_ duration: Duration) -> String { "\(duration.count) \(duration.unit.rawValue)" }

    /// A name where a string may stand too, and so may hold what no quoted name can, such as nothing.
    static func nameOrString(_ name: Name) -> String {
        let text = identifier(name.text)
        return text.hasPrefix("`") ? quoted(name.text) : text
    }

    /// `(K='v', L=1)`; the parser has sorted the properties.
    static func properties(_ properties: [Property]) -> String {
        "(" + properties.map { nameOrString($0.name) + "=" + literal($0.value) }.joined(separator: ", ") + ")"
    }
}
