// The rows of one span of time of a stream that waits for partners. All that a slice holds goes at once when its time is over: rows, keys
// and the table that finds them.

import Quantities

/// A row of a stream that may still find partners.
struct BufferedRow: BitwiseCopyable {
    let place: RowPlace
    let time: Int64
    let arrival: Int64
    /// Its neighbours among the rows of its key, which stand in the order of time and arrival; -1 for none.
    var previous: Int32 = -1
    var next: Int32 = -1
    /// Not matched yet, and to be emitted padded once nothing can match it.
    var isAwaiting = false
    /// It has come or changed since the last changelog.
    var isChanged = false
    /// The changelog has it.
    var isLogged = false
    /// It has been deleted.
    var isGone = false

    /// Whether the row stands before another one of its key.
    @inline(__always) func precedes(_ time: Int64, _ arrival: Int64) -> Bool {
        self.time < time || self.time == time && self.arrival < arrival
    }
}

/// Rows by key, in the order of time and arrival. A row's number is its own as long as the slice lives.
///
/// Named by address: copies are the same slice, and its buffer frees it. So nothing is counted where rows come and look for partners.
@safe struct BufferSlice: BitwiseCopyable {
    /// The first and the last row of a key.
    struct RowList: BitwiseCopyable {
        var first: Int32
        var last: Int32
        /// Rows that have ever been in it.
        var count: Int32 = 1
        /// A row whose key it is; rows stay where they are.
        let key: RowPlace
    }

    @safe struct Parts: ~Copyable {
        let number: Int64
        let serial: Int64
        let times: ClosedRange<Int64>
        var rows = PagedArray<BufferedRow>()
        var lists = PagedArray<RowList>()
        var index = HashIndex()
        var arena = RowArena()
        var liveCount = 0
        var awaitingCount = 0
        var mostRowsOfKey = 0

        init(_ number: Int64, serial: Int64, _ times: ClosedRange<Int64>) {
            (self.number, self.serial, self.times) = (number, serial, times)
        }
    }

    private let parts: UnsafeMutablePointer<Parts>

    init(_ number: Int64, serial: Int64, times: ClosedRange<Int64>) {
        let parts = UnsafeMutablePointer<Parts>.allocate(capacity: 1)
        unsafe parts.initialize(to: Parts(number, serial: serial, times))
        unsafe self.parts = unsafe parts
    }

    /// Ends the slice: neither it nor its rows may be used any more.
    func free() {
        unsafe parts.deinitialize(count: 1)
        unsafe parts.deallocate()
    }

    /// The span of time: this number times the width of spans is its start.
    var number: Int64 { unsafe parts.pointee.number }
    /// No other slice of the buffer has had it.
    var serial: Int64 { unsafe parts.pointee.serial }
    /// The times that rows of the slice have.
    var times: ClosedRange<Int64> { @inline(__always) get { unsafe parts.pointee.times } }

    /// Bytes of memory.
    var memory: Int {
        unsafe parts.pointee.rows.memory + parts.pointee.lists.memory + parts.pointee.index.memory + parts.pointee.arena.memory
    }

    /// Row numbers are below this.
    var bound: Int { unsafe parts.pointee.rows.count }
    /// The most rows that any key has had.
    var mostRowsOfKey: Int { unsafe parts.pointee.mostRowsOfKey }
    /// Rows that have not been deleted.
    var liveCount: Int { unsafe parts.pointee.liveCount }
    /// Rows that await a partner.
    var awaitingCount: Int { unsafe parts.pointee.awaitingCount }

    subscript(number: Int) -> BufferedRow {
        @inline(__always) get { unsafe parts.pointee.rows[number] }
        @inline(__always) nonmutating set { unsafe parts.pointee.rows[number] = newValue }
    }

    @inline(__always) private func list(_ key: StoredKey) -> Int {
        unsafe parts.pointee.index.find(key.hash) { list in unsafe parts.pointee.lists[list].key.key.isEqual(to: key.bytes) }
    }

    /// Asks for the memory that a look for a key of this hash begins with.
    @inline(__always) func prefetch(_ hash: UInt64) { unsafe parts.pointee.index.prefetch(hash) }

    /// Adds a row behind those of its key that are not later, and gives its number; unless the changelog has it (`isLogged`), it counts as changed.
    func insert(_ key: StoredKey, _ row: StoredBytes, time: Int64, arrival: Int64, isLogged: Bool) -> Int {
        let number = bound
        let place = unsafe parts.pointee.arena.add(key: key.bytes, row: row, owner: number)
        unsafe parts.pointee.rows.append(
            BufferedRow(place: place, time: time, arrival: arrival, isChanged: !isLogged, isLogged: isLogged))
        unsafe parts.pointee.liveCount += 1
        let known = list(key)
        if known >= 0 {
            link(number, known)
        } else {
            let own = Int32(truncatingIfNeeded: number)
            unsafe parts.pointee.lists.append(RowList(first: own, last: own, key: place))
            unsafe parts.pointee.index.insert(parts.pointee.lists.count - 1, key.hash)
            unsafe parts.pointee.mostRowsOfKey = max(parts.pointee.mostRowsOfKey, 1)
        }
        return number
    }

    private func link(_ number: Int, _ list: Int) {
        var row = self[number]
        var ends = unsafe parts.pointee.lists[list]
        var before = ends.last
        // Most of what comes belongs at the end.
        while before >= 0, !self[Int(before)].precedes(row.time, row.arrival) { before = self[Int(before)].previous }
        let behind = before >= 0 ? self[Int(before)].next : ends.first
        row.previous = before
        row.next = behind
        self[number] = row
        let own = Int32(truncatingIfNeeded: number)
        if before >= 0 { self[Int(before)].next = own } else { ends.first = own }
        if behind >= 0 { self[Int(behind)].previous = own } else { ends.last = own }
        ends.count += 1
        unsafe parts.pointee.lists[list] = ends
        unsafe parts.pointee.mostRowsOfKey = max(parts.pointee.mostRowsOfKey, Int(ends.count))
    }

    /// Calls `body` with every row of `key` whose time lies in `times`, in order.
    @inline(__always) func forEach(_ key: StoredKey, in times: ClosedRange<Int64>, _ body: (_ number: Int, _ row: BufferedRow) -> Void) {
        let list = list(key)
        guard list >= 0 else { return }
        var at = unsafe first(of: parts.pointee.lists[list], notBefore: times.lowerBound)
        while at >= 0 {
            let row = self[Int(at)]
            if row.time > times.upperBound { return }
            // The row itself may be changed by `body`, not the order.
            body(Int(at), row)
            at = row.next
        }
    }

    /// The first row of a list whose time is not before `time`, looked for from the nearer end; -1 when there is none.
    private func first(of list: RowList, notBefore time: Int64) -> Int32 {
        let (earliest, latest) = (self[Int(list.first)].time, self[Int(list.last)].time)
        if earliest >= time { return list.first }
        if latest < time { return -1 }
        // Times of a slice are less than 2^62 apart: its width is a part of a number of 64 bits.
        if time.subtractingSaturated(earliest) < latest.subtractingSaturated(time) {
            var at = list.first
            while self[Int(at)].time < time { at = self[Int(at)].next }
            return at
        }
        var at = list.last
        while self[Int(at)].previous >= 0, self[Int(self[Int(at)].previous)].time >= time { at = self[Int(at)].previous }
        return at
    }

    /// The number of the row of `key` with this time and arrival number, looked for from both ends; nil when it is not there.
    func find(_ key: StoredKey, time: Int64, arrival: Int64) -> Int? {
        let list = list(key)
        guard list >= 0 else { return nil }
        var (front, back) = unsafe (parts.pointee.lists[list].first, parts.pointee.lists[list].last)
        while front >= 0, back >= 0 {
            for at in [front, back] where self[Int(at)].time == time && self[Int(at)].arrival == arrival { return Int(at) }
            if !self[Int(front)].precedes(time, arrival) || self[Int(back)].precedes(time, arrival) { return nil }
            front = self[Int(front)].next
            back = self[Int(back)].previous
        }
        return nil
    }

    /// A row that has found no partner awaits one.
    func setAwaiting(_ number: Int) {
        guard !self[number].isAwaiting else { return }
        self[number].isAwaiting = true
        unsafe parts.pointee.awaitingCount += 1
    }

    /// The row awaits nothing any more.
    func release(_ number: Int) {
        guard self[number].isAwaiting else { return }
        self[number].isAwaiting = false
        unsafe parts.pointee.awaitingCount -= 1
    }

    /// Deletes a row of `key`. Its memory stays until the slice goes.
    func remove(_ number: Int, _ key: StoredKey) {
        let list = list(key)
        guard list >= 0, !self[number].isGone else { return }
        release(number)
        self[number].isGone = true
        unsafe parts.pointee.liveCount -= 1
        let row = self[number]
        var ends = unsafe parts.pointee.lists[list]
        if ends.first == ends.last { return unsafe parts.pointee.index.remove(list, key.hash) }
        if row.previous >= 0 { self[Int(row.previous)].next = row.next } else { ends.first = row.next }
        if row.next >= 0 { self[Int(row.next)].previous = row.previous } else { ends.last = row.previous }
        unsafe parts.pointee.lists[list] = ends
    }
}
