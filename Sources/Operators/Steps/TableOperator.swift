// A table source that must know the old version of each row: keeps the last row a key and puts it beside the new one.

import Bytes
import Formats
import Plans
import Values

/// Materialises a table source.
final class TableOperator: Operator, StateStore {
    private let step: SourceStep
    private let store: StoreDescription
    private let stored: [Bool]
    private let table: KeyedRows
    private let oldColumns: [Column]
    private let batch = Batch()
    private var changed: [[UInt8]: Int64] = [:]
    private var changedOrder: [[UInt8]] = []
    private var scratch: [UInt8] = []

    init(_ step: SourceStep, _ store: StoreDescription, _ context: DataflowContext, next: Operator) {
        self.step = step
        self.store = store
        var stored = step.needed
        for index in 0..<step.schema.key.count { stored[index] = true }
        if let timestamp = step.timestamp { stored[timestamp.column] = true }
        self.stored = stored
        table = KeyedRows(seed: context.options.hashSeed)
        oldColumns = step.output.columns.map { Column($0.type) }
        super.init(context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(store, self)] }

    override func push(_ input: Batch) throws(DataflowError) {
        batch.adoptRows(of: input)
        batch.columns = input.columns
        batch.old = oldColumns
        for (index, column) in oldColumns.enumerated() { column.reset(stored[index] ? input.rowCount : 0) }
        batch.hasOld = Array(repeating: false, count: input.rowCount)
        guard let run = input.run else { return }
        for index in 0..<input.selection.count {
            let row = input.selection[index]
            let range = run.keys[Int(input.recordIndexes[row])]
            let key = run.bytes[Int(range.start)..<Int(range.start + range.length)]
            if let id = table.find(key) {
                batch.hasOld[row] = KeyedRows.read(table.row(id), into: oldColumns, stored: stored, row)
            }
            if input.hasValue(row) {
                scratch.removeAll(keepingCapacity: true)
                for (column, isStored) in zip(input.columns, stored) where isStored {
                    if column.count > 0 { RowWriter.put(column, row, to: &scratch) } else { scratch.append(0) }
                }
                table.put(key, Array(scratch), input.timestamps[row])
            } else {
                table.remove(key)
            }
            let name = Array(key)
            if changed.updateValue(input.timestamps[row], forKey: name) == nil { changedOrder.append(name) }
        }
        try emit(batch)
    }

    // MARK: State

    var memory: Int { table.memory }

    private func write(_ key: ArraySlice<UInt8>, _ time: Int64, to records: RecordSink) {
        guard let id = table.find(key) else { return StateKeys.append([StateKeys.row] + key, nil, time, to: records) }
        StateKeys.append([StateKeys.row] + key, table.row(id), table.time(id), to: records)
    }

    func writeChanges(to records: RecordSink) {
        for key in changedOrder {
            if records.isFull { return }
            write(key[...], changed[key] ?? 0, to: records)
        }
        changed.removeAll(keepingCapacity: true)
        changedOrder.removeAll(keepingCapacity: true)
    }

    func discardChanges() {
        changed.removeAll(keepingCapacity: true)
        changedOrder.removeAll(keepingCapacity: true)
    }

    func restore(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?, timestamp: Int64) -> String? {
        guard key.first == StateKeys.row else { return "a key is of another kind of store" }
        if let value { table.put(key.dropFirst(), Array(value), timestamp) } else { table.remove(key.dropFirst()) }
        return nil
    }

    func writeSnapshot(from position: Int, limit: Int, to records: RecordSink) -> Int? {
        table.writeSnapshot(from: position, limit: limit, to: records)
    }
}
