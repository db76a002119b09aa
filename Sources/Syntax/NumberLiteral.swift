// From the digits of a number token to a literal, exactly.

import Diagnostics

enum NumberLiteral {
    /// The literal of a number token, or nil when the token is no number. The sign belongs to the literal, so that the smallest
    /// 64-bit integer can be written. With `isFull` a whole number of more than 64 bits is a decimal.
    static func literal(
        _ digits: String, kind: Token.Kind, isNegative: Bool, isFull: Bool, at range: SourceRange
    ) throws(ParseFailure) -> Literal? {
        let text = isNegative ? "-" + digits : digits
        switch kind {
        case .integer:
            if let value = Int64(text) { return .integer(value) }
            guard isFull else { throw invalid("Invalid numeric literal: \(text)", at: range) }
            return .decimal(normalised(digits, isNegative: isNegative))
        case .decimal: return .decimal(normalised(digits, isNegative: isNegative))
        case .float:
            guard let value = Double(text) else { throw invalid("Invalid numeric literal: \(text)", at: range) }
            guard value.isFinite else { throw invalid("Number overflows DOUBLE: \(text)", at: range) }
            return .double(value)
        default: return nil
        }
    }

    /// A decimal in the form that `Literal.decimal` keeps: a digit before the point, no superfluous zeros before it, all after it.
    static func normalised(_ digits: String, isNegative: Bool) -> String {
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = parts[0].drop { $0 == "0" }
        return (isNegative ? "-" : "") + (whole.isEmpty ? "0" : whole) + "." + (parts.count > 1 ? parts[1] : "")
    }

    /// The decimal that a text spells, for `DECIMAL '1.5'`, or nil.
    static func decimal(_ text: String) -> String? {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative || text.hasPrefix("+") ? text.dropFirst() : text[...]
        let points = digits.utf8.filter { $0 == UInt8(ascii: ".") }.count
        guard digits.utf8.count > points, points <= 1, digits.utf8.allSatisfy({ Lexer.isDigit($0) || $0 == UInt8(ascii: ".") }) else {
            return nil
        }
        return normalised(String(digits), isNegative: isNegative)
    }

    /// ksqlDB counts these columns from 2, and its test cases pin that; the range of the diagnostic is right.
    private static func invalid(_ message: String, at range: SourceRange) -> ParseFailure {
        ParseFailure(
            .invalidLiteral, "Failed to prepare statement: line \(range.line):\(range.column + 1): \(message)",
            at: range)
    }
}

extension Literal {
    /// The decimal that a text spells, without exponent; nil for a text that spells none.
    package static func decimal(spelled text: String) -> Literal? { NumberLiteral.decimal(text).map { .decimal($0) } }
}
