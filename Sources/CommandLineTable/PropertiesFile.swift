// `.properties` files as ksqlDB's server file is one: `key=value` lines, comments, continued lines. An unknown key is an error.

package import Diagnostics

/// A setting with its value and where it came from.
package struct SettingValue: Hashable, Sendable {
    /// The key of the setting, without the prefix that ksqlDB allows.
    package var key: String
    /// The checked value.
    package var value: OptionValue
    /// The text as written.
    package var text: String
}

/// The settings of a file or an environment, with what is worth telling the user.
package struct SettingList: Hashable, Sendable {
    /// The settings in the order in which they came.
    package var values: [SettingValue]
    /// Sentences about keys that were accepted but mean nothing here.
    package var notices: [String]

    package init(values: [SettingValue] = [], notices: [String] = []) {
        self.values = values
        self.notices = notices
    }

    /// The value of a key, the last one given.
    package subscript(key: String) -> OptionValue? { values.last { $0.key == key }?.value }

    fileprivate mutating func add(_ key: String, _ text: String, from origin: String, at range: SourceRange?) throws(Diagnostic) {
        guard let setting = SettingTable.setting(key) else {
            let similar = closestMatch(to: key, among: SettingTable.settings.lazy.filter(\.isHonoured).map(\.key))
            throw Diagnostic(
                .invalidSetting, "\(origin)unknown setting '\(key)'", category: .general,
                hint: similar.map { "Did you mean \($0)?" } ?? "The settings are listed in the reference.", at: range)
        }
        guard setting.isHonoured else { return notices.append("\(origin)\(key) has no meaning here and is ignored") }
        do throws(ValueProblem) {
            values.append(SettingValue(key: setting.key, value: try setting.kind.value(of: text), text: text))
        } catch {
            throw Diagnostic(.invalidSetting, "\(origin)\(key) \(error.reason)", category: .general, at: range)
        }
    }
}

/// Reads the text of a .properties file.
package func parseProperties(_ text: String) throws(Diagnostic) -> SettingList {
    var list = SettingList()
    var number = 0
    var offset = 0
    var pending = ""
    var start = (number: 1, offset: 0)
    // By bytes: as characters, a carriage return and a line feed are one.
    for bytes in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
        number += 1
        let lineOffset = offset
        offset += bytes.count + 1
        let line = String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
        let content = line.drop { $0 == " " || $0 == "\t" }
        if pending.isEmpty {
            start = (number, lineOffset)
            if content.isEmpty || content.hasPrefix("#") || content.hasPrefix("!") { continue }
        }
        // An odd number of backslashes at the end continues the line.
        if content.reversed().prefix(while: { $0 == "\\" }).count % 2 == 1 {
            pending += content.dropLast()
            continue
        }
        let entry = splitEntry(pending + content)
        pending = ""
        let range = SourceRange(start: start.offset, end: offset - 1, line: start.number, column: 1)
        try list.add(entry.key, entry.value, from: "line \(start.number): ", at: range)
    }
    if !pending.isEmpty {
        let entry = splitEntry(pending)
        try list.add(entry.key, entry.value, from: "line \(start.number): ", at: nil)
    }
    return list
}

/// The key and value of a line: parted by the first unescaped `=`, `:` or blank.
private func splitEntry(_ line: String) -> (key: String, value: String) {
    var key = ""
    var rest = line[...]
    while let character = rest.first, character != "=", character != ":", character != " ", character != "\t" {
        rest.removeFirst()
        if character == "\\", let escaped = rest.popFirst() { key.append(escaped) } else { key.append(character) }
    }
    rest = rest.drop { $0 == " " || $0 == "\t" }
    if rest.first == "=" || rest.first == ":" { rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" } }
    var value = ""
    while let character = rest.popFirst() {
        guard character == "\\", let escaped = rest.popFirst() else {
            value.append(character)
            continue
        }
        switch escaped {
        case "n": value.append("\n")
        case "t": value.append("\t")
        case "r": value.append("\r")
        default: value.append(escaped)
        }
    }
    while value.last == " " || value.last == "\t" { value.removeLast() }
    return (key, value)
}

/// Reads the settings of an environment: the names that begin with MILLRACE_. Those that no setting has are reported, not refused,
/// because an environment is shared with other programs.
package func parseEnvironment(_ environment: [String: String]) throws(Diagnostic) -> SettingList {
    var list = SettingList()
    let keys = [String: String](SettingTable.settings.map { (SettingTable.environmentName($0.key), $0.key) }) { first, _ in first }
    for (name, text) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("MILLRACE_") {
        guard let key = keys[name] else {
            let similar = closestMatch(to: name, among: keys.keys).map { "; did you mean \($0)?" } ?? ""
            list.notices.append("\(name) names no setting\(similar)")
            continue
        }
        try list.add(key, text, from: "\(name): ", at: nil)
    }
    return list
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
