// How the cost of a row grows, drawn as SVG: a panel for each thing that it may grow with, both scales logarithmic, so that a cost which
// stays what it is lies flat and one which doubles rises by the same everywhere. The colours are told from each other, and from the ground,
// on light and on dark pages.

import Glibc

/// What is drawn in one panel.
package struct GrowthPanel: Hashable, Sendable {
    /// A cost at one place.
    package struct Point: Hashable, Sendable {
        /// How much there was of what the cost may grow with.
        package let value: Int
        /// Microseconds for a row by the clock.
        package let elapsed: Double
        /// Microseconds of processor time for a row, where they were measured.
        package let processor: Double?
    }

    /// With what the cost may grow.
    package let axis: GrowthAxis
    /// From the least to the most.
    package let points: [Point]

    /// The panels of what was measured, without those of which nothing was.
    package static func all(of results: [BenchmarkResult]) -> [GrowthPanel] {
        GrowthAxis.allCases.compactMap { axis in
            let points = results.compactMap { point($0, axis) }.sorted { $0.value < $1.value }
            return points.isEmpty ? nil : GrowthPanel(axis: axis, points: points)
        }
    }

    private static func point(_ result: BenchmarkResult, _ axis: GrowthAxis) -> Point? {
        guard let point = result.point, point.axis == axis, point.value > 0, let nanoseconds = result.nanosecondsPerRow else { return nil }
        // The processor time is told for each query already.
        let share = axis == .queries ? Double(point.value) : 1
        let processor = result.processorSeconds.flatMap { $0 > 0 ? $0 : nil }
        return Point(value: point.value, elapsed: nanoseconds / 1000 / share, processor: processor)
    }

    var title: String {
        switch axis {
        case .groups: "GROUP BY: cost by number of groups"
        case .queries: "Many filters: cost by number of queries"
        case .partitions: "GROUP BY: cost by number of partitions"
        case .logBytes: "GROUP BY: cost by length of the log"
        }
    }

    /// What stands below the panel.
    var below: String {
        switch axis {
        case .groups: "groups"
        case .queries: "queries"
        case .partitions: "partitions"
        case .logBytes: "log before the rows"
        }
    }

    /// What stands beside it.
    var beside: String { axis == .queries ? "µs for a row and query" : "µs for a row" }

    /// A number of the lower axis, as it is said.
    func label(_ value: Int) -> String {
        if axis == .logBytes {
            let mebibytes = value >> 20
            return mebibytes >= 1024 ? GrowthScale.label(Double(mebibytes) / 1024) + " GiB" : "\(mebibytes) MiB"
        }
        return GrowthScale.label(Double(value))
    }
}

/// A logarithmic scale.
package struct GrowthScale {
    let least: Double
    let most: Double

    /// One that holds all of these figures, which are above 0, from a round number to a round number.
    init(around figures: [Double]) {
        let low = figures.min() ?? 1, high = figures.max() ?? 1
        let below = GrowthScale.round(upTo: low).last ?? low
        let above = GrowthScale.round(from: high)
        least = below < above ? below : above / 2
        most = above
    }

    /// Where a figure stands, from 0 to 1.
    func place(_ figure: Double) -> Double { log10(figure / least) / log10(most / least) }

    /// The round numbers on it: all of them, or powers of ten where these would be many.
    var marks: [Double] {
        let all = GrowthScale.round(upTo: most).filter { $0 >= least * 0.999 }
        return all.count <= 7 ? all : all.filter { abs(log10($0) - log10($0).rounded()) < 0.01 }
    }

    /// 1, 2 and 5 times the powers of ten, within reason.
    private static func round(upTo most: Double) -> [Double] {
        (-9...18).flatMap { power in [1, 2, 5].map { $0 * pow(10, Double(power)) } }.filter { $0 <= most * 1.001 }
    }

    private static func round(from figure: Double) -> Double {
        (-9...18).flatMap { power in [1, 2, 5].map { $0 * pow(10, Double(power)) } }.first { $0 >= figure * 0.999 } ?? figure
    }

    /// A number in a few characters: `0.05`, `20`, `1 k`, `2.5 M`.
    package static func label(_ figure: Double) -> String {
        for (size, name) in [(1e9, " G"), (1e6, " M"), (1e3, " k")] where figure >= size * 0.9995 { return digits(figure / size) + name }
        return digits(figure)
    }

    /// Three digits, without zeros at the end.
    private static func digits(_ figure: Double) -> String {
        let places = figure >= 99.95 ? 0 : figure >= 9.995 ? 1 : figure >= 0.9995 ? 2 : 5
        let unit = pow(10, Double(places))
        let scaled = Int(clamping: Int64((figure * unit).rounded()))
        let fraction = scaled % Int(unit)
        var text = String(fraction)
        text = String(repeating: "0", count: max(0, places - text.count)) + text
        while text.hasSuffix("0") { text.removeLast() }
        let whole = String(scaled / Int(unit))
        return text.isEmpty || fraction == 0 ? whole : whole + "." + text
    }
}
