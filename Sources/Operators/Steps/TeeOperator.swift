// A source that stands in a plan more than once, as one side and the other of a join with itself: it is read once.

import Plans

/// Hands each batch to several steps, in the order of the plan.
final class TeeOperator: Operator {
    /// The steps beside the first one.
    var others: [Operator] = []

    override func push(_ batch: Batch) throws(DataflowError) {
        try emit(batch)
        for other in others { try other.push(batch) }
    }
}

/// The sources of a plan that stand in it more than once.
struct RepeatedSources {
    /// The columns that are read anywhere, by the source as it would be if it needed none.
    private(set) var needed: [SourceStep: [Bool]] = [:]
    /// The operators that were made for them.
    var tees: [SourceStep: TeeOperator] = [:]

    init() {}

    init(of root: Step) {
        var seen: [SourceStep: [Bool]] = [:]
        for source in root.sources where source.store == nil {
            guard let known = seen[source.needingNothing] else {
                seen[source.needingNothing] = source.needed
                continue
            }
            let both = zip(known, source.needed).map { $0 || $1 }
            seen[source.needingNothing] = both
            needed[source.needingNothing] = both
        }
    }
}

extension SourceStep {
    /// The same source for any reader of it.
    var needingNothing: SourceStep {
        var source = self
        source.needed = []
        return source
    }
}

extension Step {
    fileprivate var sources: [SourceStep] {
        if case .source(let source) = self { return [source] }
        return inputs.flatMap(\.sources)
    }
}
