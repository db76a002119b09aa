// Takes the engine's events for one request and writes them as answer lines. A request may hold several statements but is answered by
// one final line, so the end of every statement but the last becomes a notice.

import Bytes
import Diagnostics
import Engine
import JSONText
import Sessions
import Synchronization
import Wire

/// The answer of one request.
final class RequestSink: AnswerSink {
    private struct State {
        /// The end of a statement that may or may not be the last one.
        var held: AnswerSummary?
        var hasEnded = false
        var isEndless = false
        var isShuttingDown = false
        /// Somebody asked for the end, which is the only one that a push query has.
        var isCancelled = false
        /// Rows of the statement under way so far.
        var rows = 0
    }

    private let outbox: Outbox
    private let tag: String?
    private let state = Mutex(State())

    init(_ outbox: Outbox, tag: String?) {
        self.outbox = outbox
        self.tag = tag
    }

    /// Whether the running statement ends only when it is cancelled: a push query, or PRINT.
    var isEndless: Bool { state.withLock { $0.isEndless } }

    /// Whether it ended because somebody asked for that.
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// From now on being cancelled is the server's doing.
    func announceShutdown() { state.withLock { $0.isShuttingDown = true } }

    func emit(_ event: AnswerEvent) {
        let (held, isShuttingDown, rowsBefore) = state.withLock { state in
            defer {
                state.held = nil
                if case .columns(_, let kind) = event {
                    state.isEndless = kind != .rows
                    state.rows = 0
                }
                if case .rows(let block) = event { state.rows += block.count }
                if case .done(let summary) = event {
                    state.held = summary
                    state.isEndless = false
                }
                if case .failed(let error) = event {
                    state.hasEnded = true
                    state.isCancelled = error.code == .cancelled
                }
            }
            return (state.held, state.isShuttingDown, state.rows)
        }
        outbox.write { [tag] encoder in
            if let held { encoder.notice(held.innerFacts, tag: tag) }
            switch event {
            case .columns(let columns, let kind): encoder.columns(columnFacts(columns, kind), tag: tag)
            case .rows(let block):
                for index in encoder.rows(block, tag: tag) {
                    encoder.notice(["message": .string(RequestSink.leftOut(block, index, number: rowsBefore + index + 1))], tag: tag)
                }
            case .position(let text): encoder.progress(positionFacts(text), tag: tag)
            case .notice(let text): encoder.notice(["message": .string(text)], tag: tag)
            case .done: break
            case .failed(let error):
                let isOurs = isShuttingDown && error.code == .cancelled
                encoder.failed(isOurs ? RequestSink.shuttingDown : error, tag: tag)
            }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { outbox.hasRoom(orCall: resume) }

    /// The request is over; writes the final line unless it is written.
    func finish() {
        let summary = state.withLock { state -> AnswerSummary? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state.held ?? AnswerSummary()
        }
        guard let summary else { return }
        outbox.write { encoder in encoder.done(summary.facts, tag: tag) }
    }

    /// Says which row was too long to be sent.
    private static func leftOut(_ block: RowBlock, _ index: Int, number: Int) -> String {
        let beginning = String(decoding: block.row(index).prefix(80), as: UTF8.self)
        return "row \(number) of the answer was left out: it has \(block.rows[index].length) bytes, a row may have \(WireLimits.rowBytes); "
            + "it begins with \(beginning)"
    }

    static let shuttingDown = Diagnostic(.shuttingDown, "the server is shutting down", category: .general)
}
