// The script of a server that takes no definitions from clients. It is run at each start; a statement of it that has
// been carried out in an earlier life of the data directory is not carried out again. The catalog remembers each with a
// mark, in the commit of the statement itself.

import Bytes
import Catalog
import Diagnostics
import Platform
import Syntax
import Values
package import Sessions

/// The statements of a script on their way through a session.
package final class ScriptRun: Sendable {
    private let session: EngineSession
    /// How often each text has come so far: a script may insert the same row twice.
    private let counts = Monitor<[String: Int]>([:])

    /// A run of a script, from its first statement.
    package init(in session: EngineSession) { self.session = session }

    /// Carries out the next statement, unless it has been; `whenFinished` is told whether all went well. Returns at
    /// once.
    package func execute(_ text: String, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void) {
        let mark = mark(of: text)
        if let mark, isDone(text, mark) { return whenFinished(true) }
        session.state.withLock { $0.scriptMark = mark }
        session.execute(text, into: sink) { [session] succeeded in
            session.state.withLock { $0.scriptMark = nil }
            whenFinished(succeeded)
        }
    }

    /// The mark of a statement that is to be carried out once; nil for one that only concerns the session.
    private func mark(of text: String) -> String? {
        guard let statement = statement(text), statement.changesData else { return nil }
        let canonical = CanonicalText.statement(statement)
        let count = counts.update { counts in
            counts[canonical, default: 0] += 1
            return counts[canonical] ?? 1
        }
        return "\(String(fnv1a(canonical.utf8), radix: 16))-\(count)"
    }

    private func statement(_ text: String) -> Statement? {
        // A text that is no statement is executed, and refused there with the reason.
        (try? parse(text, options: session.parserOptions))?.first?.statement
    }

    /// Whether a statement has been carried out: its mark says so, or what it makes exists as it says.
    private func isDone(_ text: String, _ mark: String) -> Bool {
        let catalog = session.engine.catalog
        if catalog.scriptMarks.contains(mark) { return true }
        guard let statement = statement(text) else { return false }
        func isSame(_ other: String?) -> Bool {
            guard let other, let known = self.statement(other) else { return false }
            return CanonicalText.statement(known) == CanonicalText.statement(statement)
        }
        switch statement {
        case .createSource(let create): return isSame(catalog.sources[create.name.text]?.statement)
        case .createAs(let create): return isSame(catalog.sources[create.name.text]?.statement)
        case .insertSelect: return catalog.sortedQueries.contains { isSame($0.statement) }
        case .createType(let name, _, _): return isSame(catalog.customTypes[name.text]?.statement)
        default: return false
        }
    }
}

extension Statement {
    /// Whether the statement changes what exists or what is stored, for longer than its session.
    var changesData: Bool {
        if case .insertValues = self { return true }
        return changesCatalog
    }

    /// Whether the statement changes the catalog.
    var changesCatalog: Bool {
        switch self {
        case .createSource, .createAs, .insertSelect, .dropSource, .alterSource, .createType, .dropType, .manageQuery: true
        default: false
        }
    }
}
