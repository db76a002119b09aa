// CREATE TABLE … AS VALUES: a table, and then the rows of a question in it. Where these cannot be written, there is no table.

import Analysis
import Catalog
import Diagnostics
import Sessions
import Syntax
import Values

extension StatementExecution {
    func perform(
        _ create: CreateSource, filledWith rows: Question, _ whenDone: @escaping @Sendable (Bool) -> Void
    ) throws(Diagnostic) {
        let columns = try analyse(rows, in: context).columns
        let (plain, text) = try plainCreation(create, columns)
        let exists = engine.catalog.sources[create.name.text] != nil
        if exists, create.orReplace {
            throw Diagnostic(
                .statementError, "\(create.name.text) is there, with its rows, and is not replaced by others", hint: "DROP it before.",
                at: create.name.span.range)
        }
        let summary = try perform(plain, text: text)
        if exists { return done(summary, whenDone) }
        let change = RowChange(target: create.name, action: .insert(columns: [], rows), span: rows.span)
        let undo: @Sendable (Bool) -> Void = { isDone in
            if isDone { return whenDone(true) }
            goOn(on: engine.catalogLane, whenDone) { () throws(Diagnostic) in
                removeAgain(create)
                whenDone(false)
            }
        }
        do throws(Diagnostic) { try perform(change, undo) } catch {
            removeAgain(create)
            throw error
        }
    }

    private func removeAgain(_ create: CreateSource) {
        var drop = DropSource(kind: create.kind, name: create.name)
        drop.deleteTopic = true
        // What cannot be removed stays, empty, and is shown by SHOW TABLES.
        _ = try? perform(drop)
    }

    /// The statement that declares the table, and its text. Columns that it does not list are those of the rows. Errors: a column has a name that no
    /// table may have.
    private func plainCreation(
        _ create: CreateSource, _ columns: [Values.ColumnDefinition]
    ) throws(Diagnostic) -> (CreateSource, String) {
        var plain = create
        if plain.columns.isEmpty {
            let list = columns.map { "\(CanonicalText.identifier($0.name)) \($0.type)" }.joined(separator: ", ")
            guard case .createSource(let listed)? = try parse("CREATE TABLE t (\(list))", options: .stored).first?.statement else {
                throw Diagnostic(.internalError, "the columns of \(create.name.text) cannot be written down", at: create.name.span.range)
            }
            plain.columns = listed.columns
        }
        return (plain, CanonicalText.statement(.createSource(plain)))
    }
}
