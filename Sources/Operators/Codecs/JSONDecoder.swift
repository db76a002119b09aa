// JSON records into columns: the hot path.
//
// Records of a topic look alike, so the decoder remembers the names of the previous record's members in their order and compares the
// next record with them, `"name":` at once and eight bytes at a time; a miss takes the slow way and teaches. Only wanted columns are
// decoded, but every record is checked to its end. Texts are not copied: their ranges point into the run's own bytes, and only those with
// escapes are written elsewhere.

import Bytes
import Formats
import Values

/// Decodes one side (key or value) of the records of a run.
class SideDecoder {
    /// The columns of this side, in declared order. Columns that are not wanted stay empty.
    let columns: [Column]

    init(_ columns: [Column]) { self.columns = columns }

    /// Starts a batch of at most `rows` rows from `run`.
    func begin(_ run: RecordRun, _ rows: Int) {
        for column in columns { column.reset(rows) }
    }

    /// Decodes the bytes at `range`, which is not null, into `row`. Gives the reason when the record must be rejected.
    @unsafe func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        preconditionFailure("every decoder decodes")
    }

    /// All columns of `row` are NULL.
    func decodeNull(_ row: Int) {
        for column in columns where column.count > 0 { column.setNull(row) }
    }

    /// Ends the batch, which got `rows` rows.
    func finish(_ rows: Int) {}
}

/// Why bytes do not give a row.
struct DecodeProblem {
    var column: String?
    var message: String
}

/// JSON, wrapped in an object or bare.
@safe final class JSONSideDecoder: SideDecoder {
    /// How a column is filled.
    private enum Way: UInt8 {
        case skip
        case word32
        case word64
        case double
        case text
        case general
    }

    /// A member name that occurred: `"name":` at `start` in the name pool, and what it means.
    private struct KnownName {
        var start: Int
        var length: Int
        var column: Int32
        var isExact: Bool
    }

    /// More distinct names than this are looked up anew each time.
    private static let knownNameLimit = 256

    private let names: [String]
    private let wanted: [Bool]
    private let ways: [Way]
    private let isUnwrapped: Bool
    private let wantedCount: Int

    private var capacity = 0
    /// 64-bit cells, column by column: words, doubles as bits, text ranges as two halves.
    private var cells: UnsafeMutablePointer<UInt64>
    private var nullCells: UnsafeMutablePointer<Bool>
    /// Whether a column of this batch has a NULL.
    private var hasNulls: [Bool]
    /// Serial number of the record in which a column was last seen, and whether by its exact name.
    private let seenIn: UnsafeMutablePointer<Int>
    private let seenExactly: UnsafeMutablePointer<Bool>
    private var serial = 0
    /// Texts with escapes: column, row, and where the decoded text stands in `decodedBytes`.
    private var decodedTexts: [(column: Int, row: Int, start: Int, length: Int)] = []
    private var decodedBytes: [UInt8] = []
    private var run: RecordRun?

    private var pool: [UInt8] = Array(repeating: 0, count: 16)
    private var known: [KnownName] = []
    private var predicted: [Int32] = []

    init(_ definitions: [ColumnDefinition], wanted: [Bool], isUnwrapped: Bool) {
        names = definitions.map(\.name)
        self.wanted = wanted
        self.isUnwrapped = isUnwrapped
        wantedCount = wanted.count { $0 }
        ways = zip(definitions, wanted).map { definition, isWanted in
            guard isWanted else { return .skip }
            switch definition.type {
            case .integer: return .word32
            case .bigint: return .word64
            case .double: return .double
            case .string: return .text
            default: return .general
            }
        }
        hasNulls = Array(repeating: false, count: definitions.count)
        unsafe cells = .allocate(capacity: 1)
        unsafe nullCells = .allocate(capacity: 1)
        unsafe seenIn = .allocate(capacity: definitions.count + 1)
        unsafe seenIn.initialize(repeating: 0, count: definitions.count + 1)
        unsafe seenExactly = .allocate(capacity: definitions.count + 1)
        unsafe seenExactly.initialize(repeating: false, count: definitions.count + 1)
        super.init(definitions.map { Column($0.type) })
    }

    deinit {
        unsafe cells.deallocate()
        unsafe nullCells.deallocate()
        unsafe seenIn.deallocate()
        unsafe seenExactly.deallocate()
    }

    override func begin(_ run: RecordRun, _ rows: Int) {
        self.run = run
        if rows > capacity {
            capacity = rows
            unsafe cells.deallocate()
            unsafe nullCells.deallocate()
            unsafe cells = .allocate(capacity: columns.count * rows + 1)
            unsafe cells.initialize(repeating: 0, count: columns.count * rows + 1)
            unsafe nullCells = .allocate(capacity: columns.count * rows + 1)
            unsafe nullCells.initialize(repeating: false, count: columns.count * rows + 1)
        }
        for index in columns.indices {
            hasNulls[index] = false
            if wanted[index] { columns[index].reset(rows) } else { columns[index].reset(0) }
        }
        decodedTexts.removeAll(keepingCapacity: true)
        decodedBytes.removeAll(keepingCapacity: true)
    }

    override func decodeNull(_ row: Int) {
        for index in columns.indices where wanted[index] { setNull(index, row) }
    }

    override func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        var cursor = unsafe JSONCursor(base: base, start: Int(range.start), end: Int(range.start) + Int(range.length))
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
            return DecodeProblem(column: nil, message: cursor.skipValue() ? "the JSON is no object" : "malformed JSON")
        }
        return decodeMembers(&cursor, row)
    }

    private var malformed: DecodeProblem { DecodeProblem(column: nil, message: "malformed JSON") }

    private func decodeBare(_ cursor: inout JSONCursor, _ row: Int) -> DecodeProblem? {
        if wanted[0] {
            if let problem = decodeField(&cursor, 0, row) { return problem }
        } else if !cursor.skipValue() {
            return malformed
        }
        cursor.skipSpace()
        return cursor.at == cursor.end ? nil : malformed
    }

    private func decodeMembers(_ cursor: inout JSONCursor, _ row: Int) -> DecodeProblem? {
        serial += 1
        let serial = serial
        var seen = 0, position = 0
        var mismatches: [Int32: DecodeProblem]?
        cursor.skipSpace()
        if !cursor.take(0x7D) {
            while true {
                guard let name = matchName(&cursor, position) else { return malformed }
                position += 1
                cursor.skipSpace()
                let column = Int(name.column)
                var isMeant = column >= 0
                if isMeant {
                    if unsafe seenIn[column] != serial {
                        unsafe seenIn[column] = serial
                        unsafe seenExactly[column] = name.isExact
                        seen += 1
                    } else if unsafe name.isExact || !seenExactly[column] {
                        // The last of several spellings wins, an exact one over all others.
                        unsafe seenExactly[column] = name.isExact
                        mismatches?[name.column] = nil
                    } else {
                        isMeant = false
                    }
                }
                if isMeant {
                    if let problem = decodeField(&cursor, column, row) {
                        guard problem.column != nil else { return problem }
                        if mismatches == nil { mismatches = [:] }
                        mismatches?[name.column] = problem
                    }
                } else if !cursor.skipValue() {
                    return malformed
                }
                cursor.skipSpace()
                if cursor.take(0x2C) {
                    cursor.skipSpace()
                    continue
                }
                guard cursor.take(0x7D) else { return malformed }
                break
            }
        }
        cursor.skipSpace()
        guard cursor.at == cursor.end else { return malformed }
        if let problem = mismatches?.min(by: { $0.key < $1.key })?.value { return problem }
        if seen < wantedCount {
            for index in columns.indices where wanted[index] {
                if unsafe seenIn[index] != serial { setNull(index, row) }
            }
        }
        return nil
    }

    @inline(__always) private func setNull(_ index: Int, _ row: Int) {
        if ways[index] == .general { return columns[index].setNull(row) }
        if !hasNulls[index] {
            hasNulls[index] = true
            unsafe (nullCells + index * capacity).update(repeating: false, count: capacity)
        }
        unsafe nullCells[index * capacity + row] = true
    }

    @inline(__always) private func setCell(_ index: Int, _ row: Int, _ value: UInt64) {
        unsafe cells[index * capacity + row] = value
        if hasNulls[index] { unsafe nullCells[index * capacity + row] = false }
    }

    /// Decodes one value into `row`; nil when it went well. A problem without a column means that the text is malformed.
    @inline(__always) private func decodeField(_ cursor: inout JSONCursor, _ index: Int, _ row: Int) -> DecodeProblem? {
        let first = cursor.byte
        switch ways[index] {
        case .word64, .word32:
            guard first == 0x2D || first &- 0x30 <= 9 else { break }
            guard let number = cursor.scanNumber() else { return malformed }
            let value = number.small ?? JSONReader.wrapped(cursor, number)
            setCell(index, row, UInt64(bitPattern: ways[index] == .word32 ? Int64(Int32(truncatingIfNeeded: value)) : value))
            return nil
        case .double:
            guard first == 0x2D || first &- 0x30 <= 9 else { break }
            guard let number = cursor.scanNumber() else { return malformed }
            setCell(index, row, JSONReader.double(cursor, number).bitPattern)
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
                setCell(index, row, UInt64(UInt32(string.start)) | UInt64(UInt32(string.length)) << 32)
                if decodedTexts.last?.row == row { decodedTexts.removeAll { $0.column == index && $0.row == row } }
            }
            return nil
        case .general, .skip: break
        }
        return decodeOther(&cursor, index, row)
    }

    private func setDecoded(_ index: Int, _ row: Int, _ start: Int) {
        setCell(index, row, 0)
        if decodedTexts.last?.row == row { decodedTexts.removeAll { $0.column == index && $0.row == row } }
        decodedTexts.append((index, row, start, decodedBytes.count - start))
    }

    /// NULL, types without a fast way, and values of an unexpected kind.
    private func decodeOther(_ cursor: inout JSONCursor, _ index: Int, _ row: Int) -> DecodeProblem? {
        if cursor.byte == 0x6E, ways[index] != .general {
            guard cursor.takeWord("null") else { return malformed }
            setNull(index, row)
            return nil
        }
        if ways[index] == .text {
            let start = decodedBytes.count
            guard JSONReader.appendText(&cursor, to: &decodedBytes, 0) else { return malformed }
            setDecoded(index, row, start)
            return nil
        }
        let column = columns[index]
        switch JSONReader.read(&cursor, into: column, row) {
        case .malformed: return malformed
        case .mismatch(let reason): return DecodeProblem(column: names[index], message: reason)
        case .read: break
        }
        switch ways[index] {
        case .word32, .word64: setCell(index, row, UInt64(bitPattern: column.words[row]))
        case .double: setCell(index, row, column.doubles[row].bitPattern)
        case .text, .general, .skip: break
        }
        return nil
    }

    override func finish(_ rows: Int) {
        for index in columns.indices where wanted[index] && ways[index] != .general {
            let column = columns[index]
            let source = unsafe cells + index * capacity
            switch ways[index] {
            case .word32, .word64: unsafe copy(source, &column.words, rows)
            case .double: unsafe copy(source, &column.doubles, rows)
            case .text: unsafe copy(source, &column.ranges, rows)
            case .general, .skip: break
            }
            if hasNulls[index] {
                column.nulls = unsafe Array(UnsafeBufferPointer(start: nullCells + index * capacity, count: column.count))
            }
            if ways[index] == .text { finishTexts(index, rows) }
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
                column.setText(row, run.bytes[Int(range.start)..<Int(range.start + range.length)])
            }
        }
    }
}

extension JSONSideDecoder {
    /// Steps over the name of the next member and its colon, and says which column it means (-1 for none).
    @inline(__always) private func matchName(_ cursor: inout JSONCursor, _ position: Int) -> (column: Int32, isExact: Bool)? {
        if position < predicted.count {
            let name = known[Int(predicted[position])]
            if cursor.at + name.length <= cursor.end, isAt(cursor, name) {
                cursor.at += name.length
                return (name.column, name.isExact)
            }
        }
        return learnName(&cursor, position)
    }

    /// Whether the text at the cursor is that name, quotes and colon included; the pool is padded, so whole words may be read.
    @inline(__always) private func isAt(_ cursor: JSONCursor, _ name: KnownName) -> Bool {
        unsafe pool.withUnsafeBytes { pool in
            var offset = 0
            while offset + 8 <= name.length {
                let word = unsafe pool.loadUnaligned(fromByteOffset: name.start + offset, as: UInt64.self)
                if word != cursor.word(cursor.at + offset) { return false }
                offset += 8
            }
            let rest = name.length - offset
            if rest == 0 { return true }
            let mask = (UInt64(1) << UInt64(rest * 8)) &- 1
            let word = unsafe pool.loadUnaligned(fromByteOffset: name.start + offset, as: UInt64.self)
            return (word ^ cursor.word(cursor.at + offset)) & mask == 0
        }
    }

    /// The slow way: looks among all known names, then among the columns, and predicts this name for the next record.
    private func learnName(_ cursor: inout JSONCursor, _ position: Int) -> (column: Int32, isExact: Bool)? {
        for (index, name) in known.enumerated() where cursor.at + name.length <= cursor.end && isAt(cursor, name) {
            predict(index, position)
            cursor.at += name.length
            return (name.column, name.isExact)
        }
        let start = cursor.at
        guard let name = JSONReader.readName(&cursor) else { return nil }
        let match = JSONReader.match(name, names)
        let column = match.map { wanted[$0.index] ? Int32($0.index) : -1 } ?? -1
        let isExact = match?.isExact ?? false
        // Only names written without escapes and spaces can be compared as they stand.
        let plain = name.count + 3
        if known.count < JSONSideDecoder.knownNameLimit, name.count < 1000, start + plain <= cursor.end,
            cursor.bytes(start, plain) == [0x22] + name + [0x22, 0x3A] {
            known.append(KnownName(start: pool.count - 16, length: plain, column: column, isExact: isExact))
            pool.insert(contentsOf: [0x22] + name + [0x22, 0x3A], at: pool.count - 16)
            predict(known.count - 1, position)
        }
        return (column, isExact)
    }

    private func predict(_ index: Int, _ position: Int) {
        if position < predicted.count {
            predicted[position] = Int32(index)
        } else if position == predicted.count {
            predicted.append(Int32(index))
        }
    }
}
