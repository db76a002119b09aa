// What Tab completes: the words that can stand where the cursor is, as far as the words before it tell.

package import Platform
import Syntax

/// Finds completions.
package final class Completer {
    /// What a word may become.
    package struct Completion {
        /// In alphabetical order.
        package var choices: [String] = []
        /// What is to be put behind the cursor.
        package var insertion = ""
        /// Shown before the choices, of which none is taken: the arguments of a function.
        package var note: String?
    }

    private var catalog: CompletionCatalog
    private let files: any FileSystem
    /// The words behind the cursor.
    private var wordsBehind: [String] = []
    /// The lines of the statement before the one that is being typed.
    var earlierLines = ""

    /// Offers the names of the engine behind `runner`, and of `files` where a path stands.
    package init(runner: StatementRunner, files: any FileSystem) {
        catalog = CompletionCatalog(runner: runner)
        self.files = files
    }

    /// To be called when the catalog may have changed, or the engine.
    func forget(runner: StatementRunner) { catalog = CompletionCatalog(runner: runner) }

    /// What the word before the cursor may become. `line` is the text before it, `rest` what stands behind it, where a SELECT may have its
    /// FROM already.
    package func completion(of line: String, before rest: String = "") -> Completion {
        let place = CompletionPlace(earlierLines + line)
        wordsBehind = rest.isEmpty ? [] : CompletionPlace(String(rest.prefix { $0 != ";" }) + " ").words
        if place.isFunctionCall, let name = place.words.dropLast().last, let note = catalog.arguments(of: name) {
            let sources = CompletionClause.sources(in: place.words + wordsBehind)
            return Completion(choices: Set(sources.flatMap { catalog.columns(of: $0.source) }).sorted(), note: note)
        }
        let wanted = wanted(at: place)
        if wanted == .files { return fileCompletion(of: place.word) }
        let word = place.word
        let upper = word.uppercased()
        let isLower = word.isEmpty ? place.isLower : word == word.lowercased() && word != upper
        let found = Set(candidates(for: wanted, at: place).filter { $0.uppercased().hasPrefix(upper) }).sorted()
        let choices = found.map { isLower && wanted.followsCase && $0 == $0.uppercased() ? $0.lowercased() : $0 }
        return completion(of: word, choices, end: place.quote.map { "\($0)" } ?? " ")
    }

    /// The choices, and what all of them have in common behind the word.
    private func completion(of word: String, _ choices: [String], end: String) -> Completion {
        guard var common = choices.first else { return Completion() }
        for choice in choices.dropFirst() { common = String(zip(common, choice).prefix { $0 == $1 }.map(\.0)) }
        // A sign at its end asks for what follows.
        let isWhole = choices.count == 1 && !(common.last.map { "=(<[. ".contains($0) } ?? false)
        let insertion = String(common.dropFirst(word.count)) + (isWhole ? end : "")
        return Completion(choices: choices, insertion: insertion)
    }

    private func fileCompletion(of word: String) -> Completion {
        let folder = word.lastIndex(of: "/").map { String(word[...$0]) } ?? ""
        let start = word.dropFirst(folder.count)
        let names = ((try? files.list(expandingHome(folder.isEmpty ? "." : folder))) ?? []).filter { name in
            name.hasPrefix(start) && (start.hasPrefix(".") || !name.hasPrefix("."))
        }
        let paths = names.map { name in folder + name + ((try? files.list(expandingHome(folder + name))) == nil ? "" : "/") }
        let isFolder = paths.count == 1 && paths[0].hasSuffix("/")
        return completion(of: word, paths, end: isFolder ? "" : " ")
    }

    // MARK: Where the cursor is

    /// What can stand somewhere.
    private enum Wanted: Equatable {
        case nothing, words([String]), sources, streams, tables, relations, queries, functions, views, topics, settings, formats, files, columnTypes, settingValues(String)
        /// Columns, functions and keywords.
        case expression
        /// Columns of one source.
        case columns(of: String)

        /// Whether small letters ask for small letters.
        var followsCase: Bool {
            if case .settingValues = self { return false }
            return ![.queries, .topics, .files, .settings].contains(self)
        }
    }

    private func candidates(for wanted: Wanted, at place: CompletionPlace) -> [String] {
        switch wanted {
        case .nothing, .files: []
        case .words(let words): words
        case .sources: catalog.sources
        case .streams: catalog.streams
        case .tables: catalog.tables
        case .relations: catalog.sources + catalog.views + catalog.systemTables
        case .queries: catalog.queries + ["ALL"]
        case .functions: catalog.functions
        case .views: catalog.views
        case .topics: catalog.topics
        case .settings: catalog.settings
        case .settingValues(let name): catalog.values(ofSetting: name)
        case .formats: CompletionWords.formats
        case .columnTypes: CompletionWords.types + catalog.types
        case .columns(let source): catalog.columns(of: source.first == "`" ? String(source.dropFirst().dropLast()) : source)
        case .expression: expressionWords(at: place)
        }
    }

    /// What can come in a clause: columns of the statement's sources, functions and keywords.
    private func expressionWords(at place: CompletionPlace) -> [String] {
        let clause = CompletionClause(place.words)
        let sources = clause.takesColumns ? CompletionClause.sources(in: place.words + wordsBehind) : []
        if let dot = place.word.lastIndex(of: ".") {
            // `v.` asks for the columns of one source.
            let name = place.word[..<dot].uppercased()
            return sources.filter { $0.names.contains(name) }.flatMap { catalog.columns(of: $0.source) }.map { name + "." + $0 }
        }
        let functions = clause.takesFunctions ? catalog.functions.map { $0 + "(" } : []
        // Of several sources' columns the name of the source says whose a name is.
        let names = sources.count > 1 ? sources.compactMap(\.names.last).map { $0 + "." } : []
        return sources.flatMap { catalog.columns(of: $0.source) } + names + functions + clause.keywords
    }

    private func wanted(at place: CompletionPlace) -> Wanted {
        if place.isComment { return .nothing }
        if place.isCommand { return wantedByCommand(place.words) }
        if place.quote != nil { return wantedInQuotes(place.words) }
        guard let last = place.words.last else { return .words(CompletionWords.statements + CompletionWords.commands) }
        let first = place.words[0]
        if first == "HELP" { return .words(CompletionWords.topics(behind: place.words.dropFirst())) }
        switch last {
        case "FROM" where first == "DELETE": return .tables
        case "FROM", "JOIN": return .relations
        case "INTO": return .sources
        case "UPDATE": return .tables
        case "STREAM", "TABLE":
            guard first == "DROP" || first == "ALTER" else { return .words(["IF NOT EXISTS"]) }
            return last == "STREAM" ? .streams : .tables
        case "VIEW": return first == "DROP" || first == "DESCRIBE" ? .views : .words(["IF NOT EXISTS"])
        case "DESCRIBE": return .words(catalog.sources + catalog.views + catalog.systemTables + ["FUNCTION", "SCHEMA"])
        case "FUNCTION": return .functions
        case "EXPLAIN": return .words(catalog.queries + ["ANALYZE", "SELECT", "CREATE", "INSERT INTO"])
        case "ANALYZE" where first == "EXPLAIN": return .words(["SELECT", "CREATE", "INSERT INTO"])
        case "TERMINATE", "PAUSE", "RESUME": return .queries
        case "SHOW", "LIST": return .words(CompletionWords.listings)
        case "PRINT": return .topics
        case "OUTPUT": return .words(OutputFormat.allCases.map(\.rawValue))
        case "SERVER", "LIMIT": return .nothing
        case "VALUES": return .words(["("])
        case "AS": return first == "CREATE" || first == "WITH" ? .words(["SELECT"]) : .nothing
        case "GROUP", "ORDER", "PARTITION": return .words(["BY"])
        case "EMIT": return .words(["CHANGES", "FINAL"])
        case "WINDOW": return .words(["TUMBLING (SIZE ", "HOPPING (SIZE ", "SESSION ("])
        case "CREATE": return .words(["STREAM", "TABLE", "TYPE", "FUNCTION", "VIEW", "OR REPLACE"])
        case "DROP": return .words(["STREAM", "TABLE", "TYPE", "FUNCTION", "VIEW"])
        case "INSERT", "DELETE": return .words([last == "INSERT" ? "INTO" : "FROM"])
        default: return wantedWithin(place, first, last)
        }
    }

    private func wantedWithin(_ place: CompletionPlace, _ first: String, _ last: String) -> Wanted {
        if first == "CREATE", place.depth > 0 {
            if place.words.contains("WITH"), !place.words.contains("SELECT") {
                return last == "(" || last == "," ? .words(CompletionWords.properties.map { $0 + "=" }) : .nothing
            }
            if !place.words.contains("AS"), !place.words.contains("SELECT") { return last == "(" || last == "," ? .nothing : .columnTypes }
        }
        // Behind the name of a source come clauses.
        if place.words.count > 1, ["FROM", "JOIN"].contains(place.words[place.words.count - 2]), catalog.isSource(last) || last.hasPrefix("MILLRACE.") {
            return .words(CompletionClause(place.words).keywords)
        }
        if first == "DROP" || first == "ALTER" {
            guard place.words.count > 2, ["STREAM", "TABLE"].contains(place.words[1]) else { return .nothing }
            return .words(first == "DROP" ? ["DELETE TOPIC"] : ["ADD COLUMN", "RENAME TO"])
        }
        if first == "DESCRIBE" { return .words(["EXTENDED"]) }
        if first == "PRINT" { return .words(["FROM BEGINNING", "INTERVAL", "LIMIT"]) }
        if first == "CREATE", place.depth == 0, !place.words.contains("SELECT") { return .words(["AS SELECT", "WITH ("]) }
        if first == "INSERT", place.words.count == 3 { return .words(["VALUES (", "SELECT", "("]) }
        if first == "UPDATE", place.words.count == 2 { return .words(["SET"]) }
        if first == "DELETE", place.words.count == 3 { return .words(["WHERE", "USING"]) }
        if first == "INSERT", !place.words.contains("VALUES"), !place.words.contains("SELECT"), place.words.count > 3, place.words[3] == "(" {
            return place.depth == 0 ? .words(["VALUES (", "SELECT"]) : .columns(of: place.words[2])
        }
        return .expression
    }

    private func wantedInQuotes(_ words: [String]) -> Wanted {
        switch words.last {
        case "SET", "UNSET": .settings
        case "SCRIPT", "SPOOL": .files
        // `SET 'name' = '`
        case "=" where words.count == 3 && words[0] == "SET": .settingValues(ShellCommand.unquoted(words[1]))
        // `VALUE_FORMAT = '`; signs are words, too.
        case "=": words.dropLast().last.map { $0.hasSuffix("FORMAT") } ?? false ? .formats : .nothing
        default: .nothing
        }
    }

    /// Behind a command that begins with a backslash.
    private func wantedByCommand(_ words: [String]) -> Wanted {
        guard let command = words.first else { return .words(ShellCommand.backslashWords) }
        switch (command.lowercased(), words.count) {
        case ("\\i", 1), ("\\o", 1), ("\\e", 1), ("\\g", 1), ("\\gx", 1), ("\\copy", 3): return .files
        case ("\\dt", 1): return command == "\\dT" ? .topics : .tables
        case ("\\ds", 1): return .words(command == "\\dS" ? catalog.systemTables : catalog.streams)
        case ("\\dv", 1): return .views
        case ("\\d", 1), ("\\d+", 1): return .relations
        case ("\\copy", 1): return .sources
        case ("\\copy", 2): return .words(["FROM", "TO"])
        case ("\\dq", 1): return .queries
        case ("\\df", 1): return .functions
        case ("\\x", 1): return .words(Drawing.Expansion.allCases.map(\.rawValue))
        case ("\\pset", 1): return .words(["format", "null", "expanded", "pager"])
        case ("\\pset", 2):
            return .words(words[1] == "FORMAT" ? OutputFormat.allCases.map(\.rawValue) : words[1] == "PAGER" ? ["on", "off"] : [])
        case ("\\live", 1): return .words(["SELECT", "SHOW"])
        case ("\\h", _): return .words(CompletionWords.topics(behind: words.dropFirst()))
        default: return .nothing
        }
    }
}

/// A path with the home folder for its `~/`.
func expandingHome(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = Terminal.environment("HOME") else { return path }
    return home + path.dropFirst()
}
