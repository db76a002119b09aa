// `x IN (a, b, …)`. A list has up to some ten thousand literals: they are hashed once, so that a row costs one lookup, and none of them is
// spread over a column of its own.

import Values

/// Constants of one type, among which values of columns are looked up. NULLs are left out, as nothing equals them.
struct ConstantSet {
    private var words: Set<Int64> = []
    private var doubles: Set<Double> = []
    private var texts: Set<ArraySlice<UInt8>> = []
    /// Values of the other lanes, each the only row of its column.
    private var others: [Column] = []

    /// Takes in the only row of a column.
    mutating func insert(_ column: Column) {
        if column.isNull(0) { return }
        switch column.lane {
        case .word: words.insert(column.words[0])
        case .double: doubles.insert(column.doubles[0])
        case .text: texts.insert(column.text(0))
        case .wide, .list, .map, .structure: others.append(column)
        }
    }

    /// Whether one of the constants equals the value at a row, which is not NULL.
    func contains(_ column: Column, _ row: Int) -> Bool {
        switch column.lane {
        case .word: words.contains(column.words[row])
        case .double: doubles.contains(column.doubles[row])
        case .text: texts.contains(column.text(row))
        case .wide, .list, .map, .structure: others.contains { RowOrder.equal(column, row, to: $0, 0) }
        }
    }
}

/// `x [NOT] IN (a, b)`
final class InKernel: Kernel {
    private let value: Kernel
    private var constants = ConstantSet()
    /// The items that are not literals.
    private var items: [Kernel] = []
    private let negated: Bool

    init(_ value: Kernel, _ items: [Kernel], negated: Bool) {
        self.value = value
        self.negated = negated
        super.init(.boolean)
        for item in items {
            if let literal = item as? LiteralKernel { constants.insert(literal.single) } else { self.items.append(item) }
        }
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let x = value.evaluate(frame, rows)
        let columns = items.map { $0.evaluate(frame, rows) }
        result.reset(frame.count)
        unfailed(rows, [x] + columns).forEach { row in
            let found =
                !x.isNull(row)
                && (constants.contains(x, row) || columns.contains { !$0.isNull(row) && RowOrder.equal(x, row, to: $0, row) })
            result.words[row] = found != negated ? 1 : 0
        }
        return result
    }
}
