// The order of byte strings, as memcmp has it.

/// Below 0 where the bytes of `range` come before those of `otherRange`, 0 where they are equal, above 0 where they come after them. A string
/// comes before the longer ones that begin with it. Both ranges lie in their bytes.
package func compare(_ bytes: [UInt8], _ range: Range<Int>, with other: [UInt8], _ otherRange: Range<Int>) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range lies in the bytes")
    precondition(otherRange.lowerBound >= 0 && otherRange.upperBound <= other.count, "the range lies in the bytes")
    return unsafe bytes.withUnsafeBytes { left in
        unsafe other.withUnsafeBytes { right in
            let shared = min(range.count, otherRange.count)
            var place = 0
            while place + 8 <= shared {
                let a = unsafe left.loadUnaligned(fromByteOffset: range.lowerBound + place, as: UInt64.self)
                let b = unsafe right.loadUnaligned(fromByteOffset: otherRange.lowerBound + place, as: UInt64.self)
                if a != b { return a.bigEndian < b.bigEndian ? -1 : 1 }
                place += 8
            }
            while place < shared {
                let (a, b) = unsafe (left[range.lowerBound + place], right[otherRange.lowerBound + place])
                if a != b { return a < b ? -1 : 1 }
                place += 1
            }
            return range.count - otherRange.count
        }
    }
}
