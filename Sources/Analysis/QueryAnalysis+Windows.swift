// The WINDOW clause, and all durations in queries.

import Catalog
import Diagnostics
import Functions
import Plans
import Quantities
import Syntax
import Values

extension QueryAnalysis {
    func describe(_ clause: WindowClause) throws(Diagnostic) -> WindowDescription {
        let shape: WindowDescription.Shape
        let length: Milliseconds
        let calendar = try context.calendar(of: clause)
        switch clause.shape {
        case .tumbling where calendar != nil, .calendar where calendar != nil:
            length = try context.longest(of: calendar, clause)
            shape = .tumbling(size: length)
        case .calendar: throw Diagnostic(.windowError, "the windows have no size", at: clause.span.range)
        case .tumbling(let size):
            length = try milliseconds(size)
            shape = .tumbling(size: length)
        case .hopping(let size, let advance):
            length = try milliseconds(size)
            let step = try milliseconds(advance)
            if step <= 0 || step > length {
                throw Diagnostic(
                    .windowError, "the ADVANCE of a hopping window must be more than zero and at most its SIZE", at: advance.span.range)
            }
            let windows = (length.count - 1) / step.count + 1
            if windows > WindowDescription.windowsPerRow {
                throw Diagnostic(
                    .windowError, "a row would be in \(windows) windows, more than \(WindowDescription.windowsPerRow)",
                    hint: "A row is in as many windows as the ADVANCE fits into the SIZE: use a longer ADVANCE or a shorter SIZE.",
                    at: advance.span.range)
            }
            shape = .hopping(size: length, advance: step)
        case .session(let gap):
            length = try milliseconds(gap)
            shape = .session(gap: length)
        }
        if length <= 0 { throw Diagnostic(.windowError, "the size of a window must be more than zero", at: clause.span.range) }
        let grace = try clause.grace.map { duration throws(Diagnostic) in try gracePeriod(duration) } ?? defaultGrace(length, calendar)
        let asked = try optionalMilliseconds(clause.retention)
        guard let needed = length.checkedSum(grace), asked ?? needed >= needed else {
            throw Diagnostic(
                .windowError, "the RETENTION of a window must be at least its size plus its GRACE PERIOD",
                at: clause.retention?.span.range ?? clause.span.range)
        }
        return WindowDescription(shape: shape, grace: grace, retention: asked ?? needed, calendar: calendar)
    }

    /// The grace period where the statement names none: what a day has more than the window, as in ksqlDB, and a whole day for what ksqlDB does not
    /// have. EMIT FINAL has none.
    private func defaultGrace(_ length: Milliseconds, _ calendar: WindowCalendar?) -> Milliseconds {
        if query.emit == .final { return 0 }
        let day = Milliseconds(TemporalText.millisecondsPerDay)
        return calendar != nil || query.isDistinct ? day : max(day - length, 0)
    }
}

/// A duration, or the complaint that it is too long.
func milliseconds(_ duration: Syntax.Duration) throws(Diagnostic) -> Milliseconds {
    guard let value = duration.milliseconds else {
        throw Diagnostic(.numberOutOfRange, "\(duration.count) \(duration.unit.rawValue) is too long", at: duration.span.range)
    }
    return Milliseconds(value)
}

/// A grace period, or the complaint that it is none.
func gracePeriod(_ duration: Syntax.Duration) throws(Diagnostic) -> Milliseconds {
    let value = try milliseconds(duration)
    if value < 0 { throw Diagnostic(.windowError, "the GRACE PERIOD must not be negative", at: duration.span.range) }
    return value
}

private func optionalMilliseconds(_ duration: Syntax.Duration?) throws(Diagnostic) -> Milliseconds? {
    guard let duration else { return nil }
    return try milliseconds(duration)
}
