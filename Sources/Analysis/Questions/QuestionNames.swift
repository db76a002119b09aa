// The names of a question's columns: those of the columns, else those of the functions, so that a result can be read.

import Diagnostics
import Plans
import Syntax
import Values

/// Names items of one SELECT list that have no alias.
struct QuestionNames {
    private let isJoin: Bool
    private let scope: Scope
    /// Whether items without a name get one of their words.
    let isReadable: Bool

    /// Inside a question (`isInner`) columns of a join keep their names, so that they are found under them.
    init(_ tables: QuestionTables, _ scope: Scope, isInner: Bool, isReadable: Bool) {
        isJoin = tables.sources.count > 1 && !isInner
        self.scope = scope
        self.isReadable = isReadable
    }

    /// A column of a star. As in continuous queries, columns of a join have the alias of their source in front.
    func starred(_ name: String, of source: ScopeSource) -> String {
        isJoin && !source.alias.isEmpty ? source.alias + "_" + name : name
    }

    /// The item with this place in the list.
    func name(of expression: Expression, number: Int) -> String {
        switch expression.node {
        case .column(let source, let name):
            let owners = scope.sources.filter { $0.columns.contains { $0.name == name.text } }.count
            if let source, isJoin, owners > 1 { return source.text + "_" + name.text }
            return name.text
        case .field(_, let name): return name.text
        default: return isReadable ? "" : "KSQL_COL_\(number)"
        }
    }
}
