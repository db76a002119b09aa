// One column of a batch: a struct of arrays, one entry a row, with NULLs and failures beside the values.
//
// Four lanes hold all types. `words` holds everything that fits 64 bits and is no float (BOOLEAN as 0 and 1, INTEGER, BIGINT, TIME, DATE,
// TIMESTAMP): one lane means one kernel. `ranges` point into `bytes` for texts, and into the child columns for ARRAY and MAP; because they
// need not be in order, a substring, a gather or a value that is overwritten moves no bytes. What stands at a NULL row, or at a row
// outside a kernel's selection, means nothing and must not be looked at.

import Bytes
package import Values

/// How the values of a type are held.
enum Lane {
    /// `words`
    case word
    /// `doubles`
    case double
    /// `wides`: the unscaled decimal; the scale stands in the type.
    case wide
    /// `ranges` into `bytes`
    case text
    /// `ranges` into the one child
    case list
    /// `ranges` into two children of equal length: keys and values
    case map
    /// one child a field, whose rows are this column's rows
    case structure

    /// Whether every value takes the same few bytes.
    var isFixed: Bool {
        switch self {
        case .word, .double, .wide: true
        case .text, .list, .map, .structure: false
        }
    }

    init(_ type: SQLType) {
        switch type {
        case .boolean, .integer, .bigint, .time, .date, .timestamp: self = .word
        case .double: self = .double
        case .decimal: self = .wide
        case .string, .bytes: self = .text
        case .array: self = .list
        case .map: self = .map
        case .structure: self = .structure
        }
    }
}

/// A column of values of one type. It has one owner that fills it; everyone else only reads it until the owner's next batch.
package final class Column {
    /// The type of all values.
    package let type: SQLType
    let lane: Lane
    /// Rows that may be addressed. The arrays of the lane have at least so many entries.
    package private(set) var count = 0
    var words: [Int64] = []
    var doubles: [Double] = []
    var wides: [Int128] = []
    var ranges: [ByteRange] = []
    var bytes: [UInt8] = []
    var children: [Column] = []
    /// Of a structure, the names of the fields, which are the children.
    private(set) lazy var memberNames: MemberNames = {
        guard case .structure(let fields) = type else { return MemberNames([]) }
        return MemberNames(fields.map(\.name))
    }()
    /// Whether a row is NULL; empty while no row is.
    var nulls: [Bool] = []
    /// Whether the evaluation of a row failed (such a row is NULL too); empty while none did.
    var failed: [Bool] = []

    /// A column without rows.
    package init(_ type: SQLType) {
        self.type = type
        lane = Lane(type)
        switch type {
        case .array(let element): children = [Column(element)]
        case .map(let key, let value): children = [Column(key), Column(value)]
        case .structure(let fields): children = fields.map { Column($0.type) }
        case .boolean, .integer, .bigint, .double, .decimal, .string, .bytes, .time, .date, .timestamp: break
        }
    }

    /// Of the rows in front of `settledRows`, the largest end of their ranges: see `discard`.
    private var settledRows = 0
    private var settledEnd = 0

    /// Whether `bytes` or `children` are another column's: then they are released, not emptied, when a new batch starts.
    var isView = false

    /// Starts a new batch of `rows` rows: nothing is NULL or failed, values are undefined, memory is kept.
    func reset(_ rows: Int) {
        nulls.removeAll(keepingCapacity: true)
        failed.removeAll(keepingCapacity: true)
        count = rows
        settledRows = 0
        settledEnd = 0
        growLane()
        if isView {
            isView = false
            bytes = []
            children = children.map { Column($0.type) }
        } else {
            bytes.removeAll(keepingCapacity: true)
        }
        switch lane {
        case .list, .map: for child in children { child.reset(0) }
        case .structure: for child in children { child.reset(rows) }
        case .word, .double, .wide, .text: break
        }
    }

    /// Makes `rows` rows addressable and keeps those that are there.
    func grow(to rows: Int) {
        guard rows > count else { return }
        if !nulls.isEmpty { nulls.append(contentsOf: repeatElement(false, count: rows - count)) }
        count = rows
        growLane()
        if case .structure = lane { for child in children { child.grow(to: rows) } }
    }

    /// Says how many rows arrays that were put in place hold.
    func adopt(count rows: Int) { count = rows }

    /// Takes back rows at the end; the arrays of the lane keep their entries, which mean nothing.
    private func shrink(to rows: Int) { count = rows }

    private func growLane() {
        func extend<T>(_ array: inout [T], _ filler: T) {
            guard array.count < count else { return }
            // Only when there is no room: asking for more each time would move the array each time.
            if array.capacity < count { array.reserveCapacity(max(count, array.count * 2)) }
            array.append(contentsOf: repeatElement(filler, count: count - array.count))
        }
        switch lane {
        case .word: extend(&words, 0)
        case .double: extend(&doubles, 0)
        case .wide: extend(&wides, 0)
        case .text, .list, .map: extend(&ranges, ByteRange(start: 0, length: 0))
        case .structure: break
        }
    }

    @inline(__always) func isNull(_ row: Int) -> Bool { !nulls.isEmpty && nulls[row] }
    @inline(__always) func isFailed(_ row: Int) -> Bool { !failed.isEmpty && failed[row] }

    func setNull(_ row: Int) {
        if nulls.count < count { nulls.append(contentsOf: repeatElement(false, count: count - nulls.count)) }
        nulls[row] = true
    }

    func setFailed(_ row: Int) {
        setNull(row)
        if failed.count < count { failed.append(contentsOf: repeatElement(false, count: count - failed.count)) }
        failed[row] = true
    }

    /// Says that `row` has a value. Needed where a row is written twice: a repeated member of a JSON object, a state that is restored.
    @inline(__always) func setPresent(_ row: Int) {
        if !nulls.isEmpty { nulls[row] = false }
    }

    /// Makes what is else made on demand, so that several threads may read the column.
    func completeNames() {
        if lane == .structure { _ = memberNames }
        for child in children { child.completeNames() }
    }

    /// Adds one row at the end and gives its index.
    func appendRow() -> Int {
        grow(to: count + 1)
        return count - 1
    }

    /// The bytes of a text that is not NULL.
    func text(_ row: Int) -> ArraySlice<UInt8> {
        let range = ranges[row]
        return bytes[Int(range.start)..<Int(range.start) + Int(range.length)]
    }

    /// Gives `row` a text of its own, at the end of `bytes`.
    func setText(_ row: Int, _ text: some Collection<UInt8>) {
        let start = bytes.count
        bytes.append(contentsOf: text)
        setRange(row, start: start, count: bytes.count - start)
    }

    /// Bytes of memory that the column holds.
    var memory: Int {
        words.capacity * 8 + doubles.capacity * 8 + wides.capacity * 16 + ranges.capacity * 8 + bytes.capacity + nulls.capacity
            + children.reduce(0) { $0 + $1.memory }
    }
}

extension Column {
    /// Bytes of what the rows hold, memory that is kept for later aside.
    var contentSize: Int {
        switch lane {
        case .word, .double: count * 8
        case .wide: count * 16
        case .text: count * 8 + bytes.count
        case .list, .map: children.reduce(count * 8) { $0 + $1.contentSize }
        case .structure: children.reduce(0) { $0 + $1.contentSize }
        }
    }

    /// Sets the text of `row` to the bytes appended since `start`.
    @inline(__always) func setRange(_ row: Int, from start: Int) { setRange(row, start: start, count: bytes.count - start) }

    /// Sets the text or the elements of `row` to `count` entries of `bytes` or of the children from `start` on. Batches are ended long
    /// before an arena has 2 GiB; a row that gets beyond all the same fails, because no range can say its place.
    @inline(__always) func setRange(_ row: Int, start: Int, count: Int) {
        if let range = ByteRange(exactly: start, count: count) { ranges[row] = range } else { setFailed(row) }
    }

    /// Removes what `row`, the last one that was filled, has left: a NULL mark, texts, elements. For decoders, which fill rows one after
    /// the other and must leave nothing of a record that they reject. The rows in front are looked at once a batch, not once a rejection.
    func discard(_ row: Int) {
        if row < nulls.count { nulls[row] = false }
        if row < failed.count { failed[row] = false }
        if case .structure = lane { for child in children { child.discard(row) } } else { cutArenas(behind: row) }
    }

    /// Removes the rows from `rows` on, and all they have left.
    func truncate(to rows: Int) {
        guard rows < count else { return }
        if case .structure = lane { for child in children { child.truncate(to: rows) } } else { cutArenas(behind: rows) }
        if nulls.count > rows { nulls.removeLast(nulls.count - rows) }
        if failed.count > rows { failed.removeLast(failed.count - rows) }
        shrink(to: rows)
    }

    /// Removes the texts or elements that no row before `row` has.
    private func cutArenas(behind row: Int) {
        switch lane {
        case .word, .double, .wide, .structure: break
        case .text: if !isView { bytes.removeLast(max(0, bytes.count - end(ofRowsBefore: row))) }
        case .list, .map: for child in children { child.truncate(to: end(ofRowsBefore: row)) }
        }
    }

    /// The largest end of the ranges of the rows before `row` that are not NULL.
    private func end(ofRowsBefore row: Int) -> Int {
        if settledRows > row { (settledRows, settledEnd) = (0, 0) }
        while settledRows < row {
            if !isNull(settledRows) { settledEnd = max(settledEnd, ranges[settledRows].indexes.upperBound) }
            settledRows += 1
        }
        return settledEnd
    }
}
