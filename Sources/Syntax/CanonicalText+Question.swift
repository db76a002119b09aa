// The text of questions, in one line: a subquery stands in the middle of an expression.

extension CanonicalText {
    /// A question with its clauses.
    package static func question(_ question: Question) -> String {
        var text = withTables(question.tables, isRecursive: question.isRecursive) + body(question.body)
        if !question.orderBy.isEmpty { text += " ORDER BY " + keys(question.orderBy) }
        if let limit = question.limit { text += " LIMIT \(limit)" }
        if let offset = question.offset { text += " OFFSET \(offset)" }
        return text
    }

    /// What WITH names, with a blank behind it; empty for nothing.
    static func withTables(_ tables: [CommonTable], isRecursive: Bool) -> String {
        guard !tables.isEmpty else { return "" }
        let list = tables.map { name($0.name) + names($0.columns) + " AS (" + question($0.question) + ")" }
        return (isRecursive ? "WITH RECURSIVE " : "WITH ") + list.joined(separator: ", ") + " "
    }

    private static func names(_ names: [Name]) -> String {
        names.isEmpty ? "" : " (" + names.map(name).joined(separator: ", ") + ")"
    }

    static func keys(_ keys: [SortKey]) -> String {
        keys.map { key in
            (key.isAll ? "ALL" : expression(key.expression)) + (key.isDescending ? " DESC" : "")
                + (key.nullsFirst.map { $0 ? " NULLS FIRST" : " NULLS LAST" } ?? "")
        }.joined(separator: ", ")
    }

    private static func body(_ body: QuestionBody) -> String {
        switch body {
        case .select(let block): select(block)
        case .values(let rows, _): "VALUES " + rows.map { "(" + list($0) + ")" }.joined(separator: ", ")
        case .combination(let operation, let isAll, let left, let right, _):
            operand(left) + " " + operation.rawValue + (isAll ? " ALL " : " ") + operand(right)
        case .nested(let question): "(" + self.question(question) + ")"
        }
    }

    private static func operand(_ body: QuestionBody) -> String {
        if case .combination = body { "(" + self.body(body) + ")" } else { self.body(body) }
    }

    private static func select(_ block: SelectBlock) -> String {
        var text = "SELECT "
        if !block.distinctOn.isEmpty {
            text += "DISTINCT ON (" + list(block.distinctOn) + ") "
        } else if block.isDistinct {
            text += "DISTINCT "
        }
        text += block.items.map(item).joined(separator: ", ")
        if let from = block.from { text += " FROM " + table(from) }
        if let window = block.window { text += " WINDOW " + self.window(window) }
        if let filter = block.filter { text += " WHERE " + expression(filter) }
        if let elements = block.groupBy { text += " GROUP BY " + (elements.isEmpty ? "()" : elements.map(element).joined(separator: ", ")) }
        if let keys = block.partitionBy { text += " PARTITION BY " + list(keys) }
        if let having = block.having { text += " HAVING " + expression(having) }
        if !block.windows.isEmpty {
            text += " WINDOW " + block.windows.map { name($0.name) + " AS (" + specification($0.specification) + ")" }.joined(separator: ", ")
        }
        if let qualify = block.qualify { text += " QUALIFY " + expression(qualify) }
        if let emit = block.emit { text += " EMIT " + emit.rawValue }
        return text
    }

    private static func element(_ element: GroupingElement) -> String {
        func sets(_ sets: [[Expression]]) -> String { "(" + sets.map { "(" + list($0) + ")" }.joined(separator: ", ") + ")" }
        return switch element {
        case .expression(let key): expression(key)
        case .rollup(let keys): "ROLLUP " + sets(keys)
        case .cube(let keys): "CUBE " + sets(keys)
        case .sets(let keys): "GROUPING SETS " + sets(keys)
        case .all: "ALL"
        }
    }

    private static func table(_ table: TableExpression) -> String {
        switch table {
        case .source(let name, let alias, let reach): return sourceName(name) + (reach.map(self.reach) ?? "") + aliased(alias)
        case .question(let question, let alias, let isLateral, _):
            return (isLateral ? "LATERAL (" : "(") + self.question(question) + ")" + aliased(alias)
        case .function(let function, let arguments, let alias, _): return name(function) + "(" + list(arguments) + ")" + aliased(alias)
        case .join(let join):
            let word = join.condition == .natural ? "NATURAL " : join.isAsof ? "ASOF " : ""
            var text = self.table(join.left) + " " + word + (join.kind?.rawValue ?? "CROSS") + " JOIN " + joined(join.right)
            if let within = join.within { text += " WITHIN " + self.within(within) }
            switch join.condition {
            case .on(let condition): text += " ON " + expression(condition)
            case .using(let columns): text += " USING" + names(columns)
            case .natural, .none: break
            }
            return text
        }
    }

    private static func reach(_ reach: SourceReach) -> String {
        func place(_ place: SourceReach.Place) -> String {
            switch place {
            case .earliest: "EARLIEST"
            case .latest: "LATEST"
            case .offset(let offset): "OFFSET \(offset)"
            case .timestamp(let text): "TIMESTAMP " + literal(.string(text))
            }
        }
        return (reach.start.map { " FROM " + place($0) } ?? "") + (reach.end.map { " UNTIL " + place($0) } ?? "")
            + (reach.asOf.map { " AS OF TIMESTAMP " + literal(.string($0)) } ?? "")
    }

    /// The right side of a join, in brackets where it is one itself.
    private static func joined(_ table: TableExpression) -> String {
        if case .join = table { "(" + self.table(table) + ")" } else { self.table(table) }
    }

    private static func aliased(_ alias: TableAlias?) -> String { alias.map { " AS " + name($0.name) + names($0.columns) } ?? "" }

    private static func list(_ expressions: [Expression]) -> String { expressions.map(expression).joined(separator: ", ") }

    /// What stands between the brackets behind OVER.
    static func specification(_ window: WindowSpecification) -> String {
        var parts = window.base.map { [name($0)] } ?? []
        if !window.partitionBy.isEmpty { parts.append("PARTITION BY " + list(window.partitionBy)) }
        if !window.orderBy.isEmpty { parts.append("ORDER BY " + keys(window.orderBy)) }
        if let frame = window.frame {
            parts.append(frame.unit.rawValue + " BETWEEN " + bound(frame.start) + " AND " + bound(frame.end))
            if frame.exclusion != .none { parts.append("EXCLUDE " + frame.exclusion.rawValue) }
        }
        return parts.joined(separator: " ")
    }

    private static func bound(_ bound: WindowFrame.Bound) -> String {
        switch bound {
        case .unboundedPreceding: "UNBOUNDED PRECEDING"
        case .preceding(let count): expression(count) + " PRECEDING"
        case .currentRow: "CURRENT ROW"
        case .following(let count): expression(count) + " FOLLOWING"
        case .unboundedFollowing: "UNBOUNDED FOLLOWING"
        }
    }
}
