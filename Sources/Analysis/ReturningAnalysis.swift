// RETURNING: what is shown of the rows that a statement has changed.

import Catalog
import Diagnostics
package import Plans
import Syntax
package import Values

/// What is shown of each row of a change.
package struct ReturnedRows: Hashable, Sendable {
    /// One a column, over the columns of the change.
    package var expressions: [TypedExpression]
    /// Their names and types.
    package var columns: [Values.ColumnDefinition]
}

/// What RETURNING asks for; nil where it was not written. `selection` is a question with its items over the target. Errors: an item means nothing over one
/// row of the target.
func returnedRows(
    by selection: Question, _ target: SourceDefinition, _ context: AnalysisContext
) throws(Diagnostic) -> ReturnedRows {
    let resolved = try analyse(selection, in: context)
    let count = target.schema.key.count + target.schema.value.count
    var expressions: [TypedExpression] = []
    switch resolved.step {
    case .scan: expressions = resolved.columns.enumerated().map { .column($0.offset, $0.element.type) }
    case .project(.scan, let items): expressions = items
    default: break
    }
    guard !expressions.isEmpty, expressions.allSatisfy({ $0.columnsRead.allSatisfy { $0 < count } }) else {
        throw Diagnostic(
            .featureNotSupported, "RETURNING takes expressions over the columns of \(target.name)",
            hint: "Subqueries, aggregates and pseudo columns can be asked for by a SELECT behind the statement.", at: selection.span.range)
    }
    return ReturnedRows(expressions: expressions, columns: resolved.columns)
}
