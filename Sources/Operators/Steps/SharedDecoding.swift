// Records that several dataflows of one worker read are decoded once: a hundred queries over one stream see the same columns.
//
// What is shared are chunks: the rows of up to `OutputLimits.chunkRows` records of a run that several tasks have fetched together, with all
// columns that any of the readers needs. A chunk is made by the first reader that wants more than a few rows of it, and never changes; each
// reader sees it through a selection of its own. Whether a record is readable does not depend on the columns that are asked for, so each of them also sees
// the same problems.

package import Bytes
import Plans
import Schemas
import Synchronization

/// The rows of some records of a run, as every reader sees them.
final class DecodedChunk: @unchecked Sendable {
    // Nothing in it changes once it is made: its columns are nobody's to fill, and what they make on demand has been made.
    let batch: Batch
    let problems: [RecordProblem]
    /// Which columns (by row index) are there.
    let needed: [Bool]
    /// Bytes of memory beside those of the run, about.
    let memory: Int

    /// What the decoder has just decoded.
    init(_ decoder: SourceDecoder, needed: [Bool]) {
        // Texts without escapes stand in the run's own bytes.
        memory = decoder.batch.columns.reduce(decoder.batch.rowCount * 24) { memory, column in
            memory + column.contentSize - (column.isView ? column.bytes.count : 0)
        }
        batch = decoder.batch.detached()
        problems = decoder.problems
        self.needed = needed
        for column in batch.columns { column.completeNames() }
    }

    /// The rows that stem from records of `range`.
    func rows(from range: Range<Int>) -> Selection {
        let records = batch.recordIndexes
        let low = records.firstPlace { Int($0) >= range.lowerBound }
        let high = records.firstPlace { Int($0) >= range.upperBound }
        let rows = batch.selection
        if low == 0 && high == records.count { return rows }
        guard low < high else { return .only([]) }
        if rows.isDense { return low == 0 ? .all(high) : .only((low..<high).map { Int32(truncatingIfNeeded: $0) }) }
        return .only(rows.rows.filter { low <= Int($0) && Int($0) < high })
    }
}

/// What the dataflows that read one topic in one way have in common.
final class SharedSource: Sendable {
    private struct State: @unchecked Sendable {
        // Guarded by the lock around it.
        /// How many readers need which columns.
        var readers: [[Bool]: Int] = [:]
        var readerCount: Int { readers.values.reduce(0, +) }
        /// The columns that any of them needs.
        var needed: [Bool] = []
        /// Decodes those columns; nil until it is used, and after they have changed.
        var decoder: SourceDecoder?
        /// The chunks of each run, by the place of their first records.
        var chunks: [ObjectIdentifier: [Int: DecodedChunk]] = [:]
    }

    private let step: SourceStep
    private let state = Mutex(State())
    private let runs: SharedRunList
    private let schemas: (any SchemaLookup)?

    init(_ step: SourceStep, _ runs: SharedRunList, _ schemas: (any SchemaLookup)?) {
        self.step = step
        self.runs = runs
        self.schemas = schemas
    }

    func add(_ needed: [Bool]) { change(needed, by: 1) }
    /// False when no reader is left.
    func remove(_ needed: [Bool]) -> Bool { change(needed, by: -1) > 0 }

    @discardableResult private func change(_ needed: [Bool], by count: Int) -> Int {
        state.withLock { state in
            let now = state.readers[needed, default: 0] + count
            state.readers[needed] = now > 0 ? now : nil
            let all = state.readers.keys.reduce(into: [Bool](repeating: false, count: needed.count)) { all, one in
                for index in one.indices where one[index] { all[index] = true }
            }
            if all != state.needed { (state.needed, state.decoder) = (all, nil) }
            if state.readers.isEmpty { state.chunks = [:] }
            return state.readerCount
        }
    }

    func forget(_ run: ObjectIdentifier) {
        state.withLock { $0.chunks[run] = nil }
    }

    /// The chunk that holds the rows of records `range` of `run`, which lie between two multiples of `OutputLimits.chunkRows`; it is made
    /// now if it is not there. Nil when the reader should decode its range itself: it is alone, the run is not shared, the range is a
    /// small one, or another reader is just making a chunk.
    func chunk(of run: RecordRun, holding range: Range<Int>) -> DecodedChunk? {
        guard range.count >= min(SharedSource.leastRows, run.count), runs.contains(run) else { return nil }
        return state.withLockIfAvailable { state -> DecodedChunk? in
            guard state.readerCount > 1 else { return nil }
            let start = range.lowerBound / OutputLimits.chunkRows * OutputLimits.chunkRows
            let whole = start..<min(run.count, start + OutputLimits.chunkRows)
            assert(whole.upperBound >= range.upperBound, "a range goes beyond one chunk")
            return self.chunk(of: run, whole, &state)
        } ?? nil
    }

    /// A whole chunk costs more than a few rows of it.
    private static let leastRows = 256

    private func chunk(of run: RecordRun, _ range: Range<Int>, _ state: inout State) -> DecodedChunk? {
        let id = ObjectIdentifier(run)
        if let known = state.chunks[id]?[range.lowerBound], zip(known.needed, state.needed).allSatisfy({ $0 || !$1 }) { return known }
        if state.decoder == nil {
            do throws(DataflowError) { state.decoder = try SourceDecoder(step, needed: state.needed, schemas: schemas) } catch { return nil }
        }
        guard let decoder = state.decoder else { return nil }
        decoder.decode(run, range)
        let chunk = DecodedChunk(decoder, needed: state.needed)
        state.chunks[id, default: [:]][range.lowerBound] = chunk
        runs.add(chunk.memory, to: run)
        return chunk
    }
}

/// The runs that several tasks read, and how many bytes of chunks each of them has.
final class SharedRunList: Sendable {
    private let bytes = Mutex<[ObjectIdentifier: Int]>([:])

    init() {}

    func insert(_ run: RecordRun) { bytes.withLock { $0[ObjectIdentifier(run)] = 0 } }
    func remove(_ run: RecordRun) { bytes.withLock { $0[ObjectIdentifier(run)] = nil } }
    func contains(_ run: RecordRun) -> Bool { bytes.withLock { $0[ObjectIdentifier(run)] != nil } }
    func memory(of run: RecordRun) -> Int { bytes.withLock { $0[ObjectIdentifier(run)] ?? 0 } }

    func add(_ count: Int, to run: RecordRun) {
        bytes.withLock { bytes in
            if let known = bytes[ObjectIdentifier(run)] { bytes[ObjectIdentifier(run)] = known + count }
        }
    }
}

/// All that the dataflows of one worker decode together. It holds its sources; they hold only the list of runs.
package final class SharedDecoding: Sendable {
    private let runs = SharedRunList()
    /// By what their readers have in common.
    private let sources = Mutex<[SourceStep: SharedSource]>([:])

    package init() {}

    /// Adds a reader; `leave` takes it out again.
    func join(_ step: SourceStep, schemas: (any SchemaLookup)?) -> SharedSource {
        sources.withLock { sources in
            let source = sources[step.common] ?? SharedSource(step.common, runs, schemas)
            sources[step.common] = source
            source.add(step.needed)
            return source
        }
    }

    func leave(_ source: SharedSource, _ step: SourceStep) {
        sources.withLock { sources in
            if !source.remove(step.needed) { sources[step.common] = nil }
        }
    }

    /// Has the records of `run` be decoded once from now on. The caller holds the run until it is forgotten.
    package func admit(_ run: RecordRun) { runs.insert(run) }

    /// Drops what was decoded of a run; readers that are in the middle of it keep their chunks.
    package func forget(_ run: RecordRun) {
        runs.remove(run)
        for source in sources.withLock({ Array($0.values) }) { source.forget(ObjectIdentifier(run)) }
    }

    /// Bytes of memory that the decoded rows of a run take.
    package func memory(of run: RecordRun) -> Int { runs.memory(of: run) }
}

extension SourceStep {
    /// The step without what is one query's own.
    fileprivate var common: SourceStep {
        var common = self
        (common.sourceName, common.needed, common.store) = ("", [], nil)
        return common
    }
}
