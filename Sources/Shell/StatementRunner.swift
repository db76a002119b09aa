// Submits a text and waits for its answer; an interrupt cancels the query, never the shell.

import Bytes
package import Platform
package import Sessions

/// Carries out texts one after the other.
package struct StatementRunner: Sendable {
    private let session: any StatementSession
    private let interrupts: InterruptWatcher?
    private let interrupted = Monitor(false)

    /// Whether a text was ended by Ctrl-C.
    package var wasInterrupted: Bool { interrupted.withLock { $0 } }

    package init(session: any StatementSession, interrupts: InterruptWatcher?) {
        self.session = session
        self.interrupts = interrupts
    }

    /// Whether all statements of `text` succeeded.
    @discardableResult
    package func run(_ text: String, options: PrinterOptions) -> Bool {
        run(text, into: AnswerPrinter(text, options: options))
    }

    /// The same. The second interrupt does not wait for the answer of a server that may have stopped: nothing more is printed of it.
    func run(_ text: String, into printer: AnswerPrinter) -> Bool {
        let succeeded = submit(text, into: printer)
        if succeeded == nil { printer.abandon() }
        return succeeded ?? false
    }

    /// Carries out a listing and prints the rows whose first cell is wanted. Whether it succeeded.
    func submitFiltered(_ text: String, into printer: AnswerPrinter, where isWanted: @escaping @Sendable (String) -> Bool) -> Bool {
        submit(text, into: RowFilter(printer, isWanted)) ?? false
    }

    /// Whether all statements succeeded; nil when their end was not waited for.
    private func submit(_ text: String, into sink: any AnswerSink) -> Bool? {
        let outcome = Monitor<(isOver: Bool, succeeded: Bool?)>((false, nil))
        // The first rows may be on the screen, and Ctrl-C typed, before the request is in hand.
        let running = Monitor<(request: (any RunningRequest)?, interrupts: Int)>((nil, 0))
        interrupts?.onInterrupt { [interrupted] in
            interrupted.withLock { $0 = true }
            let (request, count) = running.withLock { running in
                running.interrupts += 1
                return (running.request, running.interrupts)
            }
            if count == 1 { request?.cancel() } else { outcome.update { $0.isOver = true } }
        }
        defer { interrupts?.onInterrupt(nil) }
        let request = session.submit(text, into: sink) { succeeded in outcome.update { if !$0.isOver { $0 = (true, succeeded) } } }
        let isInterrupted = running.withLock { running in
            running.request = request
            return running.interrupts > 0
        }
        if isInterrupted { request.cancel() }
        return outcome.wait(until: { $0.isOver }) { $0.succeeded }
    }

    /// The cells of the rows of a short answer, a hundred thousand rows at most; none when the statement fails. `notice` gets what the session
    /// has to say beside them, such as that it is a new one.
    func rows(_ statement: String, notice: @escaping @Sendable (String) -> Void = { _ in }) -> [[String?]] {
        let collector = RowCollector(notice)
        return submit(statement, into: collector) ?? false ? collector.rows : []
    }
}

/// Keeps the cells of each row.
private final class RowCollector: AnswerSink {
    private static let most = 100_000
    private let state = Monitor<[[String?]]>([])
    private let notice: @Sendable (String) -> Void
    var rows: [[String?]] { state.withLock { $0 } }

    init(_ notice: @escaping @Sendable (String) -> Void) { self.notice = notice }

    func emit(_ event: AnswerEvent) {
        if case .notice(let text) = event { return notice(text) }
        guard case .rows(let block) = event else { return }
        state.withLock { rows in
            for index in 0..<block.count where rows.count < RowCollector.most { rows.append(Cells.texts(of: block.row(index))) }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

/// Hands on the rows whose first cell is wanted.
private final class RowFilter: AnswerSink {
    private let sink: any AnswerSink
    private let isWanted: @Sendable (String) -> Bool

    init(_ sink: any AnswerSink, _ isWanted: @escaping @Sendable (String) -> Bool) {
        self.sink = sink
        self.isWanted = isWanted
    }

    func emit(_ event: AnswerEvent) {
        guard case .rows(var block) = event else { return sink.emit(event) }
        block.rows = (0..<block.count).filter { index in
            isWanted((Cells.texts(of: block.row(index)).first ?? nil) ?? "")
        }.map { block.rows[$0] }
        block.deleted = []
        if !block.isEmpty { sink.emit(.rows(block)) }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { sink.hasRoom(orCall: resume) }
}

extension StatementRunner {
    /// How many interrupts there have been, those included that came between two statements.
    var interruptCount: Int { interrupts?.count ?? 0 }

    /// An interrupt came between two statements, and ends what they belong to.
    func noteInterrupt() { interrupted.withLock { $0 = true } }

    /// Carries `body` out; an interrupt meanwhile calls `interrupt`.
    func whileInterruptible(_ interrupt: @escaping @Sendable () -> Void, _ body: () -> Void) {
        interrupts?.onInterrupt(interrupt)
        body()
        interrupts?.onInterrupt(nil)
    }
}
