// The rows of a source for a question: records decoded by the operators of continuous queries, handed on as chunks.

package import Bytes
package import Plans
package import Quantities
package import Values

/// How the records of a scan are read.
package struct QuestionScanInput: Sendable {
    /// The source as operators read it.
    package var source: SourceStep
    /// Whether the records are changes of a table, of which the last one of each key counts.
    package var hasChanges: Bool

    package init(source: SourceStep, hasChanges: Bool) {
        self.source = source
        self.hasChanges = hasChanges
    }
}

/// Where a question finds the records of its scans.
package protocol QuestionRecords: AnyObject {
    /// The rows of a system table: the same ones whenever the question asks. Errors: there is none of that name, or it cannot be read.
    func rows(ofSystemTable name: String) throws(DataflowError) -> [[Value]]
    /// How a scan is read. Errors: it cannot be.
    func input(of scan: RelationalScan) throws(DataflowError) -> QuestionScanInput
    /// Hands all records of a scan to `take`, run by run, until that gives false.
    func read(
        _ scan: RelationalScan, _ take: (RecordRun, Range<Int>, PartitionIndex) throws(DataflowError) -> Bool
    ) throws(DataflowError)
}

/// Decodes the records of one scan into chunks.
final class QuestionScan {
    private let context: QuestionContext
    private let source: SourceOperator
    /// From the source up.
    private let operators: [Operator]
    private let end: ScanEnd
    private let next: QuestionStage

    init(_ scan: RelationalScan, _ input: QuestionScanInput, _ context: QuestionContext, next: QuestionStage) throws(DataflowError) {
        self.context = context
        self.next = next
        var step = input.source
        let own = scan.columns.count - scan.pseudoColumns.count
        let keyCount = input.hasChanges ? step.schema.key.count : 0
        let read = scan.filter?.columnsRead ?? []
        step.needed = step.schema.columns.indices.map { scan.needed[$0] || read.contains($0) || $0 < keyCount || $0 == step.timestamp?.column }
        var root = Step.source(step)
        // A change that the condition does not pass may still be the last one of its key.
        if let filter = scan.filter, !input.hasChanges { root = .filter(FilterStep(input: root, predicate: filter, isTable: false)) }
        let expressions = scan.columns.enumerated().map { index, column -> TypedExpression in
            if index < own { return .column(index, column.type) }
            let isRead = scan.needed[index] || input.hasChanges && (scan.filter != nil || scan.pseudoColumns[index - own].isWindowBound)
            return isRead ? TypedExpression(.pseudo(scan.pseudoColumns[index - own]), column.type) : .literal(.null, column.type)
        }
        // The bounds of its window are part of a row's key; what a row without a value has beside it is not looked at.
        let bounds = scan.pseudoColumns.indices.filter { scan.pseudoColumns[$0].isWindowBound }.map { own + $0 }
        let output = RowSchema(columns: scan.columns, keyCount: input.hasChanges && !bounds.isEmpty ? scan.columns.count : keyCount)
        root = .project(ProjectStep(input: root, expressions: expressions, output: output, isTable: input.hasChanges))
        end = ScanEnd(
            scan.columns.map(\.type), needed: scan.needed, keys: input.hasChanges ? Array(0..<keyCount) + bounds : nil, asOf: scan.asOf,
            context, next: next)
        var builder = DataflowBuilder(context: context.dataflow, root: root)
        try builder.build(root, into: end)
        guard let source = builder.sources.first.flatMap({ $0 }) else { throw DataflowError("a scan without a source") }
        self.source = source
        operators = builder.operators
    }

    /// Takes records of a run; whether more are needed.
    func take(_ run: RecordRun, _ range: Range<Int>, _ partition: PartitionIndex) throws(DataflowError) -> Bool {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: OutputLimits.chunkRows) {
            try context.checkCancelled()
            context.dataflow.budget.beginBatch()
            context.dataflow.budget.beginSlice(rows: OutputLimits.sliceRows)
            try source.process(run, start..<min(start + OutputLimits.chunkRows, range.upperBound), partition: partition)
            while let operation = operators.last(where: \.hasWork) { try operation.resume() }
            if let fatal = context.dataflow.errors.fatal { throw fatal }
            if next.isDone { return false }
        }
        return true
    }

    /// Hands on what was kept. `filter` is the scan's condition, over its row.
    func finish(_ filter: TypedExpression?) throws(DataflowError) {
        guard let (rows, last) = end.lastRows else { return }
        guard let filter else { return try next.emit(keptRows: rows, last) }
        let passing = try QuestionFilter(filter, context, next: next)
        try passing.emit(keptRows: rows, last)
    }
}

extension QuestionStage {
    /// Takes rows that were kept, in chunks.
    fileprivate func emit(keptRows rows: QuestionRows, _ indices: [Int32]) throws(DataflowError) {
        for first in stride(from: 0, to: indices.count, by: OutputLimits.chunkRows) where !isDone {
            try context.checkCancelled()
            try push(rows.chunk(Array(indices[first..<min(first + OutputLimits.chunkRows, indices.count)])))
        }
    }
}

/// Where the operators of a scan hand their rows to the first stage; of the changes of a table, the last row of each key is kept.
private final class ScanEnd: Operator {
    private let stage: QuestionStage
    /// For the changes of a table: which columns are its key, its keys, the rows that it has seen, and for each key the last one; -1 for one
    /// that was deleted.
    private let keyPlaces: [Int]
    /// By column: an empty one where nobody needs it.
    private let empty: [Column?]
    private let keys: RowGroups?
    private let changes: QuestionRows?
    private var lastRow: [Int32] = []
    /// Later changes do not count; nil when all do.
    private let asOf: Int64?
    /// Rows that may be overtaken before they are sorted out, beyond as many as there are keys.
    private static let slack = 65_536

    /// `keyPlaces` are those of a table whose rows are changes; nil for all others.
    init(_ types: [SQLType], needed: [Bool], keys keyPlaces: [Int]?, asOf: Int64?, _ context: QuestionContext, next stage: QuestionStage) {
        self.stage = stage
        self.keyPlaces = keyPlaces ?? []
        empty = zip(types, needed).map { $1 ? nil : Column($0) }
        self.asOf = asOf
        keys = keyPlaces.map { RowGroups($0.map { types[$0] }, context, for: .changes) }
        changes = keyPlaces.map { _ in QuestionRows(types, context, for: .changes) }
        super.init(context.dataflow, next: nil)
    }

    /// The rows that were kept, and which of them are the last ones of their keys; nil where none are kept.
    var lastRows: (QuestionRows, [Int32])? { changes.map { ($0, lastRow.filter { $0 >= 0 }) } }

    override func push(_ batch: Batch) throws(DataflowError) {
        if let keys, let changes { return try keep(batch, keys, changes) }
        let rows = batch.hasValue.isEmpty ? batch.selection : batch.selection.filtered { batch.hasValue[$0] }
        if rows.isEmpty { return }
        let whole = Batch(zip(batch.columns, empty).map { $1 ?? $0 }, rows: batch.rowCount)
        let isWhole = rows.isDense && rows.count == batch.rowCount
        try stage.push(isWhole ? whole : whole.picked((0..<rows.count).map { Int32(truncatingIfNeeded: rows[$0]) }))
    }

    private func keep(_ batch: Batch, _ keys: RowGroups, _ changes: QuestionRows) throws(DataflowError) {
        var rows = (0..<batch.selection.count).map { Int32(truncatingIfNeeded: batch.selection[$0]) }
        if let asOf { rows.removeAll { batch.timestamps[Int($0)] > asOf } }
        let groups = try keys.assign(keyPlaces.map { batch.columns[$0] }, rows)
        lastRow.append(contentsOf: repeatElement(-1, count: keys.count - lastRow.count))
        let present = rows.filter { batch.hasValue(Int($0)) }
        var place = Int32(truncatingIfNeeded: changes.count)
        for (row, group) in zip(rows, groups) {
            if batch.hasValue(Int(row)) {
                lastRow[Int(group)] = place
                place += 1
            } else {
                lastRow[Int(group)] = -1
            }
        }
        try changes.append(batch, present)
        if changes.count > 2 * keys.count + ScanEnd.slack { try sortOut(changes) }
    }

    /// Lets go of the rows that were overtaken.
    private func sortOut(_ changes: QuestionRows) throws(DataflowError) {
        try changes.keep(lastRow.filter { $0 >= 0 })
        var place: Int32 = 0
        for group in lastRow.indices where lastRow[group] >= 0 {
            lastRow[group] = place
            place += 1
        }
    }
}
