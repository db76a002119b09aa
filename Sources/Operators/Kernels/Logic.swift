// AND, OR, NOT, IS NULL, CASE and COALESCE. Right sides are evaluated only for the rows that reach them, so that what is not reached neither fails
// nor is reported. A NULL boolean met here is a failure, but in a question, where it is unknown.

import Values

/// `a AND b`, `a OR b`: `deciding` is the left value that settles the matter.
final class LogicKernel: Kernel {
    fileprivate let left: Kernel, right: Kernel
    fileprivate let deciding: Int64

    init(and left: Kernel, _ right: Kernel) {
        self.left = left
        self.right = right
        deciding = 0
        super.init(.boolean)
    }

    init(or left: Kernel, _ right: Kernel) {
        self.left = left
        self.right = right
        deciding = 1
        super.init(.boolean)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let a = left.evaluate(frame, rows)
        result.reset(frame.count)
        if !frame.nullFails, !a.nulls.isEmpty { return unknown(a, frame, rows) }
        let usable = computable(rows, [a], nullFails: frame.nullFails)
        var out: [Int64] = []
        swap(&out, &result.words)
        let words = a.words
        let open = usable.filtered { row in
            out[row] = deciding
            return words[row] != deciding
        }
        swap(&out, &result.words)
        if open.isEmpty { return result }
        let b = right.evaluate(frame, open)
        let reached = computable(open, [b], nullFails: frame.nullFails)
        swap(&out, &result.words)
        let others = b.words
        reached.forEach { out[$0] = others[$0] }
        swap(&out, &result.words)
        return result
    }
}

extension LogicKernel {
    /// With a left side that is NULL in places: there the right side decides, or nothing does.
    private func unknown(_ a: Column, _ frame: Frame, _ rows: Selection) -> Column {
        let open = unfailed(rows, [a]).filtered { row in
            guard !a.nulls[row], a.words[row] == deciding else { return true }
            result.words[row] = deciding
            return false
        }
        if open.isEmpty { return result }
        let b = right.evaluate(frame, open)
        unfailed(open, [b]).forEach { row in
            if !b.isNull(row), b.words[row] == deciding {
                result.words[row] = deciding
            } else if a.nulls[row] || b.isNull(row) {
                result.setNull(row)
            } else {
                result.words[row] = b.words[row]
            }
        }
        return result
    }
}

/// `NOT a`
final class NotKernel: Kernel {
    private let operand: Kernel

    init(_ operand: Kernel) {
        self.operand = operand
        super.init(.boolean)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let column = operand.evaluate(frame, rows)
        result.reset(frame.count)
        computable(rows, [column], nullFails: frame.nullFails).forEach { result.words[$0] = 1 - column.words[$0] }
        return result
    }
}

/// `a IS [NOT] NULL`
final class IsNullKernel: Kernel {
    private let operand: Kernel
    private let negated: Bool

    init(_ operand: Kernel, negated: Bool) {
        self.operand = operand
        self.negated = negated
        super.init(.boolean)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let column = operand.evaluate(frame, rows)
        result.reset(frame.count)
        unfailed(rows, [column]).forEach { result.words[$0] = column.isNull($0) != negated ? 1 : 0 }
        return result
    }
}

/// `CASE WHEN c THEN r … ELSE e END`
final class CaseKernel: Kernel {
    /// WHEN … THEN …
    struct Branch {
        let condition: Kernel
        let result: Kernel
    }

    private let branches: [Branch]
    private let otherwise: Kernel

    init(_ branches: [Branch], otherwise: Kernel, _ type: SQLType) {
        self.branches = branches
        self.otherwise = otherwise
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        result.reset(frame.count)
        var open = rows
        for branch in branches where !open.isEmpty {
            let condition = branch.condition.evaluate(frame, open)
            // In a question what is unknown is no reason to take the branch.
            open = frame.nullFails ? computable(open, [condition], nullFails: true) : unfailed(open, [condition])
            let taken = open.filtered { !condition.isNull($0) && condition.words[$0] != 0 }
            if taken.isEmpty { continue }
            open = open.filtered { condition.isNull($0) || condition.words[$0] == 0 }
            take(branch.result, frame, taken)
        }
        if !open.isEmpty { take(otherwise, frame, open) }
        return result
    }

    private func take(_ kernel: Kernel, _ frame: Frame, _ rows: Selection) {
        if let literal = kernel as? LiteralKernel {
            rows.forEach { result.copy(literal.single, 0, to: $0) }
            return
        }
        let column = kernel.evaluate(frame, rows)
        rows.forEach { row in
            if column.isFailed(row) { result.setFailed(row) } else { result.copy(column, row, to: row) }
        }
    }
}

/// `COALESCE(a, b)`: in a question each operand is computed for the rows only that all before it leave NULL; elsewhere it is a call like others.
final class CoalesceKernel: Kernel {
    private let operands: [Kernel]
    private let call: Kernel

    init(_ operands: [Kernel], asCall call: Kernel, _ type: SQLType) {
        self.operands = operands
        self.call = call
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        if frame.nullFails { return call.evaluate(frame, rows) }
        result.reset(frame.count)
        var open = rows
        for operand in operands where !open.isEmpty {
            let column = operand.evaluate(frame, open)
            open = open.filtered { row in
                if column.isFailed(row) {
                    result.setFailed(row)
                    return false
                }
                if column.isNull(row) { return true }
                result.copy(column, row, to: row)
                return false
            }
        }
        open.forEach { result.setNull($0) }
        return result
    }
}
