// Reading by the lenient patterns of PARSE_DATE, as java.text.SimpleDateFormat does: numbers may have fewer digits, values
// out of range roll over, and text behind the pattern is ignored.

import Quantities
import Values

extension CalendarPattern {
    /// Milliseconds since the epoch, in UTC; nil when the text does not have the pattern's form. `now` places two-digit years in the
    /// century from 80 years ago on.
    func instant(_ text: ArraySlice<UInt8>, now: Int64) -> Int64? {
        var rest = text
        var fields = CalendarFields(now: now)
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let literal):
                guard rest.starts(with: literal) else { return nil }
                rest = rest.dropFirst(literal.count)
            case .field(let letter, let width):
                rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
                guard read(letter, width, isAbutting: isNumber(index) && isNumber(index + 1), &rest, &fields) else { return nil }
            }
        }
        return fields.instant
    }

    /// Numbers that stand directly before another number keep their width.
    private func isNumber(_ index: Int) -> Bool {
        guard index < pieces.count, case .field(let letter, let width) = pieces[index] else { return false }
        switch letter {
        case UInt8(ascii: "M"), UInt8(ascii: "L"): return width < 3
        case UInt8(ascii: "G"), UInt8(ascii: "E"), UInt8(ascii: "a"), UInt8(ascii: "z"), UInt8(ascii: "Z"), UInt8(ascii: "X"): return false
        default: return true
        }
    }

    private func read(
        _ letter: UInt8, _ width: Int, isAbutting: Bool, _ rest: inout ArraySlice<UInt8>, _ fields: inout CalendarFields
    ) -> Bool {
        switch letter {
        case UInt8(ascii: "G"), UInt8(ascii: "E"), UInt8(ascii: "a"):
            guard let value = CalendarPattern.name(letter, &rest) else { return false }
            fields.set(letter, value)
            return true
        case UInt8(ascii: "z"), UInt8(ascii: "Z"), UInt8(ascii: "X"):
            guard let offset = CalendarPattern.zone(&rest) else { return false }
            fields.zoneOffset = offset
            return true
        case UInt8(ascii: "M") where width >= 3, UInt8(ascii: "L") where width >= 3:
            guard let value = CalendarPattern.name(UInt8(ascii: "M"), &rest) else { return false }
            fields.set(UInt8(ascii: "M"), value)
            return true
        default:
            let isNegative = !isAbutting && rest.first == UInt8(ascii: "-")
            if isNegative { rest.removeFirst() }
            let digits = rest.prefix(isAbutting ? width : 18).prefix { $0 >= 48 && $0 <= 57 }
            guard let value = NumberText.integer(digits), !isAbutting || digits.count == width else { return false }
            rest = rest[digits.endIndex...]
            if letter == UInt8(ascii: "y") || letter == UInt8(ascii: "Y"), width <= 2, digits.count == 2, !isNegative {
                fields.setShortYear(letter, value)
            } else {
                fields.set(letter, isNegative ? -value : value)
            }
            return true
        }
    }

    /// A full or short name in any case.
    private static func name(_ letter: UInt8, _ rest: inout ArraySlice<UInt8>) -> Int64? {
        for (name, value) in DateNames.names(letter, 4) + DateNames.names(letter, 3) {
            let wanted = name.lowercased().utf8
            if rest.count >= wanted.count, zip(rest, wanted).allSatisfy({ $0 == $1 || $0 ^ $1 == 0x20 }) {
                rest = rest.dropFirst(wanted.count)
                return value
            }
        }
        return nil
    }

    /// Milliseconds east of UTC.
    private static func zone(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        for name in ["UTC", "GMT", "Z"] where rest.starts(with: name.utf8) {
            rest = rest.dropFirst(name.utf8.count)
            if name == "Z" || rest.first != UInt8(ascii: "+") && rest.first != UInt8(ascii: "-") { return 0 }
        }
        let text = rest.prefix { ($0 >= 48 && $0 <= 58) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        guard let offset = TimeZoneNames.offset(text) else { return nil }
        rest = rest[text.endIndex...]
        return offset * 1000
    }
}

/// What a text says, resolved without any check of ranges.
private struct CalendarFields {
    private var numbers: [UInt8: Int64] = [:]
    /// The place of each letter among those that were read: of several ways to name a day the last one counts.
    private var order: [UInt8: Int] = [:]
    private let now: Int64
    var zoneOffset: Int64 = 0

    init(now: Int64) { self.now = now }

    mutating func set(_ letter: UInt8, _ value: Int64) {
        // Monday is 1 of both; which of the two says it makes no difference.
        let letter = letter == UInt8(ascii: "u") ? UInt8(ascii: "E") : letter == UInt8(ascii: "L") ? UInt8(ascii: "M") : letter
        numbers[letter] = value
        order[letter] = order.count + 1
    }

    mutating func setShortYear(_ letter: UInt8, _ value: Int64) {
        let start = CivilDate(daysSinceEpoch: floorDivide(now, TemporalText.millisecondsPerDay).quotient).year - 80
        let century = start - floorDivide(start, 100).remainder
        set(letter, century + value < start ? century + 100 + value : century + value)
    }

    private func number(_ letter: Unicode.Scalar) -> Int64? { numbers[UInt8(ascii: letter)] }

    var instant: Int64? {
        var year = number("y") ?? number("Y") ?? 1970
        if number("G") == 0 { year = 1 - year }
        let month = (number("M") ?? 1) - 1
        // Far beyond these bounds the milliseconds would not fit 64 bits.
        let limit: Int64 = 1_000_000_000
        guard year.magnitude < 100_000_000, month.magnitude < limit, numbers.values.allSatisfy({ $0.magnitude < 1 << 40 }) else {
            return nil
        }
        let (years, monthOfYear) = floorDivide(month, 12)
        let first = CivilDate(year: year + years, month: monthOfYear + 1, day: 1).daysSinceEpoch
        let days = self.days(year: year, firstOfMonth: first)
        var hour = number("H") ?? number("k").map { $0 == 24 ? 0 : $0 } ?? 0
        if number("H") == nil, number("k") == nil, let clock = number("K") ?? number("h").map({ $0 == 12 ? 0 : $0 }) {
            hour = clock + (number("a") ?? 0) * 12
        }
        let (whole, overflow) = days.multipliedReportingOverflow(by: TemporalText.millisecondsPerDay)
        let time = ((hour * 60 + (number("m") ?? 0)) * 60 + (number("s") ?? 0)) * 1000 + (number("S") ?? 0)
        let (instant, overflow2) = whole.addingReportingOverflow(time - zoneOffset)
        return overflow || overflow2 ? nil : instant
    }

    /// The weekday as Calendar counts from Sunday, 0 to 6; `u` and names count from Monday.
    private var weekday: Int64? { number("E").map { floorDivide($0, 7).remainder } }

    /// The day, by the rules of java.util.Calendar: a year of weeks that was read last decides, with its week and weekday; else of day of the
    /// month, week of the month, weekday in the month, day of the year and week of the year that which was read last, a weekday alone being the
    /// first one of the month.
    private func days(year: Int64, firstOfMonth: Int64) -> Int64 {
        func place(_ letter: Unicode.Scalar) -> Int { order[UInt8(ascii: letter)] ?? 0 }
        func pair(_ letter: Unicode.Scalar) -> Int { place(letter) == 0 || place("E") == 0 ? 0 : max(place(letter), place("E")) }
        if let weekYear = number("Y"), place("Y") > place("y") {
            return CalendarWeek(year: weekYear, number: number("w") ?? 1).firstDay + (weekday ?? 0)
        }
        var places = [place("d"), pair("W"), pair("F"), place("D"), pair("w")]
        if places.allSatisfy({ $0 == 0 }) { places = [0, place("W"), max(place("F"), place("E")), 0, place("w")] }
        guard let latest = places.max(), latest > 0, let best = places.firstIndex(of: latest) else { return firstOfMonth }
        let firstOfYear = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch
        switch best {
        case 1: return CalendarWeek.start(of: firstOfMonth) + ((number("W") ?? 1) - 1) * 7 + (weekday ?? 0)
        case 2:
            let count = number("F") ?? 1
            let wanted = weekday ?? 0
            let length = CivilDate.days(inMonth: CivilDate(daysSinceEpoch: firstOfMonth).month, of: CivilDate(daysSinceEpoch: firstOfMonth).year)
            let last = count >= 0 ? firstOfMonth + 7 * count - 1 : firstOfMonth + length + 7 * (count + 1) - 1
            return last - floorDivide(CalendarWeek.weekday(last) - wanted, 7).remainder
        case 3: return firstOfYear + (number("D") ?? 1) - 1
        case 4: return CalendarWeek.start(of: firstOfYear) + ((number("w") ?? 1) - 1) * 7 + (weekday ?? 0)
        default: return firstOfMonth + (number("d") ?? 1) - 1
        }
    }
}
