// What one task has in a commit that a worker makes for all its tasks, and what follows from it once it is durable.

import LogStore
import Operators
import Platform
import Quantities

/// A task's part of a commit, on its way through the log and back to the worker.
struct CommitPart: @unchecked Sendable {
    // The log only carries it: the slot is the worker's, and everything else in here is `Sendable`.
    let slot: TaskSlot
    /// Which of the task's commits it is.
    let number: Int
    /// What the task is known by when its query is started anew.
    let identity: [PartitionKey]
    private let positions: [PartitionKey: Offset]
    private let counts: TaskCounts
    private let streamTime: Int64?
    private let newRows: [NewRows]
    private let rows: TableRows?
    private let view: TableView?
    /// Where the task's appends begin among those of the commit.
    private let firstAppend: Int
    private let hasOutput: Bool

    /// The part of a task whose appends have just been taken.
    init(_ slot: TaskSlot, firstAppend: Int) {
        let task = slot.task
        self.slot = slot
        self.firstAppend = firstAppend
        number = task.commitsMade
        identity = task.identity
        positions = task.positions
        counts = task.newCounts
        streamTime = task.description.dataflow.streamTime
        newRows = task.newRows
        let persistence = task.description.persistence
        rows = persistence?.rows
        view = task.description.dataflow.view
        hasOutput = persistence?.output != nil
        task.newRows = []
    }

    /// Makes the rows readable. That comes before `publish`: a statement that waits for the positions reads the rows next.
    func applyToReadableRows(_ receipt: CommitReceipt) {
        // Not left to the task, which may be away or gone.
        view?.commitIsDurable(number)
        guard let rows else { return }
        for (index, new) in newRows.enumerated() { rows.apply(new, at: hasOutput ? receipt.baseOffsets[firstAppend + index] : nil) }
    }

    /// Tells everyone how far the query is now.
    func publish() {
        slot.run.committed(identity, partition: slot.task.description.partition)
        if let excess = rows?.publishMemory() { slot.run.stop(slot.epoch, for: excess) }
        let now = slot.task.time.monotonicNanoseconds()
        slot.run.status.update { content in
            content.counters.commits += 1
            content.counters.add(counts)
            content.rate.add(counts.recordsRead, at: now)
            for (partition, position) in positions {
                let before = content.durablePositions[partition] ?? .first
                assert(position >= before || slot.epoch.isEnded, "the position of \(partition) went back from \(before) to \(position)")
                content.durablePositions[partition] = max(position, before)
                if let streamTime { content.streamTimes[partition] = streamTime }
            }
        }
    }
}
