// Which questions read streams or tables.

extension Question {
    /// Whether a FROM names a stream or table: such a question could have been meant as one without end. What subqueries in expressions read does
    /// not count.
    package var readsSources: Bool { reads(beside: []) }

    fileprivate func reads(beside known: Set<String>) -> Bool {
        let names = known.union(tables.map(\.name.text))
        return tables.contains { $0.question.reads(beside: names) } || body.reads(beside: names)
    }
}

extension QuestionBody {
    fileprivate func reads(beside known: Set<String>) -> Bool {
        switch self {
        case .select(let block): block.from?.reads(beside: known) ?? false
        case .values: false
        case .nested(let question): question.reads(beside: known)
        case .combination(_, _, let left, let right, _): left.reads(beside: known) || right.reads(beside: known)
        }
    }
}

extension TableExpression {
    fileprivate func reads(beside known: Set<String>) -> Bool {
        switch self {
        case .source(let name, _, _): !known.contains(name.text)
        case .question(let question, _, _, _): question.reads(beside: known)
        case .function: false
        case .join(let join): join.left.reads(beside: known) || join.right.reads(beside: known)
        }
    }
}
