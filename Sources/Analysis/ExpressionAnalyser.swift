// Gives every node of an expression its meaning and its type, inserting the casts that the rules of coercion ask for.
//
// What cannot be decided from the inside comes out as an `Analysed`: an expression, and whether it is a bare NULL (which has no type
// until its context gives it one) or made of literals only (which coerce more freely than columns do).

package import Diagnostics
import Functions
package import Plans
package import Syntax
package import Values

/// An expression after analysis.
package struct Analysed: Sendable {
    package var expression: TypedExpression
    /// A NULL literal: its type is only a stand-in.
    package var isNull: Bool
    /// A literal, or a constructor of literals.
    package var isLiteral: Bool
    /// The text that it came from, for messages.
    package var source: Expression

    package var type: SQLType { expression.type }

    /// The type in messages.
    var typeText: String { isNull ? "null" : type.description }
}

/// Analyses the expressions of one clause after another of one statement; aggregates and table functions that it meets are collected.
package struct ExpressionAnalyser {
    let context: AnalysisContext
    package var scope: Scope
    /// What messages call a column of the current clause.
    package var place = "SELECT column"
    /// Whether aggregate functions are allowed here; elsewhere they are an error with this clause's words.
    package var allowsAggregates = false
    package var allowsTableFunctions = false
    /// The aggregates met so far; column `ExpressionAnalyser.aggregateBase + i` stands for the i-th.
    package var aggregates: [AggregateCall] = []
    /// How each aggregate was spelt, for messages: the declared name.
    package var aggregateNames: [String] = []
    /// The table functions met so far; column `tableFunctionBase + i` stands for the i-th.
    package var tableFunctions: [TableFunctionCall] = []
    private(set) var nextSlot = 0
    /// How many functions of users this expression stands inside of.
    var userCalls = 0
    /// Shared with the analysers of what functions of users say.
    var userBodies = UserBodies()
    var isInsideAggregate = false
    var isInsideTableFunction = false
    var isInsideCase = false
    /// The calls with OVER met so far in a continuous query; column `runningBase + i` stands for the i-th. Nil where none may stand.
    var running: [RunningPart]?
    /// Set in questions, which have subqueries and calls with modifiers.
    var parts: QuestionParts?

    package static let aggregateBase = 1_000_000
    package static let tableFunctionBase = 2_000_000
    static let runningBase = 3_000_000

    package init(context: AnalysisContext, scope: Scope) {
        self.context = context
        self.scope = scope
    }

    /// An expression as messages show it: in a join with each column's source before its name.
    func text(of expression: Expression) -> String {
        guard scope.isJoin else { return canonicalText(of: expression) }
        return canonicalText(
            of: expression.mappingColumns { source, name in
                guard let alias = source?.text ?? scope.owner(of: name.text) else { return (nil, name) }
                return (nil, Name(alias + "_" + name.text, isQuoted: true, span: name.span))
            })
    }

    /// Goes on with the slots behind those of another analyser.
    mutating func takeSlots(of other: ExpressionAnalyser) { nextSlot = max(nextSlot, other.nextSlot) }

    mutating func makeSlot() -> Int {
        nextSlot += 1
        return nextSlot - 1
    }

    /// The expression with its type; a bare NULL counts as a STRING.
    package mutating func typed(_ expression: Expression) throws(Diagnostic) -> TypedExpression { try analyse(expression).expression }

    /// The expression with what is known of it.
    package mutating func analyse(_ expression: Expression) throws(Diagnostic) -> Analysed {
        switch expression.node {
        case .literal(let literal): return try analysed(literal, expression)
        case .column(let source, let name):
            if let call = try bareCall(source, name, expression) {
                return Analysed(expression: call, isNull: false, isLiteral: false, source: expression)
            }
            return try named(source, name, expression)
        case .timeUnit(let unit):
            throw Diagnostic(
                .typeMismatch, "\(unit.rawValue) is only allowed as an argument of a date or time function", at: expression.span.range)
        case .lambda:
            throw Diagnostic(.typeMismatch, "a lambda is only allowed as an argument of a function", at: expression.span.range)
        case .simpleCase(let operand, let whens, let otherwise) where parts != nil || context.isFull:
            return try analyse(searched(operand, whens, otherwise, expression))
        case .simpleCase:
            throw Diagnostic(
                .featureNotSupported, "simple CASE expressions are not supported", hint: "Write CASE WHEN x = value THEN … instead.",
                at: expression.span.range)
        default:
            var result = Analysed(expression: try compound(expression), isNull: false, isLiteral: false, source: expression)
            result.isLiteral = result.expression.isMadeOfLiterals
            return result
        }
    }

    private mutating func compound(_ expression: Expression) throws(Diagnostic) -> TypedExpression {
        switch expression.node {
        case .sign(let sign, let operand): try signed(sign, operand, expression)
        case .arithmetic(let operation, let left, let right): try arithmetic(operation, left: left, right: right, whole: expression)
        case .comparison(let operation, let left, let right):
            if let rows = try RowComparison(whole: expression).comparison(operation, left, right) {
                try typed(rows)
            } else {
                try comparison(operation, left: left, right: right, whole: expression)
            }
        case .logical(let operation, let left, let right): try logical(operation, left: left, right: right, whole: expression)
        case .not(let operand): negated(try boolean(operand, in: expression))
        case .isNull(let operand, let negated): TypedExpression(.isNull(try typed(operand), negated: negated), .boolean)
        case .between(let operand, let low, let high): try between(operand, low: low, high: high, whole: expression)
        case .isIn(let operand, let list):
            if let rows = try RowComparison(whole: expression).membership(operand, list) { try typed(rows) } else { try isIn(operand, list) }
        case .like(let operand, let pattern, let escape): try like(operand, pattern: pattern, escape: escape, whole: expression)
        case .searchedCase(let whens, let otherwise): try searchedCase(whens, otherwise, expression)
        case .cast(let operand, let type): try cast(operand, to: type, expression)
        case .call(let name, let arguments): try called(name, arguments, expression)
        case .subscripted(let base, let index): try subscripted(base, index)
        case .field(let base, let name): try field(base, name)
        case .array(let items): try makeArray(items, expression)
        case .map(let entries): try makeMap(entries, expression)
        case .structure(let entries): try makeStruct(entries)
        case .literal, .column, .timeUnit, .lambda, .simpleCase: try analyse(expression).expression
        case .inSubquery(let operand, let question):
            if let rows = try RowComparison(whole: expression).membership(operand, in: question) { try typed(rows) } else { try subquery(expression) }
        case .subquery, .exists: try subquery(expression)
        case .modifiedCall(let name, let arguments, let modifiers): try modifiedCall(name, arguments, modifiers, expression)
        }
    }

    private func analysed(_ literal: Literal, _ expression: Expression) throws(Diagnostic) -> Analysed {
        if case .decimal(let digits) = literal, Decimal(text: digits.utf8) == nil {
            throw Diagnostic(
                .numberOutOfRange, "\(digits) has more digits than a DECIMAL holds, which are 38",
                hint: "With an exponent, as in 1E0, it is a DOUBLE.", at: expression.span.range)
        }
        return Analysed(expression: literal.typed, isNull: literal == .null, isLiteral: true, source: expression)
    }

    private mutating func boolean(_ operand: Expression, in whole: Expression) throws(Diagnostic) -> TypedExpression {
        let result = try analyse(operand)
        guard result.type == .boolean || result.isNull else {
            throw Diagnostic(
                .typeMismatch, "\(text(of: whole)) needs a BOOLEAN, but \(text(of: operand)) is of type \(result.type)",
                at: operand.span.range)
        }
        return result.isNull ? .literal(.null, .boolean) : result.expression
    }

    /// NOT. Of a NULL it fails, as in ksqlDB, and with it what is around; in a question what a subquery does not know stays unknown.
    private func negated(_ operand: TypedExpression) -> TypedExpression {
        let plain = TypedExpression(.not(operand), .boolean)
        guard parts != nil, case .column = operand.node else { return plain }
        let isUnknown = TypedExpression(.isNull(operand, negated: false), .boolean)
        return TypedExpression(.searchedCase([CaseBranch(condition: isUnknown, result: .literal(.null, .boolean))], otherwise: plain), .boolean)
    }

    /// A part of a condition of which a subquery may leave unknown whether it is true: then it is not. Everything that a NULL stands in would
    /// else be NULL as a whole.
    private func decided(_ condition: TypedExpression) -> TypedExpression {
        guard parts != nil, condition.columnsRead.contains(where: { $0 >= QuestionColumns.subqueries }) else { return condition }
        return TypedExpression(.isDistinct(condition, .literal(.boolean(true), .boolean), negated: true), .boolean)
    }

    private mutating func logical(
        _ operation: Expression.LogicalOperator, left: Expression, right: Expression, whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        let left = decided(try boolean(left, in: whole))
        let right = decided(try boolean(right, in: whole))
        return TypedExpression(operation == .and ? .and(left, right) : .or(left, right), .boolean)
    }

    private mutating func searchedCase(
        _ whens: [Expression.WhenClause], _ otherwise: Expression?, _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        let wasInside = isInsideCase
        isInsideCase = true
        defer { isInsideCase = wasInside }
        var branches: [(TypedExpression, Analysed)] = []
        for when in whens {
            let condition = try analyse(when.condition)
            guard condition.type == .boolean && !condition.isNull || condition.isNull && context.isFull else {
                throw Diagnostic(
                    .typeMismatch,
                    "WHEN operand type should be boolean.\nType for '\(text(of: when.condition))' is \(condition.typeText)",
                    at: when.condition.span.range)
            }
            branches.append((decided(condition.expression.coerced(to: .boolean)), try analyse(when.result)))
        }
        let otherwise = try otherwise.map { expression throws(Diagnostic) in try analyse(expression) }
        let results = branches.map(\.1) + (otherwise.map { [$0] } ?? [])
        guard let type = results.first(where: { !$0.isNull })?.type else {
            throw Diagnostic(.typeMismatch, "Invalid Case expression. All case branches have NULL type", at: whole.span.range)
        }
        if context.isFull, let common = commonType(of: results) { return caseExpression(branches, otherwise, common) }
        if let odd = results.first(where: { !$0.isNull && $0.type != type }) {
            throw Diagnostic(
                .typeMismatch,
                "Invalid Case expression. Type for all 'THEN' clauses should be the same.\nType for '\(text(of: odd.source))' is \(odd.type), "
                    + "expected \(type)", at: odd.source.span.range)
        }
        return caseExpression(branches, otherwise, type)
    }

    /// The type that all branches widen to; nil when there is none.
    func commonType(of branches: [Analysed]) -> SQLType? {
        var type: SQLType?
        for branch in branches where !branch.isNull {
            guard let known = type else {
                type = branch.type
                continue
            }
            guard known.isNumeric == branch.type.isNumeric, let both = SQLType.common(known, branch.type, lax: false) else { return nil }
            type = both
        }
        return type
    }

    private func caseExpression(_ branches: [(TypedExpression, Analysed)], _ otherwise: Analysed?, _ type: SQLType) -> TypedExpression {
        func result(_ branch: Analysed) -> TypedExpression { branch.expression.coerced(to: type) }
        return TypedExpression(
            .searchedCase(
                branches.map { CaseBranch(condition: $0.0, result: result($0.1)) },
                otherwise: otherwise.map(result) ?? .literal(.null, type)), type)
    }

    private mutating func cast(_ operand: Expression, to written: TypeName, _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(operand)
        let type = try context.type(written)
        if value.isNull { return .literal(.null, type) }
        if context.isFull, type == .timestamp, case .literal(.string(let text)) = value.expression.node,
            let literal = Value.parsed(text.withTimeMark, as: type)
        {
            return TypedExpression(.cast(.literal(literal, type)), type)
        }
        if context.isFull, let other = otherCast(value, to: type) { return other }
        guard value.type.canCast(to: type) else {
            let isNumber = value.type == .bigint || value.type == .integer
            throw Diagnostic(
                .invalidCast, "Cast of \(value.type) to \(type) is not supported", hint: isNumber && type.isTemporal ? Self.instantHint : nil,
                at: whole.span.range, statement: text(of: whole))
        }
        // A cast to the same type stays: it makes a key column an ordinary expression.
        return TypedExpression(.cast(value.expression), type)
    }

    private mutating func like(
        _ operand: Expression, pattern: Expression, escape: String?, whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        let value = try analyse(operand)
        let pattern = try analyse(pattern)
        for side in [value, pattern] where side.type != .string {
            throw Diagnostic(
                .typeMismatch, "Like condition must be between strings, but \(text(of: side.source)) is of type \(side.type)",
                at: side.source.span.range)
        }
        if let escape, escape.unicodeScalars.count != 1 {
            throw Diagnostic(.invalidLiteral, "Expecting ESCAPE to be a single character, got: '\(escape)'", at: whole.span.range)
        }
        return TypedExpression(
            .like(value.expression, pattern: pattern.expression, escape: escape, negated: false), .boolean)
    }
}

extension Literal {
    /// The literal as a typed expression; NULL stands in as a STRING.
    var typed: TypedExpression {
        switch self {
        case .null: .literal(.null, .string)
        case .boolean(let value): .literal(.boolean(value), .boolean)
        case .integer(let value): Int32(exactly: value).map { .literal(.integer($0), .integer) } ?? .literal(.bigint(value), .bigint)
        case .double(let value): .literal(.double(value), .double)
        case .string(let text): .literal(.string(text), .string)
        case .decimal(let text): Literal.decimalExpression(text)
        }
    }

    /// The DECIMAL whose precision and scale are those of the digits; numbers between -1 and 1 count one digit before the point.
    private static func decimalExpression(_ text: String) -> TypedExpression {
        // The analyser has refused what has more digits than a decimal holds.
        guard let value = Decimal(text: text.utf8) else { return .literal(.null, .decimal(precision: 38, scale: 0)) }
        let whole = (value.rescaled(to: 0, .down)?.unscaled ?? 0).magnitude
        let wholeDigits = whole == 0 ? 1 : String(whole).utf8.count
        return .literal(.decimal(value), .decimal(precision: wholeDigits + value.scale, scale: value.scale))
    }
}

extension TypedExpression {
    /// A literal, or casts and constructors of literals.
    var isMadeOfLiterals: Bool {
        switch node {
        case .literal: true
        case .negate, .makeArray, .makeMap, .makeStruct: children.allSatisfy(\.isMadeOfLiterals)
        default: false
        }
    }
}
