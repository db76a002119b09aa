// Between a row of a column and a boxed value: for literals, rare functions, pull keys and tests; never for whole batches of hot queries.

import Bytes
package import Values

extension Column {
    /// The value at `row`.
    package func value(_ row: Int) -> Value {
        if isNull(row) { return .null }
        switch type {
        case .boolean: return .boolean(words[row] != 0)
        case .integer: return .integer(Int32(truncatingIfNeeded: words[row]))
        case .bigint: return .bigint(words[row])
        case .double: return .double(doubles[row])
        case .decimal(_, let scale): return .decimal(Decimal(unscaled: wides[row], scale: scale))
        case .string: return .string(String(decoding: text(row), as: UTF8.self))
        case .bytes: return .bytes(Array(text(row)))
        case .time: return .time(Int32(truncatingIfNeeded: words[row]))
        case .date: return .date(Int32(truncatingIfNeeded: words[row]))
        case .timestamp: return .timestamp(words[row])
        case .array: return .array(elements(row).map { children[0].value($0) })
        case .map: return .map(elements(row).map { MapEntry(children[0].value($0), children[1].value($0)) })
        case .structure: return .structure(children.map { $0.value(row) })
        }
    }

    /// The number at `row` with all its digits; nil in a column of doubles, or of no numbers.
    func exactNumber(_ row: Int) -> Decimal? {
        switch lane {
        case .word: Decimal(unscaled: Int128(words[row]), scale: 0)
        case .wide: Decimal(unscaled: wides[row], scale: type.asDecimal?.scale ?? 0)
        case .double, .text, .list, .map, .structure: nil
        }
    }

    /// The rows of the child column that make up the list or map at `row`.
    func elements(_ row: Int) -> Range<Int> {
        let range = ranges[row]
        return Int(range.start)..<Int(range.start) + Int(range.length)
    }

    /// Makes `value` the value at `row`. A decimal of another scale is brought to the column's; a value of a foreign type becomes NULL.
    package func set(_ row: Int, _ value: Value) {
        setPresent(row)
        switch (lane, value) {
        case (.word, .boolean(let flag)): words[row] = flag ? 1 : 0
        case (.word, .integer(let number)), (.word, .time(let number)), (.word, .date(let number)): words[row] = Int64(number)
        case (.word, .bigint(let number)), (.word, .timestamp(let number)): words[row] = number
        case (.double, .double(let number)): doubles[row] = number
        case (.wide, .decimal(let number)):
            guard case .decimal(_, let scale) = type, let scaled = number.rescaled(to: scale, .halfUp) else { return setNull(row) }
            wides[row] = scaled.unscaled
        case (.text, .string(let text)): setText(row, text.utf8)
        case (.text, .bytes(let bytes)): setText(row, bytes)
        case (.list, .array(let items)):
            let start = children[0].count
            children[0].grow(to: start + items.count)
            for (index, item) in items.enumerated() { children[0].set(start + index, item) }
            setRange(row, start: start, count: items.count)
        case (.map, .map(let entries)):
            let start = children[0].count
            for child in children { child.grow(to: start + entries.count) }
            for (index, entry) in entries.enumerated() {
                children[0].set(start + index, entry.key)
                children[1].set(start + index, entry.value)
            }
            setRange(row, start: start, count: entries.count)
        case (.structure, .structure(let fields)):
            for (index, child) in children.enumerated() { child.set(row, index < fields.count ? fields[index] : .null) }
        default: setNull(row)
        }
    }

    /// A column of these values.
    package convenience init(_ type: SQLType, _ values: [Value]) {
        self.init(type)
        reset(values.count)
        for (row, value) in values.enumerated() { set(row, value) }
    }
}
