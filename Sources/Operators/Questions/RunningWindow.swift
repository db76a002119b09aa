// Window functions that look back only, over the rows of one partition in order: each is computed as its row comes, so that a partition may
// have any number of rows. Rows that are equal in the window's order wait for the last of them where the function counts them together.

import Plans
import Values

/// Computes window functions over the rows of one partition, which come in the order of the window.
final class RunningWindow {
    private let calls: [WindowFunctionCall]
    private let context: QuestionContext
    private let next: QuestionStage?
    private let frame: Frame
    private let orderKernels: [Kernel]
    private let writer: SortKeyWriter
    private let functions: [RunningFunction]
    /// Rows that are equal in the order to the latest one, where they must wait for each other.
    private let waiting: QuestionRows
    private let waitsForPeers: Bool
    private var latest: [UInt8]?

    /// Nil where a function looks ahead, or at a frame that does not begin with the partition.
    init?(_ calls: [WindowFunctionCall], _ types: [SQLType], _ context: QuestionContext, next: QuestionStage?) throws(DataflowError) {
        var functions: [RunningFunction] = []
        for call in calls {
            guard let function = try RunningFunction(call, context) else { return nil }
            functions.append(function)
        }
        self.functions = functions
        self.calls = calls
        self.context = context
        self.next = next
        frame = Frame(environment: context.environment)
        let order = calls.first?.orderBy ?? []
        orderKernels = try KernelCompiler.compileAll(order.map(\.expression), context.environment.added)
        writer = SortKeyWriter(order)
        waiting = QuestionRows(types, context, for: .windows)
        waitsForPeers = functions.contains(where: \.waitsForPeers)
    }

    func push(_ chunk: Batch) throws(DataflowError) {
        context.show(chunk, in: frame)
        let columns = orderKernels.map { $0.evaluate(frame, chunk.selection) }
        // Where rows begin that are behind those in front of them.
        var starts: [Bool] = []
        var lastStart = 0
        var key: [UInt8] = []
        for row in 0..<chunk.rowCount {
            key.removeAll(keepingCapacity: true)
            writer.append(columns, row, to: &key)
            starts.append(key != latest)
            guard starts[row] else { continue }
            lastStart = row
            latest = key
        }
        guard waitsForPeers else { return try give(chunk, starts) }
        if starts.contains(true) {
            // What waited is complete.
            let rows = chunk.allRows
            try release(with: chunk, Array(rows[..<lastStart]), starts)
            try waiting.append(chunk, Array(rows[lastStart...]))
        } else {
            try waiting.append(chunk)
        }
    }

    /// Computes the rows that waited, and some of a chunk.
    private func release(with chunk: Batch, _ rows: [Int32], _ starts: [Bool]) throws(DataflowError) {
        let count = waiting.count
        try waiting.append(chunk, rows)
        if waiting.count == 0 { return }
        try give(waiting.batch, (0..<count).map { $0 == 0 } + rows.map { starts[Int($0)] })
        try waiting.removeAll()
    }

    /// Hands on rows with their functions; `starts` says of each whether it is behind the one in front of it.
    private func give(_ batch: Batch, _ starts: [Bool]) throws(DataflowError) {
        var results: [Column] = []
        for function in functions { results.append(try function.results(batch, starts)) }
        let whole = Batch(batch.columns + results, rows: batch.rowCount)
        for first in stride(from: 0, to: batch.rowCount, by: OutputLimits.chunkRows) where !(next?.isDone ?? true) {
            let last = min(first + OutputLimits.chunkRows, batch.rowCount)
            try next?.push(whole.rowCount <= OutputLimits.chunkRows ? whole : whole.picked((first..<last).map { Int32(truncatingIfNeeded: $0) }))
        }
    }

    /// The partition ends.
    func finish() throws(DataflowError) { try release(with: Batch([], rows: 0), [], []) }
}

/// One function that is computed row by row.
private final class RunningFunction {
    private enum Kind {
        case rowNumber, rank, denseRank
        case aggregate(Aggregator, RelationalAggregate, arguments: [Kernel], filter: Kernel?)
        /// The value of the first row.
        case firstValue(Kernel, Column)
    }

    private let call: WindowFunctionCall
    private let context: QuestionContext
    private let kind: Kind
    private let frame: Frame
    /// Whether equal rows have the same result, which is known with the last of them.
    let waitsForPeers: Bool
    private var rows: Int64 = 0
    private var rank: Int64 = 0
    private var denseRank: Int64 = 0

    init?(_ call: WindowFunctionCall, _ context: QuestionContext) throws(DataflowError) {
        self.call = call
        self.context = context
        frame = Frame(environment: context.environment)
        let added = context.environment.added
        let isRunning = call.start == .unboundedPreceding && call.end == .currentRow && call.exclusion == .none && !call.ignoresNulls
        switch call.function {
        case .rowNumber: kind = .rowNumber
        case .rank: kind = .rank
        case .denseRank: kind = .denseRank
        case .aggregate(let aggregate) where isRunning:
            let aggregator = try AggregateLibrary.make(aggregate.call, SequenceCounter(), context.environment.added, seed: context.seed, isQuestion: true)
            aggregator.grow(to: 1)
            kind = .aggregate(
                aggregator, aggregate, arguments: try KernelCompiler.compileAll(aggregate.call.arguments, added),
                filter: try aggregate.filter.map { filter throws(DataflowError) in try KernelCompiler.compile(filter, added) })
        case .firstValue(let value) where isRunning: kind = .firstValue(try KernelCompiler.compile(value, added), Column(value.type))
        case .aggregate, .firstValue, .lastValue, .nthValue, .ntile, .lag, .lead, .percentRank, .cumulativeDistribution: return nil
        }
        if case .aggregate = kind { waitsForPeers = call.unit != .rows } else { waitsForPeers = false }
    }

    func results(_ batch: Batch, _ starts: [Bool]) throws(DataflowError) -> Column {
        let result = Column(call.type)
        result.reset(batch.rowCount)
        context.show(batch, in: frame)
        switch kind {
        case .rowNumber, .rank, .denseRank:
            for row in 0..<batch.rowCount {
                rows += 1
                if starts[row] {
                    rank = rows
                    denseRank += 1
                }
                if case .rowNumber = kind { result.words[row] = rows } else if case .rank = kind { result.words[row] = rank } else {
                    result.words[row] = denseRank
                }
            }
        case .firstValue(let value, let first):
            if first.count == 0, batch.rowCount > 0 { first.append(value.evaluate(frame, batch.selection), 0) }
            for row in 0..<batch.rowCount { result.copy(first, 0, to: row) }
        case .aggregate(let aggregator, let aggregate, let arguments, let filter):
            let values = arguments.map { $0.evaluate(frame, batch.selection) }
            try fill(result, aggregator, aggregate.call.function, values, filter?.evaluate(frame, batch.selection), batch, starts)
        }
        return result
    }

    private func fill(
        _ result: Column, _ aggregator: Aggregator, _ function: String, _ arguments: [Column], _ filter: Column?, _ batch: Batch,
        _ starts: [Bool]
    ) throws(DataflowError) {
        var first = 0
        for row in 0..<batch.rowCount {
            if row & 0xFFF == 0 { try context.checkCancelled() }
            if filter.map({ !$0.isNull(row) && $0.words[row] != 0 }) ?? true {
                do throws(EvaluationError) { try aggregator.add(0, arguments, row) } catch {
                    try context.take(error, by: aggregator, function, batch, row)
                }
            }
            // Equal rows have what the last of them gives.
            let isLast = !waitsForPeers || row + 1 == batch.rowCount || starts[row + 1]
            if isLast {
                for peer in (waitsForPeers ? first : row)...row { aggregator.result(0, into: result, peer) }
                first = row + 1
            }
        }
    }
}
