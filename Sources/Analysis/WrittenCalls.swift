// Calls of functions that are expressions: YEAR(x) is DATE_PART('year', x).

import Diagnostics
import Functions
import Plans
import Syntax

extension ExpressionAnalyser {
    /// The expression that a call stands for; nil when the function is none of those. Errors: what is wrong with the expression, at the call.
    mutating func writtenCall(_ name: Name, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic) -> TypedExpression? {
        guard context.isFull, let function = try writtenFunction(name, arguments, whole) else { return nil }
        guard arguments.count == function.parameters else {
            let count = function.parameters
            throw Diagnostic(
                .wrongArguments, "Function '\(name.text)' takes \(count) argument\(count == 1 ? "" : "s"), not \(arguments.count)",
                hint: "It is \(function.expression).", at: whole.span.range)
        }
        guard let body = Expression(storedText: function.expression) else {
            throw Diagnostic(.internalError, "the expression of \(name.text) cannot be read", at: whole.span.range)
        }
        let parameters = WrittenFunction.letters
        let expression = body.replacingColumns { source, column in
            guard source == nil, let index = parameters.firstIndex(of: column.text), arguments.indices.contains(index) else {
                return Expression(.column(source: source, column))
            }
            return arguments[index]
        }
        do throws(Diagnostic) { return try typed(expression) } catch {
            // The places in it are those of the expression's own text.
            var error = error
            error.range = whole.span.range
            throw error
        }
    }

    /// What a name means among these functions. Errors: DATE_DIFF has no unit that it knows.
    private func writtenFunction(_ name: Name, _ arguments: [Expression], _ whole: Expression) throws(Diagnostic) -> WrittenFunction? {
        guard name.text == "DATE_DIFF" || name.text == "DATEDIFF" else { return FunctionTable.written[name.text] }
        if case .literal(.string(let unit))? = arguments.first?.node, let found = FunctionTable.written["DATE_DIFF " + unit.uppercased()] { return found }
        throw Diagnostic(
            .wrongArguments, "\(name.text) takes a unit as text and two times: \(name.text)('day', a, b)",
            hint: "Its units are year, quarter, month, day, hour, minute and second.", at: whole.span.range)
    }
}

extension Expression {
    /// An expression by its text; nil for a text that is none.
    init?(storedText text: String) {
        guard let statement = try? parse("SELECT \(text)", options: .stored).first?.statement, case .question(let question, _) = statement,
            case .select(let block) = question.body, case .expression(let expression, _)? = block.items.first
        else { return nil }
        self = expression
    }
}
