// Windows that follow a calendar: weeks, months, quarters and years, TIME ZONE and OFFSET.

import Catalog
import Diagnostics
import Functions
import Plans
import Quantities
import Syntax
import Values

extension AnalysisContext {
    /// The calendar of a clause; nil where its windows begin at multiples of their length.
    func calendar(of clause: WindowClause) throws(Diagnostic) -> WindowCalendar? {
        var calendar: WindowCalendar
        switch clause.shape {
        case .calendar(let size):
            try checkIsFull("windows of \(size.unit.rawValue)", size.span)
            if size.count <= 0 { throw Diagnostic(.windowError, "the size of a window must be more than zero", at: size.span.range) }
            calendar = WindowCalendar(unit: size.unit == .weeks ? .weeks : .months, count: try size.unitCount(), zone: nil, offset: 0)
        case .tumbling(let size):
            guard clause.zone != nil || clause.offset != nil else { return nil }
            let length = try milliseconds(size)
            if length <= 0 { throw Diagnostic(.windowError, "the size of a window must be more than zero", at: size.span.range) }
            let (days, rest) = length.count.quotientAndRemainder(dividingBy: TemporalText.millisecondsPerDay)
            calendar = WindowCalendar(
                unit: rest == 0 ? .days : .milliseconds, count: rest == 0 ? days : length.count, zone: nil, offset: 0)
        case .hopping, .session:
            guard let span = clause.zone?.span ?? clause.offset?.span else { return nil }
            throw Diagnostic(
                .windowError, "only TUMBLING windows can have a TIME ZONE or an OFFSET",
                hint: "HOPPING windows overlap, and sessions begin with their rows.", at: span.range)
        }
        if let zone = clause.zone {
            try checkIsFull("TIME ZONE", zone.span)
            let literal = TypedExpression.literal(.string(zone.text), .string)
            if let problem = literalProblem(WindowCalendar.function, [.literal(.null, .bigint), literal]) {
                throw Diagnostic(
                    .windowError, problem.message,
                    hint: closestMatch(to: zone.text, among: problem.candidates).map { "Did you mean '\($0)'?" } ?? problem.hint, at: zone.span.range)
            }
            calendar.zone = zone.text
        }
        if let offset = clause.offset { calendar.offset = try self.offset(offset, of: calendar) }
        return calendar
    }

    /// How much later the windows of a calendar begin.
    private func offset(_ written: Syntax.Duration, of calendar: WindowCalendar) throws(Diagnostic) -> Milliseconds {
        try checkIsFull("OFFSET", written.span)
        let offset = try milliseconds(written)
        var plain = calendar
        plain.zone = nil
        guard offset >= 0, let size = plain.longest, offset < size else {
            throw Diagnostic(.windowError, "the OFFSET of a window must be at least zero and less than its SIZE", at: written.span.range)
        }
        return offset
    }

    private func checkIsFull(_ what: String, _ span: SourceSpan) throws(Diagnostic) {
        if isFull { return }
        throw Diagnostic(
            .featureNotSupported, "\(what) is not part of ksqlDB's dialect", hint: "SET 'millrace.dialect' = 'full' allows it.",
            at: span.range)
    }

    /// A length that no window of the calendar exceeds.
    func longest(of calendar: WindowCalendar?, _ clause: WindowClause) throws(Diagnostic) -> Milliseconds {
        guard let longest = calendar?.longest, longest.count <= SyntaxLimits.longestDuration else {
            throw Diagnostic(.numberOutOfRange, "the windows are too long", at: clause.span.range)
        }
        return longest
    }
}

extension CalendarDuration {
    /// How many weeks these are, or else how many months.
    fileprivate func unitCount() throws(Diagnostic) -> Int64 {
        let factor: Int64 =
            switch unit {
            case .weeks, .months: 1
            case .quarters: 3
            case .years: 12
            }
        let (months, isTooMany) = count.multipliedReportingOverflow(by: factor)
        if isTooMany { throw Diagnostic(.numberOutOfRange, "\(count) \(unit.rawValue) is too long", at: span.range) }
        return months
    }
}
