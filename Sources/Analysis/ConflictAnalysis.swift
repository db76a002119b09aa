// ON CONFLICT: what becomes of the rows of an INSERT whose key is there. Everything is a question over the rows that come and the table.

import Catalog
import Diagnostics
import Syntax
import Values

/// The name under which rows that come are known to ON CONFLICT DO UPDATE, and another one that nobody can write, of those before they are complete.
private let (excluded, coming) = (Name("EXCLUDED"), Name("(new)", isQuoted: true))

private func column(_ source: Name, _ name: String) -> Expression { Expression(.column(source: source, Name(name, isQuoted: true))) }

extension Question {
    /// The question with its literals in the types of the columns, NULL as well, and DEFAULT as what it stands for. Without names it gives all columns
    /// that are written. Errors: a text says nothing in its column's type.
    func fitting(_ names: [Name], _ target: SourceDefinition, _ context: AnalysisContext) throws(Diagnostic) -> Question {
        let columns = target.schema.key + target.schema.value
        let named = names.isEmpty ? target.writtenColumns.map(\.name) : names.map(\.text)
        var question = self
        question.body = try body.replacingValues { (value, index) throws(Diagnostic) in
            guard named.indices.contains(index), let column = columns.first(where: { $0.name == named[index] }) else { return value }
            if value.isDefault { return try otherwise(of: column, target, context) }
            // NULL by itself has no type that what is around it could see.
            if value.node == .literal(.null) { return Expression(storedText: "CAST(NULL AS \(column.type))") ?? value }
            return try value.literal(for: column)
        }
        return question
    }
}

/// What a column gets that nobody gives a value: what DEFAULT says, else NULL, in the column's type.
private func otherwise(
    of column: Values.ColumnDefinition, _ target: SourceDefinition, _ context: AnalysisContext
) throws(Diagnostic) -> Expression {
    let text = target.defaults?[column.name] ?? "NULL"
    guard let value = Expression(storedText: text) else {
        throw Diagnostic(.corruptData, "the DEFAULT of `\(column.name)` cannot be read: \(text)")
    }
    guard value.node == .literal(.null) else { return try value.literal(for: column) }
    return Expression(storedText: "CAST(NULL AS \(column.type))") ?? value
}

/// The columns and the question of an INSERT with ON CONFLICT: without the rows whose key is there, or with what is made of those. Errors: the names behind
/// ON CONFLICT are not those of the key, or the rows do not fit their columns.
func resolving(
    _ conflict: [Name], of question: Question, _ columns: [Name], _ target: SourceDefinition, _ change: RowChange, _ context: AnalysisContext
) throws(Diagnostic) -> ([Name], Question) {
    let key = target.kind == .table && target.hidesKey != true ? target.schema.key.map(\.name) : []
    guard conflict.isEmpty || Set(conflict.map(\.text)) == Set(key) else {
        throw Diagnostic(
            .invalidKey, "ON CONFLICT names \(conflict.map(\.text).joined(separator: ", ")), which is not the primary key of \(target.name)",
            hint: "There is no conflict but that of rows with the same primary key.", at: conflict.first?.span.range)
    }
    let named = columns.isEmpty ? target.writtenColumns.map { Name($0.name, isQuoted: true, span: change.target.span) } : columns
    // Rows of streams, and of tables whose rows have keys of their own, are never in each other's way.
    guard !key.isEmpty, key.allSatisfy({ name in named.contains { $0.text == name } }) else { return (columns, question) }
    // What is wrong with the rows is told without the names that they get here.
    var plain = change
    (plain.conflict, plain.conflictUpdate, plain.returning, plain.tables) = (nil, nil, [], [])
    plain.action = .insert(columns: columns, question)
    _ = try analyse(plain, in: context)
    let rows = try question.fitting(named, target, context)
    guard let update = change.conflictUpdate else { return (named, leavingOut(key, of: rows, named, change)) }
    return try updating(key, with: update, rows, named, target, change, context)
}

/// The rows whose key is neither there nor in a row before.
private func leavingOut(_ key: [String], of question: Question, _ named: [Name], _ change: RowChange) -> Question {
    let old = Name("(old)", isQuoted: true)
    var existing = SelectBlock(
        items: [.expression(Expression(.literal(.integer(1))), alias: nil)],
        from: .source(name: change.target, alias: TableAlias(name: old), reach: nil))
    existing.filter = sameKey(key, old, coming)
    var block = SelectBlock(
        items: named.map { .expression(column(coming, $0.text), alias: nil) },
        from: .question(question, alias: TableAlias(name: coming, columns: named), isLateral: false, span: question.span), span: change.span)
    block.distinctOn = key.map { column(coming, $0) }
    block.filter = Expression(.not(Expression(.exists(Question(body: .select(existing))))))
    return Question(body: .select(block), span: question.span)
}

/// All columns of the rows as they come, or, where the key is there, as the assignments make them of the row that is there.
private func updating(
    _ key: [String], with update: RowChange.ConflictUpdate, _ question: Question, _ named: [Name], _ target: SourceDefinition, _ change: RowChange,
    _ context: AnalysisContext
) throws(Diagnostic) -> ([Name], Question) {
    let columns = target.schema.key + target.schema.value
    for assignment in update.assignments where !columns.contains(where: { $0.name == assignment.column.text }) {
        throw Diagnostic(
            .unknownColumn, "Column name \(assignment.column.text) does not exist.",
            hint: nameSuggestion(for: assignment.column.text, among: columns.map(\.name)), at: assignment.column.span.range)
    }
    if let assignment = update.assignments.first(where: { key.contains($0.column.text) }) {
        throw Diagnostic(
            .invalidKey, "\(assignment.column.text) is part of the primary key, which does not change", at: assignment.column.span.range)
    }
    let own = change.alias ?? Name(target.name, isQuoted: true)
    var complete: [SelectItem] = []
    for wanted in columns {
        let given = named.contains { $0.text == wanted.name }
        complete.append(.expression(given ? column(coming, wanted.name) : try otherwise(of: wanted, target, context), alias: Name(wanted.name, isQuoted: true)))
    }
    let inner = SelectBlock(
        items: complete, from: .question(question, alias: TableAlias(name: coming, columns: named), isLateral: false, span: question.span), span: change.span)
    let isNew = Expression(.isNull(column(own, key[0]), negated: false))
    func bare(_ expression: Expression) -> Expression {
        expression.replacingColumns { source, name in Expression(.column(source: source ?? own, name)) }
    }
    var items: [SelectItem] = []
    for wanted in columns {
        guard !key.contains(wanted.name) else {
            items.append(.expression(column(excluded, wanted.name), alias: nil))
            continue
        }
        let written = update.assignments.last { $0.column.text == wanted.name }?.value
        let value = try written.map { value throws(Diagnostic) in
            value.isDefault ? try otherwise(of: wanted, target, context) : bare(try value.literal(for: wanted))
        } ?? column(own, wanted.name)
        let when = Expression.WhenClause(condition: isNew, result: column(excluded, wanted.name))
        items.append(.expression(Expression(.searchedCase([when], otherwise: value), span: value.span), alias: nil))
    }
    let join = TableJoin(
        kind: .left, left: .question(Question(body: .select(inner)), alias: TableAlias(name: excluded), isLateral: false, span: question.span),
        right: .source(name: change.target, alias: TableAlias(name: own), reach: nil), condition: .on(sameKey(key, own, excluded)), span: change.span)
    var block = SelectBlock(items: items, from: .join(join), span: change.span)
    block.filter = update.filter.map { Expression(.logical(.or, isNew, bare($0))) }
    return (columns.map { Name($0.name, isQuoted: true) }, Question(body: .select(block), span: question.span))
}

private func sameKey(_ key: [String], _ left: Name, _ right: Name) -> Expression {
    let tests = key.map { Expression(.comparison(.equal, column(left, $0), column(right, $0))) }
    return tests.joined { Expression(.logical(.and, $0, $1)) } ?? Expression(.literal(.boolean(true)))
}
