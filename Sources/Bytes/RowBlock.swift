// Result rows for a client: each a JSON array, all in one buffer, so that a batch leaves as one piece.

/// Rows of a result as JSON arrays without line ends. `rows[i]` is the place of row i in `bytes`; `deleted[i]` says that the
/// key of the row was deleted (only its key columns are filled). `deleted` is empty while no row of the block is a deletion.
package struct RowBlock: Hashable, Sendable {
    package var bytes: [UInt8]
    package var rows: [ByteRange]
    package var deleted: [Bool]

    package init(bytes: [UInt8] = [], rows: [ByteRange] = [], deleted: [Bool] = []) {
        self.bytes = bytes
        self.rows = rows
        self.deleted = deleted
    }

    package var count: Int { rows.count }
    package var isEmpty: Bool { rows.isEmpty }

    package func isDeleted(_ row: Int) -> Bool { row < deleted.count && deleted[row] }

    /// The JSON array of one row.
    package func row(_ index: Int) -> ArraySlice<UInt8> {
        let range = rows[index]
        return bytes[Int(range.start)..<Int(range.start) + Int(range.length)]
    }

    /// The rows as texts, for tests and small answers.
    package var texts: [String] { rows.indices.map { String(decoding: row($0), as: UTF8.self) } }

    /// The block without its rows from `count` on.
    package mutating func truncate(to count: Int) {
        guard count < rows.count else { return }
        rows.removeLast(rows.count - count)
        if deleted.count > count { deleted.removeLast(deleted.count - count) }
    }
}
