// A statement as it was meant when it was made: stars and custom types written out. `SELECT *` over a stream that has got another column
// since, or a column of a type that has been dropped, means something else when it is read again; this text does not.

import Analysis
import Diagnostics
import Syntax
import Values

extension StatementExecution {
    /// CREATE … AS SELECT with its query's columns named one by one.
    func expanded(_ create: CreateAs, _ query: ResolvedQuery) -> String {
        var meant = create
        meant.query = query.normalised
        return CanonicalText.statement(.createAs(meant)) + ";"
    }

    /// INSERT INTO … SELECT with its query's columns named one by one.
    func expanded(_ insert: InsertSelect, _ query: ResolvedQuery) -> String {
        var meant = insert
        meant.query = query.normalised
        return CanonicalText.statement(.insertSelect(meant)) + ";"
    }

    /// CREATE STREAM or TABLE with the types of its columns written out.
    func expanded(_ create: CreateSource) throws(Diagnostic) -> String {
        var meant = create
        let types = try create.columns.map { column throws(Diagnostic) in try context.type(column.type) }
        let text = types.enumerated().map { "c\($0) \($1)" }.joined(separator: ", ")
        if case .createSource(let written)? = try parse("CREATE STREAM types (\(text));").first?.statement {
            for (index, column) in written.columns.enumerated() where index < meant.columns.count { meant.columns[index].type = column.type }
        }
        return CanonicalText.statement(.createSource(meant))
    }
}
