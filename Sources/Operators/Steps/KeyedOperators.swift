// Continuous Top-N.

import Bytes
import Plans
import Quantities
import Values

/// Reads the columns of kept rows, one row at a time.
struct RowColumns {
    let columns: [Column]
    private var read = 0

    init(_ types: [SQLType]) { columns = types.map { Column($0) } }

    /// Appends the values of a row; NULL for what is damaged.
    mutating func append(_ bytes: [UInt8]) {
        var reader = RowReader(bytes, 0..<bytes.count)
        for column in columns where !reader.read(into: column, column.appendRow()) { column.setNull(column.count - 1) }
    }

    mutating func removeAll() { for column in columns { column.reset(0) } }
}

/// The first rows of each key. A row that comes moves those behind it on by one, and each of these is a change of the table. What a row was
/// before is told where a condition follows: a row that does not pass any more must go.
final class TopOperator: Operator {
    private let step: KeyedStep
    private let order: [SortColumn]
    private let count: Int
    private let rows: KeptRows
    private var out = Batch()
    private var shown: RowColumns
    private let givesOld: Bool
    private var shownBefore: RowColumns
    private var hadBefore: [Bool] = []
    private let numbers = Column(.bigint)
    private var times: [Int64] = []
    private var origins: [Int32] = []
    // Used again for every row.
    private var key: [UInt8] = []
    private var sortKey: [UInt8] = []

    init(_ step: KeyedStep, _ order: [SortColumn], _ count: Int, _ context: DataflowContext, next: Operator) {
        self.step = step
        self.order = order
        self.count = count
        rows = KeptRows(seed: context.options.hashSeed)
        shown = RowColumns(step.input.output.columns.map(\.type))
        shownBefore = RowColumns(step.input.output.columns.map(\.type))
        givesOld = next.judgesOld
        super.init(context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.store, rows)] }
    override var rowsPerRow: Int { count }

    override func push(_ input: Batch) throws(DataflowError) {
        try forEachRow(of: input, step: "Top") { row throws(DataflowError) in
            take(input, row)
            if numbers.count >= OutputLimits.chunkRows { try flushChunk(input) }
        }
        try flushChunk(input)
    }

    private func take(_ input: Batch, _ row: Int) {
        key.removeAll(keepingCapacity: true)
        RowWriter.put(input.columns[..<step.keyCount], row, to: &key)
        sortKey.removeAll(keepingCapacity: true)
        for part in order { SortBytes.append(input.columns[part.column], row, part, to: &sortKey) }
        let group = rows.group(key)
        let isFull = rows.count(group) >= count
        if isFull, let last = rows.last(of: group), !sortKey.lexicographicallyPrecedes(last.order) { return }
        var bytes: [UInt8] = []
        RowWriter.put(input.columns, row, to: &bytes)
        let kept = KeptRow(order: sortKey, number: rows.nextNumber(), bytes: bytes, time: input.timestamps[row])
        let place = rows.place(of: kept, in: group)
        rows.insert(kept, at: place, of: group)
        for index in place..<min(rows.count(group), count) {
            shown.append(rows.row(index, of: group).bytes)
            if givesOld {
                // The row behind has been moved on by one.
                hadBefore.append(index + 1 < rows.count(group))
                shownBefore.append(rows.row(min(index + 1, rows.count(group) - 1), of: group).bytes)
            }
            let number = numbers.appendRow()
            numbers.words[number] = Int64(index + 1)
            times.append(input.timestamps[row])
            origins.append(Int32(truncatingIfNeeded: row))
        }
        if isFull { rows.remove(at: count, of: group) }
    }

    private func flushChunk(_ input: Batch) throws(DataflowError) {
        guard numbers.count > 0 else { return }
        out.gatherOrigins(of: input, origins)
        out.rowCount = origins.count
        out.selection = .all(origins.count)
        out.timestamps = times
        out.columns = numbered(shown)
        out.old = givesOld ? numbered(shownBefore) : []
        out.hasOld = hadBefore
        context.budget.spend(rows: origins.count)
        try emit(out)
        shown.removeAll()
        shownBefore.removeAll()
        hadBefore.removeAll(keepingCapacity: true)
        numbers.reset(0)
        times.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
    }

    /// The columns of rows with their numbers behind the key.
    private func numbered(_ rows: RowColumns) -> [Column] {
        Array(rows.columns[..<step.keyCount]) + [numbers] + Array(rows.columns[step.keyCount...])
    }

    override func releaseMemory() { out = Batch() }
}

/// Bytes that compare as the values of a sort column do.
enum SortBytes {
    static func append(_ column: Column, _ row: Int, _ sort: SortColumn, to bytes: inout [UInt8]) {
        if column.isNull(row) { return bytes.append(sort.nullsFirst ? 0 : 2) }
        bytes.append(1)
        let start = bytes.count
        ResultOrder.append(column, row, to: &bytes)
        // No value's bytes are the beginning of another's, so that the opposite order is that of the opposite bytes.
        if sort.isDescending { for place in start..<bytes.count { bytes[place] = ~bytes[place] } }
    }
}
