// Dot commands: one line each, except that `.sql` and `.put` say what follows.

import Diagnostics
import Sessions

extension RequestReader {
    /// The commands, for help and for suggestions.
    package static let commands = [
        ".ping", ".cancel", ".auth", ".set", ".put", ".status", ".help", ".quit", ".sql",
    ]

    /// Carries out the line in the buffer, whose line end has just come.
    mutating func endCommand() {
        if buffer.last == 0x0D { buffer.removeLast() }
        let words = commandWords()
        let name = text(words.first ?? 0..<0)
        let arguments = words.dropFirst()
        /// From a word to the end of the line.
        func rest(from index: Int) -> String { words.indices.contains(index) ? text(words[index].lowerBound..<buffer.count) : "" }
        switch (name, arguments.count) {
        case (".ping", 0): events.append(.ping(tag: tag))
        case (".cancel", 0...1):
            let target = arguments.first.map { text($0) }
            events.append(.cancel(tag: tag, target: target.map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 }))
        case (".auth", 1...): events.append(.authenticate(tag: tag, text: rest(from: 1)))
        case (".set", 2...): events.append(.set(tag: tag, key: text(words[1]), value: rest(from: 2)))
        case (".status", 0): events.append(.status(tag: tag))
        case (".help", _): events.append(.help(tag: tag))
        case (".quit", 0): events.append(.quit(tag: tag))
        case (".put", 2): return beginPut(stream: text(words[1]), format: text(words[2]))
        case (".sql", 1): return beginSQL(text(words[1]), .none)
        case (".sql", 2) where text(words[2]) == "positions": return beginSQL(text(words[1]), .told)
        case (".sql", 3) where text(words[2]) == "after": return beginSQL(text(words[1]), .after(text(words[3])))
        default: refuseCommand(name)
        }
        reset()
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: buffer[range], as: UTF8.self) }

    /// The command and its first arguments: one more than any command takes, so that a line of nothing but words costs no memory.
    private func commandWords() -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        for index in buffer.indices where words.count < RequestReader.wordLimit {
            if buffer[index] == 0x20 {
                if let begun = start { words.append(begun..<index) }
                start = nil
            } else if start == nil {
                start = index
            }
        }
        if let start, words.count < RequestReader.wordLimit { words.append(start..<buffer.count) }
        return words
    }

    /// `.sql` takes three arguments; a fourth is one too many.
    private static let wordLimit = 5

    private mutating func refuseCommand(_ name: String) {
        if RequestReader.commands.contains(name) {
            refuse(.protocolViolation, "\(name) does not take these arguments", hint: "Send .help to see how it is used.")
        } else if name == ".end" {
            refuse(.protocolViolation, ".end without .put")
        } else {
            let similar = closestMatch(to: name, among: RequestReader.commands).map { "Did you mean \($0)?" }
            refuse(.protocolViolation, "there is no command \(String(name.prefix(40)))", hint: similar ?? "Send .help for the commands.")
        }
    }

    private mutating func beginSQL(_ word: String, _ positions: PositionWish) {
        guard let count = Int(word), count >= 0 else {
            refuse(.protocolViolation, ".sql takes the number of bytes that follow")
            return reset()
        }
        guard count <= WireLimits.statementBytes else { return refuseCounted(count) }
        beginCounted(count, positions)
    }

    /// The announced bytes are skipped, unless there are so many that waiting for their end would be a hanging connection.
    private mutating func refuseCounted(_ count: Int) {
        guard count > WireLimits.discardedBytes else {
            refuse(.tooLarge, "the statement is longer than \(WireLimits.statementBytes) bytes")
            reset()
            return mode = .discardingBytes(count)
        }
        let reason = "a statement of \(count) bytes was announced; the connection ends"
        if tag != nil { refuse(.tooLarge, reason) }
        events.append(.foreign(Diagnostic(.tooLarge, reason, category: .general)))
        reset()
        mode = .closed
    }

    private mutating func beginPut(stream: String, format: String) {
        events.append(.putBegan(tag: tag, stream: stream, format: format))
        reset()
        mode = .put
        putLines = 0
        recordRoom = RequestReader.firstRecordRoom
    }
}
