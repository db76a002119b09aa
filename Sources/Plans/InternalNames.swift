// The topics of a query's own: repartition topics and changelogs of state. Which there should be follows from the plans
// alone.

import Values

/// The names of internal topics.
package enum InternalNames {
    /// The topic that holds the changes of a state store.
    package static func changelog(of store: String) -> String { store + changelogSuffix }
    /// The store whose changes a topic holds; nil for other topics.
    package static func store(ofChangelog topic: String) -> String? {
        topic.hasSuffix(changelogSuffix) ? String(topic.dropLast(changelogSuffix.count)) : nil
    }
    /// Whether a name is of the form that internal topics have: such a topic exists because a query needs it, or by
    /// mistake.
    package static func isInternal(_ topic: String) -> Bool {
        topic.hasPrefix("_confluent-ksql-") && topic.contains("query_")
            && (topic.hasSuffix(changelogSuffix) || topic.hasSuffix("-repartition"))
    }

    private static let changelogSuffix = "-changelog"
}

extension QueryPlan {
    /// The names of all topics of the query's own that it may need, however many partitions its sources have.
    package var internalTopics: Set<String> { Set(root.stores.map(InternalNames.changelog)).union(root.repartitions) }

    /// The names of the topics of which the query has positions: those of its sources, and those between its own pipelines.
    package var topicsRead: Set<String> { Set(sources.map(\.topic)).union(root.repartitions) }

    /// The same query over the internal topics of another, which has the same steps with state: it goes on with what is
    /// in them.
    package func takingInternals(of other: QueryPlan) -> QueryPlan {
        let own = root.stores + root.repartitions
        let others = other.root.stores + other.root.repartitions
        guard root.stores.count == other.root.stores.count, own.count == others.count else { return self }
        let names = Dictionary(zip(own, others), uniquingKeysWith: { first, _ in first })
        return renamingInternals { names[$0] ?? $0 }
    }

    /// The same query over internal topics of other names: none of its state is found again.
    package func renamingInternals(_ rename: (String) -> String) -> QueryPlan {
        var plan = self
        plan.root = root.renamingInternals(rename)
        return plan
    }
}

extension Step {
    /// The names of the state stores of this step and of those below.
    package var stores: [String] {
        let below = inputs.flatMap(\.stores)
        switch self {
        case .source(let source): return below + (source.store.map { [$0.name] } ?? [])
        case .aggregate(let aggregate): return below + [aggregate.store.name]
        case .join(let join): return below + join.stores.map(\.name)
        case .keyed(let keyed): return below + [keyed.store.name]
        case .exchange, .filter, .project, .rekey, .explode: return below
        }
    }

    /// The names of the repartition topics of this step and of those below.
    fileprivate var repartitions: [String] {
        let below = inputs.flatMap(\.repartitions)
        switch self {
        case .exchange(let exchange): return below + [exchange.topic.name]
        case .rekey(let rekey): return below + [rekey.repartition.name]
        case .aggregate(let aggregate): return below + [aggregate.repartition].compactMap { $0?.name }
        case .keyed(let keyed): return below + [keyed.repartition].compactMap { $0?.name }
        case .join(let join): return below + [join.leftRepartition, join.rightRepartition].compactMap { $0?.name }
        case .source, .filter, .project, .explode: return below
        }
    }

    fileprivate func renamingInternals(_ rename: (String) -> String) -> Step {
        func renamed(_ topic: InternalTopic) -> InternalTopic { InternalTopic(name: rename(topic.name), keyFormat: topic.keyFormat) }
        func renamed(_ store: StoreDescription) -> StoreDescription { StoreDescription(name: rename(store.name)) }
        switch self {
        case .source(var step):
            step.store = step.store.map(renamed)
            return .source(step)
        case .exchange(var step):
            step.topic = renamed(step.topic)
            return .exchange(step)
        case .filter(var step):
            step.input = step.input.renamingInternals(rename)
            return .filter(step)
        case .project(var step):
            step.input = step.input.renamingInternals(rename)
            return .project(step)
        case .rekey(var step):
            step.input = step.input.renamingInternals(rename)
            step.repartition = renamed(step.repartition)
            return .rekey(step)
        case .explode(var step):
            step.input = step.input.renamingInternals(rename)
            return .explode(step)
        case .aggregate(var step):
            step.input = step.input.renamingInternals(rename)
            step.store = renamed(step.store)
            step.repartition = step.repartition.map(renamed)
            return .aggregate(step)
        case .keyed(var step):
            step.input = step.input.renamingInternals(rename)
            step.store = renamed(step.store)
            step.repartition = step.repartition.map(renamed)
            return .keyed(step)
        case .join(var step):
            step.left = step.left.renamingInternals(rename)
            step.right = step.right.renamingInternals(rename)
            (step.leftStore, step.rightStore) = (renamed(step.leftStore), renamed(step.rightStore))
            step.leftRepartition = step.leftRepartition.map(renamed)
            step.rightRepartition = step.rightRepartition.map(renamed)
            return .join(step)
        }
    }
}
