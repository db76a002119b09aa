// INSERT INTO s (SELECT …), UPDATE and DELETE: a question whose rows become records of the target, once.

package import Catalog
package import Diagnostics
import Plans
package import Syntax
import Values

/// A change of rows after analysis.
package struct ResolvedChange: Hashable, Sendable {
    package var target: SourceDefinition
    /// Gives, of a deletion, the key columns of the rows that go, else all columns of the rows that come, in row order and in their types.
    package var question: ResolvedQuestion
    package var isDeletion: Bool
    /// Whether two rows with one key are an error, because each would replace what the other has made.
    package var refusesRepeatedKeys = false
    /// What is shown of each row, over its columns; nil for nothing.
    package var returning: ReturnedRows?
}

/// Checks a change of rows.
package func analyse(_ change: RowChange, in context: AnalysisContext) throws(Diagnostic) -> ResolvedChange {
    let target = try changeable(change, context)
    var resolved: ResolvedChange
    switch change.action {
    case .insert(let columns, let question): resolved = try insertion(columns, question, target, change, context)
    case .update(let assignments, let filter): resolved = try update(assignments, filter, target, change, context)
    case .delete(let filter):
        // What RETURNING shows is more than the key.
        let items = (target.schema.key + (change.returning.isEmpty ? [] : target.schema.value)).map(item)
        resolved = ResolvedChange(target: target, question: try analyse(selection(items, change, filter), in: context), isDeletion: true)
    }
    if !change.returning.isEmpty {
        var plain = change
        plain.tables = []
        resolved.returning = try returnedRows(by: selection(change.returning, plain, nil), target, context)
    }
    return resolved
}

private func insertion(
    _ columns: [Name], _ question: Question, _ target: SourceDefinition, _ change: RowChange, _ context: AnalysisContext
) throws(Diagnostic) -> ResolvedChange {
    var question = question
    (question.tables, question.isRecursive) = (change.tables + question.tables, change.isRecursive || question.isRecursive)
    guard let conflict = change.conflict else { return try insertedRows(columns, question, target, change, context) }
    let (named, rest) = try resolving(conflict, of: question, columns, target, change, context)
    var resolved = try insertedRows(named, rest, target, change, context)
    resolved.refusesRepeatedKeys = change.conflictUpdate != nil && target.hidesKey != true
    return resolved
}

private func changeable(_ change: RowChange, _ context: AnalysisContext) throws(Diagnostic) -> SourceDefinition {
    let place = change.target.span.range
    let target = try context.source(named: change.target)
    let word = target.kind.rawValue.lowercased()
    if target.isReadOnly { throw Diagnostic(.readOnly, "\(target.name) is a read-only \(word)", category: .general, at: place) }
    if target.window != nil { throw Diagnostic(.windowError, "the rows of the windowed \(word) \(target.name) cannot be changed", at: place) }
    if !target.schema.headers.isEmpty {
        throw Diagnostic(.readOnly, "the rows of \(target.name) cannot be changed, because it has header columns", at: place)
    }
    if let refusal = refusalOfRows(for: target, at: place) { throw refusal }
    if case .insert(_, let question) = change.action {
        if target.kind == .stream, let failure = change.asContinuous, question.readsSources { throw failure.diagnostic }
        return target
    }
    guard target.kind == .table else {
        throw Diagnostic(
            .wrongObjectKind, "\(target.name) is a stream: what has happened cannot be changed", hint: "UPDATE and DELETE are for tables.", at: place)
    }
    if let writer = context.catalog.writers(of: target.name).first {
        throw Diagnostic(
            .readOnly, "the rows of \(target.name) come from the query \(writer.id)", category: .general, hint: "Change what the query reads.", at: place)
    }
    return target
}

private func item(_ column: Values.ColumnDefinition) -> SelectItem {
    .expression(Expression(.column(source: nil, Name(column.name, isQuoted: true))), alias: nil)
}

private func selection(_ items: [SelectItem], _ change: RowChange, _ filter: Expression?) -> Question {
    let alias = change.alias.map { TableAlias(name: $0) }
    var block = SelectBlock(items: items, from: .source(name: change.target, alias: alias, reach: nil), span: change.span)
    block.filter = filter
    var question = Question(body: .select(block), span: change.span)
    (question.tables, question.isRecursive) = (change.tables, change.isRecursive)
    return question
}

// MARK: INSERT

private func insertedRows(
    _ names: [Name], _ question: Question, _ target: SourceDefinition, _ change: RowChange, _ context: AnalysisContext
) throws(Diagnostic) -> ResolvedChange {
    let columns = target.schema.key + target.schema.value
    let question = try question.fitting(names, target, context)
    var resolved = try analyse(question, in: context)
    let named = names.isEmpty ? target.writtenColumns.map { Name($0.name, isQuoted: true, span: change.target.span) } : names
    guard named.count == resolved.columns.count else {
        throw Diagnostic(
            .statementError,
            "Expected \(named.count) column\(named.count == 1 ? "" : "s") (\(named.map(\.text).joined(separator: ", "))), but the question gives "
                + "\(resolved.columns.count)", at: question.span.range)
    }
    for (index, name) in named.enumerated() {
        guard columns.contains(where: { $0.name == name.text }) else {
            throw Diagnostic(
                .unknownColumn, "Column name \(name.text) does not exist.", hint: nameSuggestion(for: name.text, among: columns.map(\.name)),
                at: name.span.range)
        }
        if named[..<index].contains(where: { $0.text == name.text }) {
            throw Diagnostic(.duplicateColumn, "Column \(name.text) is listed more than once.", at: name.span.range)
        }
    }
    let ownKey = try ownKey(of: target, unlessAmong: named, context)
    if target.kind == .table, ownKey == nil, let key = target.schema.key.first(where: { key in !named.contains { $0.text == key.name } }) {
        throw Diagnostic(.nullNotAllowed, "a row of \(target.name) needs a value for its primary key `\(key.name)`", at: change.target.span.range)
    }
    var items = ownKey.map { [$0] } ?? []
    for column in columns.dropFirst(items.count) {
        if let index = named.firstIndex(where: { $0.text == column.name }), !resolved.step.isNull(index) {
            items.append(try fitted(.column(index, resolved.columns[index].type), to: column, question.span))
        } else if !named.contains(where: { $0.text == column.name }), let otherwise = try defaultValue(of: column, in: target, context) {
            items.append(otherwise)
        } else {
            items.append(.literal(.null, column.type))
        }
    }
    resolved.step = .project(resolved.step, items)
    resolved.columns = columns
    return ResolvedChange(target: target, question: resolved, isDeletion: false)
}

extension RelationalStep {
    /// Whether a column is NULL, literally: the type that it has is only a stand-in.
    func isNull(_ column: Int) -> Bool {
        switch self {
        case .project(_, let expressions): expressions[column].node == .literal(.null)
        case .sort(let input, _, _), .limit(let input, _, _), .distinct(let input): input.isNull(column)
        default: false
        }
    }
}

/// A value in the column's type, if that holds it.
func fitted(
    _ value: TypedExpression, to column: Values.ColumnDefinition, _ span: SourceSpan
) throws(Diagnostic) -> TypedExpression {
    if value.type == column.type { return value }
    // What COUNT gives goes into an INT where it fits.
    if value.type == .bigint, column.type == .integer { return TypedExpression(.call("TO_INT", [value]), .integer) }
    if let difference = TypeDifference(of: value.type, from: column.type), !value.type.canAssign(to: column.type) {
        throw difference.diagnostic(column.name, at: span.range)
    }
    guard value.type.canAssign(to: column.type), !value.type.losesDigits(in: column.type) else {
        throw Diagnostic(
            .typeMismatch, "Expected type \(column.type) for field `\(column.name)` but got \(value.type)",
            hint: "CAST says that it is to be changed.", at: span.range)
    }
    return value.coerced(to: column.type)
}

// MARK: UPDATE

private func update(
    _ assignments: [RowChange.Assignment], _ filter: Expression?, _ target: SourceDefinition, _ change: RowChange, _ context: AnalysisContext
) throws(Diagnostic) -> ResolvedChange {
    let columns = target.schema.key + target.schema.value
    for (index, assignment) in assignments.enumerated() {
        let place = assignment.column.span.range
        guard columns.contains(where: { $0.name == assignment.column.text }) else {
            throw Diagnostic(
                .unknownColumn, "Column name \(assignment.column.text) does not exist.",
                hint: nameSuggestion(for: assignment.column.text, among: columns.map(\.name)), at: place)
        }
        if target.schema.key.contains(where: { $0.name == assignment.column.text }) {
            throw Diagnostic(
                .invalidKey, "\(assignment.column.text) is part of the primary key, which does not change",
                hint: "INSERT the row under its new key and DELETE the old one.", at: place)
        }
        if assignments[..<index].contains(where: { $0.column.text == assignment.column.text }) {
            throw Diagnostic(.duplicateColumn, "Column \(assignment.column.text) is set more than once.", at: place)
        }
    }
    func assignment(_ column: Values.ColumnDefinition) -> RowChange.Assignment? { assignments.first { $0.column.text == column.name } }
    // DEFAULT is no expression over the row; its value comes below.
    var items: [SelectItem] = []
    for column in columns {
        guard let value = assignment(column)?.value else {
            items.append(item(column))
            continue
        }
        items.append(.expression(value.isDefault ? Expression(.literal(.null)) : try value.literal(for: column), alias: nil))
    }
    var resolved = try analyse(selection(items, change, filter), in: context)
    var values: [TypedExpression] = []
    for (index, column) in columns.enumerated() {
        let written = assignment(column)
        if let written, written.value.isDefault {
            values.append(try defaultValue(of: column, in: target, context) ?? .literal(.null, column.type))
        } else if let written, written.value.node == .literal(.null) {
            values.append(.literal(.null, column.type))
        } else {
            values.append(try fitted(.column(index, resolved.columns[index].type), to: column, written?.value.span ?? change.span))
        }
    }
    resolved.step = .project(resolved.step, values)
    resolved.columns = columns
    return ResolvedChange(target: target, question: resolved, isDeletion: false)
}
