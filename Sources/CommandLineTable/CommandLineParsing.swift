// From arguments to an invocation, by the rules of getopt_long: `--name VALUE`, `--name=VALUE`, unambiguous beginnings of long names,
// `-c VALUE`, `-cVALUE`, clusters of short switches, operands anywhere, and `--` before operands that begin with a dash.

package import Diagnostics
package import Pages
package import Settings

/// A command line that was understood.
package struct Invocation: Hashable, Sendable {
    /// What to do.
    package var command: CommandName
    /// What stood between the flags, in order.
    package var operands: [String]
    /// The values of flags as given, in order; flags that were not given are absent.
    package var given: [OptionName: [SettingContent]]
    /// Flags that may be repeated and operands as they stood on the command line, where the order between them counts.
    package var sequence: [Argument] = []

    /// A flag that may be repeated, or an operand.
    package enum Argument: Hashable, Sendable {
        case option(OptionName, SettingContent)
        case operand(String)
    }

    package init(command: CommandName, operands: [String] = [], given: [OptionName: [SettingContent]] = [:]) {
        self.command = command
        self.operands = operands
        self.given = given
    }

    /// The last value that was given for a flag, or its default.
    package subscript(name: OptionName) -> SettingContent? {
        if let value = given[name]?.last { return value }
        guard let spec = CommandTable[command].allOptions.first(where: { $0.name == name }), let text = spec.defaultText else { return nil }
        return try? spec.kind.value(of: text)  // Defaults are checked by a test.
    }

    /// All values of a flag that may be repeated, in order.
    package func all(_ name: OptionName) -> [SettingContent] { given[name] ?? [] }

    /// Whether a switch is on.
    package func isOn(_ name: OptionName) -> Bool { self[name]?.isOn ?? false }
}

/// What a command line asks for.
package enum CommandLineRequest: Hashable, Sendable {
    case run(Invocation)
    /// Print this and leave with 0.
    case help(String)
    /// Show this page in the width of the terminal and leave with 0.
    case page(Page)
    case version
}

/// Understands the arguments behind the program's name. A mistake is a diagnostic with the code `usage`; the program leaves with 2.
package func parseCommandLine(_ arguments: [String]) throws(Diagnostic) -> CommandLineRequest {
    var rest = arguments[...]
    var command = CommandName.shell
    if let first = rest.first, !first.hasPrefix("-") {
        guard let name = CommandName(rawValue: first) else {
            if first == "help" { return try helpRequest(rest.dropFirst().first) }
            throw unknown("command", first, among: CommandName.allCases.map(\.rawValue), seeing: "\(CommandTable.program) --help")
        }
        command = name
        rest = rest.dropFirst()
    } else if let first = rest.first, first == "--version" || first == "-V" {
        return .version
    } else if let first = rest.first, first == "--help" || first == "-h" {
        return .help(HelpText.overview)
    }
    var parser = ArgumentParser(spec: CommandTable[command], rest: rest)
    try parser.parse()
    if parser.invocation.isOn(.help) { return .help(HelpText.command(CommandTable[command])) }
    try parser.checkOperands()
    try parser.checkCombinations()
    return .run(parser.invocation)
}

private func helpRequest(_ word: String?) throws(Diagnostic) -> CommandLineRequest {
    guard let word else { return .help(HelpText.overview) }
    if word == "--man" { return .help(ManualPage.text) }
    if let page = Page.about(word) { return .page(page) }
    guard let name = CommandName(rawValue: word) else {
        let known = CommandName.allCases.map(\.rawValue) + Page.all.map(\.topic)
        throw unknown("topic", word, among: known, seeing: "\(CommandTable.program) help")
    }
    return .help(HelpText.command(CommandTable[name]))
}

private func usageError(_ message: String, hint: String) -> Diagnostic {
    Diagnostic(.usage, message, category: .general, hint: hint)
}

private func unknown(_ what: String, _ word: String, among candidates: [String], seeing help: String) -> Diagnostic {
    let similar = closestMatch(to: word, among: candidates)
    return usageError("unknown \(what) '\(word)'", hint: similar.map { "Did you mean \($0)?" } ?? "See \(help).")
}

/// The arguments of one command.
private struct ArgumentParser {
    let spec: CommandSpec
    var rest: ArraySlice<String>
    var invocation: Invocation

    init(spec: CommandSpec, rest: ArraySlice<String>) {
        self.spec = spec
        self.rest = rest
        invocation = Invocation(command: spec.name)
    }

    private var help: String { "\(CommandTable.program) \(spec.name.rawValue) --help" }

    mutating func parse() throws(Diagnostic) {
        while let argument = rest.popFirst() {
            if argument == "--" {
                for operand in rest { add(operand: operand) }
                return
            } else if argument.hasPrefix("--") {
                try takeLong(argument.dropFirst(2))
            } else if argument.hasPrefix("-"), argument != "-" {
                try takeShort(argument.dropFirst())
            } else {
                add(operand: argument)
            }
        }
    }

    private mutating func add(operand: String) {
        invocation.operands.append(operand)
        invocation.sequence.append(.operand(operand))
    }

    private mutating func takeLong(_ text: Substring) throws(Diagnostic) {
        let name = text.prefix { $0 != "=" }
        let option = try option(named: String(name))
        let attached = name.endIndex < text.endIndex ? String(text[text.index(after: name.endIndex)...]) : nil
        try take(option, "--\(option.name.rawValue)", attached)
    }

    /// A flag by its long name or the beginning of exactly one.
    private func option(named name: String) throws(Diagnostic) -> OptionSpec {
        if let exact = spec.allOptions.first(where: { $0.name.rawValue == name }) { return exact }
        let matches = name.isEmpty ? [] : spec.allOptions.filter { $0.name.rawValue.hasPrefix(name) }
        if matches.count == 1 { return matches[0] }
        guard matches.isEmpty else {
            throw usageError(
                "--\(name) could be \(matches.map { "--" + $0.name.rawValue }.joined(separator: " or "))", hint: "Write more of it.")
        }
        throw unknown("flag", "--" + name, among: spec.allOptions.map { "--" + $0.name.rawValue }, seeing: help)
    }

    private mutating func takeShort(_ cluster: Substring) throws(Diagnostic) {
        var letters = cluster
        while let letter = letters.popFirst() {
            guard let option = spec.allOptions.first(where: { $0.short == letter }) else {
                throw usageError("unknown flag '-\(letter)'", hint: "See \(help).")
            }
            if option.kind == .flag {
                try take(option, "-\(letter)", nil)
            } else {
                let attached = letters.isEmpty ? nil : String(letters)
                return try take(option, "-\(letter)", attached)
            }
        }
    }

    private mutating func take(_ option: OptionSpec, _ written: String, _ attached: String?) throws(Diagnostic) {
        if option.kind == .flag {
            guard attached == nil else { throw usageError("\(written) takes no value", hint: "See \(help).") }
            return record(option, .flag(true))
        }
        guard let text = attached ?? rest.popFirst() else {
            throw usageError("\(written) needs a value: \(written) \(option.kind.placeholder)", hint: "See \(help).")
        }
        do throws(ValueProblem) {
            record(option, try option.kind.value(of: text))
        } catch {
            throw usageError("\(written) \(error.reason)", hint: "See \(help).")
        }
    }

    private mutating func record(_ option: OptionSpec, _ value: SettingContent) {
        guard option.repeats else { return invocation.given[option.name] = [value] }
        invocation.given[option.name, default: []].append(value)
        invocation.sequence.append(.option(option.name, value))
    }

    // MARK: Checks

    func checkOperands() throws(Diagnostic) {
        let count = invocation.operands.count
        guard count >= spec.leastOperands else {
            throw usageError("\(HelpText.operands(spec)) is missing", hint: "See \(help).")
        }
        guard count <= spec.mostOperands else {
            throw usageError("unexpected '\(invocation.operands[spec.mostOperands])'", hint: "See \(help).")
        }
        for (operand, text) in zip(spec.operands, invocation.operands) {
            guard case .choice(let words) = operand.kind, !words.contains(text) else { continue }
            throw unknown(operand.name.lowercased(), text, among: words, seeing: help)
        }
    }

    func checkCombinations() throws(Diagnostic) {
        if invocation.given[.data] != nil, invocation.given[.server] != nil {
            throw usageError(
                "--data and --server exclude each other", hint: "A directory belongs to one process, the server's or this one.")
        }
        if invocation.given[.server] != nil, invocation.given[.durability] != nil {
            throw usageError("--durability is for an engine of its own, not for --server", hint: "The server decides it: serve --durability.")
        }
        if spec.name == .topics { try checkTopics() }
        if spec.name == .user { try checkUser() }
    }

    private func checkUser() throws(Diagnostic) {
        let (action, hasName) = (invocation.operands[0], invocation.operands.count > 1)
        if action == "list", hasName { throw usageError("user list shows all users and takes no name", hint: "See \(help).") }
        if action != "list", !hasName { throw usageError("user \(action) needs a NAME", hint: "See \(help).") }
    }

    /// Which flags go with which action.
    private func checkTopics() throws(Diagnostic) {
        let action = invocation.operands[0]
        if invocation.operands.count == 1, action == "dump" || action == "describe" {
            throw usageError("topics \(action) needs a TOPIC", hint: "See \(help).")
        }
        if action == "list", let topic = invocation.operands.dropFirst().first {
            throw usageError("topics list shows all topics and takes no '\(topic)'", hint: "topics describe \(topic) shows one.")
        }
        if invocation.given[.limit] != nil, action != "dump" {
            throw usageError("--limit goes with topics dump", hint: "See \(help).")
        }
        guard invocation.given[.partition] != nil else { return }
        if action == "list" { throw usageError("--partition does not go with topics list", hint: "See \(help).") }
        if invocation.given[.server] != nil {
            throw usageError("--partition needs --data DIR", hint: "A server prints all partitions of a topic together.")
        }
    }
}

/// Refuses to listen where others can reach the server without a login, unless that was said to be meant.
package func checkListening(
    on addresses: [NetworkAddress], kafka: NetworkAddress?, registry: NetworkAddress?, metrics: NetworkAddress?, isInsecure: Bool
) throws(Diagnostic) {
    guard !isInsecure else { return }
    for address in addresses + [kafka, registry].compactMap(\.self) where !address.isLoopback {
        throw usageError(
            "listening on \(address) lets other machines in without authentication",
            hint: "--users FILE has clients log in, --tls-ca asks for their certificates; give --insecure if it is meant.")
    }
    if let metrics, !metrics.isLoopback {
        throw usageError(
            "metrics at \(metrics) let other machines read names of topics and queries without authentication",
            hint: "Give --insecure if that is meant.")
    }
}

extension Invocation {
    /// The invocation with flags that were not given filled from settings. Call it with the environment first, then with the file: what
    /// is there already stays. A server that was given rules out a directory from here, and the other way round; both from here are
    /// an error.
    package func filled(from settings: SettingList) throws(Diagnostic) -> Invocation {
        var copy = self
        let places: Set<OptionName> = [.data, .server]
        for option in CommandTable[command].options where given[option.name] == nil {
            guard let key = option.setting, let value = settings[key] else { continue }
            if command != .serve, places.contains(option.name), places.contains(where: { given[$0] != nil }) { continue }
            copy.given[option.name] = [value]
        }
        guard command == .serve || copy.given[.data] == nil || copy.given[.server] == nil else {
            throw Diagnostic(
                .usage, "millrace.data.dir and millrace.server exclude each other", category: .general,
                hint: "--data or --server says which of the two is meant.")
        }
        return copy
    }
}
