// Bodies of the functions with regular expressions.

import Bytes
import Values

extension FunctionLibrary {
    static let patterns: [FunctionBody] = [
        FunctionBody("REGEXP_EXTRACT", [.string, .string], .prepared { _, _ in regexpExtract() }),
        FunctionBody("REGEXP_EXTRACT", [.string, .string, .integer], .prepared { _, _ in regexpExtract() }),
        FunctionBody("REGEXP_EXTRACT_ALL", [.string, .string], .prepared { _, _ in regexpExtractAll() }),
        FunctionBody("REGEXP_EXTRACT_ALL", [.string, .string, .integer], .prepared { _, _ in regexpExtractAll() }),
        FunctionBody("REGEXP_REPLACE", [.string, .string, .string], .prepared { _, _ in regexpReplace() }),
        FunctionBody("REGEXP_SPLIT_TO_ARRAY", [.string, .string], .prepared { _, _ in regexpSplit() }),
    ]

    private static func group(_ call: FunctionCall, _ row: Int) throws(EvaluationError) -> Int {
        guard call.arguments.count > 2 else { return 0 }
        let group = Int(call.arguments[2].words[row])
        if group < 0 { throw EvaluationError("a group number is negative") }
        return group
    }

    private static func slice(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> ArraySlice<UInt8> {
        text[(text.startIndex + range.lowerBound)..<(text.startIndex + range.upperBound)]
    }

    /// REGEXP_EXTRACT(pattern, input[, group]): the result points into the input's bytes.
    private static func regexpExtract() -> (FunctionCall) -> Void {
        let cache = Recent<RegularExpression>()
        return { call in
            let input = call.arguments[1]
            let result = call.result
            result.bytes = input.bytes
            result.isView = true
            call.rows.forEach { row in
                if call.isCancelled { return result.setFailed(row) }
                do throws(EvaluationError) {
                    let text = input.text(row)
                    let expression = try cache.get(call.arguments[0].text(row), RegularExpression.init)
                    let group = try group(call, row)
                    guard group <= expression.groupCount, try expression.find(in: text), let range = expression.range(group) else {
                        return result.setNull(row)
                    }
                    result.setRange(row, start: text.startIndex + range.lowerBound, count: range.count)
                } catch {
                    call.fail(row, error.message)
                }
            }
        }
    }

    /// REGEXP_EXTRACT_ALL(pattern, input[, group])
    private static func regexpExtractAll() -> (FunctionCall) -> Void {
        let cache = Recent<RegularExpression>()
        return { call in
            call.lists { row, children throws(EvaluationError) in
                let text = call.arguments[1].text(row)
                let found = children[0]
                let expression = try cache.get(call.arguments[0].text(row), RegularExpression.init)
                let group = try group(call, row)
                if group > expression.groupCount { return false }
                try expression.forEachMatch(in: text, unless: call.frame.pressure.cancel) { _ in
                    let place = found.appendRow()
                    if let range = expression.range(group) { found.setText(place, slice(text, range)) } else { found.setNull(place) }
                    return true
                }
                return true
            }
        }
    }

    /// REGEXP_REPLACE(input, pattern, replacement)
    private static func regexpReplace() -> (FunctionCall) -> Void {
        let cache = Recent<RegularExpression>()
        let replacements = Recent<PatternReplacement>()
        return { call in
            call.texts { row, bytes throws(EvaluationError) in
                let text = call.arguments[0].text(row)
                let expression = try cache.get(call.arguments[1].text(row), RegularExpression.init)
                let replacement = try replacements.get(call.arguments[2].text(row), PatternReplacement.init)
                var end = 0
                let start = bytes.count
                try expression.forEachMatch(in: text, unless: call.frame.pressure.cancel) { match throws(EvaluationError) in
                    bytes.append(contentsOf: slice(text, end..<match.lowerBound))
                    try replacement.append(expression, text, to: &bytes)
                    end = match.upperBound
                    return bytes.count - start <= ValueLimit.bytes
                }
                bytes.append(contentsOf: slice(text, end..<text.count))
                return true
            }
        }
    }

    /// REGEXP_SPLIT_TO_ARRAY(input, pattern): all pieces. When the pattern matches the empty text, the rules of Java's `String.split` hold
    /// instead: no empty piece in front, none at the end.
    private static func regexpSplit() -> (FunctionCall) -> Void {
        let cache = Recent<RegularExpression>()
        return { call in
            call.lists { row, children throws(EvaluationError) in
                let text = call.arguments[0].text(row)
                let expression = try cache.get(call.arguments[1].text(row), RegularExpression.init)
                let matchesNothing = try expression.find(in: [])
                var pieces: [Range<Int>] = []
                var end = 0
                try expression.forEachMatch(in: text, unless: call.frame.pressure.cancel) { match in
                    if matchesNothing, end == 0, match == 0..<0 { return true }
                    pieces.append(end..<match.lowerBound)
                    end = match.upperBound
                    return true
                }
                pieces.append(end..<text.count)
                if matchesNothing, end > 0 { while pieces.count > 1, pieces.last?.isEmpty ?? false { pieces.removeLast() } }
                for (place, piece) in pieces.enumerated() {
                    if call.isCancelled(at: place) { return false }
                    children[0].setText(children[0].appendRow(), slice(text, piece))
                }
                return true
            }
        }
    }
}

/// The replacement of REGEXP_REPLACE: text with `$1` and `${name}` for groups, in which a backslash takes the next character as it is.
private struct PatternReplacement {
    private enum Piece {
        case literal([UInt8])
        /// The digits behind `$`, as many of which count as there are groups for.
        case number([UInt8])
        case name(String)
    }
    private var pieces: [Piece] = []

    init(_ text: ArraySlice<UInt8>) throws(EvaluationError) {
        var rest = text
        var literal: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\\"):
                guard let next = rest.popFirst() else { throw EvaluationError("the replacement ends with a backslash") }
                literal.append(next)
            case UInt8(ascii: "$"):
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = []
                pieces.append(try PatternReplacement.reference(&rest))
            default: literal.append(byte)
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
    }

    private static func reference(_ rest: inout ArraySlice<UInt8>) throws(EvaluationError) -> Piece {
        if rest.first == UInt8(ascii: "{"), let end = rest.firstIndex(of: UInt8(ascii: "}")) {
            let name = rest[(rest.startIndex + 1)..<end]
            rest = rest[(end + 1)...]
            return .name(string(name))
        }
        let digits = rest.prefix { $0 >= 48 && $0 <= 57 }
        guard !digits.isEmpty else { throw EvaluationError("a '$' in the replacement names no group") }
        rest = rest[digits.endIndex...]
        return .number(Array(digits))
    }

    /// Appends the replacement of the expression's last match in `text`.
    func append(_ expression: RegularExpression, _ text: ArraySlice<UInt8>, to bytes: inout [UInt8]) throws(EvaluationError) {
        func append(_ group: Int) {
            guard let range = expression.range(group) else { return }
            bytes.append(contentsOf: text[(text.startIndex + range.lowerBound)..<(text.startIndex + range.upperBound)])
        }
        for piece in pieces {
            switch piece {
            case .literal(let literal): bytes.append(contentsOf: literal)
            case .name(let name):
                guard let group = expression.group(named: name) else { throw EvaluationError("No group with name {\(name)}") }
                append(group)
            case .number(let digits):
                var group = Int(digits[0] - 48)
                var used = 1
                guard group <= expression.groupCount else { throw EvaluationError("No group \(group)") }
                while used < digits.count, group * 10 + Int(digits[used] - 48) <= expression.groupCount {
                    group = group * 10 + Int(digits[used] - 48)
                    used += 1
                }
                append(group)
                bytes.append(contentsOf: digits[used...])
            }
        }
    }
}
