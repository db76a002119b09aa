// Function calls: which signature is meant, lambdas typed from the collection they run over, aggregates and table functions set aside.

import Catalog
import Diagnostics
import Functions
import Plans
import Settings
import Syntax
import Values

extension ExpressionAnalyser {
    mutating func call(_ name: Name, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic) -> TypedExpression {
        if let other = try otherForm(name, arguments, whole) { return other }
        if let own = try userCall(name, arguments, whole) { return own }
        if let written = try writtenCall(name, arguments, whole) { return written }
        guard let family = context.functions.family(named: name.text, withAliases: context.isFull) else {
            throw Diagnostic(
                .unknownFunction, "Can't find any functions with the name '\(name.text)'",
                hint: unknownFunctionHint(name.text.uppercased()), at: name.span.range)
        }
        switch family.kind {
        case .scalar: return try scalar(family, arguments, whole)
        case .aggregate: return try aggregate(family, arguments, whole)
        case .table: return try tableFunction(family, arguments, whole)
        }
    }

    private func unknownFunctionHint(_ name: String) -> String? {
        if name == "WINDOWSTART" || name == "WINDOWEND" { return "\(name) is a column: write it without brackets." }
        let names = context.functions.names(withAliases: context.isFull) + context.catalog.functions.keys.sorted()
        if let near = nameSuggestion(for: name, among: names) { return near }
        return context.isFull ? "A function of your own, a UDF in ksqlDB, is made with CREATE FUNCTION (\\h CREATE FUNCTION)." : nil
    }

    private mutating func scalar(_ family: FunctionFamily, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic)
        -> TypedExpression
    {
        let isLegacy = family.name == "SUBSTRING" && context.settings[.legacySubstring]
        let arguments = isLegacy ? legacySubstring(arguments) : arguments
        let (call, typed) = try resolve(family, arguments, whole)
        guard let type = call.resultType ?? typed.first?.type else {
            throw Diagnostic(.typeMismatch, "Can't infer the type of \(text(of: whole))", at: whole.span.range)
        }
        try checkDigits(of: type, typed, whole)
        if let problem = family.patternProblem(in: typed.map(\.literalText)) {
            throw Diagnostic(
                .wrongArguments, "Function '\(family.declaredName)' got an invalid date pattern: \(problem.message)",
                hint: DatePatternError.hint, at: arguments[problem.argument].span.range)
        }
        if context.isFull, let problem = context.literalProblem(family.name, typed), arguments.indices.contains(problem.argument) {
            throw Diagnostic(
                .wrongArguments, problem.message,
                hint: typed[problem.argument].literalText.flatMap { closestMatch(to: $0, among: problem.candidates) }.map { "Did you mean '\($0)'?" }
                    ?? problem.hint, at: arguments[problem.argument].span.range)
        }
        return TypedExpression(.call(family.name, typed), type)
    }

    /// Refuses the result of GREATEST and LEAST over decimals that no decimal type holds together.
    private func checkDigits(of type: SQLType, _ arguments: [TypedExpression], _ whole: Expression) throws(Diagnostic) {
        guard case .decimal(let precision, _) = type, precision > SQLType.mostDecimalDigits, !arguments.contains(where: { $0.type == type })
        else { return }
        throw Diagnostic(
            .typeMismatch, "\(text(of: whole)) is a \(type), which is more than \(SQLType.mostDecimalDigits) digits",
            hint: "CAST the arguments to one DECIMAL with fewer digits.", at: whole.span.range)
    }

    /// The arguments of a SUBSTRING of old, whose positions begin with 0 and whose third argument is where it ends, as those of today,
    /// whose positions begin with 1 and whose third argument is a length.
    private func legacySubstring(_ arguments: [Expression]) -> [Expression] {
        guard arguments.count == 2 || arguments.count == 3 else { return arguments }
        let start = arguments[1]
        let one = Expression(.literal(.integer(1)), span: start.span)
        var result = [arguments[0], Expression(.arithmetic(.add, start, one), span: start.span)]
        if arguments.count == 3 { result.append(Expression(.arithmetic(.subtract, arguments[2], start), span: arguments[2].span)) }
        return result
    }

    /// Analyses the arguments, finds the signature, and brings the arguments to its types.
    private mutating func resolve(
        _ family: FunctionFamily, _ arguments: [Expression], _ whole: Expression
    ) throws(Diagnostic) -> (ResolvedCall, [TypedExpression]) {
        var analysed: [Analysed?] = []
        var shapes: [ArgumentShape] = []
        for argument in arguments {
            if case .lambda(let names, _) = argument.node {
                shapes.append(.lambda(parameterCount: names.count))
                analysed.append(nil)
            } else if let unit = argument.asTimeUnit, takesUnit(family, at: shapes.count) {
                shapes.append(.intervalUnit(unit.rawValue))
                analysed.append(nil)
            } else {
                let value = try analyse(argument)
                shapes.append(value.isNull ? .null : .typed(value.type))
                analysed.append(value)
            }
        }
        if context.isFull, Self.mixing.contains(family.name) { bringTogether(&analysed, &shapes) }
        if context.isFull, family.name == "CONCAT" || family.name == "CONCAT_WS" { makeTexts(&analysed, &shapes) }
        if context.isFull { makeInstants(family, &analysed, &shapes) }
        var call = try match(family, shapes, whole)
        call.settleNulls()
        var typed: [TypedExpression] = []
        for (index, argument) in arguments.enumerated() {
            if let value = analysed[index] {
                typed.append(call.targetType(ofArgument: index).map { value.expression.coerced(to: $0) } ?? value.expression)
            } else if case .intervalUnit(let unit) = shapes[index] {
                typed.append(.literal(.string(unit), .string))
            } else if case .lambda(let names, let body) = argument.node {
                typed.append(try lambda(names, body, at: index, of: &call, family, argument))
            }
        }
        return (call, typed)
    }

    /// Functions that take one type for all arguments, to which numbers of several types are brought.
    private static let mixing: Set<String> = ["COALESCE", "IFNULL", "NULLIF", "GREATEST", "LEAST"]

    /// Gives all arguments the number type that they have in common, where they are numbers of several types.
    private func bringTogether(_ analysed: inout [Analysed?], _ shapes: inout [ArgumentShape]) {
        let values = analysed.compactMap(\.self)
        guard values.count == analysed.count, values.allSatisfy({ $0.isNull || $0.type.isNumeric }), let common = commonType(of: values)
        else { return }
        for index in analysed.indices {
            guard var value = analysed[index], !value.isNull, value.type != common else { continue }
            value.expression = value.expression.coerced(to: common)
            analysed[index] = value
            shapes[index] = .typed(common)
        }
    }

    /// Makes texts of all arguments, unless there are BYTES among them.
    private func makeTexts(_ analysed: inout [Analysed?], _ shapes: inout [ArgumentShape]) {
        let values = analysed.compactMap(\.self)
        guard values.count == analysed.count, values.allSatisfy({ $0.isNull || $0.type != .bytes }) else { return }
        for index in analysed.indices {
            guard var value = analysed[index], !value.isNull, value.type != .string else { continue }
            value.expression = value.expression.coerced(to: .string)
            analysed[index] = value
            shapes[index] = .typed(.string)
        }
    }

    /// Makes a TIMESTAMP of ROWTIME and the bounds of windows where the function takes one there.
    private func makeInstants(_ family: FunctionFamily, _ analysed: inout [Analysed?], _ shapes: inout [ArgumentShape]) {
        for index in analysed.indices {
            guard var value = analysed[index], isRowTime(value) else { continue }
            let types = family.signatures.compactMap { $0.parameters.indices.contains(index) ? $0.parameters[index].type : nil }
            guard types.contains(.exactly(.timestamp)), family.name == "TO_CHAR" || !types.contains(.exactly(.bigint)) else { continue }
            value.expression = instant(ofMilliseconds: value.expression)
            analysed[index] = value
            shapes[index] = .typed(.timestamp)
        }
    }

    /// A number of milliseconds since 1970 as a TIMESTAMP.
    func instant(ofMilliseconds value: TypedExpression) -> TypedExpression { TypedExpression(.call("FROM_UNIXTIME", [value]), .timestamp) }

    private func takesUnit(_ family: FunctionFamily, at index: Int) -> Bool {
        family.signatures.contains { $0.parameters.indices.contains(index) && $0.parameters[index].type == .intervalUnit }
    }

    private mutating func lambda(
        _ names: [Name], _ body: Expression, at index: Int, of call: inout ResolvedCall, _ family: FunctionFamily, _ whole: Expression
    ) throws(Diagnostic) -> TypedExpression {
        guard context.settings[.lambdas] else {
            throw Diagnostic(.featureNotSupported, "Lambdas are not enabled at this time.", at: whole.span.range)
        }
        guard let inputs = call.lambdaInputs(ofArgument: index) else {
            throw Diagnostic(.typeMismatch, "Can't infer the parameter types of \(text(of: whole))", at: whole.span.range)
        }
        if Set(names).count != names.count {
            throw Diagnostic(
                .duplicateColumn, "Lambda function arguments have duplicates: " + names.map(\.text).joined(separator: ", "),
                at: whole.span.range)
        }
        let outer = scope.parameters
        var parameters: [LambdaParameter] = []
        for (name, type) in zip(names, inputs) {
            if scope.columnNames.contains(name.text) {
                throw Diagnostic(.duplicateColumn, "Lambda function argument can't be a column name: \(name.text)", at: name.span.range)
            }
            if outer.contains(where: { $0.name == name.text }) {
                throw Diagnostic(
                    .duplicateColumn, "Reusing lambda arguments in nested lambda is not allowed: \(name.text)", at: name.span.range)
            }
            parameters.append(LambdaParameter(slot: makeSlot(), name: name.text, type: type))
        }
        scope.parameters = outer + parameters
        defer { scope.parameters = outer }
        let result = try analyse(body)
        guard call.bindLambda(argument: index, body: result.isNull ? nil : result.type) else {
            throw Diagnostic(
                .wrongArguments,
                "The lambda \(text(of: whole)) of function '\(family.declaredName)' gives \(result.type), which does not fit",
                at: body.span.range)
        }
        return TypedExpression(.lambda(parameters: parameters, result.expression), result.type)
    }

    private func match(_ family: FunctionFamily, _ shapes: [ArgumentShape], _ whole: Expression) throws(Diagnostic) -> ResolvedCall {
        let types = shapes.map(\.description).joined(separator: ", ")
        do throws(ResolutionFailure) {
            return try family.resolve(shapes, castsAggregates: context.isFull)
        } catch {
            switch error {
            case .noSuchSignature:
                throw Diagnostic(
                    .wrongArguments,
                    "Function '\(family.declaredName)' does not accept parameters (\(types)).\nValid alternatives are:\n"
                        + family.alternatives.joined(separator: "\n")
                        + "\nFor detailed information on a function run: DESCRIBE FUNCTION <Function-Name>;",
                    hint: takesInstant(family, insteadOfNumberIn: shapes) ? ExpressionAnalyser.instantHint : nil, at: whole.span.range)
            case .ambiguous(let candidates):
                if context.isFull, let settled = family.settled(shapes, among: candidates) { return settled }
                throw Diagnostic(
                    .wrongArguments,
                    "Function '\(family.declaredName)' cannot be resolved due to ambiguous method parameters (\(types)).\n"
                        + "Use CAST() to explicitly cast your parameters to one of the supported signatures.\nCandidates are:\n"
                        + candidates.map { family.text(of: $0) }.joined(separator: "\n"), at: whole.span.range)
            }
        }
    }

    /// What to do about a number that stands where a time is wanted.
    static let instantHint = "FROM_UNIXTIME(x) makes a TIMESTAMP of milliseconds since 1970."

    /// Whether the call would fit if a whole number in it were a TIMESTAMP.
    private func takesInstant(_ family: FunctionFamily, insteadOfNumberIn shapes: [ArgumentShape]) -> Bool {
        let changed = shapes.map { $0 == .typed(.bigint) || $0 == .typed(.integer) ? ArgumentShape.typed(.timestamp) : $0 }
        return changed != shapes && (try? family.resolve(changed)) != nil
    }

    private mutating func aggregate(_ family: FunctionFamily, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic)
        -> TypedExpression
    {
        if isInsideAggregate, let around = parts?.around {
            // SUM(COUNT(*)) OVER (…): the inner one is computed for each group, before the window.
            var outside = self
            outside.parts = around
            outside.isInsideAggregate = false
            return try outside.aggregate(family, arguments, whole)
        }
        if isInsideAggregate {
            throw Diagnostic(.groupingError, "Aggregate functions can not be nested: \(text(of: whole))", at: whole.span.range)
        }
        guard allowsAggregates else {
            throw Diagnostic(
                .groupingError, "\(place) does not support aggregate functions: \(family.name) is an aggregate function.",
                at: whole.span.range)
        }
        if let other = try truthAggregate(for: family, arguments) { return try aggregate(other, arguments, whole) }
        isInsideAggregate = true
        defer { isInsideAggregate = false }
        scope.countsRows = arguments.isEmpty
        defer { scope.countsRows = false }
        let row = parts == nil ? Expression(.column(source: nil, Name("ROWTIME")), span: whole.span) : Expression(.literal(.integer(1)))
        var arguments = arguments.isEmpty ? [row] : arguments
        if family.name == "STRING_AGG", arguments.count == 1 { arguments.append(Expression(.literal(.string(",")))) }
        let hasWindowClause = scope.hasWindowClause
        scope.hasWindowClause = false
        defer { scope.hasWindowClause = hasWindowClause }
        let (call, typed) = try resolve(family, arguments, whole)
        let optionCount = call.signature.optionCount(ofArguments: typed.count)
        let options = try typed.suffix(optionCount).enumerated().map { index, option throws(Diagnostic) -> Value in
            guard case .literal(let value) = option.node else {
                let place = typed.count - optionCount + index
                throw Diagnostic(
                    .wrongArguments,
                    "Parameter \(place + 1) passed to function \(family.name) must be a literal constant, but was expression: "
                        + "'\(text(of: arguments[place]))'", at: arguments[place].span.range)
            }
            return value
        }
        if family.name == "PERCENTILE_DISC", let value = typed.first, value.type.isNested {
            throw Diagnostic(.wrongArguments, "\(family.name) needs values that have an order, not \(value.type)", at: whole.span.range)
        }
        try checkCount(family, options: options, arguments: arguments, whole: whole)
        guard let type = call.resultType else {
            throw Diagnostic(.typeMismatch, "Can't infer the type of \(text(of: whole))", at: whole.span.range)
        }
        var planned = AggregateCall(
            function: family.name, arguments: Array(typed.dropLast(optionCount)), options: options, result: type,
            limit: collectLimit(family), isExact: context.isFull && family.name == "AVG" && typed.first?.type != .double ? true : nil)
        if context.isFull, parts != nil, family.name == "SUM", type == .integer {
            // The sum of a few INTEGERs is often none.
            planned.arguments = planned.arguments.map { $0.coerced(to: .bigint) }
            planned.result = .bigint
        }
        if let parts { return parts.column(of: RelationalAggregate(call: planned)) }
        if let known = aggregates.firstIndex(of: planned) { return .column(Self.aggregateBase + known, type) }
        aggregates.append(planned)
        aggregateNames.append(family.declaredName)
        return .column(Self.aggregateBase + aggregates.count - 1, type)
    }

    /// The smallest truth value is whether all are true, the largest whether any is; nil for other arguments than a BOOLEAN.
    private func truthAggregate(for family: FunctionFamily, _ arguments: [Expression]) throws(Diagnostic) -> FunctionFamily? {
        guard context.isFull, family.name == "MIN" || family.name == "MAX", arguments.count == 1 else { return nil }
        var probe = self
        probe.isInsideAggregate = true
        guard try probe.analyse(arguments[0]).type == .boolean else { return nil }
        return context.functions.family(named: family.name == "MIN" ? "BOOL_AND" : "BOOL_OR", withAliases: true)
    }

    /// EARLIEST_BY_OFFSET, LATEST_BY_OFFSET, TOPK and TOPKDISTINCT keep at least one value.
    private func checkCount(_ family: FunctionFamily, options: [Value], arguments: [Expression], whole: Expression) throws(Diagnostic)
    {
        let place = arguments.last?.span.range ?? whole.span.range
        if family.name == "TOPK" || family.name == "TOPKDISTINCT" {
            if case .integer(let count)? = options.last, count >= 1 { return }
            throw Diagnostic(.wrongArguments, "the number of top values must be 1 or greater", at: place)
        }
        if family.name == "PERCENTILE" || family.name == "PERCENTILE_DISC" {
            if case .double(let fraction)? = options.last, (0...1).contains(fraction) { return }
            throw Diagnostic(.wrongArguments, "the fraction of \(family.name) must be between 0 and 1", at: place)
        }
        guard family.name == "EARLIEST_BY_OFFSET" || family.name == "LATEST_BY_OFFSET", case .integer(let count)? = options.first, count < 1
        else { return }
        let name = family.name == "EARLIEST_BY_OFFSET" ? "earliestN" : "latestN"
        throw Diagnostic(
            .wrongArguments, "Failed to invoke UDAF factory method\n\(name) must be 1 or greater", at: place)
    }

    private func collectLimit(_ family: FunctionFamily) -> Int? {
        switch family.name {
        case "COLLECT_LIST": context.settings[.collectListLimit]
        case "COLLECT_SET": context.settings[.collectSetLimit]
        default: nil
        }
    }

    private mutating func tableFunction(_ family: FunctionFamily, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic)
        -> TypedExpression
    {
        if isInsideTableFunction {
            throw Diagnostic(.wrongArguments, "Table functions cannot be nested: \(text(of: whole))", at: whole.span.range)
        }
        if isInsideCase {
            throw Diagnostic(.wrongArguments, "Table functions cannot be used in CASE: \(text(of: whole))", at: whole.span.range)
        }
        guard allowsTableFunctions else {
            throw Diagnostic(
                .wrongArguments, "Table functions can only be used in the SELECT list: \(text(of: whole))", at: whole.span.range)
        }
        isInsideTableFunction = true
        defer { isInsideTableFunction = false }
        let (call, typed) = try resolve(family, arguments, whole)
        guard let type = call.resultType else {
            throw Diagnostic(.typeMismatch, "Can't infer the type of \(text(of: whole))", at: whole.span.range)
        }
        tableFunctions.append(TableFunctionCall(function: family.name, arguments: typed, result: type))
        return .column(Self.tableFunctionBase + tableFunctions.count - 1, type)
    }
}

extension TypedExpression {
    /// The text, when the expression is a literal that is one.
    fileprivate var literalText: String? {
        guard case .literal(.string(let text)) = node else { return nil }
        return text
    }
}
