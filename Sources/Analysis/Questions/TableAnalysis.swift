// What stands behind FROM in a question: sources, named questions, subqueries, table functions, and joins on any condition.

import Catalog
import Diagnostics
import Functions
import Plans
import Quantities
import Syntax
import Values

/// Joined relations: their plan, and what expressions see of the row that they make together.
struct QuestionTables {
    var step: RelationalStep
    var sources: [ScopeSource]
    /// Columns of the row.
    var width: Int
    /// Columns that USING has made one of two, by name.
    var merged: [String: TypedExpression] = [:]
    /// Columns that stars leave out, since USING shows them once.
    var hidden: Set<Int> = []
    /// By source: how many of its first columns are key columns of the catalog, and whether the rows have windows.
    var keyCounts: [Int]
    /// Where each source's ROWTIME stands in the row; nil for what is no source.
    var rowtimes: [Int?]
    /// Where the ROWTIMEs of streams stand.
    var streamTimes: [Int] = []
    /// As of a relation.
    var depth = 1

    /// The names of the columns that stars show, each once.
    var visibleNames: [String] {
        var names: [String] = []
        for source in sources {
            for (place, column) in source.columns.enumerated() where !hidden.contains(source.base + place) && !names.contains(column.name) {
                names.append(column.name)
            }
        }
        return names
    }

    func scope(in analysis: QuestionAnalysis) -> Scope {
        var scope = Scope(sources: sources)
        scope.merged = merged
        scope.outer = analysis.outer
        return scope
    }
}

extension QuestionAnalysis {
    /// The rows of a FROM clause.
    func tables(of expression: TableExpression) throws(Diagnostic) -> QuestionTables {
        switch expression {
        case .source(let name, let alias, let reach): return try source(name, alias, reach)
        case .question(let question, let alias, _, let span):
            var relation = try inside(nil).relation(of: question)
            try rename(&relation, to: alias?.columns ?? [], of: alias?.name ?? Name("the subquery", span: span))
            return one(relation, alias: alias?.name.text ?? "")
        case .function(let name, let arguments, let alias, let span):
            let nothing = QuestionTables(step: .rows([[]], types: []), sources: [], width: 0, keyCounts: [], rowtimes: [])
            return try unnested(nothing, name, arguments, alias, span)
        case .join(let join): return try joined(join)
        }
    }

    private func one(_ relation: QuestionRelation, alias: String) -> QuestionTables {
        QuestionTables(
            step: relation.step, sources: [relation.source(alias: alias, base: 0)], width: relation.columns.count, keyCounts: [0],
            rowtimes: [nil], depth: relation.depth)
    }

    private func source(_ name: Name, _ alias: TableAlias?, _ reach: SourceReach?) throws(Diagnostic) -> QuestionTables {
        if var relation = try table(named: name) {
            if let reach {
                throw Diagnostic(
                    .statementError, "\(name.text) is no stream or table: WITH names it", hint: "Say inside WITH how far it reads.",
                    at: reach.span.range)
            }
            try rename(&relation, to: alias?.columns ?? [], of: name)
            return one(relation, alias: alias?.name.text ?? name.text)
        }
        if let table = SystemTable.named(name.text) { return try system(table, name, alias) }
        if context.isFull, let view = context.catalog.views[name.text] {
            if let reach {
                throw Diagnostic(
                    .statementError, "\(name.text) is a view, not a stream or table", hint: "Its question says how far it reads.", at: reach.span.range)
            }
            var relation = try self.view(view, name)
            try checkDepth(relation.depth, name.span)
            try rename(&relation, to: alias?.columns ?? [], of: name)
            return one(relation, alias: alias?.name.text ?? name.text)
        }
        let definition = try context.source(named: name)
        if !sources.list.contains(definition) { sources.list.append(definition) }
        var columns = definition.schema.columns
        let names = alias?.columns ?? []
        let hidden = definition.hidesKey == true ? definition.schema.key.count : 0
        guard names.count <= columns.count - hidden else {
            throw Diagnostic(
                .statementError, "\(name.text) has \(columns.count - hidden) columns, but \(names.count) names are given",
                at: names.first?.span.range)
        }
        for (index, name) in names.enumerated() { columns[hidden + index].name = name.text }
        let ownName = name.text.split(separator: ".").last.map(String.init) ?? name.text
        var source = ScopeSource(
            alias: alias?.name.text ?? ownName, columns: columns, base: 0, isWindowed: definition.window != nil, pseudoBase: columns.count)
        source.generatedNames = context.generatedNames(of: definition)
        let pseudo = source.pseudoColumns
        var scan = RelationalScan(
            source: definition.name, columns: columns + pseudo.map { Values.ColumnDefinition($0.rawValue, $0.type) }, pseudoColumns: pseudo)
        if let reach { try scan.limit(to: reach, of: definition) }
        return QuestionTables(
            step: .scan(scan), sources: [source], width: scan.columns.count, hidden: Set(0..<hidden), keyCounts: [definition.schema.key.count],
            rowtimes: [columns.count], streamTimes: definition.kind == .stream ? [columns.count] : [])
    }

    /// The rows of a system table. Errors: more names are given than it has columns.
    private func system(_ table: SystemTable, _ name: Name, _ alias: TableAlias?) throws(Diagnostic) -> QuestionTables {
        var relation = QuestionRelation(
            step: .system(table.name, types: table.columns.map(\.type)),
            columns: table.columns.map { QuestionColumn(name: $0.name, type: $0.type) })
        try rename(&relation, to: alias?.columns ?? [], of: name)
        return one(relation, alias: alias?.name.text ?? table.kind.rawValue)
    }

    // MARK: Table functions

    /// The rows of `left`, each with the elements of what a table function makes of it.
    private func unnested(
        _ left: QuestionTables, _ name: Name, _ arguments: [Expression], _ alias: TableAlias?, _ span: SourceSpan
    ) throws(Diagnostic) -> QuestionTables {
        // GENERATE_SERIES and its kind give an array, whose elements are the rows.
        let kind = context.functions.family(named: name.text, withAliases: context.isFull)?.kind
        guard kind == .table || kind == .scalar else {
            throw Diagnostic(
                .unknownFunction, "\(name.text) is no table function",
                hint: nameSuggestion(for: name.text, among: context.functions.all.filter { $0.kind == .table }.map(\.name)), at: name.span.range)
        }
        var analyser = analyser(over: left, place: "\(name.text) argument")
        analyser.parts?.refusesSubqueries = "in the arguments of a table function behind FROM"
        analyser.allowsTableFunctions = true
        var call = Expression(.call(name, arguments), span: span)
        if kind == .scalar { call = Expression(.call(Name("EXPLODE"), [call]), span: span) }
        let result = try analyser.typed(call)
        var tables = left
        tables.step = .unnest(left.step, analyser.tableFunctions)
        let column = QuestionColumn(name: alias?.columns.first?.text ?? alias?.name.text ?? name.text, type: result.type)
        var relation = QuestionRelation(step: left.step, columns: [column])
        try rename(&relation, to: alias?.columns ?? [], of: alias?.name ?? name)
        try append(relation.source(alias: alias?.name.text ?? name.text, base: left.width), to: &tables, span)
        tables.width += 1
        tables.depth += 1
        tables.keyCounts.append(0)
        tables.rowtimes.append(nil)
        return tables
    }

    private func append(_ source: ScopeSource, to tables: inout QuestionTables, _ span: SourceSpan) throws(Diagnostic) {
        if !source.alias.isEmpty, tables.sources.contains(where: { $0.alias == source.alias }) {
            throw Diagnostic(
                .statementError, "two sources are called \(source.alias)", hint: "Give one of them another name with AS.", at: span.range)
        }
        tables.sources.append(source)
    }

    /// An analyser of expressions over joined relations.
    func analyser(over tables: QuestionTables, place: String) -> ExpressionAnalyser {
        var analyser = ExpressionAnalyser(context: context, scope: tables.scope(in: self))
        analyser.parts = QuestionParts(self)
        analyser.place = place
        return analyser
    }

    // MARK: Joins

    private func joined(_ join: TableJoin) throws(Diagnostic) -> QuestionTables {
        if join.kind == nil, case .join(let inner) = join.right, inner.beginsWithLateral {
            if let turned = inner.behind(join.left) { return try joined(turned) }
            return try lateral(join)
        }
        let left = try tables(of: join.left)
        if case .function(let name, let arguments, let alias, let span) = join.right {
            guard join.kind == nil || join.kind == .inner && join.condition == .on(Expression(.literal(.boolean(true)))) else {
                throw Diagnostic(
                    .featureNotSupported, "a table function is joined with a comma, CROSS JOIN or JOIN … ON TRUE", at: join.span.range)
            }
            return try unnested(left, name, arguments, alias, span)
        }
        if case .question(let question, let alias, isLateral: true, let span) = join.right {
            return try lateral(left, question, alias, span, join)
        }
        let right = try tables(of: join.right)
        var both = try sideBySide(left, right, join)
        var conditions: [TypedExpression] = []
        switch join.condition {
        case .none: break
        case .on(let condition):
            var analyser = analyser(over: both, place: "JOIN ON column")
            analyser.parts?.refusesSubqueries = "in a join's condition"
            conditions = try analyser.condition(condition, clause: "ON").conjuncts
        case .using(let names): for name in names { conditions.append(try using(name, left, right, &both, join)) }
        case .natural:
            let others = Set(right.visibleNames)
            for name in left.visibleNames where others.contains(name) {
                conditions.append(try using(Name(name, isQuoted: true, span: join.span), left, right, &both, join))
            }
        }
        if let within = join.within { conditions.append(try distance(within, left, right, join)) }
        var step = RelationalJoin(left: left.step, right: right.step, type: join.type, conditions: conditions, leftWidth: left.width)
        if join.isAsof { step.choice = try choice(conditions, left, join) }
        both.step = .join(step)
        return both
    }

    /// The row of both sides of a join, without its step.
    private func sideBySide(_ left: QuestionTables, _ right: QuestionTables, _ join: TableJoin) throws(Diagnostic) -> QuestionTables {
        var both = left
        for var source in right.sources {
            source.base += left.width
            source.pseudoBase = source.pseudoBase.map { $0 + left.width }
            try append(source, to: &both, join.span)
        }
        both.width = left.width + right.width
        both.depth = max(left.depth, right.depth) + 1
        both.keyCounts += right.keyCounts
        both.rowtimes += right.rowtimes.map { $0.map { $0 + left.width } }
        both.streamTimes += right.streamTimes.map { $0 + left.width }
        both.hidden.formUnion(right.hidden.map { $0 + left.width })
        for (name, expression) in right.merged where both.merged[name] == nil {
            both.merged[name] = expression.mappingColumns { $0 + left.width }
        }
        return both
    }

    /// `a, LATERAL (…) FULL JOIN b`: the whole of what is joined behind the comma, for each row in front of it.
    private func lateral(_ join: TableJoin) throws(Diagnostic) -> QuestionTables {
        let left = try tables(of: join.left)
        let outer = OuterScope(left.scope(in: self))
        let right = try inside(outer).tables(of: join.right)
        var both = try sideBySide(left, right, join)
        both.step = .lateral(RelationalLateral(input: left.step, subquery: right.step, parameters: outer.parameters, type: .inner))
        return both
    }

    /// The rows of `left`, each with those that a question gives which may read it.
    private func lateral(
        _ left: QuestionTables, _ question: Question, _ alias: TableAlias?, _ span: SourceSpan, _ join: TableJoin
    ) throws(Diagnostic) -> QuestionTables {
        let isLeft = join.kind == .left
        if join.kind != nil, join.kind != .inner, !isLeft {
            throw Diagnostic(
                .featureNotSupported, "LATERAL stands behind a comma, CROSS JOIN, JOIN and LEFT JOIN only", at: join.span.range)
        }
        switch join.condition {
        case .using, .natural: throw Diagnostic(.featureNotSupported, "LATERAL is joined with ON, not with USING", at: join.span.range)
        case .on, .none: break
        }
        let outer = OuterScope(left.scope(in: self))
        var relation = try inside(outer).relation(of: question)
        try rename(&relation, to: alias?.columns ?? [], of: alias?.name ?? Name("the subquery", span: span))
        var both = left
        try append(relation.source(alias: alias?.name.text ?? "", base: left.width), to: &both, span)
        both.width += relation.columns.count
        both.depth = max(left.depth, relation.depth) + 1
        both.keyCounts.append(0)
        both.rowtimes.append(nil)
        var condition: TypedExpression?
        if case .on(let written) = join.condition, written != Expression(.literal(.boolean(true))) {
            var analyser = analyser(over: both, place: "JOIN ON column")
            analyser.parts?.refusesSubqueries = "in a join's condition"
            condition = try analyser.condition(written, clause: "ON")
        }
        both.step = .lateral(
            RelationalLateral(
                input: left.step, subquery: relation.step, parameters: outer.parameters, type: isLeft ? .left : .inner, condition: condition))
        return both
    }

    /// Which right row an ASOF join takes: that which the one comparison of its condition that is no equality comes nearest to.
    private func choice(
        _ conditions: [TypedExpression], _ left: QuestionTables, _ join: TableJoin
    ) throws(Diagnostic) -> RelationalJoin.Choice {
        var found: [RelationalJoin.Choice] = []
        for condition in conditions {
            guard case .compare(let operation, let a, let b) = condition.node, operation != .equal, operation != .notEqual,
                let first = a.side(left.width), let second = b.side(left.width), first != second
            else { continue }
            let isSmaller = operation == .less || operation == .lessOrEqual
            let value = (first ? a : b).mappingColumns { $0 < QuestionColumns.parameters ? $0 - left.width : $0 }
            // Of `left >= right` the largest, of `left <= right` the smallest.
            found.append(RelationalJoin.Choice(value: value, takesSmallest: first ? !isSmaller : isSmaller))
        }
        guard let choice = found.first, found.count == 1 else {
            throw Diagnostic(
                .statementError, "an ASOF JOIN needs one comparison of a left value with a right one: ON a.k = b.k AND a.t >= b.t",
                at: join.span.range)
        }
        guard [.integer, .bigint, .double, .date, .time, .timestamp].contains(choice.value.type) else {
            throw Diagnostic(
                .typeMismatch, "an ASOF JOIN compares numbers or times, not \(choice.value.type)", at: join.span.range)
        }
        return choice
    }

    /// The condition of one column of USING, which is one column from here on.
    private func using(
        _ name: Name, _ left: QuestionTables, _ right: QuestionTables, _ both: inout QuestionTables, _ join: TableJoin
    ) throws(Diagnostic) -> TypedExpression {
        let place = "USING column"
        let first = try left.scope(in: self).resolve(source: nil, name, place: place)
        let second = try right.scope(in: self).resolve(source: nil, name, place: place).mappingColumns { $0 + left.width }
        guard let type = SQLType.common(first.type, second.type, lax: false) else {
            throw Diagnostic(
                .typeMismatch, "\(name.text) is \(first.type) on the left and \(second.type) on the right", at: name.span.range)
        }
        let (a, b) = (first.coerced(to: type), second.coerced(to: type))
        both.hidden.formUnion(second.columnsRead)
        switch join.type {
        case .inner, .left: both.merged[name.text] = first
        case .right: both.merged[name.text] = second
        case .full:
            let isMissing = TypedExpression(.isNull(a, negated: false), .boolean)
            both.merged[name.text] = TypedExpression(.searchedCase([CaseBranch(condition: isMissing, result: b)], otherwise: a), type)
        }
        return TypedExpression(.compare(.equal, a, b), .boolean)
    }

    /// WITHIN: the right row's time lies around the left row's.
    private func distance(
        _ within: Join.Within, _ left: QuestionTables, _ right: QuestionTables, _ join: TableJoin
    ) throws(Diagnostic) -> TypedExpression {
        guard let first = left.rowtimes.compactMap(\.self).last, let second = right.rowtimes.compactMap(\.self).first else {
            throw Diagnostic(.windowError, "WITHIN compares ROWTIMEs, which subqueries do not have", at: within.span.range)
        }
        let time = TypedExpression.column(first, .bigint)
        func moved(_ operation: Plans.ArithmeticOperator, _ duration: Syntax.Duration) throws(Diagnostic) -> TypedExpression {
            let length = TypedExpression.literal(.bigint(try milliseconds(duration).count), .bigint)
            return TypedExpression(.arithmetic(operation, time, length), .bigint)
        }
        return TypedExpression(
            .between(
                .column(second + left.width, .bigint), try moved(.subtract, within.before), try moved(.add, within.after), negated: false),
            .boolean)
    }
}

extension TableJoin {
    /// Whether its first table is a subquery or a function that may read what stands in front of the join.
    fileprivate var beginsWithLateral: Bool {
        switch left {
        case .question(_, _, let isLateral, _): isLateral
        case .join(let inner): inner.beginsWithLateral
        case .function: true
        case .source: false
        }
    }

    /// `a, LATERAL (…) JOIN b` as `(a, LATERAL (…)) JOIN b`, which has the same rows and lets the subquery see `a`; nil where the join does not
    /// begin with LATERAL, or keeps rows of its right side.
    fileprivate func behind(_ first: TableExpression) -> TableJoin? {
        guard kind != .right, kind != .full else { return nil }
        var result = self
        switch left {
        case .question(_, _, isLateral: true, _), .function:
            result.left = .join(TableJoin(kind: nil, left: first, right: left, condition: .none, span: span))
        case .join(let inner):
            guard let turned = inner.behind(first) else { return nil }
            result.left = .join(turned)
        case .question, .source: return nil
        }
        return result
    }

    fileprivate var type: JoinType {
        switch kind {
        case .inner?, nil: .inner
        case .left?: .left
        case .right?: .right
        case .full?: .full
        }
    }
}

extension TypedExpression {
    /// The parts of a chain of ANDs.
    var conjuncts: [TypedExpression] {
        if case .and(let a, let b) = node { return a.conjuncts + b.conjuncts }
        return [self]
    }
}

extension RelationalJoin {
    /// A join on conditions over the joined row, of which equalities between the sides become keys.
    init(left: RelationalStep, right: RelationalStep, type: JoinType, conditions: [TypedExpression], leftWidth: Int) {
        self.init(left: left, right: right, type: type)
        var rest: [TypedExpression] = []
        for condition in conditions {
            guard case .compare(.equal, let a, let b) = condition.node, a.type == b.type, let first = a.side(leftWidth),
                let second = b.side(leftWidth), first != second
            else {
                rest.append(condition)
                continue
            }
            leftKeys.append(first ? b : a)
            rightKeys.append((first ? a : b).mappingColumns { $0 < QuestionColumns.parameters ? $0 - leftWidth : $0 })
        }
        condition = .all(rest)
    }
}

extension TypedExpression {
    /// Whether the expression reads the right side only (true) or the left side only (false); nil when it reads both or neither.
    func side(_ leftWidth: Int) -> Bool? {
        let columns = columnsRead.filter { $0 < QuestionColumns.parameters }
        guard let first = columns.first.map({ $0 >= leftWidth }), columns.allSatisfy({ ($0 >= leftWidth) == first }) else { return nil }
        return first
    }
}
