// Bodies of CONCAT_WS, LPAD, RPAD, INITCAP and CHR.

import Bytes
import Values

/// Case mapping by the root rules of Unicode.
enum CaseMapping {
    /// Lower case; a capital sigma that ends a word becomes ς, as the Unicode Standard's Final_Sigma condition asks.
    static func lower(_ text: String) -> String {
        let lowered = text.lowercased()
        guard text.unicodeScalars.contains("\u{3A3}") else { return lowered }
        var result = String.UnicodeScalarView()
        let scalars = Array(text.unicodeScalars)
        for (index, scalar) in scalars.enumerated() {
            if scalar == "\u{3A3}" {
                let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
                let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }?.properties.isCased ?? false
                result.append(before && !after ? "\u{3C2}" : "\u{3C3}")
            } else {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return String(result)
    }
}

extension FunctionLibrary {
    static let stringShaping: [FunctionBody] = [
        FunctionBody(
            "CONCAT_WS", nulls: .seen, accepts: { types in !types.isEmpty && types.allSatisfy { $0 == types[0] && Lane($0) == .text } },
            .vectorised(concatenateWithSeparator)),
        FunctionBody("LPAD", accepts: isPadding, .vectorised { call in pad(call, left: true) }),
        FunctionBody("RPAD", accepts: isPadding, .vectorised { call in pad(call, left: false) }),
        FunctionBody("INITCAP", [.string], .vectorised(capitalise)),
        FunctionBody("CHR", [.integer], .vectorised(characterOfCode)),
        FunctionBody("CHR", [.string], .vectorised(characterOfEscape)),
    ]

    @Sendable private static func isPadding(_ types: [SQLType]) -> Bool {
        types == [.string, .integer, .string] || types == [.bytes, .integer, .bytes]
    }

    private static func concatenateWithSeparator(_ call: FunctionCall) {
        let separator = call.arguments[0]
        call.texts { row, bytes throws(EvaluationError) in
            if call.arguments.count < 2 { throw EvaluationError("CONCAT_WS expects at least two arguments") }
            if separator.isNull(row) { return false }
            var isFirst = true
            for argument in call.arguments.dropFirst() where !argument.isNull(row) {
                if !isFirst { bytes.append(contentsOf: separator.text(row)) }
                isFirst = false
                bytes.append(contentsOf: argument.text(row))
            }
            return true
        }
    }

    /// Brings a text to exactly so many units, or bytes to so many bytes: what is too long keeps its start on both sides.
    private static func pad(_ call: FunctionCall, left: Bool) {
        let source = call.arguments[0]
        let lengths = call.arguments[1]
        let padding = call.arguments[2]
        let isText = source.type == .string
        call.texts { row, bytes throws(EvaluationError) in
            let text = source.text(row)
            let filler = padding.text(row)
            let wanted = Int(lengths.words[row])
            if filler.isEmpty || wanted < 0 { return false }
            if wanted > ValueLimit.bytes { throw EvaluationError(ValueLimit.message) }
            let start = bytes.count
            let length = isText ? utf16Length(text) : text.count
            if wanted <= length {
                appendPrefix(text, wanted, length, to: &bytes)
                return true
            }
            if !left { bytes.append(contentsOf: text) }
            let unit = isText ? utf16Length(filler) : filler.count
            for piece in 0..<(wanted - length) / unit {
                bytes.append(contentsOf: filler)
                if bytes.count - start > ValueLimit.bytes || call.isCancelled(at: piece) { return true }
            }
            appendPrefix(filler, (wanted - length) % unit, unit, to: &bytes)
            if left { bytes.append(contentsOf: text) }
            return true
        }
    }

    /// Appends the first units of a text, or of bytes, that has `length` of them.
    private static func appendPrefix(_ text: ArraySlice<UInt8>, _ units: Int, _ length: Int, to bytes: inout [UInt8]) {
        if length == text.count { bytes.append(contentsOf: text.prefix(units)) } else { append(0..<units, of: text, to: &bytes) }
    }

    @inline(__always) private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    /// Lower case, but the first unit of each word in upper case. Blanks before the first word are dropped.
    private static func capitalise(_ call: FunctionCall) {
        let source = call.arguments[0]
        call.texts { row, bytes in
            let text = source.text(row)
            var startsWord = true
            if isASCII(text) {
                for byte in text.drop(while: isBlank) {
                    let isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A
                    bytes.append(isLetter ? (startsWord ? byte & 0xDF : byte | 0x20) : byte)
                    startsWord = isBlank(byte)
                    if call.isCancelled(at: bytes.count) { return true }
                }
                return true
            }
            let scalars = CaseMapping.lower(string(text)).unicodeScalars.drop { $0.isASCII && isBlank(UInt8(truncatingIfNeeded: $0.value)) }
            for (place, scalar) in scalars.enumerated() {
                if call.isCancelled(at: place) { return true }
                let isUpper = startsWord && scalar.value <= 0xFFFF
                bytes.append(contentsOf: isUpper ? Array(scalar.properties.uppercaseMapping.utf8) : Array(String(Character(scalar)).utf8))
                startsWord = scalar.isASCII && isBlank(UInt8(truncatingIfNeeded: scalar.value))
            }
            return true
        }
    }

    private static func characterOfCode(_ call: FunctionCall) {
        call.texts { row, bytes in
            guard let code = UInt32(exactly: call.arguments[0].words[row]), code <= 0x10FFFF else { return false }
            bytes.append(contentsOf: String(Character(Unicode.Scalar(code) ?? "\u{FFFD}")).utf8)
            return true
        }
    }

    /// The text of Java escapes that starts with `\u`; NULL for any other start.
    private static func characterOfEscape(_ call: FunctionCall) {
        call.texts { row, bytes throws(EvaluationError) in
            let text = call.arguments[0].text(row)
            guard text.starts(with: "\\u".utf8), utf16Length(text) >= 6 else { return false }
            bytes.append(contentsOf: String(decoding: try unescaped(Array(string(text).utf16)), as: UTF16.self).utf8)
            return true
        }
    }

    /// Java's string escapes as UTF-16 units.
    private static func unescaped(_ units: [UInt16]) throws(EvaluationError) -> [UInt16] {
        var result: [UInt16] = []
        var at = 0
        while at < units.count {
            guard units[at] == 0x5C, at + 1 < units.count else {
                result.append(units[at])
                at += 1
                continue
            }
            let letter = units[at + 1]
            at += 2
            switch letter {
            case 0x75:
                while at < units.count, units[at] == 0x75 { at += 1 }
                if at < units.count, units[at] == 0x2B { at += 1 }
                guard at + 4 <= units.count, let unit = UInt16(String(decoding: units[at..<at + 4], as: UTF16.self), radix: 16),
                    units[at] != 0x2B
                else { throw EvaluationError("a \\u escape needs four hexadecimal digits") }
                result.append(unit)
                at += 4
            case 0x30...0x37:
                var value = letter - 0x30
                var digits = 1
                while at < units.count, digits < (letter <= 0x33 ? 3 : 2), units[at] >= 0x30, units[at] <= 0x37 {
                    value = value * 8 + units[at] - 0x30
                    digits += 1
                    at += 1
                }
                result.append(value)
            case 0x62: result.append(0x08)
            case 0x66: result.append(0x0C)
            case 0x6E: result.append(0x0A)
            case 0x72: result.append(0x0D)
            case 0x74: result.append(0x09)
            default: result.append(letter)
            }
        }
        return result
    }
}
