// Date-time patterns in the letters of Java's DateTimeFormatter, compiled once a query: the part that reading event time needs.

import Values

/// A compiled pattern. Letters: y u M L d H h a m s S n, zone letters X x Z z V; quoted and literal text; `[` and `]` are optional parts'
/// borders only when reading, where the text between them may be missing.
struct DatePattern {
    private enum Piece {
        case number(letter: UInt8, width: Int)
        case monthName(isShort: Bool)
        case fraction(width: Int)
        case half
        case zone
        case literal([UInt8])
    }

    private var pieces: [Piece] = []

    init(_ pattern: String) throws(EvaluationError) {
        let bytes = Array(pattern.utf8)
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "'") {
                let (text, end) = try DatePattern.quoted(bytes, at)
                pieces.append(.literal(text))
                at = end
                continue
            }
            guard (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) else {
                if byte != UInt8(ascii: "["), byte != UInt8(ascii: "]") { pieces.append(.literal([byte])) }
                at += 1
                continue
            }
            var width = 0
            while at < bytes.count, bytes[at] == byte {
                width += 1
                at += 1
            }
            pieces.append(try DatePattern.piece(byte, width))
        }
    }

    private static func quoted(_ bytes: [UInt8], _ start: Int) throws(EvaluationError) -> ([UInt8], Int) {
        var at = start + 1
        if at < bytes.count, bytes[at] == UInt8(ascii: "'") { return ([UInt8(ascii: "'")], at + 1) }
        var text: [UInt8] = []
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "'") {
                guard at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "'") else { return (text, at + 1) }
                at += 1
            }
            text.append(bytes[at])
            at += 1
        }
        throw EvaluationError("the date pattern ends inside a quoted text")
    }

    private static func piece(_ letter: UInt8, _ width: Int) throws(EvaluationError) -> Piece {
        switch Character(Unicode.Scalar(letter)) {
        case "y", "u", "d", "H", "k", "h", "K", "m", "s", "n", "D", "A": return .number(letter: letter, width: width)
        case "M", "L": return width >= 3 ? .monthName(isShort: width == 3) : .number(letter: UInt8(ascii: "M"), width: width)
        case "S": return .fraction(width: width)
        case "a": return .half
        case "X", "x", "Z", "z", "V", "O": return .zone
        default: throw EvaluationError("the date pattern has the unknown letter \(Character(Unicode.Scalar(letter)))")
        }
    }

    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
    ]

    /// Milliseconds since the epoch; what the pattern does not name defaults to 1970-01-01, 00:00:00.000 and UTC.
    func timestamp(_ text: ArraySlice<UInt8>) -> Int64? {
        var fields: [UInt8: Int64] = [:]
        var isAfternoon: Bool?
        var milliseconds: Int64 = 0
        var zone: Int64 = 0
        var rest = text
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let literal):
                guard rest.starts(with: literal) else { return nil }
                rest = rest.dropFirst(literal.count)
            case .number(let letter, let width):
                guard let value = DatePattern.digits(&rest, minimum: width, maximum: maximumWidth(index, letter, width)) else { return nil }
                fields[letter] = letter == UInt8(ascii: "y") && width == 2 ? 2000 + value : value
            case .fraction(let width):
                guard var value = DatePattern.digits(&rest, minimum: width, maximum: width) else { return nil }
                for _ in 0..<max(0, 3 - width) { value *= 10 }
                for _ in 0..<max(0, width - 3) { value /= 10 }
                milliseconds = value
            case .monthName(let isShort):
                guard let month = DatePattern.month(&rest, isShort) else { return nil }
                fields[UInt8(ascii: "M")] = month
            case .half:
                let word = rest.prefix(2).map { $0 | 0x20 }
                guard word == Array("am".utf8) || word == Array("pm".utf8) else { return nil }
                isAfternoon = word[0] == UInt8(ascii: "p")
                rest = rest.dropFirst(2)
            case .zone:
                guard let offset = DatePattern.zone(&rest) else { return nil }
                zone = offset
            }
        }
        guard rest.isEmpty else { return nil }
        return DatePattern.assemble(fields, isAfternoon).map { $0 &+ milliseconds &- zone }
    }

    /// Adjacent numbers keep their width; a number before anything else may be longer.
    private func maximumWidth(_ index: Int, _ letter: UInt8, _ width: Int) -> Int {
        if index + 1 < pieces.count {
            switch pieces[index + 1] {
            case .number, .fraction: return width
            case .monthName, .half, .zone, .literal: break
            }
        }
        if width == 2 { return 2 }
        return letter == UInt8(ascii: "y") || letter == UInt8(ascii: "u") ? 9 : width == 1 ? 9 : width
    }

    private static func digits(_ rest: inout ArraySlice<UInt8>, minimum: Int, maximum: Int) -> Int64? {
        var value: Int64 = 0
        var count = 0
        while count < maximum, count < 15, let byte = rest.first, byte >= 48, byte <= 57 {
            value = value * 10 + Int64(byte - 48)
            count += 1
            rest = rest.dropFirst()
        }
        return count >= minimum && count > 0 ? value : nil
    }

    private static func month(_ rest: inout ArraySlice<UInt8>, _ isShort: Bool) -> Int64? {
        for (index, name) in months.enumerated() {
            let wanted = Array((isShort ? String(name.prefix(3)) : name).utf8)
            if rest.prefix(wanted.count).map({ $0 | 0x20 }) == wanted {
                rest = rest.dropFirst(wanted.count)
                return Int64(index + 1)
            }
        }
        return nil
    }

    /// `Z`, `UTC`, `GMT`, `+01`, `+0100`, `+01:00` as milliseconds east of UTC.
    private static func zone(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        for name in ["UTC", "GMT", "Z"] where rest.starts(with: name.utf8) {
            rest = rest.dropFirst(name.utf8.count)
            return 0
        }
        guard let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        rest = rest.dropFirst()
        guard let hours = digits(&rest, minimum: 2, maximum: 2) else { return nil }
        if rest.first == UInt8(ascii: ":") { rest = rest.dropFirst() }
        let minutes = digits(&rest, minimum: 2, maximum: 2) ?? 0
        let offset = (hours * 60 + minutes) * 60_000
        return sign == UInt8(ascii: "-") ? -offset : offset
    }

    private static func assemble(_ fields: [UInt8: Int64], _ isAfternoon: Bool?) -> Int64? {
        func field(_ letters: String, _ otherwise: Int64) -> Int64 {
            for letter in letters.utf8 { if let value = fields[letter] { return value } }
            return otherwise
        }
        let year = field("yu", 1970)
        let month = field("M", 1)
        guard (1...12).contains(month) else { return nil }
        var day = field("d", 1)
        guard day >= 1, day <= 31 else { return nil }
        day = min(day, CivilDate.daysInMonth(year: year, month: month))
        var hour = field("Hk", 0) % 24
        if let isAfternoon { hour = field("hK", 0) % 12 + (isAfternoon ? 12 : 0) }
        let minute = field("m", 0)
        let second = field("s", 0)
        guard field("Hk", 0) <= 24, minute < 60, second < 60 else { return nil }
        var days = CivilDate.toDays(year: year, month: month, day: day)
        if let dayOfYear = fields[UInt8(ascii: "D")] { days = CivilDate.toDays(year: year, month: 1, day: 1) + dayOfYear - 1 }
        let (midnight, overflow) = days.multipliedReportingOverflow(by: DateText.millisecondsPerDay)
        return overflow ? nil : midnight &+ (hour * 3600 + minute * 60 + second) * 1000
    }
}
