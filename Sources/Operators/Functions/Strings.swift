// Bodies of the string functions that hot queries use. Lengths and positions count UTF-16 units; for ASCII texts, which
// are nearly all, those are bytes and nothing is converted.

import Bytes
import Values

extension FunctionLibrary {
    static let strings: [FunctionBody] = [
        FunctionBody("CONCAT", nulls: .seen, .vectorised(concatenate)),
        FunctionBody("UCASE", [.string], .vectorised { call in mapCase(call, lower: 97, upper: 122) { $0.uppercased() } }),
        FunctionBody("LCASE", [.string], .vectorised { call in mapCase(call, lower: 65, upper: 90) { CaseMapping.lower($0) } }),
        FunctionBody(
            "LEN", [.string],
            .vectorised { call in call.rows.forEach { call.result.words[$0] = Int64(utf16Length(call.arguments[0].text($0))) } }),
        FunctionBody(
            "LEN", [.bytes],
            .vectorised { call in call.rows.forEach { call.result.words[$0] = Int64(call.arguments[0].ranges[$0].length) } }),
        FunctionBody("TRIM", [.string], .vectorised(trim)),
        FunctionBody(
            "SUBSTRING", accepts: { $0.count >= 2 && $0.count <= 3 && ($0[0] == .string || $0[0] == .bytes) }, .vectorised(substring)),
    ]

    /// NULL arguments are left out; all NULL gives an empty text.
    private static func concatenate(_ call: FunctionCall) {
        call.texts { row, bytes in
            for argument in call.arguments where !argument.isNull(row) { bytes.append(contentsOf: argument.text(row)) }
            return true
        }
    }

    static func utf16Length(_ text: ArraySlice<UInt8>) -> Int {
        var length = 0
        // Each lead byte is one unit, a lead of a 4-byte sequence two.
        for byte in text { length += byte & 0xC0 == 0x80 ? 0 : byte >= 0xF0 ? 2 : 1 }
        return length
    }

    private static func mapCase(_ call: FunctionCall, lower: UInt8, upper: UInt8, slow: (String) -> String) {
        let source = call.arguments[0]
        call.texts { row, bytes in
            let text = source.text(row)
            if text.allSatisfy({ $0 < 0x80 }) {
                for byte in text { bytes.append(byte >= lower && byte <= upper ? byte ^ 0x20 : byte) }
            } else {
                bytes.append(contentsOf: slow(String(decoding: text, as: UTF8.self)).utf8)
            }
            return true
        }
    }

    /// Drops characters up to U+0020 at both ends. The result points into the argument's bytes.
    private static func trim(_ call: FunctionCall) {
        let source = call.arguments[0]
        let result = call.result
        result.bytes = source.bytes
        result.isView = true
        call.rows.forEach { row in
            let kept = NumberText.trimmed(source.text(row))
            result.setRange(row, start: kept.startIndex, count: kept.count)
        }
    }

    /// 1-based; a negative position counts from the end, 0 is 1; what lies outside is cut off.
    private static func substring(_ call: FunctionCall) {
        cut(call) { row, length in
            let position = Int(call.arguments[1].words[row])
            let start = position > 0 ? min(position - 1, length) : position < 0 ? max(length + position, 0) : 0
            let wanted = call.arguments.count > 2 ? max(0, Int(call.arguments[2].words[row])) : length
            return start..<min(length, start + min(wanted, length))
        }
    }

    /// Gives of each text, or of bytes, the units that `part` says for its length. The result points into the argument's bytes, unless a cut goes
    /// through a surrogate pair.
    static func cut(_ call: FunctionCall, _ part: (_ row: Int, _ length: Int) -> Range<Int>) {
        let source = call.arguments[0]
        let result = call.result
        let isText = source.type == .string
        result.bytes = source.bytes
        result.isView = true
        var isHalved = false
        call.rows.forEach { row in
            let text = source.text(row)
            let length = isText ? utf16Length(text) : text.count
            let range = part(row, length)
            if length == text.count { return result.setRange(row, start: text.startIndex + range.lowerBound, count: range.count) }
            let from = byteOffset(text, range.lowerBound)
            let to = byteOffset(text, range.upperBound)
            isHalved = isHalved || utf16Length(text.prefix(from)) != range.lowerBound || utf16Length(text.prefix(to)) != range.upperBound
            result.setRange(row, start: text.startIndex + from, count: to - from)
        }
        guard isHalved else { return }
        result.bytes = []
        result.isView = false
        call.texts { row, bytes in
            let text = source.text(row)
            append(part(row, utf16Length(text)), of: text, to: &bytes)
            return true
        }
    }

    /// Appends the UTF-16 units `range` of a text. Half a surrogate pair, for which UTF-8 has no form, becomes U+FFFD, which is one unit as well.
    static func append(_ range: Range<Int>, of text: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        guard !range.isEmpty else { return }
        let (from, to) = (byteOffset(text, range.lowerBound), byteOffset(text, range.upperBound))
        let isHalvedAtStart = utf16Length(text.prefix(from)) != range.lowerBound
        if isHalvedAtStart {
            bytes.append(contentsOf: "\u{FFFD}".utf8)
            if range.count == 1 { return }
        }
        bytes.append(contentsOf: text.dropFirst(from).dropFirst(isHalvedAtStart ? 4 : 0).prefix(to - from - (isHalvedAtStart ? 4 : 0)))
        if utf16Length(text.prefix(to)) != range.upperBound { bytes.append(contentsOf: "\u{FFFD}".utf8) }
    }

    /// The byte offset of a UTF-16 position; one inside a surrogate pair counts as the pair's start.
    static func byteOffset(_ text: ArraySlice<UInt8>, _ position: Int) -> Int {
        var units = 0
        for (offset, byte) in text.enumerated() where byte & 0xC0 != 0x80 {
            let width = byte >= 0xF0 ? 2 : 1
            if units + width > position { return offset }
            units += width
        }
        return text.count
    }
}
