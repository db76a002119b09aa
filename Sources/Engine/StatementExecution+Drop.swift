// DROP, ALTER, CREATE TYPE and DROP TYPE.

import Analysis
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Platform
import Syntax
import Values
import Sessions

extension StatementExecution {
    // MARK: Types

    func createType(_ name: Name, _ written: TypeName, ifNotExists: Bool) throws(Diagnostic) -> AnswerSummary {
        if let known = engine.catalog.types[name.text] {
            let taken = "Cannot register custom type '\(name.text)' since it is already registered with type: \(known)"
            guard ifNotExists else { throw Diagnostic(.duplicateType, taken, at: name.span.range) }
            sink.emit(.notice(taken))
            return AnswerSummary(message: "\(name.text) is already registered")
        }
        let type = try context.type(written)
        try apply(CatalogChange(set: [.type(CustomType(name: name.text, type: type, statement: parsed.text))]))
        return AnswerSummary(message: "Registered custom type with name '\(name.text)' and SQL type \(type)")
    }

    func dropType(_ name: Name, ifExists: Bool) throws(Diagnostic) -> AnswerSummary {
        guard engine.catalog.types[name.text] != nil else {
            if try forget(.type(name.text)) { return AnswerSummary(message: "Dropped type '\(name.text)', which was in error") }
            guard ifExists else {
                throw Diagnostic(
                    .unknownType, "Type \(name.text) does not exist.",
                    hint: nameSuggestion(for: name.text, among: engine.catalog.types.keys.sorted()), at: name.span.range)
            }
            return AnswerSummary(message: "Type '\(name.text)' does not exist")
        }
        try apply(CatalogChange(remove: [.type(name.text)]))
        return AnswerSummary(message: "Dropped type '\(name.text)'")
    }

    /// Removes an entry that could not be brought back; false when there is none.
    func forget(_ key: CatalogKey) throws(Diagnostic) -> Bool {
        guard engine.state.withLock({ $0.broken.contains { $0.key == key.text } }) else { return false }
        try apply(CatalogChange(remove: [key]))
        return true
    }

    // MARK: DROP

    func perform(_ drop: DropSource) throws(Diagnostic) -> AnswerSummary {
        let kind = Values.SourceKind(drop.kind)
        let word = kind == .stream ? "Stream" : "Table"
        let name = drop.name.text
        guard let source = engine.catalog.sources[name] else {
            if try forget(.source(name)) { return AnswerSummary(message: "Source `\(name)`, which was in error, was dropped.") }
            guard drop.ifExists else {
                throw Diagnostic(
                    .unknownSource, "\(word) \(name) does not exist.", category: .general,
                    hint: nameSuggestion(for: name, among: engine.catalog.sources.keys.sorted()),
                    at: drop.name.span.range)
            }
            return AnswerSummary(message: "Source `\(name)` does not exist.")
        }
        try checkDrop(source, drop, kind)
        var change = CatalogChange(remove: [.source(name)] + (source.queryID.map(engine.catalog.keys) ?? []))
        if drop.deleteTopic, let topic = engine.log.describeTopic(named: source.topic) {
            change.set.append(.removedTopic(RemovedTopic(name: topic.name, topicID: topic.id.description)))
            // A script's rows go with the topic.
            let suffix = ScriptRun.markSuffix(of: topic.id.description)
            change.remove += engine.catalog.scriptMarks.filter { $0.hasSuffix(suffix) }.sorted().map { .scriptMark($0) }
        }
        try apply(change)
        return AnswerSummary(message: "Source `\(name)` (topic: \(source.topic)) was dropped.")
    }

    private func checkDrop(_ source: SourceDefinition, _ drop: DropSource, _ kind: Values.SourceKind) throws(Diagnostic) {
        let range = drop.name.span.range
        if source.kind != kind {
            throw Diagnostic(
                .wrongObjectKind, "Incompatible data source type is \(source.kind.rawValue), but statement was DROP \(kind.rawValue)",
                at: range)
        }
        if SystemTopics.sources.contains(where: { $0.name == source.name }) {
            throw Diagnostic(.readOnly, "\(source.name) belongs to the server and cannot be dropped", at: range)
        }
        if drop.deleteTopic && source.isReadOnly {
            throw Diagnostic(.readOnly, "Cannot delete topic for read-only source: \(source.name)", category: .general, at: range)
        }
        let readers = engine.catalog.readers(of: source.name).filter { $0.id != source.queryID }
        let writers = engine.catalog.writers(of: source.name).filter { $0.id != source.queryID }
        guard readers.isEmpty && writers.isEmpty else {
            func list(_ queries: [QueryDefinition]) -> String { "[" + queries.map(\.id).joined(separator: ", ") + "]" }
            throw Diagnostic(
                .objectInUse,
                "Cannot drop \(source.name).\nThe following queries read from this source: \(list(readers)).\nThe following queries write "
                    + "into this source: \(list(writers)).\nYou need to terminate them before dropping \(source.name).",
                hint: "TERMINATE the queries, or DROP what they write to, first.", at: range)
        }
        if drop.deleteTopic, let refusal = engine.catalog.refusalOfDeletion(ofTopicOf: source, at: range) { throw refusal }
    }

    // MARK: ALTER

    func perform(_ alter: AlterSource) throws(Diagnostic) -> AnswerSummary {
        var source = try alterable(alter)
        let word = alter.kind == .stream ? "Stream" : "Table"
        for field in alter.added {
            if source.schema.columns.contains(where: { $0.name == field.name.text }) {
                throw Diagnostic(
                    .duplicateColumn, "Cannot add column `\(field.name.text)` to schema. A column with the same name already exists.",
                    at: field.name.span.range)
            }
            source.schema.value.append(Values.ColumnDefinition(field.name.text, try context.type(field.type)))
        }
        if let reason = problem(of: source.schema.value, in: source.valueFormat.name, on: .value) {
            throw Diagnostic(
                .serialisationMismatch, schemaMessage(source.schema.value, in: source.valueFormat.name, on: .value, reason: reason))
        }
        source.statement = try altered(source.statement, adding: alter.added)
        try apply(CatalogChange(set: [.source(source)]))
        return AnswerSummary(message: "\(word) \(source.name) altered.")
    }

    /// The source that a statement alters, if it may be altered.
    private func alterable(_ alter: AlterSource) throws(Diagnostic) -> SourceDefinition {
        let kind = Values.SourceKind(alter.kind)
        let word = kind.rawValue.lowercased()
        let name = alter.name.text
        let range = alter.name.span.range
        guard let source = engine.catalog.sources[name] else {
            throw Diagnostic(
                .unknownSource, "Source \(name) does not exist.",
                hint: nameSuggestion(for: name, among: engine.catalog.sources.keys.sorted()), at: range)
        }
        if source.kind != kind {
            throw Diagnostic(
                .wrongObjectKind, "Incompatible data source type is \(source.kind.rawValue), but statement was ALTER \(kind.rawValue)",
                at: range)
        }
        if source.isReadOnly {
            throw Diagnostic(
                .readOnly, "Cannot alter \(word) '\(name)': ALTER operations are not supported on source \(word)s.", category: .general,
                at: range)
        }
        if source.queryID != nil {
            throw Diagnostic(
                .wrongState, "ALTER command is not supported for CREATE ... AS statements.", hint: "Use CREATE OR REPLACE.", at: range)
        }
        return source
    }

    /// The CREATE statement with the new columns, as listings show it.
    private func altered(_ statement: String, adding fields: [TypeName.Field]) throws(Diagnostic) -> String {
        var options = ParserOptions()
        options.acceptsMissingSemicolon = true
        guard case .createSource(var create)? = try parse(statement, options: options).first?.statement else {
            return statement
        }
        create.columns += fields.map { Syntax.ColumnDefinition(name: $0.name, type: $0.type) }
        return CanonicalText.statement(.createSource(create))
    }
}
