// `\live`: the answer to a question, drawn in place again and again until somebody has seen enough.

import Diagnostics
import Platform
import Quantities
import Sessions
import Values

extension Conversation {
    /// Between two looks.
    private static let livePause = Milliseconds(1000)

    /// Asks a question again and again and draws each answer over the one before, until Ctrl-C or `q`, or until it fails.
    func live(_ given: String?) {
        guard let question = given ?? (unfinished.isEmpty ? lastStatement : unfinished + ";") else { return complain("there is no statement to draw") }
        if given == nil, question.uppercased().split(whereSeparator: \.isWhitespace).contains("EMIT") {
            return complain("\\live asks again and again by itself: it takes the SELECT without EMIT")
        }
        unfinished = ""
        guard isInteractive, Terminal.isTerminal(1), resultFile == nil else {
            return complain("\\live redraws a table on a terminal, and the output is none\nhint: SELECT … EMIT CHANGES writes a line for each change.")
        }
        if given != nil { lastStatement = question }
        let stop = Monitor(false)
        let before = runner.interruptCount
        let screen = LiveScreen()
        Terminal.whileWatchingKeys({ key in if key == UInt8(ascii: "q") { stop.update { $0 = true } } }) {
            while !stop.withLock({ $0 }), runner.interruptCount == before {
                let frame = Monitor("")
                let isAnswered = runner.run(question, options: liveOptions { text in frame.update { $0 += text + "\n" } })
                screen.draw(frame.withLock { $0 }, foot: "\(TemporalText.text(timestamp: SystemTime().wallMilliseconds())), q ends")
                guard isAnswered else { return noteFailure() }
                // An interrupt that came before has called nothing.
                runner.whileInterruptible({ stop.update { $0 = true } }) {
                    if runner.interruptCount == before { stop.wait(nanoseconds: Conversation.livePause.nanoseconds, until: { $0 }, then: { _ in }) }
                }
            }
        }
        show("")
    }

    /// A frame is what stands on the screen, errors among it.
    private func liveOptions(_ out: @escaping @Sendable (String) -> Void) -> PrinterOptions {
        var options = options
        options.drawing.width = Terminal.width
        if options.drawing.format != .vertical { options.drawing.format = .table }
        (options.out, options.err) = (out, out)
        (options.pages, options.pushNotice) = (nil, nil)
        (options.showsCounts, options.showsTiming) = (false, false)
        return options
    }
}

/// The terminal as a picture that is drawn over the one before.
package struct LiveScreen: Sendable {
    /// A screen on the standard output.
    package init() {}

    /// Draws a frame: from the top left corner, each line to its end, and what is left below is cleared. Lines that do not fit the terminal
    /// are left out, and counted. `foot` stands under it.
    package func draw(_ frame: String, foot: String? = nil) {
        var lines = frame.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        let room = max(3, (Terminal.height ?? 24) - (foot == nil ? 1 : 2))
        if lines.count > room {
            let left = lines.count - room + 1
            lines = lines.prefix(room - 1) + ["… \(left) more lines"]
        }
        if let foot { lines.append(foot) }
        ByteStream.output.print("\u{1B}[H" + lines.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J")
    }
}
