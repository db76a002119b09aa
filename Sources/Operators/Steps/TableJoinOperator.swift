// Joins of tables by primary key. Every change recomputes the joined row that it touches.

import Plans
import Values

/// Table–table by primary key.
final class TableJoinOperator: JoinOperator {
    private let left: KeyedRows
    private let right: KeyedRows

    init(_ step: JoinStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        left = KeyedRows(seed: context.options.hashSeed)
        right = KeyedRows(seed: context.options.hashSeed)
        try super.init(step, context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, left), NamedStore(step.rightStore, right)] }

    /// Whether the join has a row when these sides are there.
    private func isPresent(_ left: RowPlace, _ right: RowPlace) -> Bool {
        switch step.type {
        case .inner: !left.isMissing && !right.isMissing
        case .left: !left.isMissing
        case .right: !right.isMissing
        case .full: !left.isMissing || !right.isMissing
        }
    }

    /// Whether a row of one side means nothing without one of the other.
    private func needsOther(isLeft: Bool) -> Bool {
        switch step.type {
        case .inner: true
        case .left: !isLeft
        case .right: isLeft
        case .full: false
        }
    }

    override func prefetch(_ hash: UInt64, _ place: Int, isLeft: Bool) {
        left.prefetch(hash)
        right.prefetch(hash)
    }

    override func join(_ arrival: JoinArrival) {
        let isLeft = arrival.isLeft
        let own = isLeft ? left : right
        let opposite = isLeft ? right : left
        let known = own.find(arrival.key)
        let partner = opposite.find(arrival.key)
        let before = own.row(known)
        // What the steps above would not let through is not even deleted where it was not there.
        if arrival.isUnwanted && before.isMissing { return }
        let number = own.set(arrival.key, known, arrival.row, time: arrival.time)
        let after = own.row(number)
        let other = opposite.row(partner)
        // A deletion of what was not there is passed on while the other side has a row; with neither there is nothing to delete.
        if other.isMissing && (needsOther(isLeft: isLeft) || (after.isMissing && before.isMissing)) { return }
        // The triggering change's time, or the other row's where that is later.
        let time = max(arrival.time, other.isMissing ? 0 : opposite.time(partner))
        func pair(_ row: RowPlace) -> JoinPair { JoinPair(left: isLeft ? row : other, right: isLeft ? other : row, time: time) }
        var result = pair(after)
        if !isPresent(result.left, result.right) {
            if after.isMissing { result = pair(before) }
            result.isTombstone = true
        }
        let old = pair(before)
        result.hasOld = isPresent(old.left, old.right)
        if result.hasOld { (result.oldLeft, result.oldRight) = (old.left, old.right) }
        emit(result)
    }

    override func reclaim() {
        left.reclaim()
        right.reclaim()
    }
}
