// The order of inner joins. They are carried out as they are written, unless that would join relations that nothing connects yet although
// something will: `FROM a, b, c WHERE a.x = c.x AND c.y = b.y` joins a with c first. Then the relations with conditions of their own come
// first, and each one after those that it is connected with.

import Plans
import Values

/// Relations that inner joins put side by side, and the conditions on the joined row.
struct JoinOrder {
    private var relations: [RelationalStep] = []
    /// Where the columns of each relation begin in the joined row.
    private var starts: [Int] = []
    private var conditions: [(expression: TypedExpression, reads: Set<Int>)] = []

    /// The relations of a join and of the inner joins below it, with `conditions` on its row.
    init(_ join: RelationalJoin, _ conditions: [TypedExpression]) {
        var found: [TypedExpression] = []
        flatten(.join(join), 0, &found)
        self.conditions = (found + conditions).map { ($0, relations(readBy: $0)) }
    }

    private mutating func flatten(_ step: RelationalStep, _ base: Int, _ found: inout [TypedExpression]) {
        guard case .join(let join) = step, join.type == .inner, join.choice == nil else {
            relations.append(step)
            starts.append(base)
            return
        }
        let middle = base + join.left.types.count
        flatten(join.left, base, &found)
        flatten(join.right, middle, &found)
        for (left, right) in zip(join.leftKeys, join.rightKeys) {
            found.append(TypedExpression(.compare(.equal, left.moved(by: base), right.moved(by: middle)), .boolean))
        }
        if let condition = join.condition { found += condition.conjuncts.map { $0.moved(by: base) } }
    }

    private func relation(of column: Int) -> Int { starts.lastIndex { $0 <= column } ?? 0 }

    private func relations(readBy expression: TypedExpression) -> Set<Int> {
        Set(expression.columnsRead.lazy.filter { $0 < QuestionColumns.parameters }.map(relation(of:)))
    }

    // MARK: The order

    /// The joins in a better order, with the columns of the written one; nil where that is good enough.
    var reordered: RelationalStep? {
        guard relations.count > 2, joinsTheUnconnected else { return nil }
        let width = (starts.last ?? 0) + (relations.last?.types.count ?? 0)
        // What the row does not have yet is computed above the joins.
        guard conditions.allSatisfy({ $0.expression.columnsRead.allSatisfy { $0 < width || $0 >= QuestionColumns.parameters } }) else { return nil }
        return joined(in: order)
    }

    /// Whether the written order joins a relation that nothing connects with those before it, but something with one behind it.
    private var joinsTheUnconnected: Bool {
        relations.indices.dropFirst().contains { relation in
            let own = conditions.filter { $0.reads.count > 1 && $0.reads.contains(relation) }
            return !own.isEmpty && !own.contains { $0.reads.allSatisfy { $0 <= relation } }
        }
    }

    private var order: [Int] {
        let isNarrowed = relations.indices.map { relation in conditions.contains { $0.reads == [relation] } }
        var left = Array(relations.indices)
        var placed: Set<Int> = []
        var order: [Int] = []
        while !left.isEmpty {
            // The best of those that are left; of equals, the one that is written first.
            let ranks = left.map { relation in (placed.isEmpty ? 0 : connection(of: relation, with: placed) * 2) + (isNarrowed[relation] ? 1 : 0) }
            let best = ranks.indices.max { ranks[$0] < ranks[$1] || ranks[$0] == ranks[$1] && $0 > $1 } ?? 0
            placed.insert(left[best])
            order.append(left.remove(at: best))
        }
        return order
    }

    /// How a relation is connected with others: 2 by an equality, 1 by another condition, 0 by nothing.
    private func connection(of relation: Int, with placed: Set<Int>) -> Int {
        var best = 0
        for (expression, reads) in conditions where reads.count > 1 && reads.contains(relation) && reads.isSubset(of: placed.union([relation])) {
            if case .compare(.equal, let a, let b) = expression.node, relations(readBy: a) == [relation] || relations(readBy: b) == [relation] { return 2 }
            best = 1
        }
        return best
    }

    // MARK: The joins

    private func joined(in order: [Int]) -> RelationalStep {
        var places: [Int: Int] = [:]
        func placed(_ expression: TypedExpression) -> TypedExpression {
            expression.mappingColumns { column in
                guard column < QuestionColumns.parameters else { return column }
                let relation = relation(of: column)
                return (places[relation] ?? 0) + column - starts[relation]
            }
        }
        func narrowed(_ relation: Int) -> RelationalStep {
            relations[relation].filtered(by: conditions.filter { $0.reads == [relation] }.map { $0.expression.moved(by: -starts[relation]) })
        }
        var row = narrowed(order[0])
        var width = relations[order[0]].types.count
        places[order[0]] = 0
        for relation in order.dropFirst() {
            places[relation] = width
            let own = conditions.filter { $0.reads.count > 1 && $0.reads.contains(relation) && $0.reads.allSatisfy { places[$0] != nil } }
            row = .join(
                RelationalJoin(left: row, right: narrowed(relation), type: .inner, conditions: own.map { placed($0.expression) }, leftWidth: width))
            width += relations[relation].types.count
        }
        row = row.kept(conditions.filter { $0.reads.isEmpty }.map(\.expression))
        let columns = relations.indices.flatMap { relation in
            relations[relation].types.enumerated().map { TypedExpression(.column((places[relation] ?? 0) + $0.offset), $0.element) }
        }
        return .project(row, columns)
    }
}

extension TypedExpression {
    /// The expression over a row in which its columns stand so many places further.
    fileprivate func moved(by distance: Int) -> TypedExpression {
        mappingColumns { $0 < QuestionColumns.parameters ? $0 + distance : $0 }
    }
}
