// TO_CHAR of numbers by a pattern of PostgreSQL: 9 and 0 are digits, `.` (or D) the point, `,` (or G) groups, S, MI and PR signs, FM takes the
// blanks and the zeros behind the point away, and what stands in double quotes is text, as is what is no letter.

import Bytes
import Values

/// A pattern such as `FM999,990.00`, read once.
struct NumberPattern {
    private enum Part {
        case digit(isZero: Bool)
        case group
        case text([UInt8])
    }

    private enum Sign {
        /// Just in front of the first digit: a minus or a blank.
        case usual
        /// Just in front of the first digit: a minus or a plus.
        case leading
        /// At the end: a minus or a plus.
        case trailing
        /// Where MI stands behind the number: a minus or a blank.
        case minusBehind
        /// `<12>` of a negative number.
        case brackets
    }

    private var whole: [Part] = []
    private var fraction: [Part] = []
    private var hasPoint = false
    private var sign = Sign.usual
    private var isTight = false

    /// Errors: what in the pattern has no meaning.
    init(_ pattern: ArraySlice<UInt8>) throws(EvaluationError) {
        var rest = pattern
        while let byte = rest.first {
            if byte == UInt8(ascii: "\"") {
                let text = rest.dropFirst().prefix { $0 != byte }
                rest = rest[text.endIndex...].dropFirst()
                append(.text(Array(text)))
                continue
            }
            rest.removeFirst()
            switch byte {
            case UInt8(ascii: "9"), UInt8(ascii: "0"): append(.digit(isZero: byte == UInt8(ascii: "0")))
            case UInt8(ascii: "."), UInt8(ascii: "D"), UInt8(ascii: "d"):
                if hasPoint { throw EvaluationError("a pattern of a number has one point") }
                hasPoint = true
            case UInt8(ascii: ","), UInt8(ascii: "G"), UInt8(ascii: "g"): append(.group)
            case UInt8(ascii: "S"), UInt8(ascii: "s"): sign = hasDigits ? .trailing : .leading
            default:
                if Self.take("M", behind: byte, "F", &rest) {
                    isTight = true
                } else if Self.take("I", behind: byte, "M", &rest) {
                    sign = .minusBehind
                } else if Self.take("R", behind: byte, "P", &rest) {
                    sign = .brackets
                } else if (0x61...0x7A).contains(byte | 0x20) {
                    throw EvaluationError("no part of a number begins with '\(Character(Unicode.Scalar(byte)))' here")
                } else {
                    append(.text([byte]))
                }
            }
        }
        guard hasDigits else { throw EvaluationError("a pattern of a number has a 9 or a 0 for each digit") }
    }

    /// Whether a word of two letters stands here, of which the first one has been read; then the second one is, too.
    private static func take(_ second: Character, behind byte: UInt8, _ first: Character, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard byte & 0xDF == first.asciiValue, let next = rest.first, next & 0xDF == second.asciiValue else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func append(_ part: Part) { if hasPoint { fraction.append(part) } else { whole.append(part) } }

    private var hasDigits: Bool { (whole + fraction).contains { if case .digit = $0 { true } else { false } } }

    private static func digits(of parts: [Part]) -> [Bool] {
        parts.compactMap { if case .digit(let isZero) = $0 { isZero } else { nil } }
    }

    /// Appends the number in this form. One with more digits in front of the point than the pattern has is made of `#`.
    func append(_ number: Decimal, to bytes: inout [UInt8]) {
        let places = Self.digits(of: fraction)
        let wholePlaces = Self.digits(of: whole)
        // What does not fit 38 digits has more than any pattern shows.
        let rounded = number.rescaled(to: places.count, .halfUp)
        let isNegative = number.unscaled < 0
        var text = rounded.map { Array(String($0.unscaled.magnitude).utf8) } ?? []
        if text.count < places.count + 1 { text = [UInt8](repeating: 0x30, count: places.count + 1 - text.count) + text }
        var front = Array(text[..<(text.count - places.count)])
        // A lone zero in front of the point is shown where a 0 asks for it, or where there is no other digit.
        if front == [0x30], !places.isEmpty { front = [] }
        let isTooLong = rounded == nil || front.count > wholePlaces.count
        var behind = Array(text[(text.count - places.count)...])
        if isTooLong { (front, behind) = (Array(repeating: 0x23, count: wholePlaces.count), Array(repeating: 0x23, count: places.count)) }
        appendWhole(front, wholePlaces, isNegative, to: &bytes)
        if hasPoint {
            bytes.append(UInt8(ascii: "."))
            appendFraction(behind, places, isTooLong, to: &bytes)
        }
        switch sign {
        case .trailing: bytes.append(UInt8(ascii: isNegative ? "-" : "+"))
        case .minusBehind: mark(isNegative ? "-" : " ", isBlank: !isNegative, &bytes)
        case .brackets: mark(isNegative ? ">" : " ", isBlank: !isNegative, &bytes)
        case .usual, .leading: break
        }
    }

    /// A sign, or the blank in its place, which FM leaves out.
    private func mark(_ sign: Unicode.Scalar, isBlank: Bool, _ bytes: inout [UInt8]) {
        if !isBlank || !isTight { bytes.append(UInt8(ascii: sign)) }
    }

    private func appendWhole(_ digits: [UInt8], _ places: [Bool], _ isNegative: Bool, to bytes: inout [UInt8]) {
        let firstZero = places.firstIndex(of: true) ?? places.count
        var place = 0
        var hasBegun = false
        func begin(_ bytes: inout [UInt8]) {
            if hasBegun { return }
            hasBegun = true
            if sign == .usual { mark(isNegative ? "-" : " ", isBlank: !isNegative, &bytes) }
            if sign == .brackets { mark(isNegative ? "<" : " ", isBlank: !isNegative, &bytes) }
            if sign == .leading { bytes.append(UInt8(ascii: isNegative ? "-" : "+")) }
        }
        for part in whole {
            switch part {
            case .digit:
                let index = place - (places.count - digits.count)
                if index >= 0 || place >= firstZero {
                    begin(&bytes)
                    bytes.append(index >= 0 ? digits[index] : 0x30)
                } else if !isTight {
                    bytes.append(0x20)
                }
                place += 1
            case .group: if hasBegun { bytes.append(UInt8(ascii: ",")) } else if !isTight { bytes.append(0x20) }
            case .text(let text): bytes += text
            }
        }
        begin(&bytes)
    }

    /// With FM zeros at the end are left out where a 9 stands.
    private func appendFraction(_ digits: [UInt8], _ places: [Bool], _ isTooLong: Bool, to bytes: inout [UInt8]) {
        var shown = digits.count
        if isTight, !isTooLong { while shown > 0, digits[shown - 1] == 0x30, !places[shown - 1] { shown -= 1 } }
        var place = 0
        for part in fraction {
            switch part {
            case .digit:
                if place < shown { bytes.append(digits[place]) }
                place += 1
            case .group: bytes.append(UInt8(ascii: ","))
            case .text(let text): bytes += text
            }
        }
    }
}

extension FunctionLibrary {
    /// TO_CHAR of numbers.
    static let numberTexts: [FunctionBody] = [
        FunctionBody(
            "TO_CHAR", accepts: { $0.count == 2 && $0[0].isNumeric && $0[1] == .string },
            .prepared { _, _ in
                let patterns = Recent<NumberPattern>()
                return { call in
                    let numbers = call.arguments[0]
                    call.texts { row, bytes throws(EvaluationError) in
                        let pattern = try patterns.get(call.arguments[1].text(row)) { text throws(EvaluationError) in try NumberPattern(text) }
                        pattern.append(try exact(numbers, row), to: &bytes)
                        return true
                    }
                }
            })
    ]

    /// The number at a row with all its digits. Errors: it is none, or has more than 38.
    private static func exact(_ column: Column, _ row: Int) throws(EvaluationError) -> Decimal {
        if let number = column.exactNumber(row) { return number }
        let value = column.doubles[row]
        guard let number = Decimal(text: "\(value)".utf8) else { throw EvaluationError("\(value) has no form with 38 digits") }
        return number
    }
}
