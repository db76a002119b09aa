// Bulk loading: lines in, durable records out. Each piece of input is decoded on the caller's thread and committed with whatever has
// gathered: at once when nothing of this load is on its way to the disk, else as soon as 64 KiB are together or the way is free again.
// So a trickle is durable line by line, and a flood goes out in large commits of which several are under way.

import Analysis
package import Bytes
import Catalog
package import Diagnostics
import LogStore
import Operators
import Pipelines
import Platform
import Quantities
package import Sessions
import Settings
import Values

/// One load into one stream or table.
///
/// `@unchecked`: `take` and `finish` come one after the other, and only they touch the decoder and the reporter; everything else
/// is in the monitor.
package final class Ingest: @unchecked Sendable {
    private struct State {
        /// Decoded, not yet committed.
        var parts: [OutgoingRecords] = []
        var errors: [Append] = []
        var pendingBytes = 0
        var flyingCommits = 0
        var flyingBytes = 0
        /// With more than this on its way a load has no room for more: the disk is slower than the sender, or others would wait.
        var flyingLimit = FlyingLimit()
        /// A thread is handing a commit to the log; the next one waits for it, so that commits keep their order.
        var isCommitting = false
        var commits = 0
        var report = IngestReport()
        var failure: Diagnostic?
        var whenDone: (@Sendable (Result<IngestReport, Diagnostic>) -> Void)?
        /// To be called when there is room again.
        var resume: (@Sendable () -> Void)?
        /// The last line that has come.
        var seenLine = 0
        /// The last line that was decoded, and the last that a commit has marked as taken.
        var lastLine = 0
        var markedLine = 0
        /// Of the lines that have come, where the load has a name; and of those up to `lastLine`.
        var checksum = LineChecksum(value: 0)
        var lastChecksum: UInt32 = 0
        /// Whether commits come one after the other, so that a mark never says more than what is durable.
        var isMarked = false

        /// Whether the disk keeps up, or nothing matters any more.
        var hasRoom: Bool { flyingBytes < flyingLimit.byteCount && (!isMarked || pendingBytes < Ingest.mostPending) || failure != nil }
        /// Whether there is nothing left to commit.
        var isEmpty: Bool { parts.isEmpty && errors.isEmpty && !(isMarked && whenDone != nil && lastLine > markedLine) }
    }

    /// So many rejected lines a second are written out with their bytes; others are counted.
    package static let keptPerSecond = 1000
    /// Bytes that wait for the one commit under way.
    private static let mostPending = 8 << 20

    /// A commit is made of at least so much while others are on their way.
    private static let commitBytes = 64 << 10
    /// Pieces smaller than this are put together, so that a trickle does not make a batch of each line.
    private static let mergeBytes = 16 << 10

    private let session: EngineSession
    private let decoder: IngestDecoder
    private let reporter: ErrorReporter?
    private let topicName: String
    private let output: OutputTopic
    private let isKeyless: Bool
    /// How far a load with a name was, and keeps how far it is.
    private let position: LoadPosition?
    private let onDurable: @Sendable (IngestReport) -> Void
    private let state = Monitor(State())

    /// A load of lines in `format` into the source `name`. `onDurable` is called when more records are durable.
    init(
        _ name: String, format: IngestFormat, session: EngineSession, onDurable: @escaping @Sendable (IngestReport) -> Void
    ) throws(Diagnostic) {
        let engine = session.engine
        let source = try Ingest.target(name, in: engine.catalog)
        guard let topic = engine.log.describeTopic(named: source.topic) else {
            throw Diagnostic(.unknownTopic, "the topic \(source.topic) of \(source.name) does not exist")
        }
        self.session = session
        self.onDurable = onDurable
        decoder = try IngestDecoder(source, format: format, topic.config, engine: engine)
        reporter = engine.log.describeTopic(named: errorsTopic).map {
            ErrorReporter(
                topic: $0.id, queryID: "LOAD_\(source.name)", time: engine.configuration.time, samplesPerSecond: Ingest.keptPerSecond)
        }
        let loadName = session.settings[.loadName]
        position = loadName.isEmpty ? nil : try LoadPosition(loadName, into: topic.id, of: source.name, engine)
        topicName = source.topic
        isKeyless = source.schema.key.isEmpty
        output = OutputTopic(topic: topic.id, partitions: topic.partitions.count)
        if let position {
            state.withLock { state in
                state.isMarked = true
                (state.lastLine, state.markedLine) = (position.lines, position.lines)
            }
        }
    }

    private static func target(_ name: String, in catalog: CatalogSnapshot) throws(Diagnostic) -> SourceDefinition {
        let isQuoted = name.count > 2 && (name.hasPrefix("`") && name.hasSuffix("`") || name.hasPrefix("\"") && name.hasSuffix("\""))
        let wanted = isQuoted ? String(name.dropFirst().dropLast()) : name.uppercased()
        guard let source = catalog.sources[wanted] else {
            throw Diagnostic(
                .unknownSource, "there is no stream or table \(wanted)",
                hint: nameSuggestion(for: wanted, among: catalog.sortedSources.map(\.name)) ?? "CREATE STREAM says what its records look like.")
        }
        if source.isReadOnly {
            throw Diagnostic(.readOnly, "Cannot insert into read-only \(source.kind.rawValue.lowercased()): \(source.name)")
        }
        if let refusal = refusalOfRows(for: source) ?? refusalOfWriting(to: source) { throw refusal }
        if source.window != nil { throw Diagnostic(.readOnly, "Cannot insert into windowed \(source.kind.rawValue.lowercased()) \(source.name)") }
        if !source.schema.headers.isEmpty {
            throw Diagnostic(.readOnly, "Cannot insert into \(source.name) because it has header columns")
        }
        return source
    }

    // MARK: Taking

    /// Takes lines that lie in `bytes`; `firstLine` is the number of the first. Callers ask for room before the next piece.
    package func take(_ bytes: consuming [UInt8], _ lines: [ByteRange], firstLine: Int) {
        guard !lines.isEmpty, state.withLock({ $0.failure == nil }) else { return }
        let end = firstLine + lines.count - 1
        let known = max(0, min(lines.count, (position?.lines ?? 0) - firstLine + 1))
        if known > 0 { state.withLock { $0.report.before += known } }
        if let position {
            guard isTheSame(as: position, bytes, lines, known: known, isLast: firstLine + known - 1 == position.lines) else { return }
        }
        guard known < lines.count else { return state.withLock { $0.seenLine = end } }
        bytes.append(contentsOf: repeatElement(0, count: RecordRun.padding))
        let now = session.engine.configuration.time.wallMilliseconds()
        do throws(DataflowError) {
            let (records, rejected, errors) = try decoder.decode(
                bytes, known == 0 ? lines : Array(lines[known...]), firstLine: firstLine + known, now: now)
            add(records, rejected, errors, through: end)
        } catch {
            fail(Diagnostic(.dataError, error.message))
        }
        commitWhatIsDue()
    }

    /// Adds lines to the checksum, the first `known` of which were taken before. Whether those are what they were, which shows at the last of them.
    private func isTheSame(as position: LoadPosition, _ bytes: [UInt8], _ lines: [ByteRange], known: Int, isLast: Bool) -> Bool {
        var checksum = state.withLock { $0.checksum }
        checksum.add(lines[..<known], of: bytes)
        if known > 0, isLast, checksum.value != position.checksum {
            fail(
                Diagnostic(
                    .dataError, "a load of this name has taken \(position.lines) lines, and those that come now are others: it is not the same",
                    category: .general, hint: "Load it without --resume, or under another name."))
            return false
        }
        checksum.add(lines[known...], of: bytes)
        state.withLock { $0.checksum = checksum }
        return true
    }

    /// Whether more may be taken now; when not, `resume` is called once as soon as it may.
    package func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            if !state.hasRoom { state.resume = resume }
            return state.hasRoom
        }
    }

    /// Waits until more may be taken.
    package func awaitRoom() { state.wait(until: { $0.hasRoom }, then: { _ in }) }

    private func add(_ records: OutgoingRecords, _ rejected: Int, _ errors: [RowError], through line: Int) {
        let topicName = topicName
        // The errors are a sample; a line that is no row has one cause, whichever way it was decoded.
        let counts = [IngestDecoder.cause: rejected]
        let reports = reporter?.appends(for: errors, counts: counts) { _ in topicName } ?? []
        state.withLock { state in
            if let first = errors.first, state.report.firstProblem == nil {
                let reason = (first.column.map { "column `\($0)`: " } ?? "") + first.message
                state.report.firstProblem = IngestProblem(line: first.offset.map { Int($0.count) } ?? 0, reason: reason)
            }
            if let last = errors.last {
                let reason = (last.column.map { "column `\($0)`: " } ?? "") + last.message
                state.report.latestProblem = IngestProblem(line: last.offset.map { Int($0.count) } ?? 0, reason: reason)
            }
            state.report.rejected += rejected
            // A commit may have failed while these were decoded; nothing of them will be durable.
            guard state.failure == nil else { return }
            (state.lastLine, state.seenLine) = (line, line)
            state.lastChecksum = state.checksum.value
            state.errors += reports
            guard !records.isEmpty else { return }
            let size = records.bytes.count
            state.pendingBytes += size
            if let last = state.parts.last, last.bytes.count + size < Ingest.mergeBytes {
                state.parts[state.parts.count - 1].append(contentsOf: records)
            } else {
                state.parts.append(records)
            }
        }
    }

    /// Commits what is left and calls `whenDone` once all of it is durable, or with the error for which something is not.
    package func finish(_ whenDone: @escaping @Sendable (Result<IngestReport, Diagnostic>) -> Void) {
        let reports = reporter?.remainder() ?? []
        state.withLock { state in
            state.whenDone = whenDone
            if state.failure == nil { state.errors += reports }
            if let position, state.seenLine < position.lines, state.failure == nil {
                state.failure = Diagnostic(
                    .dataError, "a load of this name has taken \(position.lines) lines, and there are \(state.seenLine) now: it is not the same",
                    category: .general, hint: "Load it without --resume, or under another name.")
            }
        }
        commitWhatIsDue()
        endIfDone()
    }

    /// What is durable now.
    package var report: IngestReport { state.withLock { $0.report } }

    /// Why the load cannot go on, if it cannot; the rest of its input is dropped.
    package var failure: Diagnostic? { state.withLock { $0.failure } }

    // MARK: Committing

    /// A commit on its way: where each of its appends goes and how many records it has.
    private struct Flight: Sendable {
        /// Where an append of the commit goes, and how many records it has.
        struct Place {
            let partition: PartitionIndex
            let count: Int
        }

        var commit: Commit
        var places: [Place]
        var byteCount: Int
        /// Nanoseconds of the monotonic clock.
        var began: Int64
    }

    private var monotonicNow: Int64 { session.engine.configuration.time.monotonicNanoseconds() }

    private func commitWhatIsDue() {
        while let flight = state.update({ nextFlight(&$0) }) {
            session.engine.log.commit(flight.commit) { [self] result in
                // What follows is for the load alone; the log's thread has the commits of others to complete.
                if !session.engine.writes.run({ [self] in landed(flight, result) }) { landed(flight, result) }
            }
            state.update { $0.isCommitting = false }
        }
    }

    private func nextFlight(_ state: inout State) -> Flight? {
        guard !state.isCommitting, state.failure == nil, !state.isEmpty,
            state.flyingCommits == 0 || !state.isMarked && state.pendingBytes >= Ingest.commitBytes
        else { return nil }
        var appends: [Append] = []
        // Keyless records stick to a partition for a commit.
        let keyless = PartitionIndex(index: state.commits % output.partitions)
        for part in state.parts {
            if isKeyless {
                appends.append(Append(topic: output.topic, partition: keyless, records: part))
            } else {
                appends += output.appends(of: part, keyless: keyless)
            }
        }
        let places = appends.map { Flight.Place(partition: $0.partition, count: $0.records.count) }
        var others = state.errors
        if let position, state.lastLine > state.markedLine {
            others.append(position.append(state.lastLine, state.lastChecksum))
            state.markedLine = state.lastLine
        }
        let flight = Flight(commit: Commit(appends + others), places: places, byteCount: state.pendingBytes, began: monotonicNow)
        state.parts = []
        state.errors = []
        state.pendingBytes = 0
        state.commits += 1
        state.flyingCommits += 1
        state.flyingBytes += flight.byteCount
        state.isCommitting = true
        return flight
    }

    private func landed(_ flight: Flight, _ result: Result<CommitReceipt, LogError>) {
        let elapsed = monotonicNow - flight.began
        let (report, resume) = state.update { state -> (IngestReport, (@Sendable () -> Void)?) in
            state.flyingLimit.landed(after: elapsed)
            state.flyingCommits -= 1
            state.flyingBytes -= flight.byteCount
            switch result {
            case .success(let receipt):
                for (place, base) in zip(flight.places, receipt.baseOffsets) { state.report.add(place.partition, place.count, base) }
            case .failure(let error):
                state.failure = state.failure ?? Diagnostic(error, about: topicName)
                state.parts = []
                state.errors = []
                state.pendingBytes = 0
            }
            guard state.hasRoom, let resume = state.resume else { return (state.report, nil) }
            state.resume = nil
            return (state.report, resume)
        }
        commitWhatIsDue()
        onDurable(report)
        resume?()
        endIfDone()
    }

    private func fail(_ error: Diagnostic) {
        state.update { $0.failure = $0.failure ?? error }
    }

    private func endIfDone() {
        typealias End = (call: @Sendable (Result<IngestReport, Diagnostic>) -> Void, result: Result<IngestReport, Diagnostic>)
        let end = state.withLock { state -> End? in
            let isSettled = state.failure != nil || state.isEmpty
            guard state.flyingCommits == 0, isSettled, let call = state.whenDone else { return nil }
            state.whenDone = nil
            return (call, state.failure.map { .failure($0) } ?? .success(state.report))
        }
        guard let end else { return }
        position?.end()
        if case .success = end.result { session.state.withLock { $0.noteRows() } }
        end.call(end.result)
    }
}

extension IngestReport {
    /// Counts an append that has become durable; of several commits on their way any may be told of first.
    mutating func add(_ partition: PartitionIndex, _ count: Int, _ base: Offset) {
        guard count > 0 else { return }
        records += count
        let last = base + Int64(count - 1)
        if let index = offsets.firstIndex(where: { $0.partition == partition }) {
            offsets[index].first = min(offsets[index].first, base)
            offsets[index].last = max(offsets[index].last, last)
        } else {
            offsets.append(IngestOffsets(partition: partition, first: base, last: last))
            offsets.sort { $0.partition < $1.partition }
        }
    }
}

extension OutgoingRecords {
    /// Appends all records of another batch, which has no headers.
    fileprivate mutating func append(contentsOf other: OutgoingRecords) {
        let shift = Int32(truncatingIfNeeded: bytes.count)
        func moved(_ range: ByteRange) -> ByteRange {
            range.isNull ? range : ByteRange(start: range.start + shift, length: range.length)
        }
        bytes += other.bytes
        keys += other.keys.map(moved)
        values += other.values.map(moved)
        timestamps += other.timestamps
    }
}

extension EngineSession {
    /// Begins a load of lines into a stream or table. `onDurable` is called with its progress.
    ///
    /// Errors: no such source, one that may not be written to, or one whose columns the format cannot fill.
    package func beginIngest(
        into name: String, format: IngestFormat, onDurable: @escaping @Sendable (IngestReport) -> Void = { _ in }
    ) throws(Diagnostic) -> Ingest {
        try Ingest(name, format: format, session: self, onDurable: onDurable)
    }
}
