// Questions at run time: stages, each of which takes chunks of rows and hands its own to the next one. A chunk is a batch whose rows all
// count and whose columns belong to the stage that made it, until that goes on; a column that nobody needs is empty.
//
// A question runs on one thread from its scans up. Whatever must see all its rows first (a sort, the right side of a join) keeps them and
// goes on when its input ends.

import Bytes
import Plans
package import Spill
import Values

/// What a question keeps rows for. The raw value is how users read it.
package enum QuestionHolding: String, Hashable, Sendable {
    case sorted = "rows that are sorted"
    case joined = "right sides of joins"
    case groups = "groups and different rows"
    case windows = "rows of window functions"
    case changes = "rows of tables"
    case subqueries = "answers of subqueries"
    case recursion = "rows of a recursion"
    case answer = "the answer"
}

/// Where a question puts what it cannot hold in memory.
package struct QuestionSpilling {
    /// Bytes that it may hold in memory; what is more goes to disk where that is possible.
    package var memory: () -> Int
    /// Makes the file.
    package var makeFile: () throws(DiskTableError) -> SpillFile

    package init(memory: @escaping () -> Int, makeFile: @escaping () throws(DiskTableError) -> SpillFile) {
        self.memory = memory
        self.makeFile = makeFile
    }
}

/// What all stages of a question share.
final class QuestionContext {
    let dataflow: DataflowContext
    /// Nil where nothing may go to disk.
    let disk: QuestionDisk?
    /// Counts where the time goes; nil where nobody asks.
    let profile: QuestionProfile?
    private let spilling: QuestionSpilling?
    /// Takes how many bytes the question holds, by what for; throws when those are too many.
    private let account: ([QuestionHolding: Int]) throws(DataflowError) -> Void
    private var held: [QuestionHolding: Int] = [:]
    private var heldBytes = 0
    private var accountedBytes = 0
    /// Bytes between two looks at the account.
    private static let accountStep = 1 << 20

    init(
        _ dataflow: DataflowContext, spilling: QuestionSpilling?, profile: QuestionProfile?,
        account: @escaping ([QuestionHolding: Int]) throws(DataflowError) -> Void
    ) {
        self.dataflow = dataflow
        self.spilling = spilling
        self.profile = profile
        self.account = account
        disk = spilling.map { QuestionDisk(cancel: dataflow.cancel, makeFile: $0.makeFile) }
    }

    /// Whether a stage that holds so many bytes must put them on disk: the question holds more than it may, and they are a good part of that.
    /// What is less would only make many small pieces.
    func mustSpill(_ bytes: Int) -> Bool {
        guard let spilling, bytes > 0 else { return false }
        let memory = spilling.memory()
        return heldBytes > memory && bytes >= memory / 4
    }

    /// A list of rows on disk; nil where nothing may go there.
    func makeSpilledRows(_ types: [SQLType]) -> SpilledRows? {
        guard let spilling, let disk else { return nil }
        // A part of the memory, since a stage writes to and reads from many lists at once.
        return SpilledRows(types, disk, pieceBytes: min(256 << 10, max(4 << 10, spilling.memory() / 128)))
    }

    var environment: DataflowEnvironment { dataflow.environment }
    var seed: UInt64 { dataflow.options.hashSeed }

    /// A stage holds so many bytes more (or less). Throws when the question holds more than it may.
    func hold(_ bytes: Int, for holding: QuestionHolding) throws(DataflowError) {
        heldBytes += bytes
        held[holding, default: 0] += bytes
        profile?.hold(bytes)
        guard abs(heldBytes - accountedBytes) >= QuestionContext.accountStep else { return }
        accountedBytes = heldBytes
        try account(held)
    }

    /// Reports a row that an aggregate cannot take in, where it leaves such rows out. Errors: it does not.
    func take(
        _ error: EvaluationError, by aggregator: Aggregator, _ function: String, _ batch: Batch, _ row: Int
    ) throws(DataflowError) {
        guard aggregator.skipsFailures else { throw DataflowError("\(function) failed: \(error.message)") }
        dataflow.errors.add(.expression, step: "Question", column: nil, message: error.message, batch: batch, row: row)
    }

    func checkCancelled() throws(DataflowError) {
        if dataflow.cancel.isSet { throw DataflowError("the question was cancelled", isCancelled: true) }
        if dataflow.environment.pressure?.isOverfull ?? false {
            throw DataflowError("the values of one batch are larger than \(ValueLimit.partBytes >> 20) MiB")
        }
    }

    /// Whether the values of the latest chunk have become too large to be computed at once, so that it must be computed in two parts; from now
    /// on they are not. Throws when the question was cancelled, or when there is one row only.
    func mustSplit(_ chunk: Batch) throws(DataflowError) -> Bool {
        guard let pressure = dataflow.environment.pressure, pressure.isOverfull, chunk.rowCount > 1 else {
            try checkCancelled()
            return false
        }
        pressure.isOverfull = false
        return true
    }

    /// A frame whose failures are counted as the question's.
    func frame(showing batch: Batch) -> Frame {
        let frame = Frame(environment: environment)
        show(batch, in: frame)
        return frame
    }

    func show(_ batch: Batch, in frame: Frame) {
        frame.show(batch)
        let errors = dataflow.errors
        frame.onFailure = { row, message in
            errors.add(.expression, step: "Question", column: nil, message: message, batch: batch, row: row)
        }
    }
}

/// One step under way. `push` takes a chunk, `end` comes once, behind the last chunk.
class QuestionStage {
    let next: QuestionStage?
    let context: QuestionContext

    init(_ context: QuestionContext, next: QuestionStage?) {
        self.context = context
        self.next = next
    }

    /// Whether no more rows are needed.
    var isDone: Bool { next?.isDone ?? false }

    func push(_ chunk: Batch) throws(DataflowError) { try next?.push(chunk) }

    func end() throws(DataflowError) { try next?.end() }

    /// Hands on rows that a stage has kept, in chunks.
    final func emit(_ rows: QuestionRows, _ indices: [Int32]) throws(DataflowError) {
        var first = 0
        while first < indices.count, !(next?.isDone ?? true) {
            try context.checkCancelled()
            let last = min(first + OutputLimits.chunkRows, indices.count)
            try next?.push(rows.chunk(Array(indices[first..<last])))
            first = last
        }
    }
}

extension Batch {
    /// A chunk of these columns.
    convenience init(_ columns: [Column], rows: Int) {
        self.init()
        self.columns = columns
        rowCount = rows
        selection = .all(rows)
    }

    /// The first half of the rows and the others.
    var halves: [Batch] {
        let middle = Int32(truncatingIfNeeded: rowCount / 2)
        return [picked((0..<middle).map { $0 }), picked((middle..<Int32(truncatingIfNeeded: rowCount)).map { $0 })]
    }

    /// The rows `indices` as a chunk of its own.
    func picked(_ indices: [Int32]) -> Batch {
        Batch(columns.map { QuestionRows.gathered($0, indices) }, rows: indices.count)
    }
}

/// Rows that are kept, column by column.
final class QuestionRows {
    private(set) var columns: [Column]
    private(set) var count = 0
    private let context: QuestionContext
    private let holding: QuestionHolding
    private var accounted = 0
    /// Bytes of the texts of one column: places in it are 32 bits wide.
    private static let textLimit = 1 << 30
    private static let rowLimit = Int(Int32.max) - (1 << 20)

    init(_ types: [SQLType], _ context: QuestionContext, for holding: QuestionHolding) {
        columns = types.map { Column($0) }
        self.context = context
        self.holding = holding
    }

    /// Bytes that the rows were last counted with.
    var memory: Int { accounted }

    /// Keeps none of the rows any more.
    func removeAll() throws(DataflowError) {
        columns = columns.map { Column($0.type) }
        count = 0
        try letGo()
    }

    /// Says that the rows are not kept any more.
    func letGo() throws(DataflowError) {
        try context.hold(-accounted, for: holding)
        accounted = 0
    }

    /// Keeps a chunk. Throws when there are too many rows.
    func append(_ chunk: Batch) throws(DataflowError) {
        try append(chunk, (0..<Int32(truncatingIfNeeded: chunk.rowCount)).map { $0 })
    }

    /// Keeps some rows of a chunk.
    func append(_ chunk: Batch, _ rows: [Int32]) throws(DataflowError) {
        for (own, column) in zip(columns, chunk.columns) where column.count > 0 {
            own.append(column, rows)
            guard own.textMemory <= QuestionRows.textLimit else {
                throw DataflowError("the question keeps more than \(QuestionRows.textLimit >> 30) GiB of one column")
            }
        }
        count += rows.count
        guard count < QuestionRows.rowLimit else { throw DataflowError("the question keeps more than \(QuestionRows.rowLimit) rows") }
        try account()
    }

    private func account() throws(DataflowError) {
        let memory = columns.reduce(0) { $0 + $1.memory }
        if memory != accounted { try context.hold(memory - accounted, for: holding) }
        accounted = memory
    }

    /// Keeps only these rows, in this order.
    func keep(_ indices: [Int32]) throws(DataflowError) {
        for (index, column) in columns.enumerated() where column.count > 0 {
            let kept = Column(column.type)
            kept.copyRows(of: column, indices)
            columns[index] = kept
        }
        count = indices.count
        try account()
    }

    /// All rows as one batch, which shares their memory.
    var batch: Batch { Batch(columns, rows: count) }

    func chunk(_ indices: [Int32]) -> Batch { batch.picked(indices) }

    /// Hands all rows, or some that stand together, to `take` in chunks, until that gives false.
    func forEachChunk(
        of range: Range<Int>? = nil, ofRows size: Int = OutputLimits.chunkRows, _ take: (Batch) throws(DataflowError) -> Bool
    ) throws(DataflowError) {
        let range = range ?? 0..<count
        for first in stride(from: range.lowerBound, to: range.upperBound, by: size) {
            try context.checkCancelled()
            let last = min(first + size, range.upperBound)
            guard try take(chunk((first..<last).map { Int32(truncatingIfNeeded: $0) })) else { return }
        }
    }

    /// Rows `indices` of a column; of one that nobody needs, nothing.
    static func gathered(_ column: Column, _ indices: [Int32]) -> Column {
        let result = Column(column.type)
        if column.count > 0 { result.gather(column, indices) }
        return result
    }
}

// MARK: Row by row

/// Keeps the rows for which a condition is true.
final class QuestionFilter: QuestionStage {
    private let kernel: Kernel
    private let frame: Frame

    init(_ predicate: TypedExpression, _ context: QuestionContext, next: QuestionStage) throws(DataflowError) {
        kernel = try KernelCompiler.compile(predicate, context.environment.added)
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        let passing = passing(chunk)
        if try context.mustSplit(chunk) {
            for half in chunk.halves { try push(half) }
            return
        }
        if passing.isEmpty { return }
        try next?.push(passing.isDense ? chunk : chunk.picked(passing.rows))
    }

    private func passing(_ chunk: Batch) -> Selection {
        context.show(chunk, in: frame)
        let column = kernel.evaluate(frame, chunk.selection)
        return chunk.selection.filtered { !column.isNull($0) && column.words[$0] != 0 }
    }
}

/// Computes columns.
final class QuestionProjection: QuestionStage {
    private let kernels: [Kernel]
    /// By place in the result: which kernel computes it, and for what nobody needs an empty column.
    private let places: [(kernel: Int, empty: Column?)]
    private let frame: Frame

    init(_ expressions: [TypedExpression], _ context: QuestionContext, next: QuestionStage) throws(DataflowError) {
        kernels = try KernelCompiler.compileAll(expressions.filter { !$0.isUnneeded }, context.environment.added)
        var count = 0
        places = expressions.map { expression in
            if expression.isUnneeded { return (0, Column(expression.type)) }
            count += 1
            return (count - 1, nil)
        }
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        context.show(chunk, in: frame)
        let columns = kernels.map { $0.evaluate(frame, chunk.selection) }
        if try context.mustSplit(chunk) {
            for half in chunk.halves { try push(half) }
            return
        }
        // A value that could not be computed is NULL from here on, and nothing around it fails with it.
        for column in columns where !column.failed.isEmpty { column.failed.removeAll(keepingCapacity: true) }
        try next?.push(Batch(places.map { $0.empty ?? columns[$0.kernel] }, rows: chunk.rowCount))
    }
}

/// Leaves rows out in front, and ends after so many.
final class QuestionLimit: QuestionStage {
    private var left: Int
    private var skipping: Int

    init(offset: Int, limit: Int?, _ context: QuestionContext, next: QuestionStage) {
        skipping = offset
        left = limit ?? .max
        super.init(context, next: next)
    }

    override var isDone: Bool { left == 0 || super.isDone }

    override func push(_ chunk: Batch) throws(DataflowError) {
        let first = min(skipping, chunk.rowCount)
        skipping -= first
        let count = min(left, chunk.rowCount - first)
        left -= count
        if count == 0 { return }
        if count == chunk.rowCount { try next?.push(chunk) } else {
            try next?.push(chunk.picked((first..<first + count).map { Int32(truncatingIfNeeded: $0) }))
        }
    }
}

/// Keeps the rows that come.
final class QuestionCollector: QuestionStage {
    let rows: QuestionRows
    /// Ends the input as soon as there are more rows than that.
    private let most: Int

    init(_ types: [SQLType], _ context: QuestionContext, for holding: QuestionHolding, most: Int = .max) {
        rows = QuestionRows(types, context, for: holding)
        self.most = most
        super.init(context, next: nil)
    }

    override var isDone: Bool { rows.count > most }

    override func push(_ chunk: Batch) throws(DataflowError) { try rows.append(chunk) }
}
