// JOIN … ON: which sides a condition compares, which kind of join the two inputs make, and which columns hold the key of its rows.

import Catalog
import Diagnostics
import Formats
import Plans
import Quantities
import Syntax
import Values

/// A condition whose left expression reads sources joined before, and whose right one reads the source that joins.
struct JoinCriterion {
    var left: TypedExpression
    var right: TypedExpression
    /// The condition as written, for messages.
    var written: (first: TypedExpression, second: TypedExpression)
    var texts: (first: String, second: String)

    var text: String { "\(texts.first) = \(texts.second)" }
}

/// One input of a join: a source, or what was joined so far.
struct JoinNode {
    var relation: ResolvedRelation
    /// The expressions that the reference takes for equal to the key of the rows; none for a source.
    var equivalents: [TypedExpression] = []
    /// Those of them that can name the key of the result, in the order in which they are preferred.
    var candidates: [TypedExpression] = []
    /// Columns that hold the key of every row.
    var keys: [TypedExpression]
    /// The source by which messages call it.
    var name: String
    var topic: String
    var partitions: Int?
    var window: KeyWindow?
}

/// Analyses the joins of one FROM clause, left to right.
struct JoinAnalysis {
    let from: FromAnalysis
    let context: AnalysisContext

    mutating func run() throws(Diagnostic) -> JoinNode {
        var criteria: [JoinCriterion] = []
        for join in from.joins { criteria.append(try criterion(of: join)) }
        var node = leaf(0)
        for (join, criterion) in zip(from.joins, criteria) { node = try self.join(node, join, criterion) }
        return node
    }

    private func leaf(_ index: Int) -> JoinNode {
        let source = from.sources[index].definition
        let key = source.schema.key
        return JoinNode(
            relation: .source(source, alias: from.sources[index].alias),
            keys: key.count == 1 ? [.column(from.bases[index], key[0].type)] : [], name: source.name, topic: source.topic,
            partitions: context.partitions(source.topic), window: source.window)
    }

    // MARK: Conditions

    private func criterion(of join: WrittenJoin) throws(Diagnostic) -> JoinCriterion {
        let condition = join.join.isAsof ? try asofEquality(of: join) : join.join.condition
        let range = condition.span.range
        guard case .comparison(.equal, let first, let second) = condition.node else {
            if case .logical = condition.node {
                throw Diagnostic(
                    .statementError,
                    "Invalid join condition: joins on multiple conditions are not yet supported. Got \(text(condition)).",
                    hint: "Join on one expression, for instance a STRUCT of the columns, and put the rest into WHERE.", at: range)
            }
            throw Diagnostic(
                .statementError, "Invalid join condition: only an equality is supported. Got \(text(condition)).", at: range)
        }
        try checkQualifiers(condition)
        var scope = from.scope
        scope.sources = Array(scope.sources[...join.rightIndex])
        var analyser = ExpressionAnalyser(context: context, scope: scope)
        analyser.place = "JOIN ON column"
        let left = try analyser.typed(first)
        let right = try analyser.typed(second)
        let firstSource = try onlySource(of: left, first, condition)
        let secondSource = try onlySource(of: right, second, condition)
        guard firstSource != secondSource else {
            let name = "`\(from.sources[firstSource].alias)`"
            throw Diagnostic(
                .statementError,
                "Each side of the join must reference exactly one source and not the same source. Left side references \(name) and "
                    + "right references \(name)", category: .general, at: range)
        }
        guard firstSource == join.rightIndex || secondSource == join.rightIndex else {
            throw Diagnostic(
                .statementError,
                "Invalid join condition: it must compare \(from.sources[join.rightIndex].alias) with a source before it. Got \(text(condition)).",
                at: range)
        }
        let isFlipped = firstSource == join.rightIndex
        return JoinCriterion(
            left: isFlipped ? right : left, right: isFlipped ? left : right, written: (left, right), texts: (text(first), text(second)))
    }

    func text(_ expression: Expression) -> String { canonicalText(of: from.qualified(expression)) }

    private func checkQualifiers(_ condition: Expression) throws(Diagnostic) {
        var stranger: Name?
        condition.walk { part in
            if case .column(let source?, _) = part.node, !from.sources.contains(where: { $0.alias == source.text }) {
                stranger = stranger ?? source
            }
        }
        if let stranger {
            throw Diagnostic(
                .unknownSource, "Failed to prepare statement: '\(stranger.text)' is not a valid stream/table name or alias.",
                hint: nameSuggestion(for: stranger.text, among: from.sources.map(\.alias)), at: stranger.span.range)
        }
    }

    private func onlySource(of side: TypedExpression, _ written: Expression, _ condition: Expression) throws(Diagnostic) -> Int {
        let sources = Set(side.columnsRead.compactMap(from.source(ofColumn:)))
        if let only = sources.first, sources.count == 1 { return only }
        throw Diagnostic(
            .statementError,
            "Invalid comparison expression '\(text(written))' in join '\(text(condition))'. Each side of the join comparision must contain "
                + "references from exactly one source.", at: written.span.range)
    }

    // MARK: Joins

    /// A source on both sides is read once, by one task a partition. Errors: rows would have to change partitions on the way to one side.
    private func checkSelf(_ left: JoinNode, _ right: JoinNode, _ criterion: JoinCriterion, _ join: Join) throws(Diagnostic) {
        guard let partitions = right.partitions, partitions > 1, left.relation.sources.contains(where: { $0.topic == right.topic }),
            !(left.keys.contains(criterion.left) && right.keys.contains(criterion.right))
        else { return }
        throw Diagnostic(
            .featureNotSupported, "\(right.name) has \(partitions) partitions, and can only be joined to itself by its key",
            hint: "CREATE … AS SELECT makes a copy with another key or one partition to join with.", at: join.span.range)
    }

    private func join(_ left: JoinNode, _ written: WrittenJoin, _ criterion: JoinCriterion) throws(Diagnostic) -> JoinNode {
        let right = leaf(written.rightIndex)
        let join = written.join
        let type = JoinType(join.kind)
        let kind = try kind(of: left, with: right, written, type, criterion)
        try checkSelf(left, right, criterion, join)
        try checkWindows(left: left, right: right, criterion, join, kind)
        try checkTypes(criterion, join)
        let isLeftKeyed = left.keys.contains(criterion.left)
        let isRightKeyed = right.keys.contains(criterion.right)
        var result = JoinNode(
            relation: .join(
                ResolvedJoin(
                    left: left.relation, right: right.relation, type: type, kind: kind, leftKey: criterion.left, rightKey: criterion.right,
                    isLeftKeyed: isLeftKeyed, isRightKeyed: isRightKeyed, keys: [])),
            keys: [], name: left.name, topic: left.topic, partitions: left.partitions, window: left.window)
        if case .foreignKey = kind {
            result.keys = left.keys
        } else {
            result.partitions = try partitions(left: left, right: right, isLeftKeyed: isLeftKeyed, isRightKeyed: isRightKeyed, kind, join)
            result.equivalents = equivalents(left, criterion, type)
            result.candidates = left.candidates.filter(result.equivalents.contains)
            for side in [criterion.left, criterion.right] where result.equivalents.contains(side) && isColumn(side) {
                if !result.candidates.contains(side) { result.candidates.append(side) }
            }
            result.keys = keys(left, criterion, type, isLeftKeyed: isLeftKeyed)
            try checkKeyType(criterion)
        }
        if case .join(var resolved) = result.relation {
            resolved.keys = result.keys
            result.relation = .join(resolved)
        }
        return result
    }

    private func isColumn(_ expression: TypedExpression) -> Bool { if case .column = expression.node { true } else { false } }

    private func equivalents(_ left: JoinNode, _ criterion: JoinCriterion, _ type: JoinType) -> [TypedExpression] {
        if type == .full { return [] }
        let own = [criterion.left, criterion.right]
        return own + (left.equivalents.contains { own.contains($0) } ? left.equivalents.filter { !own.contains($0) } : [])
    }

    /// The columns that stand for the key of every row. Of a side that may be missing, only the left one's does: the key of a RIGHT join
    /// goes by its name.
    private func keys(_ left: JoinNode, _ criterion: JoinCriterion, _ type: JoinType, isLeftKeyed: Bool) -> [TypedExpression] {
        let leftKeys = isLeftKeyed ? left.keys : [criterion.left].filter(isColumn)
        let rightKeys = [criterion.right].filter(isColumn)
        return switch type {
        case .inner: leftKeys + rightKeys
        case .left: leftKeys
        case .right: leftKeys + rightKeys
        case .full: []
        }
    }

    private func kind(
        of left: JoinNode, with right: JoinNode, _ written: WrittenJoin, _ type: JoinType, _ criterion: JoinCriterion
    ) throws(Diagnostic) -> JoinKind {
        let join = written.join
        let range = join.span.range
        if join.isAsof { try checkAsof(left, right, join) }
        let got = "Got \(left.name) \(type.keywords) \(right.name)."
        switch (left.relation.kind, right.relation.kind) {
        case (.table, .stream):
            throw Diagnostic(
                .statementError, "Invalid join order: table-stream joins are not supported; only stream-table joins. \(got)",
                hint: "Write the stream first.", at: range)
        case (.stream, .stream):
            guard let within = join.within else {
                throw Diagnostic(
                    .windowError, "Stream-stream joins must have a WITHIN clause specified. None was provided.",
                    hint: "WITHIN 1 HOUR joins rows that are at most an hour apart.", at: range)
            }
            return .streamStream(join.isAsof ? try describeAsof(within, written) : try describe(within))
        case (.stream, .table):
            try refuseWithin(join, "Stream-Table", again: "join")
            if type == .right || type == .full {
                let name = type == .right ? "right-outer" : "full-outer"
                throw Diagnostic(.statementError, "Invalid join type: \(name) join not supported for stream-table join. \(got)", at: range)
            }
            guard right.keys.contains(criterion.right) else {
                throw Diagnostic(
                    .statementError,
                    "Invalid join condition: stream-table joins require to join on the table's primary key. Got \(criterion.text).",
                    at: range)
            }
            return .streamTable
        case (.table, .table):
            try refuseWithin(join, "Table-Table", again: "Table-Table join")
            return try kindOfTables(left: left, right: right, join, type, criterion)
        }
    }

    private func kindOfTables(
        left: JoinNode, right: JoinNode, _ join: Join, _ type: JoinType, _ criterion: JoinCriterion
    ) throws(Diagnostic) -> JoinKind {
        let range = join.span.range
        guard right.keys.contains(criterion.right) else {
            throw Diagnostic(
                .statementError,
                "Invalid join condition: table-table joins require to join on the primary key of the right input table. "
                    + "Got \(criterion.text).", at: range)
        }
        if left.keys.contains(criterion.left) { return .tableTable }
        guard left.relation.isSource || context.isFull && left.relation.keepsLeftKey else {
            throw Diagnostic(
                .featureNotSupported,
                "Invalid join condition: foreign-key table-table joins are not supported as part of n-way joins. Got \(criterion.text).",
                at: range)
        }
        if type == .right || type == .full {
            throw Diagnostic(.featureNotSupported, "\(type.rawValue) JOIN on a foreign key is not supported", at: range)
        }
        if left.window != nil || right.window != nil {
            throw Diagnostic(.windowError, "Foreign-key table-table joins are not supported on windowed tables.", at: range)
        }
        return .foreignKey(criterion.left)
    }

    private func refuseWithin(_ join: Join, _ kind: String, again: String) throws(Diagnostic) {
        guard let within = join.within else { return }
        throw Diagnostic(
            .windowError,
            "A window definition was provided for a \(kind) join. These joins are not windowed. Please drop the window definition "
                + "(i.e. the WITHIN clause) and try to execute your \(again) again.", at: within.span.range)
    }

    /// WITHIN as a value.
    func describe(_ within: Join.Within) throws(Diagnostic) -> JoinWindow {
        let before = try milliseconds(within.before)
        let after = try milliseconds(within.after)
        let grace = try within.grace.map { duration throws(Diagnostic) in try gracePeriod(duration) }
        guard let span = before.checkedSum(after), span.checkedSum(grace ?? 0) != nil else {
            throw Diagnostic(.numberOutOfRange, "the WITHIN clause spans too long a time", at: within.span.range)
        }
        if span < 0 {
            throw Diagnostic(
                .windowError, "the time of the WITHIN clause must not be negative", category: .general,
                hint: "What it reaches back and ahead must come to zero or more together.", at: within.span.range)
        }
        return JoinWindow(
            before: before, after: after, grace: grace ?? max(Milliseconds(TemporalText.millisecondsPerDay) - span, 0),
            hasGrace: grace != nil)
    }

    // MARK: Rules about both inputs

    private func checkWindows(
        left: JoinNode, right: JoinNode, _ criterion: JoinCriterion, _ join: Join, _ kind: JoinKind
    ) throws(Diagnostic) {
        let range = join.span.range
        if left.window == nil && right.window == nil { return }
        guard let leftWindow = left.window, let rightWindow = right.window else {
            func state(_ node: JoinNode) -> String {
                "`\(node.name)` is \(node.window.map { "\($0.kindName) windowed" } ?? "not windowed")"
            }
            throw Diagnostic(
                .windowError, "Can not join windowed source to non-windowed source.\n\(state(left))\n\(state(right))", at: range)
        }
        if (leftWindow == .session) != (rightWindow == .session) {
            throw Diagnostic(
                .windowError,
                """
                Incompatible windowed sources.
                Left source: \(leftWindow.kindName)
                Right source: \(rightWindow.kindName)
                Session windowed sources can only be joined to other session windowed sources, and may still not result in expected \
                behaviour as session bounds must be an exact match for the join to work
                Hopping and tumbling windowed sources can only be joined to other hopping and tumbling windowed sources
                """, at: range)
        }
        if leftWindow != rightWindow || !left.keys.contains(criterion.left) || !right.keys.contains(criterion.right) {
            throw Diagnostic(
                .windowError,
                "Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.",
                at: range)
        }
    }

    private func checkTypes(_ criterion: JoinCriterion, _ join: Join) throws(Diagnostic) {
        guard criterion.left.type != criterion.right.type else { return }
        let first = "\(criterion.texts.first){\(criterion.written.first.type)}"
        let second = "\(criterion.texts.second){\(criterion.written.second.type)}"
        throw Diagnostic(
            .typeMismatch, "Invalid join condition: types don't match. Got \(first) = \(second).",
            hint: "CAST one side to the type of the other.", at: join.condition.span.range)
    }

    private func checkKeyType(_ criterion: JoinCriterion) throws(Diagnostic) {
        for side in [criterion.left, criterion.right] where side.type.containsMap {
            var name = "ROWKEY"
            if case .column(let index) = side.node { name = from.scope.columnName(at: index) ?? name }
            throw mapInKey(name, side.type)
        }
    }

    /// How many partitions the rows of the result are spread over: both sides must agree, unless one is repartitioned anyway.
    private func partitions(
        left: JoinNode, right: JoinNode, isLeftKeyed: Bool, isRightKeyed: Bool, _ kind: JoinKind, _ join: Join
    ) throws(Diagnostic) -> Int? {
        guard isLeftKeyed, isRightKeyed else { return isLeftKeyed ? left.partitions : right.partitions }
        guard let leftCount = left.partitions, let rightCount = right.partitions, leftCount != rightCount else { return left.partitions }
        throw Diagnostic(
            .statementError,
            "Can't join `\(left.name)` with `\(right.name)` since the number of partitions don't match. `\(left.name)` partitions = "
                + "\(leftCount); `\(right.name)` partitions = \(rightCount). Please repartition either one so that the number of "
                + "partitions match.",
            hint: "CREATE STREAM … WITH (PARTITIONS = \(rightCount)) AS SELECT * FROM \(left.name) repartitions.",
            at: join.span.range)
    }
}

extension ResolvedRelation {
    fileprivate var isSource: Bool { if case .source = self { true } else { false } }

    /// Whether the rows are those of the leftmost table, each with what was joined to it, under that table's key.
    fileprivate var keepsLeftKey: Bool {
        guard case .join(let join) = self else { return true }
        return (join.type == .inner || join.type == .left) && join.left.keepsLeftKey
    }
}

extension JoinType {
    init(_ kind: Join.Kind) {
        self =
            switch kind {
            case .inner: .inner
            case .left: .left
            case .right: .right
            case .full: .full
            }
    }

    /// The join as messages write it, with what may be left out in brackets.
    fileprivate var keywords: String {
        switch self {
        case .inner: "[INNER] JOIN"
        case .left: "LEFT [OUTER] JOIN"
        case .right: "RIGHT [OUTER] JOIN"
        case .full: "[FULL] OUTER JOIN"
        }
    }
}

extension KeyWindow {
    fileprivate var kindName: String {
        switch self {
        case .session: "SESSION"
        case .time(let kind, _): kind.rawValue
        }
    }
}
