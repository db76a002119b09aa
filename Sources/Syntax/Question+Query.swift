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
        return Question(body: .select(block), limit: limit, limitSpan: limitSpan, span: span)
    }
}

extension Relation {
    fileprivate var tableExpression: TableExpression {
        switch self {
        case .source(let name, let alias): .source(name: name, alias: alias.map { TableAlias(name: $0) }, reach: nil)
        case .subquery(let query, let alias): .question(query.question, alias: alias.map { TableAlias(name: $0) }, isLateral: false, span: query.span)
        case .join(let join):
            .join(
                TableJoin(
                    kind: join.kind, left: join.left.tableExpression, right: join.right.tableExpression, condition: .on(join.condition),
                    within: join.within, span: join.span))
        }
    }
}
