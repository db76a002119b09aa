// INSERT INTO … SELECT of tables: ksqlDB has none that goes on, so it is the one that ends.

import Catalog
package import Syntax
import Values

extension Statement {
    /// The statement as it is carried out: an INSERT of a SELECT into a table, whose rows are statements' own, writes its rows once.
    package func inserting(into context: AnalysisContext) -> Statement {
        guard context.isFull, case .insertSelect(let insert) = self, insert.properties.isEmpty, insert.query.emit == nil,
            context.catalog.sources[insert.target.text]?.kind == .table
        else { return self }
        let action = RowChange.Action.insert(columns: [], insert.query.question)
        return .changeRows(RowChange(target: insert.target, action: action, span: insert.query.span))
    }
}
