// Functions that users define: an expression over parameters, which is checked when it is made and takes the place of each call.

package import Catalog
package import Diagnostics
import Functions
import Plans
package import Syntax
import Values

/// Checks CREATE FUNCTION.
package func analyse(_ create: CreateFunction, in context: AnalysisContext) throws(Diagnostic) -> UserFunction {
    let name = create.name.text
    if let known = context.functions.family(named: name, withAliases: true) {
        throw Diagnostic(.reservedName, "\(name) is a function of the server: \(known.name)", at: create.name.span.range)
    }
    var parameters: [Values.ColumnDefinition] = []
    for parameter in create.parameters {
        if parameters.contains(where: { $0.name == parameter.name.text }) {
            throw Diagnostic(.duplicateColumn, "two parameters have the name \(parameter.name.text)", at: parameter.name.span.range)
        }
        parameters.append(Values.ColumnDefinition(parameter.name.text, try context.type(parameter.type)))
    }
    var calls: [String] = []
    create.body.walk { part in
        guard case .call(let called, _) = part.node, context.catalog.functions[called.text] != nil else { return }
        if !calls.contains(called.text) { calls.append(called.text) }
    }
    if calls.contains(where: { context.catalog.functions(calledBy: $0).contains(name) }) {
        throw Diagnostic(.invalidName, "\(name) would call itself", at: create.name.span.range)
    }
    var plain = create
    (plain.orReplace, plain.ifNotExists) = (false, false)
    let result = try context.type(create.result)
    let function = UserFunction(
        name: name, parameters: parameters, result: result, isAggregate: create.isAggregate, statement: CanonicalText.statement(.createFunction(plain)), calls: calls)
    var analyser = ExpressionAnalyser(context: context, scope: .empty)
    if create.isAggregate { _ = try analyser.definition(create.body, of: function) } else { _ = try analyser.body(create.body, of: function) }
    if let old = context.catalog.functions[name], old.isAggregate != function.isAggregate {
        throw Diagnostic(.wrongObjectKind, "\(name) is \(old.isAggregate ? "an" : "no") aggregate function", at: create.name.span.range)
    }
    return function
}

/// The bodies of functions of users that an analysis has met: each is read once, however often it is called.
final class UserBodies {
    /// Over the row of parameters, by name.
    var known: [String: TypedExpression] = [:]
}

extension CatalogSnapshot {
    /// A function of a user, with all that it calls.
    func functions(calledBy name: String) -> Set<String> {
        var found: Set<String> = [name]
        var waiting = [name]
        while let next = waiting.popLast() {
            for called in functions[next]?.calls ?? [] where found.insert(called).inserted { waiting.append(called) }
        }
        return found
    }
}

extension ExpressionAnalyser {
    /// More nodes than that, and an expression takes long to plan and to compute.
    private static let mostNodes = 100_000
    /// Functions that call each other in a row.
    private static let mostCalls = 32

    /// A call of a function of a user; nil when it is none.
    mutating func userCall(_ name: Name, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic) -> TypedExpression? {
        guard context.isFull, let function = context.catalog.functions[name.text] else { return nil }
        if function.isAggregate { return try userAggregate(function, arguments, whole) }
        let values = try values(of: arguments, for: function, whole)
        let body: TypedExpression
        if let known = userBodies.known[function.name] {
            body = known
        } else {
            guard let written = function.body else { throw unreadable(function, whole) }
            body = try self.body(written, of: function)
            userBodies.known[function.name] = body
        }
        let result = body.replacing { part in
            if case .column(let index) = part.node { return values[index] }
            return nil
        }
        guard result.hasAtMost(Self.mostNodes, depth: SyntaxLimits.maximumDepth) else {
            throw Diagnostic(
                .tooLarge, "\(function.name) has more than \(Self.mostNodes) parts, or more than \(SyntaxLimits.maximumDepth) levels, with the functions that "
                    + "it calls written out", at: whole.span.range)
        }
        return result
    }

    func unreadable(_ function: UserFunction, _ whole: Expression) -> Diagnostic {
        Diagnostic(.corruptData, "the statement of the function \(function.name) cannot be read", at: whole.span.range)
    }

    /// The arguments in the types of the parameters.
    mutating func values(
        of arguments: [Expression], for function: UserFunction, _ whole: Expression
    ) throws(Diagnostic) -> [TypedExpression] {
        guard function.parameters.count == arguments.count else {
            throw Diagnostic(
                .wrongArguments, "Function '\(function.name)' takes \(function.parameters.count) arguments, not \(arguments.count)",
                hint: function.heading, at: whole.span.range)
        }
        var values: [TypedExpression] = []
        for (argument, parameter) in zip(arguments, function.parameters) {
            let value = try analyse(argument)
            guard value.isNull || value.type == parameter.type || value.type.castsImplicitly(to: parameter.type) else {
                throw Diagnostic(
                    .wrongArguments, "\(text(of: argument)) is \(value.typeText), the parameter \(parameter.name) of \(function.name) \(parameter.type)",
                    hint: function.heading, at: argument.span.range)
            }
            values.append(value.expression.coerced(to: parameter.type))
        }
        return values
    }

    /// The body over the row of parameters, in the type of the result.
    mutating func body(_ body: Expression, of function: UserFunction) throws(Diagnostic) -> TypedExpression {
        let value = try self.value(of: body, over: function.parameters)
        if value.isNull { return .literal(.null, function.result) }
        guard value.type == function.result || value.type.castsImplicitly(to: function.result), !value.type.losesDigits(in: function.result) else {
            throw Diagnostic(
                .typeMismatch, "the function \(function.name) RETURNS \(function.result), but \(canonicalText(of: body)) is \(value.type)",
                at: body.span.range)
        }
        return value.expression.coerced(to: function.result)
    }
}

extension ExpressionAnalyser {
    /// An expression over a row of these columns alone.
    mutating func value(of expression: Expression, over columns: [Values.ColumnDefinition]) throws(Diagnostic) -> Analysed {
        var inner = ExpressionAnalyser(
            context: context, scope: Scope(sources: [ScopeSource(alias: "", columns: columns, base: 0, isWindowed: false)]))
        inner.scope.sources[0].hasPseudoColumns = false
        inner.place = "function"
        inner.takeSlots(of: self)
        inner.userCalls = userCalls + 1
        inner.userBodies = userBodies
        guard inner.userCalls <= Self.mostCalls else {
            throw Diagnostic(.tooDeep, "more than \(Self.mostCalls) functions call each other in a row", at: expression.span.range)
        }
        let value = try inner.analyse(expression)
        takeSlots(of: inner)
        return value
    }
}

extension UserFunction {
    /// `F(X BIGINT) RETURNS BIGINT`
    package var heading: String {
        let listed = parameters.map { "\(CanonicalText.identifier($0.name)) \($0.type)" }.joined(separator: ", ")
        return "\(CanonicalText.identifier(name))(\(listed)) RETURNS \(result)"
    }

    /// What stands behind AS.
    package var body: Expression? {
        guard case .createFunction(let create)? = (try? parse(statement, options: .stored))?.first?.statement else { return nil }
        return create.body
    }
}

extension TypedExpression {
    /// Whether the tree has so many nodes and levels at most.
    fileprivate func hasAtMost(_ most: Int, depth: Int) -> Bool {
        var count = 0
        var waiting = [(node: self, level: 1)]
        while let next = waiting.popLast() {
            count += 1
            if count > most || next.level > depth { return false }
            waiting += next.node.children.map { ($0, next.level + 1) }
        }
        return true
    }
}
