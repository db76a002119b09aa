// Reads the one-line signatures of the function table: `(INT n, STRING... texts, BOOLEAN literal flag) ARRAY<T>`.

import Values

/// A reader over one signature text.
struct SignatureReader {
    private var words: [String]
    private var position = 0

    init(_ text: String) {
        var words: [String] = []
        var word = ""
        func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" }
        for character in text {
            if isWord(character) {
                word.append(character)
                continue
            }
            if !word.isEmpty {
                words.append(word)
                word = ""
            }
            if character != " " { words.append(String(character)) }
        }
        if !word.isEmpty { words.append(word) }
        self.words = words
    }

    private var next: String? { position < words.count ? words[position] : nil }

    private mutating func take(_ word: String) -> Bool {
        guard next == word else { return false }
        position += 1
        return true
    }

    private mutating func word() -> String? {
        guard let word = next else { return nil }
        position += 1
        return word
    }

    mutating func signature() -> FunctionSignature? {
        guard take("(") else { return nil }
        var parameters: [FunctionParameter] = []
        while !take(")") {
            if !parameters.isEmpty && !take(",") { return nil }
            guard let parameter = parameter() else { return nil }
            parameters.append(parameter)
        }
        guard let result = type(), position == words.count else { return nil }
        return FunctionSignature(parameters: parameters, result: result)
    }

    private mutating func parameter() -> FunctionParameter? {
        guard let type = type() else { return nil }
        var isVariadic = false
        while take(".") { isVariadic = true }
        let isLiteral = take("literal")
        guard let name = word() else { return nil }
        return FunctionParameter(name: name, type: type, isVariadic: isVariadic, isLiteral: isLiteral)
    }

    private mutating func type() -> TypePattern? {
        guard let name = word() else { return nil }
        switch name {
        case "BOOLEAN": return .exactly(.boolean)
        case "INT": return .exactly(.integer)
        case "BIGINT": return .exactly(.bigint)
        case "DOUBLE": return .exactly(.double)
        case "STRING": return .exactly(.string)
        case "BYTES": return .exactly(.bytes)
        case "TIME": return .exactly(.time)
        case "DATE": return .exactly(.date)
        case "TIMESTAMP": return .exactly(.timestamp)
        case "DECIMAL": return decimal()
        case "WHOLE_DECIMAL": return .wholeDecimal
        case "WIDEST_DECIMAL": return .widestDecimal
        case "TOP_ENTRIES": return .topEntries
        case "ANY": return .any
        case "UNIT": return .intervalUnit
        case "ARRAY":
            guard take("<"), let element = type(), take(">") else { return nil }
            return .array(element)
        case "MAP":
            guard take("<"), let key = type(), take(","), let value = type(), take(">") else { return nil }
            return .map(key, value)
        case "STRUCT": return structure()
        case "LAMBDA": return lambda()
        default: return .variable(name)
        }
    }

    /// `DECIMAL`, or `DECIMAL(30, 10)`.
    private mutating func decimal() -> TypePattern? {
        guard take("(") else { return .anyDecimal }
        guard let precision = word().flatMap({ Int($0) }), take(","), let scale = word().flatMap({ Int($0) }), take(")") else { return nil }
        return .exactly(.decimal(precision: precision, scale: scale))
    }

    private mutating func structure() -> TypePattern? {
        guard take("<") else { return nil }
        var fields: [PatternField] = []
        while !take(">") {
            if !fields.isEmpty && !take(",") { return nil }
            guard let name = word(), let type = type() else { return nil }
            fields.append(PatternField(name: name, type: type))
        }
        return .structure(fields)
    }

    private mutating func lambda() -> TypePattern? {
        guard take("(") else { return nil }
        var inputs: [TypePattern] = []
        while !take(")") {
            if !inputs.isEmpty && !take(",") { return nil }
            guard let input = type() else { return nil }
            inputs.append(input)
        }
        guard take("="), take(">"), let result = type() else { return nil }
        return .lambda(inputs, result)
    }
}
