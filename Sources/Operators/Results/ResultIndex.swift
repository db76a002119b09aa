// The keys of a result store in the order of `ResultOrder`. It is brought up to date only when a question needs it: keys that came or went
// since the last one are put into their places. It holds four bytes a key; the order bytes are made again for the keys that a search meets.

import Bytes
import Plans
import Quantities

/// Keys by id, as the index reads them.
protocol ResultKeys {
    /// Whether the id is that of a key that is there.
    func isUsed(_ id: Int) -> Bool
    /// The bytes of a key that is there, without a window.
    func keyBytes(_ id: Int) -> [UInt8]
}

struct ResultIndex {
    private let order: ResultOrder
    private var sorted: [Int32] = []
    /// Ids whose key came, went or became another, each once, and by id whether it is among them.
    private var unsettled: [Int32] = []
    private var isUnsettled: [Bool] = []

    init(_ order: ResultOrder) { self.order = order }

    var memory: Int { (sorted.capacity + unsettled.capacity) * 4 + isUnsettled.capacity }

    mutating func note(_ id: Int) {
        while isUnsettled.count <= id { isUnsettled.append(false) }
        if isUnsettled[id] { return }
        isUnsettled[id] = true
        unsettled.append(Int32(id))
    }

    /// The ids of a table whose keys are in the range, in order.
    mutating func ids(in range: KeyRange, of keys: any ResultKeys) -> ArraySlice<Int32> {
        settle(keys)
        if range.hasAllKeys { return sorted[...] }
        let interval = order.interval(range)
        let start = place(of: interval.from, of: keys)
        return sorted[start..<max(start, place(of: interval.to, of: keys))]
    }

    /// Ids of the table in the order of their keys.
    func inOrder(_ ids: [Int32], of keys: any ResultKeys) -> [Int32] {
        zip(ids, orderKeys(of: ids, keys)).sorted { $0.1.lexicographicallyPrecedes($1.1) }.map(\.0)
    }

    /// Inserts the keys that are new and removes those that are gone.
    private mutating func settle(_ keys: any ResultKeys) {
        guard !unsettled.isEmpty else { return }
        sorted.removeAll { Int($0) < isUnsettled.count && isUnsettled[Int($0)] }
        var fresh = unsettled.filter { keys.isUsed(Int($0)) }.map { (id: $0, key: [UInt8]()) }
        for id in unsettled { isUnsettled[Int(id)] = false }
        unsettled = []
        for (index, key) in orderKeys(of: fresh.map(\.id), keys).enumerated() { fresh[index].key = key }
        fresh.sort { $0.key.lexicographicallyPrecedes($1.key) }
        // Looking for the places of many takes longer than making all order keys again.
        if fresh.count > sorted.count / 32 { return merge(fresh, keys) }
        var merged: [Int32] = []
        merged.reserveCapacity(sorted.count + fresh.count)
        var taken = 0
        for (id, key) in fresh {
            let place = place(of: key, of: keys, from: taken)
            merged += sorted[taken..<place]
            merged.append(id)
            taken = place
        }
        merged += sorted[taken...]
        sorted = merged
    }

    /// Merges `fresh`, which is in order, into what is there.
    private mutating func merge(_ fresh: [(id: Int32, key: [UInt8])], _ keys: any ResultKeys) {
        let known = orderKeys(of: sorted, keys)
        var merged: [Int32] = []
        merged.reserveCapacity(sorted.count + fresh.count)
        var taken = 0
        for (id, key) in fresh {
            while taken < known.count, known[taken].lexicographicallyPrecedes(key) {
                merged.append(sorted[taken])
                taken += 1
            }
            merged.append(id)
        }
        merged += sorted[taken...]
        sorted = merged
    }

    /// The first place whose key does not stand before `bound`.
    private func place(of bound: [UInt8], of keys: any ResultKeys, from start: Int = 0) -> Int {
        sorted[start...].firstPlace { !(orderKeys(of: [$0], keys).first ?? []).lexicographicallyPrecedes(bound) }
    }

    private func orderKeys(of ids: [Int32], _ keys: any ResultKeys) -> [[UInt8]] {
        var records = OutgoingRecords()
        for id in ids { records.append(key: keys.keyBytes(Int(id)), value: nil, timestamp: 0) }
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
