// Bodies of ABS, SIGN, FLOOR, CEIL, ROUND and TRUNC.

import Values

extension FunctionLibrary {
    static let numbers: [FunctionBody] = [
        FunctionBody("ABS", accepts: oneNumber, .vectorised(absolute)),
        FunctionBody("FLOOR", accepts: oneNumber, .vectorised { call in roundWhole(call, .down) }),
        FunctionBody("CEIL", accepts: oneNumber, .vectorised { call in roundWhole(call, .up) }),
        FunctionBody("ROUND", [.integer], nulls: .seen, .vectorised(widen)),
        FunctionBody("ROUND", [.bigint], nulls: .seen, .vectorised(widen)),
        FunctionBody("ROUND", accepts: oneNumber, .vectorised { call in toWhole(call, .nearest) }),
        FunctionBody("ROUND", accepts: numberAndPlaces, .vectorised { call in toPlaces(call, .nearest) }),
        FunctionBody("TRUNC", accepts: oneNumber, .vectorised { call in toWhole(call, .towardsZero) }),
        FunctionBody("TRUNC", accepts: numberAndPlaces, .vectorised { call in toPlaces(call, .towardsZero) }),
        FunctionBody("SIGN", accepts: { oneNumber($0) && $0[0].asDecimal?.scale ?? 0 == 0 }, .vectorised(sign)),
    ]

    /// How digits are dropped.
    private enum Cut {
        /// Ties go towards +infinity.
        case nearest
        case towardsZero
    }

    @Sendable private static func oneNumber(_ types: [SQLType]) -> Bool { types.count == 1 && types[0].isNumeric }
    @Sendable private static func numberAndPlaces(_ types: [SQLType]) -> Bool {
        types.count == 2 && types[1] == .integer && (types[0] == .double || Lane(types[0]) == .wide)
    }

    /// ROUND of an integer, for which NULL is a failure.
    private static func widen(_ call: FunctionCall) {
        call.words { row throws(EvaluationError) in
            if call.isNull(0, row) { throw EvaluationError("the number to round must not be null") }
            return call.arguments[0].words[row]
        }
    }

    private static func sign(_ call: FunctionCall) {
        let source = call.arguments[0]
        switch source.lane {
        case .double: call.words { source.doubles[$0] > 0 ? 1 : source.doubles[$0] < 0 ? -1 : 0 }
        default: call.words { source.words[$0].signum() }
        }
    }

    private static func absolute(_ call: FunctionCall) {
        let source = call.arguments[0]
        let result = call.result
        switch source.lane {
        case .double: call.rows.forEach { result.doubles[$0] = source.doubles[$0].magnitude }
        case .wide: call.rows.forEach { result.wides[$0] = Int128(truncatingIfNeeded: source.wides[$0].magnitude) }
        default:
            let most = source.type == .integer ? UInt64(Int32.max) : UInt64(Int64.max)
            call.words { row throws(EvaluationError) in
                let magnitude = source.words[row].magnitude
                guard magnitude <= most else { throw EvaluationError("ABS(\(source.words[row])) is too large for \(source.type)") }
                return Int64(magnitude)
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

    /// `value / unit` as a whole number.
    private static func quotient(_ value: Int128, _ unit: Int128, _ cut: Cut) -> Int128 {
        var (quotient, rest) = value.quotientAndRemainder(dividingBy: unit)
        if cut == .towardsZero { return quotient }
        if rest < 0 {
            rest += unit
            quotient -= 1
        }
        return rest >= unit - rest ? quotient + 1 : quotient
    }

    private static func toWhole(_ call: FunctionCall, _ cut: Cut) {
        let source = call.arguments[0]
        let result = call.result
        switch source.lane {
        case .double:
            call.rows.forEach { row in
                let value = source.doubles[row]
                var whole = value.rounded(cut == .nearest ? .down : .towardZero)
                if cut == .nearest, value - whole >= 0.5 { whole += 1 }
                result.words[row] = value.isNaN ? 0 : whole >= 0x1p63 ? .max : whole <= -0x1p63 ? .min : Int64(whole)
            }
        case .wide:
            let unit = Decimal.powerOfTen(source.type.asDecimal?.scale ?? 0) ?? 1
            call.rows.forEach { result.wides[$0] = quotient(source.wides[$0], unit, cut) }
        default: call.rows.forEach { result.words[$0] = source.words[$0] }
        }
    }

    private static func toPlaces(_ call: FunctionCall, _ cut: Cut) {
        let source = call.arguments[0]
        let result = call.result
        let scale = source.type.asDecimal?.scale ?? 0
        call.rows.forEach { row in
            let places = Int(call.arguments[1].words[row])
            switch source.lane {
            case .double:
                guard source.doubles[row].isFinite else { return call.fail(row, "a number that is not finite has no decimal places") }
                result.doubles[row] = shortened(source.doubles[row], places, cut)
            default:
                guard places < scale else {
                    result.wides[row] = source.wides[row]
                    return
                }
                guard let unit = Decimal.powerOfTen(scale - places) else {
                    result.wides[row] = 0
                    return
                }
                result.wides[row] = quotient(source.wides[row], unit, cut) &* unit
            }
        }
    }

    /// A double cut on its shortest decimal text, never -0.0.
    private static func shortened(_ value: Double, _ places: Int, _ cut: Cut) -> Double {
        guard value != 0 else { return 0 }
        let (digits, exponent) = NumberText.shortestDigits(value.magnitude)
        // Digits left of the cut; the first digit stands at 10^exponent.
        let kept = exponent + 1 + places
        if kept >= digits.count { return value }
        if kept < 0 { return 0 }
        var unscaled: Int128 = 0
        for digit in digits { unscaled = unscaled * 10 + Int128(digit - 48) }
        let unit = Decimal.powerOfTen(digits.count - kept) ?? 1
        let whole = quotient(value < 0 ? -unscaled : unscaled, unit, cut)
        if whole == 0 { return 0 }
        return Double("\(whole)e\(-places)") ?? value
    }
}
