// Reading texts by a compiled pattern, without regard to the case of letters, and making dates, times and instants of what was read.

import Values

/// What a text says; nil for what it does not name.
struct ParsedDate {
    /// A zone in the text: an offset, or a name to be looked up.
    enum Zone {
        case offset(Int64)
        case region(String)
    }

    /// By the pattern's letter.
    private var numbers: [(letter: UInt8, value: Int64)] = []
    var nanoseconds: Int64?
    var zone: Zone?

    /// The number of the first of these letters that the text names.
    func number(_ letters: StaticString) -> Int64? {
        for index in 0..<letters.utf8CodeUnitCount {
            let letter = unsafe letters.utf8Start[index]
            if let known = numbers.first(where: { $0.letter == letter }) { return known.value }
        }
        return nil
    }

    mutating func set(_ letter: UInt8, _ value: Int64) {
        numbers.removeAll { $0.letter == letter }
        numbers.append((letter, value))
    }

    /// Proleptic year, from `u` or from the year of the era.
    var year: Int64? {
        if let year = number("u") { return year }
        return number("y").map { number("G") == 0 ? 1 - $0 : $0 }
    }

    /// Days since the epoch. Without `defaults` the text must name a whole date. Nil for impossible dates; the days 29 to 31 of a shorter
    /// month are its last day.
    func days(defaults: Bool) -> Int64? {
        if let days = weekDays(defaults: defaults) { return days }
        guard let year = year ?? (defaults ? 1970 : nil), year.magnitude < 1_000_000 else { return nil }
        let isLeap = CivilDate.days(inMonth: 2, of: year) == 29
        if number("M") == nil, number("d") == nil, let dayOfYear = number("D") {
            guard dayOfYear >= 1, dayOfYear <= (isLeap ? 366 : 365) else { return nil }
            return CivilDate(year: year, month: 1, day: 1).daysSinceEpoch + dayOfYear - 1
        }
        guard let month = number("M") ?? (defaults ? 1 : nil), let day = number("d") ?? (defaults ? 1 : nil), (1...12).contains(month),
            (1...31).contains(day)
        else { return nil }
        return CivilDate(year: year, month: month, day: min(day, CivilDate.days(inMonth: month, of: year))).daysSinceEpoch
    }

    /// The weekday, 0 for Sunday.
    private var weekday: Int64? { number("e").map { $0 - 1 } ?? number("E").map { $0 % 7 } }

    /// The day that a week, and its weekday where there is one, names; without one its first day. Nil where no week says the day, or an
    /// impossible one.
    private func weekDays(defaults: Bool) -> Int64? {
        guard number("d") == nil, number("D") == nil, weekday ?? 0 >= 0, weekday ?? 0 < 7, defaults || weekday != nil else { return nil }
        if number("M") == nil, let week = number("w") ?? (number("Y") == nil ? nil : 1) {
            guard let year = number("Y") ?? year ?? (defaults ? 1970 : nil), year.magnitude < 1_000_000, (1...53).contains(week) else { return nil }
            return CalendarWeek(year: year, number: week).firstDay + (weekday ?? 0)
        }
        guard let week = number("W"), (0...6).contains(week), let year = year ?? (defaults ? 1970 : nil), year.magnitude < 1_000_000,
            let month = number("M") ?? (defaults ? 1 : nil), (1...12).contains(month)
        else { return nil }
        let first = CivilDate(year: year, month: month, day: 1).daysSinceEpoch
        return CalendarWeek.start(of: first) + (week - 1) * 7 + (weekday ?? 0)
    }

    /// Milliseconds of the day; 24:00 is a whole day. Nil for impossible times and for texts that name no hour, unless `defaults`.
    func timeOfDay(defaults: Bool) -> Int64? {
        if let nanoseconds = number("N") { return bounded(nanoseconds, below: 86_400_000_000_000).map { $0 / 1_000_000 } }
        if let milliseconds = number("A") { return bounded(milliseconds, below: TemporalText.millisecondsPerDay) }
        var hour = number("H")
        if hour == nil, let clock = number("k") {
            guard (1...24).contains(clock) else { return nil }
            hour = clock % 24
        }
        if hour == nil, let half = number("a") ?? halfOfPart, let clock = number("h") ?? number("K") {
            guard number("h") == nil ? (0...11).contains(clock) : (1...12).contains(clock) else { return nil }
            hour = clock % 12 + half * 12
        }
        if number("h") ?? 1 > 12 || number("K") ?? 0 > 11 { return nil }
        guard let hour = hour ?? (defaults ? 0 : nil) else { return nil }
        let minute = number("m")
        let second = number("s")
        let fraction = nanoseconds ?? number("n")
        if !defaults, minute == nil && (second != nil || fraction != nil) || second == nil && fraction != nil { return nil }
        // Bounds first: a pattern with a single letter reads up to eighteen digits, which no product may meet.
        guard let minute = bounded(minute, below: 60), let second = bounded(second, below: 60),
            let fraction = bounded(fraction, below: 1_000_000_000), (0...24).contains(hour)
        else { return nil }
        let time = (minute * 60 + second) * 1000 + fraction / 1_000_000
        return hour < 24 || time == 0 ? hour * 3_600_000 + time : nil
    }

    /// The half of the day in which the part of the day is that the text names.
    private var halfOfPart: Int64? {
        guard let part = number("B") else { return nil }
        let clock = (number("h") ?? number("K") ?? 0) % 12
        return part == 1 || part == 3 || part == 4 || part == 5 && clock >= 9 ? 1 : 0
    }

    /// The number, or 0 when the text has none; nil outside `0..<limit`.
    private func bounded(_ number: Int64?, below limit: Int64) -> Int64? {
        guard let number else { return 0 }
        return (0..<limit).contains(number) ? number : nil
    }
}

extension DatePattern {
    /// Nil when the text does not have the pattern's form.
    func read(_ text: ArraySlice<UInt8>) -> ParsedDate? {
        var reader = DatePatternReader(rest: text)
        return reader.read(pieces) && reader.rest.isEmpty ? reader.parsed : nil
    }

    /// Milliseconds since the epoch; what the pattern does not name defaults to 1970-01-01, 00:00:00.000 and UTC. Nil for texts that do
    /// not have the pattern's form, name an impossible time or a zone by its region.
    func timestamp(_ text: ArraySlice<UInt8>) -> Int64? {
        timestamp(text, in: .utc) { TimeZoneNames.regions[$0.lowercased()] == "UTC" ? .utc : nil }
    }

    /// The same with a zone for texts that name none, and a table for those that name a region.
    func timestamp(_ text: ArraySlice<UInt8>, in zone: TimeZone, _ find: (String) -> TimeZone?) -> Int64? {
        guard let parsed = read(text), let days = parsed.days(defaults: true), let time = parsed.timeOfDay(defaults: true) else {
            return nil
        }
        let local = days * TemporalText.millisecondsPerDay + time
        switch parsed.zone {
        case nil: return zone.instant(ofLocal: local)
        case .offset(let seconds): return local - seconds * 1000
        case .region(let name): return find(TimeZoneNames.regions[name.lowercased()] ?? name)?.instant(ofLocal: local)
        }
    }
}

/// Takes the pieces of a pattern from the front of a text.
private struct DatePatternReader {
    var rest: ArraySlice<UInt8>
    var parsed = ParsedDate()

    mutating func read(_ pieces: [DatePattern.Piece]) -> Bool {
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let literal): guard take(literal) else { return false }
            case .number(let letter, let width):
                guard readNumber(letter, width, reserved: reserved(pieces[(index + 1)...])) else { return false }
            case .name(let letter, let width): guard readName(letter, width) else { return false }
            case .fraction(let width):
                guard var value = digits(width...width) else { return false }
                for _ in width..<9 { value *= 10 }
                parsed.nanoseconds = value
            case .zone(let letter, let width): guard readZone(letter, width) else { return false }
            case .padded(let inner, let width):
                let field = rest.prefix(width)
                guard field.count == width else { return false }
                let behind = rest.dropFirst(width)
                rest = field.drop { $0 == UInt8(ascii: " ") }
                guard read([inner]), rest.isEmpty else { return false }
                rest = behind
            case .optional(let inner):
                let before = self
                if !read(inner) { self = before }
            }
        }
        return true
    }

    /// Digits that the numbers directly behind a number of open width need.
    private func reserved(_ pieces: ArraySlice<DatePattern.Piece>) -> Int {
        var count = 0
        for piece in pieces {
            switch piece {
            case .number(let letter, let width) where width == 2 || letter == UInt8(ascii: "D"): count += width
            case .fraction(let width): count += width
            default: return count
            }
        }
        return count
    }

    private mutating func take(_ text: [UInt8]) -> Bool {
        guard rest.count >= text.count else { return false }
        for (a, b) in zip(rest, text) where a != b {
            let isLetter = a | 0x20 >= 0x61 && a | 0x20 <= 0x7A
            guard isLetter, a ^ b == 0x20 else { return false }
        }
        rest = rest.dropFirst(text.count)
        return true
    }

    private mutating func digits(_ counts: ClosedRange<Int>) -> Int64? {
        let run = rest.prefix(min(counts.upperBound, 18)).prefix { $0 >= 48 && $0 <= 57 }
        guard run.count >= counts.lowerBound, let value = NumberText.integer(run) else { return nil }
        rest = rest[run.endIndex...]
        return value
    }

    private mutating func readNumber(_ letter: UInt8, _ width: Int, reserved: Int) -> Bool {
        let isYear = "yuY".utf8.contains(letter)
        if width == 2, letter != UInt8(ascii: "D") {
            guard let value = digits(2...2) else { return false }
            parsed.set(letter, isYear ? 2000 + value : value)
            return true
        }
        var sign: UInt8?
        if isYear, let first = rest.first, first == UInt8(ascii: "-") || (first == UInt8(ascii: "+") && width >= 4) {
            sign = first
            rest = rest.dropFirst()
        }
        let available = rest.prefix { $0 >= 48 && $0 <= 57 }.count
        var limit = max(width, available - reserved)
        // Four letters and more: exactly so many digits, unless a sign says otherwise.
        if isYear, width >= 4 { limit = sign == nil ? width : limit }
        if letter == UInt8(ascii: "D") { limit = min(limit, 3) }
        guard let value = digits(width...max(width, limit)) else { return false }
        parsed.set(letter, sign == UInt8(ascii: "-") ? -value : value)
        return true
    }

    private mutating func readName(_ letter: UInt8, _ width: Int) -> Bool {
        // Longer names first, so that none is cut short.
        for (name, value) in DateNames.names(letter, width).sorted(by: { $0.name.utf8.count > $1.name.utf8.count })
        where take(Array(name.utf8)) {
            parsed.set(letter, value)
            return true
        }
        return false
    }

    private mutating func readZone(_ letter: UInt8, _ width: Int) -> Bool {
        switch letter {
        case UInt8(ascii: "X"), UInt8(ascii: "x"), UInt8(ascii: "Z"):
            if letter == UInt8(ascii: "X") || (letter == UInt8(ascii: "Z") && width == 5), take([UInt8(ascii: "Z")]) {
                parsed.zone = .offset(0)
                return true
            }
            if letter == UInt8(ascii: "Z"), width == 4 { return readLocalizedOffset() }
            return readOffset(
                hasColon: letter == UInt8(ascii: "Z") ? width == 5 : width == 3 || width == 5,
                isShort: width == 1 && letter != UInt8(ascii: "Z"))
        case UInt8(ascii: "O"): return readLocalizedOffset()
        default: return readZoneName()
        }
    }

    private mutating func readLocalizedOffset() -> Bool {
        guard take(Array("GMT".utf8)) else { return false }
        if readOffset(hasColon: true, isShort: true) { return true }
        parsed.zone = .offset(0)
        return true
    }

    /// `+hh`, `+hhmm` or `+hh:mm`, perhaps with seconds.
    private mutating func readOffset(hasColon: Bool, isShort: Bool) -> Bool {
        let before = rest
        guard let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return false }
        rest = rest.dropFirst()
        guard let hours = digits(2...2) ?? (isShort ? digits(1...1) : nil) else {
            rest = before
            return false
        }
        var seconds = hours * 3600
        var count = 1
        for unit in [60, 1] as [Int64] {
            let mark = rest
            if hasColon, !take([UInt8(ascii: ":")]) { break }
            guard let value = digits(2...2), value < 60 else {
                rest = mark
                break
            }
            seconds += value * unit
            count += 1
        }
        guard seconds <= 18 * 3600, count > 1 || isShort else {
            rest = before
            return false
        }
        parsed.zone = .offset(sign == UInt8(ascii: "-") ? -seconds : seconds)
        return true
    }

    /// An abbreviation, a name, a region's id, or an offset, perhaps after UTC or GMT.
    private mutating func readZoneName() -> Bool {
        if readOffset(hasColon: true, isShort: true) { return true }
        for prefix in ["UTC", "GMT"] {
            let before = rest
            if take(Array(prefix.utf8)), readOffset(hasColon: true, isShort: true) { return true }
            rest = before
        }
        let names = TimeZoneNames.regions.keys.filter { $0.contains(" ") }.sorted { $0.count > $1.count }
        for name in names where take(Array(name.utf8)) {
            parsed.zone = .region(name)
            return true
        }
        let name = rest.prefix { byte in
            (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 48 && byte <= 57) || "_/+-".utf8.contains(byte)
        }
        guard let first = name.first, first | 0x20 >= 0x61 else { return false }
        parsed.zone = .region(string(name))
        rest = rest[name.endIndex...]
        return true
    }
}
