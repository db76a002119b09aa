// The sink of the shell and of scripts: events of answers become text, on the thread that they come on.

import Diagnostics
import Platform
package import Sessions

/// Where and how answers are printed.
package struct PrinterOptions: Sendable {
    /// The form of results.
    package var drawing: Drawing
    package var usesColor: Bool
    /// Say how many rows there were and how long it took.
    package var showsTiming: Bool
    /// Say how many rows there were.
    package var showsCounts = false
    /// Say nothing about statements that went well without rows.
    package var isQuiet: Bool
    /// The file that the statements come from, for error messages.
    package var scriptName: String?
    /// Is told before the rows of a query that goes on.
    package var pushNotice: String?
    /// Where the rows of a finished result go instead of `out`.
    var pages: (@Sendable () -> PagedOutput?)?
    /// Takes lines of output, without the end of the last one.
    package var out: @Sendable (String) -> Void
    /// Whether `out` writes a file of the user's.
    package var isIntoFile = false
    /// Takes errors and notices.
    package var err: @Sendable (String) -> Void

    package init(
        drawing: Drawing = Drawing(), usesColor: Bool = false, showsTiming: Bool = false, isQuiet: Bool = false,
        scriptName: String? = nil, out: @escaping @Sendable (String) -> Void, err: @escaping @Sendable (String) -> Void
    ) {
        self.drawing = drawing
        self.usesColor = usesColor
        self.showsTiming = showsTiming
        self.isQuiet = isQuiet
        self.scriptName = scriptName
        self.out = out
        self.err = err
    }
}

/// Prints the answer to one submitted text.
package final class AnswerPrinter: AnswerSink {
    private struct State {
        var writer: ResultWriter?
        var kind = ResultKind.rows
        var pages: PagedOutput?
        var hasFailed = false
        /// Nobody waits for the answer any more.
        var isAbandoned = false
        /// Statements that were carried out, and the mistake that ended the rest.
        var doneCount = 0
        var failure: Diagnostic?
        /// The last question that was answered with no row at all.
        var emptyAnswer: AnswerSummary?
    }
    private let state = Monitor(State())
    private let options: PrinterOptions
    /// The submitted text, for the caret under a mistake.
    private let source: String

    package init(_ source: String, options: PrinterOptions) {
        self.source = source
        self.options = options
    }

    /// Whether a statement failed.
    package var hasFailed: Bool { state.withLock { $0.hasFailed } }

    /// How many statements were carried out, and the mistake of the one that was not.
    var outcome: (doneCount: Int, failure: Diagnostic?) { state.withLock { ($0.doneCount, $0.failure) } }

    /// What the last statement read, when it was a question and its answer has no row.
    var emptyAnswer: AnswerSummary? { state.withLock { $0.emptyAnswer } }

    /// Prints nothing any more but that.
    func abandon() {
        state.update { state in
            state.isAbandoned = true
            options.err("The answer is not waited for any more. Whether the statement is carried out is not known.")
        }
    }

    package func emit(_ event: AnswerEvent) {
        state.withLock { state in
            guard !state.isAbandoned else { return }
            switch event {
            case .columns(let columns, let kind):
                if kind == .changes, let notice = options.pushNotice { options.err(notice) }
                state.kind = kind
                // Rows that come from time to time are not held back until a page is full.
                state.pages = kind == .rows ? options.pages?() : nil
                state.writer = ResultWriter(columns, kind, options.drawing, write: out(of: state))
            case .rows(let block): state.writer?.add(block)
            case .position: break
            case .notice(let text): options.err(colored(text, "33"))
            case .done(let summary):
                state.doneCount += 1
                let rows = finishRows(&state)
                state.emptyAnswer = rows == 0 && state.kind == .rows ? summary : nil
                finish(summary, rows: state.kind == .rows ? rows : nil)
            case .failed(let error):
                let rows = finishRows(&state)
                state.hasFailed = true
                state.failure = error
                if error.code == .cancelled {
                    // The only way to end a query that never ends is no mistake.
                    options.err("Query cancelled" + (state.kind == .changes ? rows.map { " after \(counted($0))" } ?? "" : "") + ".")
                    return
                }
                options.err(place(of: error) + error.rendered(source: source, style: RenderingStyle(usesColour: options.usesColor, width: options.drawing.width ?? 100)))
            }
        }
    }

    /// Where the rows of the result go.
    private func out(of state: State) -> (String) -> Void {
        if let pages = state.pages { return { pages.write($0) } }
        return options.out
    }

    package func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    /// Ends the result under way; its rows, or nil when there is none.
    private func finishRows(_ state: inout State) -> Int? {
        state.writer?.finish()
        state.pages?.finish()
        defer {
            state.writer = nil
            state.pages = nil
        }
        return state.writer?.rowCount
    }

    /// `script.sql:3: ` before an error of a script, as compilers write it, so that editors find the line.
    private func place(of error: Diagnostic) -> String {
        guard let name = options.scriptName else { return "" }
        return error.range.map { "\(name):\($0.line): " } ?? "\(name): "
    }

    private func counted(_ rows: Int) -> String { "\(rows) row\(rows == 1 ? "" : "s")" }

    /// `rows` is the number of rows of a finished result.
    private func finish(_ summary: AnswerSummary, rows: Int?) {
        if let message = summary.message, !options.isQuiet { options.out(message) }
        if summary.skipped > 0 {
            let causes = summary.causes.map { "\($0.cause): \($0.count)" }.joined(separator: ", ")
            let first = summary.firstProblem.map { (summary.skipped == 1 ? ": " : "; the first: ") + $0 } ?? ""
            let what = summary.skipped == 1 ? "1 row or value" : "\(summary.skipped) rows or values"
            options.err(colored("\(what) could not be processed (\(causes))\(first)", "33"))
        }
        if options.showsTiming {
            let milliseconds = Double(summary.nanoseconds / 10_000) / 100
            // Into a file, or to a program, go rows only.
            let tell = options.drawing.format.isForPrograms || options.isIntoFile ? options.err : options.out
            tell("\(counted(summary.rows)) in \(milliseconds) ms")
            for line in summary.readings.lines { tell(line) }
        } else if options.showsCounts, let rows, !options.drawing.format.isForPrograms {
            let reason = rows == 0 ? summary.readings.reasonForNothing.map { ": " + $0 } ?? "" : ""
            options.out("(\(counted(rows))\(reason))")
        }
    }

    private func colored(_ text: String, _ code: String) -> String { options.usesColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}
