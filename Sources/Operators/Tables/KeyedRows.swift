// The last row of each key of a table, as bytes in the compact format. It grows with the number of live keys; a deleted key gives back
// its row and its id.

import Bytes
import Values

/// Rows by key bytes.
final class KeyedRows {
    private let keys: ByteTable
    private var rows: [[UInt8]] = []
    private var times: [Int64] = []
    private var rowBytes = 0

    init(seed: UInt64) { keys = ByteTable(seed: seed) }

    var count: Int { keys.count }
    /// Ids are below this.
    var idBound: Int { keys.idBound }
    var memory: Int { keys.memory + rowBytes + rows.capacity * 40 }

    func find(_ key: ArraySlice<UInt8>) -> Int? { keys.find(key) }
    func isUsed(_ id: Int) -> Bool { keys.isUsed(id) }
    func key(_ id: Int) -> ArraySlice<UInt8> { keys.key(id) }
    func row(_ id: Int) -> [UInt8] { rows[id] }
    func time(_ id: Int) -> Int64 { times[id] }

    /// Puts a row in the place of the key's last one.
    func put(_ key: ArraySlice<UInt8>, _ row: [UInt8], _ time: Int64) {
        let (id, _) = keys.id(of: key)
        if id == rows.count {
            rows.append([])
            times.append(0)
        }
        rowBytes += row.count - rows[id].count
        rows[id] = row
        times[id] = time
    }

    func remove(_ key: ArraySlice<UInt8>) {
        guard let id = keys.find(key) else { return }
        rowBytes -= rows[id].count
        rows[id] = []
        keys.remove(key)
    }

    /// The next slice of all rows as changelog records, from id `position` on; gives where the next one starts, nil at the end.
    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        var id = position
        while id < idBound {
            if id - position >= max(1, limit) || records.isSlice { return id }
            if isUsed(id) { StateKeys.append([StateKeys.row] + key(id), row(id), time(id), to: records) }
            id += 1
        }
        return nil
    }

    /// Reads a stored row's columns into row `target` of `columns`; columns that were not stored are skipped.
    static func read(_ bytes: [UInt8], into columns: [Column], stored: [Bool], _ target: Int) -> Bool {
        var reader = RowReader(bytes, 0..<bytes.count)
        for (index, column) in columns.enumerated() where stored[index] {
            guard reader.read(into: column, target) else { return false }
        }
        return true
    }
}
