// Window functions: which function, its arguments, its partition, its order and its frame.

import Diagnostics
import Functions
import Plans
import Syntax
import Values

extension ExpressionAnalyser {
    /// A call with OVER.
    mutating func windowCall(
        _ name: Name, _ arguments: [Expression], _ modifiers: CallModifiers, _ window: WindowSpecification, _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        guard let parts else { throw Diagnostic(.internalError, "no question", at: whole.span.range) }
        parts.allowsWindows = false
        defer { parts.allowsWindows = true }
        let window = try spelledOut(window)
        let partitionBy = try window.partitionBy.map { key throws(Diagnostic) in try typed(key) }
        var orderBy: [RelationalSortKey] = []
        for key in window.orderBy { orderBy.append(try sortKey(try analyse(key.expression), key)) }
        let (function, type) = try windowFunction(name, arguments, modifiers, whole)
        if let frame = window.frame, frame.unit == .range, try frame.hasInterval { try countMilliseconds(&orderBy, whole) }
        let frame = try window.frame.map { frame throws(Diagnostic) in try bounds(of: frame, orderBy, whole) }
        var call = WindowFunctionCall(
            function: function, partitionBy: partitionBy, orderBy: orderBy, unit: frame?.unit ?? .range,
            start: frame?.start ?? .unboundedPreceding, end: frame?.end ?? (orderBy.isEmpty ? .unboundedFollowing : .currentRow), type: type)
        call.exclusion =
            switch window.frame?.exclusion {
            case nil, .some(.none): .none
            case .currentRow: .currentRow
            case .group: .group
            case .ties: .ties
            }
        call.ignoresNulls = try ignoresNulls(name, modifiers)
        let result = parts.column(of: call)
        guard case .aggregate(let aggregate) = function, aggregate.isSum, call.mayHaveNoRows || aggregate.filter != nil else { return result }
        var rows = call
        rows.function = .aggregate(aggregate.countOfRows)
        rows.type = .bigint
        return result.unlessZero(parts.column(of: rows))
    }

    /// Errors: the function looks at no value that could be NULL.
    private func ignoresNulls(_ name: Name, _ modifiers: CallModifiers) throws(Diagnostic) -> Bool {
        if modifiers.ignoresNulls, !["LAG", "LEAD", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"].contains(name.text) {
            throw Diagnostic(
                .windowError, "\(name.text) has no IGNORE NULLS", hint: "LAG, LEAD, FIRST_VALUE, LAST_VALUE and NTH_VALUE have it; aggregates leave NULLs out anyway.",
                at: name.span.range)
        }
        return modifiers.ignoresNulls
    }

    /// The specification with what it takes from a named window written out. Errors: there is no such window, or both have the same part.
    private func spelledOut(_ window: WindowSpecification) throws(Diagnostic) -> WindowSpecification {
        guard let base = window.base else { return window }
        guard let parts, let named = parts.namedWindows[base.text] else {
            throw Diagnostic(
                .windowError, "there is no window \(base.text)",
                hint: nameSuggestion(for: base.text, among: (parts?.namedWindows.keys).map(Array.init) ?? [])
                    ?? "WINDOW \(base.text) AS (PARTITION BY … ORDER BY …) behind HAVING names one.", at: base.span.range)
        }
        if window.isName { return named }
        if !window.partitionBy.isEmpty || !window.orderBy.isEmpty && !named.orderBy.isEmpty || named.frame != nil {
            throw Diagnostic(
                .windowError, "OVER (\(base.text) …) can add an ORDER BY where the window has none, and a frame; and the window must have no frame",
                at: base.span.range)
        }
        var result = named
        if !window.orderBy.isEmpty { result.orderBy = window.orderBy }
        result.frame = window.frame
        return result
    }

    /// Makes the windows of a WINDOW clause known, each of which may begin with one before it.
    func takeWindows(_ windows: [NamedWindow]) throws(Diagnostic) {
        guard let parts else { return }
        for window in windows {
            guard parts.namedWindows[window.name.text] == nil else {
                throw Diagnostic(.windowError, "WINDOW names two windows \(window.name.text)", at: window.name.span.range)
            }
            parts.namedWindows[window.name.text] = try spelledOut(window.specification)
        }
    }

    /// The sort key of a value. As in PostgreSQL, NULL counts as the largest value unless NULLS says otherwise. Errors: there is no order.
    func sortKey(_ value: Analysed, _ key: SortKey) throws(Diagnostic) -> RelationalSortKey {
        guard !value.type.isNested else {
            throw Diagnostic(
                .typeMismatch, "\(text(of: value.source)) is \(value.type), which has no order", at: value.source.span.range)
        }
        return RelationalSortKey(
            expression: value.expression, isDescending: key.isDescending, nullsFirst: key.nullsFirst ?? key.isDescending)
    }

    private mutating func windowFunction(
        _ name: Name, _ arguments: [Expression], _ modifiers: CallModifiers, _ whole: Expression
    ) throws(Diagnostic) -> (WindowFunctionCall.Function, SQLType) {
        func check(_ counts: ClosedRange<Int>) throws(Diagnostic) {
            guard counts.contains(arguments.count), !modifiers.isDistinct, modifiers.filter == nil else {
                let count = counts.count == 1 ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
                throw Diagnostic(
                    .wrongArguments, "the window function \(name.text) takes \(count) arguments, and neither DISTINCT nor FILTER",
                    at: whole.span.range)
            }
        }
        switch name.text {
        case "ROW_NUMBER", "RANK", "DENSE_RANK":
            try check(0...0)
            return (name.text == "ROW_NUMBER" ? .rowNumber : name.text == "RANK" ? .rank : .denseRank, .bigint)
        case "PERCENT_RANK", "CUME_DIST":
            try check(0...0)
            return (name.text == "PERCENT_RANK" ? .percentRank : .cumulativeDistribution, .double)
        case "NTILE":
            try check(1...1)
            return (.ntile(try whole64(arguments[0])), .bigint)
        case "LAG", "LEAD":
            try check(1...3)
            let value = try analyse(arguments[0])
            let offset = arguments.count > 1 ? try whole64(arguments[1]) : .literal(.bigint(1), .bigint)
            var otherwise = TypedExpression.literal(.null, value.type)
            if arguments.count > 2 {
                let given = try analyse(arguments[2])
                guard given.isNull || given.type == value.type || given.type.castsImplicitly(to: value.type) else {
                    throw Diagnostic(
                        .typeMismatch, "the default of \(name.text) is \(given.type), the value \(value.type)", at: arguments[2].span.range)
                }
                otherwise = given.expression.coerced(to: value.type)
            }
            let function: WindowFunctionCall.Function =
                name.text == "LAG"
                ? .lag(value.expression, offset: offset, otherwise: otherwise) : .lead(value.expression, offset: offset, otherwise: otherwise)
            return (function, value.type)
        case "FIRST_VALUE", "LAST_VALUE":
            try check(1...1)
            let value = try typed(arguments[0])
            return (name.text == "FIRST_VALUE" ? .firstValue(value) : .lastValue(value), value.type)
        case "NTH_VALUE":
            try check(2...2)
            let value = try typed(arguments[0])
            return (.nthValue(value, try whole64(arguments[1])), value.type)
        default:
            if modifiers.isDistinct {
                throw Diagnostic(.featureNotSupported, "an aggregate with OVER has no DISTINCT", at: whole.span.range)
            }
            let aggregate = try modifiedAggregate(name, arguments, modifiers, whole)
            return (.aggregate(aggregate), aggregate.call.result)
        }
    }

    /// A whole number as a BIGINT.
    private mutating func whole64(_ expression: Expression) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(expression)
        guard value.type == .integer || value.type == .bigint else {
            throw Diagnostic(
                .typeMismatch, "a whole number is expected, but \(text(of: expression)) is \(value.type)", at: expression.span.range)
        }
        return value.expression.coerced(to: .bigint)
    }

    private struct Frame {
        var unit: WindowFunctionCall.Unit
        var start: WindowFunctionCall.Bound
        var end: WindowFunctionCall.Bound
    }

    private mutating func bounds(
        of frame: WindowFrame, _ orderBy: [RelationalSortKey], _ whole: Expression
    ) throws(Diagnostic) -> Frame {
        let unit: WindowFunctionCall.Unit =
            switch frame.unit {
            case .rows: .rows
            case .range: .range
            case .groups: .groups
            }
        if frame.start == .unboundedFollowing || frame.end == .unboundedPreceding {
            throw Diagnostic(.windowError, "a frame must not end before it begins", at: whole.span.range)
        }
        if unit == .groups, orderBy.isEmpty { throw Diagnostic(.windowError, "GROUPS needs an ORDER BY", at: whole.span.range) }
        return Frame(
            unit: unit, start: try bound(frame.start, unit, orderBy, whole), end: try bound(frame.end, unit, orderBy, whole))
    }

    private mutating func bound(
        _ bound: WindowFrame.Bound, _ unit: WindowFunctionCall.Unit, _ orderBy: [RelationalSortKey], _ whole: Expression
    ) throws(Diagnostic) -> WindowFunctionCall.Bound {
        switch bound {
        case .unboundedPreceding: return .unboundedPreceding
        case .unboundedFollowing: return .unboundedFollowing
        case .currentRow: return .currentRow
        case .preceding(let count): return .preceding(try distance(count, unit, orderBy, whole))
        case .following(let count): return .following(try distance(count, unit, orderBy, whole))
        }
    }

    /// Orders by the milliseconds of a time, from which an INTERVAL can be counted. Errors: there is not one ORDER BY expression, or it is no time.
    private func countMilliseconds(_ orderBy: inout [RelationalSortKey], _ whole: Expression) throws(Diagnostic) {
        guard orderBy.count == 1, [.timestamp, .date].contains(orderBy[0].expression.type) else {
            throw Diagnostic(
                .windowError, "RANGE with an INTERVAL needs one ORDER BY expression, and that a DATE or TIMESTAMP", at: whole.span.range)
        }
        orderBy[0].expression = TypedExpression(.call("UNIX_TIMESTAMP", [orderBy[0].expression.coerced(to: .timestamp)]), .bigint)
    }

    /// How far a bound lies from the current row: of RANGE in the type of what is ordered by.
    private mutating func distance(
        _ count: Expression, _ unit: WindowFunctionCall.Unit, _ orderBy: [RelationalSortKey], _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        if unit == .range, let interval = try Interval(count) {
            guard interval.months == 0, interval.milliseconds >= 0 else {
                throw Diagnostic(
                    .windowError, "the distance of a frame's bound is an INTERVAL of days or less, and not negative",
                    hint: "A month has no one length.", at: count.span.range)
            }
            return .literal(.bigint(interval.milliseconds), .bigint)
        }
        let value = try typed(count)
        guard case .literal = value.node else {
            throw Diagnostic(.windowError, "the distance of a frame's bound must be a literal", at: count.span.range)
        }
        guard unit == .range else { return try whole64(count) }
        guard orderBy.count == 1, orderBy[0].expression.type.isNumeric else {
            throw Diagnostic(
                .windowError, "RANGE with a distance needs one ORDER BY expression, and that a number", at: whole.span.range)
        }
        guard value.type.isNumeric else {
            throw Diagnostic(.typeMismatch, "a number is expected, but \(text(of: count)) is \(value.type)", at: count.span.range)
        }
        // Exact numbers are compared exactly.
        return orderBy[0].expression.type == .double || value.type == .double ? value.coerced(to: .double) : value
    }
}

extension WindowFrame {
    /// Whether an INTERVAL says how far a bound lies. Errors: its text cannot be read.
    fileprivate var hasInterval: Bool {
        get throws(Diagnostic) {
            for bound in [start, end] {
                switch bound {
                case .preceding(let distance), .following(let distance): if try Interval(distance) != nil { return true }
                case .unboundedPreceding, .currentRow, .unboundedFollowing: continue
                }
            }
            return false
        }
    }
}
