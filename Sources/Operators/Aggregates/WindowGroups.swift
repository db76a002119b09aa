// The groups of one window, and what a batch does to them.

import Values

/// The groups of one window start (or of everything, unwindowed), and what a batch does to them.
final class WindowGroups {
    let start: Int64
    let table: GroupTable
    var operations = GroupOperations()
    /// Rows as they were before recent commits, the oldest first; see `GroupedState`.
    var earlier: [EarlierRows] = []
    /// Groups that the commits before the one under way have made.
    var knownGroups = 0
    /// EMIT FINAL: its rows have left.
    var isClosed = false
    /// All of it is on disk, and what comes is not put in here any more. Of the task.
    var hasMovedOut = false
    /// It has groups that the changelog has not got yet.
    var isChanged = false
    /// Its memory may have grown since it was counted as `countedMemory`.
    var isUncounted = false
    var countedMemory = 0
    /// Coalescing with old versions: the results before the first change that is held back, row k for pending group k.
    var pendingOld: [Column] = []
    var pendingHadOld: [Bool] = []

    init(start: Int64, table: GroupTable) {
        self.start = start
        self.table = table
    }
}

extension Aggregator {
    /// `apply`, with the results before each operation in `before` where it is asked for.
    final func applyAll(
        _ operations: GroupOperations, _ arguments: [Column], old: [Column], before: Column?, result: Column?
    ) throws(AggregateFailure) {
        guard let before else { return try apply(operations, arguments, old: old, result: result) }
        var one = GroupOperations()
        var left: [AggregateFailure] = []
        for entry in 0..<operations.count {
            self.result(Int(operations.groups[entry]), into: before, operations.position(entry))
            one.rows = [operations.rows[entry]]
            one.groups = [operations.groups[entry]]
            one.positions = [Int32(truncatingIfNeeded: operations.position(entry))]
            one.undoes = operations.undoes.isEmpty ? [] : [operations.undoes[entry]]
            do throws(AggregateFailure) {
                try apply(one, arguments, old: old, result: result)
            } catch {
                throw AggregateFailure(entry: entry, message: error.message)
            }
            left += skipped.map { AggregateFailure(entry: entry, message: $0.message) }
        }
        skipped = left
    }
}
