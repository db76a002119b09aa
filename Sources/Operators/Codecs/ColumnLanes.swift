// Columns as the loop of an encoder sees them: bare pointers into their arrays, valid for one call.

import Bytes

/// A column's arrays. Those that its lane does not use point nowhere and must not be read.
@safe struct ColumnLane {
    let words: UnsafePointer<Int64>
    let doubles: UnsafePointer<Double>
    let wides: UnsafePointer<Int128>
    let ranges: UnsafePointer<ByteRange>
    let bytes: UnsafePointer<UInt8>
    /// Nil where no row is NULL.
    let nulls: UnsafePointer<Bool>?

    @inline(__always) func isNull(_ row: Int) -> Bool { unsafe nulls.map { unsafe $0[row] } ?? false }

    /// Calls `body` with the lanes of all columns.
    static func with(_ columns: [Column], _ body: (UnsafeMutablePointer<ColumnLane>) -> Void) {
        let lanes = UnsafeMutablePointer<ColumnLane>.allocate(capacity: columns.count + 1)
        defer { unsafe lanes.deallocate() }
        unsafe fill(columns[...], lanes) { unsafe body(lanes) }
    }

    @unsafe private static func fill(_ columns: ArraySlice<Column>, _ lane: UnsafeMutablePointer<ColumnLane>, _ body: () -> Void) {
        guard let column = columns.first else { return body() }
        let nothing = UnsafeRawPointer(lane)
        // Of the lanes of numbers a column uses one.
        @unsafe func withNumbers(_ body: (UnsafeRawPointer) -> Void) {
            switch column.lane {
            case .double: unsafe column.doubles.withUnsafeBytes { unsafe body($0.baseAddress ?? nothing) }
            case .wide: unsafe column.wides.withUnsafeBytes { unsafe body($0.baseAddress ?? nothing) }
            default: unsafe column.words.withUnsafeBytes { unsafe body($0.baseAddress ?? nothing) }
            }
        }
        unsafe withNumbers { numbers in
            unsafe column.ranges.withUnsafeBytes { ranges in
                unsafe column.bytes.withUnsafeBytes { bytes in
                    unsafe column.nulls.withUnsafeBufferPointer { nulls in
                        unsafe lane.initialize(
                            to: ColumnLane(
                                words: numbers.assumingMemoryBound(to: Int64.self), doubles: numbers.assumingMemoryBound(to: Double.self),
                                wides: numbers.assumingMemoryBound(to: Int128.self),
                                ranges: (ranges.baseAddress ?? nothing).assumingMemoryBound(to: ByteRange.self),
                                bytes: (bytes.baseAddress ?? nothing).assumingMemoryBound(to: UInt8.self),
                                nulls: nulls.isEmpty ? nil : nulls.baseAddress))
                        unsafe fill(columns.dropFirst(), lane + 1, body)
                    }
                }
            }
        }
    }
}
