// PRINT: which topic is meant, and the reader that prints it.

import Catalog
import Diagnostics
import LogStore
import Platform
import Sessions
import Settings
import Syntax

extension StatementExecution {
    func perform(_ print: PrintTopic, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        if let limit = print.limit, limit < 0 {
            throw Diagnostic(.statementError, "negative LIMIT: \(limit)", at: print.limitSpan.range)
        }
        if let interval = print.interval, interval < 1 {
            throw Diagnostic(
                .statementError, "every how many records are printed must be at least 1, found \(interval)",
                at: print.intervalSpan.range)
        }
        let topic = try topic(toPrint: print.topic)
        // From the end on: what the session was told is inserted lies before that, also what other queries make of it.
        let isAtEnd = !print.fromBeginning && engine.pool != nil
        let sources = isAtEnd ? engine.catalog.sortedSources.filter { $0.topic == topic.name }.map(\.name) : []
        try afterUpstream(of: sources, whenDone) { _ throws(Diagnostic) in try start(print, whenDone) }
    }

    private func start(_ print: PrintTopic, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let topic = try topic(toPrint: print.topic)
        let hasColumns = session.settings[.printsColumns]
        sink.emit(.columns(TopicReader.listing(hasColumns: hasColumns).columns, hasColumns ? .changes : .text))
        let window = engine.catalog.sortedSources.first { $0.topic == topic.name && $0.window != nil }?.window
        let id = engine.state.update { state in
            defer { state.nextTransient += 1 }
            return "print_\(topic.name)_\(state.nextTransient)"
        }
        let reader = TopicReader(
            execution: self, id: id, topic: topic, keyWindow: window, statement: print, follows: session.settings[.followsTopics],
            hasColumns: hasColumns, whenDone: whenDone)
        try enter(TransientQuery(id: id, statement: parsed.text, isPush: true, run: nil, cancel: { reader.cancel() }))
        request.onCancel { reader.cancel() }
        reader.goOn()
    }

    /// A stream or table stands for its topic, unless a topic has the name itself.
    private func topic(toPrint name: Name) throws(Diagnostic) -> TopicDescription {
        let source = engine.catalog.sources[name.text] ?? engine.catalog.sources[name.text.uppercased()]
        if let topic = engine.log.describeTopic(named: name.text) ?? source.flatMap({ engine.log.describeTopic(named: $0.topic) }) {
            return topic
        }
        throw Diagnostic(
            .unknownTopic, "Could not find topic '\(name.text)', or the KSQL user does not have permissions to list the topic.",
            hint: hint(forTopic: name), at: name.span.range)
    }

    /// The topic that may have been meant by a name that none has.
    func hint(forTopic name: Name) -> String? {
        let names = engine.log.describeTopics().map(\.name)
        let other = names.first { $0.uppercased() == name.text.uppercased() } ?? closestMatch(to: name.text, among: names)
        return other.map { "Did you mean '\($0)'? Topic names are case-sensitive; quote them." }
    }

    /// Puts a transient query on the list of what runs. Errors: the engine closes.
    func enter(_ query: TransientQuery) throws(Diagnostic) {
        let isClosing = engine.state.update { state in
            if !state.isClosing { state.transients[query.id] = query }
            return state.isClosing
        }
        if isClosing { throw StatementExecution.shuttingDown }
    }
}
