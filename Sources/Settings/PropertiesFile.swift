// `.properties` files as ksqlDB's server file is one: `key=value` lines, comments, continued lines. An unknown key is an error.

package import Diagnostics

/// The settings of a file or an environment, with what is worth telling the user.
package struct SettingList: Hashable, Sendable {
    /// The settings in the order in which they came.
    package var values: [AcceptedSetting]
    /// Sentences about keys that were accepted but mean nothing here.
    package var notices: [String]

    package init(values: [AcceptedSetting] = [], notices: [String] = []) {
        self.values = values
        self.notices = notices
    }

    /// The value of a setting by the name under which it is kept, the last one given.
    package subscript(name: String) -> SettingContent? { values.last { $0.name == name }?.value }

    fileprivate mutating func add(_ name: String, _ text: String, from origin: String, at range: SourceRange?) throws(Diagnostic) {
        do throws(Diagnostic) {
            let accepted = try SettingTable.listed(name, text)
            if let notice = accepted.notice { notices.append(origin + notice) }
            // What changes nothing is kept for listings alone.
            values.append(accepted)
        } catch {
            var placed = error
            placed.message = origin + error.message
            placed.range = range
            throw placed
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
/// because an environment is shared with other programs; but those that sound like security are, because a server that started without
/// would be less safe than its operator believes.
package func parseEnvironment(_ environment: [String: String]) throws(Diagnostic) -> SettingList {
    var list = SettingList()
    let names = [String: String](
        (SettingTable.entries.map(\.name).filter { !$0.hasSuffix("*") } + SettingTable.aliases.keys).map {
            (SettingTable.environmentName($0), $0)
        }
    ) { first, _ in first }
    for (variable, text) in environment.sorted(by: { $0.key < $1.key }) where variable.hasPrefix("MILLRACE_") {
        if let name = names[variable] {
            try list.add(name, text, from: "\(variable): ", at: nil)
        } else if let name = SettingTable.refusedName(of: variable) {
            try list.add(name, text, from: "\(variable): ", at: nil)
        } else {
            _ = try SettingTable.unknownSecuritySetting(variable)?.accept(variable, text)
            let similar = closestMatch(to: shortened(variable), among: names.keys).map { "; did you mean \($0)?" } ?? ""
            list.notices.append("\(shortened(variable)) names no setting\(similar)")
        }
    }
    return list
}

extension SettingTable {
    /// A name that the variable of an environment stands for, when it is one of a family that is refused: MILLRACE_SSL_KEYSTORE_LOCATION.
    fileprivate static func refusedName(of variable: String) -> String? {
        for family in refused where family.name.hasSuffix("*") && variable.hasPrefix(environmentName(String(family.name.dropLast()))) {
            return String(family.name.dropLast()) + variable.dropFirst(environmentName(String(family.name.dropLast())).count).lowercased()
        }
        return nil
    }
}
