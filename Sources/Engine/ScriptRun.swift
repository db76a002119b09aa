// The script of a server that takes no definitions from clients. It is run at each start; what of it is carried out then says `ScriptPlan`.
// The catalog remembers each statement with a mark, in the commit of the statement itself.

import Catalog
import LogStore
import Platform
import Syntax
package import Sessions

/// The statements of a script on their way through a session.
package final class ScriptRun: Sendable {
    private let session: EngineSession
    private let texts: [String]
    let plan: ScriptPlan

    /// A run of a script: of `texts`, each of which is one statement, over what exists now.
    package init(of texts: [String], in session: EngineSession) {
        self.session = session
        self.texts = texts
        let engine = session.engine
        let broken = engine.state.withLock { Set($0.broken.map(\.key)) }
        plan = ScriptPlan(texts, session.parserOptions, engine.catalog) { broken.contains($0.text) }
    }

    /// Names of sources and ids of queries that exist from earlier starts although nothing in the script makes or drops them, sorted.
    package var leftovers: [String] { plan.leftovers }

    /// Carries out the statement of an index below the number of texts, unless what it says is there already; `whenFinished` is told whether
    /// all went well. Returns at once. To be called for one statement after the other.
    package func execute(_ index: Int, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void) {
        if plan.statements[index].isForReaders {
            // A push query would never end, and a server would never listen.
            sink.emit(
                .notice(
                    "this statement is left out: nobody reads what a SELECT or PRINT in a server's script gives; CREATE … AS SELECT keeps it"))
            return whenFinished(true)
        }
        if case .manageQuery(.terminate, let target)? = plan.statements[index].statement {
            return terminate(index, target, into: sink, whenFinished)
        }
        let mark = mark(of: plan.statements[index])
        guard plan.isDue(index, mark: mark, in: session.engine.catalog) else { return whenFinished(true) }
        execute(texts[index], mark, into: sink, whenFinished)
    }

    private func execute(_ text: String, _ mark: String?, into sink: any AnswerSink, _ whenFinished: @escaping @Sendable (Bool) -> Void) {
        session.state.withLock { $0.scriptMark = mark }
        session.execute(text, into: sink) { [session] succeeded in
            session.state.withLock { $0.scriptMark = nil }
            whenFinished(succeeded)
        }
    }

    /// Ends the queries that a TERMINATE means, as far as nothing behind it makes them.
    private func terminate(
        _ index: Int, _ target: QueryTarget, into sink: any AnswerSink, _ whenFinished: @escaping @Sendable (Bool) -> Void
    ) {
        let catalog = session.engine.catalog
        let ids = plan.terminated(by: index, target, in: catalog)
        if case .query(let name) = target, catalog.queries[name.text] == nil {
            if session.engine.state.withLock({ $0.broken.contains { $0.queryID == name.text } }) {
                return execute(texts[index], plan.statements[index].mark, into: sink, whenFinished)
            }
            if !plan.isMarked(index) { sink.emit(.notice("there is no query \(name.text) to terminate")) }
        }
        if ids.isEmpty { return whenFinished(true) }
        let text = ids.map { "TERMINATE \(CanonicalText.backQuoted($0));" }.joined(separator: " ")
        execute(text, plan.statements[index].mark, into: sink, whenFinished)
    }

    /// What the catalog remembers a statement by. That of an INSERT … VALUES ends in the identity of the topic, and goes with it.
    private func mark(of statement: ScriptStatement) -> String? {
        let engine = session.engine
        guard let mark = statement.mark, case .insertValues(let insert)? = statement.statement,
            let source = engine.catalog.sources[insert.target.text], let topic = engine.log.topicID(named: source.topic)
        else { return statement.mark }
        return mark + ScriptRun.markSuffix(of: topic.description)
    }

    /// What the marks end in that tell of rows of a topic.
    static func markSuffix(of topicID: String) -> String { "@" + topicID }
}

extension Statement {
    /// The statement without OR REPLACE and IF NOT EXISTS, which do not change what it makes.
    var unconditional: Statement {
        switch self {
        case .createSource(var create):
            (create.orReplace, create.ifNotExists) = (false, false)
            return .createSource(create)
        case .createAs(var create):
            (create.orReplace, create.ifNotExists) = (false, false)
            return .createAs(create)
        case .createType(let name, let type, _): return .createType(name: name, type: type, ifNotExists: false)
        default: return self
        }
    }

    /// Whether the statement changes what exists or what is stored, for longer than its session.
    var changesData: Bool {
        if case .insertValues = self { return true }
        if case .changeRows = self { return true }
        return changesCatalog
    }

    /// Whether the statement changes the catalog.
    var changesCatalog: Bool {
        switch self {
        case .createSource, .createAs, .createFilled, .insertSelect, .dropSource, .alterSource, .createType, .dropType, .manageQuery, .createFunction,
            .dropFunction, .createView, .dropView, .comment: true
        default: false
        }
    }
}
