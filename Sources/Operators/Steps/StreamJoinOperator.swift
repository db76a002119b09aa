// Joins of a stream: with a stream inside a window of time, and with a table.

import Plans
import Quantities
import Values

/// Stream–stream. Each side keeps its rows for the window and the grace period.
final class StreamJoinOperator: JoinOperator {
    private let window: JoinWindow
    private let leftBuffer: JoinBuffer
    private let rightBuffer: JoinBuffer
    /// Rows that leave without being kept.
    private let passing = PassingRows()
    /// Rows that await a partner are looked at when stream time has passed what this row still waits for.
    private var nextAwaiting = Int64.max

    /// Whether a row of the side leaves alone when it finds no partner.
    private let isLeftOuter: Bool
    private let isRightOuter: Bool

    init(_ step: JoinStep, _ window: JoinWindow, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.window = window
        isLeftOuter = step.type == .left || step.type == .full
        isRightOuter = step.type == .right || step.type == .full
        span = window.before + window.after + window.grace
        leftBuffer = JoinBuffer(seed: context.options.hashSeed, span: span)
        rightBuffer = JoinBuffer(seed: context.options.hashSeed, span: span)
        try super.init(step, context, next: next)
        for buffer in [leftBuffer, rightBuffer] { buffer.onRestore = { [unowned self] in nextAwaiting = min(nextAwaiting, $0) } }
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, leftBuffer), NamedStore(step.rightStore, rightBuffer)] }
    override var windowTime: Int64? { streamTime }
    override var rowsPerRow: Int { max(leftBuffer.mostRowsOfKey, rightBuffer.mostRowsOfKey) }

    /// The largest time of any row of either side, also of those that are not kept.
    private var streamTime: Int64 {
        get { leftBuffer.joinTime }
        set { leftBuffer.joinTime = newValue }
    }
    private let span: Milliseconds

    /// How far the partner's time may lie before and after that of a row. RIGHT joins measure from the right record.
    private func reach(isLeft: Bool) -> (before: Milliseconds, after: Milliseconds) {
        isLeft != (step.type == .right) ? (window.before, window.after) : (window.after, window.before)
    }

    private func isOuter(isLeft: Bool) -> Bool { isLeft ? isLeftOuter : isRightOuter }

    override func prefetch(_ hash: UInt64, _ place: Int, isLeft: Bool) {
        leftBuffer.prefetch(hash)
        rightBuffer.prefetch(hash)
    }

    override func join(_ arrival: JoinArrival) {
        if arrival.isLeft { join(arrival, own: leftBuffer, other: rightBuffer) } else { join(arrival, own: rightBuffer, other: leftBuffer) }
    }

    @inline(__always) private func join(_ arrival: JoinArrival, own: JoinBuffer, other: JoinBuffer) {
        let (time, isLeft) = (arrival.time, arrival.isLeft)
        streamTime = max(streamTime, time)
        guard let row = arrival.row else { return }
        own.largestTime = max(own.largestTime, time)
        if window.hasGrace && time == streamTime { releaseAwaiting(isLeft: isLeft) }
        let (before, after) = reach(isLeft: isLeft)
        let earliest = time.earlier(by: before)
        let latest = max(earliest, time.later(by: after))
        let horizon = own.largestTime.earlier(by: span)
        var kept = time > horizon ? own.append(arrival.key, row, time: time) : nil
        let place = kept.map { own.place($0) } ?? passing.add(row)
        let found = other.matches(arrival.key, earliest...latest, after: other.largestTime.earlier(by: span)) { partner, partnerTime in
            emit(JoinPair(left: isLeft ? place : partner, right: isLeft ? partner : place, time: max(time, partnerTime)))
        }
        if isOuter(isLeft: isLeft), found == 0 {
            if window.hasGrace && time.later(by: after) >= streamTime {
                nextAwaiting = min(nextAwaiting, time)
                if kept == nil { kept = own.append(arrival.key, row, time: time) }
                if let kept { own.setAwaiting(kept) }
            } else {
                emitPadded(place, time: time, isLeft: isLeft)
            }
        }
        own.sweep(horizon)
    }

    /// A row without a key finds no partner: of an outer side it leaves at once, alone.
    override func joinWithoutKey(_ row: StoredBytes?, time: Int64, isLeft: Bool) -> Bool {
        streamTime = max(streamTime, time)
        guard let row, isOuter(isLeft: isLeft) else { return false }
        emitPadded(passing.add(row), time: time, isLeft: isLeft)
        return true
    }

    override func reclaim() { passing.removeAll() }

    private func emitPadded(_ place: RowPlace, time: Int64, isLeft: Bool) {
        emit(JoinPair(left: isLeft ? place : .missing, right: isLeft ? .missing : place, time: time))
    }

    /// Rows that can find no partner any more leave padded, by time, right ones before left ones, then by key bytes. As the reference has
    /// it, the last row that a pass looks at says when the next pass is due, so that a row may leave later than it could.
    private func releaseAwaiting(isLeft: Bool) {
        let due = streamTime.earlier(by: reach(isLeft: isLeft).after).earlier(by: window.grace)
        guard nextAwaiting < due else { return }
        // The sides whose rows may leave. From the first row of a side that may still find a partner on, all of that side may.
        var closed: [JoinBuffer] = outerBuffers
        let isFull = closed.count == 2
        var lastSeen: Int64?
        while let (buffer, row) = firstAwaiting(of: closed) {
            let isLeft = buffer === leftBuffer
            let lastPartner = row.time.later(by: reach(isLeft: isLeft).after)
            if lastPartner.later(by: window.grace) >= streamTime {
                closed.removeAll { $0 === buffer }
                // The pass ends at the row behind the one that ends it for the second side.
                if isFull && closed.isEmpty {
                    nextAwaiting = firstAwaiting(behind: row, isLeft: isLeft)?.time ?? row.time
                    return
                }
                continue
            }
            lastSeen = row.time
            if let released = buffer.release(row) { emitPadded(released, time: row.time, isLeft: isLeft) }
        }
        // The pass has looked at all rows.
        let remaining: [Int64?] = outerBuffers.map { $0.lastAwaiting()?.time }
        nextAwaiting = (remaining + [lastSeen]).compactMap { $0 }.max() ?? .max
    }

    /// The sides whose rows leave alone when they find no partner, the right one first.
    private var outerBuffers: [JoinBuffer] {
        (isOuter(isLeft: false) ? [rightBuffer] : []) + (isOuter(isLeft: true) ? [leftBuffer] : [])
    }

    /// The first row of these sides: by time, right ones before left ones, then by key bytes and arrival.
    private func firstAwaiting(of buffers: [JoinBuffer]) -> (buffer: JoinBuffer, row: AwaitingRow)? {
        var best: (buffer: JoinBuffer, row: AwaitingRow)?
        for buffer in buffers {
            guard let row = buffer.firstAwaiting() else { continue }
            // The right side comes first in the list.
            if let current = best, row.time >= current.row.time { continue }
            best = (buffer, row)
        }
        return best
    }

    /// The first row of both sides that comes behind `row`, a row of the side given.
    private func firstAwaiting(behind row: AwaitingRow, isLeft: Bool) -> AwaitingRow? {
        let buffer = isLeft ? leftBuffer : rightBuffer
        let own = buffer.firstAwaiting { buffer.precedes(row, $0) }
        // Of rows of one time, those of the right side come first.
        let other = (isLeft ? rightBuffer : leftBuffer).firstAwaiting { isLeft ? $0.time > row.time : $0.time >= row.time }
        return [own, other].compactMap { $0 }.min { $0.time < $1.time }
    }
}

/// Stream–table: each stream row looks up the table's current row; changes of the table emit nothing.
final class LookupJoinOperator: JoinOperator {
    private let table: KeyedRows
    /// The stream's rows, until they have left.
    private let passing = PassingRows()

    init(_ step: JoinStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        table = KeyedRows(seed: context.options.hashSeed)
        try super.init(step, context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.rightStore, table)] }

    override func prefetch(_ hash: UInt64, _ place: Int, isLeft: Bool) { table.prefetch(hash) }

    override func join(_ arrival: JoinArrival) {
        let number = table.find(arrival.key)
        guard arrival.isLeft else {
            table.set(arrival.key, number, arrival.row, time: arrival.time)
            return
        }
        guard let row = arrival.row else { return }
        let partner = table.row(number)
        if !partner.isMissing || step.type == .left { emit(JoinPair(left: passing.add(row), right: partner, time: arrival.time)) }
    }

    /// A stream row without a key finds nothing; a LEFT join keeps it.
    override func joinWithoutKey(_ row: StoredBytes?, time: Int64, isLeft: Bool) -> Bool {
        guard isLeft, step.type == .left, let row else { return false }
        emit(JoinPair(left: passing.add(row), right: .missing, time: time))
        return true
    }

    override func reclaim() {
        passing.removeAll()
        table.reclaim()
    }
}
