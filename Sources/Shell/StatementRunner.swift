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

    func run(_ text: String, into sink: any AnswerSink) -> Bool {
        let outcome = Monitor<Bool?>(nil)
        // The first rows may be on the screen, and Ctrl-C typed, before the request is in hand.
        let running = Monitor<(request: (any RunningRequest)?, isInterrupted: Bool)>((nil, false))
        interrupts?.onInterrupt { [interrupted] in
            interrupted.withLock { $0 = true }
            let request = running.withLock { running in
                running.isInterrupted = true
                return running.request
            }
            request?.cancel()
        }
        defer { interrupts?.onInterrupt(nil) }
        let request = session.submit(text, into: sink) { succeeded in outcome.update { $0 = succeeded } }
        let isInterrupted = running.withLock { running in
            running.request = request
            return running.isInterrupted
        }
        if isInterrupted { request.cancel() }
        return outcome.wait(until: { $0 != nil }) { $0 ?? false }
    }

    /// The texts in the first column of an answer; empty when the statement fails.
    func names(_ statement: String) -> [String] {
        let collector = NameCollector()
        return run(statement, into: collector) ? collector.names : []
    }
}

/// Keeps the first cell of each row.
private final class NameCollector: AnswerSink {
    private let state = Monitor<[String]>([])
    var names: [String] { state.withLock { $0 } }

    func emit(_ event: AnswerEvent) {
        guard case .rows(let block) = event else { return }
        state.withLock { names in
            for index in 0..<block.count { if let name = Cells.texts(of: block.row(index)).first, let name { names.append(name) } }
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

extension StatementRunner {
    /// Carries `body` out; an interrupt meanwhile calls `interrupt`.
    func whileInterruptible(_ interrupt: @escaping @Sendable () -> Void, _ body: () -> Void) {
        interrupts?.onInterrupt(interrupt)
        body()
        interrupts?.onInterrupt(nil)
    }
}
