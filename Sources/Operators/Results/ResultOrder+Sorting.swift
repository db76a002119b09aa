// Records of a table in the order of their keys and windows.

import Bytes
import Values

extension ResultOrder {
    private struct Place {
        /// The first bytes of the order key: they decide nearly all comparisons.
        let prefix: UInt64
        let record: Int32
    }

    /// The records that have a key and a value, in the order of their keys and, within one key, of the `windowSuffix` bytes at the key's end.
    func sorted(_ records: OutgoingRecords, windowSuffix: Int) -> RecordRun {
        let rows = (0..<records.count).filter { !records.keys[$0].isNull && !records.values[$0].isNull }
        let keys = rows.map { records.keys[$0] }
        let run = records.read
        let (bytes, ends) = flatOrderKeys(of: run, keys, windowSuffix)
        // Where no key is NULL all of them begin with the same byte.
        let skipped = ends.indices.allSatisfy { bytes[start(of: $0, ends)] == 1 } ? 1 : 0
        func orderKey(_ place: Int32) -> ArraySlice<UInt8> { bytes[start(of: Int(place), ends)..<ends[Int(place)]] }
        var places = rows.indices.map { index in
            let key = orderKey(Int32(truncatingIfNeeded: index)).dropFirst(skipped)
            var prefix: UInt64 = 0
            for byte in key.prefix(8) { prefix = prefix << 8 | UInt64(byte) }
            return Place(prefix: prefix << UInt64(8 * (8 - min(8, key.count))), record: Int32(truncatingIfNeeded: index))
        }
        places.sort { a, b in
            a.prefix == b.prefix ? orderKey(a.record).lexicographicallyPrecedes(orderKey(b.record)) : a.prefix < b.prefix
        }
        let order = places.map { rows[Int($0.record)] }
        return RecordRun(
            bytes: run.bytes, keys: order.map { run.keys[$0] }, values: order.map { run.values[$0] }, headers: [],
            timestamps: order.map { run.timestamps[$0] }, offsets: order.indices.map(Int64.init), nextOffset: run.nextOffset, isAtEnd: true)
    }

    private func start(of index: Int, _ ends: [Int]) -> Int { index == 0 ? 0 : ends[index - 1] }

    /// The order keys of all records, one after the other, each with its window behind it, and where each ends.
    private func flatOrderKeys(of run: RecordRun, _ keys: [ByteRange], _ windowSuffix: Int) -> (bytes: [UInt8], ends: [Int]) {
        let bare = keys.map { ByteRange(start: $0.start, length: $0.length - Int32(truncatingIfNeeded: windowSuffix)) }
        var bytes: [UInt8] = []
        var ends: [Int] = []
        ends.reserveCapacity(keys.count)
        eachOrderKey(of: run, bare) { row, append in
            append(&bytes)
            bytes += run.bytes[keys[row].indexes.suffix(windowSuffix)]
            ends.append(bytes.count)
        }
        return (bytes, ends)
    }
}
