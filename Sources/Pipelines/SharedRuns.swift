// Runs of records that several tasks of one worker read: each is fetched once, and its records are decoded once.
//
// Tasks over one partition wait for the same news and take their turns one after the other, so what the first of them has fetched is what the
// others are about to ask for. Runs are kept while any task of the worker has something to do, up to a limit; then those that were used
// longest ago go. A task that is further behind than that fetches for itself.

package import Bytes
package import LogStore
package import Operators
package import Quantities
import Synchronization

/// The runs that the tasks of one worker share.
package final class SharedRuns: Sendable {
    fileprivate struct Key: Hashable {
        let partition: PartitionKey
        let position: Offset
        let moment: LogMoment
    }

    fileprivate struct Entry {
        let run: RecordRun
        /// The log's generation before the run was fetched.
        let generation: UInt64
        var lastUse: Int
    }

    fileprivate struct State {
        /// How many tasks read each partition.
        var readers: [PartitionKey: Int] = [:]
        var entries: [Key: Entry] = [:]
        var uses = 0
    }

    private let state = Mutex(State())
    /// Where the tasks' dataflows decode the records.
    package let decoding = SharedDecoding()
    private let byteLimit: Int
    private let memory: MemoryHold?

    /// Keeps at most so many bytes of runs and decoded rows, or one run; they count in `memory`.
    package init(byteLimit: Int = mostBytes, memory: MemoryHold? = nil) {
        self.byteLimit = byteLimit
        self.memory = memory
    }

    /// 32 MiB are eight slices of a task: so far the tasks that take turns may be apart.
    package static let mostBytes = 32 << 20

    /// What each of the workers may keep so that all together keep an eighth of the memory limit at most.
    static func byteLimit(of limit: Int?, workers: Int) -> Int { min(mostBytes, (limit ?? .max) / 8 / workers) }

    /// Counts a reader of these partitions; `leave` takes it out again.
    package func join(_ partitions: [PartitionKey]) {
        state.withLock { for partition in partitions { $0.readers[partition, default: 0] += 1 } }
    }

    /// A reader that has joined is gone.
    package func leave(_ partitions: [PartitionKey]) {
        state.withLock { state in
            for partition in partitions {
                let left = (state.readers[partition] ?? 1) - 1
                state.readers[partition] = left > 0 ? left : nil
            }
        }
    }

    /// Whether anything is kept.
    var isInUse: Bool { state.withLock { !$0.entries.isEmpty } }

    /// Whether there is a run from `position` on.
    func holds(_ partition: PartitionKey, from position: Offset, upTo moment: LogMoment) -> Bool {
        state.withLock { $0.entries[Key(partition: partition, position: position, moment: moment)] != nil }
    }

    /// The run that one of the tasks has fetched from `position` on, or what `fetch` gives, which the others get then. A run from a
    /// generation of the log that is over is not used: its records may have been withdrawn. Errors: those of `fetch`.
    package func run(
        of partition: PartitionKey, from position: Offset, upTo moment: LogMoment, generation: UInt64,
        fetch: () throws(LogError) -> RecordRun
    ) throws(LogError) -> RecordRun {
        let key = Key(partition: partition, position: position, moment: moment)
        let (known, isShared) = state.withLock { $0.find(key, generation) }
        if let known { return known }
        let run = try fetch()
        if isShared && run.count > 0 { keep(run, generation, key) }
        return run
    }

    private func keep(_ run: RecordRun, _ generation: UInt64, _ key: Key) {
        decoding.admit(run)
        let (dropped, bytes) = state.withLock { state -> ([RecordRun], Int) in
            state.uses += 1
            let entry = Entry(run: run, generation: generation, lastUse: state.uses)
            let replaced = state.entries.updateValue(entry, forKey: key)?.run
            let excess = state.excess(beyond: byteLimit) { $0.bytes.count + self.decoding.memory(of: $0) }
            return (excess.runs + [replaced].compactMap { $0 }, excess.left)
        }
        memory?.keep(["records": bytes])
        for run in dropped { decoding.forget(run) }
    }

    /// Nobody has anything to do: what is kept will not be asked for.
    package func releaseAll() {
        let dropped = state.withLock { state -> [RecordRun] in
            if state.entries.isEmpty { return [] }
            defer { state.entries = [:] }
            return state.entries.values.map(\.run)
        }
        if !dropped.isEmpty { memory?.keep([:]) }
        for run in dropped { decoding.forget(run) }
    }
}

extension SharedRuns.State {
    /// A run that is there and may be used; and whether others than the one who asks read the partition.
    fileprivate mutating func find(_ key: SharedRuns.Key, _ generation: UInt64) -> (run: RecordRun?, isShared: Bool) {
        guard readers[key.partition] ?? 0 > 1 else { return (nil, false) }
        guard let entry = entries[key], entry.generation == generation else { return (nil, true) }
        uses += 1
        entries[key]?.lastUse = uses
        return (entry.run, true)
    }

    /// Takes out what was used longest ago until the rest has at most so many bytes; gives how many it has.
    fileprivate mutating func excess(beyond limit: Int, memory: (RecordRun) -> Int) -> (runs: [RecordRun], left: Int) {
        var total = entries.values.reduce(0) { $0 + memory($1.run) }
        var dropped: [RecordRun] = []
        while total > limit, entries.count > 1, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            total -= memory(oldest.value.run)
            dropped.append(oldest.value.run)
            entries[oldest.key] = nil
        }
        return (dropped, total)
    }
}
