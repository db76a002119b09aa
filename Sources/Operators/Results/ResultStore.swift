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
    private let source: SourceStep
    private let retention: Milliseconds?
    private let seed: UInt64
    /// By the key of the topic's records, windows included.
    private let rows: KeyedRows
    /// Of a table with windows: which rows its keys have.
    private let windows: ResultWindows?
    private var index: ResultIndex
    private let keysAreCanonical: Bool
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
        seed = hashSeed
        rows = KeyedRows(seed: hashSeed)
        windows = source.window.map { ResultWindows($0, retention: retention, seed: hashSeed) }
        index = ResultIndex(try ResultOrder(source, schemas: schemas))
        keyEncoder = try Codecs.encoder(source.keyFormat, source.output.key)
        keyTypes = source.schema.key.map(\.type)
    }

    /// Number of keys with at least one row.
    package var keyCount: Int { windows?.keyCount ?? rows.count }
    /// Bytes of memory.
    package var memory: Int { rows.memory + (windows?.memory ?? 0) + index.memory }

    /// Takes in what a query has committed to its sink, from the record at index `first` on.
    package func apply(_ records: OutgoingRecords, from first: Int = 0) {
        apply(records.bytes, records.keys, records.values, records.timestamps, first..<records.count)
    }

    /// Takes in records of the sink topic, when the store is rebuilt.
    package func apply(_ run: RecordRun) { apply(run.bytes, run.keys, run.values, run.timestamps, 0..<run.count) }

    private func apply(_ bytes: [UInt8], _ keys: [ByteRange], _ values: [ByteRange], _ times: [Int64], _ range: Range<Int>) {
        StoredBytes.with(bytes[...]) { bytes in
            let hashes = range.map { keys[$0].isNull ? 0 : bytes.part(keys[$0].indexes).hash(seed) }
            for place in range where !keys[place].isNull {
                let ahead = place - range.lowerBound + Hashing.prefetchDistance
                if ahead < hashes.count { rows.prefetch(hashes[ahead]) }
                let key = StoredKey(bytes: bytes.part(keys[place].indexes), hash: hashes[place - range.lowerBound])
                let value = values[place].isNull ? nil : bytes.part(values[place].indexes)
                if let windows { apply(key, value, times[place], in: windows) } else { apply(key, value, times[place]) }
            }
        }
        // Nobody writes the changes down: the rows are in the topic.
        rows.discardChanges()
    }

    private func apply(_ key: StoredKey, _ value: StoredBytes?, _ time: Int64) {
        let known = rows.find(key)
        if known < 0, value == nil { return }
        let number = rows.set(key, known, value, time: time)
        if known < 0 || value == nil { index.note(number) }
    }

    private func apply(_ key: StoredKey, _ value: StoredBytes?, _ time: Int64, in windows: ResultWindows) {
        windows.noteTime(time)
        guard let (bare, window) = windows.split(key.bytes) else { return }
        windows.noteStart(window.start)
        let known = rows.find(key)
        let hadRow = !rows.row(known).isMissing
        guard let value else {
            guard hadRow else { return }
            rows.removeRow(known)
            if let id = windows.remove(window, of: bare) { index.note(id) }
            return
        }
        let number = rows.set(key, known, value, time: time)
        if !hadRow, let id = windows.insert(window, row: number, of: bare) { index.note(id) }
        windows.dropExpired { row in rows.removeRow(row) } emptied: { id in index.note(id) }
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

    private func append(_ id: Int, _ bounds: [WindowBounds], to records: inout OutgoingRecords) {
        func append(_ row: Int) {
            records.append(key: rows.key(row).copy, value: rows.row(row).row.copy, timestamp: rows.time(row))
        }
        guard let windows else { return append(id) }
        windows.forEachRow(of: id) { row, window in
            if bounds.contains(where: { $0.contains(start: window.start, end: window.end) }) { append(row) }
        }
    }

    /// The keys that an access path leads to, each once, with the windows that are asked of it.
    private func found(_ access: TableAccess) -> [(id: Int32, windows: [WindowBounds])] {
        let ranges = access.ranges
        if ranges.count == 1 { return ids(in: ranges[0]).map { ($0, [ranges[0].windows]) } }
        var bounds: [Int32: [WindowBounds]] = [:]
        for range in ranges {
            for id in ids(in: range) where bounds[id]?.contains(range.windows) != true { bounds[id, default: []].append(range.windows) }
        }
        return index.inOrder(Array(bounds.keys), of: keys).map { ($0, bounds[$0] ?? []) }
    }

    /// What the index puts in order.
    private var keys: any ResultKeys { windows ?? rows }

    private func ids(in range: KeyRange) -> ArraySlice<Int32> {
        if range.prefix.count == keyTypes.count, keysAreCanonical { return find(range.prefix).map { [Int32($0)] } ?? [] }
        return index.ids(in: range, of: keys)
    }

    private func find(_ key: [Value]) -> Int? {
        keyEncoder.begin(zip(keyTypes, key).map { Column($0, [$1]) })
        let sink = ByteSink()
        let range = keyEncoder.encode(0, to: sink)
        if range.isNull { return nil }
        let bytes = sink.take()
        if let windows { return windows.find(bytes) }
        let number = StoredBytes.with(bytes[...]) { rows.find(StoredKey(bytes: $0, hash: $0.hash(seed))) }
        return number < 0 ? nil : number
    }
}

extension KeyedRows: ResultKeys {
    func isUsed(_ id: Int) -> Bool { !row(id).isMissing }
    func keyBytes(_ id: Int) -> [UInt8] { key(id).copy }
}
