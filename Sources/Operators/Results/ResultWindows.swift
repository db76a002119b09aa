// Which rows the keys of a table with windows have: for each key its windows in order, and when which of them expire.

import Bytes
import Formats
import Quantities

/// The windows of the keys of a result, each with the number of its row. A key's id is its own as long as it has a window.
final class ResultWindows: ResultKeys {
    /// The bounds of a window in milliseconds.
    struct Window: Comparable {
        var start: Int64
        var end: Int64
        static func < (a: Window, b: Window) -> Bool { (a.start, a.end) < (b.start, b.end) }
    }

    private struct Entry {
        var window: Window
        var row: Int32
    }

    /// Keys that have got a row whose window starts in one period of time: each at least once, and on average at most about twice.
    private struct ExpiryBucket {
        var ids: [Int32] = []
        /// The number of entries at which keys that occur several times are made one.
        private var limit = 1024

        mutating func insert(_ id: Int) {
            ids.append(Int32(truncatingIfNeeded: id))
            guard ids.count >= limit else { return }
            ids = Array(Set(ids))
            limit = max(1024, ids.count * 2)
        }
    }

    private let kind: KeyWindow
    private let retention: Milliseconds?
    private let table: ByteTable
    private var entries: [[Entry]] = []
    private var entryCount = 0
    private var streamTime = StreamTime.unset
    private var latestStart = StreamTime.unset
    /// By the period of time, counted from 1970. A bucket is a small part of the retention, so that there are few of them; when the last
    /// start in it has expired, its rows go together.
    private var expiryBuckets: [Int64: ExpiryBucket] = [:]
    private var oldestBucket = Int64.max

    init(_ kind: KeyWindow, retention: Milliseconds?, seed: UInt64) {
        self.kind = kind
        self.retention = retention
        table = ByteTable(seed: seed)
    }

    /// Number of keys with at least one window.
    var keyCount: Int { table.count }
    /// Bytes of memory; lists are counted as half full.
    var memory: Int { table.memory + entries.capacity * MemoryLayout<[Entry]>.stride + entryCount * 2 * MemoryLayout<Entry>.stride }

    func isUsed(_ id: Int) -> Bool { table.isUsed(id) }
    func keyBytes(_ id: Int) -> [UInt8] { Array(table.key(id)) }

    /// The id of a key without its window; nil when it has no row.
    func find(_ key: [UInt8]) -> Int? { table.find(key[...]) }

    /// The table's key in the key of a record, and the window behind it; nil when the bytes are too few.
    func split(_ key: StoredBytes) -> (key: StoredBytes, window: Window)? {
        guard let start = key.lastWord else { return nil }
        let bare = key.part(0..<key.count - 8)
        switch kind {
        case .time(_, let size): return (bare, Window(start: start, end: start.later(by: size)))
        case .session: return bare.lastWord.map { (bare.part(0..<bare.count - 8), Window(start: start, end: $0)) }
        }
    }

    /// A record has this time.
    func noteTime(_ time: Int64) { streamTime = max(streamTime, time) }
    /// A window has this start.
    func noteStart(_ start: Int64) { latestStart = max(latestStart, start) }

    /// Adds a window that the key does not have; gives the key's id when the key is new.
    func insert(_ window: Window, row: Int, of key: StoredBytes) -> Int? {
        let (id, isNew) = table.id(of: key.copy[...])
        if isNew, id == entries.count { entries.append([]) }
        // A key may have a hundred thousand windows.
        let place = entries[id].firstPlace { $0.window >= window }
        entries[id].insert(Entry(window: window, row: Int32(truncatingIfNeeded: row)), at: place)
        entryCount += 1
        noteExpiry(of: window.start, id)
        return isNew ? id : nil
    }

    /// Forgets a window; gives the key's id when it was its last one.
    func remove(_ window: Window, of key: StoredBytes) -> Int? {
        guard let id = table.find(key.copy[...]) else { return nil }
        let place = entries[id].firstPlace { $0.window >= window }
        guard place < entries[id].count, entries[id][place].window == window else { return nil }
        entries[id].remove(at: place)
        entryCount -= 1
        return forgetIfEmpty(id) ? id : nil
    }

    /// Calls `body` with the rows of a key that have not expired, in the order of their windows.
    func forEachRow(of id: Int, _ body: (_ row: Int, _ window: Window) -> Void) {
        let expired = retention.map(lastExpired)
        for entry in entries[id] {
            if let expired, entry.window.start <= expired { continue }
            body(Int(entry.row), entry.window)
        }
    }

    private func forgetIfEmpty(_ id: Int) -> Bool {
        guard entries[id].isEmpty else { return false }
        entries[id] = []
        table.remove(Array(table.key(id))[...])
        return true
    }

    // MARK: Expiry

    private func bucketLength(_ retention: Milliseconds) -> Int64 { max(1, retention.count / 64) }

    private func noteExpiry(of start: Int64, _ id: Int) {
        guard let retention else { return }
        let bucket = start.dividedRoundingDown(by: bucketLength(retention))
        expiryBuckets[bucket, default: ExpiryBucket()].insert(id)
        oldestBucket = min(oldestBucket, bucket)
    }

    /// Drops the windows of buckets that have expired as a whole, of all keys: calls `dropped` with each one's row, `emptied` with the ids
    /// of keys that have none left.
    func dropExpired(_ dropped: (_ row: Int) -> Void, emptied: (_ id: Int) -> Void) {
        guard let retention else { return }
        // Compared by division: a start times anything may be more than 64 bits hold.
        let limit = lastExpired(retention)
        let firstLive = limit.addingSaturated(1).dividedRoundingDown(by: bucketLength(retention))
        while oldestBucket < firstLive, let bucket = expiryBuckets[oldestBucket] {
            for id in bucket.ids where table.isUsed(Int(id)) {
                let expired = entries[Int(id)].prefix { $0.window.start <= limit }
                for entry in expired { dropped(Int(entry.row)) }
                entries[Int(id)].removeFirst(expired.count)
                entryCount -= expired.count
                if forgetIfEmpty(Int(id)) { emptied(Int(id)) }
            }
            expiryBuckets[oldestBucket] = nil
            oldestBucket = expiryBuckets.keys.min() ?? .max
        }
    }

    /// Windows that start up to here have expired.
    private func lastExpired(_ retention: Milliseconds) -> Int64 {
        kind == .session ? streamTime.earlier(by: retention) : latestStart.earlier(by: retention).earlier(by: 1)
    }
}

extension Int64 {
    /// The quotient rounded towards negative infinity; `divisor` is positive.
    fileprivate func dividedRoundingDown(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
