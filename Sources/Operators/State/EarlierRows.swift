// Rows as they were before a commit changed them.

import Values

/// The groups of one window that change in one commit, with the rows that they had before.
final class EarlierRows {
    /// The number of the commit: questions to an earlier one see these rows.
    let commit: Int
    /// Groups from this one on are new in the commit.
    let groupCount: Int
    private(set) var groups: [Int32] = []
    private var times: [Int64] = []
    /// One an aggregate.
    private let results: [Column]

    /// The groups of `table`, of which the commit has `groupCount` from its predecessors.
    init(before commit: Int, _ table: GroupTable, groupCount: Int) {
        self.commit = commit
        self.groupCount = groupCount
        results = table.aggregators.indices.map { Column(table.resultTypes[$0]) }
    }

    /// Keeps the current rows of these groups; those that are new have none.
    func keep(_ changing: ArraySlice<Int32>, of table: GroupTable) {
        for group in changing where Int(group) < groupCount {
            groups.append(group)
            times.append(table.timestamps[Int(group)])
        }
        let first = results.first?.count ?? groups.count
        for (column, aggregator) in zip(results, table.aggregators) {
            for group in groups[first...] { aggregator.result(Int(group), into: column, column.appendRow()) }
        }
    }

    /// Puts the rows of groups `range` over those in `batch`, whose first row is the first group of the range.
    func put(over batch: Batch, _ range: Range<Int>, keyCount: Int) {
        for (place, group) in groups.enumerated() where range.contains(Int(group)) {
            let row = Int(group) - range.lowerBound
            batch.timestamps[row] = times[place]
            for (index, column) in results.enumerated() { batch.columns[keyCount + index].copy(column, place, to: row) }
        }
    }

    /// Bytes of memory.
    var memory: Int { groups.capacity * 4 + times.capacity * 8 + results.reduce(0) { $0 + $1.memory } }
}
