// Where binary decoders write to: a 64-bit cell a row for the columns of fixed width and for texts, which are copied into the columns at
// the end of a batch. Everything else is written into its column at once.
//
// The cells lie behind pointers, because the arrays of a class are checked for exclusive access at every use. Texts are places in the run's
// own bytes; where a value of another kind has to be spelled out, its column gets bytes of its own for the rest of the batch.

import Bytes
import Values

/// The columns of one side while a batch is decoded.
@safe final class ColumnCells {
    /// What is known of a column.
    struct Field {
        /// Whether its values go through cells.
        var usesCells: Bool
        var isWanted: Bool
        /// Whether it has a NULL in this batch.
        var hasNulls = false
        /// Whether its texts stand in bytes of its own.
        var ownsTexts = false
    }

    let columns: [Column]
    private(set) var capacity = 0
    private var cells: UnsafeMutablePointer<UInt64>
    private var nulls: UnsafeMutablePointer<Bool>
    let fields: UnsafeMutablePointer<Field>
    private var run: RecordRun?

    init(_ columns: [Column], wanted: [Bool]) {
        self.columns = columns
        unsafe cells = .allocate(capacity: 1)
        unsafe nulls = .allocate(capacity: 1)
        unsafe fields = .allocate(capacity: columns.count + 1)
        for (index, column) in columns.enumerated() {
            unsafe (fields + index).initialize(to: Field(usesCells: ColumnCells.holds(column), isWanted: wanted[index]))
        }
    }

    /// Whether the values of a column are cells.
    static func holds(_ column: Column) -> Bool { column.lane == .word || column.lane == .double || column.lane == .text }

    deinit {
        unsafe cells.deallocate()
        unsafe nulls.deallocate()
        unsafe fields.deallocate()
    }

    func begin(_ run: RecordRun, _ rows: Int) {
        self.run = run
        if rows > capacity {
            let size = columns.count * rows + 1
            capacity = rows
            unsafe cells.deallocate()
            unsafe nulls.deallocate()
            unsafe cells = .allocate(capacity: size)
            unsafe cells.initialize(repeating: 0, count: size)
            unsafe nulls = .allocate(capacity: size)
            unsafe nulls.initialize(repeating: false, count: size)
        }
        for index in columns.indices {
            unsafe fields[index].hasNulls = false
            unsafe fields[index].ownsTexts = false
            columns[index].reset(unsafe fields[index].isWanted ? rows : 0)
        }
    }

    @inline(__always) func setWord(_ index: Int, _ row: Int, _ value: UInt64) {
        let place = index &* capacity &+ row
        unsafe cells[place] = value
        if unsafe fields[index].hasNulls { unsafe nulls[place] = false }
    }

    /// Gives `row` the text at a place in the run.
    @inline(__always) func setText(_ index: Int, _ row: Int, start: Int, length: Int) {
        if unsafe fields[index].ownsTexts { return copyText(index, row, start: start, length: length) }
        setWord(index, row, UInt64(UInt32(truncatingIfNeeded: start)) | UInt64(UInt32(truncatingIfNeeded: length)) << 32)
    }

    @inline(never) private func copyText(_ index: Int, _ row: Int, start: Int, length: Int) {
        guard let run else { return }
        setWord(index, row, 0)
        columns[index].setText(row, run.bytes[start..<start + length])
    }

    /// Gives `row` a text that does not stand in the run.
    @inline(never) func setOwnText(_ index: Int, _ row: Int, _ text: some Collection<UInt8>) {
        if unsafe !fields[index].ownsTexts { takeTexts(index, before: row) }
        setWord(index, row, 0)
        columns[index].setText(row, text)
    }

    private func takeTexts(_ index: Int, before row: Int) {
        guard let run else { return }
        let column = columns[index]
        unsafe fields[index].ownsTexts = true
        for other in 0..<row {
            let place = index * capacity + other
            let cell = unsafe cells[place]
            if unsafe fields[index].hasNulls, unsafe nulls[place] {
                column.ranges[other] = ByteRange(start: 0, length: 0)
            } else {
                let start = Int(cell & 0xFFFF_FFFF)
                column.setText(other, run.bytes[start..<start + Int(cell >> 32)])
            }
        }
    }

    @inline(__always) func setNull(_ index: Int, _ row: Int) {
        let field = unsafe fields + index
        if unsafe !field.pointee.isWanted { return }
        if unsafe !field.pointee.usesCells { return columns[index].setNull(row) }
        let start = unsafe nulls + index &* capacity
        if unsafe !field.pointee.hasNulls {
            unsafe field.pointee.hasNulls = true
            unsafe start.update(repeating: false, count: capacity)
        }
        unsafe start[row] = true
        if unsafe field.pointee.ownsTexts { columns[index].ranges[row] = ByteRange(start: 0, length: 0) }
    }

    func setAllNull(_ row: Int) {
        for index in columns.indices { setNull(index, row) }
    }

    func discard(_ row: Int) {
        for index in columns.indices where unsafe fields[index].isWanted {
            if unsafe !fields[index].usesCells || fields[index].ownsTexts { columns[index].discard(row) }
            if unsafe fields[index].hasNulls { unsafe nulls[index * capacity + row] = false }
        }
    }

    func finish(_ rows: Int) {
        for index in columns.indices where unsafe fields[index].isWanted && fields[index].usesCells {
            let column = columns[index]
            let source = unsafe cells + index * capacity
            switch column.lane {
            case .word: unsafe copy(source, &column.words, rows)
            case .double: unsafe copy(source, &column.doubles, rows)
            default:
                if unsafe fields[index].ownsTexts { break }
                unsafe copy(source, &column.ranges, rows)
                if let run {
                    column.bytes = run.bytes
                    column.isView = true
                }
            }
            if unsafe fields[index].hasNulls {
                column.nulls = unsafe Array(UnsafeBufferPointer(start: nulls + index * capacity, count: column.count))
            }
        }
    }

    @unsafe private func copy<T>(_ source: UnsafeMutablePointer<UInt64>, _ target: inout [T], _ rows: Int) {
        unsafe target.withUnsafeMutableBytes { bytes in
            unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: rows * MemoryLayout<T>.stride))
        }
    }
}
