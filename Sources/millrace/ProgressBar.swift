// The progress of a load, drawn on one line of a terminal and nowhere else.

import Platform

/// A progress bar on standard error.
final class ProgressBar: Sendable {
    private struct State {
        var read = 0
        var durable = 0
        var lastDrawn: Int64 = 0
        var isOver = false
    }

    /// Bytes of the whole input, when that is known.
    private let total: Int?
    private let isShown: Bool
    private let state = Monitor(State())
    /// Nanoseconds between two drawings.
    private static let interval: Int64 = 100_000_000
    private static let cells = 30

    /// Shown where somebody wants to see it, and standard error is a terminal.
    init(total: Int?, isWanted: Bool) {
        self.total = total
        isShown = isWanted && ByteStream.errors.isTerminal
    }

    /// So many more bytes of input were read.
    func advance(_ bytes: Int) {
        guard isShown else { return }
        draw { $0.read += bytes }
    }

    /// So many records are durable.
    func show(durable records: Int) {
        guard isShown else { return }
        draw { $0.durable = records }
    }

    /// Takes the bar away, for good.
    func clear() {
        guard isShown else { return }
        state.update { $0.isOver = true }
        ByteStream.errors.print("\r\u{1B}[K")
    }

    private func draw(_ change: (inout State) -> Void) {
        let now = SystemTime().monotonicNanoseconds()
        let line = state.withLock { state -> String? in
            change(&state)
            guard !state.isOver, now - state.lastDrawn >= ProgressBar.interval else { return nil }
            state.lastDrawn = now
            return text(state)
        }
        if let line { ByteStream.errors.print("\r\(line)\u{1B}[K") }
    }

    private func text(_ state: State) -> String {
        let megabytes = state.read >> 20
        let counts = "\(megabytes) MiB read, \(state.durable) records durable"
        let width = Terminal.width ?? 80
        // What does not fit the line would stay on the screen.
        guard let total, total > 0, width > ProgressBar.cells + counts.count + 8 else { return String(counts.prefix(width - 1)) }
        let full = min(ProgressBar.cells, state.read * ProgressBar.cells / total)
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: ProgressBar.cells - full)
        return "\(bar) \(min(100, state.read * 100 / total))%, \(counts)"
    }
}
