// Joins of a stream: with a stream inside a window of time (semantics §15.4), and with a table (§15.5).

import Plans
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
        try super.init(step, context, next: next)
        for buffer in [leftBuffer, rightBuffer] { buffer.onRestore = { [unowned self] in nextAwaiting = min(nextAwaiting, $0) } }
    }

    override var stores: [NamedStore] { [NamedStore(step.leftStore, leftBuffer), NamedStore(step.rightStore, rightBuffer)] }

    /// The largest time of any row of either side, also of those that are not kept.
    private var streamTime: Int64 {
        get { leftBuffer.joinTime }
        set { leftBuffer.joinTime = newValue }
    }
    private var span: Int64 { window.before &+ window.after &+ window.grace }

    /// How far the partner's time may lie before and after that of a row. RIGHT joins measure from the right record.
    private func reach(isLeft: Bool) -> (before: Int64, after: Int64) {
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

    override func arrive(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, _ origin: Batch, _ index: Int) throws(DataflowError) {
        streamTime = max(streamTime, origin.timestamps[index])
        guard let row else { return }
        let own = isLeft ? leftBuffer : rightBuffer
        let other = isLeft ? rightBuffer : leftBuffer
        own.largestTime = max(own.largestTime, row.time)
        if window.hasGrace && row.time == streamTime { releaseAwaiting(isLeft: isLeft, origin, index) }
        let (before, after) = reach(isLeft: isLeft)
        let found = other.matches(key, (row.time &- before)...max(row.time &- before, row.time &+ after), after: other.largestTime &- span)
        for partner in found {
            emit(isLeft ? row : partner, isLeft ? partner : row, time: max(row.time, partner.time), origin, index)
        }
        var isAwaiting = false
        if isOuter(isLeft: isLeft), found.isEmpty {
            isAwaiting = window.hasGrace && row.time &+ after >= streamTime
            if isAwaiting {
                nextAwaiting = min(nextAwaiting, row.time)
            } else {
                emitPadded(row, isLeft: isLeft, origin, index)
            }
        }
        if row.time > own.largestTime &- span || isAwaiting { own.append(key, row, isAwaiting: isAwaiting) }
        own.sweep(own.largestTime &- span, every: span / 8)
    }

    /// A row without a key finds no partner: of an outer side it leaves at once, alone.
    override func arriveWithoutKey(_ row: JoinRow?, isLeft: Bool, _ origin: Batch, _ index: Int) -> Bool {
        streamTime = max(streamTime, origin.timestamps[index])
        guard let row, isOuter(isLeft: isLeft) else { return false }
        emitPadded(row, isLeft: isLeft, origin, index)
        return true
    }

    private func emitPadded(_ row: JoinRow, isLeft: Bool, _ origin: Batch, _ index: Int) {
        emit(isLeft ? row : nil, isLeft ? nil : row, time: row.time, origin, index)
    }

    /// Rows that can find no partner any more leave padded, by time, right ones before left ones, then by key bytes. As the reference has
    /// it, the last row that a pass looks at says when the next pass is due, so that a row may leave later than it could.
    private func releaseAwaiting(isLeft: Bool, _ origin: Batch, _ index: Int) {
        guard nextAwaiting < streamTime &- reach(isLeft: isLeft).after &- window.grace else { return }
        var found: [(key: [UInt8], entry: JoinBuffer.Entry, isLeft: Bool)] = []
        for (buffer, isLeft) in [(rightBuffer, false), (leftBuffer, true)] where isOuter(isLeft: isLeft) {
            found += buffer.awaiting().map { ($0.key, $0.entry, isLeft) }
        }
        found.sort { a, b in
            if a.entry.row.time != b.entry.row.time { return a.entry.row.time < b.entry.row.time }
            if a.isLeft != b.isLeft { return !a.isLeft }
            if a.key != b.key { return a.key.lexicographicallyPrecedes(b.key) }
            return a.entry.arrival < b.entry.arrival
        }
        nextAwaiting = .max
        var isOpen = (left: false, right: false)
        for item in found {
            nextAwaiting = item.entry.row.time
            if isOpen.left && isOpen.right { break }
            if item.entry.row.time &+ reach(isLeft: item.isLeft).after &+ window.grace >= streamTime {
                if item.isLeft { isOpen.left = true } else { isOpen.right = true }
                continue
            }
            (item.isLeft ? leftBuffer : rightBuffer).release(item.key, arrival: item.entry.arrival, time: item.entry.row.time)
            emitPadded(item.entry.row, isLeft: item.isLeft, origin, index)
        }
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

    override func arrive(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, _ origin: Batch, _ index: Int) throws(DataflowError) {
        guard isLeft else { return table.set(key, row, time: origin.timestamps[index]) }
        guard let row else { return }
        let partner = table[key]
        if partner != nil || step.type == .left { emit(row, partner, time: row.time, origin, index) }
    }

    /// A stream row without a key finds nothing; a LEFT join keeps it.
    override func arriveWithoutKey(_ row: JoinRow?, isLeft: Bool, _ origin: Batch, _ index: Int) -> Bool {
        guard isLeft, step.type == .left, let row else { return false }
        emit(row, nil, time: row.time, origin, index)
        return true
    }
}
