// The WINDOW clause of a question. All rows are there, so none is late: a row is counted in each window that its ROWTIME lies in, and what
// GRACE PERIOD and RETENTION say changes nothing.

import Diagnostics
import Plans
import Quantities
import Syntax
import Values

/// The windows of one SELECT.
struct QuestionWindows {
    private enum Shape {
        /// Windows of one size, one behind the other or one every `advance` milliseconds.
        case fixed(size: Int64, advance: Int64)
        /// Windows that follow a calendar or the clock of a zone.
        case calendar(WindowCalendar)
        case session(gap: Int64)
    }

    private let shape: Shape
    /// The time of a row of FROM.
    private let time: TypedExpression

    init(_ clause: WindowClause, over tables: QuestionTables, _ analysis: QuestionAnalysis, _ block: SelectBlock) throws(Diagnostic) {
        shape = try Self.shape(of: clause, analysis.context)
        time = try Self.time(of: tables, analysis, clause)
    }

    private static func shape(of clause: WindowClause, _ context: AnalysisContext) throws(Diagnostic) -> Shape {
        let shape: Shape
        if let calendar = try context.calendar(of: clause) {
            _ = try context.longest(of: calendar, clause)
            if let grace = clause.grace { _ = try gracePeriod(grace) }
            return .calendar(calendar)
        }
        if case .tumbling(let size) = clause.shape {
            let length = try milliseconds(size).count
            shape = .fixed(size: length, advance: length)
        } else if case .hopping(let size, let advance) = clause.shape {
            let (length, step) = (try milliseconds(size).count, try milliseconds(advance).count)
            guard step > 0, step <= length else {
                throw Diagnostic(
                    .windowError, "the ADVANCE of a hopping window must be more than zero and at most its SIZE", at: advance.span.range)
            }
            guard (length - 1) / step < WindowDescription.windowsPerRow else {
                throw Diagnostic(
                    .windowError, "a row would be in \((length - 1) / step + 1) windows, more than \(WindowDescription.windowsPerRow)",
                    hint: "A row is in as many windows as the ADVANCE fits into the SIZE: use a longer ADVANCE or a shorter SIZE.",
                    at: advance.span.range)
            }
            shape = .fixed(size: length, advance: step)
        } else if case .session(let gap) = clause.shape {
            shape = .session(gap: try milliseconds(gap).count)
        } else {
            throw Diagnostic(.internalError, "windows of a calendar without a calendar", at: clause.span.range)
        }
        let length = if case .fixed(let size, _) = shape { size } else if case .session(let gap) = shape { gap } else { Int64(0) }
        guard length > 0, length < Int64.max / 4 else {
            throw Diagnostic(.windowError, "the size of a window must be more than zero, and not that large", at: clause.span.range)
        }
        if let grace = clause.grace { _ = try gracePeriod(grace) }
        return shape
    }

    /// The latest ROWTIME of the streams that are joined; without a stream a column of that name.
    private static func time(
        of tables: QuestionTables, _ analysis: QuestionAnalysis, _ clause: WindowClause
    ) throws(Diagnostic) -> TypedExpression {
        let times = tables.streamTimes.map { TypedExpression.column($0, .bigint) }
        if let first = times.first {
            guard times.count > 1 else { return first }
            return TypedExpression(.call("GREATEST", times), .bigint)
        }
        let name = Name("ROWTIME", isQuoted: true, span: clause.span)
        guard let found = try? tables.scope(in: analysis).resolve(source: nil, name, place: "WINDOW column"),
            [.bigint, .integer, .timestamp].contains(found.type)
        else {
            throw Diagnostic(
                .windowError, "WINDOW needs the time of each row, which subqueries do not have",
                hint: "Let the subquery give a column ROWTIME of type BIGINT: SELECT …, ROWTIME FROM ….", at: clause.span.range)
        }
        return found.type == .timestamp ? TypedExpression(.call("UNIX_TIMESTAMP", [found]), .bigint) : found.coerced(to: .bigint)
    }

    // MARK: Plans

    /// The rows with the bounds of their windows as the last two columns. `keys` are those of the groups, for sessions.
    func windowed(_ input: RelationalStep, by keys: [TypedExpression]) -> RelationalStep {
        switch shape {
        case .fixed(let size, let advance) where size == advance:
            let start = time - (time % number(size))
            return input.adding([start, start + number(size)])
        case .fixed(let size, let advance):
            // The numbers of the first and of the last window that the row is in; there are none before time 0.
            let isEarly = TypedExpression(.compare(.less, time, number(size)), .boolean)
            let first = TypedExpression(
                .searchedCase([CaseBranch(condition: isEarly, result: number(0))], otherwise: (time - number(size)) / number(advance) + number(1)),
                .bigint)
            let series = TypedExpression(.call("GENERATE_SERIES", [first, time / number(advance)]), .array(.bigint))
            let numbered = RelationalStep.unnest(input, [TableFunctionCall(function: "EXPLODE", arguments: [series], result: .bigint)])
            let start = TypedExpression.column(input.types.count, .bigint) * number(advance)
            return numbered.adding([start, start + number(size)])
        case .calendar(let calendar): return input.adding([bound(of: calendar, isEnd: false), bound(of: calendar, isEnd: true)])
        case .session(let gap): return sessions(input, by: keys, gap)
        }
    }

    /// Rows of one key, none of which is more than `gap` behind the one before, are a session: its bounds are the first and the last time.
    private func sessions(_ input: RelationalStep, by keys: [TypedExpression], _ gap: Int64) -> RelationalStep {
        func over(
            _ function: WindowFunctionCall.Function, _ keys: [TypedExpression], isOrdered: Bool
        ) -> WindowFunctionCall {
            WindowFunctionCall(
                function: function, partitionBy: keys,
                orderBy: isOrdered ? [RelationalSortKey(expression: time, isDescending: false, nullsFirst: false)] : [], unit: .rows,
                start: .unboundedPreceding, end: isOrdered ? .currentRow : .unboundedFollowing, type: .bigint)
        }
        func aggregate(_ name: String, _ argument: TypedExpression) -> WindowFunctionCall.Function {
            .aggregate(RelationalAggregate(call: AggregateCall(function: name, arguments: [argument], options: [], result: .bigint)))
        }
        let width = input.types.count
        // A row without one before it is farther behind it than the gap.
        let before = over(.lag(time, offset: number(1), otherwise: time - number(gap + 1)), keys, isOrdered: true)
        let distance = time - TypedExpression.column(width, .bigint)
        let isFirst = TypedExpression(.compare(.greater, distance, number(gap)), .boolean)
        let begins = TypedExpression(.searchedCase([CaseBranch(condition: isFirst, result: number(1))], otherwise: number(0)), .bigint)
        let begun = RelationalStep.window(.window(input, [before]), [over(aggregate("SUM", begins), keys, isOrdered: true)])
        let session = keys + [TypedExpression.column(width + 1, .bigint)]
        return .window(
            begun, [over(aggregate("MIN", time), session, isOrdered: false), over(aggregate("MAX", time), session, isOrdered: false)])
    }

    private func bound(of calendar: WindowCalendar, isEnd: Bool) -> TypedExpression {
        func text(_ text: String) -> TypedExpression { .literal(.string(text), .string) }
        return TypedExpression(
            .call(
                WindowCalendar.function,
                [
                    time, text(calendar.zone ?? ""), text(calendar.unit.rawValue), number(calendar.count), number(calendar.offset.count),
                    .literal(.boolean(isEnd), .boolean),
                ]), .bigint)
    }

    private func number(_ value: Int64) -> TypedExpression { .literal(.bigint(value), .bigint) }
}

extension RelationalStep {
    /// The rows with more columns behind them.
    fileprivate func adding(_ columns: [TypedExpression]) -> RelationalStep {
        .project(self, types.enumerated().map { .column($0, $1) } + columns)
    }
}

// Arithmetic of BIGINTs.
private func + (a: TypedExpression, b: TypedExpression) -> TypedExpression { TypedExpression(.arithmetic(.add, a, b), .bigint) }
private func - (a: TypedExpression, b: TypedExpression) -> TypedExpression { TypedExpression(.arithmetic(.subtract, a, b), .bigint) }
private func * (a: TypedExpression, b: TypedExpression) -> TypedExpression { TypedExpression(.arithmetic(.multiply, a, b), .bigint) }
private func / (a: TypedExpression, b: TypedExpression) -> TypedExpression { TypedExpression(.arithmetic(.divide, a, b), .bigint) }
private func % (a: TypedExpression, b: TypedExpression) -> TypedExpression { TypedExpression(.arithmetic(.modulo, a, b), .bigint) }
