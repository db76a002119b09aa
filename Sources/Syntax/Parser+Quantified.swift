// `a = ANY (SELECT …)`, `a > ALL (SELECT …)`: other spellings of EXISTS, which they become here.

import Diagnostics

extension Parser {
    /// Whether ANY, SOME or ALL stands here with a bracket behind it.
    var beginsQuantified: Bool {
        (at(.all) || isWord(current, "ANY") || isWord(current, "SOME")) && peek().isSymbol(.leftParenthesis)
    }

    /// The right side of a comparison that begins with ANY, SOME or ALL. Of `a op ALL (…)` there is no row for which `a op row` is not true.
    mutating func quantified(
        _ left: Expression, _ comparison: Expression.ComparisonOperator, from first: Token
    ) throws(ParseFailure) -> Expression {
        let word = current
        let isAll = at(.all)
        advance()
        try expect(.leftParenthesis)
        guard isBracketedQuestion else { return try element(left, comparison, isAll: isAll, word, from: first) }
        try enter()
        let question = try question()
        leave()
        try expect(.rightParenthesis)
        guard question.body.givesOneColumn else { throw syntaxError(at: word, "the subquery behind \(text(word).uppercased()) gives one column") }
        let name = Name("quantified", isQuoted: true)
        var test = try make(.comparison(comparison, left, Expression(.column(source: name, name))), from: first)
        if isAll { test = try make(.not(test), from: first) }
        let rows = TableExpression.question(question, alias: TableAlias(name: name, columns: [name]), isLateral: false, span: question.span)
        var block = SelectBlock(items: [.expression(Expression(.literal(.integer(1))), alias: nil)], from: rows, span: question.span)
        block.filter = test
        let exists = try make(.exists(Question(body: .select(block), span: question.span)), from: first)
        return isAll ? try make(.not(exists), from: first) : exists
    }

    /// `a = ANY (array)`
    private mutating func element(
        _ left: Expression, _ comparison: Expression.ComparisonOperator, isAll: Bool, _ word: Token, from first: Token
    ) throws(ParseFailure) -> Expression {
        let array = try expression()
        try expect(.rightParenthesis)
        guard comparison == .equal, !isAll else {
            throw syntaxError(at: word, "of an array only = ANY is known", hint: "A subquery may stand behind ANY and ALL with any comparison.")
        }
        return try make(.call(Name("ARRAY_CONTAINS", span: word.span, typed: ""), [array, left]), from: first)
    }
}

extension QuestionBody {
    /// Whether it is known to give one column, or may give one.
    fileprivate var givesOneColumn: Bool {
        switch self {
        case .select(let block):
            let isKnown = block.items.allSatisfy { if case .expression = $0 { true } else { false } }
            return block.items.count == 1 || !isKnown && block.items.count < 2
        case .values(let rows, _): return rows.allSatisfy { $0.count == 1 }
        case .combination(_, _, let left, _, _): return left.givesOneColumn
        case .nested(let question): return question.body.givesOneColumn
        }
    }
}
