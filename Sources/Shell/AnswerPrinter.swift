// The sink of the shell and of scripts: events of answers become text, on the thread that they come on.

import Diagnostics
import Platform
package import Sessions
import Values

/// Where and how answers are printed.
package struct PrinterOptions: Sendable {
    package var format: OutputFormat
    /// Columns of the terminal; nil when the output is none.
    package var width: Int?
    package var usesColor: Bool
    /// Say how many rows there were and how long it took.
    package var showsTiming: Bool
    /// Say nothing about statements that went well without rows.
    package var isQuiet: Bool
    /// The file that the statements come from, for error messages.
    package var scriptName: String?
    /// Takes one line of output, without its end.
    package var out: @Sendable (String) -> Void
    /// Takes errors and notices.
    package var err: @Sendable (String) -> Void

    package init(
        format: OutputFormat = .table, width: Int? = nil, usesColor: Bool = false, showsTiming: Bool = false, isQuiet: Bool = false,
        scriptName: String? = nil, out: @escaping @Sendable (String) -> Void, err: @escaping @Sendable (String) -> Void
    ) {
        self.format = format
        self.width = width
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
        var hasFailed = false
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

    package func emit(_ event: AnswerEvent) {
        state.withLock { state in
            switch event {
            case .columns(let columns, let kind):
                state.writer = ResultWriter(columns, kind, format: options.format, width: options.width, write: options.out)
            case .rows(let block): state.writer?.add(block)
            case .notice(let text): options.err(colored(text, "33"))
            case .done(let summary):
                state.writer?.finish()
                state.writer = nil
                finish(summary)
            case .failed(let error):
                state.writer?.finish()
                state.writer = nil
                state.hasFailed = true
                options.err(place(of: error) + error.rendered(source: source, style: RenderingStyle(usesColour: options.usesColor)))
            }
        }
    }

    package func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    /// `script.sql:3: ` before an error of a script, as compilers write it, so that editors find the line.
    private func place(of error: Diagnostic) -> String {
        guard let name = options.scriptName else { return "" }
        return error.range.map { "\(name):\($0.line): " } ?? "\(name): "
    }

    private func finish(_ summary: AnswerSummary) {
        if let message = summary.message, !options.isQuiet { options.out(message) }
        if summary.skipped > 0 {
            let causes = summary.causes.map { "\($0.cause): \($0.count)" }.joined(separator: ", ")
            let first = summary.firstProblem.map { (summary.skipped == 1 ? ": " : "; the first: ") + $0 } ?? ""
            options.err(
                colored("\(summary.skipped) row\(summary.skipped == 1 ? "" : "s") could not be processed (\(causes))\(first)", "33"))
        }
        guard options.showsTiming else { return }
        let milliseconds = Double(summary.nanoseconds / 10_000) / 100
        options.out("\(summary.rows) row\(summary.rows == 1 ? "" : "s") in \(milliseconds) ms")
        for line in readingLines(summary.readings) { options.out(line) }
    }

    /// What was read: a line a source, with its partitions where they are few.
    private func readingLines(_ readings: [SourceReading]) -> [String] {
        var sources: [String] = []
        for reading in readings where !sources.contains(reading.source) { sources.append(reading.source) }
        return sources.map { source in
            let own = readings.filter { $0.source == source }
            let records = own.reduce(0) { $0 + $1.records }
            let places = own.compactMap { reading -> String? in
                guard let partition = reading.partition, let offsets = reading.offsets else { return nil }
                return offsets.isEmpty
                    ? "nothing of partition \(partition)"
                    : "offsets \(offsets.lowerBound) to \(offsets.upperBound - 1) of partition \(partition)"
            }
            var line = "read \(records) record\(records == 1 ? "" : "s") of \(source)"
            if !places.isEmpty { line += ": " + (places.count > 4 ? "\(places.count) partitions" : places.joined(separator: ", ")) }
            let times = own.compactMap(\.times)
            if let first = times.map(\.lowerBound).min(), let last = times.map(\.upperBound).max() {
                line += ", times \(TemporalText.text(timestamp: first)) to \(TemporalText.text(timestamp: last))"
            }
            return line
        }
    }

    private func colored(_ text: String, _ code: String) -> String { options.usesColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}
