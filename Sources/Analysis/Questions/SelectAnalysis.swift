// One SELECT of a question: FROM, WHERE, GROUP BY, HAVING, window functions, QUALIFY, the SELECT list, DISTINCT, ORDER BY.
//
// The row grows from level to level: the columns of FROM (and what WHERE's subqueries say), then, of an aggregation, the grouping columns and
// the aggregates, then what other subqueries say, then the window functions. Expressions are analysed over the row of FROM and rewritten to the
// level at which they are computed.

import Catalog
import Diagnostics
import Functions
import Plans
import Syntax
import Values

/// The analysis of one SELECT.
struct SelectAnalysis {
    let block: SelectBlock
    let analysis: QuestionAnalysis

    init(_ block: SelectBlock, _ analysis: QuestionAnalysis) {
        self.block = block.hoistingSubqueries
        self.analysis = analysis
    }

    /// An item of the SELECT list over the row of FROM.
    private struct Item {
        var name: String
        var value: Analysed
        var isHidden = false
        /// It has no name of its own, and was given one that can be read.
        var hasMadeName = false
    }

    /// Its rows, ordered by `orderBy`, of which no more than the first `limit` are needed.
    func relation(orderBy: [SortKey], limit: Int?) throws(Diagnostic) -> QuestionRelation {
        try checkClauses()
        try analysis.addBlocks(1, block.span)
        let nothing = QuestionTables(step: .rows([[]], types: []), sources: [], width: 0, keyCounts: [], rowtimes: [])
        let from = try block.from.map { table throws(Diagnostic) in try analysis.tables(of: table) } ?? nothing
        let windows = try block.window.map { clause throws(Diagnostic) in try QuestionWindows(clause, over: from, analysis, block) }
        var analyser = analysis.analyser(over: from, place: "WHERE column")
        let parts = analyser.parts ?? QuestionParts(analysis)
        var level = QuestionLevel(from.step, parts)
        if let filter = block.filter {
            do throws(Diagnostic) { level.filter(try analyser.condition(filter, clause: "WHERE")) } catch {
                throw error.advised(about: filter, aliases)
            }
        }
        if windows != nil {
            for (place, name) in ["WINDOWSTART", "WINDOWEND"].enumerated() {
                analyser.scope.merged[name] = .column(QuestionColumns.bounds + place, .bigint)
            }
        }
        try analyser.takeWindows(block.windows)
        analyser.allowsAggregates = true
        parts.allowsWindows = true
        parts.groupsHaveRows = block.groupBy?.allSatisfy(\.hasRows) ?? false && block.groupBy?.isEmpty == false
        analyser.allowsTableFunctions = true
        var items = try self.items(from, &analyser)
        analyser.allowsTableFunctions = false
        parts.aliases = aliases
        let qualify = try block.qualify.map { condition throws(Diagnostic) in
            analyser.place = "QUALIFY column"
            return try analyser.condition(condition, clause: "QUALIFY")
        }
        let visible = items.count
        let keys = try sortKeys(orderBy, &items, &analyser)
        parts.allowsWindows = false
        let having = try block.having.map { condition throws(Diagnostic) in
            analyser.place = "HAVING column"
            return try analyser.condition(condition, clause: "HAVING")
        }
        parts.aliases = [:]
        let distinctOn = try block.distinctOn.map { key throws(Diagnostic) in try value(of: key, items, &analyser).expression }
        analyser.allowsAggregates = false
        var grouping = try groupingSets(items, &analyser)
        if let windows {
            let isDistinct = grouping == nil && block.isDistinct && parts.aggregates.isEmpty
            if isDistinct { grouping = try distinctSet(items) }
            guard var sets = grouping else {
                throw Diagnostic(
                    .windowError, "WINDOW clause requires a GROUP BY clause.", category: .general,
                    hint: "SELECT DISTINCT … WINDOW … has the different rows of each window.", at: block.window?.span.range)
            }
            level.addWindows(windows, by: sets.sets == nil ? sets.expressions : [])
            sets.addBounds()
            sets.keepsNulls = isDistinct
            grouping = sets
        }
        if let grouping {
            level.aggregate(grouping)
        } else if !parts.aggregates.isEmpty || having != nil {
            level.aggregate(GroupingSets(expressions: [], sets: nil))
        }
        if !analyser.tableFunctions.isEmpty { try level.unnest(analyser.tableFunctions, self) }
        if let having { level.filter(try level.rewritten(having, self)) }
        try level.computeWindows(self)
        if let qualify { level.filter(try level.rewritten(qualify, self)) }
        if !distinctOn.isEmpty { try level.keepFirst(of: distinctOn, keys.map { items[$0.item].value.expression }, keys.map(\.key), self) }
        var relation = try finish(level, items, visible: visible, keys, limit: limit)
        relation.depth = max(from.depth, parts.subqueries.map(\.depth).max() ?? 0) + QuestionAnalysis.depthOfSelect
        try analysis.checkDepth(relation.depth, block.span)
        return relation
    }

    private func checkClauses() throws(Diagnostic) {
        if block.emit != nil {
            throw analysis.endlessness(block.emitSpan)
        }
        if let late = block.lateRows {
            throw Diagnostic(
                .featureNotSupported, "LATE ROWS has no meaning in a question: all of its rows are there, and none is late",
                hint: "CREATE TABLE … AS SELECT … WINDOW … GROUP BY … LATE ROWS INTO \(late.text) keeps the late rows of a continuous query.",
                at: late.span.range)
        }
        if block.partitionBy != nil {
            throw Diagnostic(.featureNotSupported, "PARTITION BY has no meaning in a question", at: block.span.range)
        }
    }

    /// The items that have an alias of their own, by that.
    private var aliases: [String: Expression] { block.items.byAlias }

    // MARK: The SELECT list

    private func items(_ from: QuestionTables, _ analyser: inout ExpressionAnalyser) throws(Diagnostic) -> [Item] {
        analyser.place = "SELECT column"
        let names = QuestionNames(from, analyser.scope, isInner: analysis.isInner, isReadable: analyser.context.isFull)
        var items: [Item] = []
        for item in block.items {
            switch item {
            case .all:
                if from.sources.isEmpty { throw Diagnostic(.statementError, "SELECT * needs a FROM", at: block.span.range) }
                for index in from.sources.indices { items += star(of: index, from, names) }
            case .allOf(let source):
                guard let index = from.sources.firstIndex(where: { $0.alias == source.text }) else {
                    throw Diagnostic(
                        .unknownSource, "'\(source.text)' is not a valid stream/table name or alias.", category: .general,
                        at: source.span.range)
                }
                items += star(of: index, from, names)
            case .changedStar(let star): items += try changed(star, from, names, &analyser)
            case .allFields(let base): items += try fields(of: base, &analyser)
            case .expression(let expression, let alias):
                let value = try analyser.analyse(expression)
                items.append(Item(name: alias?.text ?? names.name(of: expression, number: items.count), value: value))
            }
        }
        if names.isReadable {
            for place in items.indices { items[place].hasMadeName = items[place].name.isEmpty }
            ReadableNames.fill(&items, name: \.name, \.value.source)
        }
        return items
    }

    private func star(of index: Int, _ from: QuestionTables, _ names: QuestionNames) -> [Item] {
        let source = from.sources[index]
        var places = Array(source.columns.indices)
        if source.isWindowed, source.hasPseudoColumns {
            // The bounds of windows stand behind the key, as in every other SELECT *.
            let bounds = [PseudoColumn.windowstart, .windowend].compactMap { source.pseudoColumns.firstIndex(of: $0) }
            places.insert(contentsOf: bounds.map { source.columns.count + $0 }, at: from.keyCounts[index])
        }
        return places.compactMap { place in
            let column = source.base + place
            guard !from.hidden.contains(column) else { return nil }
            let isOwn = place < source.columns.count
            let name = isOwn ? source.columns[place].name : source.pseudoColumns[place - source.columns.count].rawValue
            let type = isOwn ? source.columns[place].type : source.pseudoColumns[place - source.columns.count].type
            let written = Expression(.column(source: Name(source.alias, isQuoted: true), Name(name, isQuoted: true)))
            let value = Analysed(
                expression: from.merged[name] ?? .column(column, type), isNull: false, isLiteral: false, source: written)
            return Item(name: from.merged[name] == nil ? names.starred(name, of: source) : name, value: value)
        }
    }

    /// A star with changes. Errors: one of them is about a column that the star does not show.
    private func changed(
        _ star: ChangedStar, _ from: QuestionTables, _ names: QuestionNames, _ analyser: inout ExpressionAnalyser
    ) throws(Diagnostic) -> [Item] {
        let chosen = from.sources.indices.filter { star.source == nil || from.sources[$0].alias == star.source?.text }
        guard !chosen.isEmpty else {
            throw Diagnostic(.unknownSource, "there is no source for * here", at: star.span.range)
        }
        var items = chosen.flatMap { self.star(of: $0, from, names) }
        func places(of name: Name) throws(Diagnostic) -> [Int] {
            let found = items.indices.filter { if case .column(_, let own) = items[$0].value.source.node { own.text == name.text } else { false } }
            if found.isEmpty {
                throw Diagnostic(
                    .unknownColumn, "* has no column \(name.text)", hint: nameSuggestion(for: name.text, among: items.map(\.name)), at: name.span.range)
            }
            return found
        }
        var values: [Int: Item] = [:]
        for change in star.replaced {
            let value = try analyser.analyse(change.value)
            for place in try places(of: change.name) { values[place] = Item(name: items[place].name, value: value) }
        }
        for change in star.renamed {
            guard case .column(_, let old) = change.value.node else {
                throw Diagnostic(.statementError, "RENAME takes the name of a column before AS", at: change.value.span.range)
            }
            for place in try places(of: old) {
                values[place] = Item(name: change.name.text, value: values[place]?.value ?? items[place].value)
            }
        }
        var left: Set<Int> = []
        for name in star.excluded { left.formUnion(try places(of: name)) }
        for (place, item) in values { items[place] = item }
        return items.indices.filter { !left.contains($0) }.map { items[$0] }
    }

    private func fields(of base: Expression, _ analyser: inout ExpressionAnalyser) throws(Diagnostic) -> [Item] {
        let value = try analyser.analyse(base)
        guard case .structure(let fields) = value.type else {
            throw Diagnostic(
                .typeMismatch, "Cannot expand ->*: \(canonicalText(of: base)) is of type \(value.type), not a STRUCT", at: base.span.range)
        }
        var items: [Item] = []
        for field in fields {
            let access = Expression(.field(base, Name(field.name, isQuoted: true, span: base.span)), span: base.span)
            items.append(Item(name: field.name, value: try analyser.analyse(access)))
        }
        return items
    }

    // MARK: ORDER BY and GROUP BY

    /// An ORDER BY expression: an item, and how it sorts.
    private struct ItemKey {
        var item: Int
        var key: RelationalSortKey
    }

    private func sortKeys(
        _ keys: [SortKey], _ items: inout [Item], _ analyser: inout ExpressionAnalyser
    ) throws(Diagnostic) -> [ItemKey] {
        analyser.place = "ORDER BY column"
        let visible = items.count
        var result: [ItemKey] = []
        for key in keys {
            if key.isAll {
                for place in 0..<visible { result.append(ItemKey(item: place, key: try analyser.sortKey(items[place].value, key))) }
                continue
            }
            var place = try analysis.position(key.expression, among: visible, "ORDER BY") ?? self.item(named: key.expression, items)
            if place == nil {
                let value: Analysed
                do throws(Diagnostic) { value = try analyser.analyse(key.expression) } catch {
                    // A name that nobody has written hides no column, but it can be used where there is none.
                    guard error.code == .unknownColumn, let made = self.item(named: key.expression, items, orMade: true) else { throw error }
                    result.append(ItemKey(item: made, key: try analyser.sortKey(items[made].value, key)))
                    continue
                }
                place = items.firstIndex { $0.value.expression == value.expression && !$0.isHidden }
                if place == nil {
                    guard !block.isDistinct else {
                        throw Diagnostic(
                            .statementError, "with SELECT DISTINCT, ORDER BY must name items of the SELECT list", at: key.expression.span.range)
                    }
                    items.append(Item(name: "", value: value, isHidden: true))
                    place = items.count - 1
                }
            }
            guard let place else { continue }
            result.append(ItemKey(item: place, key: try analyser.sortKey(items[place].value, key)))
        }
        return result
    }

    /// The item that a bare name means: its alias, before any column; with `orMade` also a name that nobody has written.
    private func item(named expression: Expression, _ items: [Item], orMade: Bool = false) -> Int? {
        guard case .column(nil, let name) = expression.node else { return nil }
        let found = items.indices.filter { items[$0].name == name.text && !items[$0].isHidden && (orMade || !items[$0].hasMadeName) }
        return found.count == 1 ? found[0] : nil
    }

    /// An item by position, else an expression over the row, else an item by its name.
    private func value(of key: Expression, _ items: [Item], _ analyser: inout ExpressionAnalyser) throws(Diagnostic) -> Analysed {
        let visible = items.filter { !$0.isHidden }
        if let place = try analysis.position(key, among: visible.count, "GROUP BY") { return visible[place].value }
        do throws(Diagnostic) { return try analyser.analyse(key) } catch {
            guard error.code == .unknownColumn, let place = item(named: key, items, orMade: true) else { throw error }
            return items[place].value
        }
    }

    private func groupingSets(_ items: [Item], _ analyser: inout ExpressionAnalyser) throws(Diagnostic) -> GroupingSets? {
        guard let elements = block.groupBy else { return nil }
        analyser.place = "GROUP BY"
        var result = GroupingSets(expressions: [], sets: nil)
        var sets: [[Int]] = [[]]
        for element in elements {
            let choices: [[Expression]]
            switch element {
            case .all:
                let own = items.filter { !$0.isHidden && !$0.value.expression.isOfGroup }.map { result.place(of: $0.value.expression) }
                sets = sets.map { set in set + own.filter { !set.contains($0) } }
                continue
            case .expression(let key): choices = [[key]]
            case .rollup(let keys):
                guard keys.count < 256 else {
                    throw Diagnostic(.tooLarge, "ROLLUP of more than 255 expressions", at: keys.first?.first?.span.range)
                }
                choices = (0...keys.count).reversed().map { keys.prefix($0).flatMap(\.self) }
            case .cube(let keys):
                guard keys.count <= 8 else {
                    throw Diagnostic(.tooLarge, "CUBE of more than 8 expressions", at: keys.first?.first?.span.range)
                }
                choices = (0..<1 << keys.count).reversed().map { mask in
                    keys.indices.filter { mask >> (keys.count - 1 - $0) & 1 == 1 }.flatMap { keys[$0] }
                }
            case .sets(let keys): choices = keys
            }
            var places: [[Int]] = []
            for choice in choices {
                var set: [Int] = []
                for key in choice {
                    let value = try value(of: key, items, &analyser).expression
                    if value.isOfGroup {
                        throw Diagnostic(.groupingError, "GROUP BY cannot hold an aggregate or a window function", at: key.span.range)
                    }
                    set.append(result.place(of: value))
                }
                places.append(set)
            }
            guard sets.count * places.count <= 256 else { throw Diagnostic(.tooLarge, "more than 256 grouping sets", at: block.span.range) }
            sets = sets.flatMap { set in places.map { set + $0.filter { !set.contains($0) } } }
        }
        if sets.count > 1 || elements.contains(where: \.isSet) { result.sets = sets }
        return result
    }

    /// SELECT DISTINCT … WINDOW as groups: all items.
    private func distinctSet(_ items: [Item]) throws(Diagnostic) -> GroupingSets {
        var set = GroupingSets(expressions: [], sets: nil)
        for item in items {
            let value = item.value.expression
            if value.columnsRead.contains(where: { $0 >= QuestionColumns.windows && $0 < QuestionColumns.subqueries }) {
                throw Diagnostic(
                    .groupingError, "SELECT DISTINCT … WINDOW cannot hold a window function", hint: "Compute it in a subquery behind FROM.",
                    at: item.value.source.span.range)
            }
            _ = set.place(of: value)
        }
        return set
    }

    // MARK: The end

    private func finish(
        _ level: QuestionLevel, _ items: [Item], visible: Int, _ keys: [ItemKey], limit: Int?
    ) throws(Diagnostic) -> QuestionRelation {
        var level = level
        var expressions: [TypedExpression] = []
        for item in items { expressions.append(try level.rewritten(item.value.expression, self)) }
        var step = RelationalStep.project(level.step, expressions)
        // The different rows of a window may be equal to those of another.
        if block.isDistinct, !level.isGroupedByItems { step = .distinct(step) }
        if !keys.isEmpty {
            let sortKeys = keys.map { entry in
                RelationalSortKey(
                    expression: .column(entry.item, expressions[entry.item].type), isDescending: entry.key.isDescending,
                    nullsFirst: entry.key.nullsFirst)
            }
            step = .sort(step, sortKeys, limit: limit)
        }
        if visible < items.count {
            step = .project(step, expressions[..<visible].enumerated().map { .column($0, $1.type) })
        }
        return QuestionRelation(
            step: step, columns: items[..<visible].map { QuestionColumn(name: $0.name, type: $0.value.type, isNull: $0.value.isNull) })
    }
}

/// The expressions of GROUP BY, and which of them each grouping set has.
struct GroupingSets {
    var expressions: [TypedExpression]
    var sets: [[Int]]?
    /// With windows: whether rows with NULLs in these expressions are groups, too.
    var keepsNulls = false

    /// Groups by the bounds of windows, too, whatever the set.
    mutating func addBounds() {
        let bounds = (0..<2).map { place(of: .column(QuestionColumns.bounds + $0, .bigint)) }
        sets = sets.map { $0.map { $0 + bounds } }
    }

    mutating func place(of expression: TypedExpression) -> Int {
        if let known = expressions.firstIndex(of: expression) { return known }
        expressions.append(expression)
        return expressions.count - 1
    }
}

extension GroupingElement {
    /// Whether none of its groups is there without a row.
    fileprivate var hasRows: Bool {
        switch self {
        case .expression: true
        case .rollup, .cube, .sets, .all: false
        }
    }

    /// Whether it is more than an expression, or several.
    fileprivate var isSet: Bool {
        switch self {
        case .expression, .all: false
        case .rollup, .cube, .sets: true
        }
    }
}

extension TypedExpression {
    /// Whether it is computed of a group, or over rows around a row, so that nothing can be grouped by it.
    fileprivate var isOfGroup: Bool {
        hasAggregate || columnsRead.contains { $0 >= QuestionColumns.windows && $0 < QuestionColumns.subqueries }
    }
}
