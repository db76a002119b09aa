// Bodies of the functions over maps with STRING keys.

import Bytes
import Values

extension FunctionLibrary {
    static let maps: [FunctionBody] = [
        FunctionBody("MAP_KEYS", accepts: oneMap, .vectorised { call in part(call, 0) }),
        FunctionBody("MAP_VALUES", accepts: oneMap, .vectorised { call in part(call, 1) }),
        FunctionBody("MAP_UNION", nulls: .seen, accepts: { $0.count == 2 && oneMap([$0[0]]) && $0[0] == $0[1] }, .vectorised(mapUnion)),
        FunctionBody("AS_MAP", accepts: { $0.count == 2 && $0[0] == .array(.string) && Lane($0[1]) == .list }, .vectorised(asMap)),
        FunctionBody("ENTRIES", nulls: .seen, accepts: { $0.count == 2 && oneMap([$0[0]]) && $0[1] == .boolean }, .vectorised(entries)),
    ]

    @Sendable private static func oneMap(_ types: [SQLType]) -> Bool {
        guard types.count == 1, case .map(.string, _) = types[0] else { return false }
        return true
    }

    /// The keys or the values; the result shares them with the map.
    private static func part(_ call: FunctionCall, _ child: Int) {
        let map = MapOrder.arranged(call.arguments[0], call.rows)
        let result = call.result
        result.children = [map.children[child]]
        result.isView = true
        call.rows.forEach { result.ranges[$0] = map.ranges[$0] }
    }

    /// Appends the entry, or overwrites the value of the same key.
    private static func put(
        key keys: Column, _ key: Int, value values: Column, _ value: Int?, into children: [Column], index: inout KeyIndex
    ) {
        let place = index.place(ofText: keys.isNull(key) ? nil : keys.text(key)) {
            children[0].append(keys, key)
            return children[1].appendRow()
        }
        if let value { children[1].copy(values, value, to: place) } else { children[1].setNull(place) }
    }

    private static func mapUnion(_ call: FunctionCall) {
        call.lists { row, children in
            var index = KeyIndex(children[0])
            var isPresent = false
            for map in call.arguments where !map.isNull(row) {
                isPresent = true
                for entry in map.elements(row) {
                    if call.isCancelled(at: entry) { return false }
                    put(key: map.children[0], entry, value: map.children[1], entry, into: children, index: &index)
                }
            }
            return isPresent
        }
    }

    private static func asMap(_ call: FunctionCall) {
        let keys = call.arguments[0]
        let values = call.arguments[1]
        call.lists { row, children in
            var index = KeyIndex(children[0])
            let available = values.elements(row)
            for (place, key) in keys.elements(row).enumerated() {
                if call.isCancelled(at: place) { return false }
                let value = place < available.count ? available.lowerBound + place : nil
                put(key: keys.children[0], key, value: values.children[0], value, into: children, index: &index)
            }
            return true
        }
    }

    private static func entries(_ call: FunctionCall) {
        let map = MapOrder.arranged(call.arguments[0], call.rows.withoutNulls(call.arguments[0]))
        let keys = map.children[0]
        let values = map.children[1]
        call.lists { row, children throws(EvaluationError) in
            if call.isNull(1, row) { throw EvaluationError("ENTRIES must be told whether to sort") }
            if map.isNull(row) { return false }
            var order = Array(map.elements(row))
            if call.arguments[1].words[row] != 0 {
                order = try call.sorted(order) { a, b in
                    if keys.isNull(a) || keys.isNull(b) { return !keys.isNull(a) }
                    return RowOrder.compareTexts(keys.text(a), keys.text(b)) < 0
                }
            }
            for entry in order {
                let place = children[0].appendRow()
                children[0].children[0].copy(keys, entry, to: place)
                children[0].children[1].copy(values, entry, to: place)
            }
            return true
        }
    }
}
