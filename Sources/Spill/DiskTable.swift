// A table on disk for state that does not fit the memory: entries by their keys, in the order of the keys' bytes.
//
// It is a place to put things for a while, and no store of record: nothing in it is durable, and what a crash or an error leaves of it is
// thrown away, because the changelog has it all. What it does promise is that readers see the table as it was when they began.

package import Bytes

/// A table. One thread at a time changes it; any thread may read it meanwhile.
package protocol DiskTable: AnyObject, Sendable {
    /// What writes new entries, at most so many. Errors: the system refuses a file.
    func makeWriter(atMost count: Int) throws(DiskTableError) -> any DiskTableWriter

    /// Removes all entries of a section: those whose keys begin with these bytes, which are as many as the table was made for.
    func remove(section: [UInt8])

    /// Whether there is something to be tidied up, without which the table takes more space and reading takes longer.
    var hasWork: Bool { get }

    /// Tidies up a little: some milliseconds' worth. Where there is no room for that, things stay as they are until something has been put.
    /// Errors: the disk fails.
    func doWork() throws(DiskTableError)

    /// The table as it is now, for as long as the result lives. Meanwhile the space of what is replaced or removed is not used again.
    func read() -> any DiskTableReading

    /// Bytes that the table takes on disk.
    var byteCount: Int { get }

    /// Bytes that the table takes in memory.
    var memory: Int { get }
}

/// Writes entries into a table. None of them can be seen before `finish`, and without that none ever will.
package protocol DiskTableWriter: AnyObject {
    /// Puts entries, of which each replaces the one of its key. Their keys ascend, also from one call to the next. Errors: no room on the
    /// disk, or it fails; nothing can be put any more then.
    func put(_ entries: EntryList) throws(DiskTableError)

    /// All that was put is in the table. Errors: as of `put`.
    func finish() throws(DiskTableError)
}

/// A table as it was at one moment, for one thread at a time.
package protocol DiskTableReading: AnyObject {
    /// Looks for the keys of `entries` from place `first` on, fastest where they ascend, and appends the values of those that are there; the
    /// others' stay null. It stops early where the values take more than `DiskTableLimits.sliceBytes`: gives the place to go on from.
    func find(_ entries: inout EntryList, from first: Int) throws(DiskTableError) -> Int

    /// Appends the entries whose keys begin with `prefix` and come after `key` (nil: from the first one on), in order, as many as
    /// `count` or as make a slice; whether there may be more.
    func append(to entries: inout EntryList, prefix: [UInt8], after key: [UInt8]?, atMost count: Int) throws(DiskTableError) -> Bool

    /// A key that no entry comes after; nil where there is no entry.
    func lastKey() -> [UInt8]?
}

extension DiskTable {
    /// Puts entries whose keys ascend: all of them, or after an error none. Each replaces the one of its key.
    package func put(_ entries: EntryList) throws(DiskTableError) {
        let writer = try makeWriter(atMost: entries.count)
        try writer.put(entries)
        try writer.finish()
    }
}

/// What a table takes.
package enum DiskTableLimits {
    /// Bytes of values that are read together, unless a single one has more.
    package static let sliceBytes = 16 << 20
    /// Bytes of a section at most.
    package static let sectionBytes = 8
}

/// Why a table on disk cannot do what it is asked for.
package struct DiskTableError: Error, Hashable, Sendable {
    /// Whether there is no room: on the disk, or in the table, whose size has a limit.
    package let isFull: Bool
    /// What was done, and what went wrong; lower case, without a full stop.
    package let message: String

    /// An error with this message.
    package init(_ message: String, isFull: Bool = false) {
        self.message = message
        self.isFull = isFull
    }
}

/// Keys and values, one after the other in one array of bytes.
package struct EntryList: Sendable {
    /// The bytes of all keys and values.
    package var bytes: [UInt8] = []
    /// Where each key stands in `bytes`.
    package private(set) var keys: [ByteRange] = []
    /// Where the value of each key stands in `bytes`; null where there is none.
    package private(set) var values: [ByteRange] = []

    /// No entries.
    package init() {}

    /// The number of entries.
    package var count: Int { keys.count }

    /// The key at a place.
    package func key(_ place: Int) -> ArraySlice<UInt8> { bytes[keys[place].indexes] }

    /// The value at a place; nil where there is none.
    package func value(_ place: Int) -> ArraySlice<UInt8>? { values[place].isNull ? nil : bytes[values[place].indexes] }

    /// Adds an entry whose bytes have just been appended: the key from `start` on, and from `middle` on the value.
    package mutating func append(keyFrom start: Int, valueFrom middle: Int) {
        keys.append(ByteRange(exactly: start, count: middle - start) ?? .null)
        values.append(ByteRange(exactly: middle, count: bytes.count - middle) ?? .null)
    }

    /// Adds a key whose bytes have just been appended, from `start` on, without a value.
    package mutating func append(keyFrom start: Int) {
        keys.append(ByteRange(exactly: start, count: bytes.count - start) ?? .null)
        values.append(.null)
    }

    /// The value of the entry at `place` has just been appended, from `start` on.
    package mutating func setValue(_ place: Int, from start: Int) {
        values[place] = ByteRange(exactly: start, count: bytes.count - start) ?? .null
    }

    /// The value of the entry at `place` begins so many bytes later.
    package mutating func trimValue(_ place: Int, by count: Int) {
        let range = values[place].indexes
        values[place] = ByteRange(exactly: range.lowerBound + count, count: range.count - count) ?? .null
    }

    /// Forgets all entries, and keeps the memory unless that is large.
    package mutating func removeAll() {
        let isLarge = bytes.capacity > DiskTableLimits.sliceBytes
        bytes.removeAll(keepingCapacity: !isLarge)
        keys.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }
}
