// What the analyser may look at: the catalog, the functions and the settings in force. It changes nothing.

package import Catalog
package import Diagnostics
package import Functions
package import Plans
package import Schemas
import Settings
package import Syntax
package import Values

/// The surroundings of a statement under analysis.
package struct AnalysisContext: Sendable {
    package var catalog: CatalogSnapshot
    package var functions: FunctionTable
    /// The effective properties, by their full names.
    package var properties: [String: String]
    /// How many partitions a topic has; nil when there is no such topic.
    package var partitions: @Sendable (_ topic: String) -> Int?
    /// What is wrong with the literals among the arguments of a function, which no row could be computed with; nil when nothing is known to be.
    package var literalProblem: @Sendable (_ function: String, _ arguments: [TypedExpression]) -> LiteralProblem? = { _, _ in nil }
    /// Knows the schemas of topics; nil where no statement needs them.
    package var registry: (any SchemaRegistry)?

    package init(
        catalog: CatalogSnapshot, functions: FunctionTable, properties: [String: String],
        partitions: @escaping @Sendable (_ topic: String) -> Int?
    ) {
        self.catalog = catalog
        self.functions = functions
        self.properties = properties
        self.partitions = partitions
    }

    /// The properties by key.
    var settings: SettingValues { SettingValues(properties) }

    /// Whether more than ksqlDB's rules hold.
    package var isFull: Bool { settings[.dialect] == .full }
}

extension AnalysisContext {
    /// The columns of a source that have no alias, by ksqlDB's number; nil where they have ksqlDB's names anyway.
    func generatedNames(of source: SourceDefinition) -> GeneratedNames? { isFull ? GeneratedNames(of: source, in: catalog) : nil }

    /// What other databases call some of the types.
    private static let otherNames: [String: SQLType] = [
        "TEXT": .string, "BOOL": .boolean, "SMALLINT": .integer, "INT4": .integer, "INT8": .bigint, "REAL": .double, "FLOAT": .double,
        "FLOAT8": .double, "BYTEA": .bytes, "INT2": .integer, "FLOAT4": .double, "CHAR": .string, "CHARACTER": .string, "UUID": .string,
        "TIMESTAMPTZ": .timestamp, "DATETIME": .timestamp, "TINYINT": .integer, "BLOB": .bytes,
        "MEDIUMINT": .integer, "SIGNED": .bigint, "LONG": .bigint, "CLOB": .string, "NVARCHAR": .string, "NCHAR": .string, "VARBINARY": .bytes, "BINARY": .bytes,
        "LOGICAL": .boolean,
    ]

    /// The source of that name, or the complaint that there is none, with the nearest name as advice.
    package func source(named name: Name) throws(Diagnostic) -> SourceDefinition {
        if let source = catalog.sources[name.text] { return source }
        if name.text.contains(".") {
            if name.text == SystemTable.errors, let errors = catalog.sources[SystemTable.errorsStream] { return errors }
            throw unknownSystemTable(name)
        }
        if catalog.views[name.text] != nil {
            throw Diagnostic(
                .wrongObjectKind, "\(name.text) is a view, not a stream or table", hint: "What it reads is what can be written: DESCRIBE VIEW \(name.text).",
                at: name.span.range)
        }
        throw Diagnostic(
            .unknownSource, "\(name.text) does not exist.", hint: nameSuggestion(for: name.text, among: (catalog.sources.keys + catalog.views.keys).sorted()),
            at: name.span.range)
    }

    /// The complaint that there is no system table of that name, which has a dot.
    package func unknownSystemTable(_ name: Name) -> Diagnostic {
        let names = SystemTable.names
        return Diagnostic(
            .unknownSource, "\(name.text.lowercased()) does not exist.",
            hint: closestMatch(to: name.text.lowercased(), among: names).map { "Did you mean \($0)?" }
                ?? "Only system tables have a dot in their names: \(names.joined(separator: ", ")).",
            at: name.span.range)
    }

    /// The SQL type that a written type means, custom types resolved.
    package func type(_ written: TypeName) throws(Diagnostic) -> SQLType {
        switch written.node {
        case .primitive(let primitive):
            switch primitive {
            case .boolean: return .boolean
            case .integer: return .integer
            case .bigint: return .bigint
            case .double: return .double
            case .string: return .string
            case .bytes: return .bytes
            case .time: return .time
            case .date: return .date
            case .timestamp: return .timestamp
            }
        case .decimal(let precision, let scale):
            if precision < 1 {
                throw Diagnostic(.typeMismatch, "DECIMAL precision must be >= 1: DECIMAL(\(precision),\(scale))", at: written.span.range)
            }
            if scale < 0 {
                throw Diagnostic(.typeMismatch, "DECIMAL scale must be >= 0: DECIMAL(\(precision),\(scale))", at: written.span.range)
            }
            if scale > precision {
                throw Diagnostic(
                    .typeMismatch, "DECIMAL precision must be >= scale: DECIMAL(\(precision),\(scale))", at: written.span.range)
            }
            if precision > SQLType.mostDecimalDigits {
                throw Diagnostic(
                    .typeMismatch, "DECIMAL precision must be <= \(SQLType.mostDecimalDigits): DECIMAL(\(precision),\(scale))",
                    hint: "A decimal has \(SQLType.mostDecimalDigits) digits at most; a DOUBLE has a larger range, and a VARCHAR keeps every digit.",
                    at: written.span.range)
            }
            return .decimal(precision: precision, scale: scale)
        case .array(let element): return .array(try type(element))
        case .map(let key, let value): return .map(key: try type(key), value: try type(value))
        case .structure(let written):
            var fields: [StructField] = []
            for field in written {
                if fields.contains(where: { $0.name == field.name.text }) {
                    throw Diagnostic(
                        .duplicateColumn, "Duplicate field names found in STRUCT: `\(field.name.text)`", at: field.name.span.range)
                }
                fields.append(StructField(field.name.text, try type(field.type)))
            }
            return .structure(fields)
        case .custom(let name):
            if let type = catalog.types[name.text] { return type }
            if isFull, let type = Self.otherNames[name.text] { return type }
            throw Diagnostic(
                .unknownType, "Cannot resolve unknown type: \(name.text)",
                hint: nameSuggestion(for: name.text, among: catalog.types.keys.sorted() + TypeName.builtInNames),
                at: name.span.range)
        }
    }
}
