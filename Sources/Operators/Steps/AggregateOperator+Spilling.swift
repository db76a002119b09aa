// The groups of an aggregation on their way to the disk and back; see `SpilledGroups`.

import Bytes
import Plans
import Quantities
import Spill
import Synchronization

extension AggregateOperator: SpillingStore {
    /// As last counted: who reports it has just had the memory counted.
    var spillableMemory: Int { countedMemory }

    var diskBytes: Int { state.spilled?.byteCount ?? 0 }

    func spill() throws(DataflowError) {
        assert(changed.isEmpty && withPending.isEmpty && !hasWork, "groups go to disk while they change")
        let windows = state.starts.compactMap { state.windows[$0] }
        guard !windows.isEmpty, let disk = try spilled() else { return }
        defer { disk.count() }
        // Rows come for the latest windows.
        _ = memory
        let enough = countedMemory / 2
        var (left, end) = (countedMemory, 0)
        while end < windows.count, left > enough {
            left -= windows[end].countedMemory
            end += 1
        }
        try disk.write(windows[..<end], unless: context.cancel)
        for window in windows[..<end] {
            state.moveOut(window, to: disk)
            countedMemory -= window.countedMemory
            window.countedMemory = 0
            if latest === window { latest = nil }
        }
    }

    /// The groups on disk, a new table for them if there is none.
    private func spilled() throws(DataflowError) -> SpilledGroups? {
        if let spilled = state.spilled { return spilled }
        guard let make = context.environment.makeDiskTable else { return nil }
        let keys = DiskKeys(step)
        do throws(DiskTableError) {
            return SpilledGroups(try make(step.store.name, keys.sectionBytes), keys)
        } catch {
            throw DataflowError(spilling: error)
        }
    }

    var hasWaste: Bool { state.spilled.map { !$0.expired.isEmpty || $0.table.hasWork } ?? false }

    func removeWaste() throws(DataflowError) {
        guard let disk = state.spilled else { return }
        let gone = disk.removeExpired()
        state.lock.withLock { _ in
            gone.forEach(disk.forget)
            // The files go with the last question that reads them.
            if disk.starts.isEmpty { state.spilled = nil }
        }
        guard state.spilled != nil else { return }
        do throws(DiskTableError) { try disk.table.doWork() } catch { throw DataflowError(spilling: error) }
        disk.count()
    }

    /// Appends the next groups on disk to a snapshot, at most `limit`; whether there may be more. What is in memory, too, has been written, or
    /// has changed since the snapshot began and is in the changelog: what the disk has of it is older.
    func writeDiskSlice(limit: Int, to records: RecordSink) throws(DataflowError) -> Bool {
        guard let disk = state.spilled else { return false }
        if records.entries >= limit || records.isSlice { return true }
        var entries = EntryList()
        let hasMore: Bool
        do throws(DiskTableError) {
            let reading = disk.table.read()
            // What is put behind that from now on is in the changelog. A snapshot that went on to it might never end.
            if inSnapshot.lastDiskKey == nil { inSnapshot.lastDiskKey = reading.lastKey() }
            hasMore = try reading.append(to: &entries, prefix: [], after: inSnapshot.diskKey, atMost: limit - records.entries)
        } catch {
            throw DataflowError(spilling: error)
        }
        guard entries.count > 0, let end = inSnapshot.lastDiskKey else { return false }
        inSnapshot.diskKey = Array(entries.key(entries.count - 1))
        let columns = disk.keys.makeColumns()
        var (key, value): ([UInt8], [UInt8]) = ([], [])
        for place in 0..<entries.count {
            if end[...].lexicographicallyPrecedes(entries.key(place)) { return false }
            let start = disk.keys.start(entries.key(place))
            guard let start, disk.keys.read(entries, place, into: columns) else { throw .damagedOnDisk }
            if isWindowed && isExpired(start) || state.windows[start]?.table.find(columns, place) != nil { continue }
            key.removeAll(keepingCapacity: true)
            key.append(isWindowed ? StateKeys.window : StateKeys.group)
            if isWindowed { RowWriter.putWord(start, to: &key) }
            RowWriter.put(columns, place, to: &key)
            value.removeAll(keepingCapacity: true)
            value += entries.value(place) ?? []
            guard let time = StoredStates.time(of: value) else { throw .damagedOnDisk }
            StateKeys.append(key, value, time, to: records)
        }
        return hasMore
    }
}
