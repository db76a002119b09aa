// Bodies of the functions over arrays.

import Bytes
import Values

extension FunctionLibrary {
    static let arrays: [FunctionBody] = [
        FunctionBody("ARRAY_LENGTH", accepts: oneArray, .vectorised { call in call.words { Int64(call.arguments[0].ranges[$0].length) } }),
        FunctionBody("ARRAY_CONCAT", nulls: .seen, accepts: twoArrays, .vectorised(concatenateArrays)),
        FunctionBody("ARRAY_CONTAINS", nulls: .seen, accepts: arrayAndElement, .vectorised(arrayContains)),
        FunctionBody("ARRAY_REMOVE", nulls: .seen, accepts: arrayAndElement, .vectorised(arrayRemove)),
        FunctionBody("ARRAY_DISTINCT", accepts: oneArray, .vectorised { call in keepDistinct(call) { _, _, _ in true } }),
        FunctionBody("ARRAY_UNION", accepts: twoArrays, .vectorised(arrayUnion)),
        FunctionBody("ARRAY_INTERSECT", accepts: twoArrays, .vectorised { call in keepDistinct(call) { $0.contains($1, $2) } }),
        FunctionBody("ARRAY_EXCEPT", accepts: twoArrays, .vectorised { call in keepDistinct(call) { !$0.contains($1, $2) } }),
        FunctionBody("ARRAY_MAX", accepts: oneArray, .vectorised { call in extreme(call, 1) }),
        FunctionBody("ARRAY_MIN", accepts: oneArray, .vectorised { call in extreme(call, -1) }),
        FunctionBody(
            "ARRAY_SORT", accepts: { oneArray(Array($0.prefix(1))) && ($0.count == 1 || ($0.count == 2 && $0[1] == .string)) },
            .vectorised(arraySort)),
        FunctionBody(
            "ARRAY_JOIN", nulls: .seen,
            accepts: { oneArray(Array($0.prefix(1))) && ($0.count == 1 || ($0.count == 2 && $0[1] == .string)) },
            .vectorised(arrayJoin)),
        FunctionBody(
            "SLICE", nulls: .seen, accepts: { $0.count == 3 && oneArray([$0[0]]) && $0[1] == .integer && $0[2] == .integer },
            .vectorised(slice)),
        FunctionBody("GENERATE_SERIES", nulls: .seen, accepts: isSeries, .vectorised(generateSeries)),
    ]

    @Sendable private static func oneArray(_ types: [SQLType]) -> Bool { types.count == 1 && Lane(types[0]) == .list }
    @Sendable private static func twoArrays(_ types: [SQLType]) -> Bool {
        types.count == 2 && Lane(types[0]) == .list && types[0] == types[1]
    }
    @Sendable private static func arrayAndElement(_ types: [SQLType]) -> Bool { types.count == 2 && types[0] == .array(types[1]) }
    @Sendable private static func isSeries(_ types: [SQLType]) -> Bool {
        types.starts(with: [.integer, .integer]) || types.starts(with: [.bigint, .bigint])
            ? types.count == 2 || (types.count == 3 && types[2] == .integer) : false
    }

    private static func concatenateArrays(_ call: FunctionCall) {
        call.lists { row, children in
            var isPresent = false
            for argument in call.arguments where !argument.isNull(row) {
                isPresent = true
                for element in argument.elements(row) {
                    if call.isCancelled(at: element) { break }
                    children[0].append(argument.children[0], element)
                }
            }
            return isPresent
        }
    }

    private static func arrayContains(_ call: FunctionCall) {
        let array = call.arguments[0]
        let wanted = call.arguments[1]
        call.words { row in
            if array.isNull(row) || call.isCancelled { return 0 }
            return array.elements(row).contains { call.isCancelled(at: $0) || ElementOrder.same(array.children[0], $0, as: wanted, row) }
                ? 1 : 0
        }
    }

    private static func arrayRemove(_ call: FunctionCall) {
        let array = call.arguments[0]
        let victim = call.arguments[1]
        call.lists { row, children in
            if array.isNull(row) { return false }
            for element in array.elements(row) {
                if call.isCancelled(at: element) { break }
                if ElementOrder.same(array.children[0], element, as: victim, row) { continue }
                children[0].append(array.children[0], element)
            }
            return true
        }
    }

    /// The distinct elements of the first array that `keeps` takes, which is given the set of the second array's elements.
    private static func keepDistinct(_ call: FunctionCall, _ keeps: (ElementSet, Column, Int) -> Bool) {
        let array = call.arguments[0]
        let elements = array.children[0]
        call.lists { row, children in
            var seen = ElementSet()
            let others =
                call.arguments.count > 1
                ? ElementSet(call.arguments[1].children[0], call.arguments[1].elements(row), unless: call.frame.pressure.cancel)
                : ElementSet()
            for element in array.elements(row) {
                if call.isCancelled(at: element) { break }
                guard keeps(others, elements, element), seen.insert(elements, element) else { continue }
                children[0].append(elements, element)
            }
            return true
        }
    }

    private static func arrayUnion(_ call: FunctionCall) {
        call.lists { row, children in
            var seen = ElementSet()
            for array in call.arguments {
                for element in array.elements(row) {
                    if call.isCancelled(at: element) { break }
                    guard seen.insert(array.children[0], element) else { continue }
                    children[0].append(array.children[0], element)
                }
            }
            return true
        }
    }

    private static func extreme(_ call: FunctionCall, _ sign: Int) {
        let array = call.arguments[0]
        let elements = array.children[0]
        call.rows.forEach { row in
            var best: Int?
            for element in array.elements(row) where !elements.isNull(element) {
                if elements.type.isNested { return call.fail(row, "values of type \(elements.type) have no order") }
                if call.isCancelled(at: element) { return call.result.setFailed(row) }
                if let known = best, ElementOrder.compare(elements, element, with: elements, known) * sign <= 0 { continue }
                best = element
            }
            if let best { call.result.copy(elements, best, to: row) } else { call.result.setNull(row) }
        }
    }

    /// NULLs stand last in both directions. An unknown direction gives NULL.
    private static func arraySort(_ call: FunctionCall) {
        let array = call.arguments[0]
        let elements = array.children[0]
        call.lists { row, children throws(EvaluationError) in
            var descends = false
            if call.arguments.count > 1 {
                switch string(call.arguments[1].text(row)).uppercased() {
                case "ASC", "ASCENDING": break
                case "DESC", "DESCENDING": descends = true
                default: return false
                }
            }
            let present = array.elements(row).filter { !elements.isNull($0) }
            if elements.type.isNested, present.count > 1 { throw EvaluationError("values of type \(elements.type) have no order") }
            let sorted = try call.sorted(present) { a, b in
                let order = ElementOrder.compare(elements, a, with: elements, b)
                return order == 0 ? a < b : (order < 0) != descends
            }
            for (place, element) in sorted.enumerated() {
                if call.isCancelled(at: place) { return false }
                children[0].append(elements, element)
            }
            for _ in present.count..<array.elements(row).count { children[0].setNull(children[0].appendRow()) }
            return true
        }
    }

    private static func arrayJoin(_ call: FunctionCall) {
        let array = call.arguments[0]
        let elements = array.children[0]
        let isPrintable = elements.type.isNumeric || elements.type == .boolean || elements.type == .string
        call.texts { row, bytes throws(EvaluationError) in
            if array.isNull(row) { return false }
            let start = bytes.count
            let comma = [UInt8(ascii: ",")]
            let delimiter = call.arguments.count < 2 ? comma[...] : call.isNull(1, row) ? [] : call.arguments[1].text(row)
            for (place, element) in array.elements(row).enumerated() {
                if place > 0 { bytes.append(contentsOf: delimiter) }
                if bytes.count - start > ValueLimit.bytes || call.isCancelled(at: place) { return true }
                if elements.isNull(element) {
                    bytes.append(contentsOf: "null".utf8)
                } else if isPrintable {
                    elements.appendText(element, to: &bytes)
                } else {
                    throw EvaluationError("ARRAY_JOIN takes no elements of type \(elements.type)")
                }
            }
            return true
        }
    }

    /// Both ends are 1-based and inclusive. The result shares the argument's elements.
    private static func slice(_ call: FunctionCall) {
        let array = call.arguments[0]
        let result = call.result
        result.children = array.children
        result.isView = true
        call.rows.forEach { row in
            if array.isNull(row) { return result.setNull(row) }
            let range = array.ranges[row]
            let from = call.isNull(1, row) ? 1 : call.arguments[1].words[row]
            let to = call.isNull(2, row) ? Int64(range.length) : call.arguments[2].words[row]
            guard from >= 1, to <= Int64(range.length), from - 1 <= to else { return result.setNull(row) }
            result.setRange(row, start: Int(range.start) + Int(from - 1), count: Int(to - from + 1))
        }
    }

    /// Differences wrap at the bounds of the type, as in Java.
    private static func generateSeries(_ call: FunctionCall) {
        let isInteger = call.arguments[0].type == .integer
        call.lists { row, children throws(EvaluationError) in
            if call.arguments.contains(where: { $0.isNull(row) }) {
                throw EvaluationError("the bounds and the step of a series must not be null")
            }
            let start = call.arguments[0].words[row]
            let end = call.arguments[1].words[row]
            let step = call.arguments.count > 2 ? call.arguments[2].words[row] : end > start ? 1 : -1
            let difference = isInteger ? Int64(Int32(truncatingIfNeeded: end - start)) : end &- start
            if step == 0 { throw EvaluationError("GENERATE_SERIES step cannot be zero") }
            if (difference > 0 && step < 0) || (difference < 0 && step > 0) { throw EvaluationError("GENERATE_SERIES step has wrong sign") }
            let steps = difference.dividedReportingOverflow(by: step).partialValue
            let elements = children[0]
            let first = elements.count
            guard steps >= 0, steps < Int64(ValueLimit.elements) else {
                throw EvaluationError("the series has more than \(ValueLimit.elements) elements")
            }
            elements.grow(to: first + Int(steps) + 1)
            for index in 0...Int(steps) {
                if call.isCancelled(at: index) { return false }
                let value = start &+ Int64(index) &* step
                elements.words[first + index] = isInteger ? Int64(Int32(truncatingIfNeeded: value)) : value
            }
            return true
        }
    }
}
