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
}
