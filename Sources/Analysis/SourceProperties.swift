// The WITH clause: every property known by name and type, everything else refused.

package import Diagnostics
package import Formats
package import Quantities
package import Schemas
package import Syntax
import Values

/// The WITH clause of a CREATE or INSERT statement, read and checked one property at a time.
package struct SourceProperties: Hashable, Sendable {
    package var topic: String?
    package var partitions: Int?
    package var replicas: Int?
    /// How long records are kept; a negative length sets no limit.
    package var retention: Milliseconds?
    /// none, gzip, snappy, lz4 or zstd: a property that only Millrace has.
    package var compression: String?
    package var keyFormat: FormatName?
    package var valueFormat: FormatName?
    package var keyDelimiter: String?
    package var valueDelimiter: String?
    package var wrapsSingleValue: Bool?
    /// The column of the TIMESTAMP property, folded as an identifier.
    package var timestamp: String?
    package var timestampFormat: String?
    package var window: KeyWindow?
    package var queryID: String?
    package var connector: String?
    /// What the properties say of the schemas of keys and of values.
    package var keySchema = SchemaProperties()
    package var valueSchema = SchemaProperties()
    /// Where the value of each given property stands, by name.
    private var spans: [String: SourceSpan] = [:]

    /// Where the first of these properties that is given has its value; nil when none is, or no text stands behind it.
    package func place(of names: String...) -> SourceRange? { names.lazy.compactMap { spans[$0]?.range }.first }

    /// What the properties of one side say of its schema.
    package struct SchemaProperties: Hashable, Sendable {
        /// The full name of the record or message.
        package var fullName: String?
        /// The number of the schema in the registry.
        package var id: SchemaID?
        /// How Protocol Buffers keep NULLs.
        package var nulls: NullRepresentation?
    }

    /// Which statement the clause belongs to.
    package enum Place: Hashable, Sendable {
        case create
        case createAs
        case insert
    }

    /// Reads the properties of a statement at `place`. Errors name the property and say what it takes.
    package init(_ properties: [Property], at place: Place) throws(Diagnostic) {
        var windowType: (kind: WindowKind, property: Property)?
        var windowSize: (Milliseconds, Property)?
        var format: FormatName?
        let known = Set(PropertyTable.rules(at: place).map(\.name))
        let unknown = properties.filter { !known.contains($0.name.text.uppercased()) }
        if let first = unknown.first {
            let names = unknown.map { $0.name.text }.joined(separator: ", ")
            throw Diagnostic(
                .invalidProperty, "Failed to prepare statement: Invalid config variable(s) in the WITH clause: \(names)",
                category: .parseFailed,
                hint: first.name.text.uppercased() == "KEY"
                    ? "Since ksqlDB 0.10 the columns say it: write KEY (in a stream) or PRIMARY KEY (in a table) after the type of the key column."
                    : nameSuggestion(for: first.name.text.uppercased(), among: known.sorted()), at: first.name.span.range)
        }
        for property in properties {
            spans[property.name.text.uppercased()] = SourceSpan(property.valueSpan.range ?? property.name.span.range)
            switch property.name.text.uppercased() {
            case "KAFKA_TOPIC": topic = try property.nonEmpty()
            case "PARTITIONS": partitions = Int(try property.integer(in: PropertyTable.partitions))
            case "REPLICAS":
                replicas = Int(try property.integer(in: PropertyTable.replicas))
                if replicas == 0 { throw property.invalid("REPLICAS must be more than 0, or -1 for what the server has") }
            case "RETENTION_MS": retention = Milliseconds(try property.integer(in: PropertyTable.retention))
            case "COMPRESSION_TYPE": compression = try property.nonEmpty().lowercased()
            case "FORMAT": format = try property.format()
            case "KEY_FORMAT": keyFormat = try property.format()
            case "VALUE_FORMAT": valueFormat = try property.format()
            case "KEY_DELIMITER": keyDelimiter = try property.delimiter()
            case "VALUE_DELIMITER": valueDelimiter = try property.delimiter()
            case "WRAP_SINGLE_VALUE": wrapsSingleValue = try property.boolean()
            case "TIMESTAMP": timestamp = Self.identifier(try property.nonEmpty())
            case "TIMESTAMP_FORMAT": timestampFormat = try property.datePattern()
            case "WINDOW_TYPE":
                guard let kind = WindowKind(rawValue: property.text.uppercased()) else {
                    throw property.invalid("WINDOW_TYPE must be SESSION, HOPPING or TUMBLING, not '\(property.shown)'")
                }
                windowType = (kind, property)
            case "WINDOW_SIZE": windowSize = (Milliseconds(try property.duration()), property)
            case "QUERY_ID": queryID = try property.nonEmpty().uppercased()
            case "SOURCED_BY_CONNECTOR": connector = try property.nonEmpty()
            case "KEY_SCHEMA_FULL_NAME": keySchema.fullName = try property.fullName()
            case "VALUE_SCHEMA_FULL_NAME", "VALUE_AVRO_SCHEMA_FULL_NAME":
                if valueSchema.fullName != nil {
                    throw property.invalid("Cannot supply both 'VALUE_AVRO_SCHEMA_FULL_NAME' and 'VALUE_SCHEMA_FULL_NAME' properties.")
                }
                valueSchema.fullName = try property.fullName()
            case "KEY_SCHEMA_ID": keySchema.id = SchemaID(Int32(clamping: try property.integer(in: PropertyTable.schemaIDs)))
            case "VALUE_SCHEMA_ID": valueSchema.id = SchemaID(Int32(clamping: try property.integer(in: PropertyTable.schemaIDs)))
            case "KEY_PROTOBUF_NULLABLE_REPRESENTATION": keySchema.nulls = try property.nullRepresentation()
            case "VALUE_PROTOBUF_NULLABLE_REPRESENTATION": valueSchema.nulls = try property.nullRepresentation()
            default:
                // The only one that the table refuses is CLEANUP_POLICY.
                throw property.invalid(
                    "Invalid config variable in the WITH clause: \(property.name.text)", hint: "It follows from what is created.")
            }
        }
        try applyFormat(format, properties)
        window = try Self.window(windowType, windowSize)
    }

    private mutating func applyFormat(_ format: FormatName?, _ properties: [Property]) throws(Diagnostic) {
        guard let format else { return }
        for (name, given) in [("KEY_FORMAT", keyFormat), ("VALUE_FORMAT", valueFormat)] where given != nil {
            throw Diagnostic(
                .invalidProperty,
                "Cannot supply both '\(name)' and 'FORMAT' properties, as 'FORMAT' sets both key and value formats. "
                    + "Either use just 'FORMAT', or use 'KEY_FORMAT' and 'VALUE_FORMAT'.", category: .parseFailed,
                at: properties.first { $0.name.text.uppercased() == name }?.name.span.range)
        }
        keyFormat = format
        valueFormat = format
    }

    private static func window(
        _ type: (kind: WindowKind, property: Property)?, _ size: (Milliseconds, Property)?
    ) throws(Diagnostic) -> KeyWindow? {
        switch (type?.kind, size) {
        case (nil, nil): return nil
        case (nil, .some(let size)): throw size.1.invalid("WINDOW_SIZE needs a WINDOW_TYPE")
        case (.session, nil): return .session
        case (.session, .some(let size)): throw size.1.invalid("'WINDOW_SIZE' should not be set for SESSION windows.")
        case (.some(let kind), .some(let size)): return .time(kind: kind, size: size.0)
        case (.some(let kind), nil):
            throw Diagnostic(
                .invalidProperty,
                "\(kind.rawValue) windows require 'WINDOW_SIZE' to be provided in the WITH clause. For example: 'WINDOW_SIZE'='10 SECONDS'",
                category: .parseFailed, at: type?.property.valueSpan.range)
        }
    }

    /// A column name in a property: folded unless it is quoted.
    private static func identifier(_ text: String) -> String {
        guard let quote = text.first, quote == "`" || quote == "\"", text.count >= 2, text.last == quote else { return text.uppercased() }
        return String(text.dropFirst().dropLast())
    }
}

extension Property {
    /// The value as text, whatever literal it was.
    var text: String {
        switch value {
        case .null: "null"
        case .boolean(let value): String(value)
        case .integer(let value): String(value)
        case .decimal(let text), .string(let text): text
        case .double(let value): String(value)
        }
    }

    func invalid(_ message: String, hint: String? = nil) -> Diagnostic {
        Diagnostic(.invalidProperty, message, category: .parseFailed, hint: hint, at: valueSpan.range ?? name.span.range)
    }

    /// The value as it may stand in a message: its beginning, when it is long.
    var shown: String { text.utf8.count > 60 ? String(decoding: text.utf8.prefix(60), as: UTF8.self) + "…" : text }

    func nonEmpty() throws(Diagnostic) -> String {
        guard !text.isEmpty else { throw invalid("Invalid value for config '\(name.text)': it must not be empty") }
        guard text.utf8.count <= PropertyTable.longestText else {
            throw invalid("Invalid value for config '\(name.text)': it is longer than \(PropertyTable.longestText) bytes")
        }
        return text
    }

    func integer(in range: ClosedRange<Int64>) throws(Diagnostic) -> Int64 {
        guard let number = Int64(text.trimmingBlanks), range.contains(number) else {
            throw invalid(
                "Invalid value '\(shown)' for configuration \(name.text): "
                    + "expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func boolean() throws(Diagnostic) -> Bool {
        switch text.lowercased() {
        case "true": return true
        case "false": return false
        default: throw invalid("Invalid value '\(shown)' for configuration \(name.text): Expected value to be either true or false")
        }
    }

    func format() throws(Diagnostic) -> FormatName {
        guard let format = FormatName(named: text.trimmingBlanks) else {
            throw invalid(
                "Unknown format: \(shown.uppercased())", hint: nameSuggestion(for: text.uppercased(), among: FormatName.allCases.map(\.rawValue))
            )
        }
        return format
    }

    func delimiter() throws(Diagnostic) -> String {
        switch text.uppercased() {
        case "TAB": return "\t"
        case "SPACE": return " "
        default: break
        }
        func refused(_ reason: String) -> Diagnostic {
            invalid("Failed to prepare statement: Configuration \(name.text.uppercased()) is invalid: \(reason)\nExample valid value: ';'")
        }
        if text.trimmingBlanks.isEmpty {
            throw refused(
                "Delimiter cannot be empty, if you meant to have a tab or space for delimiter, please use the special values 'TAB' or 'SPACE'"
            )
        }
        guard text.unicodeScalars.count == 1 else {
            throw refused("Invalid delimiter value: '\(shown)'. Delimiter must be a single character or TAB,SPACE")
        }
        return text
    }

    /// The full name of a record or message.
    func fullName() throws(Diagnostic) -> String {
        let name = text.trimmingBlanks
        guard !name.isEmpty else {
            throw Diagnostic(
                .invalidProperty, "fullSchemaName cannot be empty. Format configuration: {fullSchemaName=}", at: valueSpan.range)
        }
        guard name.utf8.count <= PropertyTable.longestText else {
            throw invalid("Invalid value for config '\(self.name.text)': it is longer than \(PropertyTable.longestText) bytes")
        }
        return name
    }

    func nullRepresentation() throws(Diagnostic) -> NullRepresentation {
        guard let found = NullRepresentation(rawValue: text.trimmingBlanks.uppercased()) else {
            throw invalid("Invalid value '\(shown)' for configuration \(name.text): Value must be one of: OPTIONAL, WRAPPER")
        }
        return found
    }

    /// A date-time pattern, which is checked here, so that no row meets one that is none.
    func datePattern() throws(Diagnostic) -> String {
        let pattern = try nonEmpty()
        do throws(DatePatternError) {
            _ = try DatePattern(pattern)
        } catch {
            throw invalid("Invalid date time format pattern '\(pattern)': \(error.message)", hint: DatePatternError.hint)
        }
        return pattern
    }

    /// `'10 SECONDS'` in milliseconds.
    func duration() throws(Diagnostic) -> Int64 {
        let parts = text.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, let count = Int64(parts[0]), count > 0, let unit = TimeUnit(word: parts[1].uppercased()),
            let milliseconds = Duration(count: count, unit: unit).milliseconds
        else {
            throw invalid(
                "Configuration \(name.text) is invalid: '\(shown)' is no duration such as '10 SECONDS'",
                hint: "It may be as long as \(SyntaxLimits.longestDuration / 86_400_000) days.")
        }
        return milliseconds
    }
}
