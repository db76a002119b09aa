// What a subquery may take from the query around it, and what the analysis of one SELECT collects beside columns: subqueries, window
// functions, aggregates with DISTINCT or FILTER. Each stands in an expression as a column with a number of its own range, until the plan has
// given it a place in the row.

import Diagnostics
import Plans
import Syntax
import Values

/// The numbers of columns that have no place in the row yet.
enum QuestionColumns {
    /// What a subquery takes from the row around it; the plan keeps these numbers.
    static let parameters = RelationalApply.parameterBase
    /// The bounds of the window that a row is counted in: WINDOWSTART and WINDOWEND of a WINDOW clause.
    static let bounds = 2_900_000
    /// Results of window functions.
    static let windows = 4_000_000
    /// Calls of GROUPING.
    static let groupings = 4_500_000
    /// Results of subqueries.
    static let subqueries = 5_000_000
}

/// The query around a subquery: names that the subquery does not know are looked up here.
///
/// `@unchecked`: it changes while its statement is analysed, on one thread, and is not looked at afterwards.
final class OuterScope: Hashable, @unchecked Sendable {
    private let scope: Scope
    /// What was taken so far, over the row of the query around.
    private(set) var parameters: [TypedExpression] = []

    init(_ scope: Scope) { self.scope = scope }

    static func == (left: OuterScope, right: OuterScope) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

    /// The column of the query around that the name means. Errors: it means none, or several.
    func take(source: Name?, _ name: Name, place: String) throws(Diagnostic) -> TypedExpression {
        let found = try scope.resolve(source: source, name, place: place)
        let known = parameters.firstIndex(of: found)
        if known == nil { parameters.append(found) }
        return .column(QuestionColumns.parameters + (known ?? parameters.count - 1), found.type)
    }
}

/// A subquery of an expression.
struct FoundSubquery {
    let kind: RelationalApply.Kind
    let step: RelationalStep
    /// Over the row of the query around.
    let parameters: [TypedExpression]
    let type: SQLType
    let depth: Int
}

/// What the expressions of one SELECT hold beside columns.
final class QuestionParts {
    let analysis: QuestionAnalysis
    var subqueries: [FoundSubquery] = []
    var windows: [WindowFunctionCall] = []
    /// Aggregates in the order of their numbers.
    var aggregates: [RelationalAggregate] = []
    /// Whether each group has a row: without GROUP BY there may be a result of none.
    var groupsHaveRows = false
    /// In which order aggregates take the rows, where one of them says so.
    var rowOrder: [RelationalSortKey] = []
    /// Of the arguments of an aggregate with OVER: what the query holds, whose aggregates may stand inside.
    var around: QuestionParts?
    /// Whether window functions may stand in the clause under analysis.
    var allowsWindows = false
    /// The clause under analysis may hold no subquery, for this reason.
    var refusesSubqueries: String?
    /// The arguments of each call of GROUPING.
    var groupings: [[TypedExpression]] = []
    /// What the WINDOW clause names.
    var namedWindows: [String: WindowSpecification] = [:]
    /// Items of the SELECT list by their alias, in clauses where a name that is no column may mean one.
    var aliases: [String: Expression] = [:]

    init(_ analysis: QuestionAnalysis) { self.analysis = analysis }

    func number(of aggregate: RelationalAggregate) -> Int {
        if let known = aggregates.firstIndex(of: aggregate) { return known }
        aggregates.append(aggregate)
        return aggregates.count - 1
    }
}
