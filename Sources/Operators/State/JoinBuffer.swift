// The state of one side of a join of streams: the rows that may still find a partner, in slices of time. A slice goes as a whole when no
// partner in time can come for any of its rows.

import Bytes
import Quantities

/// The rows of a stream side by key, in the order of (time, arrival).
@safe final class JoinBuffer: RecordwiseStore {
    /// A row that has come or changed since the last changelog: its slice by serial number, and its number there.
    private struct Change: BitwiseCopyable {
        let slice: Int64
        let number: Int
    }

    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    @safe private struct Parts: ~Copyable {
        /// In the order of time.
        var slices: [BufferSlice] = []
        /// The slice that was looked for last.
        var latest: BufferSlice?
        var changes = PagedArray<Change>()
        var arrivals: Int64 = 0
        var largestTime = StreamTime.unset
        var joinTime = StreamTime.unset
    }

    private let parts: UnsafeMutablePointer<Parts>
    private let seed: UInt64
    /// Milliseconds of time of one slice.
    private let width: Int64
    /// Slices whose time is over, until their deletions are written.
    private var expired: [BufferSlice] = []
    private var slicesMade: Int64 = 0
    private var awaiting = AwaitingRows()
    private var loggedTimes = (own: StreamTime.unset, join: StreamTime.unset)
    /// The first change that the changelog has not got.
    private var nextChange = 0
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
        let parts = UnsafeMutablePointer<Parts>.allocate(capacity: 1)
        unsafe parts.initialize(to: Parts())
        unsafe self.parts = unsafe parts
    }

    deinit {
        for slice in slices + expired { slice.free() }
        unsafe parts.deinitialize(count: 1)
        unsafe parts.deallocate()
    }

    /// The largest time of a row of this side.
    var largestTime: Int64 {
        @inline(__always) get { unsafe parts.pointee.largestTime }
        @inline(__always) set { unsafe parts.pointee.largestTime = newValue }
    }
    /// The largest time of a row of either side; kept by the left buffer for the whole join.
    var joinTime: Int64 {
        @inline(__always) get { unsafe parts.pointee.joinTime }
        @inline(__always) set { unsafe parts.pointee.joinTime = newValue }
    }

    // MARK: Slices

    private var slices: [BufferSlice] { unsafe parts.pointee.slices }

    private func sliceNumber(_ time: Int64) -> Int64 { time >= 0 ? time / width : (time + 1) / width - 1 }

    /// The times of the slice with this number.
    private func times(_ number: Int64) -> ClosedRange<Int64> {
        let (start, overflow) = number.multipliedReportingOverflow(by: width)
        if overflow { return number < 0 ? .min...(.min) : .max...(.max) }
        return start...start.addingSaturated(width - 1)
    }

    /// The slice of a time, if there is one.
    @inline(__always) private func slice(of time: Int64) -> BufferSlice? {
        if let latest = unsafe parts.pointee.latest, latest.times.contains(time) { return latest }
        return lookUpSlice(sliceNumber(time))
    }

    @inline(never) private func lookUpSlice(_ number: Int64) -> BufferSlice? {
        guard let slice = slices.first(where: { $0.number == number }) else { return nil }
        unsafe parts.pointee.latest = slice
        return slice
    }

    @inline(__always) private func makeSlice(of time: Int64) -> BufferSlice { slice(of: time) ?? newSlice(sliceNumber(time)) }

    @inline(never) private func newSlice(_ number: Int64) -> BufferSlice {
        slicesMade += 1
        let slice = BufferSlice(number, serial: slicesMade, times: times(number))
        unsafe parts.pointee.slices.insert(slice, at: slices.firstPlace { $0.number > slice.number })
        unsafe parts.pointee.latest = slice
        return slice
    }

    /// Drops the slices of which no row is later than `horizon` and none awaits a partner.
    @inline(__always) func sweep(_ horizon: Int64) {
        guard let first = unsafe parts.pointee.slices.first, first.times.upperBound <= horizon else { return }
        dropSlices(horizon)
    }

    @inline(never) private func dropSlices(_ horizon: Int64) {
        let gone = slices.filter { $0.times.upperBound <= horizon && $0.awaitingCount == 0 }
        for slice in gone { awaiting.forget(slice.times) }
        expired += gone
        remove { $0.times.upperBound <= horizon && $0.awaitingCount == 0 }
    }

    /// Takes slices out of the list; they live on.
    private func remove(where isGone: (BufferSlice) -> Bool) {
        unsafe parts.pointee.slices.removeAll(where: isGone)
        unsafe parts.pointee.latest = nil
    }

    // MARK: Rows

    /// About as many rows as any key has at most.
    var mostRowsOfKey: Int { slices.reduce(0) { $0 + $1.mostRowsOfKey } }

    /// A row that is kept.
    struct Kept: BitwiseCopyable {
        fileprivate let slice: BufferSlice
        fileprivate let number: Int
    }

    /// Asks for the memory that a look for a key of this hash is likely to begin with.
    @inline(__always) func prefetch(_ hash: UInt64) {
        if let slice = unsafe parts.pointee.latest { slice.prefetch(hash) }
    }

    /// Keeps a row that awaits nothing.
    @inline(__always) func append(_ key: StoredKey, _ row: StoredBytes, time: Int64) -> Kept {
        unsafe parts.pointee.arrivals += 1
        let slice = makeSlice(of: time)
        let number = slice.insert(key, row, time: time, arrival: unsafe parts.pointee.arrivals, isLogged: false)
        unsafe parts.pointee.changes.append(Change(slice: slice.serial, number: number))
        return Kept(slice: slice, number: number)
    }

    /// Where a row lies.
    @inline(__always) func place(_ kept: Kept) -> RowPlace { kept.slice[kept.number].place }

    /// The row awaits a partner.
    func setAwaiting(_ kept: Kept) {
        let row = kept.slice[kept.number]
        guard !row.isAwaiting else { return }
        kept.slice.setAwaiting(kept.number)
        awaiting.insert(AwaitingRow(time: row.time, arrival: row.arrival, number: kept.number), precedes: precedes)
    }

    private func note(_ slice: BufferSlice, _ number: Int) {
        guard !slice[number].isChanged else { return }
        slice[number].isChanged = true
        unsafe parts.pointee.changes.append(Change(slice: slice.serial, number: number))
    }

    /// Calls `body` with the rows of `key` with times in `times` that are later than `horizon`, in order; they await nothing any more.
    /// Gives how many there are. Their places are valid until the changes are written.
    @inline(__always) func matches(
        _ key: StoredKey, _ times: ClosedRange<Int64>, after horizon: Int64, _ body: (_ place: RowPlace, _ time: Int64) -> Void
    ) -> Int {
        let earliest = max(times.lowerBound, horizon.addingSaturated(1))
        guard earliest <= times.upperBound else { return 0 }
        let times = earliest...times.upperBound
        var count = 0
        for index in 0..<(unsafe parts.pointee.slices.count) {
            let slice = unsafe parts.pointee.slices[index]
            guard slice.times.overlaps(times) else { continue }
            slice.forEach(key, in: times) { number, row in
                count += 1
                if row.isAwaiting { release(slice, number) }
                body(row.place, row.time)
            }
        }
        return count
    }

    /// The last row of `key` with a time in `times`, the last to come among those of one time.
    func lastMatch(_ key: StoredKey, _ times: ClosedRange<Int64>) -> RowPlace? {
        for slice in slices.reversed() where slice.times.overlaps(times) {
            var last: RowPlace?
            slice.forEach(key, in: times) { _, row in last = row.place }
            if let last { return last }
        }
        return nil
    }

    @inline(never) private func release(_ slice: BufferSlice, _ number: Int) {
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
        (slices + expired).reduce(unsafe awaiting.memory + parts.pointee.changes.memory) { $0 + $1.memory }
    }

    /// The key is the kind, the length and the bytes of the row's key, its time and its arrival number; the value a byte that tells whether
    /// it awaits a partner, and the row.
    @inline(__always) private func write(_ row: BufferedRow, isGone: Bool, to records: RecordSink) {
        let (key, bytes) = (row.place.key, row.place.row)
        var place = unsafe records.bytes.reserve(32 + key.count + bytes.count)
        let start = unsafe place
        unsafe place.pointee = StateKeys.buffered
        unsafe place = unsafe RowWriter.put(varint: UInt64(truncatingIfNeeded: key.count), at: place + 1)
        unsafe UnsafeMutableRawPointer(place).copyMemory(from: key.base, byteCount: key.count)
        unsafe place = unsafe RowWriter.put(varint: zigzag(row.time), at: place + key.count)
        unsafe place = unsafe RowWriter.put(varint: zigzag(row.arrival), at: place)
        let keyCount = unsafe place - start
        if !isGone {
            unsafe place.pointee = row.isAwaiting ? 1 : 0
            unsafe UnsafeMutableRawPointer(place + 1).copyMemory(from: bytes.base, byteCount: bytes.count)
            unsafe place += 1 + bytes.count
        }
        unsafe records.commit(place, keyCount: keyCount, hasValue: !isGone, timestamp: row.time)
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

    func writeChanges(to records: RecordSink, limit: Int) -> Bool {
        let (first, limit) = (records.count, max(1, limit))
        func hasRoom() -> Bool { records.count - first < limit && !records.isSlice }
        forEachChange { slice, number in
            var row = slice[number]
            write(row, isGone: false, to: records)
            row.isChanged = false
            row.isLogged = true
            slice[number] = row
            return hasRoom()
        }
        guard nextChange == (unsafe parts.pointee.changes.count) else { return false }
        // Deletions are small, and come slice by slice.
        while let slice = expired.first {
            if !hasRoom() { return false }
            for number in 0..<slice.bound where slice[number].isLogged && !slice[number].isGone {
                write(slice[number], isGone: true, to: records)
            }
            expired.removeFirst().free()
        }
        discardChanges()
        if loggedTimes != (largestTime, joinTime) { writeTimes(to: records) }
        return true
    }

    /// Calls `body` with the changed rows of slices that are there, until it gives false.
    @inline(__always) private func forEachChange(_ body: (BufferSlice, Int) -> Bool) {
        var current: BufferSlice?
        while nextChange < (unsafe parts.pointee.changes.count) {
            let change = unsafe parts.pointee.changes[nextChange]
            nextChange += 1
            if current?.serial != change.slice { current = slices.first { $0.serial == change.slice } }
            if let slice = current, !slice[change.number].isGone, !body(slice, change.number) { return }
        }
    }

    func discardChanges() {
        forEachChange { slice, number in
            var row = slice[number]
            row.isChanged = false
            row.isLogged = true
            slice[number] = row
            return true
        }
        unsafe parts.pointee.changes.removeAll()
        nextChange = 0
        for slice in expired { slice.free() }
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
        unsafe parts.pointee.arrivals = unsafe max(parts.pointee.arrivals, arrival)
        if let slice, let known {
            // A row never changes but for its mark.
            if mark != 1, slice[known].isAwaiting {
                slice.release(known)
                awaiting.remove(isLive: isAwaiting)
            }
        } else if let bytes = row?.rest {
            let slice = makeSlice(of: time)
            let kept = Kept(slice: slice, number: slice.insert(own, bytes, time: time, arrival: arrival, isLogged: true))
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
        awaiting.forget(slice.times)
        remove { $0.serial == slice.serial }
        slice.free()
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
