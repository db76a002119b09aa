// From a plan to operators: makes one for each step, from the root down, and gathers what the dataflow must know of them.

import Plans
import Quantities
import Values

/// Which operators, by their places, are below the two sides of a join.
struct JoinInputs {
    let left: Range<Int>
    let right: Range<Int>
}

/// A join and the operators below it.
struct PlacedJoin {
    let join: JoinOperator
    let sides: JoinInputs
}

/// Turns the tree of steps into operators, from the root down.
struct DataflowBuilder {
    let context: DataflowContext
    var inputs: [DataflowInput] = []
    var sources: [SourceOperator?] = []
    var exchanges: [ExchangeSourceOperator?] = []
    /// From the sources up.
    var operators: [Operator] = []
    /// Lower ones first.
    var joins: [PlacedJoin] = []
    /// In the order of the plan, from the root down.
    var stores: [NamedStore] = []
    /// Whether the first aggregation from the root down keeps what questions read, and its state then.
    var keepsView = false
    private(set) var viewed: GroupedState?

    /// Sources that are read once for several steps.
    private(set) var repeated = RepeatedSources()

    init(context: DataflowContext, root: Step) {
        self.context = context
        repeated = RepeatedSources(of: root)
    }

    /// Makes the operators of `step`, whose rows go into `next`.
    mutating func build(_ step: Step, into next: Operator) throws(DataflowError) {
        switch step {
        case .source(var source):
            let shared = source.needingNothing
            if let tee = repeated.tees[shared] { return tee.others.append(next) }
            let index = inputs.count
            var above = next
            if let needed = repeated.needed[shared] {
                let tee = TeeOperator(context, next: next)
                repeated.tees[shared] = tee
                operators.append(tee)
                source.needed = needed
                above = tee
            }
            inputs.append(.source(source))
            if let store = source.store, source.kind == .table {
                above = TableOperator(source, store, context, next: next)
                stores += above.stores
                operators.append(above)
            }
            let operation = try SourceOperator(source, input: index, context, next: above)
            sources.append(operation)
            exchanges.append(nil)
            operators.append(operation)
        case .exchange(let exchange):
            let index = inputs.count
            inputs.append(.exchange(exchange))
            let operation = ExchangeSourceOperator(exchange, input: index, context, next: next)
            sources.append(nil)
            exchanges.append(operation)
            operators.append(operation)
        case .filter(let filter):
            try add(try FilterOperator(filter, context, next: next), over: filter.input)
        case .project(let project):
            try add(try ProjectOperator(project, context, next: next), over: project.input)
        case .rekey(let rekey):
            try add(try RekeyOperator(rekey, context, next: next), over: rekey.input)
        case .explode(let explode):
            try add(try ExplodeOperator(explode.functions, output: explode.output.columns.map(\.type), context, next: next), over: explode.input)
        case .aggregate(let aggregate):
            if case .session = aggregate.window?.shape {
                try add(try SessionOperator(aggregate, context, next: next), over: aggregate.input, isTimed: true)
            } else {
                let operation = try AggregateOperator(aggregate, context, next: next, keepsView: keepsView)
                if keepsView { (keepsView, viewed) = (false, operation.state) }
                try add(operation, over: aggregate.input, isTimed: aggregate.window != nil)
            }
        case .keyed(let keyed):
            switch keyed.kind {
            case .top(let order, let count): try add(TopOperator(keyed, order, count, context, next: next), over: keyed.input)
            case .running(let calls) where calls.contains(where: { $0.rowsAhead > 0 }):
                try add(LookingAheadOperator(keyed, calls, context, next: next), over: keyed.input)
            case .running(let calls): try add(RunningOperator(keyed, calls, context, next: next), over: keyed.input)
            case .distinct(let window):
                try add(try DistinctOperator(keyed, window, context, next: next), over: keyed.input, isTimed: true)
            }
        case .join(let join):
            let operation = try JoinOperator.make(join, context, next: next)
            stores += operation.stores
            let first = operators.count
            try build(join.left, into: guarded(JoinPort(operation, isLeft: true), join.goesByTime, "Join"))
            let middle = operators.count
            try build(join.right, into: guarded(JoinPort(operation, isLeft: false), join.goesByTime, "Join"))
            joins.append(PlacedJoin(join: operation, sides: JoinInputs(left: first..<middle, right: middle..<operators.count)))
            operators.append(operation)
        }
    }

    /// `isTimed`: the operator goes by stream time.
    private mutating func add(_ operation: Operator, over input: Step, isTimed: Bool = false) throws(DataflowError) {
        stores += operation.stores
        try build(input, into: guarded(operation, isTimed, "Aggregate"))
        operators.append(operation)
    }

    /// What takes the rows for an operator: itself, or where it goes by stream time a guard against rows of the far future.
    private mutating func guarded(_ operation: Operator, _ isTimed: Bool, _ step: String) -> Operator {
        guard isTimed, let most = context.options.mostFuture else { return operation }
        return FutureGuard(most, step: step, context, next: operation)
    }
}

extension JoinStep {
    /// Whether times of rows decide about what others find.
    fileprivate var goesByTime: Bool { if case .streamStream = kind { true } else { false } }
}

extension Step {
    /// Whether PARTITION BY stands in the step or below it.
    var makesKeys: Bool {
        if case .rekey = self { return true }
        return inputs.contains { $0.makesKeys }
    }

    /// Whether one record may become many rows, or rows of many sizes, here or below.
    func expands(_ options: DataflowOptions) -> Bool {
        let expandsHere =
            switch self {
            case .explode: true
            case .keyed(let keyed): keyed.isTable
            case .join(let join): join.kind != .streamTable
            case .aggregate(let aggregate):
                switch aggregate.window?.shape {
                case .session, .hopping: true
                case .tumbling, nil: !options.coalesces && aggregate.output.value.contains { Column($0.type).hasVariableWeight }
                }
            case .source, .exchange, .filter, .project, .rekey: false
            }
        return expandsHere || inputs.contains { $0.expands(options) }
    }

    /// Into how many windows a row falls, by the plan.
    var windowsPerRow: Int {
        var windows = 1
        if case .aggregate(let aggregate) = self, case .hopping(let size, let advance) = aggregate.window?.shape, advance > 0 {
            windows = Int(clamping: (size.count - 1) / advance.count + 1)
        }
        return max(windows, inputs.map(\.windowsPerRow).max() ?? 1)
    }
}
