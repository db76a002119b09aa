// What a task is made of, and the limits of its work.

import Bytes
package import LogStore
package import Operators
import Platform
package import Quantities

/// What a task reads, runs and writes.
package struct TaskDescription {
    package let dataflow: Dataflow
    package var inputs: [TaskInput]
    /// Which partition the task is for; names it and spreads keyless output.
    package let partition: PartitionIndex
    /// What becomes of the results.
    package let role: TaskRole
    /// Knows the queries that write the inputs; nil for a task that does not wait for them.
    package var upstream: (any UpstreamWatch)?

    package init(dataflow: Dataflow, inputs: [TaskInput], partition: PartitionIndex, role: TaskRole) {
        self.dataflow = dataflow
        self.inputs = inputs
        self.partition = partition
        self.role = role
    }

    /// The part of a persistent query; nil for a transient one.
    package var persistence: TaskPersistence? {
        if case .persistent(let persistence) = role { return persistence }
        return nil
    }
}

/// For whom a task works.
package enum TaskRole {
    /// For the client that asked. A bounded query ends where its inputs end.
    case transient(any RowReceiver, isBounded: Bool)
    /// For the log: results, state and positions are committed together.
    case persistent(TaskPersistence)
}

/// What a task of a persistent query keeps in the log, and where.
package struct TaskPersistence {
    /// The consumer group under which positions are kept.
    package let group: String
    /// Where the results go; nil where the query only keeps rows readable.
    package var output: OutputTopic?
    /// Where rows go whose windows are closed; nil where they are not kept.
    package var lateRows: OutputTopic?
    /// The changelog of each store, by the store's name, in the partition of this task.
    package var changelogs: [String: PartitionKey] = [:]
    /// The readable rows of the table that the query makes, and the partitions of the table's topic of which the task reads them back; none
    /// when it reads them anyway.
    package var rows: TableRows?
    package var rowsToRestore: [PartitionIndex] = []
    package var errors: ErrorReporter?
    /// Where snapshots of the stores are kept; nil for none.
    package var snapshots: SnapshotFolder?
    /// The topic of committed positions; nil where every start reads from the beginning.
    package var positionsTopic: TopicID?

    /// Receives warnings for the server's log.
    package var warn: @Sendable (String) -> Void = { _ in }

    package init(group: String) { self.group = group }
}

/// Limits of one task's work between looks at everything else.
package enum TaskLimits {
    /// Records of one micro-batch: enough to spread the cost of a batch, small enough for the first-level caches.
    package static let batchRecords = 4096
    /// Records of a task's first micro-batch: one, since each may become 16 MiB or take a second. Batches double while they take less than
    /// a slice of time, and those of a slow query shrink to single records.
    package static let firstBatch = 1
    /// What one fetch asks for.
    package static let fetchBytes = ByteCount.kibibytes(512)
    /// Uncommitted input, in bytes, that makes a commit due at once: groups that change often are written once for all of it.
    package static let commitBytes = 16 << 20
    /// Output, in bytes, that makes a commit due at once. It is copied and framed for the log: smaller buffers stay in the processor's cache,
    /// and their memory is used again.
    package static let commitOutputBytes = 4 << 20
    /// Records of a commit that are made ready in one step: some milliseconds of work at most.
    package static let preparedRecords = 4096
    /// Nanoseconds of a task's work between two looks at the memory of its state: one costs a microsecond with one window, and a millisecond
    /// with a hundred thousand that have changed since the last commit.
    package static let memoryNanoseconds: Int64 = 10_000_000
    /// Bytes of freed memory that the process keeps when state has gone to disk.
    package static let keptAfterSpill = 32 << 20
    /// Bytes by which the state of a client's query grows between two reports: what is smaller is not worth stopping.
    package static let clientStep = 256 << 10
    /// Nanoseconds after which a client's query that is busy says again how far it is.
    package static let publishNanoseconds: Int64 = 100_000_000
    /// Nanoseconds that a task works before others get their turn: with ten busy tasks on a worker, a new row waits 15 ms at most, and
    /// the cost of changing tasks (about a microsecond) stays below a thousandth.
    package static let sliceNanoseconds: Int64 = 1_500_000
    /// Bytes of input after which a slice ends in any case.
    package static let sliceBytes = 4 << 20
    /// Nanoseconds of uninterrupted work after which a transient query counts as a long scan and yields to everything else: no question
    /// that a person waits for should be overtaken, and anything that takes longer is no short question.
    package static let shortQuestionNanoseconds: Int64 = 20_000_000
}
