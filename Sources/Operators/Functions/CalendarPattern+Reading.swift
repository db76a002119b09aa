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
                fields.setShortYear(value)
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
    private let now: Int64
    var zoneOffset: Int64 = 0

    init(now: Int64) { self.now = now }

    mutating func set(_ letter: UInt8, _ value: Int64) { numbers[letter] = value }

    mutating func setShortYear(_ value: Int64) {
        let start = CivilDate(daysSinceEpoch: floorDivide(now, TemporalText.millisecondsPerDay).quotient).year - 80
        let century = start - floorDivide(start, 100).remainder
        set(UInt8(ascii: "y"), century + value < start ? century + 100 + value : century + value)
    }

    private func number(_ letter: Unicode.Scalar) -> Int64? { numbers[UInt8(ascii: letter)] }

    var instant: Int64? {
        var year = number("y") ?? number("Y") ?? 1970
        if number("G") == 0 { year = 1 - year }
        let month = (number("M") ?? number("L") ?? 1) - 1
        // Far beyond these bounds the milliseconds would not fit 64 bits.
        let limit: Int64 = 1_000_000_000
        guard year.magnitude < 100_000_000, month.magnitude < limit, numbers.values.allSatisfy({ $0.magnitude < 1 << 40 }) else {
            return nil
        }
        let (years, monthOfYear) = floorDivide(month, 12)
        var days = CivilDate(year: year + years, month: monthOfYear + 1, day: 1).daysSinceEpoch
        if let dayOfYear = number("D"), number("d") == nil {
            days = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch + dayOfYear - 1
        } else {
            days += (number("d") ?? 1) - 1
        }
        var hour = number("H") ?? number("k").map { $0 == 24 ? 0 : $0 } ?? 0
        if number("H") == nil, number("k") == nil, let clock = number("K") ?? number("h").map({ $0 == 12 ? 0 : $0 }) {
            hour = clock + (number("a") ?? 0) * 12
        }
        let (whole, overflow) = days.multipliedReportingOverflow(by: TemporalText.millisecondsPerDay)
        let time = ((hour * 60 + (number("m") ?? 0)) * 60 + (number("s") ?? 0)) * 1000 + (number("S") ?? 0)
        let (instant, overflow2) = whole.addingReportingOverflow(time - zoneOffset)
        return overflow || overflow2 ? nil : instant
    }
}
