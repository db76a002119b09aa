// The shell's own commands, which need no `;`: those of ksqlDB's CLI, and the backslash commands of psql that people type by habit.

package import Quantities

/// A line that is for the shell itself.
package enum ShellCommand: Equatable {
    case help
    case exit
    case clear
    case history
    case version
    case server
    case output(String?)
    case runScript(String)
    case setCLI(name: String, value: String)
    case spool(String?)
    case timing
    case expanded
    /// Repeats the last statement, so long after each answer.
    case watch(Milliseconds)
    /// A command whose argument is none.
    case refused(String)
    /// A backslash command that stands for a statement.
    case statement(String)
    case unknown(String)

    /// The words that begin with a backslash.
    package static let backslashWords = ["\\?", "\\d", "\\df", "\\dq", "\\dt", "\\i", "\\o", "\\q", "\\timing", "\\watch", "\\x"]

    /// Reads a line; nil when it is (the beginning of) a statement.
    package init?(_ line: String) {
        var text = line.trimmingCharacters
        if text.hasPrefix("\\") {
            self = ShellCommand.backslash(text)
            return
        }
        while text.hasSuffix(";") { text.removeLast() }
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        let upper = words.map { $0.uppercased() }
        switch upper.first {
        case "HELP" where words.count == 1, "?": self = .help
        case "EXIT" where words.count == 1, "QUIT" where words.count == 1: self = .exit
        case "CLEAR" where words.count == 1: self = .clear
        case "HISTORY" where words.count == 1: self = .history
        case "VERSION" where words.count == 1: self = .version
        case "SERVER" where words.count <= 2: self = .server
        case "OUTPUT" where words.count <= 2: self = .output(words.count == 2 ? words[1] : nil)
        case "RUN" where upper.count >= 3 && upper[1] == "SCRIPT":
            self = .runScript(ShellCommand.unquoted(words.dropFirst(2).joined(separator: " ")))
        case "SPOOL" where words.count == 2: self = .spool(upper[1] == "OFF" ? nil : ShellCommand.unquoted(words[1]))
        case "SET" where upper.count == 4 && upper[1] == "CLI": self = .setCLI(name: upper[2], value: upper[3])
        default: return nil
        }
    }

    private static func backslash(_ text: String) -> ShellCommand {
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        let argument = words.count > 1 ? words.dropFirst().joined(separator: " ") : nil
        switch words[0] {
        case "\\q": return .exit
        case "\\?", "\\h": return .help
        case "\\d": return .statement(argument.map { "DESCRIBE \($0);" } ?? "SHOW STREAMS; SHOW TABLES;")
        case "\\dt": return .statement("SHOW TABLES;")
        case "\\dq": return .statement("SHOW QUERIES;")
        case "\\df": return .statement(argument.map { "DESCRIBE FUNCTION \($0);" } ?? "SHOW FUNCTIONS;")
        case "\\i": return argument.map { .runScript(unquoted($0)) } ?? .unknown(text)
        case "\\o": return .output(argument)
        case "\\x": return .expanded
        case "\\timing": return .timing
        case "\\watch":
            guard let argument else { return .watch(Milliseconds(2000)) }
            guard let seconds = Double(argument), seconds >= 0.01, seconds <= 86_400 else {
                return .refused("\\watch takes seconds from 0.01 to 86400, not \(argument.prefix(40))")
            }
            return .watch(Milliseconds(Int64(seconds * 1000)))
        default: return .unknown(text)
        }
    }

    private static func unquoted(_ text: String) -> String {
        text.count >= 2 && text.hasPrefix("'") && text.hasSuffix("'") ? String(text.dropFirst().dropLast()) : text
    }

    static let helpText = """
        Statements end with ; and may span lines. Ctrl-C stops a running query, Ctrl-D leaves, Tab completes, Ctrl-R searches the history.

          SHOW STREAMS; SHOW TABLES; SHOW QUERIES;     what there is             \\d
          DESCRIBE name; DESCRIBE name EXTENDED;       one of them               \\d name
          SHOW FUNCTIONS; DESCRIBE FUNCTION name;      functions                 \\df name
          EXPLAIN statement;                           how it would run
          SELECT … EMIT CHANGES;                       rows as they arrive
          SELECT …;                                    what is there now

        Commands of the shell:
          help, exit, clear, history, version, server
          output [table|vertical|csv|tsv|json]         form of results           \\o form, \\x
          run script 'file'                            carry out a file          \\i file
          spool 'file', spool off                      copy everything to a file
          \\timing                                      rows and time of answers
          \\watch [seconds]                             repeat the last statement
        """
}

extension String {
    /// The text without white space around it.
    var trimmingCharacters: String {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
