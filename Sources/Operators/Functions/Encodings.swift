// Bodies of ENCODE, TO_BYTES, FROM_BYTES and the numbers from bytes.

import Bytes
import Values

/// The four ways to write bytes as text.
enum TextEncoding: Hashable {
    case hex, utf8, ascii, base64

    init(_ name: ArraySlice<UInt8>) throws(EvaluationError) {
        switch string(name).lowercased() {
        case "hex": self = .hex
        case "utf8": self = .utf8
        case "ascii": self = .ascii
        case "base64": self = .base64
        default:
            throw EvaluationError("Unknown encoding type '\(string(name))'. Supported formats are 'hex', 'utf8', 'ascii', and 'base64'")
        }
    }

    /// Bytes as text; hexadecimal digits above 9 start at the letter `a`.
    func append(_ bytes: some Collection<UInt8>, hexLetter a: UInt8, to text: inout [UInt8]) {
        switch self {
        case .hex:
            for byte in bytes { for digit in [byte >> 4, byte & 15] { text.append(digit < 10 ? 0x30 + digit : a + digit - 10) } }
        case .utf8: text.append(contentsOf: string(bytes).utf8)
        case .ascii: for byte in bytes { if byte < 0x80 { text.append(byte) } else { text.append(contentsOf: [0xEF, 0xBF, 0xBD]) } }
        case .base64: Base64.append(bytes, to: &text)
        }
    }

    /// Each character outside ASCII becomes `?`.
    static func asciiBytes(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in text where byte & 0xC0 != 0x80 { bytes.append(byte < 0x80 ? byte : 0x3F) }
        return bytes
    }

    /// The bytes that TO_BYTES reads: hexadecimal pairs and base64 without anything else in them.
    func strictBytes(_ text: ArraySlice<UInt8>) throws(EvaluationError) -> [UInt8] {
        switch self {
        case .utf8: return Array(text)
        case .ascii: return TextEncoding.asciiBytes(text)
        case .hex: if let bytes = Bytes.bytes(hexadecimal: text) { return bytes }
        case .base64: if let bytes = Base64.decode(text) { return bytes }
        }
        throw EvaluationError("'\(string(text.prefix(60)))' is not \(self) text")
    }

    /// The bytes that ENCODE reads: `0x12`, `X'12'` or digits alone; base64 of either alphabet with anything strewn in.
    func lenientBytes(_ text: ArraySlice<UInt8>) throws(EvaluationError) -> [UInt8] {
        switch self {
        case .utf8, .ascii: return try strictBytes(text)
        case .hex:
            if text.starts(with: "0x".utf8) {
                let digits = Array(text.dropFirst(2))
                return try strictBytes((digits.count % 2 == 1 ? [0x30] + digits : digits)[...])
            }
            let isQuoted = text.count >= 3 && (text.first ?? 0) | 0x20 == 0x78 && text[text.startIndex + 1] == 0x27 && text.last == 0x27
            return try strictBytes(isQuoted ? text.dropFirst(2).dropLast() : text)
        case .base64:
            var letters: [UInt8] = []
            for letter in text {
                switch letter {
                case 0x3D: return decodedPrefix(letters)
                case 0x2D, 0x2B: letters.append(0x2B)
                case 0x5F, 0x2F: letters.append(0x2F)
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: letters.append(letter)
                default: break
                }
            }
            return decodedPrefix(letters)
        }
    }

    /// A single letter that is left over is dropped.
    private func decodedPrefix(_ letters: [UInt8]) -> [UInt8] {
        Base64.decode(letters.count % 4 == 1 ? letters.dropLast() : letters[...]) ?? []
    }
}

extension FunctionLibrary {
    static let encodings: [FunctionBody] =
        [
            FunctionBody("ENCODE", [.string, .string, .string], .prepared { _, _ in encode() }),
            FunctionBody("TO_BYTES", [.string, .string], .prepared { _, _ in toBytes() }),
            FunctionBody("FROM_BYTES", [.bytes, .string], .prepared { _, _ in fromBytes() }),
        ] + numberFromBytes("INT_FROM_BYTES", 4) + numberFromBytes("BIGINT_FROM_BYTES", 8) + numberFromBytes("DOUBLE_FROM_BYTES", 8)

    private static func encode() -> (FunctionCall) -> Void {
        let inputs = Recent<TextEncoding>()
        let outputs = Recent<TextEncoding>()
        return { call in
            call.texts { row, bytes throws(EvaluationError) in
                let input = try inputs.get(call.arguments[1].text(row), TextEncoding.init)
                let output = try outputs.get(call.arguments[2].text(row), TextEncoding.init)
                if input == output { throw EvaluationError("ENCODE needs two different encodings, not \(input) twice") }
                output.append(try input.lenientBytes(call.arguments[0].text(row)), hexLetter: UInt8(ascii: "a"), to: &bytes)
                return true
            }
        }
    }

    private static func toBytes() -> (FunctionCall) -> Void {
        let encodings = Recent<TextEncoding>()
        return { call in
            call.texts { row, bytes throws(EvaluationError) in
                let encoding = try encodings.get(call.arguments[1].text(row), TextEncoding.init)
                bytes.append(contentsOf: try encoding.strictBytes(call.arguments[0].text(row)))
                return true
            }
        }
    }

    private static func fromBytes() -> (FunctionCall) -> Void {
        let encodings = Recent<TextEncoding>()
        return { call in
            call.texts { row, bytes throws(EvaluationError) in
                let encoding = try encodings.get(call.arguments[1].text(row), TextEncoding.init)
                encoding.append(call.arguments[0].text(row), hexLetter: UInt8(ascii: "A"), to: &bytes)
                return true
            }
        }
    }

    private static func numberFromBytes(_ name: String, _ size: Int) -> [FunctionBody] {
        let body = FunctionBody.Shape.vectorised { call in
            call.rows.forEach { row in
                do throws(EvaluationError) {
                    let isLittle = try isLittleEndian(call, row)
                    if call.isNull(0, row) { return call.result.setNull(row) }
                    let bytes = call.arguments[0].text(row)
                    guard bytes.count == size else { throw EvaluationError("\(name) needs \(size) bytes, not \(bytes.count)") }
                    var word: UInt64 = 0
                    for byte in isLittle ? Array(bytes.reversed())[...] : bytes { word = word << 8 | UInt64(byte) }
                    switch call.result.lane {
                    case .double: call.result.doubles[row] = Double(bitPattern: word)
                    default: call.result.words[row] = size == 4 ? Int64(Int32(truncatingIfNeeded: word)) : Int64(bitPattern: word)
                    }
                } catch {
                    call.fail(row, error.message)
                }
            }
        }
        return [FunctionBody(name, [.bytes], nulls: .seen, body), FunctionBody(name, [.bytes, .string], nulls: .seen, body)]
    }

    private static func isLittleEndian(_ call: FunctionCall, _ row: Int) throws(EvaluationError) -> Bool {
        guard call.arguments.count > 1, !call.isNull(0, row) else { return false }
        let name = call.isNull(1, row) ? "null" : string(call.arguments[1].text(row))
        switch name.uppercased() {
        case "BIG_ENDIAN": return false
        case "LITTLE_ENDIAN": return true
        default: throw EvaluationError("the byte order must be BIG_ENDIAN or LITTLE_ENDIAN, not '\(name)'")
        }
    }
}
