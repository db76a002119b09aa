// Rows that the server itself answers with.

import Bytes

/// Gathers a few rows.
struct RowText {
    private(set) var rows = RowBlock()

    /// Adds a row, which is a JSON array.
    mutating func add(_ row: [UInt8]) {
        rows.rows.append(ByteRange(start: Int32(truncatingIfNeeded: rows.bytes.count), length: Int32(truncatingIfNeeded: row.count)))
        rows.bytes += row
    }
}
