// What CREATE OR REPLACE … AS may change: the new query goes on with the state and the positions of the old one, so everything that
// either of them depends on must be the same. Projections and filters are free.

package import Plans
import Values

/// Why `new` cannot go on where `old` stopped, as the end of a sentence about the query; nil when it can.
package func obstacle(toReplacing old: QueryPlan, by new: QueryPlan) -> String? {
    obstacle(withoutFreeSteps(old.root), withoutFreeSteps(new.root))
}

private func obstacle(_ old: Step, _ new: Step) -> String? {
    switch (old, new) {
    case (.source(let a), .source(let b)):
        if a.topic != b.topic { return "reads the topic \(a.topic), not \(b.topic)" }
        if a.keyFormat != b.keyFormat || a.valueFormat != b.valueFormat { return "reads \(a.topic) in other formats" }
        if a.timestamp != b.timestamp { return "takes its time from another column" }
        if (a.store == nil) != (b.store == nil) { return "keeps \(a.store == nil ? "no" : "its own") copy of the rows of \(a.sourceName)" }
        return nil
    case (.rekey(let a), .rekey(let b)):
        if a.keys != b.keys { return "has another PARTITION BY" }
    case (.aggregate(let a), .aggregate(let b)):
        if a.window != nil || b.window != nil { return "has a window, and windowed aggregations cannot be replaced" }
        if a.isTableInput || b.isTableInput { return "aggregates a table, which cannot be replaced" }
        if a.grouping != b.grouping { return "has another GROUP BY" }
        if a.aggregates != b.aggregates { return "has other aggregates" }
        if a.keyFormat != b.keyFormat { return "keeps its state in another format" }
    case (.join, _), (_, .join): return "has a join, and joins cannot be replaced"
    case (.keyed, _), (_, .keyed): return "keeps rows by a key, and such queries cannot be replaced"
    case (.explode, _), (_, .explode): return "has a table function, and those cannot be replaced"
    case (.exchange, _), (.filter, _), (.project, _), (.source, _), (.rekey, _), (.aggregate, _): return "has other steps"
    }
    for (below, belowNew) in zip(old.inputs, new.inputs) {
        if let found = obstacle(withoutFreeSteps(below), withoutFreeSteps(belowNew)) { return found }
    }
    return nil
}

private func withoutFreeSteps(_ step: Step) -> Step {
    switch step {
    case .filter(let filter): withoutFreeSteps(filter.input)
    case .project(let project): withoutFreeSteps(project.input)
    case .source, .exchange, .rekey, .explode, .aggregate, .join, .keyed: step
    }
}
