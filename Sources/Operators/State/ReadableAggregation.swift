// Whether the rows of a table follow from the state of an aggregation alone, so that questions need no copy of them.

import Plans
import Values

/// An aggregation whose groups, with the steps above it, are the rows of a table.
struct ReadableAggregation {
    let step: AggregateStep
    /// For each key column of the table the grouping column that it shows.
    let keyPlaces: [Int]

    /// The aggregation below `root`; nil where there is none whose groups are there when they are asked for, or where the steps above it
    /// give another row each time. EMIT FINAL gives groups out when it drops them, and sessions are read from the table's topic.
    init?(below root: Step, _ added: AddedFunctions) {
        switch root {
        case .aggregate(let step):
            if step.isFinal { return nil }
            if case .session = step.window?.shape { return nil }
            self.step = step
            keyPlaces = Array(0..<step.output.keyCount)
        case .filter(let filter):
            guard filter.predicate.isRepeatable(added), let below = ReadableAggregation(below: filter.input, added) else { return nil }
            self = below
        case .project(let project):
            guard project.expressions.allSatisfy({ $0.isRepeatable(added) }),
                let below = ReadableAggregation(below: project.input, added)
            else { return nil }
            var places: [Int] = []
            for expression in project.expressions[..<project.output.keyCount] {
                guard case .column(let index) = expression.node, index < below.keyPlaces.count else { return nil }
                places.append(below.keyPlaces[index])
            }
            step = below.step
            keyPlaces = places
        case .source, .exchange, .rekey, .explode, .join, .keyed: return nil
        }
    }
}

extension TypedExpression {
    /// Whether the expression gives the same for the same row at any time. Clocks and chance are functions without arguments; of functions
    /// that were brought along nothing is known.
    fileprivate func isRepeatable(_ added: AddedFunctions) -> Bool {
        if case .call(let name, let arguments) = node, arguments.isEmpty || added.scalars[name] != nil { return false }
        return children.allSatisfy { $0.isRepeatable(added) }
    }
}
