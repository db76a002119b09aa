// INSERT INTO … SELECT and INSERT INTO … VALUES: what may be written to which source, and the rows in the target's types.

package import Catalog
package import Diagnostics
import Formats
import Functions
package import Plans
import Settings
package import Syntax
import Values

/// INSERT INTO … SELECT after analysis: the items, in the order of the target's columns, have the target's types.
package struct InsertQuery: Hashable, Sendable {
    package var query: ResolvedQuery
    package var layout: ResultLayout
    package var target: SourceDefinition
    package var queryID: String?
}

/// Checks INSERT INTO … SELECT.
package func analyse(_ insert: InsertSelect, in context: AnalysisContext) throws(Diagnostic) -> InsertQuery {
    let properties = try SourceProperties(insert.properties, at: .insert)
    guard let target = context.catalog.sources[insert.target.text] else {
        throw Diagnostic(
            .unknownSource, "\(location(insert.target.span.range))Source `\(insert.target.text)` does not exist.",
            hint: nameSuggestion(for: insert.target.text, among: context.catalog.sources.keys.sorted()), at: insert.target.span.range)
    }
    if target.kind != .stream {
        throw Diagnostic(
            .wrongObjectKind, "INSERT INTO can only be used to insert into a stream. \(target.name) is a table.",
            at: insert.target.span.range)
    }
    if target.isReadOnly {
        throw Diagnostic(
            .readOnly, "Cannot insert into read-only \(target.kind.rawValue.lowercased()): \(target.name)", at: insert.target.span.range)
    }
    if !target.schema.headers.isEmpty {
        throw Diagnostic(.readOnly, "Cannot insert into \(target.name) because it has header columns", at: insert.target.span.range)
    }
    try refuseLimit(of: insert.query, in: "INSERT INTO")
    var query = try analyse(insert.query, for: .persistent, in: context)
    if query.resultKind != .stream {
        throw Diagnostic(
            .wrongObjectKind, "INSERT INTO can only be used to insert into a stream. The query gives a table.", at: insert.query.span.range)
    }
    try refuseCircle(from: [target.name], of: query, into: target.name, at: insert.query.span.range, context)
    let layout = try layout(of: query, sink: target.name)
    try match(layout, with: target, &query, context)
    if target.window != query.sources[0].window {
        throw Diagnostic(
            .windowError, "Incompatible windowing of the query's result and the sink \(target.name)", at: insert.target.span.range)
    }
    return InsertQuery(query: query, layout: layout, target: target, queryID: properties.queryID)
}

/// Errors: the query reads what its own rows come to, so that each of them would make another one without end. `names` are the sources that show
/// its rows, `target` the one that it writes.
func refuseCircle(
    from names: [String], of query: ResolvedQuery, into target: String, at place: SourceRange?, _ context: AnalysisContext
) throws(Diagnostic) {
    let reads = Set(context.catalog.drivers(among: query.sources.map(\.name)))
    guard let path = names.lazy.compactMap({ context.catalog.path(from: $0, to: reads) }).first, let source = path.last else { return }
    let way = path.count == 1 ? "its rows go into the stream that it reads" : "its rows come back to it: \(path.joined(separator: " → "))"
    throw Diagnostic(
        .statementError, "the query would feed itself for ever: \(way)", category: .statement,
        hint: "INSERT INTO \(target) (SELECT … FROM \(source)), with brackets, writes the rows that are there now, once.", at: place)
}

/// Column by column: same name, same place in key or value, and a type that widens to the target's.
private func match(
    _ layout: ResultLayout, with target: SourceDefinition, _ query: inout ResolvedQuery, _ context: AnalysisContext
) throws(Diagnostic) {
    let wanted = target.schema.key + target.schema.value
    let given = layout.schema.key + layout.schema.value
    func incompatible() -> Diagnostic {
        Diagnostic(
            .typeMismatch,
            "Incompatible schema between results and sink.\nResult schema is \(layout.schema.description)\nSink schema is \(target.schema.description)",
            hint: "Give the columns the sink's names with AS, and its types with CAST.")
    }
    guard layout.schema.key.count == target.schema.key.count, given.count == wanted.count else { throw incompatible() }
    for (index, (have, want)) in zip(given, wanted).enumerated() {
        guard have.name == want.name else { throw incompatible() }
        if have.type == want.type { continue }
        let item = layout.items[index]
        if context.isFull, let difference = TypeDifference(of: have.type, from: want.type) {
            throw difference.diagnostic(want.name, at: query.items[item].source.span.range)
        }
        let expression = query.items[item].expression
        let fits = have.type.isNumeric && have.type.alwaysFits(want.type)
        let isLiteral = if case .literal(let value) = expression.node { value.widened(to: want.type) != nil } else { false }
        guard fits || isLiteral, index >= layout.schema.key.count else { throw incompatible() }
        query.items[item].expression = expression.coerced(to: want.type)
    }
}

/// One row of INSERT INTO … VALUES: an expression for each column of the target, in row order, and the row's time if it is given.
package struct InsertRow: Hashable, Sendable {
    package var target: SourceDefinition
    /// Key columns, then value columns; columns that were not named are NULL. None reads a column.
    package var values: [TypedExpression]
    package var rowtime: TypedExpression?
}

/// Why rows cannot be put into a table that a query computes; nil for every other source. The table's rows are what its query computed: a row
/// from outside would stand there until the query happens to write the same key.
package func refusalOfRows(for target: SourceDefinition, at place: SourceRange? = nil) -> Diagnostic? {
    guard target.kind == .table, let query = target.queryID else { return nil }
    return Diagnostic(
        .readOnly, "Cannot insert into the table \(target.name): its rows are computed by the query \(query)", category: .general,
        hint: "Insert into what the query reads.", at: place)
}

/// Checks INSERT INTO … VALUES and gives its rows, of which there is at least one.
package func analyse(_ insert: InsertValues, in context: AnalysisContext) throws(Diagnostic) -> [InsertRow] {
    let name = insert.target.text
    guard context.settings[.insertsValues] else {
        throw Diagnostic(.featureNotSupported, "The server has disabled INSERT INTO ... VALUES functionality.")
    }
    guard let target = context.catalog.sources[name] else { throw unknownTarget(insert.target, context) }
    if target.isReadOnly {
        throw Diagnostic(
            .readOnly, "Cannot insert values into read-only \(target.kind.rawValue.lowercased()): \(name)", category: .general,
            at: insert.target.span.range)
    }
    if target.window != nil {
        throw Diagnostic(
            .windowError, "Cannot insert values into windowed \(target.kind.rawValue.lowercased()): \(name)", at: insert.target.span.range)
    }
    if let refusal = refusalOfRows(for: target, at: insert.target.span.range) { throw refusal }
    try checkHeaders(insert, target)
    let names = insert.isOfDefaults ? [] : insert.columns.isEmpty ? target.writtenColumns.map { Name($0.name, isQuoted: true) } : insert.columns
    for (index, name) in names.enumerated() where names[..<index].contains(where: { $0.text == name.text }) {
        throw Diagnostic(.duplicateColumn, "Column \(name.text) is listed more than once.", at: name.span.range)
    }
    if target.kind == .table, target.hidesKey != true {
        for key in target.schema.key where !names.contains(where: { $0.text == key.name }) {
            throw Diagnostic(
                .nullNotAllowed,
                "Failed to insert values into '\(name)'. Value for primary key column(s) `\(key.name)` is required for tables",
                at: insert.target.span.range)
        }
    }
    return try insert.rows.map { values throws(Diagnostic) in try row(of: values, names, target, context) }
}

/// One row, whose values are those of the columns `names`.
private func row(
    of values: [Expression], _ names: [Name], _ target: SourceDefinition, _ context: AnalysisContext
) throws(Diagnostic) -> InsertRow {
    let columns = target.schema.key + target.schema.value
    guard names.count == values.count else {
        throw Diagnostic(
            .statementError,
            "Expected \(names.count) value\(names.count == 1 ? "" : "s") for the columns "
                + names.map(\.text).joined(separator: ", ") + ", but got \(values.count)", at: values.first?.span.range)
    }
    var row = InsertRow(target: target, values: columns.map { .literal(.null, $0.type) }, rowtime: nil)
    var analyser = ExpressionAnalyser(context: context, scope: .empty)
    analyser.place = "column"
    if let key = try ownKey(of: target, unlessAmong: names, context) { row.values[0] = key }
    for (index, column) in columns.enumerated() where !names.contains(where: { $0.text == column.name }) {
        if let otherwise = try defaultValue(of: column, in: target, context) { row.values[index] = otherwise }
    }
    for (column, expression) in zip(names, values) {
        let known = columns.first { $0.name == column.text }
        if context.isFull, expression.isDefault, let known, let index = columns.firstIndex(of: known) {
            if let otherwise = try defaultValue(of: known, in: target, context) { row.values[index] = otherwise }
            continue
        }
        let value = try analysed(expression, for: known, &analyser)
        if column.text == "ROWTIME" && !columns.contains(where: { $0.name == "ROWTIME" }) {
            row.rowtime = try assign(value, to: Values.ColumnDefinition("ROWTIME", .bigint))
            continue
        }
        guard let index = columns.firstIndex(where: { $0.name == column.text }) else {
            if PseudoColumn(rawValue: column.text) != nil {
                throw Diagnostic(.readOnly, "Inserting into column `\(column.text)` is not allowed.", at: column.span.range)
            }
            throw Diagnostic(
                .unknownColumn, "Column name \(column.text) does not exist.",
                hint: nameSuggestion(for: column.text, among: columns.map(\.name)),
                at: column.span.range)
        }
        row.values[index] = try assign(value, to: columns[index])
        if target.kind == .table, index < target.schema.key.count, value.isNull { throw nullKey(columns[index], expression) }
    }
    for name in target.required ?? [] {
        guard let index = columns.firstIndex(where: { $0.name == name }), row.values[index].node == .literal(.null) else { continue }
        let place = zip(names, values).first { $0.0.text == name }?.1.span.range
        throw Diagnostic(.nullNotAllowed, "`\(name)` is NOT NULL", category: .general, at: place ?? values.first?.span.range)
    }
    return row
}

/// A value as it is written for a column.
private func analysed(
    _ expression: Expression, for column: Values.ColumnDefinition?, _ analyser: inout ExpressionAnalyser
) throws(Diagnostic) -> Analysed {
    let isFull = analyser.context.isFull
    let expression = isFull ? try column.map { column throws(Diagnostic) in try expression.literal(for: column) } ?? expression : expression
    if isFull, let type = column?.type, case .array = type, case .array([]) = expression.node {
        // ksqlDB has no array without elements; the column says of what type this one is.
        return Analysed(expression: .literal(.array([]), type), isNull: false, isLiteral: true, source: expression)
    }
    var value = try analyser.analyse(isFull ? column.map { expression.leavingOutNulls(for: $0.type) } ?? expression : expression)
    if isFull, column?.type == .timestamp, case .literal(.string(let text)) = value.expression.node {
        value.expression = .literal(.string(text.withTimeMark), .string)
    }
    return value
}

/// An expression as the value of a column. Errors: it is none of its type.
func assigned(
    _ expression: Expression, to column: Values.ColumnDefinition, _ analyser: inout ExpressionAnalyser
) throws(Diagnostic) -> TypedExpression {
    try assign(try analysed(expression, for: column, &analyser), to: column)
}

extension Expression {
    /// DEFAULT in the place of a value.
    var isDefault: Bool {
        if case .column(nil, let name) = node { name.text == "DEFAULT" && !name.isQuoted } else { false }
    }
}

/// What DEFAULT gives a column; nil where it has none. Errors: the text of it cannot be read.
func defaultValue(
    of column: Values.ColumnDefinition, in target: SourceDefinition, _ context: AnalysisContext
) throws(Diagnostic) -> TypedExpression? {
    guard let text = target.defaults?[column.name] else { return nil }
    guard let expression = Expression(storedText: text) else {
        throw Diagnostic(.corruptData, "the DEFAULT of `\(column.name)` cannot be read: \(text)")
    }
    var analyser = ExpressionAnalyser(context: context, scope: .empty)
    return try assigned(expression, to: column, &analyser)
}

/// What a row gets for a key where its table has no key that anybody writes; nil where it has one, or where the statement names it.
func ownKey(
    of target: SourceDefinition, unlessAmong names: [Name], _ context: AnalysisContext
) throws(Diagnostic) -> TypedExpression? {
    guard target.hidesKey == true, let key = target.schema.key.first, !names.contains(where: { $0.text == key.name }) else { return nil }
    var analyser = ExpressionAnalyser(context: context, scope: .empty)
    return try analyser.analyse(Expression(.call(Name("UUID"), []))).expression.coerced(to: key.type)
}

/// A row of a table without a key is no row: nothing would read it.
private func nullKey(_ column: Values.ColumnDefinition, _ value: Expression) -> Diagnostic {
    Diagnostic(
        .nullNotAllowed, "the primary key `\(column.name)` must not be NULL", category: .general, at: value.span.range)
}

private func checkHeaders(_ insert: InsertValues, _ target: SourceDefinition) throws(Diagnostic) {
    guard !target.schema.headers.isEmpty else { return }
    let headers = target.schema.headers.map(\.name)
    let listed = insert.columns.isEmpty ? headers : insert.columns.map(\.text).filter(headers.contains)
    if !listed.isEmpty {
        throw Diagnostic(
            .readOnly, "Cannot insert into HEADER columns: \(listed.joined(separator: ", "))", category: .general,
            at: insert.target.span.range)
    }
}

private func unknownTarget(_ name: Name, _ context: AnalysisContext) -> Diagnostic {
    var message = context.catalog.views[name.text] != nil ? "`\(name.text)` is a view, which takes no rows" : "Cannot insert values into an unknown stream/table: `\(name.text)`"
    if let other = context.catalog.sources.keys.sorted().first(where: { $0.uppercased() == name.text.uppercased() }) {
        message +=
            other == other.uppercased()
            ? "\nDid you mean \(other)? Hint: try removing double quotes from the source name."
            : "\nDid you mean \"\(other)\"? Hint: wrap the source name in double quotes to make it case-sensitive."
    }
    return Diagnostic(
        .unknownSource, message, category: .general, hint: nameSuggestion(for: name.text, among: context.catalog.sources.keys.sorted()),
        at: name.span.range)
}

/// A value as the column's type, by the strict rules: numbers widen, texts become times and bytes, nothing else changes its kind.
private func assign(_ value: Analysed, to column: Values.ColumnDefinition) throws(Diagnostic) -> TypedExpression {
    if value.isNull { return .literal(.null, column.type) }
    if value.type == column.type { return value.expression }
    guard value.type.canAssign(to: column.type) else {
        if let difference = TypeDifference(of: value.type, from: column.type) { throw difference.diagnostic(column.name, at: value.source.span.range) }
        throw Diagnostic(
            .typeMismatch,
            "Expected type \(column.type) for field `\(column.name)` but got \(value.type)(\(canonicalText(of: value.source)))",
            at: value.source.span.range)
    }
    if case .literal(let literal) = value.expression.node, case .decimal = column.type, value.type.isNumeric, value.type != .double {
        guard let exact = literal.widened(to: column.type) else {
            throw Diagnostic(
                .numberOutOfRange, "\(canonicalText(of: value.source)) does not fit \(column.type), the type of `\(column.name)`",
                at: value.source.span.range)
        }
        return .literal(exact, column.type)
    }
    if case .literal(.string(let text)) = value.expression.node, column.type.isTemporal, Value.parsed(text, as: column.type) == nil {
        let form = column.type == .date ? "yyyy-MM-dd" : column.type == .time ? "HH:mm:ss" : "yyyy-MM-ddTHH:mm:ss.SSS"
        throw Diagnostic(
            .invalidDateTime, "'\(text)' is no \(column.type) for `\(column.name)`: expected the form \(form)", at: value.source.span.range)
    }
    if value.type.losesDigits(in: column.type) {
        throw Diagnostic(
            .numberOutOfRange,
            "\(canonicalText(of: value.source)) is \(value.type), which has more digits behind the point than \(column.type), the type of "
                + "`\(column.name)`",
            hint: "CAST says that it is to be rounded.", at: value.source.span.range)
    }
    return value.expression.coerced(to: column.type)
}

/// The first place inside nested types where a value has another shape than its column.
struct TypeDifference {
    /// The field there, with those around it: `A->B`, `[]` for the elements of a list and the values of a map.
    var path: String
    var given: SQLType
    /// Nil when the column has no such field.
    var wanted: SQLType?
    /// The column's fields beside it.
    var others: [String] = []

    /// Nil when the types themselves differ, and nothing inside them.
    init?(of given: SQLType, from wanted: SQLType, at path: String = "") {
        self.given = given
        self.wanted = wanted
        self.path = path
        switch (given, wanted) {
        case (.structure(let mine), .structure(let fields)):
            for field in mine {
                let place = path.isEmpty ? field.name : path + "->" + field.name
                guard let other = fields.first(where: { $0.name == field.name }) else {
                    self.path = place
                    self.given = field.type
                    self.wanted = nil
                    others = fields.map(\.name)
                    return
                }
                guard field.type.canAssign(to: other.type) || field.type == other.type else {
                    self = TypeDifference(of: field.type, from: other.type, at: place) ?? self
                    return
                }
            }
            return nil
        case (.array(let mine), .array(let element)): self = TypeDifference(of: mine, from: element, at: path + "[]") ?? self
        case (.map(let key, let mine), .map(let other, let value)) where key.canAssign(to: other):
            self = TypeDifference(of: mine, from: value, at: path + "[]") ?? self
        default: if path.isEmpty { return nil }
        }
    }

    /// The complaint about a value for a column, which stands at `range`.
    func diagnostic(_ column: String, at range: SourceRange?) -> Diagnostic {
        let place = path.hasPrefix("[]") ? column + path : column + "->" + path
        guard let wanted else {
            let name = path.split(separator: ">").last.map(String.init) ?? path
            return Diagnostic(
                .typeMismatch, "`\(column)` has no field \(place)",
                hint: nameSuggestion(for: name, among: others) ?? "Its fields there are \(others.joined(separator: ", ")).",
                at: range)
        }
        return Diagnostic(.typeMismatch, "Expected type \(wanted) for \(place) but got \(given)", at: range)
    }
}

extension SQLType {
    /// Whether every number of this type is one of the other, without rounding.
    fileprivate func alwaysFits(_ wanted: SQLType) -> Bool {
        guard case .decimal(let precision, let scale) = wanted else { return castsImplicitly(to: wanted) }
        guard castsImplicitly(to: wanted), let mine = asDecimal else { return false }
        return mine.scale <= scale && mine.precision - mine.scale <= precision - scale
    }

    /// Whether a decimal, also one inside, has digits behind the point for which the other type has no room.
    func losesDigits(in wanted: SQLType) -> Bool {
        switch (self, wanted) {
        case (.decimal(_, let scale), .decimal(_, let room)): return scale > room
        case (.array(let a), .array(let b)): return a.losesDigits(in: b)
        case (.map(let k1, let v1), .map(let k2, let v2)): return k1.losesDigits(in: k2) || v1.losesDigits(in: v2)
        case (.structure(let a), .structure(let b)):
            return a.contains { field in b.first { $0.name == field.name }.map { field.type.losesDigits(in: $0.type) } ?? false }
        default: return false
        }
    }

    /// The strict coercions of INSERT, element- and field-wise inside nested types.
    func canAssign(to wanted: SQLType) -> Bool {
        if castsImplicitly(to: wanted) { return true }
        switch (self, wanted) {
        case (.array(let a), .array(let b)): return a.canAssign(to: b)
        case (.map(let k1, let v1), .map(let k2, let v2)): return k1.canAssign(to: k2) && v1.canAssign(to: v2)
        case (.structure(let a), .structure(let b)):
            return a.allSatisfy { field in b.first { $0.name == field.name }.map { field.type.canAssign(to: $0.type) } ?? false }
        default: return false
        }
    }
}

extension Expression {
    /// The expression without fields of STRUCTs that are NULL: what is not given is NULL in the column's type, while a NULL has no type. Names that
    /// the type does not have stay, to be refused.
    fileprivate func leavingOutNulls(for type: SQLType) -> Expression {
        switch (node, type) {
        case (.structure(let entries), .structure(let fields)):
            let kept = entries.compactMap { entry -> StructEntry? in
                guard let field = fields.first(where: { $0.name == entry.name.text }) else { return entry }
                if entry.value.node == .literal(.null) { return nil }
                return StructEntry(name: entry.name, value: entry.value.leavingOutNulls(for: field.type))
            }
            return Expression(.structure(kept), span: span)
        case (.array(let items), .array(let element)): return Expression(.array(items.map { $0.leavingOutNulls(for: element) }), span: span)
        case (.map(let entries), .map(_, let value)):
            return Expression(.map(entries.map { MapEntry(key: $0.key, value: $0.value.leavingOutNulls(for: value)) }), span: span)
        default: return self
        }
    }
}
