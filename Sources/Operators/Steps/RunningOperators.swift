// LAG, LEAD, FIRST_VALUE and ROW_NUMBER per key in the order in which rows come.

import Bytes
import Plans
import Quantities
import Values

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
            case .lead: results[index].setNull(row)
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

/// Each row with what is known of the rows of its key around it: it leaves when the last row that it looks at has come, and the last rows of
/// each key wait.
final class LookingAheadOperator: Operator {
    private let step: KeyedStep
    private let calls: [RunningCall]
    private let rows: KeptRows
    /// How many rows of a key are in front of and behind the one that leaves.
    private let behind: Int
    private let ahead: Int
    private let keepsFirst: Bool
    private var shown: RowColumns
    private var others: RowColumns
    private let results: [Column]
    private var times: [Int64] = []
    private var origins: [Int32] = []
    private var out = Batch()
    private var key: [UInt8] = []

    init(_ step: KeyedStep, _ calls: [RunningCall], _ context: DataflowContext, next: Operator) {
        self.step = step
        self.calls = calls
        rows = KeptRows(seed: context.options.hashSeed)
        behind = calls.reduce(0) { if case .lag(let distance) = $1.function { max($0, distance) } else { $0 } }
        ahead = calls.map(\.rowsAhead).max() ?? 0
        keepsFirst = calls.contains { $0.function == .firstValue }
        let types = step.input.output.columns.map(\.type)
        (shown, others) = (RowColumns(types), RowColumns(types))
        results = calls.map { Column($0.result) }
        super.init(context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(step.store, rows)] }

    override func push(_ input: Batch) throws(DataflowError) {
        try forEachRow(of: input, step: "Running") { row throws(DataflowError) in
            take(input, row)
            if origins.count >= OutputLimits.chunkRows { try flushChunk(input) }
        }
        try flushChunk(input)
    }

    private func take(_ input: Batch, _ row: Int) {
        key.removeAll(keepingCapacity: true)
        RowWriter.put(input.columns[..<step.keyCount], row, to: &key)
        let group = rows.group(key)
        var bytes: [UInt8] = []
        RowWriter.put(input.columns, row, to: &bytes)
        let number = (rows.last(of: group)?.number ?? 0) + 1
        rows.insert(KeptRow(order: [], number: number, bytes: bytes, time: input.timestamps[row]), at: rows.count(group), of: group)
        if number > Int64(ahead) {
            show(rows.count(group) - 1 - ahead, of: group)
            origins.append(Int32(truncatingIfNeeded: row))
        }
        let first = keepsFirst ? 1 : 0
        if rows.count(group) > behind + 1 + ahead + first { rows.remove(at: first, of: group) }
    }

    /// Adds a row of a group, with what the calls say of it, to those that leave.
    private func show(_ place: Int, of group: Int) {
        let row = rows.row(place, of: group)
        shown.append(row.bytes)
        times.append(row.time)
        let own = times.count - 1
        for (call, result) in zip(calls, results) {
            result.grow(to: own + 1)
            switch call.function {
            case .rowNumber: result.words[own] = row.number
            case .firstValue: copy(call, rows.row(0, of: group), to: result, own)
            case .lag(let distance):
                let number = row.number - Int64(distance)
                let isThere = place >= distance && rows.row(place - distance, of: group).number == number
                copy(call, isThere ? rows.row(place - distance, of: group) : nil, to: result, own)
            case .lead(let distance): copy(call, rows.row(place + distance, of: group), to: result, own)
            }
        }
    }

    private func copy(_ call: RunningCall, _ row: KeptRow?, to result: Column, _ own: Int) {
        if let row, let value = call.value {
            others.append(row.bytes)
            result.copy(others.columns[value], others.columns[value].count - 1, to: own)
            others.removeAll()
        } else if let otherwise = call.otherwise {
            result.copy(shown.columns[otherwise], own, to: own)
        } else {
            result.setNull(own)
        }
    }

    private func flushChunk(_ input: Batch) throws(DataflowError) {
        guard !origins.isEmpty else { return }
        out.gatherOrigins(of: input, origins)
        out.rowCount = origins.count
        out.selection = .all(origins.count)
        out.timestamps = times
        out.columns = shown.columns + results
        context.budget.spend(rows: origins.count)
        try emit(out)
        shown.removeAll()
        for result in results { result.reset(0) }
        times.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
    }

    override func releaseMemory() { out = Batch() }
}
