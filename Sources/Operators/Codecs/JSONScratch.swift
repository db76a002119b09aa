// JSON documents that stand in STRING columns: a copy with room behind it, because the cursor loads whole words, and what functions need
// beyond the cursor: where the first value ends, members and elements of a value that is known to be well-formed.

import Bytes
import Values

/// Memory for one document at a time. One owner, one thread.
final class JSONScratch {
    private var bytes: [UInt8] = []

    /// Gives `body` a cursor on the first value of `text`, which is well-formed to its end, or nil when the text is blank. Text behind the
    /// first value is ignored. Throws for malformed text.
    func read<R>(
        _ text: ArraySlice<UInt8>, _ body: (JSONCursor?) throws(EvaluationError) -> R
    ) throws(EvaluationError) -> R {
        try scan(text) { start throws(EvaluationError) in
            guard let start else { return try body(nil) }
            var end = start
            let first = start.byte
            guard end.skipValue() else { throw EvaluationError("the JSON text is malformed near position \(end.at)") }
            let next = end.byte
            let isBare = first == 0x2D || (first >= 0x30 && first <= 0x39)
            let isWord = first == 0x74 || first == 0x66 || first == 0x6E
            let isLetter = (next | 0x20 >= 0x61 && next | 0x20 <= 0x7A) || (next >= 0x30 && next <= 0x39) || next == 0x5F || next >= 0x80
            if end.at < end.end, isBare ? next > 0x20 : isWord && isLetter {
                throw EvaluationError("the JSON text is malformed near position \(end.at)")
            }
            return try body(start)
        }
    }

    /// Gives `body` a cursor on the first byte of the text that is no space, with nothing known of what follows; nil for blank text.
    func scan<R>(_ text: ArraySlice<UInt8>, _ body: (JSONCursor?) throws(EvaluationError) -> R) throws(EvaluationError) -> R {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: text)
        bytes.append(contentsOf: repeatElement(0, count: RecordRun.padding))
        return try unsafe bytes.withUnsafeBufferPointer { buffer throws(EvaluationError) in
            guard let base = buffer.baseAddress else { return try body(nil) }
            var cursor = unsafe JSONCursor(base: base, start: 0, end: text.count)
            cursor.skipSpace()
            return try body(cursor.at < cursor.end ? cursor : nil)
        }
    }
}

/// Walks over text that has been found well-formed.
extension JSONCursor {
    var isObject: Bool { byte == 0x7B }
    var isArray: Bool { byte == 0x5B }
    var isString: Bool { byte == 0x22 }

    /// This cursor at another position.
    func at(_ position: Int) -> JSONCursor {
        var cursor = self
        cursor.at = position
        return cursor
    }

    /// Gives `visit` a cursor on each element of the array at this cursor, until it says false.
    func forEachElement(_ visit: (JSONCursor) -> Bool) {
        var cursor = at(at + 1)
        cursor.skipSpace()
        while !cursor.take(0x5D) {
            _ = cursor.take(0x2C)
            cursor.skipSpace()
            guard visit(cursor), cursor.skipValue() else { return }
            cursor.skipSpace()
        }
    }

    /// Gives `visit` the name of each member of the object at this cursor, as it stands in the text, and a cursor on its value.
    func forEachMember(_ visit: (RawString, JSONCursor) -> Void) {
        var cursor = at(at + 1)
        cursor.skipSpace()
        while !cursor.take(0x7D) {
            _ = cursor.take(0x2C)
            cursor.skipSpace()
            guard cursor.take(0x22), let name = cursor.scanString() else { return }
            cursor.skipSpace()
            _ = cursor.take(0x3A)
            cursor.skipSpace()
            visit(name, cursor)
            guard cursor.skipValue() else { return }
            cursor.skipSpace()
        }
    }

    /// The members of the object at this cursor: of a repeated name the first place and the last value. Only some of them when `cancel` is
    /// set meanwhile.
    func uniqueMembers(unless cancel: CancelFlag? = nil) -> [(name: [UInt8], value: JSONCursor)] {
        var members: [(name: [UInt8], value: JSONCursor)] = []
        var places: [[UInt8]: Int] = [:]
        var seen = 0
        var isEnding = false
        forEachMember { raw, value in
            seen += 1
            // What is left is only walked over.
            if !isEnding { isEnding = cancel?.isSet(at: seen) ?? false }
            if isEnding { return }
            var name: [UInt8] = []
            decode(raw, into: &name)
            if let place = places[name] {
                members[place].value = value
            } else {
                places[name] = members.count
                members.append((name, value))
            }
        }
        return members
    }
}
