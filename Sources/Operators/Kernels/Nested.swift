// Access into ARRAY, MAP and STRUCT, and their constructors.

import Bytes
import Values

extension Kernel {
    /// Fails the rows whose values, put together of others, are larger than one may be.
    fileprivate func refuseLarge(_ frame: Frame, _ rows: Selection) {
        guard result.contentSize > ValueLimit.bytes else { return }
        rows.forEach { row in if result.weight(row) > ValueLimit.bytes { fail(frame, row, ValueLimit.message) } }
    }
}

/// `a[i]`, `m[k]`
final class SubscriptKernel: Kernel {
    private let base: Kernel, index: Kernel

    init(_ base: Kernel, _ index: Kernel, _ type: SQLType) {
        self.base = base
        self.index = index
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let bases = base.evaluate(frame, rows)
        let indexes = index.evaluate(frame, rows)
        result.reset(frame.count)
        let values = bases.children[bases.lane == .map ? 1 : 0]
        computable(rows, [bases, indexes]).forEach { row in
            let elements = bases.elements(row)
            let place: Int?
            if bases.lane == .map {
                place = elements.last { !bases.children[0].isNull($0) && RowOrder.equal(bases.children[0], $0, to: indexes, row) }
            } else {
                let wanted = Int(indexes.words[row])
                let offset = wanted > 0 ? wanted - 1 : wanted < 0 ? elements.count + wanted : -1
                place = offset >= 0 && offset < elements.count ? elements.lowerBound + offset : nil
            }
            if let place { result.copy(values, place, to: row) } else { result.setNull(row) }
        }
        return result
    }
}

/// `s->f`
final class FieldKernel: Kernel {
    private let base: Kernel
    private let field: Int

    init(_ base: Kernel, _ field: Int, _ type: SQLType) {
        self.base = base
        self.field = field
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let structs = base.evaluate(frame, rows)
        // The field's column serves as it is unless some struct is NULL.
        if structs.nulls.isEmpty { return structs.children[field] }
        result.reset(frame.count)
        computable(rows, [structs]).forEach { result.copy(structs.children[field], $0, to: $0) }
        return result
    }
}

/// `ARRAY[a, b]`
final class MakeArrayKernel: Kernel {
    private let items: [Kernel]

    init(_ items: [Kernel], _ type: SQLType) {
        self.items = items
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let columns = items.map { $0.evaluate(frame, rows) }
        result.reset(frame.count)
        let child = result.children[0]
        let rows = unfailed(rows, columns)
        rows.forEach { row in
            let start = child.count
            for column in columns { child.append(column, row) }
            result.setRange(row, start: start, count: columns.count)
        }
        refuseLarge(frame, rows)
        return result
    }
}

/// `MAP(k := v)`: of equal keys the last wins.
final class MakeMapKernel: Kernel {
    /// One entry of the map.
    struct Item {
        let key: Kernel
        let value: Kernel
    }

    private let items: [Item]

    init(_ items: [Item], _ type: SQLType) {
        self.items = items
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let columns = items.map { (key: $0.key.evaluate(frame, rows), value: $0.value.evaluate(frame, rows)) }
        result.reset(frame.count)
        let keys = result.children[0]
        let values = result.children[1]
        let rows = unfailed(rows, columns.flatMap { [$0.key, $0.value] })
        rows.forEach { row in
            let start = keys.count
            for item in columns {
                if let earlier = (start..<keys.count).first(where: { same(keys, $0, as: item.key, row) }) {
                    values.copy(item.value, row, to: earlier)
                } else {
                    keys.append(item.key, row)
                    values.append(item.value, row)
                }
            }
            result.setRange(row, start: start, count: keys.count - start)
        }
        refuseLarge(frame, rows)
        return result
    }

    private func same(_ keys: Column, _ place: Int, as key: Column, _ row: Int) -> Bool {
        keys.isNull(place) || key.isNull(row) ? keys.isNull(place) && key.isNull(row) : RowOrder.equal(keys, place, to: key, row)
    }
}

/// `STRUCT(f := v)`
final class MakeStructKernel: Kernel {
    private let items: [Kernel]

    init(_ items: [Kernel], _ type: SQLType) {
        self.items = items
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let columns = items.map { $0.evaluate(frame, rows) }
        result.reset(frame.count)
        // The fields are the items' own columns: they live as long as this result does.
        result.children = columns
        result.isView = true
        refuseLarge(frame, unfailed(rows, columns))
        return result
    }
}
