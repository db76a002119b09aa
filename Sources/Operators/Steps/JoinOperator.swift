// What all joins share: two ports, the order in which rows of both sides are processed, and the rows that go out.
//
// Keys and rows of a chunk are encoded and hashed together. Then its rows are processed one after the other, because each may change what
// the next one finds; what a row makes are only pairs of places of stored rows. The rows themselves are gathered column by column when the
// pairs are as many as fit a chunk.
//
// One row may find any number of partners: pairs that do not fit the chunk wait until the chunks before them have left.

import Formats
import Plans
import Values

/// The running form of a join; its subclasses say what an arriving row does.
class JoinOperator: Operator {
    let step: JoinStep
    private let left: JoinSide
    private let right: JoinSide
    private let output: JoinOutput

    /// Whether the current batch is the left side's, when only one input is processed.
    private var isSingleLeft: Bool?

    /// What rows make, and which row is processed.
    private let pairs = JoinPairs()
    /// The batches that pairs stem from, and for each side the index of its current one among them, -1 while it has made none.
    private var origins: [Batch] = []
    private var originOfLeft: Int32 = -1
    private var originOfRight: Int32 = -1
    /// Whether rows of an origin have headers.
    private var hasHeaders = false

    /// Makes the join that `step` describes.
    static func make(_ step: JoinStep, _ context: DataflowContext, next: Operator) throws(DataflowError) -> JoinOperator {
        switch step.kind {
        case .streamStream(let window) where window.isAsof: try AsofJoinOperator(step, window, context, next: next)
        case .streamStream(let window): try StreamJoinOperator(step, window, context, next: next)
        case .streamTable: try LookupJoinOperator(step, context, next: next)
        case .tableTable: try TableJoinOperator(step, context, next: next)
        case .foreignKey(let expression): try ForeignKeyJoinOperator(step, expression, context, next: next)
        }
    }

    init(_ step: JoinStep, _ context: DataflowContext, next: Operator?, rightKeyFormat: FormatSpec? = nil) throws(DataflowError) {
        self.step = step
        // Keys of NULLs are written as empty texts, and read back.
        let readsNullKeys = step.keyFormat.name == .delimited
        // Windows match by their start, sessions by their end too.
        let windows: KeyBatch.Windows = QueryPlan.window(of: step.left) == .session ? .session : .start
        left = try JoinSide(
            step.left, step.leftCondition, isLeft: true, step.keyFormat, windows: windows,
            readsNullKeys: readsNullKeys && step.leftKeepsRecordKeys, context)
        right = try JoinSide(
            step.right, step.rightCondition, isLeft: false, rightKeyFormat ?? step.keyFormat, windows: windows,
            readsNullKeys: readsNullKeys && step.rightKeepsRecordKeys, context)
        output = JoinOutput(step, leftCount: step.left.output.columns.count, hasKeyMarks: readsNullKeys)
        super.init(context, next: next)
    }

    /// A chunk of one side is about to be processed.
    func begin(_ batch: Batch, _ side: JoinSide) {}

    /// Processes one row of one side.
    func join(_ arrival: JoinArrival) {
        preconditionFailure("every join processes rows")
    }

    /// Processes one row of one side whose key is null, with its time; false when the join cannot use it.
    func joinWithoutKey(_ row: StoredBytes?, time: Int64, isLeft: Bool) -> Bool { false }

    /// A row comes soon, with a key of this hash, from this place of its chunk: asks for the memory that it will look into.
    func prefetch(_ hash: UInt64, _ place: Int, isLeft: Bool) {}

    /// All pairs have left: what was kept for them may go.
    func reclaim() {}

    /// Reports the row that is processed.
    final func report(_ cause: RowErrorCause, _ message: String) {
        let current = pairs.current
        guard let batch = (current.isLeft ? left : right).batch else { return }
        context.errors.add(cause, step: "Join", column: nil, message: message, batch: batch, row: Int(current.row))
    }

    // MARK: Rows that come in

    /// Takes a chunk of one side: processes it, or keeps it while the inputs are merged.
    func receive(_ batch: Batch, isLeft: Bool) throws(DataflowError) {
        let side = isLeft ? left : right
        if context.mergeOrder != nil {
            context.budget.spend(rows: batch.selection.count)
            return side.enqueue(batch)
        }
        guard !batch.selection.isEmpty else { return }
        isSingleLeft = isLeft
        begin(batch, of: side)
        try resume()
    }

    private func begin(_ batch: Batch, of side: JoinSide) {
        side.begin(batch)
        if side.isLeft { originOfLeft = -1 } else { originOfRight = -1 }
        begin(batch, side)
    }

    /// Says for which sides all rows of the batch have come.
    func noteComplete(left isLeftComplete: Bool, right isRightComplete: Bool) {
        left.isComplete = isLeftComplete
        right.isComplete = isRightComplete
    }

    /// The next batch begins.
    func beginMerge() {
        left.beginMerge()
        right.beginMerge()
    }

    override var hasWork: Bool { !pairs.isEmpty || nextRun != nil }

    override func releaseMemory() {
        left.releaseMemory()
        right.releaseMemory()
    }

    override func abandon() {
        isSingleLeft = nil
        left.clear()
        right.clear()
        clearPairs()
    }

    override func resume() throws(DataflowError) {
        while true {
            while pairs.waitingCount > 0, !pairs.isFull { takeIntoChunk() }
            if pairs.isFull {
                try flushOutput()
                if context.budget.isUsedUp { return }
            } else if let run = nextRun {
                // Two calls, because choosing a side counts a reference to it.
                if run.isLeft { process(left, upTo: run.last) } else { process(right, upTo: run.last) }
            } else {
                break
            }
        }
        try flushOutput()
        reclaim()
    }

    /// Rows of one side that come before any row of the other one: those up to this place in the order of all inputs.
    private struct Run: BitwiseCopyable {
        let isLeft: Bool
        let last: Int32
    }

    /// The rows that come next; nil when they have not come yet, or there are none.
    private var nextRun: Run? {
        if let isSingleLeft { return Run(isLeft: isSingleLeft, last: .max) }
        guard context.mergeOrder != nil else { return nil }
        switch (left.head, right.head) {
        case (let a?, let b?): return a <= b ? Run(isLeft: true, last: b) : Run(isLeft: false, last: a - 1)
        case (let a?, nil): return runAlone(isLeft: true, a, other: right)
        case (nil, let b?): return runAlone(isLeft: false, b, other: left)
        case (nil, nil): return nil
        }
    }

    /// The rows of a side, the next of which has this place, while none of the other side has come.
    private func runAlone(isLeft: Bool, _ place: Int32, other: JoinSide) -> Run? {
        if other.isComplete { return Run(isLeft: isLeft, last: .max) }
        return place < other.lastPlace ? Run(isLeft: isLeft, last: other.lastPlace - 1) : nil
    }

    /// Processes rows until the run ends, the side's chunk ends, or the output's chunk is full.
    private func process(_ side: JoinSide, upTo last: Int32) {
        if side.batch == nil, let upcoming = side.upcoming { begin(upcoming, of: side) }
        let rows = side.rows
        let count = rows.count
        var next = rows.next
        var current = JoinPairs.Current(origin: side.isLeft ? originOfLeft : originOfRight, isLeft: side.isLeft)
        repeat {
            let row = rows[next]
            let ahead = next + Hashing.prefetchDistance
            if ahead < count { prefetch(rows[ahead].hash, ahead, isLeft: side.isLeft) }
            current.row = row.index
            current.hasKey = row.key != nil
            pairs.current = current
            process(row, next, isLeft: side.isLeft)
            current.origin = pairs.current.origin
            next += 1
        } while next < count && !pairs.isFull && rows[next].rank <= last
        rows.next = next
        if next == count {
            side.end()
            isSingleLeft = nil
        }
    }

    @inline(__always) private func process(_ row: SideRow, _ place: Int, isLeft: Bool) {
        if let key = row.key {
            join(
                JoinArrival(
                    key: key, row: row.row, time: row.time, isLeft: isLeft, place: place, isUnwanted: row.isUnwanted))
        } else if !joinWithoutKey(row.row, time: row.time, isLeft: isLeft) {
            report(.nullKey, "the join key is null")
        }
    }

    // MARK: Rows that go out

    /// Adds a row that the current row makes: to the chunk, or behind those that wait because the chunk is full.
    @inline(__always) final func emit(_ pair: JoinPair) {
        if pairs.waitingCount >= OutputLimits.rowsPerRecord { return noteTooManyRows() }
        if pairs.current.origin < 0 { noteOrigin() }
        pairs.append(pair)
        if pairs.waitingCount == 1, !pairs.isFull { takeIntoChunk() }
    }

    @inline(never) private func noteTooManyRows() { context.budget.hasTooManyRows = true }

    /// The current row's batch is the origin of pairs.
    @inline(never) private func noteOrigin() {
        let isLeft = pairs.current.isLeft
        guard let batch = (isLeft ? left : right).batch else { return }
        let origin = Int32(truncatingIfNeeded: origins.count)
        pairs.current.origin = origin
        if isLeft { originOfLeft = origin } else { originOfRight = origin }
        origins.append(batch)
        hasHeaders = hasHeaders || !batch.headers.isEmpty
    }

    @inline(__always) private func takeIntoChunk() {
        pairs.takeIntoChunk(and: hasHeaders ? headerSize(pairs.upcoming) : 0)
    }

    @inline(never) private func headerSize(_ pair: JoinPair) -> Int {
        JoinOutput.headerSize(pair.row, of: origins[Int(pair.origin)])
    }

    private func clearPairs() {
        pairs.removeAll()
        origins.removeAll(keepingCapacity: true)
        (originOfLeft, originOfRight) = (-1, -1)
        hasHeaders = false
    }

    private func flushOutput() throws(DataflowError) {
        guard pairs.chunkCount > 0 else { return }
        let chunk = output.gather(pairs, origins)
        pairs.beginChunk()
        if pairs.isEmpty {
            clearPairs()
            reclaim()
        }
        context.budget.spend(rows: chunk.rowCount)
        try emit(chunk)
    }
}

extension JoinStep {
    /// Whether rows of the side come with the keys of their records. Behind an exchange the record's key is what the join made of it.
    fileprivate var leftKeepsRecordKeys: Bool { leftRepartition == nil && !left.isExchange }
    fileprivate var rightKeepsRecordKeys: Bool { rightRepartition == nil && !right.isExchange }
}

extension Step {
    fileprivate var isExchange: Bool {
        if case .exchange = self { return true }
        return false
    }
}
