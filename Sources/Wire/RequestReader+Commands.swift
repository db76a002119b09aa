// Dot commands: one line each, except that `.sql` and `.put` say what follows.

import Diagnostics

extension RequestReader {
    /// The commands, for help and for suggestions.
    package static let commands = [
        ".ping", ".cancel", ".auth", ".set", ".put", ".status", ".help", ".quit", ".sql",
    ]

    /// Carries out the line in the buffer, whose line end has just come.
    mutating func endCommand() {
        if buffer.last == 0x0D { buffer.removeLast() }
        let line = String(decoding: buffer, as: UTF8.self)
        let name = String(line.prefix { $0 != " " })
        let rest = String(line.dropFirst(name.count).drop { $0 == " " })
        let words = rest.split(separator: " ").map(String.init)
        switch (name, words.count) {
        case (".ping", 0): events.append(.ping(tag: tag))
        case (".cancel", 0...1):
            let target = words.first.map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 }
            events.append(.cancel(tag: tag, target: target))
        case (".auth", 1...): events.append(.authenticate(tag: tag, text: rest))
        case (".set", 2...):
            events.append(.set(tag: tag, key: words[0], value: String(rest.dropFirst(words[0].count).drop { $0 == " " })))
        case (".status", 0): events.append(.status(tag: tag))
        case (".help", _): events.append(.help(tag: tag))
        case (".quit", 0): events.append(.quit(tag: tag))
        case (".put", 2): return beginPut(stream: words[0], format: words[1])
        case (".sql", 1): return beginSQL(words[0])
        default: refuseCommand(name)
        }
        reset()
    }

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

    private mutating func beginSQL(_ word: String) {
        guard let count = Int(word), count >= 0 else {
            refuse(.protocolViolation, ".sql takes the number of bytes that follow")
            return reset()
        }
        guard count <= WireLimits.statementBytes else { return refuseCounted(count) }
        beginCounted(count)
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
    }
}
