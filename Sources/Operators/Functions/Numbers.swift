// Bodies of ABS, FLOOR, CEIL and ROUND (functions.md §2).

import Values

extension FunctionLibrary {
    static let numbers: [FunctionBody] = [
        FunctionBody("ABS", accepts: oneNumber, .vectorised(absolute)),
        FunctionBody("FLOOR", accepts: oneNumber, .vectorised { call in roundWhole(call, .down) }),
        FunctionBody("CEIL", accepts: oneNumber, .vectorised { call in roundWhole(call, .up) }),
        FunctionBody("ROUND", accepts: oneNumber, .vectorised(round)),
        FunctionBody("ROUND", accepts: { $0.count == 2 && oneNumber([$0[0]]) && $0[1] == .integer }, .vectorised(roundToPlaces)),
    ]

    @Sendable private static func oneNumber(_ types: [SQLType]) -> Bool { types.count == 1 && types[0].isNumeric }

    private static func absolute(_ call: FunctionCall) {
        let source = call.arguments[0]
        let result = call.result
        switch source.lane {
        case .double: call.rows.forEach { result.doubles[$0] = source.doubles[$0].magnitude }
        case .wide: call.rows.forEach { result.wides[$0] = Int128(truncatingIfNeeded: source.wides[$0].magnitude) }
        default:
            let isInteger = source.type == .integer
            call.rows.forEach { row in
                let value = Int64(bitPattern: UInt64(source.words[row].magnitude))
                result.words[row] = isInteger ? Int64(Int32(truncatingIfNeeded: value)) : value
            }
        }
    }

    /// FLOOR and CEIL: types are kept, a decimal's fraction becomes zeros.
    private static func roundWhole(_ call: FunctionCall, _ rule: FloatingPointRoundingRule) {
        let source = call.arguments[0]
        let result = call.result
        switch source.lane {
        case .double: call.rows.forEach { result.doubles[$0] = source.doubles[$0].rounded(rule) }
        case .wide:
            let unit = Decimal.powerOfTen(source.type.asDecimal?.scale ?? 0) ?? 1
            call.rows.forEach { row in
                let value = source.wides[row]
                var rest = value % unit
                if rest < 0 { rest += unit }
                result.wides[row] = rest == 0 ? value : rule == .down ? value - rest : value - rest + unit
            }
        default: call.rows.forEach { result.words[$0] = source.words[$0] }
        }
    }

    /// `numerator / unit` with ties towards +infinity.
    private static func roundedUp(_ value: Int128, _ unit: Int128) -> Int128 {
        var (quotient, rest) = value.quotientAndRemainder(dividingBy: unit)
        if rest < 0 {
            rest += unit
            quotient -= 1
        }
        return rest >= unit - rest ? quotient + 1 : quotient
    }

    private static func round(_ call: FunctionCall) {
        let source = call.arguments[0]
        let result = call.result
        switch source.lane {
        case .double:
            call.rows.forEach { row in
                let value = source.doubles[row]
                let whole = value.rounded(.down)
                let rounded = value - whole >= 0.5 ? whole + 1 : whole
                result.words[row] =
                    value.isNaN ? 0 : rounded >= 0x1p63 ? .max : rounded <= -0x1p63 ? .min : Int64(rounded)
            }
        case .wide:
            let unit = Decimal.powerOfTen(source.type.asDecimal?.scale ?? 0) ?? 1
            call.rows.forEach { result.wides[$0] = roundedUp(source.wides[$0], unit) }
        default: call.rows.forEach { result.words[$0] = source.words[$0] }
        }
    }

    private static func roundToPlaces(_ call: FunctionCall) {
        let source = call.arguments[0]
        let result = call.result
        let scale = source.type.asDecimal?.scale ?? 0
        call.rows.forEach { row in
            let places = Int(call.arguments[1].words[row])
            switch source.lane {
            case .double:
                guard source.doubles[row].isFinite else { return call.fail(row, "ROUND of a number that is not finite") }
                result.doubles[row] = rounded(source.doubles[row], places)
            case .wide:
                guard places < scale else {
                    result.wides[row] = source.wides[row]
                    return
                }
                guard let unit = Decimal.powerOfTen(scale - places) else {
                    result.wides[row] = 0
                    return
                }
                result.wides[row] = roundedUp(source.wides[row], unit) &* unit
            default: result.words[row] = source.words[row]
            }
        }
    }

    /// A double rounded on its shortest decimal text, ties towards +infinity, never -0.0.
    private static func rounded(_ value: Double, _ places: Int) -> Double {
        guard value != 0 else { return 0 }
        let (digits, exponent) = NumberText.shortestDigits(value.magnitude)
        // Digits left of the cut; the first digit stands at 10^exponent.
        let kept = exponent + 1 + places
        if kept >= digits.count { return value }
        if kept < 0 { return 0 }
        var unscaled: Int128 = 0
        for digit in digits { unscaled = unscaled * 10 + Int128(digit - 48) }
        let unit = Decimal.powerOfTen(digits.count - kept) ?? 1
        let whole = roundedUp(value < 0 ? -unscaled : unscaled, unit)
        if whole == 0 { return 0 }
        return Double("\(whole)e\(-places)") ?? value
    }
}
