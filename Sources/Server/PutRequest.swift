// A `.put` under way: the loop hands it pieces of input, an ingest thread decodes and commits one of them after the other, and the answer
// tells only what is durable. After each piece the thread is given back, so that many loads take turns.

import Diagnostics
import Engine
import JSONText
import Platform
import Sessions
import Wire

/// One bulk load on a connection.
final class PutRequest: Sendable {
    private struct State {
        var pieces: [RecordLines] = []
        var queuedBytes = 0
        /// An ingest thread works on it, or is about to; or it waits for the disk.
        var isScheduled = false
        var hasEnded = false
        /// Why the input ended before its time.
        var problem: Diagnostic?
        var lastProgress: Int64
        /// Lines of which the client knows that they are none.
        var rejectionsTold = 0
    }

    /// Input that waits for a thread; beyond it the connection reads no more.
    private static let queueLimit = 2 << 20
    /// Nanoseconds between two lines of progress.
    private static let progressInterval: Int64 = 250_000_000

    private let outbox: Outbox
    private let tag: String?
    private let threads: ThreadPool
    private let counters: ServerCounters
    private let time: any TimeSource
    private let started: Int64
    private let state: Monitor<State>
    private let ingest = Monitor<Ingest?>(nil)
    /// Called when there is room for more input again, and at the end.
    private let onRoom: @Sendable () -> Void
    private let whenFinished: @Sendable () -> Void

    init(
        stream: String, format: String, session: EngineSession, outbox: Outbox, tag: String?, threads: ThreadPool,
        counters: ServerCounters, onRoom: @escaping @Sendable () -> Void, whenFinished: @escaping @Sendable () -> Void
    ) throws(Diagnostic) {
        guard let known = IngestFormat(rawValue: format.lowercased()) else {
            let names = IngestFormat.allCases.map(\.rawValue)
            throw Diagnostic(
                .protocolViolation, "there is no format \(format.prefix(40))", category: .general,
                hint: "The formats are \(names.joined(separator: ", ")).")
        }
        self.outbox = outbox
        self.tag = tag
        self.threads = threads
        self.counters = counters
        self.onRoom = onRoom
        self.whenFinished = whenFinished
        time = session.clock
        started = time.monotonicNanoseconds()
        state = Monitor(State(lastProgress: started))
        let made = try session.beginIngest(into: stream, format: known) { [weak self] report in self?.progressed(report) }
        ingest.update { $0 = made }
    }

    /// Whether the connection should wait before it reads more.
    var isFull: Bool { state.withLock { $0.queuedBytes >= PutRequest.queueLimit } }

    // MARK: On the loop

    func add(_ lines: RecordLines) {
        schedule { state in
            state.pieces.append(lines)
            state.queuedBytes += lines.bytes.count
        }
    }

    /// `.end` has come.
    func end() { schedule { $0.hasEnded = true } }

    /// The input cannot go on, or the client is gone. What came before stands.
    func abort(_ problem: Diagnostic) {
        schedule { state in
            guard !state.hasEnded else { return }
            state.hasEnded = true
            state.problem = problem
        }
    }

    private func schedule(_ change: (inout State) -> Void) {
        let mustRun = state.update { state in
            change(&state)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustRun { goOn() }
    }

    /// Has the next piece taken when its turn comes. A server that stops takes none any more.
    private func goOn() {
        let isTaken = threads.run { [self] in work() }
        if !isTaken { finish(.failure(RequestSink.shuttingDown)) }
    }

    // MARK: On an ingest thread

    private func work() {
        guard let ingest = ingest.withLock({ $0 }) else { return }
        let (piece, hasRoomAgain, isOver) = state.update { state -> (RecordLines?, Bool, Bool) in
            guard !state.pieces.isEmpty else {
                if !state.hasEnded { state.isScheduled = false }
                return (nil, false, state.hasEnded)
            }
            let piece = state.pieces.removeFirst()
            let wasFull = state.queuedBytes >= PutRequest.queueLimit
            state.queuedBytes -= piece.bytes.count
            return (piece, wasFull && state.queuedBytes < PutRequest.queueLimit, false)
        }
        if hasRoomAgain { onRoom() }
        if isOver { return ingest.finish { [self] result in finish(result) } }
        guard let piece else { return }
        ingest.take(piece.bytes, piece.records, firstLine: piece.firstLine)
        // The disk may be behind: the load goes on when it has caught up.
        if ingest.hasRoom(orCall: { [self] in goOn() }) { goOn() }
    }

    private func progressed(_ report: IngestReport) {
        let now = time.monotonicNanoseconds()
        let isDue = state.withLock { state in
            // A client that sends on and on hears at once of what it sends wrongly, not when something else happens.
            let isNews = report.rejected > state.rejectionsTold
            guard !state.hasEnded, isNews || now - state.lastProgress >= PutRequest.progressInterval else { return false }
            (state.lastProgress, state.rejectionsTold) = (now, max(state.rejectionsTold, report.rejected))
            return true
        }
        if isDue { outbox.write { $0.progress(report.facts, tag: tag) } }
    }

    private func finish(_ result: Result<IngestReport, Diagnostic>) {
        guard let ended = ingest.update({ ingest -> Ingest? in
            defer { ingest = nil }
            return ingest
        }) else { return }
        let problem = state.withLock { $0.problem }
        let report = ended.report
        counters.count(put: report)
        outbox.write { encoder in
            switch (result, problem) {
            case (.success(let report), nil):
                encoder.done(report.facts(nanoseconds: time.monotonicNanoseconds() - started), tag: tag)
            case (.failure(let error), _), (.success, .some(let error)):
                counters.requestsFailed.raise()
                var error = error
                error.hint = (error.hint.map { $0 + " " } ?? "") + "Durable: \(report.sentence)."
                encoder.failed(error, tag: tag)
            }
        }
        whenFinished()
    }
}
