// The rows of a batch in the compact row format (see RowCodec.swift), made column by column: first the size of every row, then the bytes.

import Bytes
import Values

/// Rows as bytes by their place in the batch's selection.
@safe final class PackedRows {
    private let sink = ByteSink()
    /// Where each row's bytes begin, and where the last one's end.
    private var starts: [Int] = []
    private var cursors: [Int] = []

    /// Bytes of memory.
    var memory: Int { sink.capacity + (starts.capacity + cursors.capacity) * 8 }

    /// Packs the selected rows for which `present` holds (all when it is empty); the others have no bytes. Empty columns, which the query
    /// does not need, are packed as NULL. Rows from that on with which there are `limit` bytes or more are left out. Gives how many rows of
    /// the selection were looked at.
    @discardableResult
    func pack(_ columns: [Column], _ rows: Selection, present: [Bool], atMost limit: Int = .max) -> Int {
        sink.truncate(to: 0)
        // A rare giant gives its memory back.
        if sink.capacity > 2 * OutputLimits.sliceBytes { sink.releaseMemory() }
        let count = measure(columns, rows, present, limit)
        cursors.removeAll(keepingCapacity: true)
        cursors.append(contentsOf: starts)
        let total = starts[count]
        let base = unsafe sink.reserve(total)
        let packed = rows.prefix(count)
        unsafe cursors.withUnsafeMutableBufferPointer { cursors in
            guard let cursors = cursors.baseAddress else { return }
            for column in columns { unsafe PackedRows.write(column, packed, present, base, cursors) }
        }
        unsafe sink.commit(base + total)
        return count
    }

    /// Sets where each row begins; gives the number of rows that come to less than `limit` bytes, and one more.
    private func measure(_ columns: [Column], _ rows: Selection, _ present: [Bool], _ limit: Int) -> Int {
        let count = rows.count
        starts.removeAll(keepingCapacity: true)
        starts.append(contentsOf: repeatElement(0, count: count + 1))
        return unsafe starts.withUnsafeMutableBufferPointer { starts in
            guard let sizes = starts.baseAddress else { return 0 }
            for column in columns { unsafe PackedRows.addSizes(column, rows, present, to: sizes + 1) }
            for place in 0..<count {
                if !present.isEmpty, !present[rows[place]] { unsafe sizes[place + 1] = 0 }
                unsafe sizes[place + 1] += sizes[place]
                if unsafe sizes[place + 1] >= limit { return place + 1 }
            }
            return count
        }
    }

    /// Frees the memory of rows that were large.
    func releaseMemory() {
        sink.truncate(to: 0)
        sink.releaseMemory()
    }

    /// The row at a place of the selection, valid until the next batch.
    @inline(__always) subscript(place: Int) -> StoredBytes {
        unsafe StoredBytes(sink.base + starts[place], starts[place + 1] - starts[place])
    }

    // MARK: Sizes

    /// Adds the size of each row's value to `sizes`; that of a row which is not present means nothing.
    @unsafe private static func addSizes(
        _ column: Column, _ rows: Selection, _ present: [Bool], to sizes: UnsafeMutablePointer<Int>
    ) {
        if column.count == 0 {
            for place in 0..<rows.count { unsafe sizes[place] += 1 }
            return
        }
        let nulls = column.nulls
        switch column.lane {
        case .word:
            unsafe column.words.withUnsafeBufferPointer { words in
                rows.forEachPlace { place, row in
                    unsafe sizes[place] += nulls.isEmpty || !nulls[row] ? 1 + RowWriter.size(ofWord: words[row]) : 1
                }
            }
        case .text:
            unsafe column.ranges.withUnsafeBufferPointer { ranges in
                rows.forEachPlace { place, row in
                    guard nulls.isEmpty || !nulls[row] else { return unsafe sizes[place] += 1 }
                    let length = unsafe Int(ranges[row].length)
                    unsafe sizes[place] += 1 + RowWriter.size(ofVarint: UInt64(truncatingIfNeeded: length)) + length
                }
            }
        case .double, .wide, .list, .map, .structure:
            rows.forEachPlace { place, row in
                // Elements of a row that is not present must not be looked at.
                if present.isEmpty || present[row] { unsafe sizes[place] += RowWriter.size(column, row) }
            }
        }
    }

    // MARK: Bytes

    /// Writes each row's value at its cursor, and moves that behind it.
    @unsafe private static func write(
        _ column: Column, _ rows: Selection, _ present: [Bool], _ base: UnsafeMutablePointer<UInt8>, _ cursors: UnsafeMutablePointer<Int>
    ) {
        let nulls = column.nulls
        let isEmpty = column.count == 0
        func loop(_ body: (Int, UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8>) {
            rows.forEachPlace { place, row in
                if !present.isEmpty, !present[row] { return }
                let start = unsafe base + cursors[place]
                if isEmpty || !nulls.isEmpty && nulls[row] {
                    unsafe start.pointee = 0
                    unsafe cursors[place] += 1
                } else {
                    unsafe start.pointee = 1
                    unsafe cursors[place] = unsafe body(row, start + 1) - base
                }
            }
        }
        switch column.lane {
        case .word:
            unsafe column.words.withUnsafeBufferPointer { words in
                unsafe loop { row, place in unsafe RowWriter.put(varint: zigzag(words[row]), at: place) }
            }
        case .text:
            unsafe column.ranges.withUnsafeBufferPointer { ranges in
                unsafe column.bytes.withUnsafeBufferPointer { bytes in
                    unsafe loop { row, place in unsafe RowWriter.put(text: ranges[row], of: bytes, at: place) }
                }
            }
        case .double, .wide, .list, .map, .structure:
            unsafe loop { row, place in unsafe RowWriter.put(valueOf: column, row, at: place) }
        }
    }
}

extension Selection {
    /// Calls `body` with each place of the selection and the row there.
    @inline(__always) func forEachPlace(_ body: (_ place: Int, _ row: Int) -> Void) {
        if isDense {
            for row in 0..<count { body(row, row) }
        } else {
            for place in 0..<count { body(place, Int(rows[place])) }
        }
    }
}

extension RowWriter {
    @inline(__always) static func size(ofVarint value: UInt64) -> Int { (63 - (value | 1).leadingZeroBitCount) / 7 + 1 }

    @inline(__always) static func size(ofWord value: Int64) -> Int { size(ofVarint: zigzag(value)) }

    /// Bytes of a value, its first byte included.
    static func size(_ column: Column, _ row: Int) -> Int {
        if column.isNull(row) { return 1 }
        switch column.lane {
        case .word: return 1 + size(ofWord: column.words[row])
        case .double: return 9
        case .wide: return 17
        case .text:
            let length = Int(column.ranges[row].length)
            return 1 + size(ofVarint: UInt64(truncatingIfNeeded: length)) + length
        case .list, .map:
            let elements = column.elements(row)
            return elements.reduce(1 + size(ofVarint: UInt64(truncatingIfNeeded: elements.count))) { sum, element in
                column.children.reduce(sum) { $0 + size($1, element) }
            }
        case .structure: return column.children.reduce(1) { $0 + size($1, row) }
        }
    }

    /// Writes a varint and gives the place behind it.
    @inline(__always) @unsafe static func put(varint value: UInt64, at place: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        var (rest, place) = unsafe (value, place)
        while rest >= 0x80 {
            unsafe place.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            unsafe place += 1
            rest >>= 7
        }
        unsafe place.pointee = UInt8(truncatingIfNeeded: rest)
        return unsafe place + 1
    }

    /// Writes a text with its length and gives the place behind it.
    @inline(__always) @unsafe static func put(
        text range: ByteRange, of bytes: UnsafeBufferPointer<UInt8>, at place: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<UInt8> {
        let length = Int(range.length)
        let start = unsafe put(varint: UInt64(truncatingIfNeeded: length), at: place)
        if length > 0, let base = bytes.baseAddress { unsafe start.update(from: base + Int(range.start), count: length) }
        return unsafe start + length
    }

    /// Writes a value that is not NULL, without its first byte, and gives the place behind it.
    @unsafe static func put(valueOf column: Column, _ row: Int, at start: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        var place = unsafe start
        switch column.lane {
        case .word: return unsafe put(varint: zigzag(column.words[row]), at: place)
        case .double:
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: column.doubles[row].bitPattern.littleEndian, as: UInt64.self)
            return unsafe place + 8
        case .wide:
            unsafe UnsafeMutableRawPointer(place).storeBytes(of: UInt128(bitPattern: column.wides[row]).littleEndian, as: UInt128.self)
            return unsafe place + 16
        case .text: return unsafe column.bytes.withUnsafeBufferPointer { unsafe put(text: column.ranges[row], of: $0, at: place) }
        case .list, .map:
            let elements = column.elements(row)
            unsafe place = unsafe put(varint: UInt64(truncatingIfNeeded: elements.count), at: place)
            for element in elements {
                for child in column.children { unsafe place = unsafe put(child, element, at: place) }
            }
            return unsafe place
        case .structure:
            for child in column.children { unsafe place = unsafe put(child, row, at: place) }
            return unsafe place
        }
    }

    /// Writes a value and gives the place behind it.
    @unsafe private static func put(_ column: Column, _ row: Int, at place: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        unsafe place.pointee = column.isNull(row) ? 0 : 1
        return unsafe column.isNull(row) ? place + 1 : put(valueOf: column, row, at: place + 1)
    }
}
