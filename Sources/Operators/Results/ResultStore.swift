// What pull queries read: the current rows of a query's result, by key bytes and window, kept from the records of the sink topic. A pull
// query runs the ordinary operators over the records that a scan gives.

package import Bytes
import Formats
package import Plans
package import Quantities
package import Schemas
import Values

/// The rows of a result that are there now. One owner, one thread. It grows with the live keys (and windows within the retention).
package final class ResultStore {
    private struct Entry {
        var start: Int64
        var end: Int64
        var time: Int64
        var value: [UInt8]
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

    private let source: SourceStep
    private let retention: Milliseconds?
    private let table: ByteTable
    private var entries: [[Entry]] = []
    private var index: ResultIndex
    private let keysAreCanonical: Bool
    private var streamTime = StreamTime.unset
    private var latestStart = StreamTime.unset
    private var valueBytes = 0
    /// By the period of time, counted from 1970. A bucket is a small part of the retention, so that there are few of them; when the last
    /// start in it has expired, its rows go together.
    private var expiryBuckets: [Int64: ExpiryBucket] = [:]
    private var oldestBucket = Int64.max
    private let keyEncoder: SideEncoder
    private let keyTypes: [SQLType]

    /// `source` describes the sink topic as a source reads it. Rows of windows that started more than `retention` before
    /// the latest window, of sessions before the latest record, are gone; nil keeps them. `keysAreCanonical`: equal keys always have equal bytes, as in topics that Millrace
    /// writes; other writers may write one key in several ways (blanks in JSON), and such keys are looked up by their meaning.
    package init(
        _ source: SourceStep, retention: Milliseconds?, hashSeed: UInt64, keysAreCanonical: Bool = true, schemas: (any SchemaLookup)? = nil
    ) throws(DataflowError) {
        self.source = source
        self.retention = retention
        self.keysAreCanonical = keysAreCanonical
        table = ByteTable(seed: hashSeed)
        index = ResultIndex(try ResultOrder(source, schemas: schemas))
        keyEncoder = try Codecs.encoder(source.keyFormat, source.output.key)
        keyTypes = source.schema.key.map(\.type)
    }

    /// Number of keys with at least one row.
    package var keyCount: Int { table.count }
    /// Bytes of memory.
    package var memory: Int { table.memory + valueBytes + entries.capacity * 80 + index.memory }

    /// Takes in what a query has committed to its sink, from the record at index `first` on.
    package func apply(_ records: OutgoingRecords, from first: Int = 0) {
        for index in first..<records.count {
            apply(records.bytes, key: records.keys[index], value: records.values[index], time: records.timestamps[index])
        }
    }

    /// Takes in records of the sink topic, when the store is rebuilt.
    package func apply(_ run: RecordRun) {
        for index in 0..<run.count { apply(run.bytes, key: run.keys[index], value: run.values[index], time: run.timestamps[index]) }
    }

    private func apply(_ bytes: [UInt8], key: ByteRange, value: ByteRange, time: Int64) {
        guard !key.isNull else { return }
        streamTime = max(streamTime, time)
        var keyBytes = bytes[Int(key.start)..<Int(key.start + key.length)]
        guard let (start, end) = takeWindow(&keyBytes) else { return }
        latestStart = max(latestStart, start)
        if value.isNull {
            guard let id = table.find(keyBytes) else { return }
            remove(id, keyBytes, start: start, end: end)
            return
        }
        let (id, isNew) = table.id(of: keyBytes)
        if isNew {
            index.note(id)
            if id == entries.count { entries.append([]) }
        }
        let entry = Entry(start: start, end: end, time: time, value: Array(bytes[Int(value.start)..<Int(value.start + value.length)]))
        valueBytes += entry.value.count
        // A key may have a hundred thousand windows.
        let place = entries[id].firstPlace { ($0.start, $0.end) >= (start, end) }
        if place < entries[id].count, (entries[id][place].start, entries[id][place].end) == (start, end) {
            valueBytes -= entries[id][place].value.count
            entries[id][place] = entry
        } else {
            entries[id].insert(entry, at: place)
            noteExpiry(of: start, id)
        }
        dropExpired()
    }

    private func remove(_ id: Int, _ key: ArraySlice<UInt8>, start: Int64, end: Int64) {
        let place = entries[id].firstPlace { ($0.start, $0.end) >= (start, end) }
        guard place < entries[id].count, (entries[id][place].start, entries[id][place].end) == (start, end) else { return }
        valueBytes -= entries[id].remove(at: place).value.count
        if entries[id].isEmpty {
            table.remove(key)
            index.note(id)
        }
    }

    private func bucketLength(_ retention: Milliseconds) -> Int64 { max(1, retention.count / 64) }

    private func noteExpiry(of start: Int64, _ id: Int) {
        guard let retention, source.window != nil else { return }
        let bucket = start.dividedRoundingDown(by: bucketLength(retention))
        expiryBuckets[bucket, default: ExpiryBucket()].insert(id)
        oldestBucket = min(oldestBucket, bucket)
    }

    /// Drops the rows of buckets that have expired as a whole, of all keys.
    private func dropExpired() {
        guard let retention else { return }
        // Compared by division: a start times anything may be more than 64 bits hold.
        let limit = lastExpired(retention)
        let firstLive = limit.addingSaturated(1).dividedRoundingDown(by: bucketLength(retention))
        while oldestBucket < firstLive, let bucket = expiryBuckets[oldestBucket] {
            for id in bucket.ids where table.isUsed(Int(id)) { dropExpired(Int(id), startedUpTo: limit) }
            expiryBuckets[oldestBucket] = nil
            oldestBucket = expiryBuckets.keys.min() ?? .max
        }
    }

    /// Windows that start up to here have expired.
    private func lastExpired(_ retention: Milliseconds) -> Int64 {
        source.window == .session ? streamTime.earlier(by: retention) : latestStart.earlier(by: retention).earlier(by: 1)
    }

    private func dropExpired(_ id: Int, startedUpTo limit: Int64) {
        let expired = entries[id].prefix { $0.start <= limit }
        for entry in expired { valueBytes -= entry.value.count }
        entries[id].removeFirst(expired.count)
        guard entries[id].isEmpty else { return }
        table.remove(Array(table.key(id))[...])
        index.note(id)
    }

    /// Takes the window off the end of the key bytes; nil when they are too short.
    private func takeWindow(_ key: inout ArraySlice<UInt8>) -> (start: Int64, end: Int64)? {
        func number(_ bytes: ArraySlice<UInt8>) -> Int64 { bytes.reduce(0) { $0 << 8 | Int64($1) } }
        switch source.window {
        case nil: return (0, 0)
        case .time(_, let size):
            guard key.count >= 8 else { return nil }
            let start = number(key.suffix(8))
            key = key.dropLast(8)
            return (start, start.later(by: size))
        case .session:
            guard key.count >= 16 else { return nil }
            let start = number(key.suffix(8))
            let end = number(key.dropLast(8).suffix(8))
            key = key.dropLast(16)
            return (start, end)
        }
    }

    /// The rows that an access path leads to, as records of the sink topic in the order of their keys and windows: at most about
    /// `limit` of them and about `mostBytes` bytes, from `position` (0 first); the position of the next slice is nil at the end. The
    /// records read as a stream: a dataflow over them, with the query's filter and projection, gives the answer. The store must not
    /// change between the slices of one access, or rows may be missed.
    package func records(
        _ access: TableAccess, from position: Int = 0, limit: Int = .max, mostBytes: Int = .max
    ) -> (run: RecordRun, next: Int?) {
        let found = found(access)
        var records = OutgoingRecords()
        var at = position
        while at < found.count, records.count < limit, records.bytes.count < mostBytes {
            append(Int(found[at].id), found[at].windows, to: &records)
            at += 1
        }
        return (records.read, at < found.count ? at : nil)
    }

    private func append(_ id: Int, _ windows: [WindowBounds], to records: inout OutgoingRecords) {
        for entry in entries[id] {
            if let retention, source.window != nil, entry.start <= lastExpired(retention) { continue }
            guard windows.contains(where: { $0.contains(start: entry.start, end: entry.end) }) else { continue }
            let sink = ByteSink()
            sink.append(table.key(id))
            if let window = source.window {
                WindowSuffix(starts: [entry.start], ends: [entry.end], isSession: window == .session).append(0, to: sink)
            }
            records.append(key: sink.take(), value: entry.value, timestamp: entry.time)
        }
    }

    /// The keys that an access path leads to, each once, with the windows that are asked of it.
    private func found(_ access: TableAccess) -> [(id: Int32, windows: [WindowBounds])] {
        let ranges = access.ranges
        if ranges.count == 1 { return ids(in: ranges[0]).map { ($0, [ranges[0].windows]) } }
        var windows: [Int32: [WindowBounds]] = [:]
        for range in ranges {
            for id in ids(in: range) where windows[id]?.contains(range.windows) != true { windows[id, default: []].append(range.windows) }
        }
        return index.inOrder(Array(windows.keys), of: table).map { ($0, windows[$0] ?? []) }
    }

    private func ids(in range: KeyRange) -> ArraySlice<Int32> {
        if range.prefix.count == keyTypes.count, keysAreCanonical { return find(range.prefix).map { [Int32($0)] } ?? [] }
        return index.ids(in: range, of: table)
    }

    private func find(_ key: [Value]) -> Int? {
        keyEncoder.begin(zip(keyTypes, key).map { Column($0, [$1]) })
        let sink = ByteSink()
        let range = keyEncoder.encode(0, to: sink)
        return range.isNull ? nil : table.find(sink.take()[...])
    }
}

extension Int64 {
    /// The quotient rounded towards negative infinity; `divisor` is positive.
    fileprivate func dividedRoundingDown(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
