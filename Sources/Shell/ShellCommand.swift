// The shell's own commands, which need no `;`: those of ksqlDB's CLI, and the backslash commands of psql that people type by habit.

import Diagnostics
package import Quantities

/// A line that is for the shell itself.
package enum ShellCommand: Hashable, Sendable {
    /// What to list or describe.
    package enum Listing: Hashable, Sendable {
        case streamsAndTables, streams, tables, views, systemTables, queries, functions, topics
    }
    /// How the statement that is not ended yet is carried out.
    package struct Going: Hashable, Sendable {
        /// Each value on a line of its own.
        var isExpanded = false
        /// The file that the result goes to.
        var path: String?
    }
    /// A bulk copy between a source and a file.
    package struct Copy: Hashable, Sendable {
        /// A source, or a query in brackets.
        var source: String
        var isExport: Bool
        var path: String
        /// How a file is written; nil where its ending says so.
        var format: OutputFormat?

        package init(source: String, isExport: Bool, path: String, format: OutputFormat? = nil) {
            self.source = source
            self.isExport = isExport
            self.path = path
            self.format = format
        }
    }

    /// About a statement or a topic; nil for the list of commands.
    case help(String?)
    case exit
    case clear
    case history
    case version
    case connection
    /// Connects to another server.
    case server(String)
    case output(String?)
    case runScript(String)
    case setCLI(name: String, value: String)
    case spool(String?)
    /// Results go to this file from now on; nil: to the terminal.
    case resultFile(String?)
    case timing
    case expanded(Drawing.Expansion?)
    case printSetting(name: String?, value: String?)
    /// Repeats the statement that is not ended yet, or the last one, so long after each answer.
    case watch(Milliseconds)
    /// Draws the answer to a question in place, again and again; nil for the one that is not ended yet, or the last one.
    case live(String?)
    case edit(String?)
    case system(String)
    case go(Going)
    case copy(Copy)
    case list(Listing, pattern: String, isExtended: Bool)
    case show(String)
    /// Forgets the statement that is not ended yet.
    case reset
    /// Shows the statement that is not ended yet.
    case print
    /// A command whose argument is none.
    case refused(String)
    /// A backslash command that stands for a statement.
    case statement(String)
    case unknown(String)

    /// The words that begin with a backslash.
    package static let backslashWords = [
        "\\!", "\\?", "\\conninfo", "\\copy", "\\d", "\\df", "\\dq", "\\ds", "\\dS", "\\dt", "\\dT", "\\dv", "\\e", "\\echo", "\\g", "\\gx", "\\h", "\\i", "\\live", "\\o", "\\p",
        "\\pset", "\\q", "\\r", "\\s", "\\set", "\\timing", "\\unset", "\\watch", "\\x",
    ]

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
        case "HELP", "?": self = .help(words.count > 1 ? upper.dropFirst().joined(separator: " ") : nil)
        case "EXIT" where words.count == 1, "QUIT" where words.count == 1: self = .exit
        case "CLEAR" where words.count == 1: self = .clear
        case "HISTORY" where words.count == 1: self = .history
        case "VERSION" where words.count == 1: self = .version
        case "SERVER" where words.count == 1: self = .connection
        case "SERVER" where words.count == 2: self = .server(words[1])
        case "OUTPUT" where words.count <= 2: self = .output(words.count == 2 ? words[1] : nil)
        case "RUN" where upper.count >= 3 && upper[1] == "SCRIPT":
            self = .runScript(ShellCommand.unquoted(words.dropFirst(2).joined(separator: " ")))
        case "SPOOL" where words.count == 2: self = .spool(upper[1] == "OFF" ? nil : ShellCommand.unquoted(words[1]))
        case ".READ" where words.count == 2: self = .runScript(ShellCommand.unquoted(words[1]))
        case ".QUIT" where words.count == 1, ".EXIT" where words.count == 1: self = .exit
        case ".HELP": self = .help(words.count > 1 ? upper.dropFirst().joined(separator: " ") : nil)
        case ".TABLES" where words.count == 1: self = .statement("SHOW TABLES;")
        case "LS" where words.count <= 2, "PWD" where words.count == 1:
            self = .refused("\(words[0]) is a command of the system: \\! \(words[0]) carries it out")
        case let first? where first.hasPrefix("@") && first.count > 1 && words.count == 1:
            self = .runScript(ShellCommand.unquoted(String(words[0].dropFirst())))
        case "/" where words.count == 1: self = .refused("/ is no command: \\g carries the last statement out again")
        // No statement begins with a dot; those of other shells' commands do.
        case let first? where first.hasPrefix(".") && first.dropFirst().first?.isLetter == true: self = .unknown(text)
        case "SET" where upper.count == 4 && upper[1] == "CLI": self = .setCLI(name: upper[2], value: upper[3])
        default: return nil
        }
    }

    private static func backslash(_ text: String) -> ShellCommand {
        // `\!ls` and `\! ls` are the same.
        if text.hasPrefix("\\!") { return .system(String(text.dropFirst(2)).trimmingCharacters) }
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        let argument = words.count > 1 ? words.dropFirst().joined(separator: " ") : nil
        switch words[0] {
        case "\\q": return argument == nil ? .exit : .refused("\\q leaves and takes nothing, but \(argument.map { String($0.prefix(40)) } ?? "") stands behind it")
        case "\\?": return .help(nil)
        case "\\h": return .help(argument?.uppercased())
        case "\\i": return argument.map { .runScript(unquoted($0)) } ?? .refused("\\i takes a file")
        case "\\o": return .resultFile(argument.map(unquoted))
        case "\\x": return expansion(argument)
        case "\\timing": return .timing
        case "\\e": return .edit(argument.map(unquoted))
        case "\\g": return .go(Going(path: argument.map(unquoted)))
        case "\\gx": return .go(Going(isExpanded: true, path: argument.map(unquoted)))
        case "\\copy": return copy(String(text.dropFirst("\\copy".count)))
        case "\\echo": return .show(argument.map(unquoted) ?? "")
        case "\\conninfo": return .connection
        case "\\r": return .reset
        case "\\p": return .print
        case "\\s": return .history
        case "\\pset": return .printSetting(name: words.count > 1 ? words[1] : nil, value: words.count > 2 ? words[2] : nil)
        case "\\set": return set(words)
        case "\\unset": return argument.map { .statement("UNDEFINE \($0);") } ?? .refused("\\unset takes the name of a variable")
        case "\\watch": return watch(argument)
        case "\\live": return liveQuestion(argument)
        default: return listing(words[0], argument) ?? .unknown(text)
        }
    }

    private static func expansion(_ argument: String?) -> ShellCommand {
        guard let argument else { return .expanded(nil) }
        return Drawing.Expansion(rawValue: argument.lowercased()).map { .expanded($0) } ?? .refused("\\x takes on, off or auto")
    }

    private static func watch(_ argument: String?) -> ShellCommand {
        guard let argument else { return .watch(Milliseconds(2000)) }
        guard let seconds = Double(argument), seconds >= 0.01, seconds <= 86_400 else {
            return .refused("\\watch takes seconds from 0.01 to 86400, not \(argument.prefix(40))")
        }
        return .watch(Milliseconds(Int64(seconds * 1000)))
    }

    private static func liveQuestion(_ argument: String?) -> ShellCommand {
        guard var text = argument else { return .live(nil) }
        while text.hasSuffix(";") { text.removeLast() }
        let words = text.split { !$0.isLetter && $0 != "_" }.map { $0.uppercased() }
        guard ["SELECT", "WITH", "VALUES", "SHOW", "LIST"].contains(words.first ?? "") else { return .refused("\\live takes a SELECT or a SHOW") }
        guard !words.contains("EMIT") else { return .refused("\\live asks again and again by itself: it takes the SELECT without EMIT") }
        return .live(text.trimmingCharacters + ";")
    }

    private static func set(_ words: [String]) -> ShellCommand {
        guard words.count > 1 else { return .statement("SHOW VARIABLES;") }
        let value = unquoted(words.dropFirst(2).joined(separator: " "))
        return .statement("DEFINE \(words[1]) = \(quoted(value));")
    }

    /// `\d` and the commands that begin with it. A `+` asks for more; a pattern has `*` and `?`, and any other argument is a name.
    private static func listing(_ word: String, _ argument: String?) -> ShellCommand? {
        let isExtended = word.hasSuffix("+")
        let listings: [String: Listing] = [
            "\\d": .streamsAndTables, "\\ds": .streams, "\\dS": .systemTables, "\\dt": .tables, "\\dv": .views, "\\dq": .queries, "\\df": .functions, "\\dT": .topics,
        ]
        guard let listing = listings[isExtended ? String(word.dropLast()) : word] else { return nil }
        if let argument, !argument.contains(where: { $0 == "*" || $0 == "?" }) {
            switch listing {
            case .functions: return .statement("DESCRIBE FUNCTION \(argument);")
            case .queries: return .statement("EXPLAIN \(argument);")
            case .topics: return .list(.topics, pattern: argument, isExtended: isExtended)
            case .streamsAndTables, .streams, .tables, .views, .systemTables: return .statement("DESCRIBE \(argument)\(isExtended ? " EXTENDED" : "");")
            }
        }
        return .list(listing, pattern: argument ?? "*", isExtended: isExtended)
    }

    /// What an unknown command may have been meant to be.
    package static func suggestion(for text: String) -> String? {
        let word = text.prefix { !$0.isWhitespace }.lowercased()
        let habits = [
            "\\l": "\\dT lists the topics", "\\dn": "there are no schemas; \\d lists what there is", "\\du": "there are no users",
            "\\c": "server HOST:PORT connects to another server", "\\a": "\\pset format sets the form of results",
            "\\t": "output csv and output tsv show rows without borders",
            "\\di": "there are no indexes; a table is found by its key", "\\z": "there are no privileges", "\\l+": "\\dT+ lists the topics",
            "\\if": "there are no conditions", "\\w": "\\s shows the history, \\e FILE edits a file", "\\encoding": "everything is UTF-8",
            "\\password": "millrace user changes passwords", "\\u": "there is one room of names", "\\dp": "there are no privileges",
            "\\h+": "\\h STATEMENT shows its form", "\\help": "\\h STATEMENT shows its form, \\? the commands", "\\quit": "\\q leaves",
            "\\connect": "server HOST:PORT connects to another server", "\\df+": "\\df NAME describes a function", "\\dv+": "\\dv shows the statements of views",
            "\\ir": "\\i FILE carries a file out", "\\include": "\\i FILE carries a file out", "\\cd": "\\! COMMAND asks the system",
            "\\f": "output csv and output tsv set what stands between columns",
            "\\html": "\\pset format markdown is the nearest", "\\gset": "DEFINE NAME = 'TEXT'; sets a variable",
            "\\gexec": "\\g FILE writes statements into a file, \\i FILE carries them out",
            "\\gdesc": "DESCRIBE NAME; shows the columns of a source", "\\prompt": "\\set NAME VALUE sets a variable", "\\setenv": "\\! COMMAND has variables of its own",
            "\\crosstabview": "a CASE for each column turns rows into columns", "\\sf": "\\df NAME describes a function", "\\ef": "CREATE OR REPLACE FUNCTION changes one",
            "\\sv": "\\d NAME shows the statement of a view", "\\ev": "CREATE OR REPLACE VIEW changes one", "\\dx": "there are no extensions", "\\db": "there are no tablespaces",
            "\\dd": "DESCRIBE NAME EXTENDED; shows comments", "\\ddp": "there are no privileges", "\\drds": "SHOW PROPERTIES; lists the settings",
            "\\dconfig": "SHOW PROPERTIES; lists the settings", "\\errverbose": "an error says all there is at once", "\\copyright": "the license is LICENSE, beside the source",
            "\\qecho": "\\echo TEXT shows a text", "\\warn": "\\echo TEXT shows a text", "\\lo_import": "there are no large objects; BYTES is a type",
            "\\begin": "each statement is a commit of its own", "\\parse": "there are no prepared statements", "\\bind": "there are no prepared statements",
            "\\dm": "\\dt lists the tables, which queries keep up to date", "\\dty": "SHOW TYPES; lists the types", "\\do": "there are no operators of one's own",
            ".schema": "DESCRIBE NAME; shows the columns", ".databases": "there is one room of names; .tables lists the tables",
            ".mode": "output FORM sets the form of results", ".headers": "output csv has a header", ".import": "\\copy SOURCE FROM FILE loads a file",
            ".output": "\\o FILE writes results into a file", ".once": "\\g FILE writes a result into a file", ".dump": "\\copy SOURCE TO FILE writes the rows",
            ".timer": "\\timing switches it", ".open": "server HOST:PORT connects to another server", ".nullvalue": "\\pset null TEXT sets it",
            ".shell": "\\! COMMAND carries it out", ".system": "\\! COMMAND carries it out", ".width": "tables fit the terminal by themselves",
            ".maxrows": "SELECT … LIMIT n asks for fewer rows", ".echo": "\\echo TEXT shows a text", ".cd": "\\! COMMAND asks the system",
        ]
        if let habit = habits[word] { return habit }
        return closestMatch(to: word, among: backslashWords).map { "Did you mean \($0)?" }
    }

    static func unquoted(_ text: String) -> String {
        text.count >= 2 && text.hasPrefix("'") && text.hasSuffix("'") ? String(text.dropFirst().dropLast()) : text
    }

    /// A text as a literal.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}

extension ShellCommand.Listing {
    /// The statements whose rows have the names in their first columns.
    func statements(isExtended: Bool) -> [String] {
        let end = isExtended ? " EXTENDED;" : ";"
        return switch self {
        case .streamsAndTables: ["SHOW STREAMS\(end)", "SHOW TABLES\(end)", "SHOW VIEWS;"]
        case .streams: ["SHOW STREAMS\(end)"]
        case .tables: ["SHOW TABLES\(end)"]
        case .systemTables: ["SHOW SYSTEM TABLES;"]
        case .views: ["SHOW VIEWS;"]
        case .queries: ["SHOW QUERIES\(end)"]
        case .functions: ["SHOW FUNCTIONS;"]
        case .topics: ["SHOW TOPICS\(end)"]
        }
    }
}

extension String {
    /// The text without white space around it.
    package var trimmingCharacters: String {
        var rest = self[...]
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}

/// Whether a text fits a pattern of `*` (any characters) and `?` (one), in any case of letters.
func fits(_ text: String, _ pattern: String) -> Bool {
    let text = Array(text.uppercased()), pattern = Array(pattern.uppercased())
    var position = 0, place = 0
    // Where the last star stands, and how much of the text it covers.
    var star: (place: Int, position: Int)?
    while position < text.count {
        if place < pattern.count, pattern[place] == "?" || pattern[place] == text[position], pattern[place] != "*" {
            position += 1
            place += 1
        } else if place < pattern.count, pattern[place] == "*" {
            star = (place, position)
            place += 1
        } else if let last = star {
            star = (last.place, last.position + 1)
            place = last.place + 1
            position = last.position + 1
        } else {
            return false
        }
    }
    return pattern[place...].allSatisfy { $0 == "*" }
}
