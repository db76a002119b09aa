// What one task has in a commit that a worker makes for all its tasks, and what follows from it once it is durable.

import LogStore
import Platform

/// A task's part of a commit.
struct CommitPart: Sendable {
    private let confined: ConfinedSlot
    let run: QueryRun
    let epoch: RunEpoch
    /// Which of the task's commits it is.
    let number: Int
    /// The task's place; for the thread that has charge of the worker.
    var slot: TaskSlot { confined.slot }
    /// What the task is known by when its query is started anew.
    let identity: [PartitionKey]
    private let positions: [PartitionKey: Int64]
    private let newRows: [NewRows]
    private let rows: TableRows?
    /// Where the task's appends begin among those of the commit.
    private let firstAppend: Int
    private let hasOutput: Bool

    /// The part of a task whose appends have just been taken.
    init(_ slot: TaskSlot, firstAppend: Int) {
        let task = slot.task
        confined = ConfinedSlot(slot: slot)
        run = slot.run
        epoch = slot.epoch
        self.firstAppend = firstAppend
        number = task.commitsMade
        identity = task.identity
        positions = task.positions
        newRows = task.newRows
        let persistence = task.description.persistence
        rows = persistence?.rows
        hasOutput = persistence?.output != nil
        task.newRows = []
    }

    /// Makes the rows readable. That comes before `publish`: a statement that waits for the positions reads the rows next.
    func applyToReadableRows(_ receipt: CommitReceipt) {
        guard let rows else { return }
        for (index, new) in newRows.enumerated() { rows.apply(new, at: hasOutput ? receipt.baseOffsets[firstAppend + index] : nil) }
    }

    /// Tells everyone how far the query is now.
    func publish() {
        run.committed(identity)
        let growth = rows?.takeGrowth() ?? 0
        run.status.update { content in
            content.counters.commits += 1
            content.counters.stateBytes += growth
            content.obstacle = nil
            for (partition, position) in positions {
                let before = content.durablePositions[partition] ?? 0
                assert(position >= before || epoch.isEnded, "the position of \(partition) went back from \(before) to \(position)")
                content.durablePositions[partition] = max(position, before)
            }
        }
    }
}

/// A slot on its way through the log, back to the worker that owns it.
private struct ConfinedSlot: @unchecked Sendable {
    let slot: TaskSlot
}
