// The text of statements that change rows, functions and comments.

extension CanonicalText {
    static func changeRows(_ change: RowChange) -> String {
        func condition(_ filter: Expression?) -> String { filter.map { " WHERE " + expression($0) } ?? "" }
        return switch change.action {
        case .insert(let columns, let question):
            "INSERT INTO " + name(change.target) + (columns.isEmpty ? "" : " (" + columns.map(name).joined(separator: ", ") + ")") + " ("
                + self.question(question) + ")" + (change.conflict.map(conflict) ?? "") + ";"
        case .update(let assignments, let filter):
            "UPDATE " + name(change.target) + " SET " + assignments.map { name($0.column) + " = " + expression($0.value) }.joined(separator: ", ")
                + condition(filter) + ";"
        case .delete(let filter): "DELETE FROM " + name(change.target) + condition(filter) + ";"
        }
    }

    private static func conflict(_ names: [Name]) -> String {
        " ON CONFLICT" + (names.isEmpty ? "" : " (" + names.map(name).joined(separator: ", ") + ")") + " DO NOTHING"
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
