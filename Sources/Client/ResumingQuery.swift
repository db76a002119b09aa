// A query with positions that outlives its connection. Rows are handed on once the position behind them is known: those of which it is not are
// dropped with the connection, and come again over the next one. So there is no gap, and no row comes twice.

import Diagnostics
import Platform
import Quantities
import Sessions

/// One request over one connection after the other.
final class ResumingQuery: RunningRequest, AnswerSink {
    private struct State {
        /// Where the rows end that were handed on; nil while there is none, and then the request ends with its connection.
        var position: String?
        /// Rows behind it.
        var held: [AnswerEvent] = []
        /// It goes on: the client has its columns already.
        var isResumed = false
        var isCancelled = false
        /// Why the connection ended, until the next one.
        var loss: Diagnostic?
        var request: (any RunningRequest)?
    }
    private let state = Monitor(State())
    private let text: String
    private let wish: PositionWish
    private let session: ReconnectingSession
    private let patience: Milliseconds
    private let sink: any AnswerSink
    private let whenFinished: @Sendable (Bool) -> Void

    init(
        _ text: String, _ wish: PositionWish, in session: ReconnectingSession, patience: Milliseconds, into sink: any AnswerSink,
        whenFinished: @escaping @Sendable (Bool) -> Void
    ) {
        (self.text, self.wish, self.session, self.patience, self.sink, self.whenFinished) = (text, wish, session, patience, sink, whenFinished)
    }

    func begin() {
        take(session.submitOnce(text, positions: wish == .none ? .told : wish, into: self) { self.ended($0) })
    }

    func cancel() {
        let request = state.update { state in
            state.isCancelled = true
            return state.request
        }
        request?.cancel()
    }

    private func take(_ request: any RunningRequest) {
        let isCancelled = state.update { state in
            state.request = request
            return state.isCancelled
        }
        if isCancelled { request.cancel() }
    }

    // MARK: Events

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { sink.hasRoom(orCall: resume) }

    func emit(_ event: AnswerEvent) {
        // The events of a request come one after the other.
        let passed = state.update { state -> [AnswerEvent] in
            switch event {
            case .columns: return state.isResumed ? [] : [event]
            case .rows where state.position != nil:
                state.held.append(event)
                return []
            case .position(let position):
                defer { (state.position, state.held) = (position, []) }
                return state.held + (wish == .none ? [] : [event])
            case .failed(let error) where state.position != nil && !state.isCancelled && ResumingQuery.isLoss(error):
                (state.loss, state.held) = (error, [])
                return []
            case .done, .failed:
                defer { state.held = [] }
                return state.held + [event]
            case .rows, .notice: return [event]
            }
        }
        for event in passed { sink.emit(event) }
    }

    /// Whether a server that is there again may be asked to go on.
    private static func isLoss(_ error: Diagnostic) -> Bool { error.code == .connectionLost || error.code == .shuttingDown }

    private func ended(_ succeeded: Bool) {
        guard let loss = state.update({ state in
            defer { (state.loss, state.request) = (nil, nil) }
            return state.loss
        }) else { return whenFinished(succeeded) }
        do throws(SystemError) {
            _ = try WorkerThread.start("resuming") { self.goOn(after: loss) }
        } catch {
            end(with: loss)
        }
    }

    private func end(with error: Diagnostic) {
        sink.emit(.failed(error))
        whenFinished(false)
    }

    /// Asks again and again for the server, and goes on there behind the last row.
    private func goOn(after loss: Diagnostic) {
        let clock = SystemTime()
        let deadline = clock.monotonicNanoseconds() + patience.nanoseconds
        while true {
            let (position, isCancelled) = state.update { state in
                state.isResumed = true
                return (state.position, state.isCancelled)
            }
            guard let position, !session.isOver else { return end(with: loss) }
            if isCancelled { return end(with: Diagnostic(.cancelled, "the query was cancelled while its server was away", category: .general)) }
            do throws(Diagnostic) {
                let next = try session.connected()
                sink.emit(.notice("The connection to \(session.place) was lost and is there again; the query goes on behind its last row."))
                return take(next.submit(text, positions: .after(position), into: self) { self.ended($0) })
            } catch {
                guard clock.monotonicNanoseconds() < deadline else { return end(with: loss) }
                HostScheduler().sleep(nanoseconds: ResumingQuery.pause)
            }
        }
    }

    /// Between two attempts, in nanoseconds.
    private static let pause: Int64 = 100_000_000
}
