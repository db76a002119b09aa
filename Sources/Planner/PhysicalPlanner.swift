// The physical plan: a query's steps cut into pipelines where rows change partitions. Each pipeline runs as one task a partition.

package import Plans
import Values

/// One pipeline of a query: steps that run in one task a partition of its inputs.
package struct PipelinePlan: Hashable, Sendable {
    package var root: Step
    package var destination: Destination

    package init(root: Step, destination: Destination) {
        self.root = root
        self.destination = destination
    }

    /// The names of the topics that it reads.
    package var topics: [String] {
        func collect(_ step: Step) -> [String] {
            switch step {
            case .source(let source): [source.topic]
            case .exchange(let exchange): [exchange.topic.name]
            case .filter, .project, .rekey, .explode, .aggregate, .join: step.inputs.flatMap(collect)
            }
        }
        return collect(root)
    }
}

/// Cuts a plan into pipelines, upstream ones first. `partitions` tells how many partitions a topic has; inputs of a single partition
/// are never repartitioned.
package func pipelines(of plan: QueryPlan, partitions: @escaping (_ topic: String) -> Int) -> [PipelinePlan] {
    var cutter = PipelineCutter(partitions: partitions)
    let root = cutter.cut(plan.root)
    return cutter.upstream + [PipelinePlan(root: root, destination: plan.destination)]
}

private struct PipelineCutter {
    let partitions: (String) -> Int
    var upstream: [PipelinePlan] = []

    mutating func cut(_ step: Step) -> Step {
        switch step {
        case .source, .exchange: return step
        case .filter(var inner):
            inner.input = cut(inner.input)
            return .filter(inner)
        case .project(var inner):
            inner.input = cut(inner.input)
            return .project(inner)
        case .rekey(var inner):
            inner.input = cut(inner.input)
            return .rekey(inner)
        case .explode(var inner):
            inner.input = cut(inner.input)
            return .explode(inner)
        case .join(var inner):
            inner.left = cut(inner.left)
            inner.right = cut(inner.right)
            return .join(inner)
        case .aggregate(var inner):
            inner.input = cut(inner.input)
            guard let topic = inner.repartition, width(inner.input) > 1 else { return .aggregate(inner) }
            return .aggregate(exchange(inner, over: topic))
        }
    }

    /// How many partitions the rows of a step are spread over.
    private func width(_ step: Step) -> Int {
        switch step {
        case .source(let source): partitions(source.topic)
        case .exchange(let exchange): partitions(exchange.topic.name)
        case .filter, .project, .rekey, .explode, .aggregate, .join: step.inputs.map(width).max() ?? 1
        }
    }

    /// Below the exchange: the grouping expressions as key, and every column and pseudo column that the aggregates read. Above it the
    /// same aggregation over those columns.
    private mutating func exchange(_ step: AggregateStep, over topic: InternalTopic) -> AggregateStep {
        var carried = step.grouping
        var columns = zip(step.grouping, step.output.key).map { ColumnDefinition($1.name, $0.type) }
        func place(_ part: TypedExpression) -> Int {
            if let known = carried[step.grouping.count...].firstIndex(of: part) { return known }
            carried.append(part)
            columns.append(ColumnDefinition("KSQL_INTERNAL_COL_\(carried.count - 1)", part.type))
            return carried.count - 1
        }
        var above = step
        above.aggregates = step.aggregates.map { call in
            var moved = call
            moved.arguments = call.arguments.map { argument in
                argument.replacingLeaves { leaf in
                    switch leaf.node {
                    case .column, .pseudo(.rowpartition), .pseudo(.rowoffset): .column(place(leaf), leaf.type)
                    default: nil
                    }
                }
            }
            return moved
        }
        above.grouping = step.grouping.enumerated().map { .column($0, $1.type) }
        let output = RowSchema(columns: columns, keyCount: step.grouping.count)
        let below = Step.project(ProjectStep(input: step.input, expressions: carried, output: output, isTable: step.isTableInput))
        upstream.append(PipelinePlan(root: below, destination: .exchange(topic)))
        above.input = .exchange(ExchangeStep(topic: topic, output: output, isTable: step.isTableInput))
        above.repartition = nil
        return above
    }
}
