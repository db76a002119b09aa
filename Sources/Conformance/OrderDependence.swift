// Which cases can be run over several partitions: those whose results do not depend on the order in which records of different keys, or
// of different inputs, are processed. The suites record what a single partition gives.

import Plans

enum OrderDependence {
    /// Why a case cannot be judged over several partitions, as far as its text tells.
    static func reason(in test: TestCase) -> String? {
        if test.expectedError != nil { return "what is refused does not depend on records" }
        let text = test.statements.joined(separator: " ").uppercased()
        for word in ["ROWPARTITION", "ROWOFFSET", "PARTITIONS"] where text.contains(word) { return "the case is about \(word)" }
        return nil
    }

    /// Why a case cannot be judged over several partitions, as far as its plans tell.
    static func reason(in plans: [QueryPlan]) -> String? {
        let steps = plans.flatMap { allSteps(of: $0.root) }
        var movesRows = false
        var aggregates = false
        for step in steps {
            switch step {
            case .keyed: return "rows of several partitions meet in one group"
            case .join: return "a join: its inputs meet in the order of the script"
            case .aggregate(let aggregate):
                if aggregate.window != nil { return "a window: how far time has come is each partition's own" }
                if aggregate.repartition != nil { return "rows of several partitions meet in one group" }
                aggregates = true
            case .exchange, .rekey: movesRows = true
            case .source, .filter, .project, .explode: break
            }
        }
        return movesRows && aggregates ? "rows of several partitions meet in one group" : nil
    }

    private static func allSteps(of step: Step) -> [Step] { [step] + step.inputs.flatMap(allSteps) }
}
