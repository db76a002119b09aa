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
    /// Bytes that the table takes, as last asked. Of the task.
    private(set) var byteCount = 0

    init(_ table: any DiskTable, _ keys: DiskKeys) {
        self.table = table
        self.keys = keys
    }

    /// Entries that go to the disk in one transaction, and how many bytes they have about.
    private static let mostEntries = 4096, mostBytes = 4 << 20
    /// Entries that are removed in one transaction.
    private static let mostRemoved = 16_384

    // MARK: To the disk

    /// Writes all groups of a window, in the order of their keys. Errors: no room on disk, or cancelled. What has been written by then does no
    /// harm: it is what the memory has.
    func write(_ window: WindowGroups, unless cancel: CancelFlag) throws(DataflowError) {
        let group = window.table
        var entries = EntryList()
        for id in group.diskOrder() {
            let start = entries.bytes.count
            let long = keys.put(window.start, group.keys, Int(id), to: &entries.bytes)
            let middle = entries.bytes.count
            if let long { DiskKeys.putValueHead(long, to: &entries.bytes) }
            group.write(Int(id), to: &entries.bytes)
            entries.append(keyFrom: start, valueFrom: middle)
            if entries.count == SpilledGroups.mostEntries || entries.bytes.count > SpilledGroups.mostBytes {
                if cancel.isSet { throw DataflowError("the work was cancelled", isCancelled: true) }
                try put(&entries)
            }
        }
        if entries.count > 0 { try put(&entries) }
    }

    private func put(_ entries: inout EntryList) throws(DataflowError) {
        do throws(DiskTableError) { try table.put(entries) } catch { throw DataflowError(spilling: error) }
        entries.removeAll()
    }

    /// All groups of a window are there. Called with the lock of the state held.
    func note(_ start: Int64) { starts.insert(start) }

    /// Counts anew what the table takes.
    func count() { byteCount = table.byteCount }

    // MARK: From the disk

    /// Gives the groups of a window from `first` on, which have just begun, the states that the disk has of them.
    func recall(_ window: WindowGroups, from first: Int) throws(DataflowError) {
        guard starts.contains(window.start) else { return }
        let reading: any DiskTableReading
        do throws(DiskTableError) { reading = try table.read() } catch { throw DataflowError(spilling: error) }
        let fresh = window.table.diskOrder(from: first)
        var entries = EntryList()
        var long: [Int: [UInt8]] = [:]
        for (place, group) in fresh.enumerated() {
            let start = entries.bytes.count
            if let key = keys.put(window.start, window.table.keys, Int(group), to: &entries.bytes) { long[place] = key }
            entries.append(keyFrom: start)
        }
        let keyBytes = entries.bytes.count
        var next = 0
        while next < fresh.count {
            let begin = next
            do throws(DiskTableError) { next = try reading.find(&entries, from: begin) } catch { throw DataflowError(spilling: error) }
            for place in begin..<next where !entries.values[place].isNull {
                guard let key = long[place] else { continue }
                guard let stored = keys.takeValueHead(&entries, place) else { throw DataflowError.damagedOnDisk }
                guard entries.bytes[stored].elementsEqual(key) else { throw DataflowError("two keys have one place on disk") }
            }
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

    /// Removes entries of the first window that has expired; gives that when none are left of it.
    func removeExpired() throws(DataflowError) -> Int64? {
        guard let start = expired.first else { return nil }
        do throws(DiskTableError) {
            if try table.remove(prefix: keys.prefix(start), atMost: SpilledGroups.mostRemoved) { return nil }
        } catch {
            throw DataflowError(spilling: error)
        }
        expired.removeFirst()
        return start
    }

    /// The window has no entries any more. Called with the lock of the state held.
    func forget(_ start: Int64) { starts.remove(start) }
}

extension DataflowError {
    /// State cannot go to the disk, or be read from there.
    init(spilling error: DiskTableError) { self.init("state that does not fit the memory could not be kept on disk: \(error.message)") }

    static let damagedOnDisk = DataflowError("the table on disk is damaged")
}
