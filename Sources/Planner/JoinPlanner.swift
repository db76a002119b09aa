// The steps of a join tree: each side is brought to rows of the key that is compared and the columns that are read further up, and
// where a side has another key, or writes it in another format, its rows change partitions on the way.

import Analysis
import Bytes
import Catalog
import Formats
import Plans
import Values

/// A step whose rows hold columns of a join's wide row.
struct PlacedStep {
    var step: Step
    /// Where a column of the wide row stands in the step's rows.
    var places: [Int: Int]
    /// The format of the keys of the rows.
    var keyFormat: FormatSpec
    var kind: Values.SourceKind

    /// An expression over the wide row, moved to the step's rows.
    func moved(_ expression: TypedExpression) -> TypedExpression { expression.mappingColumns { places[$0] ?? $0 } }
}

/// Plans the joins of one query.
struct JoinPlanner {
    let query: ResolvedQuery
    let context: PlanningContext

    /// The join's rows: the key columns, then what the left side holds, then what the right side holds. `needed` are the columns of the
    /// wide row that are read above; `path` tells joins inside joins apart in the names of topics.
    func plan(_ join: ResolvedJoin, needed: Set<Int>, path: String = "") -> PlacedStep {
        let isForeign = if case .foreignKey = join.kind { true } else { false }
        let leftNeeded = isForeign ? needed.union(join.leftKey.columnsRead) : needed
        let leftKey = isForeign ? primaryKey(of: join.left) : [join.leftKey]
        let left = side(join.left, key: leftKey, isKeyed: isForeign || join.isLeftKeyed, needed: leftNeeded, path: path + "L_")
        let right = side(join.right, key: [join.rightKey], isKeyed: join.isRightKeyed, needed: needed, path: path)
        let leftOutput = left.step.output
        let key = leftOutput.key.map { $0 }
        let format = keyFormat(join, left: left, right: right, key: key, isForeign: isForeign)
        let moves = (
            left: mustMove(left, isKeyed: isForeign || join.isLeftKeyed, join, to: format),
            right: mustMove(right, isKeyed: join.isRightKeyed, join, to: format)
        )
        let names = JoinNames(join, path, moves, isOnly: query.sources.count == 2, context)
        let step = JoinStep(
            left: left.step, right: right.step, type: join.type, kind: isForeign ? .foreignKey(left.moved(join.leftKey)) : join.kind,
            output: RowSchema(columns: key + leftOutput.columns + right.step.output.columns, keyCount: key.count),
            leftStore: StoreDescription(name: names.leftStore), rightStore: StoreDescription(name: names.rightStore), keyFormat: format,
            leftRepartition: moves.left || (!isForeign && join.left.isForeignKeyJoin) ? InternalTopic(name: names.leftTopic, keyFormat: format) : nil,
            rightRepartition: moves.right ? InternalTopic(name: names.rightTopic, keyFormat: format) : nil)
        var places = left.places.mapValues { key.count + $0 }
        places.merge(right.places.mapValues { key.count + leftOutput.columns.count + $0 }) { own, _ in own }
        return PlacedStep(step: .join(step), places: places, keyFormat: format, kind: left.kind)
    }

    // MARK: Sides

    /// One side of a join, keyed by `key`, which is over the wide row.
    private func side(
        _ relation: ResolvedRelation, key: [TypedExpression], isKeyed: Bool, needed: Set<Int>, path: String
    ) -> PlacedStep {
        switch relation {
        case .source(let source, let alias): return leaf(source, alias: alias, key: key, needed: needed)
        case .join(let inner):
            if isKeyed { return plan(inner, needed: needed, path: path) }
            let below = plan(inner, needed: key.reduce(into: needed) { $0.formUnion($1.columnsRead) }, path: path)
            let kept = below.places.keys.filter { needed.contains($0) && !isKey($0, of: key) }.sorted()
            let columns = below.step.output.columns
            let output = RowSchema(
                columns: key.map { ColumnDefinition(name(of: $0), $0.type) } + kept.map { columns[below.places[$0] ?? 0] },
                keyCount: key.count)
            let expressions = key.map(below.moved) + kept.map { .column(below.places[$0] ?? 0, columns[below.places[$0] ?? 0].type) }
            let step = ProjectStep(input: below.step, expressions: expressions, output: output, isTable: below.kind == .table)
            return PlacedStep(
                step: .project(step), places: places(key, kept), keyFormat: below.keyFormat, kind: below.kind)
        }
    }

    private func leaf(_ source: SourceDefinition, alias: String, key: [TypedExpression], needed: Set<Int>) -> PlacedStep {
        guard let row = query.rowSources.first(where: { $0.alias == alias }) else { preconditionFailure("a join's source is in its row") }
        func own(_ expression: TypedExpression) -> TypedExpression {
            expression.replacing { part in
                guard case .column(let index) = part.node else { return nil }
                if let base = row.pseudoBase, index >= base { return TypedExpression(.pseudo(row.pseudoColumns[index - base]), part.type) }
                return .column(index - row.base, part.type)
            }
        }
        let kept = (row.base..<row.end).filter { needed.contains($0) && !isKey($0, of: key) }
        let read = kept.map { index -> TypedExpression in
            if let base = row.pseudoBase, index >= base { return .column(index, row.pseudoColumns[index - base].type) }
            return .column(index, row.columns[index - row.base].type)
        }
        let output = RowSchema(
            columns: (key + read).map { ColumnDefinition(name(of: $0), $0.type) }, keyCount: key.count)
        let step = ProjectStep(
            input: .source(sourceStep(for: source, store: nil, failsOnInvalidTimestamp: context.failsOnInvalidTimestamp)),
            expressions: (key + read).map(own), output: output, isTable: source.kind == .table)
        return PlacedStep(
            step: .project(step), places: places(key, kept), keyFormat: source.keyFormat, kind: source.kind)
    }

    private func isKey(_ column: Int, of key: [TypedExpression]) -> Bool { key.contains { $0.node == .column(column) } }

    /// Where the columns of the wide row stand in rows of the key and then of `kept`.
    private func places(_ key: [TypedExpression], _ kept: [Int]) -> [Int: Int] {
        var places: [Int: Int] = [:]
        for (place, column) in kept.enumerated() { places[column] = key.count + place }
        for (place, part) in key.enumerated() { if case .column(let column) = part.node { places[column] = place } }
        return places
    }

    private func primaryKey(of relation: ResolvedRelation) -> [TypedExpression] {
        guard case .source(let source, _) = relation, let row = query.rowSources.first else { return [] }
        return source.schema.key.indices.map { .column(row.base + $0, source.schema.key[$0].type) }
    }

    /// What a column of the wide row is called in plans; what is computed has no name of its own.
    private func name(of expression: TypedExpression) -> String {
        guard case .column(let index) = expression.node, let row = query.rowSources.last(where: { $0.base <= index }) else {
            return "KSQL_INTERNAL_KEY"
        }
        let column = row.pseudoBase.flatMap { index >= $0 ? row.pseudoColumns[index - $0].rawValue : nil }
        return row.alias + "_" + (column ?? row.columns[index - row.base].name)
    }

    // MARK: Keys

    /// The format in which the join writes keys: that of a side that keeps its key, the left one's first, else the first there is.
    private func keyFormat(_ join: ResolvedJoin, left: PlacedStep, right: PlacedStep, key: [ColumnDefinition], isForeign: Bool)
        -> FormatSpec
    {
        let preferred: FormatSpec
        if isForeign || join.isLeftKeyed {
            preferred = left.keyFormat
        } else if join.isRightKeyed {
            preferred = right.keyFormat
        } else {
            preferred = left.keyFormat.name == .none ? right.keyFormat : left.keyFormat
        }
        return context.internalKeyFormat(preferred, key)
    }

    /// Whether a side's rows have another key than the join, or write it otherwise, so that equal keys may lie in different partitions.
    /// A foreign key finds its rows wherever they are: with more than one partition all rows of both sides meet in one.
    private func mustMove(_ side: PlacedStep, isKeyed: Bool, _ join: ResolvedJoin, to format: FormatSpec) -> Bool {
        if case .foreignKey = join.kind { return true }
        if QueryPlan.window(of: side.step) != nil { return false }
        return !isKeyed || side.keyFormat.name != format.name || format.name.usesRegistry
    }
}

extension ResolvedRelation {
    /// A join on a foreign key, the rows of which lie in one partition, wherever their own key would have them.
    var isForeignKeyJoin: Bool {
        if case .join(let join) = self, case .foreignKey = join.kind { true } else { false }
    }
}

/// Names of a join's topics and stores, as users of the dialect know them.
private struct JoinNames {
    var leftTopic: String
    var rightTopic: String
    var leftStore: String
    var rightStore: String

    init(_ join: ResolvedJoin, _ path: String, _ moves: (left: Bool, right: Bool), isOnly: Bool, _ context: PlanningContext) {
        func name(_ step: String) -> String { context.internalName(path + step) }
        func table(_ side: String, _ moves: Bool) -> String { name(moves ? "\(side)SourceKeyed-Materialize" : "KafkaTopic_\(side)-Reduce") }
        rightTopic = name("RightSourceKeyed-SelectKey-repartition")
        leftStore = table("Left", moves.left)
        rightStore = table("Right", moves.right)
        switch join.kind {
        case .streamStream:
            leftTopic = name("Join-left-repartition")
            rightTopic = name("Join-right-repartition")
            leftStore = name("Join-left")
            rightStore = name("Join-right")
            // The reference numbers the nodes of its topology: eight stand below a join, and four more for each side that moves.
            if isOnly {
                let number: Int64 = 8 + (moves.left ? 4 : 0) + (moves.right ? 4 : 0)
                let isLeftOuter = join.type == .full || join.type == .right
                let isRightOuter = join.type == .full || join.type == .left
                let (this, other) = (zeroPadded(number, width: 10), zeroPadded(number + 1, width: 10))
                leftStore = context.internalName("KSTREAM-\(isLeftOuter ? "OUTER" : "JOIN")THIS-\(this)-store")
                rightStore = context.internalName("KSTREAM-\(isRightOuter ? "OUTER" : "JOIN")OTHER-\(other)-store")
            }
        case .streamTable: leftTopic = name("Join-repartition")
        case .tableTable: leftTopic = name("LeftSourceKeyed-SelectKey-repartition")
        case .foreignKey:
            leftTopic = name("ForeignKeyJoin-left-topic")
            rightTopic = name("ForeignKeyJoin-right-topic")
        }
    }
}
