// The words that Tab completes: keywords, names from the catalog, functions, and the shell's own commands.

import Syntax

/// Finds completions.
final class Completion {
    private let runner: StatementRunner
    private var names: [String] = []
    private var isStale = true

    init(runner: StatementRunner) { self.runner = runner }

    /// To be called when the catalog may have changed.
    func forget() { isStale = true }

    /// What the last word of `line` may become, in the case in which it was begun.
    func choices(for line: String) -> [String] {
        let word = line.lastWord
        if word.hasPrefix("\\") && line == word { return ShellCommand.backslashWords.filter { $0.hasPrefix(word) } }
        guard !word.isEmpty else { return [] }
        if isStale { refresh() }
        let upper = word.uppercased()
        let words = Set((Keyword.allCases.map(\.rawValue) + names).filter { $0.uppercased().hasPrefix(upper) }).sorted()
        let isLower = word == word.lowercased() && word != upper
        return words.map { isLower && $0 == $0.uppercased() ? $0.lowercased() : $0 }
    }

    private func refresh() {
        isStale = false
        let sources = runner.names("SHOW STREAMS;") + runner.names("SHOW TABLES;")
        // Columns of the first sources; a catalog of thousands must not make Tab slow.
        let columns = sources.prefix(50).flatMap { runner.names("DESCRIBE `\($0)`;") }
        names = sources + columns + runner.names("SHOW FUNCTIONS;")
    }
}
