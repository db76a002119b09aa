// The physical plan: a query's steps cut into pipelines where rows change partitions. Each pipeline runs as one task a partition.

package import Plans
import Values

/// One pipeline of a query: steps that run in one task a partition of its inputs.
package struct PipelinePlan: Hashable, Sendable {
    package var root: Step
    package var destination: Destination
    /// How many tasks run it: one a partition of its widest input.
    package var tasks: Int
    /// How many partitions the internal topic has that it writes; nil when it writes none.
    package var exchangePartitions: Int?

    package init(root: Step, destination: Destination, tasks: Int = 1, exchangePartitions: Int? = nil) {
        self.root = root
        self.destination = destination
        self.tasks = tasks
        self.exchangePartitions = exchangePartitions
    }

    /// The names of the topics that it reads.
    package var topics: [String] {
        func collect(_ step: Step) -> [String] {
            switch step {
            case .source(let source): [source.topic]
            case .exchange(let exchange): [exchange.topic.name]
            case .filter, .project, .rekey, .explode, .aggregate, .join, .keyed: step.inputs.flatMap(collect)
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
    return cutter.upstream + [PipelinePlan(root: root, destination: plan.destination, tasks: cutter.width(root))]
}

private struct PipelineCutter {
    let partitions: (String) -> Int
    var upstream: [PipelinePlan] = []
    /// Partitions of the internal topics so far, which need not exist yet.
    private var exchanges: [String: Int] = [:]

    init(partitions: @escaping (String) -> Int) { self.partitions = partitions }

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
            return .join(exchangingSides(inner))
        case .aggregate(var inner):
            inner.input = cut(inner.input)
            guard let topic = inner.repartition, width(inner.input) > 1 else { return .aggregate(inner) }
            return .aggregate(exchange(inner, over: topic))
        case .keyed(var inner):
            inner.input = cut(inner.input)
            if let topic = inner.repartition, width(inner.input) > 1 {
                inner.input = exchange(inner.input, over: topic, partitions: width(inner.input), isTable: false)
                inner.repartition = nil
            }
            return .keyed(inner)
        }
    }

    /// How many partitions the rows of a step are spread over.
    func width(_ step: Step) -> Int {
        switch step {
        case .source(let source): partitions(source.topic)
        case .exchange(let exchange): exchanges[exchange.topic.name] ?? partitions(exchange.topic.name)
        case .filter, .project, .rekey, .explode, .aggregate, .join, .keyed: step.inputs.map(width).max() ?? 1
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
        above.late?.columns = step.late?.columns.map { .column(place($0), $0.type) } ?? []
        above.grouping = step.grouping.enumerated().map { .column($0, $1.type) }
        let output = RowSchema(columns: columns, keyCount: step.grouping.count)
        let below = Step.project(ProjectStep(input: step.input, expressions: carried, output: output, isTable: step.isTableInput))
        above.input = exchange(below, over: topic, partitions: width(step.input), isTable: step.isTableInput)
        above.repartition = nil
        return above
    }

    /// A join whose sides agree in their partitions. One that moves takes the other side's number; a foreign key's sides meet in one.
    private mutating func exchangingSides(_ step: JoinStep) -> JoinStep {
        var step = step
        let (left, right) = (width(step.left), width(step.right))
        let target: Int =
            switch (step.kind, step.leftRepartition, step.rightRepartition) {
            case (.foreignKey, _, _): 1
            case (_, nil, _): left
            case (_, _, nil): right
            case (_, _?, _?): max(left, right)
            }
        if let topic = step.leftRepartition, left > 1 || target > 1 {
            step.left = exchange(step.left, over: topic, partitions: target, isTable: step.isTable)
            step.leftRepartition = nil
        }
        if let topic = step.rightRepartition, right > 1 || target > 1 {
            step.right = exchange(step.right, over: topic, partitions: target, isTable: step.isRightTable)
            step.rightRepartition = nil
        }
        return step
    }

    /// Puts `below` into a pipeline of its own, and gives the step that reads its rows back.
    private mutating func exchange(_ below: Step, over topic: InternalTopic, partitions: Int, isTable: Bool) -> Step {
        upstream.append(
            PipelinePlan(root: below, destination: .exchange(topic), tasks: width(below), exchangePartitions: partitions))
        exchanges[topic.name] = partitions
        return .exchange(ExchangeStep(topic: topic, output: below.output, isTable: isTable))
    }
}

extension JoinStep {
    fileprivate var isRightTable: Bool {
        switch kind {
        case .streamStream: false
        case .streamTable, .tableTable, .foreignKey: true
        }
    }
}
