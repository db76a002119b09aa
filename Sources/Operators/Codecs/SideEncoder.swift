// Encoding one side (key or value) of the rows of a batch, and JSON's way of doing it.

import Bytes
import Values

/// Encodes one side of the rows of a batch.
class SideEncoder {
    /// Which columns of the batch are this side, in order.
    let indexes: Range<Int>
    /// The rows that could not be written since this was emptied, each with the reason; their bytes are null.
    var failures: [(row: Int, message: String)] = []
    /// Why no row can be written at all; nil where some can.
    var obstacle: String? { nil }

    init(_ indexes: Range<Int>) { self.indexes = indexes }

    /// Takes what it needs out of the batch's columns, once a batch.
    func begin(_ columns: [Column]) {}

    /// Lets go of what it has taken; `begin` comes before the next row.
    func end() {}

    /// Appends the bytes of `row`; null when the side is null as a whole.
    func encode(_ row: Int, to sink: ByteSink) -> ByteRange { .null }

    /// Encodes all of `rows` with each row's window behind its bytes.
    func encodeWindowed(_ rows: Selection, _ windows: WindowSuffix, to sink: ByteSink, into ranges: inout [ByteRange]) {
        rows.forEach { row in
            let range = encode(row, to: sink)
            let start = range.isNull ? sink.count : Int(range.start)
            windows.append(row, to: sink)
            ranges.append(sink.range(from: start))
        }
    }

    /// Encodes all of `rows`, null for those that `present` (when it is not empty) says are not there.
    func encodeRows(_ rows: Selection, present: [Bool], to sink: ByteSink, into ranges: inout [ByteRange]) {
        ranges.makeRoom(for: rows.count)
        rows.forEach { row in ranges.append(present.isEmpty || present[row] ? encode(row, to: sink) : .null) }
    }
}

/// The windows of a batch's rows, as they follow the key bytes.
struct WindowSuffix {
    let starts: [Int64]
    let ends: [Int64]
    let isSession: Bool

    @inline(__always) func append(_ row: Int, to sink: ByteSink) {
        var place = unsafe sink.reserve(16)
        if isSession {
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: ends[row].bigEndian, as: Int64.self)
            unsafe place += 8
        }
        unsafe UnsafeMutableRawPointer(place).storeBytes(of: starts[row].bigEndian, as: Int64.self)
        unsafe sink.commit(place + 8)
    }
}

/// JSON, wrapped in an object or bare.
@safe final class JSONSideEncoder: SideEncoder {
    /// How a column's values are written.
    private enum ValueEncoding {
        case word
        case double
        case decimal
        case text
        case general
    }

    /// A column as the row loop sees it: bare pointers, valid for one call of `encodeRows`.
    @safe private struct Lane {
        var encoding: ValueEncoding
        var values: ColumnLane
        var scale: DecimalScale
        /// `,"NAME":` in whole words, and its length.
        var label: UnsafePointer<UInt64>
        var labelLength: Int
    }

    /// `{"A":`, `,"B":`, … ready to be copied; empty for a bare value.
    private let labels: [[UInt8]]
    private let encodings: [ValueEncoding]
    /// Of decimal columns; 0 for all others.
    private let scales: [DecimalScale]
    private let labelWords: UnsafeMutablePointer<UInt64>
    private let labelStarts: [Int]
    private let isUnwrapped: Bool
    private let fixedBound: Int
    private var columns: [Column] = []

    init(_ indexes: Range<Int>, _ definitions: [ColumnDefinition], isUnwrapped: Bool) {
        self.isUnwrapped = isUnwrapped && definitions.count == 1
        let bare = self.isUnwrapped
        labels = definitions.enumerated().map { index, definition in
            bare ? [] : [index == 0 ? 0x7B : 0x2C] + JSONNames.quoted(definition.name) + [0x3A]
        }
        encodings = definitions.map { definition in
            switch definition.type {
            case .integer, .bigint, .time, .date, .timestamp: .word
            case .double: .double
            case .string: .text
            case .decimal: .decimal
            case .boolean, .bytes, .array, .map, .structure: .general
            }
        }
        scales = definitions.map { DecimalScale($0.type.asDecimal?.scale ?? 0) }
        fixedBound = zip(labels, scales).reduce(32) { $0 + $1.0.count + 48 + $1.1.digits }
        // Labels stand in whole words, so that copying one is a few stores.
        let wordCounts = labels.map { ($0.count + 7) / 8 }
        labelStarts = wordCounts.indices.map { wordCounts[..<$0].reduce(0, +) }
        let total = wordCounts.reduce(1, +)
        unsafe labelWords = .allocate(capacity: total)
        unsafe labelWords.initialize(repeating: 0, count: total)
        for (label, start) in zip(labels, labelStarts) {
            for (index, byte) in label.enumerated() { unsafe labelWords[start + index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        }
        super.init(indexes)
    }

    deinit { unsafe labelWords.deallocate() }

    override func begin(_ columns: [Column]) { self.columns = Array(columns[indexes]) }
    override func end() { columns = [] }

    override func encode(_ row: Int, to sink: ByteSink) -> ByteRange {
        var ranges: [ByteRange] = []
        encodeRows(.only([Int32(truncatingIfNeeded: row)]), present: [], to: sink, into: &ranges)
        return ranges[0]
    }

    override func encodeRows(_ rows: Selection, present: [Bool], to sink: ByteSink, into ranges: inout [ByteRange]) {
        ranges.makeRoom(for: rows.count)
        var written: [ByteRange] = []
        swap(&written, &ranges)
        let lanes = UnsafeMutablePointer<Lane>.allocate(capacity: columns.count + 1)
        defer { unsafe lanes.deallocate() }
        for (index, column) in columns.enumerated() {
            let label = unsafe UnsafePointer(labelWords + labelStarts[index])
            unsafe (lanes + index).initialize(
                to: Lane(
                    encoding: encodings[index], values: ColumnLane(column), scale: scales[index], label: label, labelLength: labels[index].count))
        }
        withExtendedLifetime(columns) {
            rows.forEach { row in
                if present.isEmpty || present[row] {
                    written.append(unsafe write(row, lanes, sink))
                } else {
                    written.append(.null)
                }
            }
        }
        swap(&written, &ranges)
    }

    @inline(__always) @unsafe private func write(_ row: Int, _ lanes: UnsafeMutablePointer<Lane>, _ sink: ByteSink) -> ByteRange {
        let start = sink.count
        let count = columns.count
        if isUnwrapped, let nulls = unsafe lanes[0].values.nulls, unsafe nulls[row] { return .null }
        var writer = unsafe JSONWriter(sink.reserve(bound(row, lanes, count)))
        if count == 0 { writer.putByte(0x7B) }
        for index in 0..<count {
            let lane = unsafe lanes + index
            unsafe writer.putLabel(lane.pointee.label, lane.pointee.labelLength)
            if let nulls = unsafe lane.pointee.values.nulls, unsafe nulls[row] {
                writer.put("null")
                continue
            }
            switch unsafe lane.pointee.encoding {
            case .word: unsafe writer.put(lane.pointee.values.words[row])
            case .double: unsafe writer.put(lane.pointee.values.doubles[row])
            case .decimal: unsafe writer.put(lane.pointee.values.wides[row], lane.pointee.scale)
            case .text:
                let range = unsafe lane.pointee.values.ranges[row]
                unsafe writer.putString(lane.pointee.values.bytes + Int(range.start), Int(range.length))
            case .general: writer.put(columns[index], row, .record)
            }
        }
        if !isUnwrapped { writer.putByte(0x7D) }
        unsafe sink.commit(writer.place)
        return sink.range(from: start)
    }

    @inline(__always) @unsafe private func bound(_ row: Int, _ lanes: UnsafeMutablePointer<Lane>, _ count: Int) -> Int {
        var bound = fixedBound
        for index in 0..<count {
            let lane = unsafe lanes + index
            if unsafe lane.pointee.encoding == .text {
                if let nulls = unsafe lane.pointee.values.nulls, unsafe nulls[row] { continue }
                bound += unsafe Int(lane.pointee.values.ranges[row].length) * 6
            } else if unsafe lane.pointee.encoding == .general {
                bound += JSONWriter.bound(columns[index], row)
            }
        }
        return bound
    }
}

extension JSONWriter {
    /// Copies a label in whole words; up to seven bytes more than `length` are written and overwritten later.
    @inline(__always) @unsafe mutating func putLabel(_ words: UnsafePointer<UInt64>, _ length: Int) {
        var offset = 0
        while offset < length {
            unsafe UnsafeMutableRawPointer(place + offset).storeBytes(of: words[offset >> 3], as: UInt64.self)
            offset += 8
        }
        unsafe skip(length)
    }
}
