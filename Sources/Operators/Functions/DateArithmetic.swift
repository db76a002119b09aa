// Bodies of the arithmetic of dates and times, and of their conversions to numbers.

import Quantities
import Values

/// A unit of an interval.
enum IntervalUnit {
    /// Milliseconds of one unit.
    static func milliseconds(_ name: ArraySlice<UInt8>) throws(EvaluationError) -> Int64 {
        switch string(name).uppercased() {
        case "DAY", "DAYS": return TemporalText.millisecondsPerDay
        case "HOUR", "HOURS": return 3_600_000
        case "MINUTE", "MINUTES": return 60_000
        case "SECOND", "SECONDS": return 1000
        case "MILLISECOND", "MILLISECONDS": return 1
        case let unit: throw EvaluationError("'\(unit)' is no unit of time")
        }
    }
}

extension FunctionLibrary {
    static let dateArithmetic: [FunctionBody] = [
        FunctionBody("DATEADD", [.string, .integer, .date], shift(1, date)),
        FunctionBody("DATESUB", [.string, .integer, .date], shift(-1, date)),
        FunctionBody("TIMEADD", [.string, .integer, .time], shift(1, time)),
        FunctionBody("TIMESUB", [.string, .integer, .time], shift(-1, time)),
        FunctionBody("TIMESTAMPADD", [.string, .integer, .timestamp], shift(1, timestamp)),
        FunctionBody("TIMESTAMPSUB", [.string, .integer, .timestamp], shift(-1, timestamp)),
        FunctionBody(
            "FROM_DAYS", [.integer], nulls: .seen,
            .vectorised { call in
                call.words { row throws(EvaluationError) in
                    if call.isNull(0, row) { throw EvaluationError("the number of days must not be null") }
                    return call.arguments[0].words[row]
                }
            }),
        FunctionBody("FROM_UNIXTIME", [.bigint], sameWord),
        FunctionBody("UNIX_DATE", [.date], sameWord),
        FunctionBody("UNIX_TIMESTAMP", [.timestamp], sameWord),
        FunctionBody(
            "UNIX_TIMESTAMP", [],
            .vectorised { call in
                let now = call.frame.environment.now()
                call.words { _ in now }
            }),
        FunctionBody(
            "UNIX_DATE", [],
            .vectorised { call in
                let today = floorDivide(call.frame.environment.now(), TemporalText.millisecondsPerDay).quotient
                call.words { _ in today }
            }),
    ]

    private static let sameWord = FunctionBody.Shape.vectorised { call in call.words { call.arguments[0].words[$0] } }

    /// A body that adds an interval, `sign` times, to the third argument.
    private static func shift(
        _ sign: Int64, _ add: @escaping @Sendable (_ value: Int64, _ milliseconds: Int64) throws(EvaluationError) -> Int64
    ) -> FunctionBody.Shape {
        .prepared { _, _ in
            let units = Recent<Int64>()
            return { call in
                call.words { row throws(EvaluationError) in
                    let unit = try units.get(call.arguments[0].text(row), IntervalUnit.milliseconds)
                    return try add(call.arguments[2].words[row], sign * call.arguments[1].words[row] * unit)
                }
            }
        }
    }

    /// The sum in milliseconds, cut towards zero to whole days.
    @Sendable private static func date(_ days: Int64, _ milliseconds: Int64) throws(EvaluationError) -> Int64 {
        // A date counts days in 32 bits, and so does the interval: the sum in milliseconds fits.
        let sum = (days * TemporalText.millisecondsPerDay + milliseconds) / TemporalText.millisecondsPerDay
        guard let fitting = Int32(exactly: sum) else { throw EvaluationError("the date is out of range") }
        return Int64(fitting)
    }

    @Sendable private static func timestamp(_ time: Int64, _ milliseconds: Int64) throws(EvaluationError) -> Int64 {
        let (sum, isTooLarge) = time.addingReportingOverflow(milliseconds)
        if isTooLarge { throw EvaluationError("the timestamp is out of range") }
        return sum
    }

    /// The clock turns over at midnight.
    @Sendable private static func time(_ time: Int64, _ milliseconds: Int64) -> Int64 {
        floorDivide(time + milliseconds, TemporalText.millisecondsPerDay).remainder
    }
}
