// Statements of other databases that change nothing here. Each answer says so, so that a script which has them goes on and nobody is deceived; what
// would have to undo something is an error (ROLLBACK, in the parser).

import Analysis
import Diagnostics
import Sessions
import Syntax

extension StatementExecution {
    func perform(_ statement: NeedlessStatement) throws(Diagnostic) -> AnswerSummary {
        sink.emit(.notice(try notice(about: statement)))
        return AnswerSummary()
    }

    private func notice(about statement: NeedlessStatement) throws(Diagnostic) -> String {
        switch statement {
        case .createIndex(let name, let table, let keys, let isUnique, let filter):
            try checkIndex(on: table, keys, filter)
            return "the index \(name.map { $0.text + " " } ?? "")was not made: there are no secondary indexes, a table is found by its PRIMARY KEY, a stream by "
                + "ROWTIME and ROWOFFSET" + (isUnique ? "; nothing keeps the rows unique" : "")
        case .dropIndex(let name, _): return "there is no index \(name.text): Millrace has no secondary indexes"
        case .begin: return "there are no transactions: each statement is a commit of its own, and nothing can be rolled back"
        case .commit: return "there are no transactions: each statement was a commit of its own"
        case .upkeep(let word, let name):
            if let name { _ = try context.source(named: name) }
            return "\(word) did nothing: there are no statistics and no files to tidy up; what is old goes by itself, as RETENTION_MS of a topic says"
        case .pragma(let name): return "PRAGMA \(name.text.lowercased()) did nothing; SET 'name' = 'value' changes a setting, and SHOW PROPERTIES lists them"
        }
    }

    /// Errors: the table is not there, or a key or the condition of the index means nothing over it.
    private func checkIndex(on table: Name, _ keys: [SortKey], _ filter: Expression?) throws(Diagnostic) {
        let items = keys.filter { !$0.isAll }.map { SelectItem.expression($0.expression, alias: nil) }
        var block = SelectBlock(items: items, from: .source(name: table, alias: nil, reach: nil))
        block.filter = filter
        _ = try analyse(Question(body: .select(block)), in: context)
    }
}
