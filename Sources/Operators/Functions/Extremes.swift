// Bodies of GREATEST and LEAST: NULLs are passed over.

import Values

extension FunctionLibrary {
    static let extremes: [FunctionBody] = [
        FunctionBody("GREATEST", nulls: .seen, accepts: isComparable, .vectorised { call in choose(call, 1) }),
        FunctionBody("LEAST", nulls: .seen, accepts: isComparable, .vectorised { call in choose(call, -1) }),
    ]

    @Sendable private static func isComparable(_ types: [SQLType]) -> Bool {
        guard let first = types.first, !first.isNested, first != .boolean else { return false }
        return types.allSatisfy { $0 == first || ($0.asDecimal != nil && first.asDecimal != nil) }
    }

    private static func choose(_ call: FunctionCall, _ sign: Int) {
        let result = call.result
        call.rows.forEach { row in
            var best: Column?
            for column in call.arguments where !column.isNull(row) {
                if let known = best, ElementOrder.compare(column, row, with: known, row) * sign <= 0 { continue }
                best = column
            }
            guard let best else { return result.setNull(row) }
            switch result.lane {
            case .wide:
                // The arguments' scales may differ; the result's holds them all.
                let scale = result.type.asDecimal?.scale ?? 0
                let value = Decimal(unscaled: best.wides[row], scale: best.type.asDecimal?.scale ?? 0)
                guard let scaled = value.rescaled(to: scale, .halfUp) else { return call.fail(row, "a decimal has too many digits") }
                result.wides[row] = scaled.unscaled
            default: result.copy(best, row, to: row)
            }
        }
    }
}
