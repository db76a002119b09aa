// Where the rows of a persistent query go: the stream or table that CREATE … AS makes, or the stream that INSERT INTO writes.

package import Catalog
package import Diagnostics
import Formats
import Functions
import Plans
import Settings
package import Syntax
package import Values

/// The result of a query as the columns of a source: for each key and value column the item that fills it.
package struct ResultLayout: Hashable, Sendable {
    package var schema: SourceSchema
    /// Indexes into the query's items: first those of the key columns, in key order, then those of the value columns.
    package var items: [Int]
}

/// A persistent query with its sink.
package struct NewSink: Hashable, Sendable {
    package var query: ResolvedQuery
    package var layout: ResultLayout
    package var definition: SourceDefinition
    package var properties: SourceProperties
}

/// Errors: a query that runs until it is dropped has a LIMIT.
func refuseLimit(of query: Query, in statements: String) throws(Diagnostic) {
    if query.limit == nil { return }
    throw Diagnostic(
        .statementError, "\(statements) statements don't support LIMIT clause.",
        hint: "The query runs until it is dropped; SELECT … LIMIT is a question that ends.", at: query.limitSpan.range)
}

/// Checks CREATE … AS SELECT and gives the query and the source that it makes. `text` is the statement as it will be shown later.
/// Errors after the query itself is understood carry the statement's canonical text.
package func analyse(_ create: CreateAs, text: String, in context: AnalysisContext) throws(Diagnostic) -> NewSink {
    let properties = try SourceProperties(create.properties, at: .createAs)
    try checkName(create.name)
    try refuseLimit(of: create.query, in: "CREATE \(create.kind.rawValue) AS SELECT")
    var create = create
    create.query = create.query.keepingOwnKey(for: create.kind, context)
    let query = try analyse(create.query, for: .persistent, in: context)
    var canonical = create
    canonical.query = query.normalised
    do throws(Diagnostic) {
        return try sink(of: query, create, properties, text, context)
    } catch {
        throw error.about(statement: CanonicalText.statement(.createAs(canonical)))
    }
}

private func sink(
    of query: ResolvedQuery, _ create: CreateAs, _ properties: SourceProperties, _ text: String, _ context: AnalysisContext
) throws(Diagnostic) -> NewSink {
    let kind = Values.SourceKind(create.kind)
    if kind != query.resultKind {
        let wanted = query.resultKind.rawValue
        throw Diagnostic(
            .wrongObjectKind,
            "Invalid result type. Your SELECT query produces a \(wanted). Please use CREATE \(wanted) AS SELECT statement instead.",
            at: create.name.span.range)
    }
    let layout = try layout(of: query, sink: create.name.text)
    if context.isFull { try checkDigits(query) }
    let source = query.sources[0]
    let defaultKey = context.defaultFormat(context.settings[.defaultKeyFormat])
    var keyName = try keyFormat(properties, source, layout.schema.key, default: defaultKey ?? .kafka)
    // KAFKA holds one column of a plain type. Where nobody has asked for it, other keys take a format that holds them.
    if context.isFull, properties.takesJSON(for: layout.schema.key, insteadOf: keyName) { keyName = .json }
    // The key of a Top-N is never that of its source.
    if query.keyed != nil, properties.keyFormat == nil, problem(of: layout.schema.key, in: keyName, on: .key) != nil { keyName = .json }
    let valueName = properties.valueFormat ?? source.valueFormat.name
    try checkFormatProperties(properties, key: keyName, value: valueName)
    try checkCarried(layout.schema.key, keyName, .key)
    // ksqlDB keeps state in the source's format; here it has a form of its own, which takes all types.
    if !context.isFull { try checkAggregateState(query, source.valueFormat.name) }
    try checkCarried(layout.schema.value, valueName, .value)
    if !context.isFull, source.kind == .table, query.aggregates.isEmpty { try checkTableState(query, layout, source.valueFormat.name) }
    var definition = SourceDefinition(
        name: create.name.text, kind: kind, isReadOnly: false, schema: layout.schema,
        topic: properties.topic ?? context.settings[.sinkTopicPrefix] + create.name.text,
        keyFormat: Analysis.keyFormat(keyName, properties, layout.schema.key, source: create.name.text, inheriting: source.keyFormat),
        valueFormat: try valueFormat(valueName, properties, layout.schema.value, context, inheriting: source.valueFormat),
        window: query.window?.keyWindow ?? (query.partitionBy == nil && !query.addsUpWindows ? source.window : nil),
        timestamp: try timestamp(of: properties, columns: layout.schema.key + layout.schema.value),
        wrapsSingleValue: properties.wrapsSingleValue, statement: text, queryID: nil)
    if source.hidesKey == true, query.sources.count == 1, query.aggregates.isEmpty, layout.schema.key == source.schema.key { definition.hidesKey = true }
    let same = context.catalog.sources.filter { $0.topic == definition.topic && $0.name != definition.name }
    try refuseCircle(
        from: same.map(\.name).sorted(), of: query, into: definition.name, at: properties.place(of: "KAFKA_TOPIC") ?? create.name.span.range, context)
    for (columns, format, side) in [
        (layout.schema.key, definition.keyFormat, RecordSide.key), (layout.schema.value, definition.valueFormat, .value),
    ] {
        if format.schemaID == nil { try checkSchema(of: columns, format) } else { try checkColumns(columns, format, side, context) }
    }
    if let late = query.lateRows {
        let taken = query.sources.map(\.topic) + [definition.topic]
        if late.name == definition.name || taken.contains(late.topic) {
            throw Diagnostic(
                .duplicateSource, "LATE ROWS go into a stream and a topic of their own: \(late.name) is used by the query itself",
                at: query.normalised.lateRows?.span.range)
        }
    }
    return NewSink(query: query, layout: layout, definition: definition, properties: properties)
}

/// Refuses columns whose type no CREATE could write down: arithmetic gives DECIMALs of more digits than a decimal has.
private func checkDigits(_ query: ResolvedQuery) throws(Diagnostic) {
    for item in query.items {
        guard case .decimal(let precision, let scale) = item.expression.type, precision > SQLType.mostDecimalDigits else { continue }
        throw Diagnostic(
            .typeMismatch, "`\(item.name)` is a \(item.expression.type), which is more than \(SQLType.mostDecimalDigits) digits",
            hint: "CAST(… AS DECIMAL(\(SQLType.mostDecimalDigits), \(min(scale, SQLType.mostDecimalDigits / 2)))) says how many it is to have.",
            at: item.source.span.range)
    }
}

/// The key format of a result: what is asked for, else the source's, unless the key came or went.
private func keyFormat(
    _ properties: SourceProperties, _ source: SourceDefinition, _ key: [Values.ColumnDefinition], default fallback: FormatName
) throws(Diagnostic) -> FormatName {
    if let format = properties.keyFormat {
        if key.isEmpty && format != .none && format != .kafka {
            throw Diagnostic(
                .serialisationMismatch,
                "Key format specified for stream without key columns. The stream has no key columns, so the key format must be NONE.",
                at: properties.place(of: "KEY_FORMAT", "FORMAT"))
        }
        return format
    }
    if key.isEmpty { return source.schema.key.isEmpty ? source.keyFormat.name : .none }
    return source.keyFormat.name == .none ? fallback : source.keyFormat.name
}

/// A table on the way to its sink is kept in the format of its (left) source, and so is what a foreign key brings to it.
private func checkTableState(_ query: ResolvedQuery, _ layout: ResultLayout, _ format: FormatName) throws(Diagnostic) {
    try checkCarried(layout.schema.value, format, .value)
    guard case .foreignKeyJoining = query.keyOrigin else { return }
    for source in query.sources.dropFirst() { try checkCarried(source.schema.value, format, .value) }
}

/// Aggregates whose state is a list or a struct cannot be kept in formats without nested types: state takes the source's format, as
/// the rows of a transformed table do.
private func checkAggregateState(_ query: ResolvedQuery, _ format: FormatName) throws(Diagnostic) {
    guard !format.carriesNestedTypes else { return }
    let scalarState: Set<String> = ["COUNT", "SUM", "MIN", "MAX", "SUM_LIST"]
    let isNested = query.aggregates.contains { call in
        let isBuiltIn = FunctionTable.builtIn[name: call.function].map { !$0.isOwn } ?? false
        return isBuiltIn && !scalarState.contains(call.function) || call.result.isNested || call.arguments.contains { $0.type.isNested }
    }
    guard isNested else { return }
    throw Diagnostic(
        .serialisationMismatch,
        "One of the functions used in the statement has an intermediate type that the value format can not handle. "
            + "Please remove the function or change the format.")
}

/// The columns of a persistent query's result, with the rules about keys in the projection.
package func layout(of query: ResolvedQuery, sink: String) throws(Diagnostic) -> ResultLayout {
    let key = query.key.enumerated().map { TypedExpression.column($0, $1.type) }
    var keyItems: [Int?] = Array(repeating: nil, count: key.count)
    var valueItems: [Int] = []
    for (index, item) in query.items.enumerated() {
        if item.isNull {
            throw Diagnostic(
                .typeMismatch, "Can't infer a type of null. Please explicitly cast it to a required type, e.g. CAST(null AS VARCHAR).",
                at: item.source.span.range)
        }
        guard let place = key.firstIndex(of: item.expression) else {
            valueItems.append(index)
            continue
        }
        if let first = keyItems[place] {
            throw repeatedKey(query, query.items[first].name, item.name, column: query.key[place].name)
        }
        keyItems[place] = index
    }
    let found = keyItems.compactMap { $0 }
    guard found.count == key.count else { throw missingKey(query, sink) }
    let schema = SourceSchema(
        key: found.map { Values.ColumnDefinition(query.items[$0].name, query.items[$0].expression.type) },
        value: valueItems.map { Values.ColumnDefinition(query.items[$0].name, query.items[$0].expression.type) })
    guard !schema.value.isEmpty else { throw Diagnostic(.invalidKey, "The projection contains no value columns.", at: query.normalised.span.range) }
    try checkNames(schema, at: query.normalised.span.range)
    return ResultLayout(schema: schema, items: found + valueItems)
}

/// Errors: a source would have more columns than a server is made for: much that is done once for a statement is done for each pair of them.
package func checkWidth(_ schema: SourceSchema, at place: SourceRange?) throws(Diagnostic) {
    let count = schema.columns.count
    guard count > SyntaxLimits.mostColumns else { return }
    throw Diagnostic(
        .tooManyColumns, "\(count) columns; a stream or table has \(SyntaxLimits.mostColumns) at most",
        hint: "A MAP, or a STRUCT as one column, holds more.", at: place)
}

private func checkNames(_ schema: SourceSchema, at place: SourceRange?) throws(Diagnostic) {
    try checkWidth(schema, at: place)
    for (index, column) in schema.value.enumerated() {
        if schema.value[..<index].contains(where: { $0.name == column.name }) {
            throw Diagnostic(.duplicateColumn, "Duplicate value columns found in schema: `\(column.name)` \(column.type)", at: place)
        }
        if schema.key.contains(where: { $0.name == column.name }) {
            throw Diagnostic(
                .duplicateColumn, "Duplicate value columns found in schema: `\(column.name)` \(column.type)",
                hint: "A key column has that name too. Give one of them another name with AS.",
                at: place)
        }
    }
    for (index, column) in schema.key.enumerated() where schema.key[..<index].contains(where: { $0.name == column.name }) {
        throw Diagnostic(.duplicateColumn, "Duplicate key columns found in schema: `\(column.name)` \(column.type)", at: place)
    }
}

private func repeatedKey(_ query: ResolvedQuery, _ first: String, _ second: String, column: String) -> Diagnostic {
    let message =
        query.keyOrigin == .grouping
        ? "The projection contains a key column more than once: `\(first)` and `\(second)`."
        : "The projection contains a key column (`\(column)`) more than once, aliased as: \(min(first, second)) and \(max(first, second))."
    return Diagnostic(
        .invalidKey,
        message + "\nEach key column must only be in the projection once. If you intended to copy the key into the value, "
            + "then consider using the AS_VALUE function to indicate which key reference should be copied.",
        at: query.normalised.span.range)
}

private func missingKey(_ query: ResolvedQuery, _ sink: String) -> Diagnostic {
    let texts = query.keyTexts
    var word = "and"
    var note = ""
    let what: String
    switch query.keyOrigin {
    case .source: what = "key column"
    case .partitioning: what = "partitioning expression"
    case .grouping: what = "grouping expression"
    case .joining:
        what = "join expression"
        word = "or"
    case .syntheticJoining:
        what = "join expression"
        note =
            "\n\(texts[0]) was added as a synthetic key column because the join criteria did not match any source column. "
            + "This expression must be included in the projection and may be aliased."
    case .foreignKeyJoining(let table): return missingPrimaryKey(query, table)
    }
    let listed = texts.count < 2 ? texts.first ?? "" : texts.dropLast().joined(separator: ", ") + " \(word) " + texts[texts.count - 1]
    let example = query.keyOrigin == .joining ? texts[0] : texts.joined(separator: ", ")
    return Diagnostic(
        .invalidKey,
        "Key missing from projection (ie, SELECT). See https://cnfl.io/2LV7ouS.\nThe query used to build `\(sink)` must include the "
            + "\(what)\(texts.count == 1 ? "" : "s") \(listed) in its projection (eg, SELECT \(example)...).\(note)",
        at: query.normalised.span.range)
}

private func missingPrimaryKey(_ query: ResolvedQuery, _ table: String) -> Diagnostic {
    let missing = query.key.indices.filter { place in
        !query.items.contains { $0.expression == .column(place, query.key[place].type) }
    }
    let names = missing.map { "`\(query.sources[0].schema.key[$0].name)`" }
    let plural = names.count == 1 ? "" : "s"
    return Diagnostic(
        .invalidKey,
        "Primary key column\(plural) missing in projection. For foreign-key table-table joins, the projection must include all primary key "
            + "columns from the left input table (`\(table)`). Missing column\(plural): \(names.joined(separator: ", ")).",
        at: query.normalised.span.range)
}
