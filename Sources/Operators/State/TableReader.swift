// One question to a view: it takes groups out of the state, a few at a time, and has the steps above the aggregation make records of them.

import Bytes
package import Plans
import Quantities
import Values

/// Reads a view for one question.
struct TableReader {
    private static let mostRows = 1024

    private let view: TableView
    private let commit: Int
    private let mostBytes: Int
    private let context: DataflowContext
    private let sink: SinkOperator
    /// The step that takes the aggregation's rows.
    private let entry: Operator
    private let batch = Batch()
    private let order: ResultOrder
    /// Rows of the next copy: fewer where rows are large.
    private var chunkRows = 64
    private var isWhole = true

    init(_ view: TableView, _ reading: StateReading, _ cancel: CancelFlag, mostBytes: Int) throws(DataflowError) {
        self.view = view
        commit = reading.commit
        self.mostBytes = mostBytes
        context = DataflowContext(options: DataflowOptions(), environment: view.environment)
        context.cancel = cancel
        sink = try SinkOperator(view.sink, view.root.output, makesKeys: view.root.makesKeys, context)
        entry = try Self.build(view.root, into: sink, context)
        order = try ResultOrder(view.sink.asSource(view.root.output))
        batch.columns = view.step.output.columns.map { Column($0.type) }
    }

    /// The operators of `step` and those below it down to the aggregation; gives the lowest.
    private static func build(_ step: Step, into next: Operator, _ context: DataflowContext) throws(DataflowError) -> Operator {
        switch step {
        case .filter(let filter): try build(filter.input, into: try FilterOperator(filter, context, next: next), context)
        case .project(let project): try build(project.input, into: try ProjectOperator(project, context, next: next), context)
        case .source, .exchange, .rekey, .explode, .aggregate, .join: next
        }
    }

    /// Takes the groups of a window that lie in one of the ranges; false when there is no room for more rows.
    mutating func read(_ window: WindowGroups, _ ranges: [KeyRange]) throws(DataflowError) -> Bool {
        let groupCount = view.groupCount(of: window, at: commit)
        if ranges.count < groupCount, let keys = lookups(ranges) {
            // Groups that are new since the commit are none of its rows.
            for group in Set(view.find(keys, count: ranges.count, in: window)).sorted() where group < groupCount {
                guard try take(group..<group + 1, of: window, window.start, within: []) else { return false }
            }
            return true
        }
        let intervals = ranges.contains(where: \.hasAllKeys) ? [] : ranges.map { order.interval($0) }
        var next = 0
        while next < groupCount {
            let last = min(groupCount, next + chunkRows)
            guard try take(next..<last, of: window, window.start, within: intervals) else { return false }
            next = last
        }
        return true
    }

    /// The keys of ranges that have one each, as grouping columns; nil where a range has several, or a key that has no single form.
    private func lookups(_ ranges: [KeyRange]) -> [Column]? {
        let count = view.keyPlaces.count
        guard !view.step.emptyIsNull, Set(view.keyPlaces).count == view.step.grouping.count,
            ranges.allSatisfy({ $0.prefix.count == count && !$0.prefix.contains(.null) })
        else { return nil }
        return view.step.grouping.indices.map { place in
            let index = view.keyPlaces.firstIndex(of: place) ?? 0
            return Column(view.step.grouping[place].type, ranges.map { $0.prefix[index] })
        }
    }

    /// Makes records of these groups, of those within the intervals of key order if there are any.
    private mutating func take(
        _ groups: Range<Int>, of window: WindowGroups, _ start: Int64, within intervals: [KeyInterval]
    ) throws(DataflowError) -> Bool {
        if context.cancel.isSet { throw DataflowError("the work was cancelled", isCancelled: true) }
        view.copy(groups, of: window, at: commit, into: batch)
        let weight = batch.textMemory / max(1, batch.rowCount)
        chunkRows = max(1, min(TableReader.mostRows, chunkRows * 4, OutputLimits.chunkBytes / max(1, weight)))
        batch.selection = .all(batch.rowCount)
        if let window = view.step.window {
            batch.windowStarts = Array(repeating: start, count: batch.rowCount)
            batch.windowEnds = Array(repeating: start.later(by: window.size), count: batch.rowCount)
        }
        if !intervals.isEmpty {
            let keys = view.keyPlaces.map { batch.columns[$0] }
            batch.selection = batch.selection.filtered { row in
                let key = ResultOrder.orderKey(keys, row)
                return intervals.contains { $0.contains(key) }
            }
        }
        if !batch.selection.isEmpty { try entry.push(batch) }
        if context.environment.pressure?.isOverfull == true {
            throw DataflowError("the values of one batch are larger than \(ValueLimit.batchBytes >> 20) MiB", isOutputTooLarge: true)
        }
        isWhole = sink.records.bytes.count <= mostBytes
        return isWhole
    }

    /// All records in the order of their keys and windows.
    func finish() throws(DataflowError) -> TableContent {
        let records = sink.records.take()
        let run = order.sorted(records, windowSuffix: view.step.window == nil ? 0 : 8)
        var content = TableContent(run: run, isWhole: isWhole)
        content.errors = context.errors.counts
        content.firstError = context.errors.take().first
        return content
    }
}

extension SinkDescription {
    /// The table's topic as a source reads it, whose rows are `output`.
    package func asSource(_ output: RowSchema) -> SourceStep {
        SourceStep(
            sourceName: sourceName, topic: topic, kind: .table, keyFormat: keyFormat, valueFormat: valueFormat,
            schema: SourceSchema(key: Array(output.key), value: Array(output.value)), timestamp: nil, window: window,
            needed: Array(repeating: true, count: output.columns.count), store: nil)
    }
}
