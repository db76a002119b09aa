import Bytes
import LogStore
import Operators
import Pipelines
import Platform
import Quantities
import TestSupport
import Testing

private let topic = TopicID(high: 1, low: 1)

private func errors(_ count: Int, _ cause: RowErrorCause = .expression) -> [RowError] {
    (0..<count).map { index in
        RowError(
            step: "Project", column: "A", cause: cause, message: "no", input: 0, partition: 0, offset: Offset(clamping: Int64(index)), raw: nil)
    }
}

/// What the records say was left out, one number a record.
private func leftOut(_ appends: [Append]) -> [Int] {
    appends.flatMap { append in
        append.records.values.map { range -> Int in
            let text = String(decoding: append.records.bytes[Int(range.start)..<Int(range.start + range.length)], as: UTF8.self)
            return text.split(separator: "\"LEFT_OUT\":").last.flatMap { Int($0.dropLast()) } ?? -1
        }
    }
}

@Suite struct ErrorReporterTests {
    private let time = SimulatedTime()
    private func reporter() -> ErrorReporter { ErrorReporter(topic: topic, queryID: "Q", time: time) }

    @Test func aFewRowsAreAllThere() {
        let told = leftOut(reporter().appends(for: errors(3), counts: [.expression: 3]) { _ in "t" })
        #expect(told == [0, 0, 0])
    }

    @Test func noRowsNoRecords() {
        #expect(reporter().appends(for: [], counts: [:]) { _ in "t" }.isEmpty)
        #expect(reporter().appends(for: [], counts: [.late: 0]) { _ in "t" }.isEmpty)
    }

    /// A commit's last record says how many the commit left out, also of rows that were only counted.
    @Test func whatIsLeftOutIsTold() {
        let told = leftOut(reporter().appends(for: errors(1000), counts: [.expression: 4321]) { _ in "t" })
        #expect(told.count == 100)
        #expect(told.last == 4221)
        #expect(told.dropLast().allSatisfy { $0 == 0 })
    }

    @Test func causesAreCountedApart() {
        let both = errors(101, .late) + errors(2, .nullGroup)
        let told = leftOut(reporter().appends(for: both, counts: [.late: 101, .nullGroup: 2]) { _ in "t" })
        #expect(told.count == 102)
        #expect(told.reduce(0, +) == 1)
    }

    /// Nothing is forgotten: samples and what is left out always add up to what there was.
    @Test func everyRowIsTold() {
        let reporter = reporter()
        var told = 0
        var records = 0
        for turn in 0..<40 {
            let numbers = leftOut(reporter.appends(for: errors(30), counts: [.expression: 30]) { _ in "t" })
            records += numbers.count
            told += numbers.reduce(0, +)
            if turn % 20 == 19 { time.advance(milliseconds: 1000) }
        }
        // A new second's first samples take over what the last one could not tell any more.
        let last = leftOut(reporter.appends(for: errors(1), counts: [.expression: 1]) { _ in "t" })
        let summaries = 20
        #expect(records == 200 + summaries)
        #expect(told + last.reduce(0, +) + 200 + 1 == 40 * 30 + 1)
    }

    /// What a second was too short for is told by the first commit of a later one, also by one that leaves nothing out; and at the end of a
    /// load, which has no later one, at once.
    @Test func whatWasNotToldIsToldLater() {
        let reporter = reporter()
        func told(_ count: Int) -> Int { leftOut(reporter.appends(for: errors(count), counts: [.expression: count]) { _ in "t" }).reduce(0, +) }
        var sum = 0
        for _ in 0..<20 { sum += told(30) }
        #expect(told(0) == 0)
        time.advance(milliseconds: 1000)
        sum += told(0)
        #expect(sum + 100 == 20 * 30)
        #expect(told(0) == 0)
        for _ in 0..<20 { sum += told(30) }
        let last = leftOut(reporter.remainder())
        #expect(last.count == 1 && sum + last.reduce(0, +) + 200 == 40 * 30)
        #expect(reporter.remainder().isEmpty)
    }
}
