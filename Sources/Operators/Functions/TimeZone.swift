// Time zones: fixed offsets, and regions read from TZif files (RFC 9636) with the rule for the time after their last transition.

import Bytes
import Quantities
import Values

/// A time zone by its id.
struct TimeZone {
    /// What a zone says of one instant.
    struct Moment {
        /// Seconds east of UTC.
        var offset: Int64
        /// `CEST`, `PDT`, `GMT`; the id for fixed offsets.
        var abbreviation: String
        var isDaylight: Bool
    }

    /// As given: `Europe/Berlin`, `UTC`, `+02:00`.
    let id: String
    private let transitions: [Int64]
    private let transitionTypes: [UInt8]
    private let types: [Moment]
    private let rule: ZoneRule?

    static let utc = TimeZone(id: "UTC", offset: 0, abbreviation: "UTC")

    /// A fixed offset in seconds.
    init(id: String, offset: Int64, abbreviation: String? = nil) {
        self.id = id
        transitions = []
        transitionTypes = []
        types = [Moment(offset: offset, abbreviation: abbreviation ?? id, isDaylight: false)]
        rule = nil
    }

    /// Nil for a file that is not TZif or contradicts itself.
    init?(id: String, file: [UInt8]) {
        self.id = id
        guard let contents = ZoneFile(file) else { return nil }
        transitions = contents.transitions
        transitionTypes = contents.transitionTypes
        types = contents.types
        rule = contents.rule
    }

    /// At an instant in seconds since the epoch.
    func moment(at second: Int64) -> Moment {
        guard let last = transitions.last else { return rule?.moment(at: second) ?? types[0] }
        if second >= last, let rule { return rule.moment(at: second) }
        let next = transitions.firstPlace { $0 > second }
        return next == 0 ? types.first { !$0.isDaylight } ?? types[0] : types[Int(transitionTypes[next - 1])]
    }

    /// Milliseconds east of UTC at an instant in milliseconds.
    func offset(at milliseconds: Int64) -> Int64 { moment(at: floorDivide(milliseconds, 1000).quotient).offset * 1000 }

    /// The instant of a local time, both in milliseconds. Of two instants the earlier; a time that a clock skips is taken as if the clock
    /// had not been put forward yet.
    func instant(ofLocal local: Int64) -> Int64 {
        let day = TemporalText.millisecondsPerDay
        let before = offset(at: local - day)
        let after = offset(at: local + day)
        if before == after || offset(at: local - before) == before { return local - before }
        return offset(at: local - after) == after ? local - after : local - before
    }
}

/// The rule for the time after a file's last transition, in the form of the POSIX variable TZ: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct ZoneRule {
    private enum Day {
        /// Month, week (5 is the last), day of the week (0 is Sunday).
        case weekday(Int64, Int64, Int64)
        /// 1…365, never the 29th of February.
        case julian(Int64)
        /// 0…365.
        case zeroBased(Int64)
    }
    private var standard: TimeZone.Moment
    private var daylight: TimeZone.Moment?
    private var changes: [(day: Day, second: Int64)] = []

    init?(_ text: ArraySlice<UInt8>) {
        var rest = text
        guard let name = ZoneRule.name(&rest), let offset = ZoneRule.time(&rest) else { return nil }
        standard = TimeZone.Moment(offset: -offset, abbreviation: name, isDaylight: false)
        if rest.isEmpty { return }
        guard let summer = ZoneRule.name(&rest) else { return nil }
        var summerOffset = -offset + 3600
        if rest.first != UInt8(ascii: ",") {
            guard let given = ZoneRule.time(&rest) else { return nil }
            summerOffset = -given
        }
        daylight = TimeZone.Moment(offset: summerOffset, abbreviation: summer, isDaylight: true)
        for _ in 0..<2 {
            guard rest.popFirst() == UInt8(ascii: ","), let day = ZoneRule.day(&rest) else { return nil }
            var second: Int64 = 7200
            if rest.first == UInt8(ascii: "/") {
                rest.removeFirst()
                guard let given = ZoneRule.time(&rest) else { return nil }
                second = given
            }
            changes.append((day, second))
        }
        guard rest.isEmpty else { return nil }
    }

    private static func name(_ rest: inout ArraySlice<UInt8>) -> String? {
        if rest.first == UInt8(ascii: "<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return nil }
            let name = rest[(rest.startIndex + 1)..<end]
            rest = rest[(end + 1)...]
            return string(name)
        }
        let name = rest.prefix { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }
        rest = rest[name.endIndex...]
        return name.count >= 3 ? string(name) : nil
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard digits.count <= 6 else { return nil }
        rest = rest[digits.endIndex...]
        return NumberText.integer(digits)
    }

    /// `[+-]h[:m[:s]]` in seconds.
    private static func time(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        let negative = rest.first == UInt8(ascii: "-")
        if negative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        guard var seconds = number(&rest).map({ $0 * 3600 }) else { return nil }
        for unit in [60, 1] as [Int64] where rest.first == UInt8(ascii: ":") {
            rest.removeFirst()
            guard let value = number(&rest) else { return nil }
            seconds += value * unit
        }
        return negative ? -seconds : seconds
    }

    private static func day(_ rest: inout ArraySlice<UInt8>) -> Day? {
        switch rest.first {
        case UInt8(ascii: "M"):
            rest.removeFirst()
            guard let month = number(&rest), rest.popFirst() == UInt8(ascii: "."), let week = number(&rest),
                rest.popFirst() == UInt8(ascii: "."), let weekday = number(&rest), (1...12).contains(month), (1...5).contains(week),
                weekday < 7
            else { return nil }
            return .weekday(month, week, weekday)
        case UInt8(ascii: "J"):
            rest.removeFirst()
            return number(&rest).map { .julian($0) }
        default: return number(&rest).map { .zeroBased($0) }
        }
    }

    private static func days(_ day: Day, _ year: Int64) -> Int64 {
        let start = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch
        switch day {
        case .zeroBased(let number): return start + number
        case .julian(let number):
            return start + number - 1 + (number >= 60 && CivilDate.days(inMonth: 2, of: year) == 29 ? 1 : 0)
        case .weekday(let month, let week, let weekday):
            let first = CivilDate(year: year, month: month, day: 1).daysSinceEpoch
            // Day 0 was a Thursday.
            let shift = floorDivide(weekday - (first + 4), 7).remainder
            var day = 1 + shift + (week - 1) * 7
            if day > CivilDate.days(inMonth: month, of: year) { day -= 7 }
            return first + day - 1
        }
    }

    func moment(at second: Int64) -> TimeZone.Moment {
        guard let daylight else { return standard }
        let year = CivilDate(daysSinceEpoch: floorDivide(second + standard.offset, 86_400).quotient).year
        let start = ZoneRule.days(changes[0].day, year) * 86_400 + changes[0].second - standard.offset
        let end = ZoneRule.days(changes[1].day, year) * 86_400 + changes[1].second - daylight.offset
        let isDaylight = start < end ? second >= start && second < end : second >= start || second < end
        return isDaylight ? daylight : standard
    }
}

/// The contents of a TZif file that say what the clock shows: leap seconds and indicators are passed over.
struct ZoneFile {
    private(set) var transitions: [Int64] = []
    private(set) var transitionTypes: [UInt8] = []
    private(set) var types: [TimeZone.Moment] = []
    private(set) var rule: ZoneRule?

    private struct Header {
        let version: UInt8
        /// Counts of UTC indicators, standard indicators, leap seconds, transitions, types and abbreviation bytes.
        let counts: [Int]

        init?(_ file: ArraySlice<UInt8>) {
            guard file.count >= 44, file.starts(with: "TZif".utf8) else { return nil }
            version = file[file.startIndex + 4]
            counts = (0..<6).map { index in Int(ZoneFile.integer(file, file.startIndex + 20 + index * 4, 4)) }
            guard counts.allSatisfy({ $0 >= 0 && $0 < 1 << 20 }) else { return nil }
        }

        /// Bytes of the data block with times of `width` bytes.
        func size(_ width: Int) -> Int {
            counts[3] * (width + 1) + counts[4] * 6 + counts[5] + counts[2] * (width + 4) + counts[1] + counts[0]
        }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>, _ at: Int, _ width: Int) -> Int64 {
        var value: Int64 = bytes[at] >= 0x80 ? -1 : 0
        for byte in bytes[at..<at + width] { value = value << 8 | Int64(byte) }
        return value
    }

    init?(_ file: [UInt8]) {
        guard let first = Header(file[...]) else { return nil }
        if first.version == 0 {
            self.init(first, file[44...], width: 4)
            return
        }
        // The block of 32-bit times comes first, for readers of old.
        let start = 44 + first.size(4)
        guard start < file.count, let second = Header(file[start...]) else { return nil }
        self.init(second, file[(start + 44)...], width: 8)
    }

    private init?(_ header: Header, _ data: ArraySlice<UInt8>, width: Int) {
        let size = header.size(width)
        guard data.count >= size else { return nil }
        var at = data.startIndex
        let count = header.counts[3]
        for index in 0..<count { transitions.append(ZoneFile.integer(data, at + index * width, width)) }
        at += count * width
        transitionTypes = Array(data[at..<at + count])
        at += count
        let names = data[(at + header.counts[4] * 6)..<(at + header.counts[4] * 6 + header.counts[5])]
        for index in 0..<header.counts[4] {
            let place = at + index * 6
            let nameStart = Int(data[place + 5])
            guard nameStart < names.count else { return nil }
            let name = names[(names.startIndex + nameStart)...].prefix { $0 != 0 }
            types.append(
                TimeZone.Moment(
                    offset: ZoneFile.integer(data, place, 4), abbreviation: string(name), isDaylight: data[place + 4] != 0))
        }
        guard !types.isEmpty, transitionTypes.allSatisfy({ Int($0) < types.count }) else { return nil }
        let footer = data[(data.startIndex + size)...]
        if width == 8, footer.first == 0x0A { rule = ZoneRule(footer.dropFirst().prefix { $0 != 0x0A }) }
    }
}
