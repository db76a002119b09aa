// Rows divided among lists on disk by the hashes of their keys, so that rows of one key are in one list: what is too much to be looked up in
// memory is, list by list, little enough. A list that is still too much is divided again, by other hashes.

import Values

/// Lists of rows on disk.
final class SpilledPartitions {
    private(set) var lists: [SpilledRows]
    private var hashes: KeyHashes

    /// Lists of one division. Together they have as much memory for writing as an eighth of what the question may hold.
    private static let listCount = 16
    /// Divisions of the same rows. Rows that are still together then have one key, or so few bytes that they do not matter.
    static let mostLevels = 6

    /// `level` says how often the rows have been divided before. Nil where nothing may go to disk, or where dividing helps no more.
    init?(_ types: [SQLType], level: Int, _ context: QuestionContext) {
        guard level < SpilledPartitions.mostLevels else { return nil }
        var lists: [SpilledRows] = []
        for _ in 0..<SpilledPartitions.listCount {
            guard let list = context.makeSpilledRows(types) else { return nil }
            lists.append(list)
        }
        self.lists = lists
        hashes = KeyHashes(seed: context.seed &+ UInt64(level &+ 1) &* 0x9E37_79B9_7F4A_7C15)
    }

    /// Appends rows of a chunk, whose keys stand in `keys`.
    func append(_ chunk: Batch, _ rows: [Int32], keys: [Column]) throws(DataflowError) {
        var parts = [[Int32]](repeating: [], count: lists.count)
        let numbers = hashes.hashes(keys, rows)
        for (row, hash) in zip(rows, numbers) { parts[Int(truncatingIfNeeded: (hash >> 32) % UInt64(lists.count))].append(row) }
        for (list, rows) in zip(lists, parts) where !rows.isEmpty { try list.append(chunk, .only(rows)) }
    }

    /// Nothing is appended any more: gives the lists, which are let go of one by one.
    func finish() throws(DataflowError) -> [SpilledRows] {
        for list in lists { try list.finish() }
        defer { lists = [] }
        return lists
    }
}
