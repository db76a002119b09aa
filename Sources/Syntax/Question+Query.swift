// Every query of ksqlDB's form is a question, too.

extension Query {
    /// The query as a question.
    package var question: Question {
        var block = SelectBlock(items: items, from: from.tableExpression, span: span)
        block.window = window
        block.filter = filter
        block.groupBy = groupBy.map { $0.map { .expression($0) } }
        block.partitionBy = partitionBy
        block.having = having
        block.emit = emit
        block.lateRows = lateRows
        block.isDistinct = isDistinct
        block.qualify = qualify
        return Question(body: .select(block), limit: limit, limitSpan: limitSpan, span: span)
    }
}

extension Join {
    fileprivate var tableJoin: TableExpression {
        var join = TableJoin(
            kind: kind, left: left.tableExpression, right: right.tableExpression, condition: .on(condition), within: within, span: span)
        join.isAsof = isAsof
        return .join(join)
    }
}

extension Relation {
    fileprivate var tableExpression: TableExpression {
        switch self {
        case .source(let name, let alias): .source(name: name, alias: alias.map { TableAlias(name: $0) }, reach: nil)
        case .subquery(let query, let alias): .question(query.question, alias: alias.map { TableAlias(name: $0) }, isLateral: false, span: query.span)
        case .join(let join):
            join.tableJoin
        }
    }
}
