// The side door of harnesses: the tasks of a query, to be driven by hand in one thread. Nothing else is different from a served query.

package import Pipelines
package import Plans
import Platform

extension MillraceEngine {
    /// The plans of all persistent queries, in the order of their creation.
    package var plansInOrder: [QueryPlan] { state.withLock { $0.queries.values.sorted { $0.order < $1.order } }.map(\.plan) }

    /// New tasks of a persistent query, at its committed positions.
    package func makeTasks(of plan: QueryPlan) throws(QueryFailure) -> [QueryTask] {
        guard let query = state.withLock({ $0.queries[plan.id] }) else { return [] }
        let launcher = QueryLauncher(engine: self)
        if query.writes == nil { return try launcher.sourceTableTasks(plan, rows: query.rows, status: query.run.status) }
        return try launcher.tasks(of: plan, properties: query.properties, rows: query.rows, status: query.run.status)
    }
}
