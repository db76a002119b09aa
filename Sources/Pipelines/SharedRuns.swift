// Runs of records that several tasks of one worker read: each is fetched once, and its records are decoded once.
//
// Tasks over one partition wait for the same news and take their turns one after the other, so what the first of them has fetched is what the
// others are about to ask for. A task that stands inside a run takes the rest of it: while the log grows, runs end where its end just was, and
// tasks that have begun at different moments would otherwise never come to the same runs again. Runs are kept while any task of the worker has
// something to do, up to a limit; then those that were used longest ago go. A task that is further behind than that fetches for itself.

package import Bytes
package import LogStore
package import Operators
package import Quantities
import Synchronization

/// The runs that the tasks of one worker share.
package final class SharedRuns: Sendable {
    /// What may be read of a partition.
    fileprivate struct Source: Hashable {
        let partition: PartitionKey
        let moment: LogMoment
    }

    fileprivate struct Entry {
        let run: RecordRun
        let source: Source
        /// Where the fetch began; records may be missing from there on.
        let begin: Offset
        /// The log's generation before the run was fetched.
        let generation: UInt64
        var lastUse: Int

        /// Whether the first record at `position` or behind it is one of the run.
        func serves(_ source: Source, from position: Offset) -> Bool {
            guard let last = run.offsets.last else { return false }
            return self.source == source && begin <= position && position.count <= last
        }
    }

    fileprivate struct State {
        /// How many tasks read each partition.
        var readers: [PartitionKey: Int] = [:]
        /// As many as `mostRuns` at most, in no order.
        var entries: [Entry] = []
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

    /// Runs kept at most: each task that fetches looks through them.
    fileprivate static let mostRuns = 128

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

    /// Whether there is a run with the record that comes next at `position`.
    func holds(_ partition: PartitionKey, from position: Offset, upTo moment: LogMoment) -> Bool {
        let source = Source(partition: partition, moment: moment)
        return state.withLock { state in state.entries.contains { $0.serves(source, from: position) } }
    }

    /// A run that one of the tasks has fetched and that has the record which comes next at `position`, or what `fetch` gives from there on,
    /// which the others get then. A run may begin before `position`. One from a generation of the log that is over is not used: its records
    /// may have been withdrawn. Errors: those of `fetch`.
    package func run(
        of partition: PartitionKey, from position: Offset, upTo moment: LogMoment, generation: UInt64,
        fetch: () throws(LogError) -> RecordRun
    ) throws(LogError) -> RecordRun {
        let source = Source(partition: partition, moment: moment)
        let (known, isShared) = state.withLock { $0.find(source, position, generation) }
        if let known { return known }
        let run = try fetch()
        if isShared && run.count > 0 { keep(run, of: source, from: position, generation) }
        return run
    }

    private func keep(_ run: RecordRun, of source: Source, from begin: Offset, _ generation: UInt64) {
        decoding.admit(run)
        let (dropped, bytes) = state.withLock { state -> ([RecordRun], Int) in
            state.uses += 1
            // From an older generation, or fetched by another thread at the same time.
            let replaced = state.entries.filter { $0.source == source && $0.begin == begin }.map(\.run)
            state.entries.removeAll { $0.source == source && $0.begin == begin }
            state.entries.append(Entry(run: run, source: source, begin: begin, generation: generation, lastUse: state.uses))
            let excess = state.excess(beyond: byteLimit) { $0.bytes.count + self.decoding.memory(of: $0) }
            return (excess.runs + replaced, excess.left)
        }
        memory?.keep(["records": bytes])
        for run in dropped { decoding.forget(run) }
    }

    /// Nobody has anything to do: what is kept will not be asked for.
    package func releaseAll() {
        let dropped = state.withLock { state -> [RecordRun] in
            if state.entries.isEmpty { return [] }
            defer { state.entries = [] }
            return state.entries.map(\.run)
        }
        if !dropped.isEmpty { memory?.keep([:]) }
        for run in dropped { decoding.forget(run) }
    }
}

extension SharedRuns.State {
    /// The run that goes on furthest of those that may be used; and whether others than the one who asks read the partition.
    fileprivate mutating func find(_ source: SharedRuns.Source, _ position: Offset, _ generation: UInt64) -> (run: RecordRun?, isShared: Bool) {
        guard readers[source.partition] ?? 0 > 1 else { return (nil, false) }
        var best: Int?
        for (place, entry) in entries.enumerated() where entry.generation == generation && entry.serves(source, from: position) {
            if best.map({ entries[$0].run.nextOffset < entry.run.nextOffset }) ?? true { best = place }
        }
        guard let best else { return (nil, true) }
        uses += 1
        entries[best].lastUse = uses
        return (entries[best].run, true)
    }

    /// Takes out what was used longest ago until the rest has at most so many bytes; gives how many it has.
    fileprivate mutating func excess(beyond limit: Int, memory: (RecordRun) -> Int) -> (runs: [RecordRun], left: Int) {
        var total = entries.reduce(0) { $0 + memory($1.run) }
        var dropped: [RecordRun] = []
        while total > limit || entries.count > SharedRuns.mostRuns, entries.count > 1 {
            guard let oldest = entries.indices.min(by: { entries[$0].lastUse < entries[$1].lastUse }) else { break }
            let run = entries.remove(at: oldest).run
            total -= memory(run)
            dropped.append(run)
        }
        return (dropped, total)
    }
}
