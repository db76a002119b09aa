// The key of the result: what PARTITION BY, GROUP BY and joins make of it, and the items over the rows that they give.

import Catalog
import Diagnostics
import Functions
import Plans
import Syntax
import Values

extension QueryAnalysis {
    func shiftTableFunctions(_ items: inout [ResolvedItem], to base: Int) {
        for index in items.indices {
            items[index].expression = items[index].expression.mappingColumns { column in
                column >= ExpressionAnalyser.tableFunctionBase ? column - ExpressionAnalyser.tableFunctionBase + base : column
            }
        }
    }

    func partition(_ result: inout ResolvedQuery, by keys: [TypedExpression]) throws(Diagnostic) {
        let isRedundant = !keys.isEmpty && !from.isJoin && from.rowKeys.contains(keys)
        let isKeyless = !from.isJoin && from.sources[0].definition.schema.key.isEmpty
        result.keyOrigin = .partitioning
        result.keyTexts = keys.isEmpty ? [] : (query.partitionBy ?? []).map { canonicalText(of: qualified($0)) }
        if isRedundant || (keys.isEmpty && isKeyless) {
            shiftTableFunctions(&result.items, to: from.rowWidth)
            return
        }
        if from.window != nil {
            throw Diagnostic(
                .windowError,
                "Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.",
                at: query.span.range)
        }
        let count = keys.count
        result.partitionBy = keys
        for index in result.items.indices {
            result.items[index].expression = result.items[index].expression.replacing { part in
                if let key = keys.firstIndex(of: part) { return .column(key, part.type) }
                if case .column(let column) = part.node {
                    let isFunction = column >= ExpressionAnalyser.tableFunctionBase
                    return .column(
                        isFunction ? column - ExpressionAnalyser.tableFunctionBase + count + from.rowWidth : column + count, part.type)
                }
                return nil
            }
        }
        result.tableFunctions = result.tableFunctions.map { call in
            var moved = call
            moved.arguments = call.arguments.map { $0.mappingColumns { $0 + count } }
            return moved
        }
        result.key = zip(keys, keyNames(keys, result.items)).map { Values.ColumnDefinition($1, $0.type) }
    }

    /// The names of new key columns: those of the items that select them, else the column's own, else a generated one.
    func keyNames(_ keys: [TypedExpression], _ items: [ResolvedItem]) -> [String] {
        var generator = expansion
        return keys.enumerated().map { index, key in
            if let item = items.first(where: { $0.expression == .column(index, key.type) }) { return item.name }
            if case .column(let column) = key.node { return name(ofColumn: column) }
            return generator.generatedName()
        }
    }

    func group(_ result: inout ResolvedQuery, by grouping: [TypedExpression], _ having: TypedExpression?) throws(Diagnostic) {
        let isKey = from.rowKeys.contains(grouping)
        // The windows of a table are added up: the groups have none.
        if from.window != nil && !isKey && !(from.kind == .table && context.isFull) {
            throw Diagnostic(
                .windowError,
                "Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.",
                at: query.span.range)
        }
        let rewriting = GroupRewriting(grouping: grouping, allowsWindowBounds: query.window != nil)
        var outside: [String] = []
        for index in result.items.indices {
            let item = result.items[index]
            let (rewritten, strays) = rewriting.rewrite(item.expression)
            result.items[index].expression = rewritten
            guard !strays.isEmpty else { continue }
            if item.expression.hasAggregate {
                outside += strays.map { name(ofColumn: $0) }
            } else {
                outside.append(canonicalText(of: unqualified(item.source)))
            }
        }
        if !outside.isEmpty {
            throw Diagnostic(
                .groupingError,
                "Non-aggregate SELECT expression(s) not part of GROUP BY: \(outside.joined(separator: ", "))\n"
                    + "Either add the column(s) to the GROUP BY or remove them from the SELECT.", at: query.span.range)
        }
        if let having {
            let (rewritten, strays) = rewriting.rewrite(having)
            if let stray = strays.first {
                throw Diagnostic(
                    .groupingError,
                    "Non-aggregate HAVING expression not part of GROUP BY: \(name(ofColumn: stray))\n"
                        + "Either add the column(s) to the GROUP BY or remove them from the HAVING.", at: query.having?.span.range)
            }
            result.having = rewritten
        }
        result.grouping = grouping
        result.keyOrigin = .grouping
        result.keyTexts = (query.groupBy ?? []).map { canonicalText(of: unqualified($0)) }
        result.resultKind = .table
        result.key = zip(grouping, keyNames(grouping, result.items)).map { Values.ColumnDefinition($1, $0.type) }
    }

    func name(ofColumn index: Int) -> String { from.scope.columnName(at: index) ?? "ROWTIME" }

    // MARK: Joins

    /// The key of a join's result: of the columns that can serve, the first that the projection has.
    func chooseKey(of result: inout ResolvedQuery, _ choice: JoinKeyChoice) {
        func definition(_ column: TypedExpression) -> Values.ColumnDefinition {
            guard case .column(let index) = column.node else { return ColumnDefinition("ROWKEY", column.type) }
            return ColumnDefinition(from.scope.columnName(at: index) ?? "ROWKEY", column.type)
        }
        let columns: [TypedExpression]
        switch choice {
        case .synthetic(let column):
            result.key = [column]
            result.keyOrigin = .syntheticJoining
            result.keyTexts = [column.name]
            return
        case .columns(let candidates):
            let chosen = candidates.first { candidate in result.items.contains { $0.expression == candidate } }
            columns = [chosen ?? candidates[0]]
            result.keyOrigin = .joining
            result.keyTexts = candidates.map(dotted)
        case .leftTable(let primaryKey, let name):
            columns = primaryKey
            result.keyOrigin = .foreignKeyJoining(left: name)
            result.keyTexts = primaryKey.map(dotted)
        }
        result.key = columns.map(definition)
        // A plain item is the key itself; inside an expression the column has its side's own value, which may be missing.
        for index in result.items.indices {
            guard let place = columns.firstIndex(of: result.items[index].expression) else { continue }
            result.items[index].expression = .column(place, columns[place].type)
        }
    }

    /// `S.ID`
    private func dotted(_ column: TypedExpression) -> String {
        guard case .column(let index) = column.node, let source = from.source(ofColumn: index) else { return "ROWKEY" }
        let entry = from.scope.sources[source]
        let name = from.scope.columnName(at: index) ?? ""
        return canonicalText(
            of: Expression(
                .column(source: Name(entry.alias, isQuoted: true), Name(String(name.dropFirst(entry.alias.count + 1)), isQuoted: true))))
    }
}
