// CREATE VIEW, DROP VIEW, and what is told of views.

import Analysis
import Catalog
import Diagnostics
import Sessions
import Syntax
import Values

extension StatementExecution {
    func perform(_ create: CreateView) throws(Diagnostic) -> AnswerSummary {
        let name = create.name.text
        if let source = engine.catalog.sources[name] {
            throw Diagnostic(.duplicateSource, "\(name) is a \(source.kind.rawValue.lowercased()) already", at: create.name.span.range)
        }
        let old = engine.catalog.views[name]
        if old != nil, create.ifNotExists {
            sink.emit(.notice("the view \(name) exists already"))
            return AnswerSummary(message: "\(name) exists already")
        }
        if old != nil, !create.orReplace {
            throw Diagnostic(.duplicateSource, "the view \(name) exists already", hint: "CREATE OR REPLACE puts another in its place.", at: create.name.span.range)
        }
        let view = try analyse(create, in: context)
        try apply(CatalogChange(set: [.view(view)] + (old == nil ? [] : try readers(of: view, create.name))))
        tellQueries(over: name, isGone: false)
        return AnswerSummary(message: old == nil ? "View created" : "View replaced")
    }

    /// The views that read one that is replaced, as they are then. Errors: one of them could not be read any more.
    private func readers(of view: ViewDefinition, _ name: Name) throws(Diagnostic) -> [CatalogObject] {
        try checkViews(engine.catalog.views(reading: view.name), of: view.name, with: CatalogChange(set: [.view(view)]), at: name.span.range)
        var context = context
        context.catalog.set(.view(view))
        var changed: [CatalogObject] = []
        for reader in engine.catalog.views(reading: view.name) {
            if let written = reader.written { changed.append(.view(try analyse(written, in: context))) }
        }
        return changed
    }

    /// Errors: one of `views` reads what changes, and could not be read any more.
    func checkViews(_ views: [ViewDefinition], of changed: String, with change: CatalogChange, at range: SourceRange?) throws(Diagnostic) {
        guard let broken = self.views(views, brokenBy: change).first else { return }
        throw Diagnostic(
            .objectInUse, "the view \(broken.view.name) reads \(changed) and could not be read any more: \(broken.reason)", category: .general,
            at: range)
    }

    /// Those of `views` that can be read now, but not with the change, or would have columns of other types; and why.
    func views(_ views: [ViewDefinition], brokenBy change: CatalogChange) -> [(view: ViewDefinition, reason: String)] {
        var then = context
        for key in change.remove { then.catalog.remove(key) }
        for object in change.set { then.catalog.set(object) }
        return views.compactMap { view in
            guard let written = view.written, let before = try? Analysis.columns(ofView: view, in: context) else { return nil }
            do throws(Diagnostic) {
                _ = try analyse(written, in: then)
                let now = try Analysis.columns(ofView: view, in: then)
                let other = before.first { column in now.contains { $0.name == column.name && $0.type != column.type } }
                return other.map { (view, "its column \($0.name) would not be \($0.type) any more") }
            } catch {
                return (view, error.message)
            }
        }
    }

    /// Queries that were made over a view have its question written out in them.
    private func tellQueries(over name: String, isGone: Bool) {
        let queries = engine.catalog.queriesNaming(name).map(\.id)
        if !queries.isEmpty {
            sink.emit(.notice("queries that were made with \(isGone ? "the view" : "a view \(name)") go on with what it was: \(queries.joined(separator: ", "))"))
        }
    }

    func dropView(_ name: Name, ifExists: Bool, cascades: Bool) throws(Diagnostic) -> AnswerSummary {
        let catalog = engine.catalog
        guard catalog.views[name.text] != nil else {
            if try forget(.view(name.text)) { return AnswerSummary(message: "View \(name.text), which was in error, was dropped") }
            if let source = catalog.sources[name.text] {
                let kind = source.kind.rawValue
                throw Diagnostic(
                    .wrongObjectKind, "\(name.text) is a \(kind.lowercased()), not a view", hint: "DROP \(kind) \(name.text) takes it.", at: name.span.range)
            }
            if ifExists { return AnswerSummary(message: "View \(name.text) does not exist") }
            throw Diagnostic(
                .unknownSource, "there is no view \(name.text)", hint: nameSuggestion(for: name.text, among: catalog.views.keys.sorted()),
                at: name.span.range)
        }
        var cascade = Cascade(catalog)
        cascade.take(view: name.text)
        let others = cascade.names(beside: name.text)
        guard others.isEmpty || cascades else {
            throw Diagnostic(
                .objectInUse, "the view \(name.text) is used by: \(others.joined(separator: ", "))", category: .general,
                hint: "DROP VIEW … CASCADE takes all of them.", at: name.span.range)
        }
        tellQueries(over: name.text, isGone: true)
        try apply(cascade.change)
        return AnswerSummary(message: "View \(name.text) was dropped" + (others.isEmpty ? "" : ", and with it: \(others.joined(separator: ", "))"))
    }

    // MARK: Listings

    /// SHOW VIEWS.
    func views() -> Listing {
        var listing = Listing(texts: ["View Name", "Reads", "Statement"])
        for view in engine.catalog.sortedViews { listing.add(texts: [view.name, view.reads.joined(separator: ", "), view.statement]) }
        return listing
    }

    /// DESCRIBE of a view. Errors: what is wrong with it by now.
    func describe(_ view: ViewDefinition, extended: Bool) throws(Diagnostic) -> AnswerSummary {
        let columns = try Analysis.columns(ofView: view, in: context)
        if extended {
            var lines = ["Name                 : \(view.name)", "Type                 : VIEW"]
            lines += ["Reads                : \(view.reads.joined(separator: ", "))", "Statement            : \(view.statement)", ""]
            return answer(text: lines + columns.map { "  \($0.name): \($0.type)" })
        }
        sink.emit(.notice(view.statement))
        var listing = Listing(texts: ["Field", "Type"])
        for column in columns { listing.add(texts: [column.name, column.type.description]) }
        return answer(listing)
    }
}
