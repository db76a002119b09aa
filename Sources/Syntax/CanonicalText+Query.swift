// The text of queries: one clause a line.

extension Query {
    /// The canonical text, without a final line end or `;`.
    package var canonicalText: String { CanonicalText.query(self) }
}

extension CanonicalText {
    /// A SELECT with its clauses, one a line.
    package static func query(_ query: Query) -> String {
        var lines: [String] = []
        if query.items.count == 1 {
            lines.append("SELECT " + (query.isDistinct ? "DISTINCT " : "") + item(query.items[0]))
        } else {
            lines.append("SELECT" + (query.isDistinct ? " DISTINCT" : "") + "\n" + query.items.map { "  " + item($0) }.joined(separator: ",\n"))
        }
        lines.append("FROM " + relation(query.from))
        if let window = query.window { lines.append("WINDOW " + self.window(window)) }
        if let filter = query.filter { lines.append("WHERE " + expression(filter)) }
        if let keys = query.groupBy { lines.append("GROUP BY " + keyList(keys)) }
        if let keys = query.partitionBy { lines.append("PARTITION BY " + keyList(keys)) }
        if let having = query.having { lines.append("HAVING " + expression(having)) }
        if let qualify = query.qualify { lines.append("QUALIFY " + expression(qualify)) }
        if let late = query.lateRows { lines.append("LATE ROWS INTO " + name(late)) }
        if let emit = query.emit { lines.append("EMIT " + emit.rawValue) }
        if let limit = query.limit { lines.append("LIMIT \(limit)") }
        return lines.joined(separator: "\n")
    }

    private static func keyList(_ keys: [Expression]) -> String {
        keys.isEmpty ? "()" : keys.map(expression).joined(separator: ", ")
    }

    /// An item of a SELECT list.
    package static func item(_ item: SelectItem) -> String {
        switch item {
        case .expression(let expression, let alias): self.expression(expression) + (alias.map { " " + name($0) } ?? "")
        case .all: "*"
        case .allOf(let source): name(source) + ".*"
        case .allFields(let base): starBase(base) + "->*"
        case .changedStar(let star): changedStar(star)
        }
    }

    private static func changedStar(_ star: ChangedStar) -> String {
        func changes(_ word: String, _ changes: [ChangedStar.Change]) -> String {
            changes.isEmpty ? "" : " \(word) (" + changes.map { expression($0.value) + " AS " + name($0.name) }.joined(separator: ", ") + ")"
        }
        return (star.source.map { name($0) + "." } ?? "") + "*"
            + (star.excluded.isEmpty ? "" : " EXCLUDE (" + star.excluded.map(name).joined(separator: ", ") + ")")
            + changes("REPLACE", star.replaced) + changes("RENAME", star.renamed)
    }

    private static func starBase(_ base: Expression) -> String {
        if case .sign = base.node { return "(" + expression(base) + ")" }
        return expression(base)
    }

    /// What follows FROM, a join a line.
    package static func relation(_ relation: Relation) -> String {
        switch relation {
        case .source(let name, let alias): return self.name(name) + (alias.map { " " + self.alias($0) } ?? "")
        case .subquery(let query, let alias): return "(" + self.query(query) + ")" + (alias.map { " " + self.alias($0) } ?? "")
        case .join(let join):
            let within = join.within.map { " WITHIN " + self.within($0) } ?? ""
            return self.relation(join.left) + "\n" + (join.isAsof ? "ASOF " : "") + join.kind.rawValue + " JOIN " + self.relation(join.right) + within + " ON "
                + bracketed(expression(join.condition))
        }
    }

    /// A join condition stands in parentheses, which most conditions bring along.
    private static func bracketed(_ text: String) -> String { text.hasPrefix("(") ? text : "(" + text + ")" }

    /// EMIT and PARTITION begin clauses; quoted they cannot be mistaken.
    private static func alias(_ alias: Name) -> String {
        alias.text == "EMIT" || alias.text == "PARTITION" ? backQuoted(alias.text) : name(alias)
    }

    /// What follows WINDOW.
    package static func window(_ clause: WindowClause) -> String {
        let options =
            (clause.zone.map { ", TIME ZONE " + quoted($0.text) } ?? "") + (clause.offset.map { ", OFFSET " + duration($0) } ?? "")
            + (clause.retention.map { ", RETENTION " + duration($0) } ?? "") + (clause.grace.map { ", GRACE PERIOD " + duration($0) } ?? "")
        return switch clause.shape {
        case .calendar(let size): "TUMBLING (SIZE \(size.count) \(size.unit.rawValue)" + options + ")"
        case .tumbling(let size): "TUMBLING (SIZE " + duration(size) + options + ")"
        case .hopping(let size, let advance): "HOPPING (SIZE " + duration(size) + ", ADVANCE BY " + duration(advance) + options + ")"
        case .session(let gap): "SESSION (" + duration(gap) + options + ")"
        }
    }

    /// What follows WITHIN.
    package static func within(_ within: Join.Within) -> String {
        let span =
            within.isPair ? "(" + duration(within.before) + ", " + duration(within.after) + ")" : duration(within.before)
        return span + (within.grace.map { " GRACE PERIOD " + duration($0) } ?? "")
    }
}
