// The hot path of the binary formats: what stands at the top of a record and is no list, map or record is written in one loop over the row's
// fields; everything else by its part.

import Bytes
import Values

/// One field of the root.
struct BinaryWriteStep {
    enum Kind: UInt8 {
        case boolean, float, double, text, fixed32, fixed64
        /// Whole numbers of seven bits a byte: as they are, or by zigzag; `int` only where they fit 32 bits.
        case varint, zigzag, int
        /// The unscaled number of a decimal, big-endian: behind its length by zigzag, or as the message of Confluent's Protobuf.
        case decimal, decimalMessage
        /// Written by its part.
        case general
    }

    /// What a NULL is.
    enum Absence {
        case refused, left
        case byte(UInt8)
    }

    var kind: Kind
    /// The column.
    var column: Int
    /// Bytes in front of a value that is not NULL, the first one lowest: a tag, or the branch of a union.
    var prefix: UInt64 = 0
    var prefixCount = 0
    var null = Absence.refused
    /// Zero, false and texts of no bytes are not written.
    var leavesZero = false
    /// By how many bits the length of a text is shifted: one where it is written by zigzag.
    var lengthShift: UInt64 = 0
    /// Of a message, the bytes behind the number: precision and scale.
    var suffix: UInt64 = 0
    var suffixCount = 0
    /// Of the encoder's parts.
    var part: Int

    /// Appends to the bytes in front of a value. There is room for eight.
    mutating func putPrefix(_ bytes: [UInt8]) {
        for byte in bytes {
            prefix |= UInt64(byte) << UInt64(8 * prefixCount)
            prefixCount += 1
        }
    }
}

/// Writes rows by steps.
@safe class SteppedSideEncoder: RegistrySideEncoder {
    private let steps: [BinaryWriteStep]
    private let textColumns: [Int]
    /// Bytes of a row beside its texts and what its parts write.
    private let fixedBound: Int
    /// The fields of the single column, a STRUCT, are those of the record.
    private let isFlat: Bool

    init(_ indexes: Range<Int>, header: [UInt8], isUnwrapped: Bool, isFlat: Bool, _ steps: [BinaryWriteStep]) {
        self.steps = steps
        self.isFlat = isFlat
        textColumns = steps.filter { $0.kind == .text }.map(\.column)
        // A prefix and a number or the length of a text, and room behind them to write words whole.
        fixedBound = header.count + 16 + steps.count * 40
        super.init(indexes, header: header, isUnwrapped: isUnwrapped)
    }

    /// The columns of the record's fields.
    final var fieldColumns: [Column] { isFlat ? columns[0].children : columns }

    /// Writes the part of a step of kind `general`; the reason why it cannot be written, or nil.
    func write(part: Int, _ row: Int, to sink: ByteSink) -> String? { nil }

    override func encodeRows(_ rows: Selection, present: [Bool], to sink: ByteSink, into ranges: inout [ByteRange]) {
        ranges.makeRoom(for: rows.count)
        var written: [ByteRange] = []
        swap(&written, &ranges)
        let whole = isUnwrapped ? columns[0] : nil
        unsafe ColumnLane.with(fieldColumns) { lanes in
            rows.forEach { row in
                if !present.isEmpty && !present[row] || whole?.isNull(row) == true { return written.append(.null) }
                let start = sink.count
                putHeader(sink)
                if let problem = unsafe put(row, lanes, sink) {
                    sink.truncate(to: start)
                    failures.append((row, problem))
                    return written.append(.null)
                }
                written.append(sink.range(from: start))
            }
        }
        swap(&written, &ranges)
    }

    @inline(__always) @unsafe private func put(_ row: Int, _ lanes: UnsafeMutablePointer<ColumnLane>, _ sink: ByteSink) -> String? {
        var bound = fixedBound
        for column in textColumns where !(unsafe lanes[column].isNull(row)) { bound += unsafe Int(lanes[column].ranges[row].length) }
        var place = unsafe sink.reserve(bound)
        for step in steps {
            if step.kind == .general {
                unsafe sink.commit(place)
                if let problem = write(part: step.part, row, to: sink) { return problem }
                unsafe place = sink.reserve(bound)
                continue
            }
            let lane = unsafe lanes + step.column
            if unsafe lane.pointee.isNull(row) {
                switch step.null {
                case .refused: return "a value is NULL that must not be"
                case .left: break
                case .byte(let byte):
                    unsafe place.pointee = byte
                    unsafe place += 1
                }
                continue
            }
            if step.leavesZero, unsafe step.isZero(lane, row) { continue }
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: step.prefix.littleEndian, as: UInt64.self)
            unsafe place += step.prefixCount
            if step.kind == .int, unsafe Int32(exactly: lane.pointee.words[row]) == nil { return unsafe "\(lane.pointee.words[row]) is no int" }
            unsafe place = step.put(lane, row, at: place)
        }
        unsafe sink.commit(place)
        return nil
    }
}

extension BinaryWriteStep {
    @inline(__always) @unsafe fileprivate func isZero(_ lane: UnsafeMutablePointer<ColumnLane>, _ row: Int) -> Bool {
        switch kind {
        case .text: unsafe lane.pointee.ranges[row].length == 0
        case .float, .double: unsafe lane.pointee.doubles[row].bitPattern == 0
        default: unsafe lane.pointee.words[row] == 0
        }
    }

    /// Writes a value behind its prefix and gives the place behind it.
    @inline(__always) @unsafe fileprivate func put(
        _ lane: UnsafeMutablePointer<ColumnLane>, _ row: Int, at place: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        switch kind {
        case .zigzag, .int: return unsafe RowWriter.put(varint: zigzag(lane.pointee.words[row]), at: place)
        case .varint: return unsafe RowWriter.put(varint: UInt64(bitPattern: lane.pointee.words[row]), at: place)
        case .text:
            let range = unsafe lane.pointee.ranges[row]
            let start = unsafe RowWriter.put(varint: UInt64(UInt32(bitPattern: range.length)) &<< lengthShift, at: place)
            unsafe start.update(from: lane.pointee.bytes + Int(range.start), count: Int(range.length))
            return unsafe start + Int(range.length)
        case .double, .fixed64:
            let bits = unsafe kind == .double ? lane.pointee.doubles[row].bitPattern : UInt64(bitPattern: lane.pointee.words[row])
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: bits.littleEndian, as: UInt64.self)
            return unsafe place + 8
        case .float, .fixed32:
            let bits = unsafe kind == .float
                ? Float(lane.pointee.doubles[row]).bitPattern : UInt32(truncatingIfNeeded: lane.pointee.words[row])
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: bits.littleEndian, as: UInt32.self)
            return unsafe place + 4
        case .boolean:
            unsafe place.pointee = lane.pointee.words[row] != 0 ? 1 : 0
            return unsafe place + 1
        case .decimal, .decimalMessage: return unsafe putDecimal(lane.pointee.wides[row], at: place)
        case .general: return unsafe place
        }
    }

    @inline(__always) @unsafe private func putDecimal(_ value: Int128, at start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        var place = unsafe start
        let count = ByteSink.bigEndianCount(value)
        if kind == .decimal {
            unsafe place.pointee = UInt8(truncatingIfNeeded: count << 1)
            unsafe place += 1
        } else {
            unsafe place[0] = UInt8(truncatingIfNeeded: 2 + count + suffixCount)
            unsafe place[1] = 1 << 3 | 2
            unsafe place[2] = UInt8(truncatingIfNeeded: count)
            unsafe place += 3
        }
        unsafe ByteSink.put(bigEndian: value, count: count, at: place)
        unsafe place += count
        unsafe UnsafeMutableRawPointer(place).storeBytes(of: suffix.littleEndian, as: UInt64.self)
        return unsafe place + suffixCount
    }
}
