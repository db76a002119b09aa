// Records of an internal topic back into rows: one byte of flags, and the rows in the compact format (see RowCodec.swift).

import Bytes
import Plans
import Values

/// What the value of a record of an internal topic begins with.
struct ExchangeFlags: OptionSet {
    let rawValue: UInt8
    /// A row follows.
    static let hasRow = ExchangeFlags(rawValue: 1)
    /// An old version follows, behind the row if there is one.
    static let hasOld = ExchangeFlags(rawValue: 2)
    /// Without either the key columns follow: an event without a value.
    static let keyOnly: ExchangeFlags = []
    static let known: ExchangeFlags = [.hasRow, .hasOld]
}

/// Reads the records that an `ExchangeSinkOperator` wrote.
@safe final class ExchangeDecoder {
    private let keyCount: Int
    private let isTable: Bool
    private let rows: PackedRowColumns
    private let oldRows: PackedRowColumns
    /// What each row has, since the latest call of `decode`.
    private(set) var flags: [ExchangeFlags] = []

    init(_ step: ExchangeStep) {
        keyCount = step.output.keyCount
        isTable = step.isTable
        let types = step.output.columns.map(\.type)
        rows = PackedRowColumns(types)
        oldRows = PackedRowColumns(isTable ? types : [])
    }

    var columns: [Column] { rows.columns }
    /// The old versions; none but of tables.
    var oldColumns: [Column] { oldRows.columns }

    /// Decodes these records of `run` into the columns; the index of the first that is damaged, if one is.
    func decode(_ run: RecordRun, _ range: Range<Int>) -> Int? {
        flags.removeAll(keepingCapacity: true)
        rows.begin(run, range.count)
        oldRows.begin(run, range.count)
        let damaged = unsafe run.bytes.withUnsafeBufferPointer { bytes -> Int? in
            guard let base = bytes.baseAddress else { return range.first }
            for (row, record) in range.enumerated() {
                guard let found = unsafe read(run, run.values[record], base, row) else { return record }
                flags.append(found)
            }
            return nil
        }
        rows.finish(range.count)
        oldRows.finish(range.count)
        return damaged
    }

    /// What a record holds; nil where it is damaged.
    @unsafe private func read(_ run: RecordRun, _ place: ByteRange, _ base: UnsafePointer<UInt8>, _ row: Int) -> ExchangeFlags? {
        guard place.length > 0 else { return nil }
        var cursor = unsafe BinaryCursor(base, start: Int(place.start), end: Int(place.start) + Int(place.length))
        guard let byte = cursor.byte() else { return nil }
        let flags = ExchangeFlags(rawValue: byte)
        guard flags.isSubset(of: .known), isTable || !flags.contains(.hasOld) else { return nil }
        let behindFlags = cursor.at
        if flags.contains(.hasRow) {
            guard rows.read(rows.columns.count, &cursor, run, row) else { return nil }
        } else {
            // An event without a value has its key columns; of a pure undo they are those of the old version.
            guard rows.read(keyCount, &cursor, run, row) else { return nil }
            rows.leaveOut(from: keyCount, row)
        }
        if flags.contains(.hasOld) {
            if !flags.contains(.hasRow) { cursor.at = behindFlags }
            guard oldRows.read(oldRows.columns.count, &cursor, run, row) else { return nil }
        } else {
            oldRows.leaveOut(from: 0, row)
        }
        return flags
    }
}

/// Columns that are filled from rows in the compact format, one row after the other.
private struct PackedRowColumns {
    let columns: [Column]
    private let cells: ColumnCells

    init(_ types: [SQLType]) {
        columns = types.map { Column($0) }
        cells = ColumnCells(columns, wanted: types.map { _ in true })
    }

    func begin(_ run: RecordRun, _ rows: Int) { cells.begin(run, rows) }
    func finish(_ rows: Int) { cells.finish(rows) }

    /// Reads the first `count` columns of a row; false where its bytes are damaged.
    func read(_ count: Int, _ cursor: inout BinaryCursor, _ run: RecordRun, _ row: Int) -> Bool {
        for index in 0..<count {
            guard let mark = cursor.byte() else { return false }
            if mark == 0 {
                cells.setNull(index, row)
                continue
            }
            switch columns[index].lane {
            case .word:
                guard let value = cursor.zigzag() else { return false }
                cells.setWord(index, row, UInt64(bitPattern: value))
            case .double:
                guard let bits = cursor.fixed64() else { return false }
                cells.setWord(index, row, bits)
            case .text:
                guard let length = cursor.varint(), let start = cursor.take(Int64(clamping: length)) else { return false }
                cells.setText(index, row, start: start, length: Int(length))
            case .wide, .list, .map, .structure:
                // The mark is read once more.
                var reader = RowReader(run.bytes, cursor.at - 1..<cursor.end)
                guard reader.read(into: columns[index], row) else { return false }
                cursor.at = reader.position
            }
        }
        return true
    }

    /// The row has no values in the columns from `first` on.
    func leaveOut(from first: Int, _ row: Int) {
        for index in first..<max(first, columns.count) { cells.setNull(index, row) }
    }
}
