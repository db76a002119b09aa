// JSON records into columns: the hot path.
//
// Records of a topic look alike, so the decoder remembers the names of the previous record's members in their order and compares the
// next record with them, `"name":` at once and eight bytes at a time; a miss takes the slow way and teaches. Only wanted columns are
// filled, but every record is checked to its end and every declared column for its type, so that whether a record counts does not depend
// on the columns that a query asks for. Texts are not copied: their ranges point into the run's own bytes, and only those with escapes
// are written elsewhere.

import Bytes
import Formats
import Values

/// JSON, wrapped in an object or bare.
@safe final class JSONSideDecoder: SideDecoder {
    /// How a column's values are read.
    enum DecodePath: UInt8 {
        case word32
        case word64
        case double
        case text
        case general
    }

    /// What the name of a member means.
    struct MemberName {
        /// The column, -1 for none.
        var column: Int32
        /// Whether it is spelled as the column is.
        var isExact: Bool
    }

    /// A member name that occurred: `"name":` at `start` in the name pool, and what it means.
    struct KnownName {
        var start: Int
        var length: Int
        var name: MemberName
    }

    /// More distinct names than this, 24 KiB of them, are looked up among the columns each time.
    static let knownNameLimit = 1024

    /// What changes from record to record. It lies behind a pointer, because a class's own fields are checked for exclusive access at
    /// every use, and these are used many times a record.
    @safe struct State {
        var capacity = 0
        /// 64-bit cells, column by column: words, doubles as bits, text ranges as two halves.
        var cells: UnsafeMutablePointer<UInt64>
        var nullCells: UnsafeMutablePointer<Bool>
        /// Serial number of the current record.
        var serial = 0
        var knownCount = 0
        var expectedCount = 0
        /// The row of the last text with escapes, -1 for none in this batch.
        var lastDecodedRow = -1
        /// `,"name":` of all known names, followed by padding.
        var pool: UnsafeMutablePointer<UInt8>
        var poolCount = 0
        var poolCapacity = 4096
    }

    /// What is known of a column; one entry more than there are columns.
    struct Field {
        var path: DecodePath
        var isWanted: Bool
        /// Whether the column has a NULL in this batch.
        var hasNulls = false
        /// Serial number of the record in which the column was last seen, and whether by its exact name.
        var seenIn = 0
        var seenExactly = false
    }

    /// A text that had escapes, and where its decoded form stands in `decodedBytes`.
    private struct DecodedText {
        let column: Int
        let row: Int
        let start: Int
        let length: Int
    }

    private let names: [String]
    private let wanted: [Bool]
    private let isUnwrapped: Bool
    let refusesChanges: Bool
    let memberNames: MemberNames
    /// Places in `known` by the bytes of the name, without quotes.
    var knownPlaces: [[UInt8]: Int32] = [:]
    /// For each column that is not wanted and whose value needed a close look: where it is read to and left.
    private var scratch: [Column?]
    let state: UnsafeMutablePointer<State>
    let fields: UnsafeMutablePointer<Field>
    let known: UnsafeMutablePointer<KnownName>
    let expected: UnsafeMutablePointer<ExpectedMember>
    private var decodedTexts: [DecodedText] = []
    private var decodedBytes: [UInt8] = []
    private var run: RecordRun?

    init(_ definitions: [ColumnDefinition], wanted: [Bool], format: FormatSpec) {
        names = definitions.map(\.name)
        self.wanted = wanted
        isUnwrapped = format.isUnwrapped
        refusesChanges = format.refusesOverflow
        memberNames = MemberNames(names)
        scratch = definitions.map { _ in nil }
        unsafe fields = .allocate(capacity: definitions.count + 1)
        for (index, definition) in definitions.enumerated() {
            unsafe (fields + index).initialize(
                to: Field(path: JSONSideDecoder.path(definition.type), isWanted: wanted[index]))
        }
        unsafe known = .allocate(capacity: JSONSideDecoder.knownNameLimit)
        unsafe expected = .allocate(capacity: JSONSideDecoder.knownNameLimit)
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: State(cells: .allocate(capacity: 1), nullCells: .allocate(capacity: 1), pool: .allocate(capacity: 4096)))
        unsafe state.pointee.pool.initialize(repeating: 0, count: 4096)
        super.init(definitions.map { Column($0.type) })
    }

    deinit {
        unsafe state.pointee.cells.deallocate()
        unsafe state.pointee.nullCells.deallocate()
        unsafe state.pointee.pool.deallocate()
        unsafe state.deallocate()
        unsafe fields.deallocate()
        unsafe known.deallocate()
        unsafe expected.deallocate()
    }

    private static func path(_ type: SQLType) -> DecodePath {
        switch type {
        case .integer: .word32
        case .bigint: .word64
        case .double: .double
        case .string: .text
        default: .general
        }
    }

    override func begin(_ run: RecordRun, _ rows: Int) {
        self.run = run
        if unsafe rows > state.pointee.capacity {
            let size = columns.count * rows + 1
            unsafe state.pointee.capacity = rows
            unsafe state.pointee.cells.deallocate()
            unsafe state.pointee.nullCells.deallocate()
            unsafe state.pointee.cells = .allocate(capacity: size)
            unsafe state.pointee.cells.initialize(repeating: 0, count: size)
            unsafe state.pointee.nullCells = .allocate(capacity: size)
            unsafe state.pointee.nullCells.initialize(repeating: false, count: size)
        }
        unsafe state.pointee.lastDecodedRow = -1
        for index in columns.indices {
            unsafe fields[index].hasNulls = false
            if wanted[index] { columns[index].reset(rows) } else { columns[index].reset(0) }
        }
        decodedTexts.removeAll(keepingCapacity: true)
        decodedBytes.removeAll(keepingCapacity: true)
    }

    override func decodeNull(_ row: Int) {
        for index in columns.indices where wanted[index] { setNull(index, row) }
    }

    override func discard(_ row: Int) {
        while let last = decodedTexts.last, last.row == row { decodedTexts.removeLast() }
        let end = decodedTexts.last.map { $0.start + $0.length } ?? 0
        decodedBytes.removeLast(decodedBytes.count - end)
        unsafe state.pointee.lastDecodedRow = -1
        for index in columns.indices where wanted[index] {
            if unsafe fields[index].path == .general {
                columns[index].discard(row)
            } else if unsafe fields[index].hasNulls {
                unsafe state.pointee.nullCells[index * state.pointee.capacity + row] = false
            }
        }
    }

    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        var cursor = unsafe JSONCursor(
            base: base, start: Int(range.start), end: Int(range.start) + Int(range.length), refusesChanges: refusesChanges)
        cursor.skipSpace()
        if isUnwrapped, columns.count == 1 {
            return decodeBare(&cursor, row)
        }
        if cursor.byte == 0x6E, cursor.takeWord("null") {
            cursor.skipSpace()
            guard cursor.at == cursor.end else { return malformed }
            decodeNull(row)
            return nil
        }
        guard cursor.take(0x7B) else {
            return decodeNoObject(&cursor)
        }
        return decodeMembers(&cursor, row)
    }

    /// Says what stands where an object should.
    private func decodeNoObject(_ cursor: inout JSONCursor) -> DecodeProblem {
        let start = cursor.at
        guard cursor.skipValue() else { return malformed }
        let length = cursor.at - start
        cursor.skipSpace()
        guard cursor.at == cursor.end else { return malformed }
        return DecodeProblem(column: nil, message: "the JSON is no object but \(JSONReader.shown(cursor, start, length))")
    }

    private var malformed: DecodeProblem { DecodeProblem(column: nil, message: "malformed JSON") }

    private func decodeBare(_ cursor: inout JSONCursor, _ row: Int) -> DecodeProblem? {
        if let problem = wanted[0] ? decodeField(&cursor, 0, row) : checkField(&cursor, 0) { return problem }
        cursor.skipSpace()
        return cursor.at == cursor.end ? nil : malformed
    }

    private func decodeMembers(_ cursor: inout JSONCursor, _ row: Int) -> DecodeProblem? {
        unsafe state.pointee.serial += 1
        let serial = unsafe state.pointee.serial
        var seen = 0
        var position = 0
        var mismatches: [Int32: DecodeProblem]?
        cursor.skipSpace()
        if !cursor.take(0x7D) {
            while true {
                position = takeExpectedMembers(&cursor, from: position, row, &seen)
                if position > 0 {
                    cursor.skipSpace()
                    guard cursor.take(0x2C) else { break }
                    cursor.skipSpace()
                }
                guard let name = takeExpectedName(&cursor, position) ?? learnName(&cursor, position) else { return malformed }
                position += 1
                cursor.skipSpace()
                let column = Int(name.column)
                var isMeant = column >= 0
                if isMeant {
                    let field = unsafe fields + column
                    if unsafe field.pointee.seenIn != serial {
                        unsafe field.pointee.seenIn = serial
                        unsafe field.pointee.seenExactly = name.isExact
                        seen += 1
                    } else if unsafe name.isExact || !field.pointee.seenExactly {
                        // The last of several spellings wins, an exact one over all others.
                        unsafe field.pointee.seenExactly = name.isExact
                        mismatches?[name.column] = nil
                    } else {
                        isMeant = false
                    }
                }
                if isMeant {
                    let isWanted = unsafe fields[column].isWanted
                    if let problem = isWanted ? decodeField(&cursor, column, row) : checkField(&cursor, column) {
                        guard problem.column != nil else { return problem }
                        if mismatches == nil { mismatches = [:] }
                        mismatches?[name.column] = problem
                    }
                } else if !cursor.skipValue() {
                    return malformed
                }
            }
            guard cursor.take(0x7D) else { return malformed }
        }
        cursor.skipSpace()
        guard cursor.at == cursor.end else { return malformed }
        if let problem = mismatches?.min(by: { $0.key < $1.key })?.value { return problem }
        if seen < columns.count {
            for index in columns.indices where wanted[index] {
                if unsafe fields[index].seenIn != serial { setNull(index, row) }
            }
        }
        return nil
    }

    @inline(__always) private func setNull(_ index: Int, _ row: Int) {
        let field = unsafe fields + index
        if unsafe field.pointee.path == .general { return columns[index].setNull(row) }
        let start = unsafe state.pointee.nullCells + index * state.pointee.capacity
        if unsafe !field.pointee.hasNulls {
            unsafe field.pointee.hasNulls = true
            unsafe start.update(repeating: false, count: state.pointee.capacity)
        }
        unsafe start[row] = true
    }

    @inline(__always) private func setCell(_ index: Int, _ row: Int, _ value: UInt64) {
        let place = unsafe index * state.pointee.capacity + row
        unsafe state.pointee.cells[place] = value
        if unsafe fields[index].hasNulls { unsafe state.pointee.nullCells[place] = false }
    }

    /// Decodes one value into `row`; nil when it went well. A problem without a column means that the text is malformed.
    @inline(__always) private func decodeField(_ cursor: inout JSONCursor, _ index: Int, _ row: Int) -> DecodeProblem? {
        let first = cursor.byte
        let path = unsafe fields[index].path
        switch path {
        case .word64, .word32:
            guard first == 0x2D || first &- 0x30 <= 9 else { break }
            guard let number = cursor.scanNumber() else { return malformed }
            if let small = number.small, path == .word64 || Int32(exactly: small) != nil {
                setCell(index, row, UInt64(bitPattern: small))
                return nil
            }
            guard let value = JSONReader.integer(cursor, number, isNarrow: path == .word32) else {
                return DecodeProblem(column: names[index], message: JSONReader.changed(cursor, number, by: columns[index].type))
            }
            setCell(index, row, UInt64(bitPattern: value))
            return nil
        case .double:
            guard first == 0x2D || first &- 0x30 <= 9 else { break }
            guard let number = cursor.scanNumber() else { return malformed }
            let value = JSONReader.double(cursor, number)
            guard value.isFinite || !refusesChanges else {
                return DecodeProblem(column: names[index], message: JSONReader.outOfRange(cursor, number))
            }
            setCell(index, row, value.bitPattern)
            return nil
        case .text:
            guard first == 0x22 else { break }
            cursor.at += 1
            guard let string = cursor.scanString() else { return malformed }
            if string.hasEscapes {
                let start = decodedBytes.count
                cursor.decode(string, into: &decodedBytes)
                setDecoded(index, row, start)
            } else {
                let start = UInt32(truncatingIfNeeded: string.start), length = UInt32(truncatingIfNeeded: string.length)
                setCell(index, row, UInt64(start) | UInt64(length) << 32)
                forgetDecoded(index, row)
            }
            return nil
        case .general: break
        }
        return decodeOther(&cursor, index, row)
    }

    /// Steps over the value of a column that is not wanted; a problem where it is none of the column's type.
    @inline(__always) private func checkField(_ cursor: inout JSONCursor, _ index: Int) -> DecodeProblem? {
        let first = cursor.byte
        switch unsafe fields[index].path {
        case .word64, .word32, .double:
            // Any number will do, whatever its size, unless it must not be cut.
            guard first == 0x2D || first &- 0x30 <= 9, !refusesChanges else { break }
            return cursor.scanNumber() == nil ? malformed : nil
        case .text: return cursor.skipValue() ? nil : malformed
        case .general: break
        }
        return checkOther(&cursor, index)
    }

    /// Reads and drops the value of a column that is not wanted.
    @inline(never) private func checkOther(_ cursor: inout JSONCursor, _ index: Int) -> DecodeProblem? {
        let column = scratch[index] ?? Column(columns[index].type)
        scratch[index] = column
        column.reset(1)
        return complaint(JSONReader.readColumn(&cursor, into: column, 0), index)
    }

    private func complaint(_ outcome: JSONOutcome, _ index: Int) -> DecodeProblem? {
        switch outcome {
        case .malformed: malformed
        case .mismatch(let reason): DecodeProblem(column: names[index], message: reason)
        case .read: nil
        }
    }

    private func setDecoded(_ index: Int, _ row: Int, _ start: Int) {
        setCell(index, row, 0)
        forgetDecoded(index, row)
        unsafe state.pointee.lastDecodedRow = row
        decodedTexts.append(DecodedText(column: index, row: row, start: start, length: decodedBytes.count - start))
    }

    /// A record may name a column twice: the last one counts. The texts of the current row are the last ones; those of others, of which
    /// there may be a million, are not looked at.
    private func forgetDecoded(_ index: Int, _ row: Int) {
        guard unsafe state.pointee.lastDecodedRow == row else { return }
        var place = decodedTexts.count
        while place > 0, decodedTexts[place - 1].row == row {
            place -= 1
            if decodedTexts[place].column == index { decodedTexts.remove(at: place) }
        }
    }

    /// NULL, types without a fast way, and values of an unexpected kind.
    private func decodeOther(_ cursor: inout JSONCursor, _ index: Int, _ row: Int) -> DecodeProblem? {
        let path = unsafe fields[index].path
        if cursor.byte == 0x6E, path != .general {
            guard cursor.takeWord("null") else { return malformed }
            setNull(index, row)
            return nil
        }
        if path == .text {
            let start = decodedBytes.count
            guard JSONReader.appendText(&cursor, to: &decodedBytes, 0) else { return malformed }
            setDecoded(index, row, start)
            return nil
        }
        let column = columns[index]
        if let problem = complaint(JSONReader.readColumn(&cursor, into: column, row), index) { return problem }
        switch path {
        case .word32, .word64: setCell(index, row, UInt64(bitPattern: column.words[row]))
        case .double: setCell(index, row, column.doubles[row].bitPattern)
        case .text, .general: break
        }
        return nil
    }

    override func finish(_ rows: Int) {
        let capacity = unsafe state.pointee.capacity
        for index in columns.indices where wanted[index] {
            let column = columns[index]
            let path = unsafe fields[index].path
            let source = unsafe state.pointee.cells + index * capacity
            switch path {
            case .word32, .word64: unsafe copy(source, &column.words, rows)
            case .double: unsafe copy(source, &column.doubles, rows)
            case .text: unsafe copy(source, &column.ranges, rows)
            case .general: continue
            }
            if unsafe fields[index].hasNulls {
                column.nulls = unsafe Array(UnsafeBufferPointer(start: state.pointee.nullCells + index * capacity, count: column.count))
            }
            if path == .text { finishTexts(index, rows) }
        }
    }

    @unsafe private func copy<T>(_ source: UnsafeMutablePointer<UInt64>, _ target: inout [T], _ rows: Int) {
        unsafe target.withUnsafeMutableBytes { bytes in
            unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: rows * MemoryLayout<T>.stride))
        }
    }

    /// Without escapes a text column is a view of the run; with them its texts are gathered into bytes of its own.
    private func finishTexts(_ index: Int, _ rows: Int) {
        let column = columns[index]
        guard let run else { return }
        guard decodedTexts.contains(where: { $0.column == index }) else {
            column.bytes = run.bytes
            column.isView = true
            return
        }
        var next = 0
        let decoded = decodedTexts.filter { $0.column == index }.sorted { $0.row < $1.row }
        for row in 0..<rows {
            if next < decoded.count, decoded[next].row == row {
                column.setText(row, decodedBytes[decoded[next].start..<decoded[next].start + decoded[next].length])
                next += 1
            } else {
                let range = column.ranges[row]
                guard !column.isNull(row) else { continue }
                column.setText(row, run.bytes[range.indexes])
            }
        }
    }
}
