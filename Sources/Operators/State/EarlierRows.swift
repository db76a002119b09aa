// Rows as they were before a commit changed them.

import Values

/// The groups of one window that change in one commit, with the rows that they had before.
final class EarlierRows {
    /// Rows of groups that a batch has changed.
    private struct Part {
        let groups: [Int32]
        let times: [Int64]
        /// One an aggregate.
        let results: [Column]

        var memory: Int { groups.capacity * 4 + times.capacity * 8 + results.reduce(0) { $0 + $1.memory } }
    }

    /// The number of the commit: questions to an earlier one see these rows.
    let commit: Int
    /// Groups from this one on are new in the commit.
    let groupCount: Int
    private var parts: [Part] = []
    /// Bytes of memory.
    private(set) var memory = 0

    /// The commit has `groupCount` groups from its predecessors.
    init(before commit: Int, groupCount: Int) {
        self.commit = commit
        self.groupCount = groupCount
    }

    /// Keeps the current rows of these groups; those that are new have none.
    func keep(_ changing: ArraySlice<Int32>, of table: GroupTable) {
        let groups = changing.filter { Int($0) < groupCount }
        if groups.isEmpty { return }
        let results = zip(table.resultTypes, table.aggregators).map { type, aggregator in
            let column = Column(type)
            column.reset(groups.count)
            aggregator.results(groups, into: column)
            return column
        }
        let part = Part(groups: groups, times: table.times(of: groups), results: results)
        memory += part.memory
        parts.append(part)
    }

    /// Puts the rows of groups `range` over those in `batch`, whose first row is the first group of the range.
    func put(over batch: Batch, _ range: Range<Int>, keyCount: Int) {
        for part in parts {
            for (place, group) in part.groups.enumerated() where range.contains(Int(group)) {
                let row = Int(group) - range.lowerBound
                batch.timestamps[row] = part.times[place]
                for (index, column) in part.results.enumerated() { batch.columns[keyCount + index].copy(column, place, to: row) }
            }
        }
    }
}
