// The CREATE STREAM that suits a file, for `load --create`: its first records say which columns there are, and of what types.

import Diagnostics
import JSONText
import Platform
import Syntax
import Values

/// Looks at the beginning of a file.
struct SchemaGuess {
    /// Records that are looked at.
    private static let records = 10_000

    /// The statement for a stream of that name. Errors: the file cannot be read, or has no records from which columns could be told.
    static func statement(for source: String, from load: BulkLoad) throws(Diagnostic) -> String {
        if load.format == .line { return create(source, [GuessedType.Field(name: "LINE", type: .text)]) }
        guard let path = load.paths.first, path != "-" else {
            throw Diagnostic(
                .usage, "--create looks at the file before it is loaded, and standard input can be read only once", category: .general,
                hint: "Name the file.")
        }
        let fields: [GuessedType.Field]
        switch load.format {
        case .csv, .tsv: fields = try delimited(path, load)
        // An Avro file says itself what its fields are.
        case .avro: return create(source, columns: try avroColumns(path))
        case .json, .line: fields = try objects(path)
        case .protobuf:
            throw Diagnostic(
                .usage, "--create cannot look into messages of Protocol Buffers, which do not say what their fields are", category: .general,
                hint: "CREATE STREAM … WITH (VALUE_FORMAT='PROTOBUF', …) says it.")
        }
        if fields.isEmpty {
            throw Diagnostic(.dataError, "\(path) has no records that say which columns there are", category: .general)
        }
        return create(source, fields)
    }

    private static func create(_ source: String, _ fields: [GuessedType.Field]) -> String {
        create(source, columns: fields.map { ($0.sqlName, $0.type.sql) })
    }

    private static func create(_ source: String, columns: [(name: String, type: String)]) -> String {
        let isQuoted = source.hasPrefix("`")
        let name = isQuoted ? source : CanonicalText.identifier(source.uppercased())
        let topic = isQuoted ? String(source.dropFirst().dropLast()) : source.uppercased()
        let lines = columns.map { "  \($0.name) \($0.type)" }.joined(separator: ",\n")
        return "CREATE STREAM \(name) (\n\(lines)\n) WITH (KAFKA_TOPIC=\(CanonicalText.quoted(topic)), VALUE_FORMAT='JSON', PARTITIONS=1);"
    }

    /// The members of the objects.
    private static func objects(_ path: String) throws(Diagnostic) -> [GuessedType.Field] {
        var type = GuessedType.structure([])
        let input = try LoadInput([path]) { JSONLines(times: nil) }
        try firstLines(of: input) { line in
            guard let value = try? JSONValue(parsing: line), case .object = value else { return }
            type = type.merged(with: GuessedType(value))
        }
        guard case .structure(let fields) = type else { return [] }
        return fields
    }

    /// The columns that the fields of a container file come to.
    private static func avroColumns(_ path: String) throws(Diagnostic) -> [(name: String, type: String)] {
        let records = AvroRecords()
        // The columns are known once the first record is.
        try firstLines(of: try LoadInput([path], isText: false) { records }, most: 1) { _ in }
        guard !records.columns.isEmpty else {
            throw Diagnostic(.dataError, "\(path) has no records that say which columns there are", category: .general)
        }
        return records.columns.map { (CanonicalText.identifier($0.name), $0.type.description) }
    }

    /// The fields under the names of the first line.
    private static func delimited(_ path: String, _ load: BulkLoad) throws(Diagnostic) -> [GuessedType.Field] {
        let form = load.delimitedForm
        var names: [String] = []
        try firstLines(of: try LoadInput([path]) { PlainLines() }, most: 1) { names = DelimitedLines.names(of: Array($0), form) }
        if let number = names.first(where: { Double($0) != nil }) {
            throw Diagnostic(
                .dataError, "the first line of \(path) has no names of columns: \(number.prefix(40)) is a number", category: .general,
                hint: "CREATE STREAM names the columns; then load needs no first line of names.")
        }
        if let twice = names.first(where: { name in names.count { $0.uppercased() == name.uppercased() } > 1 }) {
            throw Diagnostic(.dataError, "two columns of \(path) are called \(twice.prefix(40))", category: .general)
        }
        var fields = names.map { GuessedType.Field(name: $0, type: .nothing) }
        let columns = ColumnTexts(names: names)
        try firstLines(of: try LoadInput([path]) { DelimitedLines(columns, form) }) { line in
            guard case .object(let members)? = try? JSONValue(parsing: line) else { return }
            for (index, member) in members.enumerated() where index < fields.count {
                if case .string(let text) = member.value { fields[index].type = fields[index].type.merged(with: GuessedType(field: text)) }
            }
        }
        return fields
    }

    /// Hands the first records to `take`, each a line without its end.
    private static func firstLines(
        of input: LoadInput, most: Int = records, _ take: (ArraySlice<UInt8>) -> Void
    ) throws(Diagnostic) {
        var rest: [UInt8] = []
        var count = 0
        while count < most, let piece = input.read() {
            let buffer = rest + piece
            var start = 0
            while count < most, let end = buffer[start...].firstIndex(of: 0x0A) {
                // Blank lines are no records.
                if end > start {
                    take(buffer[start..<end])
                    count += 1
                }
                start = end + 1
            }
            rest = Array(buffer[start...])
        }
        // A file that cannot be read says nothing of its columns.
        if count == 0, let damage = input.damage { throw damage }
    }
}
