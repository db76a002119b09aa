// Continuous Top-N, and LAG, FIRST_VALUE and ROW_NUMBER per key in the order in which rows come.

import Bytes
import Plans
import Quantities
import Values

/// Reads the columns of kept rows, one row at a time.
private struct RowColumns {
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
        for place in 0..<input.selection.count {
            let row = input.selection[place]
            guard input.hasValue(row) else {
                context.errors.add(.nullValue, step: "Top", column: nil, message: "the record has no value", batch: input, row: row)
                continue
            }
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

/// Each row with what is known of the rows of its key that came before.
final class RunningOperator: Operator {
    private let step: KeyedStep
    private let calls: [RunningCall]
    private let rows: KeptRows
    /// The columns that calls read of earlier rows, and the place of each call's among them.
    private let read: [Int]
    private let places: [Int]
    private let results: [Column]
    private var earlier: RowColumns
    private var out = Batch()
    /// How many of the last rows of a key are kept, and whether the first is.
    private let depth: Int
    private let keepsFirst: Bool
    private var key: [UInt8] = []

    init(_ step: KeyedStep, _ calls: [RunningCall], _ context: DataflowContext, next: Operator) {
        self.step = step
        self.calls = calls
        rows = KeptRows(seed: context.options.hashSeed)
        read = Array(Set(calls.compactMap(\.value))).sorted()
        places = calls.map { [read] call in call.value.flatMap { read.firstIndex(of: $0) } ?? -1 }
        results = calls.map { Column($0.result) }
        earlier = RowColumns(read.map { step.input.output.columns[$0].type })
        depth = calls.reduce(1) { if case .lag(let distance) = $1.function { max($0, distance) } else { $0 } }
        keepsFirst = calls.contains { $0.function == .firstValue }
        super.init(context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.store, rows)] }

    override func push(_ input: Batch) throws(DataflowError) {
        out.adoptRows(of: input)
        for column in results { column.reset(input.rowCount) }
        for place in 0..<input.selection.count { take(input, input.selection[place]) }
        earlier.removeAll()
        out.columns = input.columns + results
        try emit(out)
    }

    private func take(_ input: Batch, _ row: Int) {
        guard input.hasValue(row) else {
            for column in results { column.setNull(row) }
            return
        }
        key.removeAll(keepingCapacity: true)
        RowWriter.put(input.columns[..<step.keyCount], row, to: &key)
        let group = rows.group(key)
        let count = rows.count(group)
        let number = (rows.last(of: group)?.number ?? 0) + 1
        for (index, call) in calls.enumerated() {
            switch call.function {
            case .rowNumber: results[index].words[row] = number
            case .firstValue: show(count > 0 ? rows.row(0, of: group) : nil, call, index, input, row, orOwn: true)
            case .lag(let distance):
                // The last rows have consecutive numbers; the first may stand before them alone.
                let kept = distance > 0 && distance <= count ? rows.row(count - distance, of: group) : nil
                let isThere = kept?.number == number - Int64(distance)
                show(isThere ? kept : nil, call, index, input, row, orOwn: distance == 0)
            }
        }
        var bytes: [UInt8] = []
        RowWriter.put(read.lazy.map { input.columns[$0] }, row, to: &bytes)
        rows.insert(
            KeptRow(order: [], number: number, bytes: bytes, time: input.timestamps[row]), at: count, of: group)
        let first = keepsFirst ? 1 : 0
        if count + 1 > depth + first { rows.remove(at: first, of: group) }
    }

    /// Shows the value of an earlier row; without one the current row's, or what stands for none.
    private func show(_ earlierRow: KeptRow?, _ call: RunningCall, _ index: Int, _ input: Batch, _ row: Int, orOwn: Bool) {
        if let earlierRow {
            if earlier.columns.first.map({ $0.count >= OutputLimits.chunkRows }) ?? false { earlier.removeAll() }
            earlier.append(earlierRow.bytes)
            let column = earlier.columns[places[index]]
            results[index].copy(column, column.count - 1, to: row)
        } else if orOwn, let own = call.value {
            results[index].copy(input.columns[own], row, to: row)
        } else if let otherwise = call.otherwise {
            results[index].copy(input.columns[otherwise], row, to: row)
        } else {
            results[index].setNull(row)
        }
    }

    override func releaseMemory() { out = Batch() }
}
