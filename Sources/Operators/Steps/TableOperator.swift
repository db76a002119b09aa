// A table source that must know the old version of each row: keeps the last row a key and puts it beside the new one.

import Bytes
import Plans
import Values

/// Materialises a table source.
final class TableOperator: Operator {
    private let store: StoreDescription
    /// The columns whose values are kept, by index.
    private let stored: [Int]
    private let table: KeyedRows
    private let oldColumns: [Column]
    private var batch = Batch()
    private let keys: KeyBatch
    private let packed = PackedRows()
    private let rows = RowGather()
    /// The version before each row.
    private var before: [RowPlace] = []

    init(_ step: SourceStep, _ store: StoreDescription, _ context: DataflowContext, next: Operator) {
        self.store = store
        stored = step.output.columns.indices.filter { index in
            step.needed[index] || index < step.schema.key.count || index == step.timestamp?.column
        }
        table = KeyedRows(seed: context.options.hashSeed)
        keys = KeyBatch(seed: context.options.hashSeed)
        oldColumns = step.output.columns.map { Column($0.type) }
        super.init(context, next: next)
    }

    override var stores: [NamedStore] { [NamedStore(store, table)] }

    override func push(_ input: Batch) throws(DataflowError) {
        guard let run = input.run else { return }
        batch.adoptRows(of: input)
        batch.columns = input.columns
        batch.old = oldColumns
        keys.begin(run, input)
        packed.pack(stored.map { input.columns[$0] }, input.selection, present: input.hasValue)
        before.removeAll(keepingCapacity: true)
        before.append(contentsOf: repeatElement(.missing, count: input.rowCount))
        for place in 0..<input.selection.count {
            let row = input.selection[place]
            guard let key = keys[place] else { continue }
            let number = table.find(key)
            before[row] = table.row(number)
            table.set(key, number, input.hasValue(row) ? packed[place] : nil, time: input.timestamps[row])
        }
        readOld(input.rowCount)
        table.reclaim()
        try emit(batch)
    }

    override func releaseMemory() { batch = Batch() }

    /// Makes the versions before the rows the old columns of the batch.
    private func readOld(_ count: Int) {
        batch.hasOld = before.map { !$0.isMissing }
        for column in oldColumns { column.reset(0) }
        for index in stored { oldColumns[index].reset(count) }
        rows.begin(count) { row in before[row].isMissing ? .unread : .row(before[row]) }
        for index in stored { rows.read(into: oldColumns[index]) }
    }
}
