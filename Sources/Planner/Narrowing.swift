// What a query reads of a join's wide row, and the query over the rows that the planned join gives.

import Analysis
import Plans
import Values

extension ResolvedQuery {
    /// The columns of the wide row that anything above the joins reads.
    var wideColumnsRead: Set<Int> {
        let shift = partitionBy?.count ?? 0
        var read: Set<Int> = []
        for expression in [filter].compactMap({ $0 }) + (partitionBy ?? []) { read.formUnion(expression.columnsRead) }
        if grouping != nil || !aggregates.isEmpty {
            for expression in (grouping ?? []) + aggregates.flatMap(\.arguments) { read.formUnion(expression.columnsRead) }
        } else {
            for expression in items.map(\.expression) + tableFunctions.flatMap(\.arguments) {
                read.formUnion(expression.columnsRead.map { $0 - shift })
            }
        }
        let first = rowSources.first?.base ?? 0
        return read.filter { $0 >= first && $0 < rowWidth }
    }

    /// The query over rows of `width` columns that hold column `i` of the wide row at `places[i]`, the key columns first.
    func narrowed(to places: [Int: Int], width: Int) -> ResolvedQuery {
        let shift = partitionBy?.count ?? 0
        func moved(_ column: Int) -> Int { column >= rowWidth ? column - rowWidth + width : places[column] ?? column }
        func move(_ expression: TypedExpression) -> TypedExpression { expression.mappingColumns(moved) }
        func moveShifted(_ expression: TypedExpression) -> TypedExpression {
            expression.mappingColumns { $0 < shift ? $0 : moved($0 - shift) + shift }
        }
        var result = self
        result.filter = filter.map(move)
        result.partitionBy = partitionBy?.map(move)
        result.grouping = grouping?.map(move)
        result.aggregates = aggregates.map { call in
            var call = call
            call.arguments = call.arguments.map(move)
            return call
        }
        result.tableFunctions = tableFunctions.map { call in
            var call = call
            call.arguments = call.arguments.map(moveShifted)
            return call
        }
        if grouping == nil && aggregates.isEmpty {
            for index in items.indices { result.items[index].expression = moveShifted(items[index].expression) }
        }
        return result
    }
}
