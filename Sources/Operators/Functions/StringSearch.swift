// Bodies of the functions that look for texts in texts: INSTR, REPLACE, SPLIT, SPLIT_TO_MAP, FIELD and ELT.

import Bytes
import Values

/// Finding bytes in bytes. In valid UTF-8 a match of bytes is a match of characters.
enum ByteSearch {
    /// The index of the first `needle` in `text` at or after index `from`; nil without one, and where `cancel` was set meanwhile. The needle
    /// is not empty.
    static func first(_ needle: ArraySlice<UInt8>, in text: ArraySlice<UInt8>, from: Int, unless cancel: CancelFlag) -> Int? {
        // Here, because a text with a match at each place is never searched for long.
        guard let head = needle.first, text.endIndex - from >= needle.count, !cancel.isSet else { return nil }
        let last = text.endIndex - needle.count
        var index = from
        while index <= last {
            if text[index] == head {
                if text[index..<index + needle.count].elementsEqual(needle) { return index }
                if cancel.isSet { return nil }
            }
            index += 1
        }
        return nil
    }

    /// Gives `take` the pieces between the delimiters, which are not empty; adjacent ones have an empty piece between them.
    static func split(
        _ text: ArraySlice<UInt8>, by delimiter: ArraySlice<UInt8>, unless cancel: CancelFlag, _ take: (ArraySlice<UInt8>) -> Void
    ) {
        var start = text.startIndex
        while let found = first(delimiter, in: text, from: start, unless: cancel) {
            take(text[start..<found])
            start = found + delimiter.count
        }
        take(text[start...])
    }

    /// The 1-based place of the n-th occurrence, 0 without one. Overlapping occurrences count; a negative position starts that far from
    /// the end and searches backwards. 0 as well where `cancel` was set meanwhile.
    static func position<Text: RandomAccessCollection>(
        of needle: Text, in text: Text, from position: Int, occurrence: Int, unless cancel: CancelFlag
    ) -> Int where Text.Element: Equatable, Text.Index == Int {
        guard position != 0, occurrence > 0, position.magnitude <= text.count else { return 0 }
        let step = position > 0 ? 1 : -1
        var start = position > 0 ? position - 1 : text.count + position
        if step < 0 { start = min(start, text.count - needle.count) }
        // Backwards, nothing is first found behind the last character.
        if step < 0 && needle.isEmpty { start += 1 }
        var left = occurrence
        while start >= 0, start + needle.count <= text.count, !cancel.isSet {
            let from = text.startIndex + start
            if text[from..<from + needle.count].elementsEqual(needle) {
                left -= 1
                if left == 0 { return start + 1 }
            }
            start += step
        }
        return 0
    }
}

extension FunctionLibrary {
    static let stringSearch: [FunctionBody] = [
        FunctionBody("INSTR", nulls: .seen, accepts: { $0.count >= 2 && $0.count <= 4 && $0[0] == .string }, .vectorised(instr)),
        FunctionBody("REPLACE", [.string, .string, .string], .vectorised(replace)),
        FunctionBody("SPLIT", [.string, .string], .vectorised(split)),
        FunctionBody("SPLIT", [.bytes, .bytes], .vectorised(split)),
        FunctionBody("SPLIT_TO_MAP", [.string, .string, .string], .vectorised(splitToMap)),
        FunctionBody("FIELD", nulls: .seen, accepts: { !$0.isEmpty && $0.allSatisfy { $0 == .string } }, .vectorised(field)),
        FunctionBody(
            "ELT", nulls: .seen, accepts: { !$0.isEmpty && $0[0] == .integer && $0.dropFirst().allSatisfy { $0 == .string } },
            .vectorised(elt)),
    ]

    private static func instr(_ call: FunctionCall) {
        let text = call.arguments[0]
        let needle = call.arguments[1]
        call.words { row throws(EvaluationError) in
            for index in 2..<max(2, call.arguments.count) where call.isNull(index, row) {
                throw EvaluationError("the position and the occurrence of INSTR must not be null")
            }
            if text.isNull(row) || needle.isNull(row) || call.isCancelled { return 0 }
            let position = call.arguments.count > 2 ? Int(call.arguments[2].words[row]) : 1
            let occurrence = call.arguments.count > 3 ? Int(call.arguments[3].words[row]) : 1
            let a = text.text(row)
            let b = needle.text(row)
            if isASCII(a) {
                return Int64(ByteSearch.position(of: b, in: a, from: position, occurrence: occurrence, unless: call.frame.pressure.cancel))
            }
            return Int64(
                ByteSearch.position(
                    of: Array(string(b).utf16), in: Array(string(a).utf16), from: position, occurrence: occurrence,
                    unless: call.frame.pressure.cancel))
        }
    }

    static func isASCII(_ text: ArraySlice<UInt8>) -> Bool { text.allSatisfy { $0 < 0x80 } }

    private static func replace(_ call: FunctionCall) {
        let source = call.arguments[0]
        let old = call.arguments[1]
        let new = call.arguments[2]
        let cancel = call.frame.pressure.cancel
        call.texts { row, bytes throws(EvaluationError) in
            let text = source.text(row)
            let wanted = old.text(row)
            let other = new.text(row)
            let first = bytes.count
            if wanted.isEmpty {
                // Between all characters, and at both ends.
                for byte in text {
                    if byte & 0xC0 != 0x80 { bytes.append(contentsOf: other) }
                    bytes.append(byte)
                    if bytes.count - first > ValueLimit.bytes || cancel.isSet(at: bytes.count) { return true }
                }
                bytes.append(contentsOf: other)
                return true
            }
            var start = text.startIndex
            while let found = ByteSearch.first(wanted, in: text, from: start, unless: cancel) {
                bytes.append(contentsOf: text[start..<found])
                bytes.append(contentsOf: other)
                start = found + wanted.count
                if bytes.count - first > ValueLimit.bytes { return true }
            }
            bytes.append(contentsOf: text[start...])
            return true
        }
    }

    /// An empty delimiter gives single UTF-16 units (a half of a surrogate pair as U+FFFD) or single bytes.
    private static func split(_ call: FunctionCall) {
        let source = call.arguments[0]
        let delimiter = call.arguments[1]
        let isText = source.type == .string
        let cancel = call.frame.pressure.cancel
        call.lists { row, children in
            let text = source.text(row)
            let between = delimiter.text(row)
            let pieces = children[0]
            if !between.isEmpty {
                ByteSearch.split(text, by: between, unless: cancel) { pieces.setText(pieces.appendRow(), $0) }
            } else if text.isEmpty {
                pieces.setText(pieces.appendRow(), text)
            } else if isText {
                for scalar in string(text).unicodeScalars {
                    if cancel.isSet(at: pieces.count) { return false }
                    let unit = scalar.value > 0xFFFF ? "\u{FFFD}" : String(Character(scalar))
                    for _ in 0..<(scalar.value > 0xFFFF ? 2 : 1) { pieces.setText(pieces.appendRow(), unit.utf8) }
                }
            } else {
                for byte in text {
                    if cancel.isSet(at: pieces.count) { return false }
                    pieces.setText(pieces.appendRow(), CollectionOfOne(byte))
                }
            }
            return true
        }
    }

    private static func splitToMap(_ call: FunctionCall) {
        let source = call.arguments[0]
        let entryDelimiter = call.arguments[1]
        let keyDelimiter = call.arguments[2]
        let cancel = call.frame.pressure.cancel
        call.lists { row, children in
            let between = entryDelimiter.text(row)
            let inside = keyDelimiter.text(row)
            if between.isEmpty || inside.isEmpty || between == inside { return false }
            let keys = children[0]
            let values = children[1]
            var entries = KeyIndex(keys)
            ByteSearch.split(source.text(row), by: between, unless: cancel) { entry in
                guard let end = ByteSearch.first(inside, in: entry, from: entry.startIndex, unless: cancel) else { return }
                let rest = entry[(end + inside.count)...]
                let stop = ByteSearch.first(inside, in: rest, from: rest.startIndex, unless: cancel) ?? rest.endIndex
                let key = entry[..<end]
                let place = entries.place(ofText: key) {
                    keys.setText(keys.appendRow(), key)
                    return values.appendRow()
                }
                values.setText(place, rest[..<stop])
            }
            return true
        }
    }

    private static func field(_ call: FunctionCall) {
        let needle = call.arguments[0]
        call.words { row in
            if needle.isNull(row) { return 0 }
            let text = needle.text(row)
            for index in 1..<max(1, call.arguments.count) where !call.isNull(index, row) && call.arguments[index].text(row) == text {
                return Int64(index)
            }
            return 0
        }
    }

    private static func elt(_ call: FunctionCall) {
        let number = call.arguments[0]
        call.rows.forEach { row in
            if number.isNull(row) { return call.fail(row, "the number of ELT must not be null") }
            let index = number.words[row]
            guard index >= 1, index < Int64(call.arguments.count), !call.isNull(Int(index), row) else { return call.result.setNull(row) }
            call.result.setText(row, call.arguments[Int(index)].text(row))
        }
    }
}
