// Session variables: `${name}` in a statement stands for the text of a variable. Replacement goes by token, never by text, so that a
// value can be no more than one name, one literal or a part of one string.

import Diagnostics

/// Variables by name; names ignore case.
struct VariableTable: Sendable {
    private var values: [String: String] = [:]

    init(_ values: [String: String]) {
        for (name, value) in values.sorted(by: { $0.key < $1.key }) { self[name] = value }
    }

    subscript(name: String) -> String? {
        get { values[name.uppercased()] }
        set { values[name.uppercased()] = newValue }
    }
}

extension Parser {
    /// The value of the variable at the current token, whose place in the statement's text is to be filled with `written`.
    private func variableValue() throws(ParseFailure) -> String {
        let token = current
        let name = String(text(token).dropFirst(2).dropLast())
        guard let variables else {
            throw ParseFailure(
                .undefinedVariable, "Variable substitution is switched off, but the statement uses '\(name)'",
                hint: "Set 'ksql.variable.substitution.enable' to true.", at: token.range)
        }
        guard let value = variables[name] else {
            throw ParseFailure(
                .undefinedVariable, "Variable '\(name)' is not defined",
                hint: "Define it first: DEFINE \(name) = '…';", at: token.range)
        }
        return value
    }

    private mutating func replace(_ token: Token, by text: String) {
        replacements.append((Int(token.start)..<Int(token.end), text))
    }

    /// Takes a variable where a name is wanted.
    mutating func variableName() throws(ParseFailure) -> Name {
        let token = current
        let value = try variableValue()
        guard let name = VariableValue.name(value) else {
            throw ParseFailure(
                .undefinedVariable, "Illegal argument: '\(value)' is not a valid identifier",
                hint: "A variable in the place of a name must hold a name, quoted or not.", at: token.range)
        }
        replace(token, by: value)
        advance()
        return Name(name.text, isQuoted: name.isQuoted, span: token.span)
    }

    /// Takes a variable where a literal is wanted; nil, without consuming it, when the value is none.
    mutating func variableLiteral() throws(ParseFailure) -> Literal? {
        let token = current
        let value = try variableValue()
        guard let literal = try VariableValue.literal(value, at: token) else { return nil }
        replace(token, by: CanonicalText.literal(literal))
        advance()
        return literal
    }

    /// The error for a variable that holds no literal, or one of another type than its place needs.
    func notALiteral(_ token: Token) -> ParseFailure {
        ParseFailure(
            .undefinedVariable, "the value of \(text(token)) is no literal that fits here",
            hint: "A variable in the place of a literal must hold a number, true, false or a string in single quotes.", at: token.range)
    }

    /// The value of a string token, with the variables inside it replaced. Unknown ones stay as they are.
    mutating func stringValue(_ token: Token) -> String {
        let inner = bytes[(Int(token.start) + 1)..<(Int(token.end) - 1)]
        let plain = VariableValue.undoubled(inner, quote: UInt8(ascii: "'"))
        guard let variables, plain.utf8.contains(UInt8(ascii: "$")) else { return plain }
        let result = VariableValue.substitute(in: plain, variables)
        if result != plain { replace(token, by: CanonicalText.quoted(result)) }
        return result
    }

    /// The text of a range with variables replaced, which is what the catalog keeps.
    func substitutedText(_ range: Range<Int>) -> String {
        var result: [UInt8] = []
        var position = range.lowerBound
        for replacement in replacements.sorted(by: { $0.range.lowerBound < $1.range.lowerBound })
        where replacement.range.lowerBound >= position && replacement.range.upperBound <= range.upperBound {
            result += bytes[position..<replacement.range.lowerBound]
            result += Array(replacement.text.utf8)
            position = replacement.range.upperBound
        }
        result += bytes[position..<range.upperBound]
        return String(decoding: result, as: UTF8.self)
    }
}

/// What the text of a variable may be read as.
enum VariableValue {
    /// The name that a value spells, or nil.
    static func name(_ value: String) -> (text: String, isQuoted: Bool)? {
        var bytes = Array(value.utf8)[...]
        var isQuoted = false
        if let first = bytes.first, first == UInt8(ascii: "`") || first == UInt8(ascii: "\"") {
            guard bytes.count > 2, bytes.last == first else { return nil }
            bytes = bytes.dropFirst().dropLast()
            isQuoted = true
        }
        guard let first = bytes.first, Lexer.isNameStart(first), bytes.allSatisfy(Lexer.isNamePart) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return (isQuoted ? text : text.uppercased(), isQuoted)
    }

    /// The literal that a value spells, or nil. Quotes inside a quoted value count as text, so a value cannot break out.
    static func literal(_ value: String, at token: Token) throws(ParseFailure) -> Literal? {
        let bytes = Array(value.utf8)
        if bytes.count >= 2, bytes.first == UInt8(ascii: "'"), bytes.last == UInt8(ascii: "'") {
            return .string(String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self))
        }
        switch value.uppercased() {
        case "TRUE": return .boolean(true)
        case "FALSE": return .boolean(false)
        default: break
        }
        let isNegative = bytes.first == UInt8(ascii: "-")
        let digits = isNegative ? String(value.dropFirst()) : value
        var lexer = Lexer(Array(digits.utf8))
        let tokens = try lexer.nextStatement()
        guard tokens.count == 2, Int(tokens[0].end) == digits.utf8.count, tokens[0].start == 0 else { return nil }
        return try NumberLiteral.literal(digits, kind: tokens[0].kind, isNegative: isNegative, isFull: false, at: token.range)
    }

    /// A text in which `${name}` is replaced by the values of known variables; values are not looked at again.
    static func substitute(in text: String, _ variables: VariableTable) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "$"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "{"),
                let close = bytes[(index + 2)...].firstIndex(where: { !Lexer.isNamePart($0) }), bytes[close] == UInt8(ascii: "}"),
                let value = variables[String(decoding: bytes[(index + 2)..<close], as: UTF8.self)]
            {
                result += Array(value.utf8)
                index = close + 1
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The inside of a quoted run with doubled quotes made single.
    static func undoubled(_ bytes: ArraySlice<UInt8>, quote: UInt8) -> String {
        guard bytes.contains(quote) else { return String(decoding: bytes, as: UTF8.self) }
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            result.append(bytes[index])
            index += bytes[index] == quote ? 2 : 1
        }
        return String(decoding: result, as: UTF8.self)
    }
}
