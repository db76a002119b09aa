// The order in which functions walk a map. Maps have none of their own in SQL; results recorded with the dialect's reference follow
// java.util.HashMap, made for just as many entries as the map has, and so does this: by bucket, then in order of insertion.

import Bytes
import Values

enum MapOrder {
    /// The entries of these rows in walking order. `map` itself when it is in that order already.
    static func arranged(_ map: Column, _ rows: Selection) -> Column {
        var indices: [Int32] = []
        var ranges: [(row: Int, range: ByteRange)] = []
        var isSame = true
        rows.forEach { row in
            let entries = map.elements(row)
            ranges.append(
                (row, ByteRange(start: Int32(truncatingIfNeeded: indices.count), length: Int32(truncatingIfNeeded: entries.count))))
            let order = order(map.children[0], entries)
            if isSame, !order.elementsEqual(entries) { isSame = false }
            for entry in order { indices.append(Int32(truncatingIfNeeded: entry)) }
        }
        if isSame { return map }
        let result = Column(map.type)
        result.reset(map.count)
        for (child, source) in zip(result.children, map.children) { child.gather(source, indices) }
        for (row, range) in ranges { result.ranges[row] = range }
        result.nulls = map.nulls
        result.failed = map.failed
        return result
    }

    private static func order(_ keys: Column, _ entries: Range<Int>) -> [Int] {
        guard entries.count > 1, let mask = mask(keys.type, entries.count) else { return Array(entries) }
        return entries.map { (bucket: hash(keys, $0) & mask, entry: $0) }.sorted { ($0.bucket, $0.entry) < ($1.bucket, $1.entry) }.map(
            \.entry)
    }

    /// One less than the number of buckets: the power of two that is not filled to more than three quarters. Nil for keys whose hash is
    /// not known here, which stay in order of insertion.
    private static func mask(_ type: SQLType, _ count: Int) -> UInt32? {
        guard type == .string || type == .integer || type == .bigint else { return nil }
        var buckets = 1
        while count * 4 > buckets * 3 { buckets *= 2 }
        return UInt32(truncatingIfNeeded: buckets - 1)
    }

    /// Java's hash of a key, spread over the low bits.
    private static func hash(_ keys: Column, _ row: Int) -> UInt32 {
        var hash: UInt32 = 0
        if !keys.isNull(row) {
            switch keys.type {
            case .string: for unit in string(keys.text(row)).utf16 { hash = hash &* 31 &+ UInt32(truncatingIfNeeded: unit) }
            case .integer: hash = UInt32(truncatingIfNeeded: keys.words[row])
            default:
                let bits = UInt64(bitPattern: keys.words[row])
                hash = UInt32(truncatingIfNeeded: bits ^ bits >> 32)
            }
        }
        return hash ^ hash >> 16
    }
}
