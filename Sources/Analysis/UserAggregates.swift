// Aggregate functions that users define: an initial state, a lambda that takes a row into it, one that gives the result, and perhaps one that makes
// one state of two.

import Catalog
import Diagnostics
import Functions
import Plans
import Syntax
import Values

extension ExpressionAnalyser {
    /// A call of an aggregate function of a user.
    mutating func userAggregate(
        _ function: UserFunction, _ arguments: [Expression], _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        if isInsideAggregate, let around = parts?.around {
            var outside = self
            outside.parts = around
            outside.isInsideAggregate = false
            return try outside.userAggregate(function, arguments, whole)
        }
        if isInsideAggregate {
            throw Diagnostic(.groupingError, "Aggregate functions can not be nested: \(text(of: whole))", at: whole.span.range)
        }
        guard allowsAggregates else {
            throw Diagnostic(
                .groupingError, "\(place) does not support aggregate functions: \(function.name) is an aggregate function.", at: whole.span.range)
        }
        guard let body = function.body else { throw unreadable(function, whole) }
        let definition = try definition(body, of: function)
        isInsideAggregate = true
        let hasWindowClause = scope.hasWindowClause
        scope.hasWindowClause = false
        defer { (isInsideAggregate, scope.hasWindowClause) = (false, hasWindowClause) }
        let planned = AggregateCall(
            function: function.name, arguments: try values(of: arguments, for: function, whole), options: [], result: function.result,
            definition: definition)
        if let parts { return .column(Self.aggregateBase + parts.number(of: RelationalAggregate(call: planned)), function.result) }
        if let known = aggregates.firstIndex(of: planned) { return .column(Self.aggregateBase + known, function.result) }
        aggregates.append(planned)
        aggregateNames.append(function.name)
        return .column(Self.aggregateBase + aggregates.count - 1, function.result)
    }

    /// What stands in the brackets behind AS.
    mutating func definition(_ body: Expression, of function: UserFunction) throws(Diagnostic) -> AggregateDefinition {
        guard case .call(_, let written) = body.node, (3...4).contains(written.count), !function.parameters.isEmpty else {
            throw Diagnostic(
                .wrongArguments, "an aggregate function has at least one parameter, an initial state and two or three lambdas",
                hint: "AS (init, (state, x) => …, state => …), and (a, b) => … where states are to be merged.", at: body.span.range)
        }
        let initial = try value(of: written[0], over: [])
        guard !initial.isNull else {
            throw Diagnostic(
                .typeMismatch, "Can't infer a type of null. Please explicitly cast it to a required type, e.g. CAST(null AS VARCHAR).",
                at: written[0].span.range)
        }
        var state = initial.type
        var step = try lambda(written[1], over: [state] + function.parameters.map(\.type), of: function)
        if step.type != state, state.castsImplicitly(to: step.type) {
            // `0` is an INTEGER, and what is added to it may be more.
            state = step.type
            step = try lambda(written[1], over: [state] + function.parameters.map(\.type), of: function)
        }
        let merge = written.count == 4 ? try lambda(written[3], over: [state, state], of: function) : nil
        for (part, place) in [(step, written[1])] + (merge.map { [($0, written[3])] } ?? []) where part.type != state && !part.isNull {
            throw Diagnostic(
                .typeMismatch, "the state of \(function.name) is \(state), but \(canonicalText(of: place)) gives \(part.type)", at: place.span.range)
        }
        let result = try lambda(written[2], over: [state], of: function)
        guard result.isNull || result.type == function.result || result.type.castsImplicitly(to: function.result),
            !result.type.losesDigits(in: function.result)
        else {
            throw Diagnostic(
                .typeMismatch, "the function \(function.name) RETURNS \(function.result), but \(canonicalText(of: written[2])) gives \(result.type)",
                at: written[2].span.range)
        }
        return AggregateDefinition(
            state: state, initial: initial.expression.coerced(to: state), step: step.expression.coerced(to: state),
            merge: merge?.expression.coerced(to: state), result: result.expression.coerced(to: function.result), text: function.statement)
    }

    /// The body of a lambda over a row of its parameters.
    private mutating func lambda(
        _ written: Expression, over types: [SQLType], of function: UserFunction
    ) throws(Diagnostic) -> Analysed {
        guard case .lambda(let names, let body) = written.node, names.count == types.count else {
            throw Diagnostic(
                .wrongArguments, "\(canonicalText(of: written)) should be a lambda with \(types.count) parameter\(types.count == 1 ? "" : "s")",
                at: written.span.range)
        }
        return try value(of: body, over: zip(names, types).map { Values.ColumnDefinition($0.text, $1) })
    }
}
