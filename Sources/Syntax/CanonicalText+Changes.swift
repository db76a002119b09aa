// The text of statements that change rows, functions and comments.

extension CanonicalText {
    static func changeRows(_ change: RowChange) -> String {
        func condition(_ filter: Expression?) -> String { filter.map { " WHERE " + expression($0) } ?? "" }
        let target = name(change.target) + (change.alias.map { " AS " + name($0) } ?? "")
        let end = (change.returning.isEmpty ? "" : " RETURNING " + change.returning.map(item).joined(separator: ", ")) + ";"
        let text = switch change.action {
        case .insert(let columns, let question):
            "INSERT INTO " + target + (columns.isEmpty ? "" : " (" + columns.map(name).joined(separator: ", ") + ")") + " ("
                + self.question(question) + ")" + (change.conflict.map { conflict($0, change.conflictUpdate) } ?? "") + end
        case .update(let assignments, let filter):
            "UPDATE " + target + " SET " + list(assignments) + condition(filter) + end
        case .delete(let filter): "DELETE FROM " + target + condition(filter) + end
        }
        return withTables(change.tables, isRecursive: change.isRecursive) + text
    }

    private static func list(_ assignments: [RowChange.Assignment]) -> String {
        assignments.map { name($0.column) + " = " + expression($0.value) }.joined(separator: ", ")
    }

    private static func conflict(_ names: [Name], _ update: RowChange.ConflictUpdate?) -> String {
        let key = " ON CONFLICT" + (names.isEmpty ? "" : " (" + names.map(name).joined(separator: ", ") + ")")
        guard let update else { return key + " DO NOTHING" }
        return key + " DO UPDATE SET " + list(update.assignments) + (update.filter.map { " WHERE " + expression($0) } ?? "")
    }

    static func createView(_ create: CreateView) -> String {
        "CREATE " + (create.orReplace ? "OR REPLACE " : "") + "VIEW " + (create.ifNotExists ? "IF NOT EXISTS " : "") + name(create.name)
            + (create.columns.isEmpty ? "" : " (" + create.columns.map(name).joined(separator: ", ") + ")") + " AS " + question(create.question) + ";"
    }

    static func createFunction(_ create: CreateFunction) -> String {
        "CREATE " + (create.orReplace ? "OR REPLACE " : "") + (create.isAggregate ? "AGGREGATE " : "") + "FUNCTION "
            + (create.ifNotExists ? "IF NOT EXISTS " : "") + name(create.name) + "("
            + create.parameters.map(field).joined(separator: ", ") + ") RETURNS " + type(create.result) + " AS " + body(create) + ";"
    }

    private static func body(_ create: CreateFunction) -> String {
        guard create.isAggregate, case .call(_, let parts) = create.body.node else { return expression(create.body) }
        return "(" + parts.map(expression).joined(separator: ", ") + ")"
    }

    static func subject(_ subject: CommentOn.Subject) -> String {
        switch subject {
        case .source(let kind, let name): kind.rawValue + " " + self.name(name)
        case .column(let source, let column): "COLUMN " + name(source) + "." + name(column)
        case .function(let name): "FUNCTION " + self.name(name)
        }
    }

    static func addition(_ addition: AlterSource.Addition) -> String {
        "ADD COLUMN " + addition.path.map { name($0) + "->" }.joined() + field(addition.field)
    }
}
