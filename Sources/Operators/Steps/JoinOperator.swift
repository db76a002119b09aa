// What all joins share: two ports, the order in which rows of both sides are processed, and the rows that go out.
//
// Rows of both sides travel in the compact row format inside a join, because most of them are stored or come from a store.
//
// One row may find any number of partners. What fits goes into the current chunk; the rest waits as pairs of stored rows, which are not
// copied, until the chunks before it have left.

import Bytes
import Formats
import Plans
import Values

/// Takes the rows of one side to the join.
final class JoinPort: Operator {
    private let join: JoinOperator
    private let isLeft: Bool

    init(_ join: JoinOperator, isLeft: Bool) {
        self.join = join
        self.isLeft = isLeft
        super.init(join.context, next: nil)
    }

    /// While the inputs are merged, the join takes any number of chunks and keeps them.
    override var hasWork: Bool { context.mergeOrder == nil && join.hasWork }

    override func push(_ batch: Batch) throws(DataflowError) { try join.receive(batch, isLeft: isLeft) }
}

/// A row inside a join.
struct JoinRow {
    var time: Int64
    var bytes: [UInt8]
}

/// What a join makes of one row of either side; a missing side is padded with NULLs.
struct JoinPair {
    var left: JoinRow?
    var right: JoinRow?
    var time: Int64
    /// The row has no value; its key comes from the sides given.
    var isTombstone = false
    /// The version before, of joins of tables.
    var old: (left: JoinRow?, right: JoinRow?)?
}

/// The row of a side that comes next.
private struct JoinHead {
    let batch: Batch
    let row: Int
    /// Its place in the order of all inputs.
    let place: Int32
}

/// One side of a join.
final class JoinSide {
    let schema: RowSchema
    let keyEncoder: SideEncoder
    /// Chunks that wait to be merged with the other side's, in order; rows before `next` of the first one have been processed.
    private var waiting: [Batch] = []
    private var firstWaiting = 0
    private var next = 0
    /// The place, in the order of all inputs, of the last row that has come: later ones are not before it.
    private(set) var lastPlace: Int32 = -1
    /// No more rows come in this batch.
    var isComplete = false
    /// The steps below may send several chunks of a batch, each valid until the next.
    private let getsChunks: Bool

    init(_ step: Step, _ format: FormatSpec) throws(DataflowError) {
        schema = step.output
        keyEncoder = try Codecs.encoder(format, schema.key)
        getsChunks = step.sendsChunks
    }

    /// Keeps a chunk until its rows' turns come.
    func enqueue(_ batch: Batch) {
        guard !batch.selection.isEmpty else { return }
        assert(batch.ranks.count >= batch.rowCount, "rows that are merged know their place in the order")
        let isFirst = firstWaiting == waiting.count
        waiting.append(getsChunks ? batch.detached() : batch)
        lastPlace = batch.ranks[batch.selection[batch.selection.count - 1]]
        if isFirst { keyEncoder.begin(waiting[firstWaiting].columns) }
    }

    fileprivate var head: JoinHead? {
        guard firstWaiting < waiting.count else { return nil }
        let batch = waiting[firstWaiting]
        let row = batch.selection[next]
        return JoinHead(batch: batch, row: row, place: batch.ranks[row])
    }

    /// The row at the head has been processed.
    func advance() {
        next += 1
        guard next == waiting[firstWaiting].selection.count else { return }
        next = 0
        firstWaiting += 1
        if firstWaiting < waiting.count {
            keyEncoder.begin(waiting[firstWaiting].columns)
        } else {
            clear()
        }
    }

    func clear() {
        waiting.removeAll(keepingCapacity: true)
        firstWaiting = 0
        next = 0
    }

    /// A new batch begins.
    func begin() {
        lastPlace = -1
        isComplete = false
    }
}

extension Step {
    /// Whether the step's operator may send several chunks of one batch.
    fileprivate var sendsChunks: Bool {
        switch self {
        case .explode, .join, .aggregate: true
        case .source, .exchange, .filter, .project, .rekey: inputs.contains { $0.sendsChunks }
        }
    }
}

/// The running form of a join; its subclasses say what an arriving row does.
class JoinOperator: Operator {
    let step: JoinStep
    private let left: JoinSide
    private let right: JoinSide
    /// Keys of NULLs are written as empty texts, and read back.
    private let readsNullKeys: Bool
    private let isSession: Bool
    /// Whether the rows are those of a table, with old versions.
    private let isTableJoin: Bool
    private let keySink = ByteSink()

    /// A batch of the only input that has one.
    private struct SingleInput {
        let batch: Batch
        let isLeft: Bool
    }

    /// The current batch when only one input is processed, and the place in its selection of the row that comes next.
    private var single: SingleInput?
    private var nextSingle = 0
    /// The current row, and what it still makes when the chunk is full.
    private var origin = Batch()
    private var originRow = 0
    private var pairs: [JoinPair] = []
    private var nextPair = 0
    /// Whether the current row has a key.
    private var arrivesWithKey = true

    // The chunk that is filled, and the bytes of the rows in it.
    private let out = Batch()
    private let columns: [Column]
    private let oldColumns: [Column]
    private var outBytes = 0

    /// Makes the join that `step` describes.
    static func make(_ step: JoinStep, _ context: DataflowContext, next: Operator) throws(DataflowError) -> JoinOperator {
        switch step.kind {
        case .streamStream(let window): try StreamJoinOperator(step, window, context, next: next)
        case .streamTable: try LookupJoinOperator(step, context, next: next)
        case .tableTable: try TableJoinOperator(step, context, next: next)
        case .foreignKey(let expression): try ForeignKeyJoinOperator(step, expression, context, next: next)
        }
    }

    init(_ step: JoinStep, _ context: DataflowContext, next: Operator?, rightKeyFormat: FormatSpec? = nil) throws(DataflowError) {
        self.step = step
        left = try JoinSide(step.left, step.keyFormat)
        right = try JoinSide(step.right, rightKeyFormat ?? step.keyFormat)
        readsNullKeys = step.keyFormat.name == .delimited
        isSession = QueryPlan.window(of: step.left) == .session
        isTableJoin = step.isTable
        columns = step.output.columns.map { Column($0.type) }
        oldColumns = step.output.columns.map { Column($0.type) }
        super.init(context, next: next)
    }

    /// Processes one row of one side, whose key is not null. `row` is nil for a row without a value.
    func join(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) throws(DataflowError) {
        preconditionFailure("every join processes rows")
    }

    /// Processes one row of one side whose key is null; false when the join cannot use it.
    func joinWithoutKey(_ row: JoinRow?, isLeft: Bool, from origin: Batch, at index: Int) -> Bool { false }

    // MARK: Rows that come in

    /// Takes a chunk of one side: processes it, or keeps it while the inputs are merged.
    func receive(_ batch: Batch, isLeft: Bool) throws(DataflowError) {
        if context.mergeOrder != nil {
            context.budget.spend(rows: batch.selection.count)
            return (isLeft ? left : right).enqueue(batch)
        }
        single = SingleInput(batch: batch, isLeft: isLeft)
        nextSingle = 0
        (isLeft ? left : right).keyEncoder.begin(batch.columns)
        try resume()
    }

    /// Says for which sides all rows of the batch have come.
    func noteComplete(left isLeftComplete: Bool, right isRightComplete: Bool) {
        left.isComplete = isLeftComplete
        right.isComplete = isRightComplete
    }

    /// The next batch begins.
    func begin() {
        left.begin()
        right.begin()
    }

    override var hasWork: Bool { nextPair < pairs.count || single != nil || mergesFromLeft != nil }

    override func abandon() {
        single = nil
        clearPairs()
        left.clear()
        right.clear()
    }

    override func resume() throws(DataflowError) {
        resetOutput()
        while hasWork {
            if nextPair < pairs.count {
                append(pairs[nextPair])
                nextPair += 1
                if nextPair == pairs.count { clearPairs() }
            } else {
                try processNextRow()
            }
            if isFull {
                try flushOutput()
                if context.budget.isUsedUp { return }
                resetOutput()
            }
        }
        try flushOutput()
    }

    /// Whether the next row in the order of all inputs is one of the left side; nil when it has not come yet, or there is none.
    private var mergesFromLeft: Bool? {
        guard context.mergeOrder != nil else { return nil }
        switch (left.head, right.head) {
        case (let a?, let b?): return a.place <= b.place
        case (let a?, nil): return right.isComplete || a.place < right.lastPlace ? true : nil
        case (nil, let b?): return left.isComplete || b.place < left.lastPlace ? false : nil
        case (nil, nil): return nil
        }
    }

    private func processNextRow() throws(DataflowError) {
        if let input = single {
            let (batch, isLeft) = (input.batch, input.isLeft)
            let row = batch.selection[nextSingle]
            nextSingle += 1
            if nextSingle == batch.selection.count { single = nil }
            return try processRow(batch, row, isLeft: isLeft)
        }
        guard let isLeft = mergesFromLeft else { return }
        let side = isLeft ? left : right
        guard let head = side.head else { return }
        try processRow(head.batch, head.row, isLeft: isLeft)
        side.advance()
    }

    private func processRow(_ batch: Batch, _ row: Int, isLeft: Bool) throws(DataflowError) {
        origin = batch
        originRow = row
        let side = isLeft ? left : right
        let value = batch.hasValue(row) ? JoinRow(time: batch.timestamps[row], bytes: encode(batch.columns, row)) : nil
        // Some formats write a NULL as an empty text; it is no key all the same, unless it was read from such a text.
        let isNull = side.schema.keyCount == 1 && batch.columns[0].isNull(row) && !(readsNullKeys && hasRecordKey(batch, row, isLeft: isLeft))
        arrivesWithKey = !isNull
        let range = isNull ? ByteRange.null : side.keyEncoder.encode(row, to: keySink)
        if range.isNull {
            if joinWithoutKey(value, isLeft: isLeft, from: batch, at: row) { return }
            context.errors.add(.nullKey, step: "Join", column: nil, message: "the join key is null", batch: batch, row: row)
            return
        }
        var key = keySink.take()
        if batch.isWindowed {
            // Windows match by their start, sessions by their end too.
            RowWriter.putFixed(UInt64(bitPattern: batch.windowStarts[row]).byteSwapped, to: &key)
            if isSession { RowWriter.putFixed(UInt64(bitPattern: batch.windowEnds[row]).byteSwapped, to: &key) }
        }
        try join(key, value, isLeft: isLeft, from: batch, at: row)
    }

    /// Whether a row comes with the key of its record, which is there.
    private func hasRecordKey(_ batch: Batch, _ row: Int, isLeft: Bool) -> Bool {
        guard isLeft ? step.leftRepartition == nil : step.rightRepartition == nil else { return false }
        // Behind an exchange the record's key is what the join made of it.
        if case .exchange = isLeft ? step.left : step.right { return false }
        guard let run = batch.run, row < batch.recordIndexes.count else { return false }
        return !run.keys[Int(batch.recordIndexes[row])].isNull
    }

    private func encode(_ columns: [Column], _ row: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for column in columns {
            if column.count > 0 { RowWriter.put(column, row, to: &bytes) } else { bytes.append(0) }
        }
        return bytes
    }

    // MARK: Rows that go out

    private var isFull: Bool { out.timestamps.count >= OutputLimits.chunkRows || outBytes >= OutputLimits.chunkBytes }

    /// Adds a row that the current row makes: to the chunk, or behind those that wait because the chunk is full.
    final func emit(_ pair: JoinPair) {
        if pairs.isEmpty && !isFull { return append(pair) }
        if pairs.count >= OutputLimits.rowsPerRecord {
            context.budget.hasTooManyRows = true
            return
        }
        pairs.append(pair)
    }

    private func clearPairs() {
        nextPair = 0
        // A rare giant gives its memory back.
        pairs.removeAll(keepingCapacity: pairs.count <= OutputLimits.chunkRows)
    }

    private func resetOutput() {
        for column in columns + oldColumns { column.reset(0) }
        outBytes = 0
        out.rowCount = 0
        out.timestamps.removeAll(keepingCapacity: true)
        out.hasValue.removeAll(keepingCapacity: true)
        out.hasOld.removeAll(keepingCapacity: true)
        out.hasKey.removeAll(keepingCapacity: true)
        out.windowStarts.removeAll(keepingCapacity: true)
        out.windowEnds.removeAll(keepingCapacity: true)
        out.offsets.removeAll(keepingCapacity: true)
        out.headers.removeAll(keepingCapacity: true)
        out.headerBytes.removeAll(keepingCapacity: true)
        out.ranks.removeAll(keepingCapacity: true)
    }

    private func append(_ pair: JoinPair) {
        let row = out.timestamps.count
        fill(columns, row, left: pair.left, right: pair.right)
        out.timestamps.append(pair.time)
        out.hasValue.append(!pair.isTombstone)
        out.hasOld.append(pair.old != nil)
        if readsNullKeys { out.hasKey.append(arrivesWithKey) }
        if let old = pair.old {
            fill(oldColumns, row, left: old.left, right: old.right)
        } else if isTableJoin {
            for column in oldColumns { column.grow(to: row + 1) }
        }
        if origin.isWindowed {
            out.windowStarts.append(origin.windowStarts[originRow])
            out.windowEnds.append(origin.windowEnds[originRow])
        }
        out.partition = origin.partition
        out.input = origin.input
        out.offsets.append(originRow < origin.offsets.count ? origin.offsets[originRow] : -1)
        if !origin.ranks.isEmpty { out.ranks.append(origin.ranks[originRow]) }
        appendHeader(row)
    }

    private func appendHeader(_ row: Int) {
        guard !origin.headers.isEmpty, !origin.headers[originRow].isNull else {
            if !out.headers.isEmpty { out.headers.append(.null) }
            return
        }
        while out.headers.count < row { out.headers.append(.null) }
        let range = origin.headers[originRow]
        out.headers.append(ByteRange(start: Int32(truncatingIfNeeded: out.headerBytes.count), length: range.length))
        out.headerBytes.append(contentsOf: origin.headerBytes[Int(range.start)..<Int(range.start + range.length)])
        outBytes += Int(range.length)
    }

    private func fill(_ columns: [Column], _ row: Int, left leftRow: JoinRow?, right rightRow: JoinRow?) {
        for column in columns { column.grow(to: row + 1) }
        let keyCount = step.output.keyCount
        let leftCount = left.schema.columns.count
        fillSide(columns[keyCount..<keyCount + leftCount], row, leftRow)
        fillSide(columns[(keyCount + leftCount)...], row, rightRow)
        let source = leftRow != nil ? keyCount : keyCount + leftCount
        for index in 0..<keyCount { columns[index].copy(columns[source + index], row, to: row) }
    }

    private func fillSide(_ columns: ArraySlice<Column>, _ row: Int, _ side: JoinRow?) {
        guard let side else {
            for column in columns { column.setNull(row) }
            return
        }
        outBytes += side.bytes.count
        var reader = RowReader(side.bytes, 0..<side.bytes.count)
        for column in columns where !reader.read(into: column, row) { column.setNull(row) }
    }

    private func flushOutput() throws(DataflowError) {
        let count = out.timestamps.count
        guard count > 0 else { return }
        context.budget.spend(rows: count)
        out.rowCount = count
        out.selection = .all(count)
        out.columns = columns
        out.old = isTableJoin ? oldColumns : []
        if !out.hasValue.contains(false) { out.hasValue = [] }
        if !out.hasOld.contains(true) { out.hasOld = [] }
        if !out.headers.isEmpty { while out.headers.count < count { out.headers.append(.null) } }
        try emit(out)
    }
}
