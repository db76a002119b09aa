// Expressions that only questions have: subqueries, aggregates with DISTINCT or FILTER, window functions, CASE with an operand.

import Catalog
import Diagnostics
import Functions
import Plans
import Syntax
import Values

extension ExpressionAnalyser {
    /// `CASE x WHEN a THEN b END` as `CASE WHEN x = a THEN b END`.
    func searched(
        _ operand: Expression, _ whens: [Expression.WhenClause], _ otherwise: Expression?, _ whole: Expression
    ) -> Expression {
        let branches = whens.map { when in
            Expression.WhenClause(
                condition: Expression(.comparison(.equal, operand, when.condition), span: when.condition.span), result: when.result)
        }
        return Expression(.searchedCase(branches, otherwise: otherwise), span: whole.span)
    }

    // MARK: Subqueries

    mutating func subquery(_ expression: Expression) throws(Diagnostic) -> TypedExpression {
        guard let parts else {
            throw Diagnostic(.featureNotSupported, "a continuous query has no subqueries", at: expression.span.range)
        }
        if let reason = parts.refusesSubqueries {
            throw Diagnostic(.featureNotSupported, "a subquery cannot stand \(reason)", at: expression.span.range)
        }
        if isInsideAggregate {
            throw Diagnostic(
                .featureNotSupported, "a subquery cannot stand inside an aggregate", hint: "Compute it in a subquery behind FROM.",
                at: expression.span.range)
        }
        let outer = OuterScope(scope)
        switch expression.node {
        case .subquery(let question):
            let result = try single(question, outer)
            return place(.scalar, result, outer, type: result.columns[0].type)
        case .exists(let question):
            let result = try parts.analysis.inside(outer).relation(of: question)
            return place(.exists, result, outer, type: .boolean)
        case .inSubquery(let operand, let question):
            var result = try single(question, outer)
            let value = try analyse(operand)
            let type = value.isNull ? result.columns[0].type : result.columns[0].isNull ? value.type : nil
            guard let type = type ?? SQLType.common(value.type, result.columns[0].type, lax: false) else {
                throw Diagnostic(
                    .typeMismatch, "\(text(of: operand)) is \(value.type), the subquery gives \(result.columns[0].type)",
                    at: expression.span.range)
            }
            result.coerce(to: [type])
            return place(.isIn(operand: value.expression.coerced(to: type)), result, outer, type: .boolean)
        default: return try typed(expression)
        }
    }

    private func single(_ question: Question, _ outer: OuterScope) throws(Diagnostic) -> QuestionRelation {
        guard let parts else { throw Diagnostic(.internalError, "no question", at: question.span.range) }
        let result = try parts.analysis.inside(outer).relation(of: question)
        guard result.columns.count == 1 else {
            throw Diagnostic(
                .statementError, "a subquery in an expression must give one column, this one gives \(result.columns.count)",
                at: question.span.range)
        }
        return result
    }

    private func place(_ kind: RelationalApply.Kind, _ result: QuestionRelation, _ outer: OuterScope, type: SQLType) -> TypedExpression {
        guard let parts else { return .literal(.null, type) }
        parts.subqueries.append(FoundSubquery(kind: kind, step: result.step, parameters: outer.parameters, type: type, depth: result.depth))
        return .column(QuestionColumns.subqueries + parts.subqueries.count - 1, type)
    }

    // MARK: Names

    /// What a name means: a column, or, where the clause lets it, the item of the SELECT list that has it as its alias.
    mutating func named(_ source: Name?, _ name: Name, _ whole: Expression) throws(Diagnostic) -> Analysed {
        do throws(Diagnostic) {
            return Analysed(
                expression: try scope.resolve(source: source, name, place: place), isNull: false, isLiteral: false, source: whole)
        } catch {
            guard error.code == .unknownColumn, source == nil, let parts, let item = parts.aliases[name.text] else { throw error }
            // It does not mean itself.
            parts.aliases[name.text] = nil
            defer { parts.aliases[name.text] = item }
            return try analyse(item)
        }
    }

    // MARK: Calls

    /// A call without modifiers: of a function, or of GROUPING, which a question has.
    mutating func called(_ name: Name, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        guard let parts, name.text == "GROUPING" || name.text == "GROUPING_ID" else { return try call(name, arguments, whole) }
        return try groupingCall(name, arguments, parts, whole)
    }

    /// `GROUPING(a, …)`: which of its arguments the grouping set of a row does not have.
    private mutating func groupingCall(
        _ name: Name, _ arguments: [Expression], _ parts: QuestionParts, _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        let owner = isInsideAggregate ? parts.around : parts
        guard allowsAggregates || isInsideAggregate, let owner else {
            throw Diagnostic(
                .groupingError, "\(name.text) can only stand in the SELECT list, in HAVING, in QUALIFY and in ORDER BY", at: whole.span.range)
        }
        guard (1...62).contains(arguments.count) else {
            throw Diagnostic(.wrongArguments, "\(name.text) takes 1 to 62 expressions of the GROUP BY", at: whole.span.range)
        }
        var expressions: [TypedExpression] = []
        for argument in arguments { expressions.append(try typed(argument)) }
        owner.groupings.append(expressions)
        return .column(QuestionColumns.groupings + owner.groupings.count - 1, .bigint)
    }

    mutating func modifiedCall(
        _ name: Name, _ arguments: [Expression], _ modifiers: CallModifiers, _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        guard let parts else {
            if let window = modifiers.window, running != nil { return try runningCall(name, arguments, modifiers, window, whole) }
            let isCount = name.text == "COUNT" && modifiers.isDistinct
            let isOrdered = !modifiers.orderBy.isEmpty
            throw Diagnostic(
                .featureNotSupported, "DISTINCT, ORDER BY, FILTER and OVER are for questions",
                hint: isOrdered ? "The values of an aggregate come in the order of their arrival; ARRAY_SORT(COLLECT_LIST(x)) sorts them."
                    : isCount ? "COUNT_DISTINCT(…) counts different values in a query that goes on." : nil, at: whole.span.range)
        }
        if isInsideAggregate, let around = parts.around {
            // Of a group, below the window function whose argument it is.
            var outside = self
            outside.parts = around
            outside.isInsideAggregate = false
            return try outside.modifiedCall(name, arguments, modifiers, whole)
        }
        guard let window = modifiers.window else {
            return parts.column(of: try modifiedAggregate(name, arguments, modifiers, whole))
        }
        guard parts.allowsWindows else {
            throw Diagnostic(
                .groupingError, "a window function can only stand in the SELECT list, in QUALIFY and in ORDER BY",
                hint: "QUALIFY, behind HAVING, filters rows by window functions.", at: whole.span.range)
        }
        return try windowCall(name, arguments, modifiers, window, whole)
    }

    /// An aggregate that is not yet among those of the query.
    func modifiedAggregate(
        _ name: Name, _ arguments: [Expression], _ modifiers: CallModifiers, _ whole: Expression
    ) throws(Diagnostic) -> RelationalAggregate {
        let isUsers = context.isFull && context.catalog.functions[name.text]?.isAggregate ?? false
        guard isUsers || context.functions.family(named: name.text, withAliases: context.isFull)?.kind == .aggregate else {
            throw Diagnostic(
                .unknownFunction, "\(name.text) is no aggregate function, so it has no DISTINCT, FILTER or OVER", at: name.span.range)
        }
        // Analysed aside: the plain aggregate is not one of the query's.
        var own = self
        let collected = QuestionParts(parts?.analysis ?? QuestionAnalysis(context))
        own.parts = collected
        if modifiers.window != nil { collected.around = parts }
        own.allowsAggregates = true
        _ = try own.typed(Expression(.call(name, arguments), span: whole.span))
        guard var aggregate = collected.aggregates.first else {
            throw Diagnostic(.internalError, "the aggregate \(name.text) is gone", at: whole.span.range)
        }
        if modifiers.isDistinct, arguments.isEmpty {
            throw Diagnostic(.wrongArguments, "\(name.text)(DISTINCT) needs an argument", at: whole.span.range)
        }
        aggregate.isDistinct = modifiers.isDistinct
        if !modifiers.orderBy.isEmpty { try takeOrder(modifiers, of: name, parts, own) }
        if let filter = modifiers.filter {
            own.parts = parts
            own.allowsAggregates = modifiers.window != nil
            own.place = "FILTER"
            aggregate.filter = try own.condition(filter, clause: "FILTER")
        }
        return aggregate
    }

    /// Notes in which order the aggregates of the query take their rows. Errors: another one asks for another order.
    private func takeOrder(
        _ modifiers: CallModifiers, of name: Name, _ parts: QuestionParts?, _ analyser: ExpressionAnalyser
    ) throws(Diagnostic) {
        let place = modifiers.orderBy[0].expression.span.range ?? name.span.range
        guard modifiers.window == nil, let parts else {
            throw Diagnostic(.featureNotSupported, "an aggregate with OVER takes its order from there", at: place)
        }
        var analyser = analyser
        analyser.allowsAggregates = false
        analyser.place = "ORDER BY column"
        var keys: [RelationalSortKey] = []
        for key in modifiers.orderBy {
            if key.isAll { throw Diagnostic(.statementError, "ORDER BY ALL is no order of an aggregate's rows", at: place) }
            keys.append(try analyser.sortKey(try analyser.analyse(key.expression), key))
        }
        guard parts.rowOrder.isEmpty || parts.rowOrder == keys else {
            throw Diagnostic(
                .featureNotSupported, "the aggregates of one SELECT take their rows in one order, and two are asked for",
                hint: "Compute one of them in a subquery.", at: place)
        }
        parts.rowOrder = keys
    }

    /// A condition of a question's clause.
    mutating func condition(_ expression: Expression, clause: String) throws(Diagnostic) -> TypedExpression {
        let result = try analyse(expression)
        guard result.type == .boolean || result.isNull else {
            throw Diagnostic(
                .typeMismatch, "\(clause) needs a BOOLEAN, but \(text(of: expression)) is of type \(result.type)", at: expression.span.range)
        }
        return result.expression.coerced(to: .boolean)
    }
}
