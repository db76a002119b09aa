// Times by how often each occurred, in little memory: log-linear, as HdrHistogram counts (G. Tene). Every power of two is cut into equally
// wide cells, so that each time is kept to within a hundredth of itself, from nanoseconds to centuries.

/// Counts nanoseconds.
package struct LatencyHistogram: Hashable, Sendable {
    /// Values below this have a cell each; every power of two from there on has half as many cells.
    private static let exact = 256
    /// The bits of a value that its cell keeps.
    private static let bits = 8

    private var cells: [Int] = []
    /// How many times have been counted.
    package private(set) var count = 0
    /// The shortest time; 0 while there is none.
    package private(set) var least: Int64 = 0
    /// The longest time.
    package private(set) var most: Int64 = 0

    /// An empty histogram.
    package init() {}

    /// Counts a time, `times` over. One below 0 counts as 0.
    package mutating func add(_ nanoseconds: Int64, times: Int = 1) {
        guard times > 0 else { return }
        let value = max(0, nanoseconds)
        let cell = LatencyHistogram.cell(of: value)
        if cell >= cells.count { cells.append(contentsOf: repeatElement(0, count: cell + 1 - cells.count)) }
        cells[cell] += times
        least = count == 0 ? value : min(least, value)
        most = max(most, value)
        count += times
    }

    /// Counts everything that another one has counted.
    package mutating func add(_ other: LatencyHistogram) {
        guard other.count > 0 else { return }
        if other.cells.count > cells.count { cells.append(contentsOf: repeatElement(0, count: other.cells.count - cells.count)) }
        for (cell, times) in other.cells.enumerated() { cells[cell] += times }
        least = count == 0 ? other.least : min(least, other.least)
        most = max(most, other.most)
        count += other.count
    }

    /// The time that a share of all (0 to 1) do not exceed, at most a hundredth too long; 0 while there is none.
    package func quantile(_ share: Double) -> Int64 {
        guard count > 0 else { return 0 }
        // The rank from 1 of the time that is asked for.
        let wanted = min(count, max(1, Int((Double(count) * share).rounded(.up))))
        var seen = 0
        for (cell, times) in cells.enumerated() {
            seen += times
            if seen >= wanted { return min(most, max(least, LatencyHistogram.longest(in: cell))) }
        }
        return most
    }

    private static func cell(of value: Int64) -> Int {
        let length = Int64.bitWidth - value.leadingZeroBitCount
        guard length > bits else { return Int(value) }
        let dropped = length - bits
        return dropped * (exact / 2) + Int(value >> Int64(dropped))
    }

    private static func longest(in cell: Int) -> Int64 {
        guard cell >= exact else { return Int64(cell) }
        let dropped = cell / (exact / 2) - 1
        let kept = Int64(cell - dropped * (exact / 2))
        return (kept << Int64(dropped)) | ((1 << Int64(dropped)) - 1)
    }
}
