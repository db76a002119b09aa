// Hashes of keys that stand in columns, for those who divide rows among files by them.

import Values

/// Hashes the keys of rows. Equal keys of equal types have equal hashes, whichever columns they stand in.
struct KeyHashes {
    private let seed: UInt64
    private var bytes: [UInt8] = []

    init(seed: UInt64) { self.seed = seed }

    /// The hash of the key of each of `rows`.
    mutating func hashes(_ columns: [Column], _ rows: [Int32]) -> [UInt64] {
        var result: [UInt64] = []
        result.reserveCapacity(rows.count)
        for row in rows {
            bytes.removeAll(keepingCapacity: true)
            RowWriter.put(columns, Int(row), to: &bytes)
            unsafe bytes.withUnsafeBufferPointer { bytes in
                if let base = bytes.baseAddress { unsafe result.append(Hashing.hash(base, bytes.count, seed)) } else { result.append(0) }
            }
        }
        return result
    }
}
