// Joins of a stream: with a stream inside a window of time, and with a table.

import Plans
import Quantities
import Values

/// Stream–stream. Each side keeps its rows for the window and the grace period.
final class StreamJoinOperator: JoinOperator {
    private let window: JoinWindow
    private let leftBuffer = JoinBuffer()
    private let rightBuffer = JoinBuffer()
    /// Rows that await a partner are looked at when stream time has passed what this row still waits for.
    private var nextAwaiting = Int64.max

    init(_ step: JoinStep, _ window: JoinWindow, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.window = window
        span = window.before + window.after + window.grace
        try super.init(step, context, next: next)
        for buffer in [leftBuffer, rightBuffer] { buffer.onRestore = { [unowned self] in nextAwaiting = min(nextAwaiting, $0) } }
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, leftBuffer), NamedStore(step.rightStore, rightBuffer)] }

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

    private func isOuter(isLeft: Bool) -> Bool {
        switch step.type {
        case .inner: false
        case .left: isLeft
        case .right: !isLeft
        case .full: true
        }
    }

    override func join(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) throws(DataflowError) {
        streamTime = max(streamTime, origin.timestamps[index])
        guard let row else { return }
        let own = isLeft ? leftBuffer : rightBuffer
        let other = isLeft ? rightBuffer : leftBuffer
        own.largestTime = max(own.largestTime, row.time)
        if window.hasGrace && row.time == streamTime { releaseAwaiting(isLeft: isLeft) }
        let (before, after) = reach(isLeft: isLeft)
        let earliest = row.time.earlier(by: before)
        let latest = max(earliest, row.time.later(by: after))
        let found = other.matches(key, earliest...latest, after: other.largestTime.earlier(by: span))
        for partner in found {
            emit(JoinPair(left: isLeft ? row : partner, right: isLeft ? partner : row, time: max(row.time, partner.time)))
        }
        var isAwaiting = false
        if isOuter(isLeft: isLeft), found.isEmpty {
            isAwaiting = window.hasGrace && row.time.later(by: after) >= streamTime
            if isAwaiting {
                nextAwaiting = min(nextAwaiting, row.time)
            } else {
                emitPadded(row, isLeft: isLeft)
            }
        }
        let horizon = own.largestTime.earlier(by: span)
        if row.time > horizon || isAwaiting { own.append(key, row, isAwaiting: isAwaiting) }
        own.sweep(horizon, every: Milliseconds(span.count / 8))
    }

    /// A row without a key finds no partner: of an outer side it leaves at once, alone.
    override func joinWithoutKey(_ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) -> Bool {
        streamTime = max(streamTime, origin.timestamps[index])
        guard let row, isOuter(isLeft: isLeft) else { return false }
        emitPadded(row, isLeft: isLeft)
        return true
    }

    private func emitPadded(_ row: JoinRow, isLeft: Bool) {
        emit(JoinPair(left: isLeft ? row : nil, right: isLeft ? nil : row, time: row.time))
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
            if let released = buffer.release(row) { emitPadded(released, isLeft: isLeft) }
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
        let own = (isLeft ? leftBuffer : rightBuffer).firstAwaiting { AwaitingRow.precedes(row, $0) }
        // Of rows of one time, those of the right side come first.
        let other = (isLeft ? rightBuffer : leftBuffer).firstAwaiting { isLeft ? $0.time > row.time : $0.time >= row.time }
        return [own, other].compactMap { $0 }.min { $0.time < $1.time }
    }
}

/// Stream–table: each stream row looks up the table's current row; changes of the table emit nothing.
final class LookupJoinOperator: JoinOperator {
    private let table: JoinTable

    init(_ step: JoinStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        table = JoinTable(seed: context.options.hashSeed)
        try super.init(step, context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.rightStore, table)] }

    override func join(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) throws(DataflowError) {
        guard isLeft else { return table.set(key, row, time: origin.timestamps[index]) }
        guard let row else { return }
        let partner = table[key]
        if partner != nil || step.type == .left { emit(JoinPair(left: row, right: partner, time: row.time)) }
    }

    /// A stream row without a key finds nothing; a LEFT join keeps it.
    override func joinWithoutKey(_ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) -> Bool {
        guard isLeft, step.type == .left, let row else { return false }
        emit(JoinPair(left: row, right: nil, time: row.time))
        return true
    }
}
