// `+ - * / %` and unary minus. Whole numbers wrap, as ksqlDB's do, but in questions, where what does not fit fails; doubles follow IEEE, decimals are
// exact or fail.

import Plans
import Values

/// The failure texts that arithmetic shares.
enum ArithmeticFailure {
    static let divisionByZero = "division by zero"
    static let inexact = "the exact decimal result does not fit its type"
}

/// INTEGER and BIGINT.
final class WordArithmeticKernel: Kernel {
    private let operation: ArithmeticOperator
    private let left: Kernel, right: Kernel
    /// What is divided by, where that is the same for all rows.
    private let divisor: ConstantDivisor?

    init(_ operation: ArithmeticOperator, _ left: Kernel, _ right: Kernel, _ type: SQLType) {
        self.operation = operation
        self.left = left
        self.right = right
        divisor = (right as? LiteralKernel)?.word.flatMap { ConstantDivisor($0) }
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let leftColumn = left.evaluate(frame, rows)
        let rightColumn = right.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = computable(rows, [leftColumn, rightColumn], nullFails: frame.nullFails)
        let a = leftColumn.words
        let b = rightColumn.words
        var out = result.words
        result.words = []
        var zeroRows: [Int] = []
        switch operation {
        case .add: usable.forEach { out[$0] = a[$0] &+ b[$0] }
        case .subtract: usable.forEach { out[$0] = a[$0] &- b[$0] }
        case .multiply: usable.forEach { out[$0] = a[$0] &* b[$0] }
        case .divide where divisor != nil:
            if let divisor { usable.forEach { out[$0] = divisor.quotient(of: a[$0]) } }
        case .modulo where divisor != nil:
            if let divisor { usable.forEach { out[$0] = divisor.remainder(of: a[$0]) } }
        case .divide:
            usable.forEach { row in
                if b[row] == 0 { zeroRows.append(row) } else { out[row] = a[row].dividedReportingOverflow(by: b[row]).partialValue }
            }
        case .modulo:
            usable.forEach { row in
                if b[row] == 0 { zeroRows.append(row) } else { out[row] = b[row] == -1 ? 0 : a[row] % b[row] }
            }
        }
        let misfits = frame.environment.isQuestion ? misfits(usable, a, b, out) : []
        if type == .integer { usable.forEach { out[$0] = Int64(Int32(truncatingIfNeeded: out[$0])) } }
        result.words = out
        for row in misfits { fail(frame, row, "\(a[row]) \(operation.rawValue) \(b[row]) does not fit \(type)") }
        for row in zeroRows { fail(frame, row, ArithmeticFailure.divisionByZero) }
        return result
    }
}

extension WordArithmeticKernel {
    /// The rows whose results, in `out`, are not what was to be computed, since the type has no room for that.
    private func misfits(_ rows: Selection, _ a: [Int64], _ b: [Int64], _ out: [Int64]) -> [Int] {
        var found: [Int] = []
        // Of two INTEGERs everything fits 64 bits.
        if type == .integer {
            rows.forEach { row in if Int64(Int32(truncatingIfNeeded: out[row])) != out[row] { found.append(row) } }
            return found
        }
        switch operation {
        case .add: rows.forEach { row in if (a[row] ^ out[row]) & (b[row] ^ out[row]) < 0 { found.append(row) } }
        case .subtract: rows.forEach { row in if (a[row] ^ b[row]) & (a[row] ^ out[row]) < 0 { found.append(row) } }
        case .multiply: rows.forEach { row in if a[row].multipliedReportingOverflow(by: b[row]).overflow { found.append(row) } }
        case .divide: rows.forEach { row in if a[row] == .min, b[row] == -1 { found.append(row) } }
        case .modulo: break
        }
        return found
    }
}

/// DOUBLE.
final class DoubleArithmeticKernel: Kernel {
    private let operation: ArithmeticOperator
    private let left: Kernel, right: Kernel

    init(_ operation: ArithmeticOperator, _ left: Kernel, _ right: Kernel) {
        self.operation = operation
        self.left = left
        self.right = right
        super.init(.double)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let leftColumn = left.evaluate(frame, rows)
        let rightColumn = right.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = computable(rows, [leftColumn, rightColumn], nullFails: frame.nullFails)
        let a = leftColumn.doubles
        let b = rightColumn.doubles
        var out = result.doubles
        result.doubles = []
        switch operation {
        case .add: usable.forEach { out[$0] = a[$0] + b[$0] }
        case .subtract: usable.forEach { out[$0] = a[$0] - b[$0] }
        case .multiply: usable.forEach { out[$0] = a[$0] * b[$0] }
        case .divide: usable.forEach { out[$0] = a[$0] / b[$0] }
        case .modulo: usable.forEach { out[$0] = a[$0].truncatingRemainder(dividingBy: b[$0]) }
        }
        result.doubles = out
        return result
    }
}

/// DECIMAL: operands keep their own scales, the result has the node's.
final class DecimalArithmeticKernel: Kernel {
    private let operation: ArithmeticOperator
    private let left: Kernel, right: Kernel
    private let leftScale: Int, rightScale: Int, scale: Int
    /// What no result may reach.
    private let limit: UInt128

    init(_ operation: ArithmeticOperator, _ left: Kernel, _ right: Kernel, precision: Int, scale: Int) {
        self.operation = operation
        self.left = left
        self.right = right
        leftScale = left.type.asDecimal?.scale ?? 0
        rightScale = right.type.asDecimal?.scale ?? 0
        self.scale = scale
        limit = Decimal.powerOfTen(precision)?.magnitude ?? .max
        super.init(.decimal(precision: precision, scale: scale))
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let leftColumn = left.evaluate(frame, rows)
        let rightColumn = right.evaluate(frame, rows)
        result.reset(frame.count)
        let usable = computable(rows, [leftColumn, rightColumn], nullFails: frame.nullFails)
        let (a, b) = (leftColumn.wides, rightColumn.wides)
        var out = result.wides
        result.wides = []
        var failures: [(row: Int, reason: String)] = []
        let isDivision = operation == .divide || operation == .modulo
        let rounds = frame.environment.isQuestion
        usable.forEach { row in
            if isDivision, b[row] == 0 {
                failures.append((row, ArithmeticFailure.divisionByZero))
            } else if let value = compute(a[row], b[row], rounds: rounds), value.magnitude < limit {
                out[row] = value
            } else {
                failures.append((row, ArithmeticFailure.inexact))
            }
        }
        result.wides = out
        for failure in failures { fail(frame, failure.row, failure.reason) }
        return result
    }

    private func compute(_ a: Int128, _ b: Int128, rounds: Bool) -> Int128? {
        switch operation {
        case .multiply:
            let (product, overflow) = a.multipliedReportingOverflow(by: b)
            if overflow { return nil }
            if leftScale + rightScale == scale { return product }
            return Decimal(unscaled: product, scale: leftScale + rightScale).rescaled(to: scale, .exact)?.unscaled
        case .divide:
            return quotient(a, b, rounds: rounds)
        case .add, .subtract, .modulo:
            let common = max(leftScale, rightScale)
            guard let x = Decimal(unscaled: a, scale: leftScale).rescaled(to: common, .exact)?.unscaled,
                let y = Decimal(unscaled: b, scale: rightScale).rescaled(to: common, .exact)?.unscaled
            else { return nil }
            let (value, overflow) =
                operation == .add
                ? x.addingReportingOverflow(y)
                : operation == .subtract ? x.subtractingReportingOverflow(y) : (y == -1 ? 0 : x % y, false)
            return overflow ? nil : Decimal(unscaled: value, scale: common).rescaled(to: scale, .exact)?.unscaled
        }
    }

    /// a / b at the result's scale, when that is exact, or rounded half away from zero: a × 10^(scale − leftScale + rightScale) / b over 256 bits.
    private func quotient(_ a: Int128, _ b: Int128, rounds: Bool) -> Int128? {
        guard let factor = Decimal.powerOfTen(scale - leftScale + rightScale) else { return nil }
        let dividend = a.magnitude.multipliedFullWidth(by: factor.magnitude)
        let divisor = b.magnitude
        guard dividend.high < divisor else { return nil }
        let (whole, remainder) = divisor.dividingFullWidth(dividend)
        guard remainder == 0 || rounds, whole < UInt128(Int128.max) else { return nil }
        let quotient = Int128(whole) + (remainder >= divisor - remainder && remainder != 0 ? 1 : 0)
        return (a < 0) == (b < 0) ? quotient : -quotient
    }
}

/// `s + t` of two texts.
final class TextConcatenationKernel: Kernel {
    private let left: Kernel, right: Kernel

    init(_ left: Kernel, _ right: Kernel, _ type: SQLType) {
        self.left = left
        self.right = right
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let a = left.evaluate(frame, rows)
        let b = right.evaluate(frame, rows)
        result.reset(frame.count)
        // As in the reference's streaming queries, a NULL operand is spliced in as the text `null`.
        unfailed(rows, [a, b]).forEach { row in
            let start = result.bytes.count
            for operand in [a, b] {
                if operand.isNull(row) { result.bytes.append(contentsOf: "null".utf8) } else { result.bytes.append(contentsOf: operand.text(row)) }
            }
            if result.bytes.count - start > ValueLimit.bytes {
                result.bytes.removeLast(result.bytes.count - start)
                fail(frame, row, ValueLimit.message)
            } else if start > frame.pressure.limit || frame.pressure.isCancelled {
                if start > frame.pressure.limit { frame.pressure.isOverfull = true }
                result.setFailed(row)
            } else {
                result.setRange(row, from: start)
            }
        }
        return result
    }
}

/// `-a`
final class NegateKernel: Kernel {
    private let operand: Kernel

    init(_ operand: Kernel) {
        self.operand = operand
        super.init(operand.type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let column = operand.evaluate(frame, rows)
        result.reset(frame.count)
        computable(rows, [column], nullFails: frame.nullFails).forEach { row in
            switch result.lane {
            case .double: result.doubles[row] = -column.doubles[row]
            case .wide: result.wides[row] = 0 &- column.wides[row]
            case .word:
                let value = 0 &- column.words[row]
                result.words[row] = type == .integer ? Int64(Int32(truncatingIfNeeded: value)) : value
                if frame.environment.isQuestion, column.words[row] < 0, result.words[row] < 0 {
                    fail(frame, row, "-(\(column.words[row])) does not fit \(type)")
                }
            case .text, .list, .map, .structure: fail(frame, row, "no number")
            }
        }
        return result
    }
}
