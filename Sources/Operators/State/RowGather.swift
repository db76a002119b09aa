// Stored rows back into columns: the rows of a chunk are read together, one column after the other.

import Bytes
import Values

/// Reads rows in the compact row format (see RowCodec.swift), each from where it lies.
@safe final class RowGather {
    /// Where the reading of a row stands.
    @safe private struct Cursor: BitwiseCopyable {
        /// Nil for a row that is not to be read.
        var place: UnsafePointer<UInt8>?
        var end: UnsafePointer<UInt8>?

        /// Nowhere.
        init() { unsafe (place, end) = (nil, nil) }

        @inline(__always) init(_ bytes: StoredBytes) {
            let base = unsafe bytes.base.assumingMemoryBound(to: UInt8.self)
            unsafe (place, end) = (base, base + bytes.count)
        }
    }

    /// What stands in a row of the columns.
    enum Source {
        case row(RowPlace)
        /// Bytes that stay where they are until the last column has been read.
        case bytes(StoredBytes)
        /// NULL in every column.
        case nulls
        /// Nothing: the row stays as it is.
        case unread
    }

    private var cursors: [Cursor] = []

    /// Says where each of `count` rows comes from.
    @inline(__always) func begin(_ count: Int, _ source: (Int) -> Source) {
        var cursors: [Cursor] = []
        swap(&cursors, &self.cursors)
        defer { swap(&cursors, &self.cursors) }
        cursors.removeAll(keepingCapacity: true)
        cursors.reserveCapacity(count)
        for row in 0..<count {
            switch source(row) {
            case .row(let place): cursors.append(Cursor(place.row))
            case .bytes(let bytes): cursors.append(Cursor(bytes))
            case .nulls:
                // A row of no bytes: every value is missing. Their address is never read.
                cursors.append(Cursor(unsafe StoredBytes(UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped, 0)))
            case .unread: cursors.append(Cursor())
            }
        }
    }

    /// Reads the next column of all rows; `column` has been reset to as many. A value that is missing or damaged is NULL, and so are those
    /// behind it.
    func read(into column: Column) {
        let count = cursors.count
        unsafe cursors.withUnsafeMutableBufferPointer { buffer in
            guard let cursors = buffer.baseAddress else { return }
            switch column.lane {
            case .word: unsafe RowGather.readWords(cursors, count, column)
            case .text: unsafe RowGather.readTexts(cursors, count, column)
            case .double, .wide, .list, .map, .structure:
                for row in 0..<count {
                    guard var place = unsafe cursors[row].place, let end = unsafe cursors[row].end else { continue }
                    if unsafe !RowGather.read(&place, end, into: column, row) {
                        column.setNull(row)
                        unsafe place = unsafe end
                    }
                    unsafe cursors[row].place = unsafe place
                }
            }
        }
    }

    // MARK: Whole columns

    @unsafe private static func readWords(_ cursors: UnsafeMutablePointer<Cursor>, _ count: Int, _ column: Column) {
        unsafe column.words.withUnsafeMutableBufferPointer { words in
            for row in 0..<count {
                guard var place = unsafe cursors[row].place, let end = unsafe cursors[row].end else { continue }
                if unsafe place < end, unsafe place.pointee != 0 {
                    unsafe place += 1
                    if let value = unsafe varint(&place, end) {
                        unsafe words[row] = unzigzag(value)
                    } else {
                        unsafe fail(&place, end, column, row)
                    }
                } else {
                    unsafe skipNull(&place, end, column, row)
                }
                unsafe cursors[row].place = unsafe place
            }
        }
    }

    /// First the lengths, then the bytes of all rows.
    @unsafe private static func readTexts(_ cursors: UnsafeMutablePointer<Cursor>, _ count: Int, _ column: Column) {
        var bytes: [UInt8] = []
        swap(&bytes, &column.bytes)
        var total = bytes.count
        unsafe column.ranges.withUnsafeMutableBufferPointer { ranges in
            for row in 0..<count {
                guard var place = unsafe cursors[row].place, let end = unsafe cursors[row].end else { continue }
                unsafe ranges[row] = .null
                if unsafe place < end, unsafe place.pointee != 0 {
                    unsafe place += 1
                    if let length = unsafe varint(&place, end), unsafe length <= UInt64(truncatingIfNeeded: end - place) {
                        let count = Int(truncatingIfNeeded: length)
                        unsafe place += count
                        if let range = ByteRange(exactly: total, count: count) {
                            unsafe ranges[row] = range
                            total += count
                        } else {
                            column.setFailed(row)
                        }
                    } else {
                        unsafe fail(&place, end, column, row)
                    }
                } else {
                    unsafe skipNull(&place, end, column, row)
                }
                unsafe cursors[row].place = unsafe place
            }
            bytes.reserveCapacity(total)
            for row in 0..<count {
                guard let place = unsafe cursors[row].place, unsafe !ranges[row].isNull else { continue }
                let length = unsafe Int(ranges[row].length)
                unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: place - length, count: length))
            }
        }
        swap(&bytes, &column.bytes)
    }

    @inline(__always) @unsafe private static func skipNull(
        _ place: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ column: Column, _ row: Int
    ) {
        column.setNull(row)
        if unsafe place < end { unsafe place += 1 }
    }

    @inline(never) @unsafe private static func fail(
        _ place: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ column: Column, _ row: Int
    ) {
        column.setNull(row)
        unsafe place = unsafe end
    }

    // MARK: Single values

    @inline(__always) @unsafe private static func varint(_ place: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> UInt64? {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while unsafe place < end {
            let byte = unsafe place.pointee
            unsafe place += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { return nil }
        }
        return nil
    }

    @inline(__always) @unsafe private static func fixed<Word: FixedWidthInteger & BitwiseCopyable>(
        _ place: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, as type: Word.Type
    ) -> Word? {
        let size = MemoryLayout<Word>.size
        guard unsafe end - place >= size else { return nil }
        defer { unsafe place += size }
        return unsafe Word(littleEndian: UnsafeRawPointer(place).loadUnaligned(as: Word.self))
    }

    /// Reads a value into `row` of `column`; false where the bytes end too soon.
    @unsafe private static func read(
        _ place: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, into column: Column, _ row: Int
    ) -> Bool {
        guard unsafe place < end else { return false }
        let mark = unsafe place.pointee
        unsafe place += 1
        if mark == 0 {
            column.setNull(row)
            return true
        }
        switch column.lane {
        case .word:
            guard let value = unsafe varint(&place, end) else { return false }
            column.words[row] = unzigzag(value)
        case .double:
            guard let bits = unsafe fixed(&place, end, as: UInt64.self) else { return false }
            column.doubles[row] = Double(bitPattern: bits)
        case .wide:
            guard let bits = unsafe fixed(&place, end, as: UInt128.self) else { return false }
            column.wides[row] = Int128(truncatingIfNeeded: bits)
        case .text:
            guard let length = unsafe varint(&place, end), unsafe length <= UInt64(truncatingIfNeeded: end - place) else { return false }
            let count = Int(truncatingIfNeeded: length)
            unsafe column.setText(row, UnsafeBufferPointer(start: place, count: count))
            unsafe place += count
        case .list, .map: return unsafe readElements(&place, end, into: column, row)
        case .structure: for child in column.children { guard unsafe read(&place, end, into: child, row) else { return false } }
        }
        return true
    }

    @unsafe private static func readElements(
        _ place: inout UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, into column: Column, _ row: Int
    ) -> Bool {
        guard let length = unsafe varint(&place, end), unsafe length <= UInt64(truncatingIfNeeded: end - place) else { return false }
        let start = column.children[0].count
        let count = Int(truncatingIfNeeded: length)
        for child in column.children { child.grow(to: start + count) }
        for element in start..<start + count {
            for child in column.children { guard unsafe read(&place, end, into: child, element) else { return false } }
        }
        column.setRange(row, start: start, count: count)
        return true
    }
}
