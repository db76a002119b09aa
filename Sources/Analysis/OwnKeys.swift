// Tables made of a table whose rows have keys of their own: they have these keys as well, and nobody needs to name them.

import Catalog
import Syntax
import Values

extension Query {
    /// The query with the key of its table in front of its items, where that is one that stars of questions leave out and no item names it.
    func keepingOwnKey(for kind: Syntax.SourceKind, _ context: AnalysisContext) -> Query {
        guard context.isFull, kind == .table, !keepsRows, groupBy == nil, case .source(let name, _) = from,
            let source = context.catalog.sources[name.text], source.hidesKey == true, let key = source.schema.key.first
        else { return self }
        let isThere = items.contains { item in
            switch item {
            case .all, .allOf: true
            case .expression(let expression, _): if case .column(_, let column) = expression.node { column.text == key.name } else { false }
            case .allFields, .changedStar: false
            }
        }
        if isThere { return self }
        var result = self
        result.items.insert(.expression(Expression(.column(source: nil, Name(key.name, isQuoted: true))), alias: nil), at: 0)
        return result
    }
}
