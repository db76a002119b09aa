// Where the threads that make an answer meet the task that reads it. Threads hand in events and ask for room; the task waits without a thread.

import Bytes
import Diagnostics
import Platform
import Sessions

/// What the requests of one connection know of each other: a reader that is slow holds up everything that comes over it, so it must not do
/// so while a statement of the same program waits for its answer, for which the slow reader itself may wait.
package final class SharedConnection: Sendable {
    private struct State {
        /// Requests whose answer somebody waits for before going on.
        var urgent = 0
        var held: [@Sendable () -> Void] = []
    }
    private let state = Monitor(State())

    /// A connection on which nothing is held up yet.
    package init() {}

    /// Somebody waits for an answer; what was held up goes on.
    func beginWait() {
        let held = state.update { state in
            state.urgent += 1
            defer { state.held = [] }
            return state.held
        }
        for resume in held { resume() }
    }

    func endWait() { state.update { $0.urgent -= 1 } }

    /// Whether the connection may be held up; `resume` is called when it may no longer.
    func mayHold(_ resume: @escaping @Sendable () -> Void) -> Bool {
        state.update { state in
            guard state.urgent == 0 else { return false }
            state.held.append(resume)
            return true
        }
    }
}

/// The answer to one request, as its events come in.
final class AnswerChannel: AnswerSink {
    private struct State {
        var events: [AnswerEvent] = []
        /// The first event that has not been taken.
        var first = 0
        /// Bytes of the rows that wait.
        var waitingBytes = 0
        var isOver = false
        var isAbandoned = false
        var isEndless = false
        var reader: CheckedContinuation<Void, Never>?
        /// To be called when there is room again.
        var resume: (@Sendable () -> Void)?
        var cancel: (@Sendable () -> Void)?

        var hasNews: Bool { first < events.count || isOver || isAbandoned }

        mutating func takeReader() -> CheckedContinuation<Void, Never>? {
            defer { reader = nil }
            return reader
        }
    }

    /// With so many bytes of rows waiting there is no room for more.
    private static let roomBytes = 1 << 20
    /// Rows beyond that end the request: they came while the connection could not be held up.
    private static let mostBytes = 64 << 20

    private let state = Monitor(State())
    private let connection: SharedConnection?
    private let onEndless: @Sendable () -> Void

    /// A channel for a request over `connection`; nil where requests do not share one. `onEndless` is called once when its answer turns out to
    /// end only when it is told to.
    init(over connection: SharedConnection?, onEndless: @escaping @Sendable () -> Void = {}) {
        self.connection = connection
        self.onEndless = onEndless
    }

    /// Whether the answer ends only when it is told to.
    var isEndless: Bool { state.withLock { $0.isEndless } }

    /// Whether nobody waits for the answer.
    var isUnwanted: Bool { state.withLock { $0.isAbandoned } }

    // MARK: The threads that make the answer

    func emit(_ event: AnswerEvent) {
        if case .columns(_, .changes) = event {
            let isNew = state.update { state in
                defer { state.isEndless = true }
                return !state.isEndless
            }
            if isNew { onEndless() }
        }
        let (reader, cancel) = state.update { state -> (CheckedContinuation<Void, Never>?, (@Sendable () -> Void)?) in
            guard !state.isAbandoned, !state.isOver else { return (nil, nil) }
            var cancel: (@Sendable () -> Void)?
            if case .rows(let block) = event, state.waitingBytes + block.bytes.count > AnswerChannel.mostBytes {
                let hint = "Read the rows as they come, or ask for them in a session of their own."
                state.events.append(.failed(Diagnostic(.tooLarge, "more than 64 MiB of rows wait to be read", category: .general, hint: hint)))
                state.isOver = true
                cancel = state.cancel
            } else {
                state.events.append(event)
                if case .rows(let block) = event { state.waitingBytes += block.bytes.count }
            }
            return (state.takeReader(), cancel)
        }
        reader?.resume()
        cancel?()
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool {
        let isFull = state.update { state in
            guard !state.isAbandoned, !state.isOver, state.waitingBytes >= AnswerChannel.roomBytes else { return false }
            state.resume = resume
            return true
        }
        guard isFull else { return true }
        return !(connection?.mayHold(resume) ?? true)
    }

    /// The last event has been handed in.
    func finish() {
        let reader = state.update { state in
            state.isOver = true
            return state.takeReader()
        }
        reader?.resume()
    }

    /// Says how the request is cancelled; done at once where it is not wanted any more.
    func onCancel(_ cancel: @escaping @Sendable () -> Void) {
        let isLate = state.update { state in
            state.cancel = cancel
            return state.isAbandoned
        }
        if isLate { cancel() }
    }

    // MARK: The task that reads it

    /// Nobody wants the rest: the request is cancelled, and who reads gets the end.
    func abandon() {
        let calls = state.update { state -> (CheckedContinuation<Void, Never>?, (@Sendable () -> Void)?, (@Sendable () -> Void)?) in
            guard !state.isAbandoned else { return (nil, nil, nil) }
            state.isAbandoned = true
            let cancel = state.isOver ? nil : state.cancel
            defer { (state.events, state.first, state.waitingBytes, state.resume) = ([], 0, 0, nil) }
            return (state.takeReader(), state.resume, cancel)
        }
        calls.0?.resume()
        calls.1?()
        calls.2?()
    }

    /// The next event; nil behind the last one. Errors: the task is cancelled, and with it the request.
    func next() async throws(CancellationError) -> AnswerEvent? {
        while true {
            if Task.isCancelled {
                abandon()
                throw CancellationError()
            }
            if let taken = take() { return taken }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.update { state in
                        if !state.hasNews { state.reader = continuation }
                        return state.hasNews
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                abandon()
            }
        }
    }

    /// The next event, `.some(nil)` at the end, nil where there is none yet.
    private func take() -> AnswerEvent?? {
        let (event, resume) = state.update { state -> (AnswerEvent??, (@Sendable () -> Void)?) in
            guard state.first < state.events.count else { return (state.isOver || state.isAbandoned ? .some(nil) : nil, nil) }
            let event = state.events[state.first]
            state.first += 1
            if state.first == state.events.count { (state.events, state.first) = ([], 0) }
            guard case .rows(let block) = event else { return (event, nil) }
            state.waitingBytes -= block.bytes.count
            guard state.waitingBytes < AnswerChannel.roomBytes else { return (event, nil) }
            defer { state.resume = nil }
            return (event, state.resume)
        }
        resume?()
        return event
    }

    /// The same, for a task that goes on only with the answer: nothing else may hold the connection up meanwhile.
    func nextUrgently() async throws(CancellationError) -> AnswerEvent? {
        connection?.beginWait()
        defer { connection?.endWait() }
        return try await next()
    }
}
