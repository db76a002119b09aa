// Rows of one side of a join that await a partner, in the order in which they leave when none comes: by time, then by key bytes, then by
// arrival.

import Bytes

/// Where a row that awaits a partner stands: its time tells the slice.
struct AwaitingRow: BitwiseCopyable {
    let time: Int64
    let arrival: Int64
    /// Its number in its slice.
    let number: Int
}

/// The rows in order. A row that has found a partner is not looked for here: it is passed over when it comes up, and all such rows are
/// removed when they are most. `isLive` tells them apart.
struct AwaitingRows {
    private var rows: [AwaitingRow] = []
    /// Rows before this one have left.
    private var head = 0
    /// Rows that still await.
    private var count = 0

    /// Bytes of memory.
    var memory: Int { rows.capacity * MemoryLayout<AwaitingRow>.stride }

    mutating func insert(_ row: AwaitingRow, precedes: (AwaitingRow, AwaitingRow) -> Bool) {
        count += 1
        rows.insert(row, at: rows[head...].firstPlace { precedes(row, $0) })
    }

    /// One of the rows has found a partner, or has left.
    mutating func remove(isLive: (AwaitingRow) -> Bool) {
        count -= 1
        guard rows.count - head > 2 * count + 64 else { return }
        rows = rows[head...].filter(isLive)
        head = 0
    }

    /// Forgets the rows of these times, none of which is live.
    mutating func forget(_ times: ClosedRange<Int64>) {
        let first = rows[head...].firstPlace { $0.time >= times.lowerBound }
        let end = rows[first...].firstPlace { $0.time > times.upperBound }
        if first == head { head = end } else { rows.removeSubrange(first..<end) }
    }

    /// The first row that still awaits.
    mutating func first(isLive: (AwaitingRow) -> Bool) -> AwaitingRow? {
        while head < rows.count, !isLive(rows[head]) { head += 1 }
        return head < rows.count ? rows[head] : nil
    }

    /// The last row that still awaits.
    mutating func last(isLive: (AwaitingRow) -> Bool) -> AwaitingRow? {
        while head < rows.count, let last = rows.last, !isLive(last) { rows.removeLast() }
        return head < rows.count ? rows.last : nil
    }

    /// The first row that still awaits among those for which `isBehind` holds, which must hold for all later ones, too.
    func first(where isBehind: (AwaitingRow) -> Bool, isLive: (AwaitingRow) -> Bool) -> AwaitingRow? {
        rows[rows[head...].firstPlace(where: isBehind)...].first(where: isLive)
    }
}
