// CREATE STREAM and CREATE TABLE: from a statement to the definition that the catalog keeps.

package import Catalog
package import Diagnostics
package import Formats
import Settings
package import Syntax
package import Values

/// A source to be created, and what its topic must be if it has to be made.
package struct NewSource: Hashable, Sendable {
    package var definition: SourceDefinition
    package var properties: SourceProperties
    /// What the statement left open and was chosen, for the answer; nil when it said all.
    package var chosen: String?
}

/// Checks a CREATE statement and gives the source that it describes. `text` is the statement as it will be shown later.
package func analyse(_ create: CreateSource, text: String, in context: AnalysisContext) throws(Diagnostic) -> NewSource {
    let properties = try SourceProperties(create.properties, at: .create)
    try checkName(create.name)
    guard !create.isSource || create.kind == .stream || context.settings[.sourceTables] else {
        throw Diagnostic(
            .featureNotSupported, "CREATE SOURCE TABLE is switched off", hint: "\(SettingKey<Bool>.sourceTables.name) is false.",
            at: create.name.span.range)
    }
    let kind = Values.SourceKind(create.kind)
    var schema = try schema(of: create, kind, context)
    try checkWidth(schema, at: create.name.span.range)
    let hidesKey = properties.leavesKeyOpen && context.isFull && kind == .table && !create.isSource && schema.key.isEmpty && !schema.value.isEmpty
    if hidesKey { schema.key = [ownKey(beside: schema)] }
    guard let topic = properties.topic ?? (context.isFull ? create.name.text : nil) else {
        throw Diagnostic(
            .invalidProperty, "Missing required property \"KAFKA_TOPIC\" which has no default value.", category: .parseFailed,
            at: create.name.span.range)
    }
    let (keyName, valueName) = try formats(of: create, schema.key, properties, context)
    try checkFormatProperties(properties, key: keyName, value: valueName)
    let inferred = try inferColumns(of: &schema, create, properties, topic: topic, key: keyName, value: valueName, context)
    try checkWidth(schema, at: create.name.span.range)
    if kind == .table && schema.key.isEmpty {
        throw Diagnostic(
            .invalidKey, "Tables require a PRIMARY KEY. Please define the PRIMARY KEY.",
            hint: "Write PRIMARY KEY after the type of the key column.",
            at: create.name.span.range)
    }
    if properties.window != nil && schema.key.isEmpty {
        throw Diagnostic(
            .windowError, "Windowed sources require a key column.", hint: "Write KEY after the type of the key column.",
            at: properties.place(of: "WINDOW_TYPE") ?? create.name.span.range)
    }
    if schema.key.isEmpty && schema.value.isEmpty && schema.headers.isEmpty {
        throw Diagnostic(.statementError, "The statement does not define any columns.\nNo columns supplied.", at: create.name.span.range)
    }
    try checkCarried(schema.key, keyName, .key)
    try checkCarried(schema.value, valueName, .value)
    var definition = SourceDefinition(
        name: create.name.text, kind: kind, isReadOnly: create.isSource, schema: schema, topic: topic,
        keyFormat: keyFormat(keyName, properties, schema.key, source: create.name.text),
        valueFormat: try valueFormat(valueName, properties, schema.value, context), window: properties.window,
        timestamp: try timestamp(properties, schema), wrapsSingleValue: properties.wrapsSingleValue, statement: text, queryID: nil)
    if hidesKey { definition.hidesKey = true }
    try takeConstraints(of: create, into: &definition, context)
    if inferred.key == nil { try checkSchema(of: schema.key, definition.keyFormat) }
    if inferred.value == nil { try checkSchema(of: schema.value, definition.valueFormat) }
    var chosen: [String] = []
    if properties.topic == nil { chosen.append("the topic is \(topic)") }
    let isKeyChosen = properties.keyFormat == nil && keyName == .json && context.defaultFormat(context.settings[.defaultKeyFormat]) != .json
    if isKeyChosen { chosen.append("keys are JSON") }
    if hidesKey, let key = schema.key.first { chosen.append("each row has a key of its own, \(key.name)") }
    if properties.valueFormat == nil, context.defaultFormat(context.settings[.defaultValueFormat]) == nil { chosen.append("values are JSON") }
    chosen += [inferred.key, inferred.value].compactMap(\.self)
    return NewSource(definition: definition, properties: properties, chosen: chosen.isEmpty ? nil : chosen.joined(separator: ", "))
}

/// NOT NULL and DEFAULT of the columns. Errors: a default is no value for its column.
private func takeConstraints(of create: CreateSource, into definition: inout SourceDefinition, _ context: AnalysisContext) throws(Diagnostic) {
    let required = create.columns.filter(\.isRequired).map(\.name.text)
    if !required.isEmpty { definition.required = required }
    for column in create.columns {
        guard let otherwise = column.otherwise, let known = definition.schema.columns.first(where: { $0.name == column.name.text }) else { continue }
        var analyser = ExpressionAnalyser(context: context, scope: .empty)
        analyser.place = "DEFAULT"
        _ = try assigned(otherwise, to: known, &analyser)
        definition.defaults = (definition.defaults ?? [:]).merging([known.name: CanonicalText.expression(otherwise)]) { $1 }
    }
}

/// The key of a table that is declared without one: `ROWID`, or the first `ROWID_n` that is free.
private func ownKey(beside schema: SourceSchema) -> Values.ColumnDefinition {
    let taken = Set(schema.columns.map(\.name))
    var name = "ROWID"
    var number = 0
    while taken.contains(name) {
        number += 1
        name = "ROWID_\(number)"
    }
    return Values.ColumnDefinition(name, .string)
}

/// The columns that a CREATE statement lists, and the formats that it writes them in; nothing is asked of a registry. Errors: as `analyse`.
package func declaredSource(
    _ create: CreateSource, in context: AnalysisContext
) throws(Diagnostic) -> (topic: String?, schema: SourceSchema, key: FormatSpec, value: FormatSpec) {
    let properties = try SourceProperties(create.properties, at: .create)
    let schema = try schema(of: create, Values.SourceKind(create.kind), context)
    let (keyName, valueName) = try formats(of: create, schema.key, properties, context)
    let value =
        schema.value.isEmpty ? FormatSpec(valueName) : try valueFormat(valueName, properties, schema.value, context)
    return (properties.topic, schema, keyFormat(keyName, properties, schema.key, source: create.name.text), value)
}

/// The formats that a CREATE statement names, or that are the usual ones.
private func formats(
    of create: CreateSource, _ key: [Values.ColumnDefinition], _ properties: SourceProperties, _ context: AnalysisContext
) throws(Diagnostic) -> (key: FormatName, value: FormatName) {
    let defaultValue = context.defaultFormat(context.settings[.defaultValueFormat])
    guard let valueName = properties.valueFormat ?? defaultValue ?? (context.isFull ? .json : nil) else {
        throw Diagnostic(
            .invalidProperty,
            "Statement is missing the 'VALUE_FORMAT' property from the WITH clause. Either provide one or set a default via the "
                + "'ksql.persistence.default.format.value' config.", at: create.name.span.range)
    }
    let keyName = properties.keyFormat ?? context.defaultFormat(context.settings[.defaultKeyFormat]) ?? .kafka
    return (context.isFull && properties.takesJSON(for: key, insteadOf: keyName) ? .json : keyName, valueName)
}

extension Values.SourceKind {
    /// The kind that a statement names.
    package init(_ kind: Syntax.SourceKind) { self = kind == .stream ? .stream : .table }
}

extension AnalysisContext {
    /// The format that a setting names for sources that name none. The settings' own ranges admit known formats alone.
    func defaultFormat(_ text: String?) -> FormatName? { text.flatMap { FormatName(named: $0) } }
}

/// Names of streams and tables: letters, digits, `_` and `-`.
func checkName(_ name: Name) throws(Diagnostic) {
    let isPlain = name.text.utf8.allSatisfy { byte in
        (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte == 95 || byte == 45
    }
    guard isPlain && !name.text.isEmpty else {
        throw Diagnostic(
            .invalidName, "Illegal argument at \(location(name.span.range))Invalid source name '\(name.text)'",
            category: .parseFailed, hint: "Names of streams and tables have letters, digits, _ and - only.", at: name.span.range)
    }
}

private func schema(of create: CreateSource, _ kind: Values.SourceKind, _ context: AnalysisContext) throws(Diagnostic) -> SourceSchema {
    var schema = SourceSchema(key: [], value: [])
    var names: Set<String> = []
    for column in create.columns {
        let name = column.name.text
        let range = column.name.span.range
        if PseudoColumn(rawValue: name) != nil {
            throw Diagnostic(.reservedName, "'\(name)' is a reserved column name. You cannot use it as a name for a column.", at: range)
        }
        if !names.insert(name).inserted {
            throw Diagnostic(.duplicateColumn, "Duplicate column names: `\(name)`", at: range)
        }
        let type = try context.type(column.type)
        switch column.role {
        case .value: schema.value.append(Values.ColumnDefinition(name, type))
        case .key, .primaryKey: schema.key.append(Values.ColumnDefinition(name, try keyType(type, column, kind)))
        case .headers, .header:
            guard context.settings[.headerColumns] else {
                throw Diagnostic(
                    .featureNotSupported, "HEADERS columns are switched off", hint: "\(SettingKey<Bool>.headerColumns.name) is false.",
                    at: range)
            }
            schema.headers.append(try headerColumn(column, type, schema.headers))
        }
    }
    return schema
}

private func keyType(_ type: SQLType, _ column: Syntax.ColumnDefinition, _ kind: Values.SourceKind) throws(Diagnostic) -> SQLType {
    let range = column.name.span.range
    if kind == .stream, column.role == .primaryKey {
        throw Diagnostic(
            .invalidKey,
            "\(location(range))Column `\(column.name.text)` is a 'PRIMARY KEY' column: please use 'KEY' for streams.\n"
                + "Tables have PRIMARY KEYs, which are unique and NON NULL.\nStreams have KEYs, which have no uniqueness or NON NULL constraints.",
            category: .parseFailed, at: range)
    }
    if kind == .table, column.role == .key {
        throw Diagnostic(
            .invalidKey,
            "\(location(range))Column `\(column.name.text)` is a 'KEY' column: please use 'PRIMARY KEY' for tables.\n"
                + "Tables have PRIMARY KEYs, which are unique and NON NULL.\nStreams have KEYs, which have no uniqueness or NON NULL constraints.",
            category: .parseFailed, at: range)
    }
    return type
}

private func headerColumn(
    _ column: Syntax.ColumnDefinition, _ type: SQLType, _ known: [HeaderColumn]
) throws(Diagnostic) -> HeaderColumn {
    let range = column.name.span.range
    let key: String? = if case .header(let key) = column.role { key } else { nil }
    let header = HeaderColumn(name: column.name.text, key: key)
    if type != header.type {
        let what = key.map { "HEADER('\($0)')" } ?? "HEADERS"
        throw Diagnostic(.typeMismatch, "Invalid type for \(what) column: expected \(header.type), got \(type)", at: range)
    }
    if known.contains(where: { ($0.key == nil) != (key == nil) || key == nil }) {
        throw Diagnostic(.duplicateColumn, "Schema already contains a HEADERS column.", at: range)
    }
    if known.contains(where: { $0.key == key }) {
        throw Diagnostic(.duplicateColumn, "Schema already contains a HEADER('\(key ?? "")') column.", at: range)
    }
    return header
}

extension SourceProperties {
    /// Whether nothing is said of the topic and the form of its keys, so that the rows to come may have any.
    fileprivate var leavesKeyOpen: Bool { topic == nil && keyFormat == nil && window == nil && keySchema.id == nil }

    /// Whether a key takes JSON instead of its format, which holds one column of the plain types: nobody has asked for that format.
    func takesJSON(for key: [Values.ColumnDefinition], insteadOf format: FormatName) -> Bool {
        keyFormat == nil && format == .kafka && problem(of: key, in: .kafka, on: .key) != nil
    }
}

/// Whether the columns can be written in the format, and whether a key is free of maps.
func checkCarried(_ columns: [Values.ColumnDefinition], _ format: FormatName, _ side: RecordSide) throws(Diagnostic) {
    if side == .key, let column = columns.first(where: { $0.type.containsMap }) {
        throw mapInKey(column.name, column.type)
    }
    if let reason = problem(of: columns, in: format, on: side) {
        let isCarriedByJSON = format != .json && problem(of: columns, in: .json, on: side) == nil
        throw Diagnostic(
            .serialisationMismatch, schemaMessage(columns, in: format, on: side, reason: reason),
            hint: isCarriedByJSON ? "\(side.rawValue.uppercased())_FORMAT='JSON' in WITH holds these columns." : nil)
    }
}

/// The complaint about a key whose bytes would not be the same for equal values.
func mapInKey(_ name: String, _ type: SQLType) -> Diagnostic {
    Diagnostic(
        .serialisationMismatch,
        "Map keys, including types that contain maps, are not supported as they may lead to unexpected behavior due to inconsistent "
            + "serialization. Key column name: `\(name)`. Column type: \(type). "
            + "See https://github.com/confluentinc/ksql/issues/6621 for more.")
}

/// Whether a value of `columns` columns is written bare.
func unwrapsValue(
    _ properties: SourceProperties, columns: Int, _ format: FormatName, _ context: AnalysisContext
) throws(Diagnostic) -> Bool {
    if let wraps = properties.wrapsSingleValue {
        let place = properties.place(of: "WRAP_SINGLE_VALUE")
        if columns != 1 {
            throw Diagnostic(.invalidProperty, "'WRAP_SINGLE_VALUE' is only valid for single-field value schemas", at: place)
        }
        if wraps ? !format.canWrap : !format.canUnwrap {
            throw Diagnostic(
                .invalidProperty, "Format '\(format.rawValue)' does not support 'WRAP_SINGLE_VALUE' set to '\(wraps)'.", at: place)
        }
        return !wraps
    }
    guard columns == 1 else { return false }
    if context.settings[.wrapsSingleValues] == false, format.canUnwrap {
        return true
    }
    return format == .kafka
}

private func timestamp(_ properties: SourceProperties, _ schema: SourceSchema) throws(Diagnostic) -> SourceTimestamp? {
    try timestamp(of: properties, columns: schema.key + schema.value)
}

/// The TIMESTAMP properties against the columns that they may name.
func timestamp(of properties: SourceProperties, columns: [Values.ColumnDefinition]) throws(Diagnostic) -> SourceTimestamp? {
    guard let name = properties.timestamp else {
        if properties.timestampFormat != nil {
            throw Diagnostic(
                .invalidProperty, "TIMESTAMP_FORMAT needs the property TIMESTAMP", category: .parseFailed,
                at: properties.place(of: "TIMESTAMP_FORMAT"))
        }
        return nil
    }
    guard let column = columns.first(where: { $0.name == name }) else {
        throw Diagnostic(
            .unknownColumn, "The TIMESTAMP column set in the WITH clause does not exist in the schema: '\(name)'",
            hint: nameSuggestion(for: name, among: columns.map(\.name)), at: properties.place(of: "TIMESTAMP"))
    }
    switch (column.type, properties.timestampFormat) {
    case (.bigint, nil), (.timestamp, nil), (.string, .some): return SourceTimestamp(column: name, pattern: properties.timestampFormat)
    case (.string, nil):
        throw Diagnostic(
            .typeMismatch, "A String timestamp field has been specified without also specifying the timestamp_format", category: .general,
            at: properties.place(of: "TIMESTAMP"))
    case (_, .some):
        throw Diagnostic(
            .typeMismatch, "'timestamp_format' set, but the timestamp field is not of type String", category: .general,
            at: properties.place(of: "TIMESTAMP_FORMAT"))
    default:
        throw Diagnostic(
            .typeMismatch,
            "Timestamp column, `\(name)`, should be LONG(INT64), TIMESTAMP, or a String with a timestamp_format specified",
            category: .general, at: properties.place(of: "TIMESTAMP"))
    }
}
