// The state of one side of a join of streams: the rows that may still find a partner, in slices of time. A slice goes as a whole when no
// partner in time can come for any of its rows.

import Bytes
import Quantities

/// The rows of a stream side by key, in the order of (time, arrival).
final class JoinBuffer: RecordwiseStore {
    /// A row that has come or changed since the last changelog: its slice by serial number, and its number there.
    private struct Change: BitwiseCopyable {
        let slice: Int64
        let number: Int
    }

    private let seed: UInt64
    /// Milliseconds of time of one slice.
    private let width: Int64
    /// In the order of time.
    private var slices: [BufferSlice] = []
    /// Slices whose time is over, until their deletions are written.
    private var expired: [BufferSlice] = []
    private var slicesMade: Int64 = 0
    private var awaiting = AwaitingRows()
    /// The largest time of a row of this side.
    var largestTime = StreamTime.unset
    /// The largest time of a row of either side; kept by the left buffer for the whole join.
    var joinTime = StreamTime.unset
    private var loggedTimes = (own: StreamTime.unset, join: StreamTime.unset)
    private var arrivals: Int64 = 0
    private var changes: [Change] = []
    /// The slice of the snapshot under way, and which of its rows comes next.
    private var inSnapshot: (slice: Int64, row: Int) = (Int64.min, 0)
    /// Called with the time of every row that awaits a partner and is restored from the changelog.
    var onRestore: ((_ time: Int64) -> Void)?

    /// For rows that are kept for `span` behind the largest time.
    init(seed: UInt64, span: Milliseconds) {
        self.seed = seed
        // A row's partners lie in at most six slices, and a quarter more than must be is kept. Slices of a millisecond would cost more than
        // the rows in them.
        width = max(16, span.count / 4)
    }

    // MARK: Slices

    private func sliceNumber(_ time: Int64) -> Int64 { time >= 0 ? time / width : (time + 1) / width - 1 }

    /// The slice of a time, if there is one.
    @inline(__always) private func slice(of time: Int64) -> BufferSlice? {
        let number = sliceNumber(time)
        if let last = slices.last, last.number == number { return last }
        return slices.first { $0.number == number }
    }

    private func makeSlice(of time: Int64) -> BufferSlice {
        if let known = slice(of: time) { return known }
        slicesMade += 1
        let slice = BufferSlice(sliceNumber(time), serial: slicesMade)
        slices.insert(slice, at: slices.firstPlace { $0.number > slice.number })
        return slice
    }

    /// The last time of a slice.
    private func lastTime(_ slice: BufferSlice) -> Int64 {
        let (start, overflow) = slice.number.multipliedReportingOverflow(by: width)
        return overflow ? (slice.number < 0 ? .min : .max) : start.addingSaturated(width - 1)
    }

    /// Drops the slices of which no row is later than `horizon` and none awaits a partner.
    @inline(__always) func sweep(_ horizon: Int64) {
        guard let first = slices.first, lastTime(first) <= horizon else { return }
        dropSlices(horizon)
    }

    private func dropSlices(_ horizon: Int64) {
        slices.removeAll { slice in
            let last = lastTime(slice)
            guard last <= horizon, slice.awaitingCount == 0 else { return false }
            awaiting.forget(last.subtractingSaturated(width - 1)...last)
            expired.append(slice)
            return true
        }
    }

    // MARK: Rows

    /// About as many rows as any key has at most.
    var mostRowsOfKey: Int { slices.reduce(0) { $0 + $1.mostRowsOfKey } }

    /// A row that is kept.
    struct Kept {
        fileprivate let slice: BufferSlice
        fileprivate let number: Int
    }

    /// Keeps a row that awaits nothing.
    func append(_ key: StoredKey, _ row: StoredBytes, time: Int64) -> Kept {
        arrivals += 1
        let kept = insert(key, row, time, arrivals)
        note(kept.slice, kept.number)
        return kept
    }

    /// Where a row lies.
    func place(_ kept: Kept) -> RowPlace { kept.slice[kept.number].place }

    /// The row awaits a partner.
    func setAwaiting(_ kept: Kept) {
        let row = kept.slice[kept.number]
        guard !row.isAwaiting else { return }
        kept.slice.setAwaiting(kept.number)
        awaiting.insert(AwaitingRow(time: row.time, arrival: row.arrival, number: kept.number), precedes: precedes)
    }

    private func insert(_ key: StoredKey, _ row: StoredBytes, _ time: Int64, _ arrival: Int64) -> Kept {
        let slice = makeSlice(of: time)
        return Kept(slice: slice, number: slice.insert(key, row, time: time, arrival: arrival))
    }

    private func note(_ slice: BufferSlice, _ number: Int) {
        guard !slice[number].isChanged else { return }
        slice[number].isChanged = true
        changes.append(Change(slice: slice.serial, number: number))
    }

    /// Calls `body` with the rows of `key` with times in `times` that are later than `horizon`, in order; they await nothing any more.
    /// Gives how many there are. Their places are valid until the changes are written.
    @inline(__always) func matches(
        _ key: StoredKey, _ times: ClosedRange<Int64>, after horizon: Int64, _ body: (_ place: RowPlace, _ time: Int64) -> Void
    ) -> Int {
        let earliest = max(times.lowerBound, horizon.addingSaturated(1))
        guard earliest <= times.upperBound, !slices.isEmpty else { return 0 }
        let (first, last) = (sliceNumber(earliest), sliceNumber(times.upperBound))
        var count = 0
        for slice in slices where slice.number >= first && slice.number <= last {
            slice.forEach(key, in: earliest...times.upperBound) { number, row in
                count += 1
                if row.isAwaiting { release(slice, number) }
                body(row.place, row.time)
            }
        }
        return count
    }

    private func release(_ slice: BufferSlice, _ number: Int) {
        slice.release(number)
        note(slice, number)
        awaiting.remove(isLive: isAwaiting)
    }

    // MARK: Rows that await a partner

    private func isAwaiting(_ row: AwaitingRow) -> Bool { slice(of: row.time)?[row.number].isAwaiting ?? false }

    /// By time, then by key bytes, then by arrival.
    func precedes(_ a: AwaitingRow, _ b: AwaitingRow) -> Bool {
        if a.time != b.time { return a.time < b.time }
        guard let slice = slice(of: a.time) else { return a.arrival < b.arrival }
        let (keyA, keyB) = (slice[a.number].place.key, slice[b.number].place.key)
        return keyA.isEqual(to: keyB) ? a.arrival < b.arrival : keyA.precedes(keyB)
    }

    /// The first row that awaits a partner, the last one, and the first one for which `isBehind` holds, as it does for all after it.
    func firstAwaiting() -> AwaitingRow? { awaiting.first(isLive: isAwaiting) }
    func lastAwaiting() -> AwaitingRow? { awaiting.last(isLive: isAwaiting) }
    func firstAwaiting(where isBehind: (AwaitingRow) -> Bool) -> AwaitingRow? { awaiting.first(where: isBehind, isLive: isAwaiting) }

    /// A row awaits nothing any more; gives it.
    func release(_ row: AwaitingRow) -> RowPlace? {
        guard let slice = slice(of: row.time) else { return nil }
        release(slice, row.number)
        return slice[row.number].place
    }

    // MARK: State

    var memory: Int {
        (slices + expired).reduce(awaiting.memory + changes.capacity * MemoryLayout<Change>.stride) { $0 + $1.memory }
    }

    private func write(_ row: BufferedRow, isGone: Bool, to records: RecordSink) {
        let bytes = records.bytes
        let keyStart = bytes.count
        bytes.append(StateKeys.buffered)
        bytes.append(varint: UInt64(truncatingIfNeeded: row.place.key.count))
        bytes.append(row.place.key)
        bytes.append(varint: zigzag(row.time))
        bytes.append(varint: zigzag(row.arrival))
        let keyRange = bytes.range(from: keyStart)
        var valueRange = ByteRange.null
        if !isGone {
            let valueStart = bytes.count
            bytes.append(row.isAwaiting ? 1 : 0)
            bytes.append(row.place.row)
            valueRange = bytes.range(from: valueStart)
        }
        records.append(key: keyRange, value: valueRange, timestamp: row.time, header: .null)
    }

    private func writeTimes(to records: RecordSink) {
        loggedTimes = (largestTime, joinTime)
        let bytes = records.bytes
        let keyStart = bytes.count
        bytes.append(StateKeys.streamTime)
        let keyRange = bytes.range(from: keyStart)
        let valueStart = bytes.count
        bytes.append(varint: zigzag(largestTime))
        bytes.append(varint: zigzag(joinTime))
        records.append(key: keyRange, value: bytes.range(from: valueStart), timestamp: max(largestTime, joinTime), header: .null)
    }

    func writeChanges(to records: RecordSink) {
        forEachChange { slice, number in
            if !records.isFull { write(slice[number], isGone: false, to: records) }
        }
        for slice in expired {
            for number in 0..<slice.bound where slice[number].isLogged && !slice[number].isGone {
                if records.isFull { return }
                write(slice[number], isGone: true, to: records)
            }
        }
        if records.isFull { return }
        discardChanges()
        if loggedTimes != (largestTime, joinTime) { writeTimes(to: records) }
    }

    /// Calls `body` with the changed rows of slices that are there.
    private func forEachChange(_ body: (BufferSlice, Int) -> Void) {
        var current: BufferSlice?
        for change in changes {
            if current?.serial != change.slice { current = slices.first { $0.serial == change.slice } }
            if let slice = current, !slice[change.number].isGone { body(slice, change.number) }
        }
    }

    func discardChanges() {
        forEachChange { slice, number in
            slice[number].isChanged = false
            slice[number].isLogged = true
        }
        changes.removeAll(keepingCapacity: changes.count <= OutputLimits.sliceRows)
        expired.removeAll()
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        StoredBytes.with(key) { key in StoredBytes.with(value ?? []) { restore(key, value == nil ? nil : $0) } }
    }

    private func restore(_ key: StoredBytes, _ value: StoredBytes?) -> String? {
        var reader = StoredBytesReader(key)
        let kind = reader.byte()
        if kind == StateKeys.streamTime { return restoreTimes(value) }
        guard kind == StateKeys.buffered, let name = reader.text(), let time = reader.word(), let arrival = reader.word() else {
            return "a key is of another kind of store"
        }
        let own = StoredKey(bytes: name, hash: name.hash(seed))
        let slice = slice(of: time)
        let known = slice?.find(own, time: time, arrival: arrival)
        var row = value.map { StoredBytesReader($0) }
        guard let mark = row?.byte() else {
            if let slice, let known { remove(slice, known, own) }
            return nil
        }
        arrivals = max(arrivals, arrival)
        if let slice, let known {
            // A row never changes but for its mark.
            if mark != 1, slice[known].isAwaiting {
                slice.release(known)
                awaiting.remove(isLive: isAwaiting)
            }
        } else if let bytes = row?.rest {
            let kept = insert(own, bytes, time, arrival)
            kept.slice[kept.number].isLogged = true
            if mark == 1 { setAwaiting(kept) }
        }
        if mark == 1 { onRestore?(time) }
        return nil
    }

    private func restoreTimes(_ value: StoredBytes?) -> String? {
        var reader = value.map { StoredBytesReader($0) }
        guard let own = reader?.word(), let join = reader?.word() else { return "its stream time is damaged" }
        largestTime = max(largestTime, own)
        joinTime = max(joinTime, join)
        loggedTimes = (largestTime, joinTime)
        return nil
    }

    private func remove(_ slice: BufferSlice, _ number: Int, _ key: StoredKey) {
        let wasAwaiting = slice[number].isAwaiting
        slice.remove(number, key)
        if wasAwaiting { awaiting.remove(isLive: isAwaiting) }
        guard slice.liveCount == 0 else { return }
        let last = lastTime(slice)
        awaiting.forget(last.subtractingSaturated(width - 1)...last)
        slices.removeAll { $0 === slice }
    }

    /// A slice of the snapshot counts rows: one key may have most of them. Rows that come or go between two slices are in the changelog
    /// behind them.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        if position == 0 { inSnapshot = (Int64.min, 0) }
        for slice in slices where slice.number >= inSnapshot.slice {
            if slice.number > inSnapshot.slice { inSnapshot = (slice.number, 0) }
            while inSnapshot.row < slice.bound {
                if records.count >= max(1, limit) || records.isSlice { return position + records.count }
                let number = inSnapshot.row
                inSnapshot.row += 1
                if slice[number].isGone { continue }
                write(slice[number], isGone: false, to: records)
                // Its deletion is to be written, too, even if its coming never is.
                slice[number].isLogged = true
            }
        }
        if max(largestTime, joinTime) != StreamTime.unset { writeTimes(to: records) }
        return nil
    }
}
