// Bodies of text functions that people know from PostgreSQL, and of MOD and DIV.

import Bytes
import Values

extension FunctionLibrary {
    static let ownTexts: [FunctionBody] = [
        FunctionBody(
            "ASCII", [.string],
            .vectorised { call in call.words { row in Int64(string(call.arguments[0].text(row).prefix(4)).unicodeScalars.first?.value ?? 0) } }),
        FunctionBody("BTRIM", accepts: isTrimming, .vectorised { call in trim(call, left: true, right: true) }),
        FunctionBody("LTRIM", accepts: isTrimming, .vectorised { call in trim(call, left: true, right: false) }),
        FunctionBody("RTRIM", accepts: isTrimming, .vectorised { call in trim(call, left: false, right: true) }),
        FunctionBody(
            "LEFT", [.string, .integer],
            .vectorised { call in
                cut(call) { row, length in
                    let count = Int(call.arguments[1].words[row])
                    return 0..<(count < 0 ? max(0, length + count) : min(count, length))
                }
            }),
        FunctionBody(
            "RIGHT", [.string, .integer],
            .vectorised { call in
                cut(call) { row, length in
                    let count = Int(call.arguments[1].words[row])
                    return (count < 0 ? min(length, -count) : max(0, length - count))..<length
                }
            }),
        FunctionBody(
            "STARTS_WITH", [.string, .string],
            .vectorised { call in call.words { call.arguments[0].text($0).starts(with: call.arguments[1].text($0)) ? 1 : 0 } }),
        FunctionBody(
            "ENDS_WITH", [.string, .string],
            .vectorised { call in
                call.words { row in
                    let (text, end) = (call.arguments[0].text(row), call.arguments[1].text(row))
                    return text.count >= end.count && text.suffix(end.count).elementsEqual(end) ? 1 : 0
                }
            }),
        FunctionBody("REPEAT", [.string, .integer], .vectorised(repeated)),
        FunctionBody(
            "REVERSE", [.string],
            .vectorised { call in
                call.texts { row, bytes in
                    var result = String.UnicodeScalarView()
                    result.append(contentsOf: string(call.arguments[0].text(row)).unicodeScalars.reversed())
                    bytes.append(contentsOf: String(result).utf8)
                    return true
                }
            }),
        FunctionBody("SPLIT_PART", [.string, .string, .integer], .vectorised(splitPart)),
        FunctionBody("GLOB", [.string, .string], .prepared { _, _ in matching(globbed) }),
        FunctionBody("SIMILAR_TO", [.string, .string], .prepared { _, _ in matching(similar) }),
        FunctionBody(
            "REGEXP_LIKE", [.string, .string], .prepared { _, _ in matching { text throws(EvaluationError) in try RegularExpression(text) } }),
        FunctionBody("TRANSLATE", [.string, .string, .string], .vectorised(translate)),
        FunctionBody(
            "TO_INT", [.bigint],
            .vectorised { call in
                call.words { row throws(EvaluationError) in
                    let number = call.arguments[0].words[row]
                    guard Int32(exactly: number) != nil else { throw EvaluationError("\(number) does not fit INTEGER") }
                    return number
                }
            }),
        division("MOD", .integer) { $0.remainderReportingOverflow(dividingBy: $1).partialValue },
        division("MOD", .bigint) { $0.remainderReportingOverflow(dividingBy: $1).partialValue },
        division("DIV", .integer) { Int32(exactly: $0 / $1).map { Int64($0) } },
        division("DIV", .bigint) { $0 == .min && $1 == -1 ? nil : $0 / $1 },
    ]

    private static func division(_ name: String, _ type: SQLType, _ compute: @escaping @Sendable (Int64, Int64) -> Int64?) -> FunctionBody {
        FunctionBody(
            name, [type, type],
            .vectorised { call in
                call.words { row throws(EvaluationError) in
                    let divisor = call.arguments[1].words[row]
                    if divisor == 0 { throw EvaluationError("division by zero") }
                    let dividend = call.arguments[0].words[row]
                    guard let quotient = compute(dividend, divisor) else { throw EvaluationError("\(dividend) / \(divisor) does not fit \(type)") }
                    return quotient
                }
            })
    }

    @Sendable private static func isTrimming(_ types: [SQLType]) -> Bool { types == [.string] || types == [.string, .string] }

    /// Without blanks, or any of the characters in the second argument.
    private static func trim(_ call: FunctionCall, left: Bool, right: Bool) {
        let source = call.arguments[0]
        call.texts { row, bytes in
            let text = source.text(row)
            if call.arguments.count == 1 || isASCII(call.arguments[1].text(row)) {
                // In valid UTF-8 no byte of a longer character is an ASCII character.
                let unwanted = call.arguments.count == 1 ? [0x20] : Array(call.arguments[1].text(row))
                var kept = text
                if left { kept = kept.drop { unwanted.contains($0) } }
                if right { kept = kept[..<(kept.lastIndex { !unwanted.contains($0) }.map { $0 + 1 } ?? kept.startIndex)] }
                bytes.append(contentsOf: kept)
                return true
            }
            let unwanted = Set(string(call.arguments[1].text(row)).unicodeScalars)
            var kept = string(text).unicodeScalars[...]
            if left { kept = kept.drop { unwanted.contains($0) } }
            if right { while let last = kept.last, unwanted.contains(last) { kept.removeLast() } }
            bytes.append(contentsOf: String(kept).utf8)
            return true
        }
    }

    private static func repeated(_ call: FunctionCall) {
        call.texts { row, bytes throws(EvaluationError) in
            let text = call.arguments[0].text(row)
            let count = max(0, call.arguments[1].words[row])
            if text.isEmpty || count == 0 { return true }
            if count > Int64(ValueLimit.bytes / text.count) { throw EvaluationError(ValueLimit.message) }
            let first = bytes.count, end = first + text.count * Int(count)
            bytes.append(contentsOf: text)
            // Doubled, as far as it goes.
            while bytes.count < end {
                let part = min(bytes.count - first, end - bytes.count)
                bytes.append(contentsOf: Array(bytes[first..<first + part]))
            }
            return true
        }
    }

    private static func splitPart(_ call: FunctionCall) {
        let cancel = call.frame.pressure.cancel
        call.texts { row, bytes throws(EvaluationError) in
            let number = call.arguments[2].words[row]
            if number == 0 { throw EvaluationError("the number of a part must not be zero") }
            let (text, delimiter) = (call.arguments[0].text(row), call.arguments[1].text(row))
            if delimiter.isEmpty {
                if number == 1 || number == -1 { bytes.append(contentsOf: text) }
                return true
            }
            var parts: [ArraySlice<UInt8>] = []
            ByteSearch.split(text, by: delimiter, unless: cancel) { parts.append($0) }
            let place = number > 0 ? number - 1 : Int64(parts.count) + number
            if place >= 0, place < Int64(parts.count) { bytes.append(contentsOf: parts[Int(place)]) }
            return true
        }
    }

    private static func translate(_ call: FunctionCall) {
        call.texts { row, bytes in
            let to = Array(string(call.arguments[2].text(row)).unicodeScalars)
            var map: [Unicode.Scalar: Unicode.Scalar?] = [:]
            for (place, scalar) in string(call.arguments[1].text(row)).unicodeScalars.enumerated() where map[scalar] == nil {
                map[scalar] = .some(place < to.count ? to[place] : nil)
            }
            var result = String.UnicodeScalarView()
            for (place, scalar) in string(call.arguments[0].text(row)).unicodeScalars.enumerated() {
                if call.isCancelled(at: place) { return true }
                if let other = map[scalar] { if let other { result.append(other) } } else { result.append(scalar) }
            }
            bytes.append(contentsOf: String(result).utf8)
            return true
        }
    }

    // MARK: SIMILAR TO

    /// Whether the expression that a pattern stands for matches.
    private static func matching(
        _ compile: @escaping @Sendable (ArraySlice<UInt8>) throws(EvaluationError) -> RegularExpression
    ) -> (FunctionCall) -> Void {
        let patterns = Recent<RegularExpression>()
        return { call in
            call.words { row throws(EvaluationError) in
                let expression = try patterns.get(call.arguments[1].text(row), compile)
                return try expression.find(in: call.arguments[0].text(row)) ? 1 : 0
            }
        }
    }

    /// The expression that a pattern of GLOB stands for: `*` any text, `?` any character, `[abc]`, `[a-z]` and `[^a]` one of, or none of, these. One
    /// with a bracket that is not closed matches nothing.
    @Sendable static func globbed(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) -> RegularExpression {
        var result = Array("(?s)\\A(?:".utf8)
        var rest = pattern
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "*"): result += ".*".utf8
            case UInt8(ascii: "?"): result.append(UInt8(ascii: "."))
            case UInt8(ascii: "["):
                let isNegated = rest.first == UInt8(ascii: "^")
                if isNegated { rest = rest.dropFirst() }
                // A closing bracket at the start stands for itself.
                guard let end = rest.dropFirst().firstIndex(of: UInt8(ascii: "]")) else { return try RegularExpression(Array("(?!)".utf8)[...]) }
                result += (isNegated ? "[^" : "[").utf8
                for member in rest[..<end] {
                    if member != UInt8(ascii: "-"), isSign(member) { result.append(UInt8(ascii: "\\")) }
                    result.append(member)
                }
                result.append(UInt8(ascii: "]"))
                rest = rest[(end + 1)...]
            default:
                if isSign(byte) { result.append(UInt8(ascii: "\\")) }
                result.append(byte)
            }
        }
        return try RegularExpression((result + ")\\z".utf8)[...])
    }

    /// Whether a byte is an ASCII character that is neither a letter, a digit nor a blank.
    private static func isSign(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !(byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) && !(byte >= 48 && byte <= 57)
    }

    /// The expression that a pattern of SIMILAR TO stands for.
    @Sendable static func similar(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) -> RegularExpression {
        do throws(EvaluationError) { return try RegularExpression(regular(pattern)[...]) } catch {
            throw EvaluationError("the pattern '\(string(pattern.prefix(100)))' of SIMILAR TO is malformed: a bracket or a sign of repetition has no partner")
        }
    }

    /// A pattern of SIMILAR TO as a regular expression: `%` and `_` as in LIKE; `| * + ? { } ( ) [ ]` as in regular expressions; a backslash before
    /// a character that stands for itself.
    private static func regular(_ pattern: ArraySlice<UInt8>) -> [UInt8] {
        var result = Array("(?s)\\A(?:".utf8)
        var rest = pattern
        var isInBrackets = false
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\\"):
                guard let next = rest.popFirst() else { break }
                if next < 0x80, next != UInt8(ascii: "_"), !(next | 0x20 >= 0x61 && next | 0x20 <= 0x7A), !(next >= 48 && next <= 57) {
                    result.append(byte)
                }
                result.append(next)
            case UInt8(ascii: "["): (isInBrackets, _) = (true, result.append(byte))
            case UInt8(ascii: "]"): (isInBrackets, _) = (false, result.append(byte))
            case UInt8(ascii: "%") where !isInBrackets: result += ".*".utf8
            case UInt8(ascii: "_") where !isInBrackets: result.append(UInt8(ascii: "."))
            case UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "$"):
                if !isInBrackets { result.append(UInt8(ascii: "\\")) }
                result.append(byte)
            default: result.append(byte)
            }
        }
        return result + ")\\z".utf8
    }
}
