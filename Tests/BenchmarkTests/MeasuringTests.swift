import Benchmark
import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

@Suite struct LatencyHistogramTests {
    /// Every time is told to within a hundredth of itself, never too short.
    @Test func timesKeepTheirSize() {
        for exponent in 0..<62 {
            let power: Int64 = 1 << exponent
            let values: [Int64] = [power, power + 1, power + power / 2, power + (power - 1)]
            for value in values {
                var histogram = LatencyHistogram()
                histogram.add(value)
                histogram.add(.max)
                let told = histogram.quantile(0.5)
                #expect(told >= value && Double(told - value) <= Double(value) / 100, "\(value) is told as \(told)")
            }
        }
    }

    @Test func quantilesAreThoseOfTheSortedTimes() {
        var histogram = LatencyHistogram()
        var random = SystemRandomNumberGenerator()
        let times = (0..<10_000).map { _ in Int64.random(in: 0...50_000_000, using: &random) }
        for time in times { histogram.add(time) }
        let sorted = times.sorted()
        for (share, place) in [(0.5, 4_999), (0.99, 9_899), (0.999, 9_989), (0.9999, 9_998), (1, 9_999)] {
            let told = histogram.quantile(share), exact = sorted[place]
            #expect(told >= exact && Double(told - exact) <= Double(exact) / 100 + 1, "\(share): \(told), exactly \(exact)")
        }
        #expect(histogram.count == times.count && histogram.least == sorted.first && histogram.most == sorted.last)
    }

    @Test func nothingAndLessThanNothing() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.99) == 0 && histogram.most == 0)
        histogram.add(-5)
        #expect(histogram.count == 1 && histogram.quantile(1) == 0)
        histogram.add(7, times: 0)
        #expect(histogram.count == 1)
    }

    @Test func twoTogetherAreAsIfCountedInOne() {
        var one = LatencyHistogram(), other = LatencyHistogram(), both = LatencyHistogram()
        for time: Int64 in [3, 900, 70_000] { one.add(time); both.add(time) }
        for time: Int64 in [1, 1_000_000_000] { other.add(time, times: 2); both.add(time, times: 2) }
        one.add(other)
        #expect(one == both)
        var empty = LatencyHistogram()
        empty.add(both)
        #expect(empty == both)
    }
}

@Suite struct OutputChecksumTests {
    private struct Record: Hashable {
        var key: String?
        var value: String?
    }

    private func checksum(_ records: [Record], ofTable isTable: Bool = false) -> (rows: Int, text: String) {
        var checksum = OutputChecksum(ofTable: isTable)
        for record in records {
            let key = Array((record.key ?? "").utf8), value = Array((record.value ?? "").utf8)
            checksum.add(
                key + value, key: record.key == nil ? .null : ByteRange(start: 0, length: Int32(key.count)),
                value: record.value == nil ? .null : ByteRange(start: Int32(key.count), length: Int32(value.count)))
        }
        return (checksum.rows, checksum.text)
    }

    @Test func theOrderDoesNotMatter() {
        let records = (0..<100).map { Record(key: $0 % 3 == 0 ? nil : "k\($0)", value: "v\($0)") }
        let sum = checksum(records)
        #expect(sum.rows == 100 && sum.text.count == 16)
        for _ in 0..<10 { #expect(checksum(records.shuffled()) == sum) }
    }

    @Test func everyByteMatters() {
        let sums = [
            [Record(key: "a", value: "b")], [Record(key: "b", value: "a")], [Record(key: "ab", value: "")], [Record(key: "", value: "ab")],
            [Record(key: nil, value: "ab")], [Record(key: "ab", value: nil)], [Record(key: nil, value: nil)], [Record(key: "", value: "")],
            [Record(key: "a", value: "b"), Record(key: "a", value: "b")], [],
        ].map { checksum($0).text }
        #expect(Set(sums).count == sums.count)
    }

    /// How often a table's row changed on the way to what it is does not matter, and deleted rows are none.
    @Test func ofATableOnlyTheLastRecordsCount() {
        let long = [
            Record(key: "a", value: "1"), Record(key: "b", value: "1"), Record(key: "a", value: "2"), Record(key: "c", value: "9"),
            Record(key: "c", value: nil), Record(key: "a", value: "3"), Record(key: "d", value: nil),
        ]
        let short = [Record(key: "b", value: "1"), Record(key: "a", value: "3")]
        #expect(checksum(long, ofTable: true) == checksum(short, ofTable: true))
        #expect(checksum(long, ofTable: true).rows == 2)
        #expect(checksum(long) != checksum(short))
    }
}

@Suite struct BenchmarkReportTests {
    private func result(_ name: String, _ median: Double, processor: Double? = nil, checksum: String? = nil) -> BenchmarkResult {
        var result = BenchmarkResult(name: name, meaning: "", unit: BenchmarkResult.rate, median: median, least: 1, most: 9)
        result.processorSeconds = processor
        result.checksum = checksum
        return result
    }

    private func report(_ results: [BenchmarkResult]) -> BenchmarkReport {
        var report = BenchmarkReport(version: "1", inputRows: 10, runs: 3, partitions: 1, durability: "os", threads: nil)
        report.results = results
        return report
    }

    @Test func reportsComeBackFromTheirDocument() throws {
        var latency = BenchmarkResult(name: "latency", meaning: "m", unit: BenchmarkResult.time, median: 1.5, least: 0.25, most: 4)
        latency.p9999 = 3.5
        let written = report([latency, result("q0", 2_000_000.125, processor: 0.5, checksum: "00ff")])
        #expect(try JSONValue(parsing: JSONValue(encoding: written).text).decoded(as: BenchmarkReport.self) == written)
    }

    @Test func comparisonsTellRatios() {
        let before = report([
            result("q0", 100, processor: 2, checksum: "1"), result("q1", 0), result("q2", 5, checksum: "1"), result("q9", 1),
        ])
        let now = report([
            result("q2", 10, checksum: "2"), result("q0", 150, processor: 1, checksum: "1"), result("q1", 3), result("q3", 3),
        ])
        let pairs = BenchmarkComparison.all(of: now, with: before)
        #expect(pairs.map(\.now.name) == ["q2", "q0", "q1"])
        #expect(pairs.map(\.ratio) == [2, 1.5, nil])
        #expect(pairs.map(\.processorRatio) == [nil, 0.5, nil])
        #expect(pairs.map(\.hasSameRows) == [false, true, nil])
        var other = now
        other.partitions = 2
        #expect(now.isComparable(to: before) && !other.isComparable(to: before))
    }
}
