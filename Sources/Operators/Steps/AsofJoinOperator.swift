// ASOF joins of streams: each left row meets the last right row of its key that is not later than itself.
//
// Which one that is, is certain once stream time has passed the left row by the grace period, so that no earlier right row comes any more:
// until then the left row waits. So the result does not depend on how the inputs were read, only on their rows.

import Plans
import Quantities
import Values

/// Both sides are kept: left rows while they wait, right rows for as long as a left row may come that they belong to.
final class AsofJoinOperator: JoinOperator {
    private let window: JoinWindow
    private let waiting: JoinBuffer
    private let partners: JoinBuffer
    private let seed: UInt64
    /// Rows that leave without being kept.
    private let passing = PassingRows()

    init(_ step: JoinStep, _ window: JoinWindow, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.window = window
        seed = context.options.hashSeed
        waiting = JoinBuffer(seed: seed, span: max(1, window.patience))
        partners = JoinBuffer(seed: seed, span: max(1, window.before + window.grace))
        try super.init(step, context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, waiting), NamedStore(step.rightStore, partners)] }

    /// The largest time of any row of either side.
    private var streamTime: Int64 {
        get { waiting.joinTime }
        set { waiting.joinTime = newValue }
    }

    override func prefetch(_ hash: UInt64, _ place: Int, isLeft: Bool) { partners.prefetch(hash) }

    override func join(_ arrival: JoinArrival) {
        advance(to: arrival.time)
        guard let row = arrival.row else { return }
        if !arrival.isLeft {
            // A right row that is too late for any left row that may still come is of no use.
            if arrival.time > streamTime.earlier(by: window.before).earlier(by: window.grace) {
                _ = partners.append(arrival.key, row, time: arrival.time)
            }
        } else if arrival.time.later(by: window.patience) >= streamTime {
            waiting.setAwaiting(waiting.append(arrival.key, row, time: arrival.time))
        } else if arrival.time.later(by: window.grace) >= streamTime {
            meet(passing.add(row), arrival.key, time: arrival.time)
        } else {
            report(.late, "its time \(arrival.time) is more than \(window.grace) ms before stream time \(streamTime)")
        }
    }

    override func joinWithoutKey(_ row: StoredBytes?, time: Int64, isLeft: Bool) -> Bool {
        advance(to: time)
        guard isLeft, let row, step.type == .left else { return false }
        emit(JoinPair(left: passing.add(row), right: .missing, time: time))
        return true
    }

    override func reclaim() { passing.removeAll() }

    /// Moves stream time on: left rows leave that it has passed, in the order of their times.
    private func advance(to time: Int64) {
        guard time > streamTime else { return }
        streamTime = time
        let due = time.earlier(by: window.patience)
        while let row = waiting.firstAwaiting(), row.time < due, let place = waiting.release(row) {
            meet(place, StoredKey(bytes: place.key, hash: place.key.hash(seed)), time: row.time)
        }
        waiting.sweep(due.addingSaturated(-1))
        partners.sweep(time.earlier(by: window.before).earlier(by: window.grace))
    }

    private func meet(_ place: RowPlace, _ key: StoredKey, time: Int64) {
        let (earliest, latest) = (time.earlier(by: window.before), time.later(by: window.after))
        let partner = earliest <= latest ? partners.lastMatch(key, earliest...latest) : nil
        if partner != nil || step.type == .left { emit(JoinPair(left: place, right: partner ?? .missing, time: time)) }
    }
}
