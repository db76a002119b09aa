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
        let change = CatalogChange(remove: [.type(name.text)])
        try checkViews(engine.catalog.sortedViews, of: "the type \(name.text)", with: change, at: name.span.range)
        try apply(change)
        return AnswerSummary(message: "Dropped type '\(name.text)'")
    }

    /// Removes an entry that could not be brought back; false when there is none.
    func forget(_ key: CatalogKey) throws(Diagnostic) -> Bool {
        guard engine.state.withLock({ $0.broken.contains { $0.key == key.text } }) else { return false }
        try apply(CatalogChange(remove: [key]))
        return true
    }

    // MARK: DROP

    /// One after the other, once all of them are known to be there. Errors: also what was dropped before the one that cannot be.
    func performAll(_ drop: DropSource) throws(Diagnostic) -> AnswerSummary {
        guard !drop.others.isEmpty else { return try perform(drop) }
        let names = [drop.name] + drop.others
        if !drop.ifExists { for name in names { _ = try context.source(named: name) } }
        var messages: [String] = []
        for name in names {
            var single = drop
            (single.name, single.others) = (name, [])
            do throws(Diagnostic) { if let message = try perform(single).message { messages.append(message) } } catch {
                var error = error
                if !messages.isEmpty { error.message += " (before it: \(messages.joined(separator: " ")))" }
                throw error
            }
        }
        return AnswerSummary(message: messages.joined(separator: " "))
    }

    func perform(_ drop: DropSource) throws(Diagnostic) -> AnswerSummary {
        let kind = Values.SourceKind(drop.kind)
        let word = kind == .stream ? "Stream" : "Table"
        let name = drop.name.text
        guard let source = engine.catalog.sources[name] else {
            if try forget(.source(name)) { return AnswerSummary(message: "Source `\(name)`, which was in error, was dropped.") }
            if engine.catalog.views[name] != nil {
                throw Diagnostic(.wrongObjectKind, "\(name) is a view", hint: "DROP VIEW \(name) takes it.", at: drop.name.span.range)
            }
            guard drop.ifExists else {
                throw Diagnostic(
                    .unknownSource, "\(word) \(name) does not exist.", category: .general,
                    hint: nameSuggestion(for: name, among: engine.catalog.sources.keys.sorted()),
                    at: drop.name.span.range)
            }
            return AnswerSummary(message: "Source `\(name)` does not exist.")
        }
        var drop = drop
        let takesTopic = !drop.deleteTopic && source.ownsTopic == true && engine.catalog.refusalOfDeletion(ofTopicOf: source, at: nil) == nil
        if takesTopic { drop.deleteTopic = true }
        var cascade = Cascade(engine.catalog)
        if drop.cascades { cascade.take(source: name) }
        try checkDrop(source, drop, kind, cascade)
        var change = cascade.change
        if !drop.cascades {
            change.remove = [.source(name)] + (source.queryID.map(engine.catalog.keys) ?? []) + engine.catalog.commentKeys(ofSource: name)
        }
        if drop.deleteTopic, let topic = engine.log.describeTopic(named: source.topic) {
            change.set.append(.removedTopic(RemovedTopic(name: topic.name, topicID: topic.id.description)))
            // A script's rows go with the topic.
            let suffix = ScriptRun.markSuffix(of: topic.id.description)
            change.remove += engine.catalog.scriptMarks.filter { $0.hasSuffix(suffix) }.sorted().map { .scriptMark($0) }
        }
        try apply(change)
        if drop.deleteTopic { deleteSchemas(of: source) }
        if takesTopic { sink.emit(.notice("the topic \(source.topic), which was made for the table, is deleted with it")) }
        let others = cascade.names(beside: name)
        return AnswerSummary(
            message: "Source `\(name)` (topic: \(source.topic)) was dropped" + (others.isEmpty ? "." : ", and with it: \(others.joined(separator: ", "))."))
    }

    private func checkDrop(
        _ source: SourceDefinition, _ drop: DropSource, _ kind: Values.SourceKind, _ cascade: Cascade
    ) throws(Diagnostic) {
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
        guard readers.isEmpty && writers.isEmpty || drop.cascades else {
            func list(_ queries: [QueryDefinition]) -> String { "[" + queries.map(\.id).joined(separator: ", ") + "]" }
            throw Diagnostic(
                .objectInUse,
                "Cannot drop \(source.name).\nThe following queries read from this source: \(list(readers)).\nThe following queries write "
                    + "into this source: \(list(writers)).\nYou need to terminate them before dropping \(source.name).",
                hint: "TERMINATE the queries, or DROP what they write to, first; DROP … CASCADE takes it all.", at: range)
        }
        let views = engine.catalog.views(reading: source.name).map(\.name)
        guard views.isEmpty || drop.cascades else {
            throw Diagnostic(
                .objectInUse, "Cannot drop \(source.name): the view\(views.count == 1 ? "" : "s") \(views.joined(separator: ", ")) read\(views.count == 1 ? "s" : "") it",
                hint: "DROP VIEW them first; DROP … CASCADE takes it all.", at: range)
        }
        // What goes too needs the topic no more.
        var left = engine.catalog
        for key in cascade.change.remove where key != .source(source.name) { left.remove(key) }
        if drop.deleteTopic, let refusal = left.refusalOfDeletion(ofTopicOf: source, at: range) { throw refusal }
    }

    // MARK: ALTER

    func perform(_ alter: AlterSource) throws(Diagnostic) -> AnswerSummary {
        var source = try alterable(alter)
        if let newName = alter.newName { return try rename(source, to: newName, alter.name) }
        let word = alter.kind == .stream ? "Stream" : "Table"
        for addition in alter.added {
            let field = addition.field
            if let column = addition.path.first {
                try addField(addition, to: column, of: &source)
                continue
            }
            if source.schema.columns.contains(where: { $0.name == field.name.text }) {
                throw Diagnostic(
                    .duplicateColumn, "Cannot add column `\(field.name.text)` to schema. A column with the same name already exists.",
                    at: field.name.span.range)
            }
            source.schema.value.append(Values.ColumnDefinition(field.name.text, try context.type(field.type)))
        }
        try checkWidth(source.schema, at: alter.name.span.range)
        if let reason = problem(of: source.schema.value, in: source.valueFormat.name, on: .value) {
            throw Diagnostic(
                .serialisationMismatch, schemaMessage(source.schema.value, in: source.valueFormat.name, on: .value, reason: reason))
        }
        source = try engine.registeringSchemas(of: source, isSink: true)
        let columns = source.schema.value
        source.statement = try altered(source) { create in
            for addition in alter.added {
                let name = addition.path.first ?? addition.field.name
                guard let column = columns.first(where: { $0.name == name.text }) else { continue }
                let type = addition.path.isEmpty ? addition.field.type : TypeName(column.type)
                if let known = create.columns.firstIndex(where: { $0.name.text == name.text }) {
                    create.columns[known].type = type
                } else {
                    create.columns.append(Syntax.ColumnDefinition(name: name, type: type))
                }
            }
        }
        let change = CatalogChange(set: [.source(source)])
        try checkViews(engine.catalog.views(reading: source.name), of: source.name, with: change, at: alter.name.span.range)
        try apply(change)
        return AnswerSummary(message: "\(word) \(source.name) altered.")
    }

    /// Adds a field to a column, or to a field inside it.
    private func addField(_ addition: AlterSource.Addition, to column: Name, of source: inout SourceDefinition) throws(Diagnostic) {
        guard let index = source.schema.value.firstIndex(where: { $0.name == column.text }) else {
            throw Diagnostic(
                .unknownColumn, "\(source.name) has no value column \(column.text)",
                hint: nameSuggestion(for: column.text, among: source.schema.value.map(\.name)), at: column.span.range)
        }
        let field = StructField(addition.field.name.text, try context.type(addition.field.type))
        func extended(_ type: SQLType, _ path: ArraySlice<Name>, _ place: Name) throws(Diagnostic) -> SQLType {
            guard case .structure(var fields) = type else {
                throw Diagnostic(.typeMismatch, "\(place.text) is \(type), which has no fields", at: place.span.range)
            }
            guard let next = path.first else {
                if fields.contains(where: { $0.name == field.name }) {
                    throw Diagnostic(.duplicateColumn, "\(place.text) has a field \(field.name) already", at: addition.field.name.span.range)
                }
                return .structure(fields + [field])
            }
            guard let inner = fields.firstIndex(where: { $0.name == next.text }) else {
                throw Diagnostic(
                    .unknownColumn, "\(place.text) has no field \(next.text)", hint: nameSuggestion(for: next.text, among: fields.map(\.name)),
                    at: next.span.range)
            }
            fields[inner].type = try extended(fields[inner].type, path.dropFirst(), next)
            return .structure(fields)
        }
        source.schema.value[index].type = try extended(source.schema.value[index].type, addition.path.dropFirst(), column)
    }

    /// Gives a source another name; its topic keeps the one that it has.
    private func rename(_ source: SourceDefinition, to newName: Name, _ name: Name) throws(Diagnostic) -> AnswerSummary {
        let catalog = engine.catalog
        if catalog.sources[newName.text] != nil || catalog.views[newName.text] != nil {
            throw Diagnostic(.duplicateSource, "\(newName.text) exists already", at: newName.span.range)
        }
        let users = catalog.readers(of: source.name) + catalog.writers(of: source.name)
        let views = catalog.views(reading: source.name).map(\.name)
        guard views.isEmpty else {
            throw Diagnostic(
                .objectInUse, "\(source.name) is read by: \(views.map { "view " + $0 }.joined(separator: ", "))", category: .general,
                hint: "DROP VIEW them first.", at: name.span.range)
        }
        guard users.isEmpty else {
            throw Diagnostic(
                .objectInUse, "\(source.name) is used by the queries \(users.map(\.id).joined(separator: ", ")), whose statements name it",
                category: .general, hint: "TERMINATE them, or DROP what they write, first.", at: name.span.range)
        }
        var renamed = source
        renamed.name = newName.text
        renamed.statement = try altered(source) { create in create.name = Name(newName.text, isQuoted: newName.isQuoted) }
        var change = CatalogChange(set: [.source(renamed)], remove: [.source(source.name)])
        for case .comment(let subject) in catalog.commentKeys(ofSource: source.name) {
            change.remove.append(.comment(subject))
            let column = subject.split(separator: "/", maxSplits: 2).dropFirst(2).first.map(String.init)
            let moved = CatalogComment.subject(source: newName.text, column: column)
            change.set.append(.comment(CatalogComment(subject: moved, text: catalog.comments[subject] ?? "")))
        }
        try apply(change)
        return AnswerSummary(message: "\(source.name) is \(newName.text) now; its topic is \(source.topic) as before.")
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

    /// The CREATE statement with a change, as listings show it.
    private func altered(_ source: SourceDefinition, _ change: (inout CreateSource) -> Void) throws(Diagnostic) -> String {
        var options = ParserOptions()
        options.acceptsMissingSemicolon = true
        guard case .createSource(var create)? = try parse(source.statement, options: options).first?.statement else {
            return source.statement
        }
        change(&create)
        // A topic that went by the old name does not go by the new one.
        if create.name.text != source.name, !create.properties.contains(where: { $0.name.text.uppercased() == "KAFKA_TOPIC" }) {
            create.properties.append(Property(name: Name("KAFKA_TOPIC"), value: .string(source.topic)))
            create.properties.sort { $0.name.text < $1.name.text }
        }
        return CanonicalText.statement(.createSource(create))
    }
}

extension TypeName {
    /// A type as it would be written.
    init(_ type: SQLType) {
        switch type {
        case .boolean: self.init(.primitive(.boolean))
        case .integer: self.init(.primitive(.integer))
        case .bigint: self.init(.primitive(.bigint))
        case .double: self.init(.primitive(.double))
        case .string: self.init(.primitive(.string))
        case .bytes: self.init(.primitive(.bytes))
        case .time: self.init(.primitive(.time))
        case .date: self.init(.primitive(.date))
        case .timestamp: self.init(.primitive(.timestamp))
        case .decimal(let precision, let scale): self.init(.decimal(precision: precision, scale: scale))
        case .array(let element): self.init(.array(TypeName(element)))
        case .map(let key, let value): self.init(.map(key: TypeName(key), value: TypeName(value)))
        case .structure(let fields):
            self.init(.structure(fields.map { Field(name: Name($0.name, isQuoted: true), type: TypeName($0.type)) }))
        }
    }
}
