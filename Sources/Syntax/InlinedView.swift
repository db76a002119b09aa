// Views in queries that never end: as subqueries, what a simple one computes is written into the query around it.

package import Diagnostics

extension Query {
    /// The names behind its FROM and JOINs, in the order in which they stand there.
    package var sourceNames: [Name] { from.sourceNames }

    /// The query with the views that it names written out. `written` gives what a view was made with, or nil for a name that is none. Errors: a
    /// view is more than can be written into a query that never ends.
    package func writingOut(views written: (String) throws(Diagnostic) -> CreateView?) throws(Diagnostic) -> Query {
        var tables: [String: InlinedTable] = [:]
        for name in sourceNames { try InlinedTable.addView(name, written, &tables, depth: 0) }
        if tables.isEmpty { return self }
        var query = self
        do throws(ParseFailure) { try query.inline(tables) } catch { throw error.diagnostic }
        return query
    }
}

extension InlinedTable {
    /// Adds a view, if the name is that of one, with those that it reads in front of it.
    fileprivate static func addView(
        _ name: Name, _ written: (String) throws(Diagnostic) -> CreateView?, _ tables: inout [String: InlinedTable], depth: Int
    ) throws(Diagnostic) {
        guard tables[name.text] == nil, let view = try written(name.text) else { return }
        guard depth < SyntaxLimits.mostViews else {
            throw Diagnostic(.tooDeep, "more than \(SyntaxLimits.mostViews) views read each other in a row", at: name.span.range)
        }
        if case .select(let block) = view.question.body {
            for below in block.from?.sourceNames ?? [] {
                try addView(Name(below.text, isQuoted: below.isQuoted, span: name.span), written, &tables, depth: depth + 1)
            }
        }
        do throws(ParseFailure) {
            tables[name.text] = try InlinedTable(view.question, columns: view.columns, among: tables)
        } catch {
            throw error.diagnostic.inView(name.text, at: name.span.range)
        }
    }
}

extension Diagnostic {
    /// What is wrong inside a view, told where the view is named.
    package func inView(_ name: String, at range: SourceRange?) -> Diagnostic {
        var error = self
        // Of views that read each other too far the outermost one says enough.
        if code != .tooDeep || !message.hasPrefix("in the view ") { error.message = "in the view \(name): \(message)" }
        error.range = range
        (error.statement, error.expected) = (nil, [])
        return error
    }
}

extension TableExpression {
    fileprivate var sourceNames: [Name] {
        switch self {
        case .source(let name, _, _): [name]
        case .join(let join): join.left.sourceNames + join.right.sourceNames
        case .question, .function: []
        }
    }
}

extension Relation {
    fileprivate var sourceNames: [Name] {
        switch self {
        case .source(let name, _): [name]
        case .subquery(let query, _): query.sourceNames
        case .join(let join): join.left.sourceNames + join.right.sourceNames
        }
    }
}
