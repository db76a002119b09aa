// What one task has in a commit that a worker makes for all its tasks, and what follows from it once it is durable.

import LogStore
import Platform

/// A task's part of a commit.
struct CommitPart: Sendable {
    let task: ConfinedTask
    let run: QueryRun
    /// Which of the task's commits it is.
    let number: Int
    let identity: [PartitionKey]
    private let positions: [PartitionKey: Int64]
    private let newRows: [NewRows]
    private let rows: TableRows?
    /// Where the task's appends begin among those of the commit.
    private let firstAppend: Int
    private let hasOutput: Bool

    /// The part of a task whose appends have just been taken.
    init(_ task: QueryTask, of run: QueryRun, firstAppend: Int) {
        self.task = ConfinedTask(task: task)
        self.run = run
        self.firstAppend = firstAppend
        number = task.commitsMade
        identity = task.identity
        positions = task.positions
        newRows = task.newRows
        rows = task.description.rows
        hasOutput = task.description.output != nil
        task.newRows = []
    }

    /// Makes the rows readable. That comes before `publish`: whoever waits for the positions reads the rows next.
    func showRows(_ receipt: CommitReceipt) {
        guard let rows else { return }
        for (index, new) in newRows.enumerated() { rows.apply(new, at: hasOutput ? receipt.baseOffsets[firstAppend + index] : nil) }
    }

    /// Tells everybody how far the query is now.
    func publish() {
        let growth = rows?.takeGrowth() ?? 0
        run.status.content.update { content in
            content.counters.commits += 1
            content.counters.stateBytes += growth
            content.refusedCommits = 0
            content.obstacle = nil
            content.lonelyTasks.remove(identity)
            for (partition, position) in positions {
                content.durablePositions[partition] = max(position, content.durablePositions[partition] ?? 0)
            }
        }
    }
}
