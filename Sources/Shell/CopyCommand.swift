// What stands behind `\copy`: a source or a query in brackets, a direction, a file, and the options of psql as far as they mean something here.

extension ShellCommand {
    /// Reads all that follows `\copy`.
    static func copy(_ text: String) -> ShellCommand {
        let usage = ShellCommand.refused("\\copy takes SOURCE FROM FILE, SOURCE TO FILE or (SELECT …) TO FILE; behind the file csv, tsv, json or ndjson")
        var rest = Substring(text.trimmingCharacters)
        guard let source = rest.hasPrefix("(") ? takeBrackets(&rest) : takeWord(&rest), !source.isEmpty else { return usage }
        guard let direction = takeWord(&rest)?.uppercased(), direction == "TO" || direction == "FROM", let path = takePath(&rest), !path.isEmpty else {
            return usage
        }
        if direction == "FROM", source.hasPrefix("(") { return usage }
        // `WITH (FORMAT csv, HEADER)`, and the same without the brackets.
        let options = rest.split { $0.isWhitespace || "(),;".contains($0) }.map { $0.lowercased() }.filter { $0 != "with" && $0 != "format" }
        var format: OutputFormat?
        for option in options {
            switch option {
            case "header", "true", "on": continue
            case "csv", "tsv", "json", "ndjson": format = OutputFormat(name: option)
            default:
                return .refused("\\copy does not know '\(option.prefix(40))' behind the file\nhint: csv, tsv, json and ndjson can stand there; names with spaces stand in quotes.")
            }
        }
        if direction == "FROM", let format, format != Copy.format(of: path) {
            return .refused("\\copy … FROM tells the format by the ending of the file\nhint: millrace load --format \(format.rawValue) takes a file of any name.")
        }
        return .copy(Copy(source: source, isExport: direction == "TO", path: path, format: format))
    }

    private static func takeWord(_ rest: inout Substring) -> String? {
        rest = rest.drop(while: \.isWhitespace)
        let word = rest.prefix { !$0.isWhitespace }
        rest = rest.dropFirst(word.count)
        return word.isEmpty ? nil : String(word)
    }

    /// A name without spaces, or whatever stands in quotes.
    private static func takePath(_ rest: inout Substring) -> String? {
        rest = rest.drop(while: \.isWhitespace)
        guard rest.hasPrefix("'") else {
            // By habit a `;` may stand behind it.
            return takeWord(&rest).map { String($0.prefix { $0 != ";" }) }
        }
        let path = rest.dropFirst().prefix { $0 != "'" }
        rest = rest.dropFirst(path.count + 1)
        guard rest.hasPrefix("'") else { return nil }
        rest = rest.dropFirst()
        return String(path)
    }

    /// A query up to the bracket that closes it; nil where there is none.
    private static func takeBrackets(_ rest: inout Substring) -> String? {
        var (depth, isQuoted, taken) = (0, false, "")
        while let character = rest.popFirst() {
            taken.append(character)
            if character == "'" { isQuoted.toggle() }
            if isQuoted { continue }
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if depth == 0 { return taken }
        }
        return nil
    }
}
