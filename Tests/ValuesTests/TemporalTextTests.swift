import Foundation
import Testing
import Values

@Suite struct TemporalTextTests {
    /// Every day of four centuries, and random ones beyond, against the calendar of another implementation.
    @Test func daysAgreeWithFoundation() throws {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for day in stride(from: Int64(-30_000), through: 120_000, by: 7) {
            let parts = calendar.dateComponents([.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
            let date = CivilDate(daysSinceEpoch: day)
            #expect(date == CivilDate(
                year: Int64(try #require(parts.year)), month: Int64(try #require(parts.month)), day: Int64(try #require(parts.day))))
            #expect(date.daysSinceEpoch == day)
            #expect(TemporalText.date(TemporalText.text(date: Int32(day)).utf8) == Int32(day))
        }
    }

    @Test(arguments: [
        ("2020-02-29", 18321), ("1970", 0), ("1970-02", 31), ("1969-12-31", -1), ("0001-01-01", -719_162), ("9999-12-31", 2_932_896),
    ])
    func dates(text: String, days: Int32) { #expect(TemporalText.date(text.utf8) == days) }

    @Test(arguments: ["", "2021-02-29", "2020-13-01", "2020-00-10", "2020-01-32", "20-01-01", "2020-01-01T", "x", "-2020-01-01"])
    func otherDatesAreNone(text: String) { #expect(TemporalText.date(text.utf8) == nil) }

    @Test(arguments: [("00:00", 0), ("23:59:59", 86_399_000), ("12:30:15.5", 45_015_500), ("01:02:03.004", 3_723_004)])
    func times(text: String, milliseconds: Int32) { #expect(TemporalText.time(text.utf8) == milliseconds) }

    @Test(arguments: ["", "24:00", "12:60", "12:30:60", "12", "12:30:15.", "-1:00"])
    func otherTimesAreNone(text: String) { #expect(TemporalText.time(text.utf8) == nil) }

    @Test(arguments: [
        ("2020-01-01T00:00:00.000", 1_577_836_800_000), ("2020-01-01T00:00:00Z", 1_577_836_800_000), ("2020-01-01", 1_577_836_800_000),
        ("2020-01-01T01:00+01:00", 1_577_836_800_000), ("2020-01-01T01:00:00+0100", 1_577_836_800_000),
        ("2019-12-31T20:00-04", 1_577_836_800_000), (" 2020-01-01T ", 1_577_836_800_000), ("2020-01-01 00:00", 1_577_836_800_000),
        ("2020-01-01  01:00:00+01:00", 1_577_836_800_000), ("1969-12-31T23:59:59.999", -1),
    ] as [(String, Int64)])
    func timestamps(text: String, milliseconds: Int64) { #expect(TemporalText.timestamp(text.utf8) == milliseconds) }

    @Test(arguments: ["", "now", "2020-01-01 x", "2020-01-01\t00:00", "2020-01-01T25:00", "2020-01-01T00:00 Nowhere/Land", "2020-01-01T00:00+99:99", "2020-01-01T00:00:00ZZ"])
    func otherTimestampsAreNone(text: String) { #expect(TemporalText.timestamp(text.utf8) == nil) }

    /// What is printed is read back, before the epoch and after it.
    @Test func timestampsComeBack() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let time = Int64.random(in: -60_000_000_000_000...250_000_000_000_000, using: &random)
            #expect(TemporalText.timestamp(TemporalText.text(timestamp: time).utf8) == time)
        }
    }
}
