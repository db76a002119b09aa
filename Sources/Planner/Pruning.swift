// Projection pushed down to the sources: each source decodes only the columns that a step above it reads.

package import Plans
import Values

extension QueryPlan {
    /// The same plan with each source's `needed` set to the columns that are read.
    package func prunedToNeeded() -> QueryPlan {
        var plan = self
        plan.root = root.pruned(keeping: Set(root.output.columns.indices))
        return plan
    }
}

extension Step {
    /// The step with its sources decoding what is needed for the output columns `needed`.
    func pruned(keeping needed: Set<Int>) -> Step {
        switch self {
        case .source(var step):
            step.needed = step.schema.columns.indices.map { needed.contains($0) || $0 == step.timestamp?.column }
            // A table's old rows are compared and undone by key.
            if step.store != nil { for index in step.schema.key.indices { step.needed[index] = true } }
            return .source(step)
        case .exchange: return self
        case .filter(var step):
            step.input = step.input.pruned(keeping: needed.union(step.predicate.columnsRead))
            return .filter(step)
        case .project(var step):
            step.input = step.input.pruned(keeping: columnsRead(step.expressions))
            return .project(step)
        case .rekey(var step):
            let kept = needed.filter { $0 >= step.keys.count }.map { $0 - step.keys.count }
            step.input = step.input.pruned(keeping: Set(kept).union(columnsRead(step.keys)))
            return .rekey(step)
        case .explode(var step):
            let width = step.input.output.columns.count
            step.input = step.input.pruned(keeping: needed.filter { $0 < width }.union(columnsRead(step.functions.flatMap(\.arguments))))
            return .explode(step)
        case .aggregate(var step):
            step.input = step.input.pruned(
                keeping: columnsRead(step.grouping + step.aggregates.flatMap(\.arguments) + (step.late?.columns ?? [])))
            return .aggregate(step)
        case .keyed(var step):
            step.input = step.input.pruned(keeping: Set(step.input.output.columns.indices))
            return .keyed(step)
        case .join(var step):
            step.left = step.left.pruned(keeping: Set(step.left.output.columns.indices))
            step.right = step.right.pruned(keeping: Set(step.right.output.columns.indices))
            return .join(step)
        }
    }

    private func columnsRead(_ expressions: [TypedExpression]) -> Set<Int> {
        expressions.reduce(into: []) { $0.formUnion($1.columnsRead) }
    }
}
