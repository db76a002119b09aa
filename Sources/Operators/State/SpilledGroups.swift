// The groups of an aggregation that lie on disk, because there was no room for them in memory.
//
// A group is in memory, or on disk, or in both places: then what is in memory counts, and the disk has an older state of it. A group that is
// met again and is not in memory gets back its state from the disk, and stays in memory until its window goes there the next time. That
// happens only while everything in memory is in durable commits, so the disk never holds what a crash would take back; and a question that
// reads a commit finds each group as it was then: in the memory's groups of that commit, with the earlier rows, or else on the disk as it
// was when the question began.

import Bytes
import Plans
import Spill
import Values

/// A table on disk and which windows it has.
final class SpilledGroups {
    let table: any DiskTable
    let keys: DiskKeys
    /// Windows that have entries there; 0 for that of an aggregation without windows. Guarded by the lock of the state.
    private(set) var starts: Set<Int64> = []
    /// Windows that have expired, whose entries are to be removed. Of the task.
    private(set) var expired: [Int64] = []
    /// Bytes that the table takes on disk and in memory, as last counted. Of the task.
    private(set) var byteCount = 0
    private(set) var memory = 0

    init(_ table: any DiskTable, _ keys: DiskKeys) {
        self.table = table
        self.keys = keys
    }

    /// Entries that are handed to the table together, and how many bytes they have about.
    private static let mostEntries = 4096, mostBytes = 4 << 20

    // MARK: To the disk

    /// Writes all groups of windows, which stand in the order of their starts, in the order of their keys. Errors: no room on disk, or
    /// cancelled; then nothing has been written.
    func write(_ windows: ArraySlice<WindowGroups>, unless cancel: CancelFlag) throws(DataflowError) {
        do throws(DiskTableError) {
            let writer = try table.makeWriter(atMost: windows.reduce(0) { $0 + $1.table.count })
            for window in windows { if try !write(window, to: writer, unless: cancel) { break } }
            if !cancel.isSet { return try writer.finish() }
        } catch {
            throw DataflowError(spilling: error)
        }
        throw DataflowError("the work was cancelled", isCancelled: true)
    }

    /// Writes all groups of a window; false where that was cancelled.
    private func write(_ window: WindowGroups, to writer: any DiskTableWriter, unless cancel: CancelFlag) throws(DiskTableError) -> Bool {
        let group = window.table
        var entries = EntryList()
        for id in group.diskOrder() {
            let start = entries.bytes.count
            keys.put(window.start, group.keys, Int(id), to: &entries.bytes)
            let middle = entries.bytes.count
            group.write(Int(id), to: &entries.bytes)
            entries.append(keyFrom: start, valueFrom: middle)
            guard entries.count == SpilledGroups.mostEntries || entries.bytes.count > SpilledGroups.mostBytes else { continue }
            if cancel.isSet { return false }
            try writer.put(entries)
            entries.removeAll()
        }
        try writer.put(entries)
        return !cancel.isSet
    }

    /// All groups of a window are there. Called with the lock of the state held.
    func note(_ start: Int64) { starts.insert(start) }

    /// Counts anew what the table takes.
    func count() { (byteCount, memory) = (table.byteCount, table.memory) }

    // MARK: From the disk

    /// Gives the groups of a window from `first` on, which have just begun, the states that the disk has of them.
    func recall(_ window: WindowGroups, from first: Int) throws(DataflowError) {
        guard starts.contains(window.start) else { return }
        let reading = table.read()
        let fresh = window.table.diskOrder(from: first)
        var entries = EntryList()
        for group in fresh {
            let start = entries.bytes.count
            keys.put(window.start, window.table.keys, Int(group), to: &entries.bytes)
            entries.append(keyFrom: start)
        }
        let keyBytes = entries.bytes.count
        var next = 0
        while next < fresh.count {
            let begin = next
            do throws(DiskTableError) { next = try reading.find(&entries, from: begin) } catch { throw DataflowError(spilling: error) }
            let found = (begin..<next).filter { !entries.values[$0].isNull }
            if window.table.restore(found.map { fresh[$0] }, found.map { entries.values[$0] }, of: entries.bytes) != nil {
                throw DataflowError.damagedOnDisk
            }
            entries.bytes.removeSubrange(keyBytes...)
        }
    }

    // MARK: Windows that have expired

    /// Whether the disk has something of the window.
    func holds(_ start: Int64) -> Bool { starts.contains(start) }

    /// The window has expired: its entries go once that is durable.
    func expire(_ start: Int64) { if holds(start) { expired.append(start) } }

    /// Removes the entries of the windows that have expired; gives those.
    func removeExpired() -> [Int64] {
        for start in expired { table.remove(section: keys.prefix(start)) }
        defer { expired.removeAll() }
        return expired
    }

    /// The window has no entries any more. Called with the lock of the state held.
    func forget(_ start: Int64) { starts.remove(start) }
}

extension DataflowError {
    /// State cannot go to the disk, or be read from there.
    init(spilling error: DiskTableError) { self.init("state that does not fit the memory could not be kept on disk: \(error.message)") }

    static let damagedOnDisk = DataflowError("the table on disk is damaged")
}
