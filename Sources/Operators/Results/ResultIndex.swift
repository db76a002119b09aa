// The keys of a result store in the order of `ResultOrder`. It is brought up to date only when a question needs it: keys that came or went
// since the last one are put into their places. It holds four bytes a key; the order bytes are made again for the keys that a search meets.

import Bytes
import Plans
import Quantities

struct ResultIndex {
    private let order: ResultOrder
    private var sorted: [Int32] = []
    /// Ids whose key came, went or became another.
    private var unsettled: Set<Int32> = []

    init(_ order: ResultOrder) { self.order = order }

    var memory: Int { sorted.capacity * 4 + unsettled.capacity * 8 }

    mutating func note(_ id: Int) { unsettled.insert(Int32(id)) }

    /// The ids of a table whose keys are in the range, in order.
    mutating func ids(in range: KeyRange, of table: ByteTable) -> ArraySlice<Int32> {
        settle(table)
        if range.hasAllKeys { return sorted[...] }
        let interval = order.interval(range)
        let start = place(of: interval.from, in: table)
        return sorted[start..<max(start, place(of: interval.to, in: table))]
    }

    /// Ids of the table in the order of their keys.
    func inOrder(_ ids: [Int32], of table: ByteTable) -> [Int32] {
        zip(ids, orderKeys(of: ids, table)).sorted { $0.1.lexicographicallyPrecedes($1.1) }.map(\.0)
    }

    /// Inserts the keys that are new and removes those that are gone.
    private mutating func settle(_ table: ByteTable) {
        guard !unsettled.isEmpty else { return }
        sorted.removeAll(where: unsettled.contains)
        var fresh = unsettled.filter { table.isUsed(Int($0)) }.map { (id: $0, key: [UInt8]()) }
        unsettled.removeAll(keepingCapacity: true)
        for (index, key) in orderKeys(of: fresh.map(\.id), table).enumerated() { fresh[index].key = key }
        fresh.sort { $0.key.lexicographicallyPrecedes($1.key) }
        // Looking for the places of many takes longer than making all order keys again.
        if fresh.count > sorted.count / 32 { return merge(fresh, table) }
        var merged: [Int32] = []
        merged.reserveCapacity(sorted.count + fresh.count)
        var taken = 0
        for (id, key) in fresh {
            let place = place(of: key, in: table, from: taken)
            merged += sorted[taken..<place]
            merged.append(id)
            taken = place
        }
        merged += sorted[taken...]
        sorted = merged
    }

    /// Merges `fresh`, which is in order, into what is there.
    private mutating func merge(_ fresh: [(id: Int32, key: [UInt8])], _ table: ByteTable) {
        let keys = orderKeys(of: sorted, table)
        var merged: [Int32] = []
        merged.reserveCapacity(sorted.count + fresh.count)
        var taken = 0
        for (id, key) in fresh {
            while taken < keys.count, keys[taken].lexicographicallyPrecedes(key) {
                merged.append(sorted[taken])
                taken += 1
            }
            merged.append(id)
        }
        merged += sorted[taken...]
        sorted = merged
    }

    /// The first place whose key does not stand before `bound`.
    private func place(of bound: [UInt8], in table: ByteTable, from start: Int = 0) -> Int {
        sorted[start...].firstPlace { !(orderKeys(of: [$0], table).first ?? []).lexicographicallyPrecedes(bound) }
    }

    private func orderKeys(of ids: [Int32], _ table: ByteTable) -> [[UInt8]] {
        var records = OutgoingRecords()
        for id in ids { records.append(key: Array(table.key(Int(id))), value: nil, timestamp: 0) }
        return order.orderKeys(of: records.read, records.keys)
    }
}

extension OutgoingRecords {
    /// The records as a run, offsets from 0.
    var read: RecordRun {
        RecordRun(
            bytes: bytes + [UInt8](repeating: 0, count: RecordRun.padding), keys: keys, values: values, headers: [], timestamps: timestamps,
            offsets: (0..<count).map(Int64.init), nextOffset: .first + Int64(count), isAtEnd: true)
    }
}
