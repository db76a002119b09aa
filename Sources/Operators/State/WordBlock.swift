// Whole numbers of many groups beside each other: what a changelog has of one column. Numbers of one column are often near each other, and
// then take a byte or two; all have the same width, so that neither writing nor reading asks a question for each.
//
//   8 bytes  the smallest number, little-endian
//   1 byte   the width: 0, 1, 2, 4 or 8
//   the rest for each number so many bytes, little-endian: what it is beyond the smallest

import Bytes

/// Writes and reads blocks of whole numbers.
enum WordBlock {
    /// Appends `values` at each of `groups`.
    static func put(_ values: some WordsByGroup, _ groups: ArraySlice<Int32>, to sink: ByteSink) {
        var (least, most) = (Int64.max, Int64.min)
        // The numbers lie all over the memory: they are fetched in a loop that does nothing else, and so many at a time.
        let words = unsafe [Int64](unsafeUninitializedCapacity: groups.count) { buffer, count in
            for group in groups {
                let value = values[Int(group)]
                unsafe buffer[count] = value
                least = min(least, value)
                most = max(most, value)
                count += 1
            }
        }
        if words.isEmpty { (least, most) = (0, 0) }
        // Right for any two numbers, as 64 bits without a sign.
        let reach = UInt64(bitPattern: most &- least)
        let width = reach == 0 ? 0 : reach <= 0xFF ? 1 : reach <= 0xFFFF ? 2 : reach <= 0xFFFF_FFFF ? 4 : 8
        let start = unsafe sink.reserve(headerBytes + words.count * width)
        unsafe UnsafeMutableRawPointer(start).storeBytes(of: least.littleEndian, as: Int64.self)
        unsafe start[8] = UInt8(truncatingIfNeeded: width)
        let place = unsafe UnsafeMutableRawPointer(start + headerBytes)
        switch width {
        case 1: unsafe store(words, least, UInt8.self, at: place)
        case 2: unsafe store(words, least, UInt16.self, at: place)
        case 4: unsafe store(words, least, UInt32.self, at: place)
        case 8: unsafe store(words, least, UInt64.self, at: place)
        default: break
        }
        unsafe sink.commit(start + headerBytes + words.count * width)
    }

    @inline(__always) @unsafe private static func store<Word: FixedWidthInteger>(
        _ words: [Int64], _ least: Int64, _: Word.Type, at place: UnsafeMutableRawPointer
    ) {
        let size = MemoryLayout<Word>.size
        for (index, word) in words.enumerated() {
            unsafe place.storeBytes(of: Word(truncatingIfNeeded: word &- least).littleEndian, toByteOffset: index * size, as: Word.self)
        }
    }

    /// Reads a number for each of `groups` into `values`; false when the bytes are damaged.
    static func read(_ reader: inout RowReader, _ groups: [Int32], into values: StateWords) -> Bool {
        guard let words = words(&reader, groups.count) else { return false }
        for (place, group) in groups.enumerated() { values[Int(group)] = words[place] }
        return true
    }

    /// Reads so many numbers; nil when the bytes are damaged.
    static func words(_ reader: inout RowReader, _ count: Int) -> [Int64]? {
        guard let bits = reader.fixed(), let width = reader.byte(), [0, 1, 2, 4, 8].contains(width) else { return nil }
        let least = Int64(bitPattern: bits)
        if width == 0 { return Array(repeating: least, count: count) }
        return unsafe reader.withBytes(count, times: Int(width)) { bytes in
            unsafe [Int64](unsafeUninitializedCapacity: count) { buffer, done in
                for index in 0..<count {
                    let place = index * Int(width)
                    let beyond =
                        switch width {
                        case 1: unsafe UInt64(bytes[place])
                        case 2: unsafe UInt64(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self)))
                        case 4: unsafe UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
                        default: unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                        }
                    unsafe buffer[index] = least &+ Int64(bitPattern: beyond)
                }
                done = count
            }
        }
    }

    private static let headerBytes = 9
}
