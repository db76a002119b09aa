// Joins of a stream: with a stream inside a window of time (semantics §15.4), and with a table (§15.5).

import Plans
import Values

/// Stream–stream. Each side keeps its rows for the window and the grace period.
final class StreamJoinOperator: JoinOperator {
    private let window: JoinWindow
    private let leftBuffer = JoinBuffer()
    private let rightBuffer = JoinBuffer()
    private var lastRelease = StreamTime.unset

    init(_ step: JoinStep, _ window: JoinWindow, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.window = window
        try super.init(step, context, next: next)
        context.register(leftBuffer, step.leftStore)
        context.register(rightBuffer, step.rightStore)
    }

    private var streamTime: Int64 { max(leftBuffer.largestTime, rightBuffer.largestTime) }
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
        guard let row else { return }
        let own = isLeft ? leftBuffer : rightBuffer
        let other = isLeft ? rightBuffer : leftBuffer
        own.largestTime = max(own.largestTime, row.time)
        if window.hasGrace { releaseAwaiting(origin, index) }
        let (before, after) = reach(isLeft: isLeft)
        let found = other.matches(key, (row.time &- before)...max(row.time &- before, row.time &+ after), after: other.largestTime &- span)
        for partner in found {
            emit(isLeft ? row : partner, isLeft ? partner : row, time: max(row.time, partner.time), origin, index)
        }
        var isAwaiting = false
        if isOuter(isLeft: isLeft), found.isEmpty {
            isAwaiting = window.hasGrace && row.time &+ after >= streamTime
            if !isAwaiting { emitPadded(row, isLeft: isLeft, origin, index) }
        }
        if row.time > own.largestTime &- span || isAwaiting { own.append(key, row, isAwaiting: isAwaiting) }
        own.sweep(own.largestTime &- span, every: span / 8)
    }

    private func emitPadded(_ row: JoinRow, isLeft: Bool, _ origin: Batch, _ index: Int) {
        emit(isLeft ? row : nil, isLeft ? nil : row, time: row.time, origin, index)
    }

    /// Rows that can find no partner any more leave padded, by time, right ones before left ones, then by key bytes.
    private func releaseAwaiting(_ origin: Batch, _ index: Int) {
        guard streamTime > lastRelease else { return }
        lastRelease = streamTime
        var found: [(key: [UInt8], row: JoinRow, isLeft: Bool)] = []
        for (buffer, isLeft) in [(rightBuffer, false), (leftBuffer, true)] where isOuter(isLeft: isLeft) {
            let limit = streamTime &- reach(isLeft: isLeft).after &- window.grace
            found += buffer.takeAwaiting(before: limit).map { ($0.key, $0.row, isLeft) }
        }
        found.sort { a, b in
            if a.row.time != b.row.time { return a.row.time < b.row.time }
            if a.isLeft != b.isLeft { return !a.isLeft }
            return a.key.lexicographicallyPrecedes(b.key)
        }
        for item in found { emitPadded(item.row, isLeft: item.isLeft, origin, index) }
    }
}

/// Stream–table: each stream row looks up the table's current row; changes of the table emit nothing.
final class LookupJoinOperator: JoinOperator {
    private let table: JoinTable

    init(_ step: JoinStep, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        table = JoinTable(seed: context.options.hashSeed)
        try super.init(step, context, next: next)
        context.register(table, step.rightStore)
    }

    override func arrive(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, _ origin: Batch, _ index: Int) throws(DataflowError) {
        guard isLeft else { return table.set(key, row, time: origin.timestamps[index]) }
        guard let row else { return }
        let partner = table[key]
        if partner != nil || step.type == .left { emit(row, partner, time: row.time, origin, index) }
    }
}
