// PRINT: the raw records of a topic, with guesses about their formats. A reader that goes on by steps: each fetches a piece of a partition
// and hands it out, and between them it waits for records or for its client without a thread.

import Bytes
import Diagnostics
import Formats
import JSONText
import LogStore
import Pipelines
import Platform
import Quantities
import Sessions
import Syntax
import Values

/// Prints one topic until its limit, or until it is cancelled; one that does not follow the topic, up to where that ended at the start.
///
/// `@unchecked`: `guesses`, `positions`, `seen` and `printed` belong to the step under way, of which there is one at a time.
final class TopicReader: @unchecked Sendable {
    /// What one step reads of records; the next step is taken in turn with everything else.
    private static let stepBytes = ByteCount.kibibytes(256)

    private let execution: StatementExecution
    private let topic: TopicDescription
    private let interval: Int
    private let limit: Int?
    /// Whether records are rows with columns, for programs, instead of lines for people.
    private let hasColumns: Bool
    private let whenDone: @Sendable (Bool) -> Void
    private struct State: Sendable {
        var isCancelled = false
        /// It waits for its client to read.
        var isParked = false
    }
    private let state = Monitor(State())
    private let ticket: WaitingRoom.Ticket
    private let id: String

    private var guesses: (key: FormatGuess, value: FormatGuess)
    private var positions: [Offset]
    /// For each partition the offset at which a reader that does not follow the topic ends; nil for one that does.
    private let ends: [Offset]?
    /// The partition whose turn is next.
    private var turn = 0
    private var seen = 0
    private var printed = 0

    /// A reader of `topic` for a statement whose numbers were checked; `keyWindow` says how its keys carry windows, when a source over the
    /// topic says that they do; `follows` whether it waits for more at the end.
    init(
        execution: StatementExecution, id: String, topic: TopicDescription, keyWindow: KeyWindow?, statement: PrintTopic, follows: Bool,
        hasColumns: Bool, whenDone: @escaping @Sendable (Bool) -> Void
    ) {
        self.execution = execution
        self.id = id
        ticket = execution.engine.waiting.ticket()
        self.topic = topic
        self.hasColumns = hasColumns
        self.whenDone = whenDone
        interval = statement.interval.map { Int(clamping: $0) } ?? 1
        limit = statement.limit.map { Int(clamping: $0) }
        let registry = RegistryRecords(execution.engine.registry)
        guesses = (FormatGuess(window: keyWindow, registry: registry), FormatGuess(registry: registry))
        ends = follows ? nil : topic.partitions.map(\.bounds.durableEnd)
        positions = topic.partitions.map { statement.fromBeginning ? $0.bounds.start : $0.bounds.durableEnd }
    }

    /// Begins, or goes on, on a thread for questions.
    func goOn() {
        let isTaken = execution.engine.questions.run { [self] in step() }
        // The engine closes.
        if !isTaken { end() }
    }

    /// Ends the reader as soon as its step is over; one that waits ends at once.
    func cancel() {
        state.withLock { $0.isCancelled = true }
        execution.engine.waiting.cancel(ticket)
        unpark()
    }

    /// Whether the client has room. When not, the reader goes on as soon as there is, or when it is cancelled.
    private func hasRoom() -> Bool {
        state.withLock { $0.isParked = true }
        guard execution.sink.hasRoom(orCall: { [self] in unpark() }) else {
            if state.withLock({ $0.isCancelled }) { unpark() }
            return false
        }
        // False when a cancellation came in between, which has made it go on already.
        return state.withLock { state in
            defer { state.isParked = false }
            return state.isParked
        }
    }

    private func unpark() {
        let wasParked = state.withLock { state in
            defer { state.isParked = false }
            return state.isParked
        }
        if wasParked { goOn() }
    }

    // MARK: Steps

    private func step() {
        if state.withLock({ $0.isCancelled }) { return end() }
        if let limit, printed >= limit { return finish() }
        // Asked before records are read, so that a slow client delays only this reader.
        guard hasRoom() else { return }
        for _ in positions.indices {
            let place = turn
            turn = (turn + 1) % positions.count
            if let ends, positions[place] >= ends[place] { continue }
            let partition = PartitionIndex(index: place)
            let run: RecordRun
            do throws(LogError) {
                run = try execution.engine.log.fetch(
                    topic.id, partition: partition, from: positions[place], maxBytes: TopicReader.stepBytes, upTo: .durable)
            } catch {
                forget()
                return execution.fail(Diagnostic(error, about: topic.name), whenDone)
            }
            positions[place] = max(positions[place], run.count > 0 ? run.offset(at: run.count - 1) + 1 : run.nextOffset)
            guard run.count > 0 else { continue }
            hand(run, partition)
            return goOn()
        }
        if ends == nil { awaitRecords() } else { finish() }
    }

    private func hand(_ run: RecordRun, _ partition: PartitionIndex) {
        var lines = TopicReader.listing(hasColumns: hasColumns)
        for index in 0..<run.count {
            if let ends, run.offset(at: index) >= ends[partition.index] { break }
            seen += 1
            if (seen - 1) % interval != 0 { continue }
            if let limit, printed >= limit { break }
            printed += 1
            if hasColumns {
                lines.add(cells(run, index, partition))
            } else {
                for line in text(run, index, partition) { lines.add(texts: [line]) }
            }
        }
        if !lines.rows.isEmpty { execution.sink.emit(.rows(lines.rows)) }
    }

    /// Waits for a record behind those that were read.
    private func awaitRecords() {
        let (log, topic, positions) = (execution.engine.log, topic.id, positions)
        let hasNews: @Sendable () -> Bool = { [state] in
            if state.withLock({ $0.isCancelled }) { return true }
            return positions.indices.contains { place in
                // A topic that is gone is for the next step to find.
                guard let bounds = try? log.bounds(of: topic, partition: PartitionIndex(index: place)) else { return true }
                return bounds.durableEnd > positions[place]
            }
        }
        execution.engine.waiting.when(ticket, hasNews, news: [.topic(topic), .catalog]) { [self] outcome in
            if outcome == .closing { end() } else { goOn() }
        }
    }

    // MARK: The end

    /// Leaves the list of what runs.
    private func forget() {
        execution.request.onCancel(nil)
        _ = execution.engine.state.update { $0.transients.removeValue(forKey: id) }
    }

    private func finish() {
        forget()
        execution.done(AnswerSummary(message: "Topic printing ceased", rows: printed), whenDone)
    }

    private func end() {
        forget()
        execution.fail(Diagnostic(.cancelled, "printing was cancelled after \(printed) records", category: .general), whenDone)
    }

    // MARK: Forms

    /// A listing of records, without any.
    static func listing(hasColumns: Bool) -> Listing {
        guard hasColumns else { return Listing(texts: ["Text"]) }
        return Listing([("partition", "INTEGER"), ("offset", "BIGINT"), ("time", "TIMESTAMP"), ("key", "STRING"), ("value", "STRING")])
    }

    private func cells(_ run: RecordRun, _ index: Int, _ partition: PartitionIndex) -> [JSONValue] {
        func text(_ bytes: [UInt8]?, _ guess: inout FormatGuess) -> JSONValue {
            _ = guess.narrow(by: bytes)
            return bytes == nil ? .null : .string(guess.text(of: bytes))
        }
        let time = run.timestamps[index]
        return [
            .integer(partition.index), .integer(run.offset(at: index).count), time < 0 ? .null : .string(TemporalText.text(timestamp: time)),
            text(run.bytes(of: run.keys[index]), &guesses.key), text(run.bytes(of: run.values[index]), &guesses.value),
        ]
    }

    private func text(_ run: RecordRun, _ index: Int, _ partition: PartitionIndex) -> [String] {
        let key = run.bytes(of: run.keys[index])
        let value = run.bytes(of: run.values[index])
        var lines: [String] = []
        if guesses.key.narrow(by: key) { lines.append("Key format: \(guesses.key.description)") }
        if let schema = guesses.key.newSchema(of: key) { lines.append("Key schema: \(schema)") }
        if guesses.value.narrow(by: value) { lines.append("Value format: \(guesses.value.description)") }
        if let schema = guesses.value.newSchema(of: value) { lines.append("Value schema: \(schema)") }
        let time = run.timestamps[index]
        let stamp = time < 0 ? "N/A" : TemporalText.text(timestamp: time).printForm
        lines.append(
            "rowtime: \(stamp), key: \(guesses.key.text(of: key)), value: \(guesses.value.text(of: value)), partition: \(partition)")
        return lines
    }
}

extension String {
    /// `2024-01-31T09:15:00.000` as PRINT shows times: `2024/01/31 09:15:00.000 Z`.
    fileprivate var printForm: String { String(map { $0 == "-" ? "/" : $0 == "T" ? " " : $0 }) + " Z" }
}
