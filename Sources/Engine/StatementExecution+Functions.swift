// CREATE FUNCTION, DROP FUNCTION and COMMENT ON.

import Analysis
import Catalog
import Diagnostics
import Functions
import Sessions
import Syntax
import Values

extension StatementExecution {
    func perform(_ create: CreateFunction) throws(Diagnostic) -> AnswerSummary {
        let name = create.name.text
        let old = engine.catalog.functions[name]
        if let old, create.ifNotExists {
            sink.emit(.notice("the function \(old.heading) exists already"))
            return AnswerSummary(message: "\(name) exists already")
        }
        if old != nil, !create.orReplace {
            throw Diagnostic(
                .duplicateSource, "the function \(name) exists already", hint: "CREATE OR REPLACE puts another in its place.", at: create.name.span.range)
        }
        let function = try analyse(create, in: context)
        if let old, old.parameters != function.parameters || old.result != function.result,
            let user = engine.catalog.functions.values.sorted(by: { $0.name < $1.name }).first(where: { $0.calls.contains(name) })
        {
            throw Diagnostic(
                .objectInUse, "the function \(user.name) calls \(old.heading)", category: .general, hint: "Only its expression can be replaced.",
                at: create.name.span.range)
        }
        let change = CatalogChange(set: [.function(function)])
        if old != nil { try checkViews(engine.catalog.sortedViews, of: "the function \(name)", with: change, at: create.name.span.range) }
        try apply(change)
        let queries = old == nil ? [] : engine.catalog.queriesCalling(name)
        if !queries.isEmpty {
            sink.emit(.notice("queries that call it go on with what it was: \(queries.map(\.id).joined(separator: ", "))"))
        }
        return AnswerSummary(message: old == nil ? "Function created" : "Function replaced")
    }

    func dropFunction(_ name: Name, ifExists: Bool, cascades: Bool) throws(Diagnostic) -> AnswerSummary {
        let catalog = engine.catalog
        guard catalog.functions[name.text] != nil else {
            if try forget(.function(name.text)) { return AnswerSummary(message: "Function \(name.text), which was in error, was dropped") }
            if ifExists { return AnswerSummary(message: "Function \(name.text) does not exist") }
            throw Diagnostic(
                .unknownFunction, "there is no function \(name.text) of a user",
                hint: nameSuggestion(for: name.text, among: catalog.functions.keys.sorted()), at: name.span.range)
        }
        var cascade = Cascade(catalog)
        cascade.take(function: name.text)
        cascade.take(views: views(catalog.sortedViews, brokenBy: cascade.change).map(\.view))
        let others = cascade.names(beside: name.text)
        guard others.isEmpty || cascades else {
            throw Diagnostic(
                .objectInUse, "the function \(name.text) is used by: \(others.joined(separator: ", "))", category: .general,
                hint: "DROP FUNCTION … CASCADE takes all of them.", at: name.span.range)
        }
        try apply(cascade.change)
        return AnswerSummary(message: "Function \(name.text) was dropped" + (others.isEmpty ? "" : ", and with it: \(others.joined(separator: ", "))"))
    }

    // MARK: Comments

    func perform(_ comment: CommentOn) throws(Diagnostic) -> AnswerSummary {
        let subject = try key(of: comment.subject)
        if let text = comment.text {
            try apply(CatalogChange(set: [.comment(CatalogComment(subject: subject, text: text))]))
            return AnswerSummary(message: "Comment set")
        }
        try apply(CatalogChange(remove: [.comment(subject)]))
        return AnswerSummary(message: "Comment removed")
    }

    /// Errors: there is nothing of that name.
    private func key(of subject: CommentOn.Subject) throws(Diagnostic) -> String {
        switch subject {
        case .source(let kind, let name):
            let source = try context.source(named: name)
            guard source.kind == Values.SourceKind(kind) else {
                throw Diagnostic(.wrongObjectKind, "\(name.text) is a \(source.kind.rawValue.lowercased())", at: name.span.range)
            }
            return CatalogComment.subject(source: name.text)
        case .column(let source, let column):
            let columns = try context.source(named: source).schema.columns
            guard columns.contains(where: { $0.name == column.text }) else {
                throw Diagnostic(
                    .unknownColumn, "\(source.text) has no column \(column.text)", hint: nameSuggestion(for: column.text, among: columns.map(\.name)),
                    at: column.span.range)
            }
            return CatalogComment.subject(source: source.text, column: column.text)
        case .function(let name):
            guard engine.catalog.functions[name.text] != nil else {
                throw Diagnostic(
                    .unknownFunction, "there is no function \(name.text) of a user",
                    hint: nameSuggestion(for: name.text, among: engine.catalog.functions.keys.sorted()), at: name.span.range)
            }
            return CatalogComment.subject(function: name.text)
        }
    }
}
