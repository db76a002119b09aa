// Bodies of AS_VALUE, COALESCE, IFNULL and NULLIF.

import Values

extension FunctionLibrary {
    static let conditionals: [FunctionBody] = [
        FunctionBody("AS_VALUE", accepts: { $0.count == 1 }, .vectorised { call in call.result.share(call.arguments[0]) }),
        FunctionBody("COALESCE", nulls: .seen, accepts: { !$0.isEmpty }, .vectorised(firstPresent)),
        FunctionBody("IFNULL", nulls: .seen, accepts: { $0.count == 2 }, .vectorised(firstPresent)),
        FunctionBody("NULLIF", nulls: .seen, accepts: { $0.count == 2 }, .vectorised(nullIfEqual)),
    ]

    private static func firstPresent(_ call: FunctionCall) {
        call.rows.forEach { row in
            if let column = call.arguments.first(where: { !$0.isNull(row) }) {
                call.result.copy(column, row, to: row)
            } else {
                call.result.setNull(row)
            }
        }
    }

    private static func nullIfEqual(_ call: FunctionCall) {
        let first = call.arguments[0]
        let second = call.arguments[1]
        call.rows.forEach { row in
            if first.isNull(row) || (!second.isNull(row) && RowOrder.equal(first, row, to: second, row)) {
                call.result.setNull(row)
            } else {
                call.result.copy(first, row, to: row)
            }
        }
    }
}
