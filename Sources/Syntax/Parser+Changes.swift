// Statements beyond ksqlDB that change rows, functions and comments.

import Diagnostics

extension Parser {
    /// UPDATE, DELETE and COMMENT; nil for any other statement. Their words are no keywords.
    mutating func changeStatement() throws(ParseFailure) -> Statement? {
        if at(.with), let change = try changeBehindTables() { return .changeRows(change) }
        if at(.delete), peek().isKeyword(.from) { return .changeRows(try returning(try delete())) }
        if isWord(current, "TRUNCATE"), peek().isKeyword(.table) || isName(peek()) { return .changeRows(try truncate()) }
        if isWord(current, "UPDATE"), isName(peek()) { return .changeRows(try returning(try update())) }
        if isWord(current, "COMMENT"), peek().isKeyword(.on) { return .comment(try comment()) }
        return nil
    }

    /// What follows WHERE, where it is there. Subqueries may stand in it.
    mutating func changeFilter() throws(ParseFailure) -> Expression? {
        guard accept(.where) else { return nil }
        return try asQuestion { (parser) throws(ParseFailure) in try parser.expression() }
    }

    /// [ 'IF' 'NOT' 'EXISTS' ] name [ '(' names ')' ] 'AS' question
    mutating func createView(orReplace: Bool) throws(ParseFailure) -> CreateView {
        let ifNotExists = try ifNotExists()
        let name = try sourceName()
        let columns = at(.leftParenthesis) ? try nameList() : []
        try expect(.as)
        let question = try asQuestion { (parser) throws(ParseFailure) in try parser.question() }
        var view = CreateView(name: name, columns: columns, question: question)
        (view.orReplace, view.ifNotExists) = (orReplace, ifNotExists)
        return view
    }

    /// 'WITH' tables in front of UPDATE or DELETE; nil, with nothing read, for anything else.
    private mutating func changeBehindTables() throws(ParseFailure) -> RowChange? {
        guard let word = wordBehindTables, word.isKeyword(.delete) || isWord(word, "UPDATE") else { return nil }
        let (tables, isRecursive) = try commonTables()
        var change = try returning(try at(.delete) ? delete() : update())
        (change.tables, change.isRecursive) = (tables, isRecursive)
        return change
    }

    /// 'WITH' [ 'RECURSIVE' ] table { ',' table }
    mutating func commonTables() throws(ParseFailure) -> ([CommonTable], isRecursive: Bool) {
        try expect(.with)
        let isRecursive = isWord(current, "RECURSIVE") && isName(peek())
        if isRecursive { advance() }
        return (try asQuestion { (parser) throws(ParseFailure) in try parser.list { (parser) throws(ParseFailure) in try parser.commonTable() } }, isRecursive)
    }

    /// The statement with what RETURNING asks of its rows, where that follows.
    mutating func returning(_ change: RowChange) throws(ParseFailure) -> RowChange {
        guard isWord(current, "RETURNING") else { return change }
        advance()
        var change = change
        change.returning = try asQuestion { (parser) throws(ParseFailure) in try parser.list { (parser) throws(ParseFailure) in try parser.selectItem() } }
        return change
    }

    /// The name that a table has in a statement, which may stand behind it without AS, unless the next clause begins.
    private mutating func targetAlias() throws(ParseFailure) -> Name? {
        if accept(.as) { return try sourceName() }
        let begins = at(.set) || isWord(current, "USING") || isWord(current, "RETURNING") || isWord(current, "DEFAULT")
        return isName(current) && !begins ? try sourceName() : nil
    }

    mutating func asQuestion<Result>(
        _ body: (inout Parser) throws(ParseFailure) -> Result
    ) throws(ParseFailure) -> Result {
        let before = allowsQuestions
        allowsQuestions = true
        let result = try body(&self)
        allowsQuestions = before
        return result
    }

    private mutating func delete() throws(ParseFailure) -> RowChange {
        let first = current
        try expect(.delete, .from)
        let target = try sourceName()
        let alias = try targetAlias()
        let others = acceptWord("USING") ? try asQuestion { (parser) throws(ParseFailure) in try parser.tables() } : nil
        var filter = try changeFilter()
        if let others { filter = partners(among: others, filter, from: first) }
        var change = RowChange(target: target, action: .delete(filter: filter), span: span(from: first))
        change.alias = alias
        return change
    }

    /// 'TRUNCATE' [ 'TABLE' ] name, which is DELETE FROM without WHERE.
    private mutating func truncate() throws(ParseFailure) -> RowChange {
        let first = current
        advance()
        _ = accept(.table)
        return RowChange(target: try sourceName(), action: .delete(filter: nil), span: span(from: first))
    }

    private mutating func update() throws(ParseFailure) -> RowChange {
        let first = current
        advance()
        let target = try sourceName()
        let alias = try targetAlias()
        let assignments = try assignments()
        let others = accept(.from) ? try asQuestion { (parser) throws(ParseFailure) in try parser.tables() } : nil
        var filter = try changeFilter()
        guard let others else {
            var change = RowChange(target: target, action: .update(assignments, filter: filter), span: span(from: first))
            change.alias = alias
            return change
        }
        let values = assignments.map { assignment in
            if case .literal = assignment.value.node { return assignment }
            var block = SelectBlock(items: [.expression(assignment.value, alias: nil)], from: others, span: assignment.value.span)
            block.filter = filter
            let question = Question(body: .select(block), span: assignment.value.span)
            return RowChange.Assignment(column: assignment.column, value: Expression(.subquery(question), span: assignment.value.span))
        }
        filter = partners(among: others, filter, from: first)
        var change = RowChange(target: target, action: .update(values, filter: filter), span: span(from: first))
        change.alias = alias
        return change
    }

    /// 'SET' assignment { ',' assignment }
    mutating func assignments() throws(ParseFailure) -> [RowChange.Assignment] {
        try expect(.set)
        return try list { (parser) throws(ParseFailure) in
            if parser.at(.leftParenthesis) { return try parser.assignmentsOfARow() }
            let column = try parser.name()
            try parser.expect(.equal)
            let value = try parser.asQuestion { (parser) throws(ParseFailure) in try parser.expression() }
            return [RowChange.Assignment(column: column, value: value)]
        }.flatMap(\.self)
    }

    /// Whether there is a row of other tables for which a condition holds.
    private func partners(among others: TableExpression, _ filter: Expression?, from first: Token) -> Expression {
        var block = SelectBlock(items: [.expression(Expression(.literal(.integer(1))), alias: nil)], from: others, span: span(from: first))
        block.filter = filter
        return Expression(.exists(Question(body: .select(block), span: span(from: first))), span: span(from: first))
    }

    /// `(a, b) = (c, d)`, which is `a = c, b = d`.
    private mutating func assignmentsOfARow() throws(ParseFailure) -> [RowChange.Assignment] {
        let first = current
        let columns = try nameList()
        try expect(.equal)
        let row = try asQuestion { (parser) throws(ParseFailure) in try parser.expression() }
        var values = [row]
        if case .call(let name, let elements) = row.node, name.text == "ROW" { values = elements }
        if case .subquery(let question) = row.node, columns.count > 1 { values = fields(of: question, columns.count) }
        guard values.count == columns.count else {
            throw syntaxError(
                at: first, "\(columns.count) columns are set to \(values.count) value\(values.count == 1 ? "" : "s")",
                hint: "(a, b) = (c, d) sets both, and so does (a, b) = (SELECT c, d …).")
        }
        return zip(columns, values).map { RowChange.Assignment(column: $0, value: $1) }
    }

    /// The columns of the one row that a question gives, each as a question of its own.
    private func fields(of question: Question, _ count: Int) -> [Expression] {
        let names = (1...count).map { Name("value \($0)", isQuoted: true) }
        let alias = Name("the-row", isQuoted: true)
        return names.map { name in
            let block = SelectBlock(
                items: [.expression(Expression(.column(source: alias, name)), alias: nil)],
                from: .question(question, alias: TableAlias(name: alias, columns: names), isLateral: false, span: question.span), span: question.span)
            return Expression(.subquery(Question(body: .select(block), span: question.span)), span: question.span)
        }
    }

    /// `[ (a, b) ] (SELECT …)` behind INSERT INTO s; nil, with nothing read, when something else follows.
    mutating func insertOnce(into target: Name, from first: Token) throws(ParseFailure) -> RowChange? {
        guard at(.leftParenthesis) else { return nil }
        var attempt = self
        attempt.allowsQuestions = true
        var columns: [Name] = []
        attempt.advance()
        if !attempt.isBracketedQuestion {
            attempt = self
            attempt.allowsQuestions = true
            guard let names = try? attempt.nameList(), attempt.accept(.leftParenthesis), attempt.isBracketedQuestion else { return nil }
            columns = names
        }
        let question = try attempt.question()
        try attempt.expect(.rightParenthesis)
        attempt.allowsQuestions = allowsQuestions
        self = attempt
        return RowChange(target: target, action: .insert(columns: columns, question), span: span(from: first))
    }

    // MARK: Functions

    /// `[ 'AGGREGATE' ] FUNCTION [ 'IF' 'NOT' 'EXISTS' ] name '(' [ parameters ] ')' 'RETURNS' type 'AS' expression`
    mutating func createFunction(orReplace: Bool) throws(ParseFailure) -> CreateFunction {
        let isAggregate = acceptWord("AGGREGATE")
        try expect(.function)
        let ifNotExists = try ifNotExists()
        let name = try name()
        try expect(.leftParenthesis)
        let parameters = at(.rightParenthesis) ? [] : try list { (parser) throws(ParseFailure) in try parser.field() }
        try expect(.rightParenthesis)
        guard acceptWord("RETURNS") else { throw unexpected() }
        let result = try type()
        try expect(.as)
        // An expression, or, of an aggregate, `(init, lambda, lambda [, lambda])`, which reads like the arguments of a call.
        let body = isAggregate ? try call(Name("AGGREGATE"), from: current) : try expression()
        return CreateFunction(
            name: name, parameters: parameters, result: result, body: body, isAggregate: isAggregate, orReplace: orReplace,
            ifNotExists: ifNotExists)
    }

    // MARK: Comments

    /// `'COMMENT' 'ON' subject 'IS' ( string | 'NULL' )`
    private mutating func comment() throws(ParseFailure) -> CommentOn {
        advance()
        try expect(.on)
        let subject: CommentOn.Subject
        if accept(.stream) {
            subject = .source(.stream, try sourceName())
        } else if accept(.table) {
            subject = .source(.table, try sourceName())
        } else if accept(.function) {
            subject = .function(try name())
        } else {
            try expect(.column)
            let source = try sourceName()
            try expect(.dot)
            subject = .column(source: source, try name())
        }
        try expect(.is)
        if accept(.null) { return CommentOn(subject: subject, text: nil) }
        return CommentOn(subject: subject, text: try string())
    }
}
