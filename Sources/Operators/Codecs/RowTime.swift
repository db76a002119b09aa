// Which times rows may have, and how they are read out of a column.

import Plans
import Quantities
import Values

/// Which times rows may have: no event is before 1970 (the dialect's rule) or after year 9999. No operator above a source sees another.
enum RowTime {
    static var range: ClosedRange<Int64> { 0...EventTime.bounds.upperBound }

    /// What is wrong with a time, as the end of a sentence; nil when nothing is.
    @inline(__always) static func problem(_ milliseconds: Int64) -> String? {
        range.contains(milliseconds) ? nil : description(milliseconds)
    }

    @inline(never) private static func description(_ milliseconds: Int64) -> String {
        milliseconds < 0 ? "is negative: \(milliseconds)" : "is after the year 9999: \(milliseconds)"
    }
}

/// Reads event time out of a column.
struct TimestampReader {
    /// What a column says.
    enum Outcome {
        /// Milliseconds since the epoch, in `RowTime.range`.
        case time(Int64)
        /// Why the row has no time, as a sentence.
        case problem(String)
    }

    let column: TimestampColumn
    private let pattern: DatePattern?

    init(_ column: TimestampColumn, _ type: SQLType) throws(DataflowError) {
        self.column = column
        if let text = column.pattern {
            do throws(DatePatternError) {
                pattern = try DatePattern(text)
            } catch {
                throw DataflowError(error.message)
            }
        } else {
            pattern = nil
        }
    }

    /// The time that `row` of `values`, the column, says.
    func read(_ values: Column, _ row: Int) -> Outcome {
        guard !values.isNull(row) else { return .problem("the value of the timestamp column is null") }
        let time: Int64?
        if values.lane == .text {
            let text = values.text(row)
            time = pattern.map { $0.timestamp(text) } ?? DateTextReader.timestamp(text)
        } else {
            time = values.words[row]
        }
        guard let time else {
            let shown = string(values.text(row).prefix(60))
            return .problem("the value of the timestamp column is unreadable: '\(shown)'")
        }
        return RowTime.problem(time).map { .problem("the value of the timestamp column \($0)") } ?? .time(time)
    }
}
