import Benchmark
import Diagnostics
import Engine
import Foundation
import LogStore
import Platform
import Testing

/// A suite over engines in memory: what is measured means nothing, but all of it runs.
private func suite(rows: Int, runs: Int = 1, partitions: Int = 1) -> BenchmarkSuite {
    // By the name of their directory, so that one that is opened again finds what it wrote.
    let places = MemoryFileSystem()
    return BenchmarkSuite(rows: rows, runs: runs, partitions: partitions, directory: "/bench") { (place, turns) throws(Diagnostic) in
        let log: SegmentedLog
        do throws(LogError) {
            log = try SegmentedLog(directory: place, files: places, clock: SystemTime(), random: SystemRandom(), options: .inMemory)
        } catch {
            throw Diagnostic(.ioError, error.message, category: .general)
        }
        var configuration = EngineConfiguration(workers: 2)
        configuration.turns = turns
        return MeasuredEngine(try MillraceEngine(configuration: configuration, log: log), over: log)
    }
}

private let queries = BenchmarkCase.usual.filter { if case .query = $0.work { true } else { false } }

@Suite struct BenchmarkSuiteTests {
    /// Two runs of each query over the same events agree: a sum that differed would say so.
    @Test func everyQueryGivesTheSameRowsTwice() throws {
        let results = try suite(rows: 3_000, runs: 2).run(queries) { _ in }
        #expect(results.map(\.name) == queries.map(\.name))
        for result in results {
            #expect(result.checksum?.count == 16, "\(result.name): \(result.checksum ?? "no checksum")")
            #expect(result.median > 0 && (result.processorSeconds ?? 0) > 0 && (result.rows ?? 0) > 0, "\(result)")
            #expect((result.written ?? 0) >= (result.rows ?? 0))
        }
        func rows(_ name: String) -> Int? { results.first { $0.name == name }?.rows }
        // Every bid is one row of these.
        for name in ["q0", "q1", "q13", "q22"] { #expect(rows(name) == 3_000, "\(name)") }
        // All of these events are of the first ten seconds.
        #expect(rows("q7") == 1)
    }

    /// Partitions change the order in which rows are met, and for these queries nothing else.
    @Test func partitionsDoNotChangeTheRows() throws {
        let names: Set = ["q0", "q2", "q3", "q12", "q17"]
        let cases = queries.filter { names.contains($0.name) }
        let one = try suite(rows: 2_000).run(cases) { _ in }, three = try suite(rows: 2_000, partitions: 3).run(cases) { _ in }
        #expect(one.map(\.rows) == three.map(\.rows))
        #expect(one.map(\.checksum) == three.map(\.checksum))
    }

    @Test func whatSurroundsTheQueriesIsMeasured() throws {
        let names: Set = ["start", "latency", "latency-tcp", "append", "scan", "load", "load-tcp"]
        let cases = BenchmarkCase.usual.filter { names.contains($0.name) }
        let results = try suite(rows: 2_000).run(cases) { _ in }
        #expect(results.count == names.count && results.allSatisfy { $0.median > 0 })
        let latency = try #require(results.first { $0.name == "latency" })
        #expect(try #require(latency.p99) <= latency.most && latency.least <= latency.median)
    }

    @Test func growthIsMeasured() throws {
        let cases: [BenchmarkCase] =
            [.groups(300), .groups(20), .restart(ofGroups: 50)] + BenchmarkCase.queries(5) + [.partitions(1), .partitions(3)]
        let results = try suite(rows: 1_000).run(cases) { _ in }
        #expect(
            results.map(\.title)
                == ["groups 300", "groups 20", "restart 50", "create 5", "queries 5", "partitions 1", "partitions 3"])
        #expect(results.allSatisfy { $0.median > 0 })
    }

    @Test func theEndOfALongLogIsMeasured() throws {
        let results = try suite(rows: 1_000).run([.logEnd(1 << 20), .logEnd(1 << 21)]) { _ in }
        #expect(results.map(\.point?.value) == [1 << 20, 1 << 21])
        #expect(results.allSatisfy { $0.median > 0 && ($0.processorSeconds ?? 0) > 0 })
    }

    /// A disk without room is refused before anything is made.
    @Test func aLogThatDoesNotFitIsRefused() throws {
        let suite = BenchmarkSuite(rows: 1, runs: 1, directory: "/") { (_, _) throws(Diagnostic) in
            throw Diagnostic(.ioError, "an engine was opened", category: .general)
        }
        let failure = #expect(throws: Diagnostic.self) { _ = try suite.run([.logEnd(1 << 50)]) { _ in } }
        #expect(failure?.code == .diskFull, "\(String(describing: failure))")
    }

    /// A worker's turns are heard of while groups are made, the parts of them no longer than the whole.
    @Test func pausesAreMeasured() throws {
        let results = try suite(rows: 20_000).run(BenchmarkCase.pauses(whileMaking: 5_000)) { _ in }
        func most(_ name: String) -> Double? { results.first { $0.name == name }?.most }
        let longest = try #require(most("pauses-cpu"))
        #expect(most("pauses") != nil)
        for part in ["pauses-slice", "pauses-commit", "pauses-messages"] { #expect(try #require(most(part)) <= longest, "\(part)") }
    }

    @Test func rowsAtAFixedRateAreAllTimed() throws {
        let results = try suite(rows: 1).run([.rate(2_000, seconds: 1)]) { _ in }
        let rate = try #require(results.first)
        #expect(rate.median > 0 && rate.least <= rate.median && (rate.p9999 ?? 0) <= rate.most)
    }
}
