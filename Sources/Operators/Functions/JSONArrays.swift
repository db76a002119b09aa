// Bodies of the functions over JSON arrays in STRINGs.

import Bytes
import Values

extension FunctionLibrary {
    static let jsonArrays: [FunctionBody] = [
        FunctionBody("JSON_ARRAY_LENGTH", [.string], .prepared { _, _ in arrayLength() }),
        FunctionBody("JSON_ITEMS", [.string], .prepared { _, _ in items() }),
        FunctionBody("JSON_ARRAY_CONTAINS", nulls: .seen, accepts: { $0.count == 2 && $0[0] == .string }, .prepared { _, _ in contains() }),
    ]

    private static func arrayLength() -> (FunctionCall) -> Void {
        let scratch = JSONScratch()
        return { call in
            call.words { row throws(EvaluationError) in
                if call.isCancelled { return nil }
                return try scratch.read(call.arguments[0].text(row)) { value in
                    guard let value, value.isArray else { return nil }
                    var count: Int64 = 0
                    value.forEachElement { _ in
                        count += 1
                        return true
                    }
                    return count
                }
            }
        }
    }

    private static func items() -> (FunctionCall) -> Void {
        let scratch = JSONScratch()
        return { call in
            call.lists { row, children throws(EvaluationError) in
                try scratch.read(call.arguments[0].text(row)) { value throws(EvaluationError) in
                    guard let value, value.isArray else { throw EvaluationError("JSON_ITEMS needs a JSON array") }
                    var elements: [JSONCursor] = []
                    value.forEachElement {
                        elements.append($0)
                        return true
                    }
                    for (place, element) in elements.enumerated() {
                        if call.isCancelled(at: place) { return false }
                        var text: [UInt8] = []
                        try CompactJSON.append(element, .scientific, to: &text)
                        children[0].setText(children[0].appendRow(), text)
                    }
                    return true
                }
            }
        }
    }

    /// Reads only as far as the first match, so that what follows it may be malformed.
    private static func contains() -> (FunctionCall) -> Void {
        let scratch = JSONScratch()
        return { call in
            let wanted = call.arguments[1]
            call.words { row throws(EvaluationError) in
                if call.isNull(0, row) { throw EvaluationError("the JSON text must not be null") }
                if call.isCancelled { return nil }
                return try scratch.scan(call.arguments[0].text(row)) { start in
                    guard var cursor = start, cursor.take(0x5B) else { return 0 }
                    cursor.skipSpace()
                    if cursor.byte == 0x5D { return 0 }
                    while true {
                        switch matches(&cursor, wanted, row) {
                        case .some(true): return 1
                        case .some(false): break
                        case nil: return 0
                        }
                        cursor.skipSpace()
                        guard cursor.take(0x2C) else { return 0 }
                        cursor.skipSpace()
                    }
                }
            }
        }
    }

    /// Whether the element at the cursor is the wanted value of the same kind; nil ends the search.
    private static func matches(_ cursor: inout JSONCursor, _ wanted: Column, _ row: Int) -> Bool? {
        let isNull = wanted.isNull(row)
        switch cursor.byte {
        case 0x22:
            cursor.at += 1
            guard let raw = cursor.scanString() else { return nil }
            guard !isNull, wanted.type == .string else { return false }
            var text: [UInt8] = []
            cursor.decode(raw, into: &text)
            return text[...] == wanted.text(row)
        case 0x74, 0x66:
            let isTrue = cursor.byte == 0x74
            guard cursor.skipValue() else { return nil }
            return !isNull && wanted.type == .boolean && (wanted.words[row] != 0) == isTrue
        case 0x6E: return cursor.skipValue() ? isNull : nil
        case 0x2D, 0x30...0x39:
            guard let number = cursor.scanNumber() else { return nil }
            if isNull { return false }
            return number.isInteger ? matches(integer: number, cursor, wanted, row) : matches(fraction: number, cursor, wanted, row)
        default: return cursor.skipValue() ? false : nil
        }
    }

    private static func matches(integer number: JSONCursor.RawNumber, _ cursor: JSONCursor, _ wanted: Column, _ row: Int) -> Bool? {
        guard wanted.type == .integer || wanted.type == .bigint else { return false }
        guard let value = number.small ?? NumberText.integer(cursor.bytes(number.start, number.length)[...]) else { return nil }
        if wanted.type == .integer, Int32(exactly: value) == nil { return nil }
        return value == wanted.words[row]
    }

    private static func matches(fraction number: JSONCursor.RawNumber, _ cursor: JSONCursor, _ wanted: Column, _ row: Int) -> Bool {
        wanted.type == .double && JSONReader.double(cursor, number) == wanted.doubles[row]
    }
}
