// The tasks of a query as values, for callers that run them on their own thread and in their own order, such as the conformance harness
// over an engine whose queries start paused. They are made as the workers' are.

package import Pipelines
package import Plans
import Platform

extension MillraceEngine {
    /// The plans of all persistent queries, in the order of their creation.
    package var plansInOrder: [QueryPlan] { state.withLock { $0.queries.values.sorted { $0.order < $1.order } }.map(\.plan) }

    /// New tasks of a persistent query, at its committed positions. With a `width` they are those of topics with so many partitions: for
    /// topics whose other partitions are empty.
    package func makeTasks(of plan: QueryPlan, width: Int? = nil) throws(QueryFailure) -> [QueryTask] {
        guard let query = state.withLock({ $0.queries[plan.id] }) else { return [] }
        let launcher = QueryLauncher(engine: self, width: width)
        if query.writes == nil { return try launcher.sourceTableTasks(plan, rows: query.rows, status: query.run.status) }
        return try launcher.tasks(of: plan, properties: query.properties, rows: query.rows, status: query.run.status)
    }
}
