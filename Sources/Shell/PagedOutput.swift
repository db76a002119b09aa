// A result that is taller than the terminal goes through a pager.

import Platform

/// Keeps the lines of one result until it is known whether they fit the terminal. Called by one thread at a time.
final class PagedOutput: Sendable {
    private enum State: Sendable {
        case gathering(lines: [String], count: Int)
        case paging(PipedProgram)
        /// Straight on to the terminal, because there is no pager after all.
        case passing
        /// The pager has been left: nobody wants to see the rest.
        case left(PipedProgram)
    }
    private let command: String
    private let height: Int
    private let out: @Sendable (String) -> Void
    private let state = Monitor(State.gathering(lines: [], count: 0))

    init(command: String, height: Int, out: @escaping @Sendable (String) -> Void) {
        self.command = command
        self.height = height
        self.out = out
    }

    /// The pager of this machine: `$PAGER`, or `less` where that is installed; nil when there is none, or none is wanted.
    static func command(files: any FileSystem) -> String? {
        if let chosen = Terminal.environment("PAGER") { return chosen.isEmpty ? nil : chosen }
        let folders = (Terminal.environment("PATH") ?? "").split(separator: ":")
        // Wide lines are not wrapped, and the last screen stays.
        return folders.contains { files.exists("\($0)/less") } ? "LESSCHARSET=utf-8 less -S -X" : nil
    }

    func write(_ text: String) {
        state.update { state in
            switch state {
            case .gathering(var lines, let count):
                lines.append(text)
                let more = count + text.utf8.reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
                state = .gathering(lines: lines, count: more)
                // The prompt and the closing line want to be seen with it.
                if more > height - 3 { beginPaging(&state, lines) }
            case .paging(let pager): if !pager.write(text + "\n") { state = .left(pager) }
            case .passing: out(text)
            case .left: break
            }
        }
    }

    private func beginPaging(_ state: inout State, _ lines: [String]) {
        let text = lines.joined(separator: "\n")
        do throws(SystemError) {
            let pager = try PipedProgram(command)
            state = pager.write(text + "\n") ? .paging(pager) : .left(pager)
        } catch {
            out(text)
            state = .passing
        }
    }

    /// The result is complete: waits for the pager to be left.
    func finish() {
        state.update { state in
            switch state {
            case .gathering(let lines, _): if !lines.isEmpty { out(lines.joined(separator: "\n")) }
            case .paging(let pager), .left(let pager): pager.finish()
            case .passing: break
            }
            state = .passing
        }
    }
}
