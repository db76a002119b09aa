// The beginning of an exchange: rows leave one pipeline of a query as records of an internal topic, and enter another one.

import Bytes
import Plans
import Quantities
import Values

/// Writes rows to an internal topic: the key in the topic's key format, the value one byte of flags and the rows in the compact format. An old
/// and a new version with different keys become two records.
final class ExchangeSinkOperator: Operator {
    private let keyCount: Int
    private let key: SideEncoder
    private let oldKey: SideEncoder
    private let packedRows = PackedRows()
    private let packedOld = PackedRows()
    private let packedKeys = PackedRows()
    private var keys: [ByteRange] = []
    private var oldKeys: [ByteRange] = []
    let records = RecordSink()

    init(_ topic: InternalTopic, _ schema: RowSchema, _ context: DataflowContext) throws(DataflowError) {
        keyCount = schema.keyCount
        key = try Codecs.internalKeyEncoder(topic.keyFormat, schema.key)
        oldKey = try Codecs.internalKeyEncoder(topic.keyFormat, schema.key)
        super.init(context, next: nil)
    }

    override func push(_ batch: Batch) throws(DataflowError) {
        let before = records.bytes.count
        if batch.hasValue.isEmpty, batch.hasOld.isEmpty || batch.old.isEmpty { putRows(batch) } else { putChanges(batch) }
        context.budget.spend(bytes: records.bytes.count - before, held: records.bytes.count)
    }

    override func releaseMemory() {
        key.end()
        oldKey.end()
        for packed in [packedRows, packedOld, packedKeys] { packed.releaseMemory() }
    }

    /// Bytes that may still be written, and some more: rows of a batch may share long texts that every record has of its own. When it is full
    /// what it holds is thrown away as a whole, and the rows that were left out come again in a smaller batch.
    private var room: Int { max(0, OutputLimits.heldBytes - records.bytes.count) + 1 }

    /// Rows that all have values and no old versions: as nearly all rows are.
    private func putRows(_ batch: Batch) {
        let count = packedRows.pack(batch.columns, batch.selection, present: [], atMost: room)
        let rows = batch.selection.prefix(count)
        encode(key, batch.columns, rows, present: [], into: &keys)
        let timestamps = batch.timestamps
        rows.forEachPlace { place, row in
            append(batch, row, key: keys[place], timestamps[row], .hasRow, packedRows[place])
        }
    }

    /// Rows of which some are changes of others, or have no value.
    private func putChanges(_ batch: Batch) {
        let hasValue = (0..<batch.rowCount).map { batch.hasValue($0) }
        let hasOld = (0..<batch.rowCount).map { batch.hadOld($0) && !batch.old.isEmpty }
        let rows = pack(batch, hasValue: hasValue, hasOld: hasOld)
        encode(key, batch.columns, rows, present: [], into: &keys)
        if batch.old.isEmpty { oldKeys.removeAll() } else { encode(oldKey, batch.old, rows, present: hasOld, into: &oldKeys) }
        let timestamps = batch.timestamps
        rows.forEachPlace { place, row in
            let time = timestamps[row]
            switch (hasValue[row], hasOld[row]) {
            case (true, false): append(batch, row, key: keys[place], time, .hasRow, packedRows[place])
            case (false, false): append(batch, row, key: keys[place], time, .keyOnly, packedKeys[place])
            case (true, true) where sameKey(batch, row):
                append(batch, row, key: keys[place], time, [.hasRow, .hasOld], packedRows[place], packedOld[place])
            case (let isReplaced, true):
                append(batch, row, key: oldKeys[place], time, .hasOld, packedOld[place])
                if isReplaced { append(batch, row, key: keys[place], time, .hasRow, packedRows[place]) }
            }
        }
    }

    /// Packs what the records need of the rows, and gives the rows for which there was room.
    private func pack(_ batch: Batch, hasValue: [Bool], hasOld: [Bool]) -> Selection {
        let keyOnly = zip(hasValue, hasOld).map { !$0 && !$1 }
        var count = packedRows.pack(batch.columns, batch.selection, present: hasValue, atMost: room)
        if !batch.old.isEmpty { count = min(count, packedOld.pack(batch.old, batch.selection, present: hasOld, atMost: room)) }
        let keyColumns = Array(batch.columns[..<keyCount])
        return batch.selection.prefix(min(count, packedKeys.pack(keyColumns, batch.selection, present: keyOnly, atMost: room)))
    }

    private func encode(_ encoder: SideEncoder, _ columns: [Column], _ rows: Selection, present: [Bool], into ranges: inout [ByteRange]) {
        ranges.removeAll(keepingCapacity: true)
        encoder.begin(columns)
        encoder.encodeRows(rows, present: present, to: records.bytes, into: &ranges)
    }

    private func sameKey(_ batch: Batch, _ row: Int) -> Bool {
        (0..<keyCount).allSatisfy { index in
            let a = batch.columns[index]
            let b = batch.old[index]
            return a.isNull(row) || b.isNull(row) ? a.isNull(row) == b.isNull(row) : RowOrder.equal(a, row, to: b, row)
        }
    }

    /// One record, whose key has been written.
    @inline(__always) private func append(
        _ batch: Batch, _ row: Int, key: ByteRange, _ timestamp: Int64, _ flags: ExchangeFlags, _ first: StoredBytes,
        _ second: StoredBytes? = nil
    ) {
        let start = records.bytes.count
        records.bytes.append(flags.rawValue, first)
        if let second { records.bytes.append(second) }
        let value = records.bytes.range(from: start)
        records.append(key: key, value: value, timestamp: timestamp, header: batch.headers.isEmpty ? .null : copyHeader(batch, row))
    }

    @inline(never) private func copyHeader(_ batch: Batch, _ row: Int) -> ByteRange {
        let range = batch.headers[row]
        guard !range.isNull else { return .null }
        let start = records.bytes.count
        records.bytes.append(batch.headerBytes[Int(range.start)..<Int(range.start + range.length)])
        return records.bytes.range(from: start)
    }
}
