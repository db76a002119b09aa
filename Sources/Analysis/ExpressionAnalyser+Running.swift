// Calls with OVER in a continuous query.

import Diagnostics
import Functions
import Plans
import Syntax
import Values

/// A call with OVER: its parts are over the source's row.
struct RunningPart: Hashable, Sendable {
    var function: RunningCall.Function
    var value: TypedExpression?
    var otherwise: TypedExpression?
    var partitionBy: [TypedExpression]
    var orderBy: [RelationalSortKey]
    var type: SQLType
    /// Where the call stands; takes no part in equality.
    var span: SourceSpan
}

extension ExpressionAnalyser {
    /// How far back LAG may look, and LEAD ahead: so many rows of each key are kept.
    private static let longestLag: Int64 = 1_000

    mutating func runningCall(
        _ name: Name, _ arguments: [Expression], _ modifiers: CallModifiers, _ window: WindowSpecification, _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        guard window.frame == nil, !modifiers.isDistinct, !modifiers.ignoresNulls, modifiers.filter == nil, let counts = Self.argumentCounts[name.text] else {
            throw Diagnostic(
                .featureNotSupported,
                "a continuous query has LAG, LEAD, FIRST_VALUE and ROW_NUMBER OVER (PARTITION BY …), without frame, DISTINCT and FILTER",
                hint: "Without EMIT CHANGES it is a question, which has every window function.", at: whole.span.range)
        }
        guard counts.contains(arguments.count) else {
            throw Diagnostic(
                .wrongArguments, "\(name.text) takes \(counts.lowerBound) to \(counts.upperBound) arguments", at: whole.span.range)
        }
        let outer = running
        running = nil
        defer { running = running ?? outer }
        var orderBy: [RelationalSortKey] = []
        let partitionBy = try window.partitionBy.map { key throws(Diagnostic) in try typed(key) }
        for key in window.orderBy { orderBy.append(try sortKey(try analyse(key.expression), key)) }
        var part = RunningPart(
            function: .rowNumber, value: nil, otherwise: nil, partitionBy: partitionBy, orderBy: orderBy, type: .bigint, span: whole.span)
        if let value = arguments.first {
            let value = try analyse(value)
            part.value = value.expression
            part.type = value.type
            switch name.text {
            case "LAG": part.function = .lag(distance: try distance(arguments, name))
            case "LEAD":
                // A row that looks at itself waits for none.
                let ahead = try distance(arguments, name)
                part.function = ahead == 0 ? .lag(distance: 0) : .lead(distance: ahead)
            default: part.function = .firstValue
            }
            if arguments.count > 2 {
                let given = try analyse(arguments[2])
                guard given.isNull || given.type == value.type || given.type.castsImplicitly(to: value.type) else {
                    throw Diagnostic(
                        .typeMismatch, "the default of \(name.text) is \(given.type), the value \(value.type)", at: arguments[2].span.range)
                }
                part.otherwise = given.isNull ? nil : given.expression.coerced(to: value.type)
            }
        }
        var calls = outer ?? []
        let number = calls.firstIndex { $0.isSame(part) } ?? calls.count
        if number == calls.count { calls.append(part) }
        running = calls
        return .column(Self.runningBase + number, part.type)
    }

    private static let argumentCounts: [String: ClosedRange<Int>] = ["LAG": 1...3, "LEAD": 1...3, "FIRST_VALUE": 1...1, "ROW_NUMBER": 0...0]

    private func distance(_ arguments: [Expression], _ name: Name) throws(Diagnostic) -> Int {
        guard arguments.count > 1 else { return 1 }
        guard case .literal(.integer(let distance)) = arguments[1].node, distance >= 0, distance <= Self.longestLag else {
            throw Diagnostic(
                .wrongArguments, "the distance of a continuous \(name.text) is a literal from 0 to \(Self.longestLag)", at: arguments[1].span.range)
        }
        return Int(distance)
    }
}

extension RunningPart {
    /// Whether another call is the same, wherever it stands.
    func isSame(_ other: RunningPart) -> Bool {
        function == other.function && value == other.value && otherwise == other.otherwise && partitionBy == other.partitionBy
            && orderBy == other.orderBy
    }
}
