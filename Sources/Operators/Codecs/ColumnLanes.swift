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

    /// Calls `body` with the lanes of all columns, which must not change meanwhile.
    static func with(_ columns: [Column], _ body: (UnsafeMutablePointer<ColumnLane>) -> Void) {
        let lanes = UnsafeMutablePointer<ColumnLane>.allocate(capacity: columns.count + 1)
        defer { unsafe lanes.deallocate() }
        for (index, column) in columns.enumerated() { unsafe (lanes + index).initialize(to: ColumnLane(column)) }
        withExtendedLifetime(columns) { unsafe body(lanes) }
    }

    /// The arrays of a column, valid while somebody holds it and nobody changes it. Not by closures inside each other, as many as there are
    /// columns: they would be as deep.
    init(_ column: Column) {
        let nothing = unsafe UnsafeRawPointer(bitPattern: 16).unsafelyUnwrapped
        // Of the lanes of numbers a column uses one.
        let numbers =
            switch column.lane {
            case .double: unsafe column.doubles.withUnsafeBytes { unsafe $0.baseAddress ?? nothing }
            case .wide: unsafe column.wides.withUnsafeBytes { unsafe $0.baseAddress ?? nothing }
            default: unsafe column.words.withUnsafeBytes { unsafe $0.baseAddress ?? nothing }
            }
        unsafe words = numbers.assumingMemoryBound(to: Int64.self)
        unsafe doubles = numbers.assumingMemoryBound(to: Double.self)
        unsafe wides = numbers.assumingMemoryBound(to: Int128.self)
        unsafe ranges = column.ranges.withUnsafeBytes { unsafe ($0.baseAddress ?? nothing).assumingMemoryBound(to: ByteRange.self) }
        unsafe bytes = column.bytes.withUnsafeBytes { unsafe ($0.baseAddress ?? nothing).assumingMemoryBound(to: UInt8.self) }
        unsafe nulls = column.nulls.withUnsafeBufferPointer { $0.isEmpty ? nil : $0.baseAddress }
    }
}
