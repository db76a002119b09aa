// The twin of a table on disk, in memory: for engines whose files are simulated, and as what the one on disk is compared with.

import Bytes
import Synchronization

/// A table whose entries are an ordered array.
package final class MemoryTable: DiskTable {
    fileprivate struct Entry: Sendable {
        let key: [UInt8]
        let value: [UInt8]
    }

    private let entries = Mutex<[Entry]>([])
    /// Bytes that the entries may have.
    private let byteLimit: Int

    /// An empty table, for so many bytes.
    package init(byteLimit: Int = .max) { self.byteLimit = byteLimit }

    package func put(_ list: EntryList) throws(DiskTableError) {
        let isFull = entries.withLock { entries in
            let merged = MemoryTable.merge(entries, list)
            if merged.byteCount > byteLimit { return true }
            entries = merged
            return false
        }
        if isFull { throw DiskTableError("entries could not be written: no space left", isFull: true) }
    }

    /// The entries of `old` and of `list`, which replace those of equal keys.
    private static func merge(_ old: [Entry], _ list: EntryList) -> [Entry] {
        var result: [Entry] = []
        result.reserveCapacity(old.count + list.count)
        var next = 0
        let new = (0..<list.count).map { Entry(key: Array(list.key($0)), value: Array(list.value($0) ?? [])) }
        for entry in new.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            while next < old.count, old[next].key.lexicographicallyPrecedes(entry.key) {
                result.append(old[next])
                next += 1
            }
            if next < old.count, old[next].key == entry.key { next += 1 }
            result.append(entry)
        }
        return result + old[next...]
    }

    package func remove(prefix: [UInt8], atMost count: Int) -> Bool {
        entries.withLock { entries in
            let first = entries.firstPlace { !$0.key.lexicographicallyPrecedes(prefix) }
            let last = entries[first...].firstIndex { !$0.key.starts(with: prefix) } ?? entries.endIndex
            let end = min(last, first.addingReportingOverflow(count).partialValue)
            entries.removeSubrange(first..<max(first, end))
            return end < last
        }
    }

    package func read() -> any DiskTableReading { MemoryTableReading(entries.withLock { $0 }) }

    package var byteCount: Int { entries.withLock { $0.byteCount } }
}

extension [MemoryTable.Entry] {
    fileprivate var byteCount: Int { reduce(0) { $0 + $1.key.count + $1.value.count } }
}

private final class MemoryTableReading: DiskTableReading {
    private let entries: [MemoryTable.Entry]

    init(_ entries: [MemoryTable.Entry]) { self.entries = entries }

    func lastKey() -> [UInt8]? { entries.last?.key }

    func find(_ list: inout EntryList, from first: Int) -> Int {
        var size = 0
        for place in first..<list.count {
            let key = Array(list.key(place))
            let index = entries.firstPlace { !$0.key.lexicographicallyPrecedes(key) }
            guard index < entries.count, entries[index].key == key else { continue }
            let start = list.bytes.count
            list.bytes += entries[index].value
            list.setValue(place, from: start)
            size += entries[index].value.count
            if size > DiskTableLimits.sliceBytes { return place + 1 }
        }
        return list.count
    }

    func append(to list: inout EntryList, prefix: [UInt8], after key: [UInt8]?, atMost count: Int) -> Bool {
        var index = entries.firstPlace { !$0.key.lexicographicallyPrecedes(key ?? prefix) }
        if let key, index < entries.count, entries[index].key == key { index += 1 }
        var (size, added) = (0, 0)
        while index < entries.count, entries[index].key.starts(with: prefix) {
            if added >= count || size > DiskTableLimits.sliceBytes { return true }
            let entry = entries[index]
            let start = list.bytes.count
            list.bytes += entry.key
            let middle = list.bytes.count
            list.bytes += entry.value
            list.append(keyFrom: start, valueFrom: middle)
            (size, added, index) = (size + entry.value.count, added + 1, index + 1)
        }
        return false
    }
}
