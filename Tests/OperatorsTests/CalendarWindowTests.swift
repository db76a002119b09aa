// Windows that follow a calendar and the clock of a zone: days of 23 and 25 hours, months, what begins later than midnight, restart.

import Bytes
import Foundation
@testable import Operators
import Plans
import Quantities
import Testing
import Values

private func instant(_ text: String) throws -> Int64 { try #require(TemporalText.timestamp(text.utf8)) }

/// The zone files of this machine.
private var zones: DataflowEnvironment {
    DataflowEnvironment(timeZoneFile: { zone in
        (try? Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/" + zone))).map { [UInt8]($0) }
    })
}

private func windows(_ unit: WindowCalendar.Unit, _ count: Int64 = 1, zone: String? = "Europe/Berlin", offset: Milliseconds = 0)
    -> WindowDescription
{
    let calendar = WindowCalendar(unit: unit, count: count, zone: zone, offset: offset)
    let size = calendar.longest ?? 0
    return WindowDescription(shape: .tumbling(size: size), grace: 0, retention: size, calendar: calendar)
}

/// Counts rows by key and window, and shows the bounds.
private func counting(_ window: WindowDescription, isFinal: Bool = false) -> Step {
    project(
        aggregate(events, [countAll], window: window, isFinal: isFinal),
        [
            ("K", column(0, text)), ("N", column(1, big)), ("S", TypedExpression(.pseudo(.windowstart), .bigint)),
            ("E", TypedExpression(.pseudo(.windowend), .bigint)),
        ])
}

/// The windows of rows at these times, each as `start/end`, in UTC.
private func bounds(_ window: WindowDescription, _ times: [String], batch: Int = 4096) throws -> [String] {
    let dataflow = try Dataflow(root: counting(window), destination: sink(), environment: zones)
    let lines = try times.map { Line("a", "{}", at: try instant($0)) }
    return try feed(dataflow, lines, batch: batch).map { line in
        let numbers = line.split(whereSeparator: { !$0.isNumber }).compactMap { Int64($0) }
        return numbers[1...2].map { TemporalText.text(timestamp: $0) }.joined(separator: "/")
    }
}

@Suite struct CalendarWindowTests {
    @Test(arguments: [1, 4096]) func daysOfTwentyThreeAndTwentyFiveHours(batch: Int) throws {
        let times = [
            "2024-03-30T22:59:59.999", "2024-03-30T23:00:00.000", "2024-03-31T21:59:59.999", "2024-03-31T22:00:00.000",
            "2024-10-26T21:59:59.999", "2024-10-26T22:00:00.000", "2024-10-27T22:59:59.999", "2024-10-27T23:00:00.000",
        ]
        #expect(
            try bounds(windows(.days), times, batch: batch) == [
                "2024-03-29T23:00:00.000/2024-03-30T23:00:00.000", "2024-03-30T23:00:00.000/2024-03-31T22:00:00.000",
                "2024-03-30T23:00:00.000/2024-03-31T22:00:00.000", "2024-03-31T22:00:00.000/2024-04-01T22:00:00.000",
                "2024-10-25T22:00:00.000/2024-10-26T22:00:00.000", "2024-10-26T22:00:00.000/2024-10-27T23:00:00.000",
                "2024-10-26T22:00:00.000/2024-10-27T23:00:00.000", "2024-10-27T23:00:00.000/2024-10-28T23:00:00.000",
            ])
    }

    @Test func weeksMonthsAndQuarters() throws {
        #expect(
            try bounds(windows(.weeks), ["2024-03-24T22:59:59.999", "2024-03-24T23:00:00.000"]) == [
                "2024-03-17T23:00:00.000/2024-03-24T23:00:00.000", "2024-03-24T23:00:00.000/2024-03-31T22:00:00.000",
            ])
        #expect(
            try bounds(windows(.months, zone: nil), ["2024-02-29T23:59:59.999", "2024-03-01T00:00:00.000"]) == [
                "2024-02-01T00:00:00.000/2024-03-01T00:00:00.000", "2024-03-01T00:00:00.000/2024-04-01T00:00:00.000",
            ])
        #expect(
            try bounds(windows(.months, 3), ["2024-03-31T21:59:59.999", "2024-03-31T22:00:00.000"]) == [
                "2023-12-31T23:00:00.000/2024-03-31T22:00:00.000", "2024-03-31T22:00:00.000/2024-06-30T22:00:00.000",
            ])
        #expect(
            try bounds(windows(.months, 12), ["2024-12-31T22:59:59.999", "2024-12-31T23:00:00.000"]) == [
                "2023-12-31T23:00:00.000/2024-12-31T23:00:00.000", "2024-12-31T23:00:00.000/2025-12-31T23:00:00.000",
            ])
    }

    /// A day that begins at six, on the day on which the clock is put forward, too; and hours: one is gone, one has two.
    @Test func offsetsAndHours() throws {
        #expect(
            try bounds(windows(.days, offset: 21_600_000), ["2024-03-31T03:59:59.999", "2024-03-31T04:00:00.000"]) == [
                "2024-03-30T05:00:00.000/2024-03-31T04:00:00.000", "2024-03-31T04:00:00.000/2024-04-01T04:00:00.000",
            ])
        #expect(
            try bounds(
                windows(.milliseconds, 3_600_000),
                ["2024-03-31T00:59:59.999", "2024-03-31T01:00:00.000", "2024-10-27T00:00:00.000", "2024-10-27T01:59:59.999"]) == [
                    "2024-03-31T00:00:00.000/2024-03-31T01:00:00.000", "2024-03-31T01:00:00.000/2024-03-31T02:00:00.000",
                    "2024-10-27T00:00:00.000/2024-10-27T02:00:00.000", "2024-10-27T00:00:00.000/2024-10-27T02:00:00.000",
                ])
        // A day that begins at a time that the clock skips begins with the skip.
        #expect(
            try bounds(windows(.days, offset: 9_000_000), ["2024-03-31T00:59:59.999", "2024-03-31T01:00:00.000"]) == [
                "2024-03-30T01:30:00.000/2024-03-31T01:00:00.000", "2024-03-31T01:00:00.000/2024-04-01T00:30:00.000",
            ])
    }

    /// Every instant of two years is in one window, which ends where the next one begins.
    @Test(arguments: ["Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "+05:30"]) func windowsMeet(zone: String) throws {
        let units: [(WindowCalendar.Unit, Int64)] = [(.days, 1), (.days, 3), (.weeks, 1), (.months, 1), (.milliseconds, 1_800_000)]
        for (unit, count) in units {
            let calendar = WindowCalendar(unit: unit, count: count, zone: zone, offset: unit == .days ? 9_000_000 : 0)
            let times = try CalendarWindows(calendar, zones)
            var time = try instant("2011-12-25T00:00:00.000")
            let end = try instant("2012-12-25T00:00:00.000")
            while time < end {
                let (start, next) = times.window(at: time)
                #expect(start <= time && time < next)
                #expect(times.window(at: start).start == start)
                #expect(times.window(at: next - 1).start == start)
                #expect(Milliseconds(next - start) <= calendar.longest ?? 0)
                time = next
            }
        }
    }

    @Test func finalAndLate() throws {
        let dataflow = try Dataflow(root: counting(windows(.days), isFinal: true), destination: sink(), environment: zones)
        let lines = try ["2024-03-30T23:00:00.000", "2024-03-31T21:59:59.999", "2024-03-31T22:00:00.000", "2024-03-31T12:00:00.000"].map {
            Line("a", "{}", at: try instant($0))
        }
        #expect(try feed(dataflow, lines) == [#"a|{"N":2,"S":1711839600000,"E":1711922400000}@1711922399999"#])
        #expect(dataflow.errorCounts == [.late: 1])
    }

    @Test func restart() throws {
        let first = try Dataflow(root: counting(windows(.months)), destination: sink(), environment: zones)
        _ = try feed(first, [Line("a", "{}", at: try instant("2024-03-31T12:00:00.000"))])
        let second = try Dataflow(root: counting(windows(.months)), destination: sink(), environment: zones)
        for part in try first.takeChangelog() { try second.restore(store: part.store, run: run(part.records)) }
        #expect(
            try feed(second, [Line("a", "{}", at: try instant("2024-03-31T21:00:00.000"))]) == [
                #"a|{"N":2,"S":1709247600000,"E":1711922400000}@1711918800000"#
            ])
    }

    @Test func unknownZone() {
        #expect(throws: DataflowError.self) {
            try Dataflow(root: counting(windows(.days, zone: "Europe/Nowhere")), destination: sink(), environment: zones)
        }
    }
}
