// Some rows of each key, in an order: the state of continuous Top-N, LAG and their kind. It grows with the keys; of each key it has as many
// rows as the step needs.
//
// A record of the changelog is one row: its key is the kind, the length and the bytes of the row's key, and the row's number; its value is
// the length and the bytes of what it is ordered by, and the row. A record without a value takes the row away.

import Bytes
import Plans
import Quantities
import Values

/// A row that is kept.
struct KeptRow {
    /// Compares as the rows do.
    var order: [UInt8]
    /// Rows of equal order stand in the order of their numbers.
    var number: Int64
    /// In the compact format.
    var bytes: [UInt8]
    var time: Int64

    fileprivate var memory: Int { 112 + order.count + bytes.count }
}

/// Rows by key.
final class KeptRows: RecordwiseStore {
    private struct Change: Hashable {
        let group: Int
        let number: Int64
    }

    private let keys: ByteTable
    /// By the id of the key, in order.
    private var groups: [[KeptRow]] = []
    /// The largest number of any row.
    private(set) var lastNumber: Int64 = 0
    private var changes: [Change] = []
    private var changed: Set<Change> = []
    private var nextChange = 0
    private var bytes = 0

    init(seed: UInt64) { keys = ByteTable(seed: seed) }

    /// The number of a key's rows.
    func group(_ key: [UInt8]) -> Int {
        let (id, isNew) = keys.id(of: key[...])
        if isNew {
            bytes += 64 + key.count
            while groups.count <= id { groups.append([]) }
        }
        return id
    }

    /// A number that is larger than any before.
    func nextNumber() -> Int64 {
        lastNumber += 1
        return lastNumber
    }

    // Nothing here gives a group as a whole: while someone holds that, each change of it copies all of its rows.

    func count(_ group: Int) -> Int { groups[group].count }
    func row(_ place: Int, of group: Int) -> KeptRow { groups[group][place] }
    func last(of group: Int) -> KeptRow? { groups[group].last }

    /// Where a row belongs in its group.
    func place(of row: KeptRow, in group: Int) -> Int { groups[group].firstPlace { row.precedes($0) } }

    /// Puts a row at a place of its group.
    func insert(_ row: KeptRow, at place: Int, of group: Int) {
        groups[group].insert(row, at: place)
        bytes += row.memory
        lastNumber = max(lastNumber, row.number)
        note(group, row.number)
    }

    /// Takes a row away.
    func remove(at place: Int, of group: Int) {
        let row = groups[group].remove(at: place)
        bytes -= row.memory
        note(group, row.number)
    }

    private func note(_ group: Int, _ number: Int64) {
        let change = Change(group: group, number: number)
        if changed.insert(change).inserted { changes.append(change) }
    }

    // MARK: State

    var memory: Int { bytes + changes.capacity * 48 }

    private func write(_ group: Int, _ number: Int64, _ row: KeptRow?, to records: RecordSink) {
        let name = keys.key(group)
        var key = [StateKeys.kept]
        RowWriter.putVarint(UInt64(name.count), to: &key)
        key += name
        RowWriter.putWord(number, to: &key)
        var value: [UInt8]?
        if let row {
            var bytes: [UInt8] = []
            RowWriter.putVarint(UInt64(row.order.count), to: &bytes)
            bytes += row.order
            bytes += row.bytes
            value = bytes
        }
        StateKeys.append(key, value, row?.time ?? 0, to: records)
    }

    func writeChanges(to records: RecordSink, limit: Int) -> Bool {
        let first = records.count
        while nextChange < changes.count {
            if records.count - first >= max(1, limit) || records.isSlice { return false }
            let change = changes[nextChange]
            nextChange += 1
            write(change.group, change.number, groups[change.group].first { $0.number == change.number }, to: records)
        }
        discardChanges()
        return true
    }

    func discardChanges() {
        changes.removeAll(keepingCapacity: true)
        changed.removeAll(keepingCapacity: true)
        nextChange = 0
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        let bytes = Array(key)
        var reader = RowReader(bytes, 0..<bytes.count)
        guard reader.byte() == StateKeys.kept, let name = reader.text(), let number = reader.word() else {
            return "a key is of another kind of store"
        }
        let group = group(Array(name))
        if let known = groups[group].firstIndex(where: { $0.number == number }) {
            self.bytes -= groups[group].remove(at: known).memory
        }
        lastNumber = max(lastNumber, number)
        guard let value else { return nil }
        let content = Array(value)
        var row = RowReader(content, 0..<content.count)
        guard let order = row.text() else { return "a row is damaged" }
        let kept = KeptRow(order: Array(order), number: number, bytes: Array(content[row.position...]), time: timestamp)
        let place = groups[group].firstPlace { kept.precedes($0) }
        groups[group].insert(kept, at: place)
        self.bytes += kept.memory
        return nil
    }

    /// A slice of the snapshot has whole groups.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        var group = position
        while group < groups.count {
            if records.count >= max(1, limit) || records.isSlice { return group }
            for row in groups[group] { write(group, row.number, row, to: records) }
            group += 1
        }
        return nil
    }
}

extension KeptRow {
    /// Whether the row stands before another one.
    func precedes(_ other: KeptRow) -> Bool {
        if order == other.order { return number < other.number }
        return order.lexicographicallyPrecedes(other.order)
    }
}
