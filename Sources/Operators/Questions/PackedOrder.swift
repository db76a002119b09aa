// The order of rows whose sort keys are numbers: where the numbers that occur fit 64 bits together, they are sorted digit by digit, which needs
// no comparisons and keeps equal rows as they came.

import Values

/// Rows in order, with their keys.
struct PackedOrder {
    /// The rows, by number.
    private(set) var rows: [Int32]
    /// The key of each of them: all numbers in one, the first one above the second.
    private(set) var keys: [UInt64]
    /// How many bits of a key are the second number.
    let lowBits: Int

    /// Bits that are sorted at once: as many counts fit the first cache.
    private static let digitBits = 11

    /// The order of rows whose first numbers are the upper halves of `numbers`, and whose second ones the lower halves; nil when those need
    /// more bits.
    init?(_ numbers: [UInt128], _ check: () throws(DataflowError) -> Void) throws(DataflowError) {
        guard let first = numbers.first else { return nil }
        var (leastHigh, mostHigh) = (UInt64(truncatingIfNeeded: first >> 64), UInt64(truncatingIfNeeded: first >> 64))
        var (leastLow, mostLow) = (UInt64(truncatingIfNeeded: first), UInt64(truncatingIfNeeded: first))
        for number in numbers {
            let (high, low) = (UInt64(truncatingIfNeeded: number >> 64), UInt64(truncatingIfNeeded: number))
            leastHigh = min(leastHigh, high)
            mostHigh = max(mostHigh, high)
            leastLow = min(leastLow, low)
            mostLow = max(mostLow, low)
        }
        let highBits = 64 - (mostHigh - leastHigh).leadingZeroBitCount
        let lowBits = 64 - (mostLow - leastLow).leadingZeroBitCount
        guard highBits + lowBits <= 64 else { return nil }
        self.lowBits = lowBits
        let shift = UInt64(lowBits)
        var (keys, rows): ([UInt64], [Int32]) = ([], [])
        keys.reserveCapacity(numbers.count)
        rows.reserveCapacity(numbers.count)
        var isSorted = true
        var last: UInt64 = 0
        for (row, number) in numbers.enumerated() {
            let high = UInt64(truncatingIfNeeded: number >> 64) &- leastHigh
            let key = (lowBits == 64 ? 0 : high << shift) | (UInt64(truncatingIfNeeded: number) &- leastLow)
            isSorted = isSorted && key >= last
            last = key
            keys.append(key)
            rows.append(Int32(truncatingIfNeeded: row))
        }
        (self.keys, self.rows) = (keys, rows)
        try check()
        if !isSorted { try sort(bits: highBits + lowBits, check) }
    }

    /// Sorts by one digit after the other, from the lowest one up.
    private mutating func sort(bits: Int, _ check: () throws(DataflowError) -> Void) throws(DataflowError) {
        var (sortedKeys, sortedRows) = ([UInt64](repeating: 0, count: keys.count), [Int32](repeating: 0, count: keys.count))
        let mask = UInt64(1) << UInt64(PackedOrder.digitBits) - 1
        for shift in stride(from: UInt64(0), to: UInt64(bits), by: PackedOrder.digitBits) {
            var places = [Int](repeating: 0, count: 1 << PackedOrder.digitBits)
            for key in keys { places[Int(truncatingIfNeeded: key >> shift & mask)] &+= 1 }
            var next = 0
            for digit in places.indices {
                let count = places[digit]
                places[digit] = next
                next += count
            }
            for index in keys.indices {
                let key = keys[index]
                let digit = Int(truncatingIfNeeded: key >> shift & mask)
                let place = places[digit]
                places[digit] = place &+ 1
                sortedKeys[place] = key
                sortedRows[place] = rows[index]
            }
            swap(&keys, &sortedKeys)
            swap(&rows, &sortedRows)
            try check()
        }
    }
}
