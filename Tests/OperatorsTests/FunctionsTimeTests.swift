// Functions over dates, times, timestamps and time zones.

import Functions
import Operators
import Testing
import Values

/// A TZif file (RFC 9636) of version 2: transitions to types, and the rule for the time after them.
private func zoneFile(_ transitions: [(Int64, UInt8)] = [], _ types: [(offset: Int32, isDaylight: Bool, name: String)], _ rule: String)
    -> [UInt8]
{
    func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }
    let names = types.map(\.name).joined(separator: "\0") + "\0"
    func header(_ counts: [Int]) -> [UInt8] {
        Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + counts.flatMap { bytes(Int32($0)) }
    }
    var file = header([0, 0, 0, 0, 0, 0]) + header([0, 0, 0, transitions.count, types.count, names.utf8.count])
    for (instant, _) in transitions { file += bytes(instant) }
    file += transitions.map(\.1)
    var place: UInt8 = 0
    for type in types {
        file += bytes(type.offset) + [type.isDaylight ? 1 : 0, place]
        place += UInt8(type.name.utf8.count) + 1
    }
    return file + Array(names.utf8) + Array("\n\(rule)\n".utf8)
}

@Suite struct FunctionsTimeTests {
    /// Los Angeles, London and Sydney by their rules of today; a zone that changed once, in 2000.
    private let world: DataflowEnvironment = {
        let files: [String: [UInt8]] = [
            "America/Los_Angeles": zoneFile([], [(-28800, false, "PST")], "PST8PDT,M3.2.0,M11.1.0"),
            "Europe/London": zoneFile([], [(0, false, "GMT")], "GMT0BST,M3.5.0/1,M10.5.0"),
            "Australia/Sydney": zoneFile([], [(36000, false, "AEST")], "AEST-10AEDT,M10.1.0,M4.1.0/3"),
            "Asia/Nowhere": zoneFile([(946_684_800, 1)], [(3600, false, "ONE"), (7200, false, "TWO")], "<+02>-2"),
            "Broken/Zone": Array("TZif2".utf8),
        ]
        return DataflowEnvironment(now: { 1_600_000_000_123 }, timeZoneFile: { files[$0] })
    }()

    private func call(_ name: String, _ arguments: Cell...) -> Cell { OperatorsTests.call(name, arguments: arguments, environment: world) }

    @Test func arithmetic() {
        #expect(call("DATEADD", unit("DAYS"), 3, date(5)) == date(8))
        #expect(call("DATEADD", unit("SECONDS"), 5, date(5)) == date(5))
        #expect(call("DATEADD", unit("DAYS"), 2_147_483_647, date(2_147_483_647)).problem != nil)
        #expect(call("DATESUB", unit("DAYS"), 2_147_483_647, date(-2_147_483_647)).problem != nil)
        #expect(call("TIMESTAMPADD", unit("DAYS"), 2_147_483_647, timestamp(.max)).problem != nil)
        #expect(call("DATESUB", unit("HOURS"), 1, date(0)) == date(0))
        #expect(call("DATESUB", unit("HOURS"), 25, date(0)) == date(-1))
        #expect(call("TIMEADD", unit("MILLISECONDS"), 10, time(86_399_995)) == time(5))
        #expect(call("TIMESUB", unit("MILLISECONDS"), 5, time(2)) == time(86_399_997))
        #expect(call("TIMESTAMPADD", unit("HOUR"), -1, timestamp(0)) == timestamp(-3_600_000))
        #expect(call("TIMESTAMPSUB", unit("MINUTES"), 2, timestamp(0)) == timestamp(-120_000))
        #expect(call("TIMESTAMPADD", unit("DAYS"), nil, timestamp(0)) == nil)
    }

    /// Weeks as Java counts them in America: from Sunday, the first one with January 1 in it.
    @Test(arguments: [
        (18630, "YYYY-ww", "2021-02"), (18624, "YYYY-'W'w", "2021-W1"), (18627, "YYYY-ww", "2021-01"), (18627, "yyyy W F", "2020 5 3"),
        (18632, "W e E", "2 3 Tue"), (18632, "ppd|pppppd", " 5|    5"),
    ])
    func weeks(day: Int32, pattern: String, text: String) { #expect(call("FORMAT_DATE", date(day), Cell(.string(pattern), .string)) == Cell(.string(text), .string)) }

    @Test func partsOfTheDay() {
        #expect(call("FORMAT_TIME", time(0), "h B") == "12 midnight")
        #expect(call("FORMAT_TIME", time(43_200_000), "B") == "noon")
        #expect(call("FORMAT_TIME", time(54_000_000), "h B") == "3 in the afternoon")
        #expect(call("FORMAT_TIME", time(79_200_000), "h BBBB") == "10 at night")
        #expect(call("PARSE_TIME", "3 in the afternoon", "h B") == time(54_000_000))
        #expect(call("PARSE_TIME", "  3:05", "pppH:mm") == time(11_100_000))
        #expect(call("FORMAT_TIME", time(0), "YYYY").problem != nil)
    }

    /// What a week, or a weekday, says of the day. Beside each what Java's SimpleDateFormat makes of it.
    @Test(arguments: [
        ("2021-20", "yyyy-ww", 18756), ("2021-20", "YYYY-ww", 18756), ("2021 Tue", "yyyy EEE", 18632), ("2021 05 3", "yyyy MM W", 18756),
        ("2021-20 Mon", "YYYY-ww EEE", 18757), ("2021 05 2 Tue", "yyyy MM F EEE", 18758), ("2021-05-09", "yyyy-MM-dd", 18756),
    ])
    func weeksOfTexts(text: String, pattern: String, day: Int32) {
        #expect(call("PARSE_DATE", Cell(.string(text), .string), Cell(.string(pattern), .string)) == date(day), "\(text)")
    }

    @Test func weeksOfTimestamps() {
        let day: Int64 = 86_400_000
        #expect(call("PARSE_TIMESTAMP", "2021-20", "YYYY-ww") == timestamp(18756 * day))
        #expect(call("PARSE_TIMESTAMP", "2021-20-3", "YYYY-ww-e") == timestamp(18758 * day))
        #expect(call("PARSE_TIMESTAMP", "2021 05 3 Mon", "yyyy MM W EEE") == timestamp(18757 * day))
        // No hour is lost where the clock leaps over the defaults on the way.
        #expect(call("PARSE_TIMESTAMP", "2021-03-14 03:30", "yyyy-MM-dd HH:mm", "America/Los_Angeles") == timestamp(1_615_717_800_000))
    }

    @Test func conversions() {
        #expect(call("FROM_DAYS", -1) == date(-1))
        #expect(call("FROM_DAYS", nil) == .failure)
        #expect(call("FROM_UNIXTIME", big(-5)) == timestamp(-5))
        #expect(call("UNIX_DATE", date(7)) == 7)
        #expect(call("UNIX_DATE") == 18518)
        #expect(call("UNIX_TIMESTAMP", timestamp(7)) == big(7))
        #expect(call("UNIX_TIMESTAMP") == big(1_600_000_000_123))
    }

    @Test func zones() {
        // July: London is an hour ahead of UTC, Los Angeles seven behind.
        let july = timestamp(1_625_140_800_000)
        #expect(call("CONVERT_TZ", july, "UTC", "Europe/London") == timestamp(1_625_144_400_000))
        #expect(call("CONVERT_TZ", july, "America/Los_Angeles", "+02:00") == timestamp(1_625_173_200_000))
        #expect(call("CONVERT_TZ", july, "Australia/Sydney", "GMT+2") == timestamp(1_625_112_000_000))
        #expect(call("CONVERT_TZ", timestamp(946_684_799_999), "UTC", "Asia/Nowhere") == timestamp(946_688_399_999))
        #expect(call("CONVERT_TZ", timestamp(946_684_800_000), "UTC", "Asia/Nowhere") == timestamp(946_692_000_000))
        for zone in ["PST", "EST", "Broken/Zone", "", "+25:00", "../x"] {
            #expect(call("CONVERT_TZ", july, "UTC", Cell(.string(zone), .string)) == .failure)
        }
        #expect(call("CONVERT_TZ", july, nil, "UTC") == nil)
    }

    @Test func formatting() {
        #expect(call("FORMAT_DATE", date(-1), "dd-MM-yyyy'Sophia'") == "31-12-1969Sophia")
        #expect(call("FORMAT_DATE", date(18765), "EEE, d MMMM uuuu D Q G") == "Tue, 18 May 2021 138 2 AD")
        #expect(call("FORMAT_DATE", date(0), "HH") == .failure)
        #expect(call("FORMAT_DATE", date(0), "i") == .failure)
        #expect(call("FORMAT_TIME", time(1_234_567), "HHmmss'AAAAA'") == "002034AAAAA")
        #expect(call("FORMAT_TIME", time(46_800_005), "h:mm a S SSS n") == "1:00 PM 0 005 5000000")
        #expect(call("FORMAT_TIME", time(0), "yyyy") == .failure)
        let instant = timestamp(1_526_075_913_123)
        #expect(call("FORMAT_TIMESTAMP", instant, "yyyy-MM-dd'T'HH:mm:ss.SSSX") == "2018-05-11T21:58:33.123Z")
        #expect(
            call("FORMAT_TIMESTAMP", instant, "yy'''' zzz VV xxx Z", "America/Los_Angeles") == "18'' PDT America/Los_Angeles -07:00 -0700")
        #expect(call("FORMAT_TIMESTAMP", instant, "zzz O", "Europe/London") == "BST GMT+1")
        #expect(call("FORMAT_TIMESTAMP", instant, "zzz") == "GMT")
        #expect(call("TIMESTAMPTOSTRING", big(0), "zzz") == "UTC")
        #expect(call("TIMESTAMPTOSTRING", big(1_526_075_913_123), "HH XX", "+02:00") == "23 +0200")
        #expect(call("TIMESTAMPTOSTRING", nil, "yyyy") == .failure)
        #expect(call("TIMESTAMPTOSTRING", big(0), nil) == nil)
        #expect(call("DATETOSTRING", 10, "yyyy-MM-dd") == "1970-01-11")
        #expect(call("DATETOSTRING", nil, "yyyy-MM-dd") == .failure)
    }

    @Test func parsingTimestamps() {
        #expect(call("PARSE_TIMESTAMP", "2018-05-11T21:58:33Z", "yyyy-MM-dd'T'HH:mm:ssX") == timestamp(1_526_075_913_000))
        #expect(call("PARSE_TIMESTAMP", "2018-05-11T21:58:33+0000", "yyyy-MM-dd'T'HH:mm:ssX") == timestamp(1_526_075_913_000))
        #expect(call("PARSE_TIMESTAMP", "2018-05-11T21:58:33 PST", "yyyy-MM-dd'T'HH:mm:ss zzz") == timestamp(1_526_101_113_000))
        #expect(call("PARSE_TIMESTAMP", "2018-05-11 21:58:33.2", "yyyy-MM-dd HH:mm:ss.S") == timestamp(1_526_075_913_200))
        #expect(call("PARSE_TIMESTAMP", "20180511215833123", "yyyyMMddHHmmssSSS") == timestamp(1_526_075_913_123))
        #expect(call("PARSE_TIMESTAMP", "2018-05-11", "yyyy-MM-dd[ HH:mm]", "Europe/London") == timestamp(1_525_993_200_000))
        #expect(call("PARSE_TIMESTAMP", "12", "MM") == timestamp(28_857_600_000))
        #expect(call("PARSE_TIMESTAMP", "01-jan-2022 1 pm", "dd-MMM-yyyy h a") == timestamp(1_641_042_000_000))
        #expect(call("PARSE_TIMESTAMP", "366", "D") == .failure)
        #expect(call("PARSE_TIMESTAMP", "2018-5-11", "yyyy-MM-dd") == .failure)
        #expect(call("PARSE_TIMESTAMP", "2018-05-11x", "yyyy-MM-dd") == .failure)
        #expect(call("PARSE_TIMESTAMP", nil, "yyyy") == nil)
        #expect(call("STRINGTOTIMESTAMP", "2020-02-31", "yyyy-MM-dd") == big(1_582_934_400_000))
        #expect(call("STRINGTOTIMESTAMP", nil, "yyyy-MM-dd") == .failure)
        // The hour that London's clocks skip, and the one that they show twice.
        #expect(call("PARSE_TIMESTAMP", "2021-03-28 01:30", "yyyy-MM-dd HH:mm", "Europe/London") == timestamp(1_616_895_000_000))
        #expect(call("PARSE_TIMESTAMP", "2021-10-31 01:30", "yyyy-MM-dd HH:mm", "Europe/London") == timestamp(1_635_640_200_000))
    }

    @Test func parsingTimes() {
        #expect(call("PARSE_TIME", "12:34", "HH:mm") == time(45_240_000))
        #expect(call("PARSE_TIME", "12", "HH") == time(43_200_000))
        #expect(call("PARSE_TIME", "12:34:56 pm", "hh:mm:ss a") == time(45_296_000))
        for (text, pattern) in [("12", "mm"), ("11", "hh"), ("25", "HH"), ("2020 12", "yyyy HH")] {
            #expect(call("PARSE_TIME", Cell(.string(text), .string), Cell(.string(pattern), .string)) == .failure)
        }
    }

    @Test func parsingDates() {
        for (text, pattern, days) in [
            ("2021-02-31", "yyyy-MM-dd", 18689), ("2021-13-01", "yyyy-MM-dd", 18993), ("2021", "yyyy", 18628),
            ("1-JAN-2022 and more", "dd-MMM-yyyy", 18993),
            ("20210501", "yyyyMMdd", 18748), (" 2021/5", "yyyy/MM", 18748), ("21", "yy", 18628), ("50", "yy", -7305),
            ("march 70", "MMMM yy", 59),
            ("2021-05-01 00:00:00", "yyyy-MM-dd HH:mm:ss", 18748), ("05", "dd", 4),
        ] as [(String, String, Int32)] {
            #expect(call("PARSE_DATE", Cell(.string(text), .string), Cell(.string(pattern), .string)) == date(days), "\(text)")
        }
        for (text, pattern) in [("2021-05-01 01", "yyyy-MM-dd HH"), ("x", "yyyy"), ("2021", "yyyy-MM"), ("2021", "b")] {
            #expect(call("PARSE_DATE", Cell(.string(text), .string), Cell(.string(pattern), .string)) == .failure)
        }
        #expect(call("STRINGTODATE", "2021-02-31", "yyyy-MM-dd") == 18686)
        #expect(call("STRINGTODATE", "2021-02-32", "yyyy-MM-dd") == .failure)
        #expect(call("STRINGTODATE", "2021", "yyyy") == .failure)
        #expect(call("STRINGTODATE", "01-JAN-2022", "dd-MMM-yyyy") == 18993)
        #expect(call("STRINGTODATE", nil, "yyyy") == .failure)
    }
}
