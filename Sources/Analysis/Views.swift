// Views: questions with a name. Each is analysed by itself, where it is made and wherever its name stands behind FROM, so that what is around it
// means nothing to it, and what is wrong inside is told with its name.

package import Catalog
package import Diagnostics
import Plans
package import Syntax
package import Values

/// Checks CREATE VIEW. Errors: what is wrong with its question or the names of its columns, or it would read itself.
package func analyse(_ create: CreateView, in context: AnalysisContext) throws(Diagnostic) -> ViewDefinition {
    let analysis = QuestionAnalysis(context, isInner: true)
    analysis.views = 1
    var relation = try analysis.relation(of: create.question)
    try analysis.rename(&relation, to: create.columns, of: create.name)
    var names: Set<String> = []
    for column in relation.columns where !names.insert(column.name).inserted {
        throw Diagnostic(
            .duplicateColumn, "the view \(create.name.text) would have two columns \(column.name)",
            hint: "Give one of them another name with AS, or name all columns behind the name of the view.", at: create.name.span.range)
    }
    let reads = Set(analysis.sources.list.map(\.name)).union(analysis.sources.views)
    if reads.contains(create.name.text) {
        throw Diagnostic(.invalidName, "the view \(create.name.text) would read itself", at: create.name.span.range)
    }
    var plain = create
    (plain.orReplace, plain.ifNotExists) = (false, false)
    return ViewDefinition(name: create.name.text, statement: CanonicalText.statement(.createView(plain)), reads: reads.sorted())
}

/// The columns of a view now. Errors: what is wrong with it by now.
package func columns(ofView view: ViewDefinition, in context: AnalysisContext) throws(Diagnostic) -> [Values.ColumnDefinition] {
    let relation = try QuestionAnalysis(context).view(view, Name(view.name, isQuoted: true))
    return relation.columns.map { Values.ColumnDefinition($0.name, $0.type) }
}

extension ViewDefinition {
    /// What it was made with; nil when its statement cannot be read. Its parts have no places.
    package var written: CreateView? {
        guard case .createView(let create)? = (try? parse(statement, options: .written))?.first?.statement else { return nil }
        return create
    }
}

extension AnalysisContext {
    /// What a view was made with; nil for a name that is none. Errors: its statement cannot be read.
    package func written(viewNamed name: String) throws(Diagnostic) -> CreateView? {
        guard isFull, let view = catalog.views[name] else { return nil }
        guard let written = view.written else { throw Diagnostic(.corruptData, "the statement of the view \(name) cannot be read") }
        return written
    }
}

extension QuestionAnalysis {
    /// The rows of a view, for the place where it is named.
    func view(_ view: ViewDefinition, _ name: Name) throws(Diagnostic) -> QuestionRelation {
        guard views < SyntaxLimits.mostViews else {
            throw Diagnostic(.tooDeep, "more than \(SyntaxLimits.mostViews) views read each other in a row", at: name.span.range)
        }
        if !sources.views.contains(view.name) { sources.views.append(view.name) }
        do throws(Diagnostic) {
            if sources.written[view.name] == nil { sources.written[view.name] = try context.written(viewNamed: view.name) }
            guard let written = sources.written[view.name] else { throw Diagnostic(.unknownSource, "\(view.name) does not exist.") }
            let analysis = QuestionAnalysis(context, sources: sources, isInner: true)
            analysis.views = views + 1
            var relation = try analysis.relation(of: written.question)
            try rename(&relation, to: written.columns, of: name)
            return relation
        } catch {
            throw error.inView(view.name, at: name.span.range)
        }
    }
}

extension Statement {
    /// The statement as it is carried out: views in queries that never end are written out, and an INSERT of a SELECT into a table is one that
    /// ends. Errors: a view is more than can be written into such a query.
    package func meant(in context: AnalysisContext) throws(Diagnostic) -> Statement {
        guard context.isFull, !context.catalog.views.isEmpty else { return inserting(into: context) }
        func writtenOut(_ query: Query) throws(Diagnostic) -> Query {
            try query.writingOut { name throws(Diagnostic) in try context.written(viewNamed: name) }
        }
        let meant = inserting(into: context)
        switch meant {
        case .query(let query) where query.emit != nil: return .query(try writtenOut(query))
        case .createAs(var create):
            create.query = try writtenOut(create.query)
            return .createAs(create)
        case .insertSelect(var insert):
            insert.query = try writtenOut(insert.query)
            return .insertSelect(insert)
        default: return meant
        }
    }
}
