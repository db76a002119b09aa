// What all joins share: two ports, the order in which rows of both sides are worked off, and the rows that go out.
//
// Rows of both sides travel in the compact row format inside a join, because most of them are stored or come from a store.

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

    override func push(_ batch: Batch) throws(DataflowError) { try join.take(batch, isLeft: isLeft) }
}

/// A row inside a join.
struct JoinRow {
    var time: Int64
    var bytes: [UInt8]
}

/// One side of a join.
struct JoinSide {
    let schema: RowSchema
    let keyEncoder: SideEncoder
    /// The batch that waits to be merged with the other side's.
    var waiting: Batch?

    init(_ schema: RowSchema, _ format: FormatSpec) throws(DataflowError) {
        self.schema = schema
        keyEncoder = try Codecs.encoder(format, schema.key)
    }
}

/// The running form of a join; its subclasses say what an arriving row does.
class JoinOperator: Operator {
    let step: JoinStep
    private var left: JoinSide
    private var right: JoinSide
    private let out = Batch()
    private let columns: [Column]
    private let oldColumns: [Column]
    private let keySink = ByteSink()

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
        left = try JoinSide(step.left.output, step.keyFormat)
        right = try JoinSide(step.right.output, rightKeyFormat ?? step.keyFormat)
        columns = step.output.columns.map { Column($0.type) }
        oldColumns = step.output.columns.map { Column($0.type) }
        super.init(context, next: next)
    }

    /// Works off one row of one side, whose key is not null. `row` is nil for a row without a value.
    func arrive(_ key: [UInt8], _ row: JoinRow?, isLeft: Bool, _ origin: Batch, _ index: Int) throws(DataflowError) {
        preconditionFailure("every join works off rows")
    }

    /// Works off one row of one side whose key is null; false when the join cannot use it.
    func arriveWithoutKey(_ row: JoinRow?, isLeft: Bool, _ origin: Batch, _ index: Int) -> Bool { false }

    // MARK: Rows that come in

    func take(_ batch: Batch, isLeft: Bool) throws(DataflowError) {
        if context.ranks != nil {
            if isLeft { left.waiting = batch } else { right.waiting = batch }
            return
        }
        begin()
        (isLeft ? left : right).keyEncoder.begin(batch.columns)
        for index in 0..<batch.selection.count { try work(batch, batch.selection[index], isLeft: isLeft) }
        try letOut()
    }

    /// Works off what waits on both sides, by rank.
    func settle() throws(DataflowError) {
        begin()
        if let batch = left.waiting { left.keyEncoder.begin(batch.columns) }
        if let batch = right.waiting { right.keyEncoder.begin(batch.columns) }
        var leftIndex = 0
        var rightIndex = 0
        while true {
            let leftRow = left.waiting.flatMap { leftIndex < $0.selection.count ? $0.selection[leftIndex] : nil }
            let rightRow = right.waiting.flatMap { rightIndex < $0.selection.count ? $0.selection[rightIndex] : nil }
            let leftRank = leftRow.map { left.waiting?.ranks[$0] ?? 0 } ?? .max
            let rightRank = rightRow.map { right.waiting?.ranks[$0] ?? 0 } ?? .max
            if let leftRow, leftRank <= rightRank, let batch = left.waiting {
                try work(batch, leftRow, isLeft: true)
                leftIndex += 1
            } else if let rightRow, let batch = right.waiting {
                try work(batch, rightRow, isLeft: false)
                rightIndex += 1
            } else {
                break
            }
        }
        left.waiting = nil
        right.waiting = nil
        try letOut()
    }

    private func work(_ batch: Batch, _ row: Int, isLeft: Bool) throws(DataflowError) {
        let side = isLeft ? left : right
        let value = batch.hasValue(row) ? JoinRow(time: batch.timestamps[row], bytes: encode(batch.columns, row)) : nil
        // Some formats write a NULL as an empty text; it is no key all the same, unless it was read from such a text.
        let isNull = side.schema.keyCount == 1 && batch.columns[0].isNull(row) && !(readsNullKeys && hasRecordKey(batch, row, isLeft: isLeft))
        arrivesWithKey = !isNull
        let range = isNull ? ByteRange.null : side.keyEncoder.encode(row, to: keySink)
        if range.isNull {
            if arriveWithoutKey(value, isLeft: isLeft, batch, row) { return }
            context.errors.add(.nullKey, step: "Join", column: nil, message: "the join key is null", batch: batch, row: row)
            return
        }
        var key = keySink.take()
        if batch.isWindowed {
            // Windows match by their start, sessions by their end too.
            RowWriter.putFixed(UInt64(bitPattern: batch.windowStarts[row]).byteSwapped, to: &key)
            if isSession { RowWriter.putFixed(UInt64(bitPattern: batch.windowEnds[row]).byteSwapped, to: &key) }
        }
        try arrive(key, value, isLeft: isLeft, batch, row)
    }

    /// Keys of NULLs are written as empty texts, and read back.
    private lazy var readsNullKeys = step.keyFormat.name == .delimited
    /// Whether the row that is worked off has a key.
    private var arrivesWithKey = true

    /// Whether a row comes with the key of its record, which is there.
    private func hasRecordKey(_ batch: Batch, _ row: Int, isLeft: Bool) -> Bool {
        guard isLeft ? step.leftRepartition == nil : step.rightRepartition == nil else { return false }
        // Behind an exchange the record's key is what the join made of it.
        if case .exchange = isLeft ? step.left : step.right { return false }
        guard let run = batch.run, row < batch.recordIndexes.count else { return false }
        return !run.keys[Int(batch.recordIndexes[row])].isNull
    }

    private lazy var isSession = QueryPlan.window(of: step.left) == .session

    private func encode(_ columns: [Column], _ row: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for column in columns {
            if column.count > 0 { RowWriter.put(column, row, to: &bytes) } else { bytes.append(0) }
        }
        return bytes
    }

    // MARK: Rows that go out

    private func begin() {
        for column in columns + oldColumns { column.reset(0) }
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

    /// Appends a joined row; a missing side is padded with NULLs. Without a value it is a tombstone whose key comes from the sides given.
    /// `old` is the version before, of joins of tables.
    func emit(
        _ leftRow: JoinRow?, _ rightRow: JoinRow?, time: Int64, isTombstone: Bool = false, old: (left: JoinRow?, right: JoinRow?)? = nil,
        _ origin: Batch, _ index: Int
    ) {
        let row = out.timestamps.count
        fill(columns, row, leftRow, rightRow)
        out.timestamps.append(time)
        out.hasValue.append(!isTombstone)
        out.hasOld.append(old != nil)
        if readsNullKeys { out.hasKey.append(arrivesWithKey) }
        if let old {
            fill(oldColumns, row, old.left, old.right)
        } else if isTableJoin {
            for column in oldColumns { column.grow(to: row + 1) }
        }
        if origin.isWindowed {
            out.windowStarts.append(origin.windowStarts[index])
            out.windowEnds.append(origin.windowEnds[index])
        }
        out.partition = origin.partition
        out.input = origin.input
        out.offsets.append(index < origin.offsets.count ? origin.offsets[index] : -1)
        if !origin.ranks.isEmpty { out.ranks.append(origin.ranks[index]) }
        appendHeader(origin, index, row)
    }

    /// Whether the rows are those of a table, with old versions.
    private lazy var isTableJoin = step.isTable

    private func appendHeader(_ origin: Batch, _ index: Int, _ row: Int) {
        guard !origin.headers.isEmpty, !origin.headers[index].isNull else {
            if !out.headers.isEmpty { out.headers.append(.null) }
            return
        }
        while out.headers.count < row { out.headers.append(.null) }
        let range = origin.headers[index]
        out.headers.append(ByteRange(start: Int32(out.headerBytes.count), length: range.length))
        out.headerBytes.append(contentsOf: origin.headerBytes[Int(range.start)..<Int(range.start + range.length)])
    }

    private func fill(_ columns: [Column], _ row: Int, _ leftRow: JoinRow?, _ rightRow: JoinRow?) {
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
        var reader = RowReader(side.bytes, 0..<side.bytes.count)
        for column in columns where !reader.read(into: column, row) { column.setNull(row) }
    }

    private func letOut() throws(DataflowError) {
        let count = out.timestamps.count
        guard count > 0 else { return }
        out.rowCount = count
        out.selection = .all(count)
        out.columns = columns
        out.old = isTableJoin ? oldColumns : []
        if !out.hasValue.contains(false) { out.hasValue = [] }
        if !out.hasOld.contains(true) { out.hasOld = [] }
        if !out.headers.isEmpty { while out.headers.count < count { out.headers.append(.null) } }
        try next?.push(out)
    }
}
