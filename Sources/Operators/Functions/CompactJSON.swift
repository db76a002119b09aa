// JSON written again from JSON: compact, strings with the fewest escapes, of repeated names the last value; numbers keep their digits.

import Values

/// How numbers with a fraction or an exponent are written.
enum JSONNumberStyle {
    /// As Java's `BigDecimal.toString`: `1E+3`, `1.23450`.
    case scientific
    /// As Java's `BigDecimal.toPlainString`: `1000`.
    case plain
}

enum CompactJSON {
    /// Appends the well-formed value at the cursor.
    static func append(_ cursor: JSONCursor, _ style: JSONNumberStyle, to bytes: inout [UInt8]) throws(EvaluationError) {
        var cursor = cursor
        switch cursor.byte {
        case 0x22: appendQuoted(string(at: cursor)[...], to: &bytes)
        case 0x7B: try appendObject(cursor.uniqueMembers(), style, to: &bytes)
        case 0x5B:
            var elements: [JSONCursor] = []
            cursor.forEachElement {
                elements.append($0)
                return true
            }
            bytes.append(0x5B)
            for (place, element) in elements.enumerated() {
                if place > 0 { bytes.append(0x2C) }
                try append(element, style, to: &bytes)
            }
            bytes.append(0x5D)
        case 0x74, 0x66, 0x6E:
            let start = cursor.at
            _ = cursor.skipValue()
            bytes.append(contentsOf: cursor.bytes(start, cursor.at - start))
        default:
            guard let number = cursor.scanNumber() else { return }
            try appendNumber(cursor.bytes(number.start, number.length), isInteger: number.isInteger, style, to: &bytes)
        }
    }

    static func appendObject(
        _ members: [(name: [UInt8], value: JSONCursor)], _ style: JSONNumberStyle, to bytes: inout [UInt8]
    ) throws(EvaluationError) {
        bytes.append(0x7B)
        for (place, member) in members.enumerated() {
            if place > 0 { bytes.append(0x2C) }
            appendQuoted(member.name[...], to: &bytes)
            bytes.append(0x3A)
            try append(member.value, style, to: &bytes)
        }
        bytes.append(0x7D)
    }

    /// What the string at the cursor stands for.
    static func string(at cursor: JSONCursor) -> [UInt8] {
        var cursor = cursor
        var text: [UInt8] = []
        if cursor.take(0x22), let raw = cursor.scanString() { cursor.decode(raw, into: &text) }
        return text
    }

    /// A string's own text, any other value's JSON.
    static func appendContent(_ cursor: JSONCursor, to bytes: inout [UInt8]) throws(EvaluationError) {
        if cursor.isString { bytes.append(contentsOf: string(at: cursor)) } else { try append(cursor, .scientific, to: &bytes) }
    }

    /// A string in quotes, with the escapes of Java's Jackson, whose texts the reference gives.
    static func appendQuoted(_ text: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        for byte in text {
            switch byte {
            case 0x22, 0x5C: bytes.append(contentsOf: [0x5C, byte])
            case 0x08: bytes.append(contentsOf: [0x5C, 0x62])
            case 0x09: bytes.append(contentsOf: [0x5C, 0x74])
            case 0x0A: bytes.append(contentsOf: [0x5C, 0x6E])
            case 0x0C: bytes.append(contentsOf: [0x5C, 0x66])
            case 0x0D: bytes.append(contentsOf: [0x5C, 0x72])
            case 0x00...0x1F:
                bytes.append(contentsOf: "\\u00".utf8)
                TextEncoding.hex.append(CollectionOfOne(byte), hexLetter: UInt8(ascii: "A"), to: &bytes)
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }

    /// The largest exponent of a number that is written again; a plain number could otherwise fill the memory.
    private static let exponentLimit = 10_000

    private static func appendNumber(
        _ text: [UInt8], isInteger: Bool, _ style: JSONNumberStyle, to bytes: inout [UInt8]
    ) throws(EvaluationError) {
        if isInteger { return bytes.append(contentsOf: text == [0x2D, 0x30] ? [0x30] : text) }
        var digits: [UInt8] = []
        var scale = 0
        var exponent = 0
        var seenPoint = false
        var inExponent = false
        var isNegativeExponent = false
        for byte in text {
            switch byte {
            case 0x2E: seenPoint = true
            case 0x65, 0x45: inExponent = true
            case 0x2D: isNegativeExponent = inExponent
            case 0x2B: break
            case _ where inExponent:
                exponent = exponent * 10 + Int(byte - 0x30)
                guard exponent <= exponentLimit else { throw EvaluationError("the exponent of a JSON number is too large") }
            default:
                if digits == [0x30] { digits = [] }
                digits.append(byte)
                if seenPoint { scale += 1 }
            }
        }
        scale -= isNegativeExponent ? -exponent : exponent
        if text.first == 0x2D, digits.contains(where: { $0 != 0x30 }) { bytes.append(0x2D) }
        appendDecimal(digits, scale, style, to: &bytes)
    }

    private static func appendDecimal(_ digits: [UInt8], _ scale: Int, _ style: JSONNumberStyle, to bytes: inout [UInt8]) {
        let adjusted = digits.count - 1 - scale
        if style == .scientific, scale < 0 || adjusted < -6 {
            bytes.append(digits[0])
            if digits.count > 1 {
                bytes.append(0x2E)
                bytes.append(contentsOf: digits[1...])
            }
            bytes.append(contentsOf: adjusted > 0 ? [0x45, 0x2B] : [0x45])
            return NumberText.append(Int64(adjusted), to: &bytes)
        }
        if scale <= 0 {
            bytes.append(contentsOf: digits)
            if digits != [0x30] { bytes.append(contentsOf: repeatElement(0x30, count: -scale)) }
            return
        }
        let padded = [UInt8](repeating: 0x30, count: max(0, scale + 1 - digits.count)) + digits
        bytes.append(contentsOf: padded.dropLast(scale))
        bytes.append(0x2E)
        bytes.append(contentsOf: padded.suffix(scale))
    }
}

extension Column {
    /// Appends the value at `row` as TO_JSON_STRING writes it: names sorted at every level, temporal values as ISO text.
    func appendJSON(_ row: Int, to bytes: inout [UInt8]) {
        if isNull(row) { return bytes.append(contentsOf: "null".utf8) }
        switch type {
        case .string: CompactJSON.appendQuoted(text(row), to: &bytes)
        case .bytes, .time, .date, .timestamp:
            bytes.append(0x22)
            appendText(row, to: &bytes)
            bytes.append(0x22)
        case .double where !doubles[row].isFinite:
            bytes.append(0x22)
            appendText(row, to: &bytes)
            bytes.append(0x22)
        case .boolean, .integer, .bigint, .double, .decimal: appendText(row, to: &bytes)
        case .array:
            bytes.append(0x5B)
            for (place, element) in elements(row).enumerated() {
                if place > 0 { bytes.append(0x2C) }
                children[0].appendJSON(element, to: &bytes)
            }
            bytes.append(0x5D)
        case .map:
            appendMembers(
                elements(row).map { entry in
                    var name: [UInt8] = []
                    if children[0].isNull(entry) { name = Array("null".utf8) } else { children[0].appendText(entry, to: &name) }
                    return (name, children[1], entry)
                }, to: &bytes)
        case .structure(let fields):
            appendMembers(zip(fields, children).map { (Array($0.name.utf8), $1, row) }, to: &bytes)
        }
    }

    private func appendMembers(_ members: [(name: [UInt8], column: Column, row: Int)], to bytes: inout [UInt8]) {
        bytes.append(0x7B)
        for (place, member) in members.sorted(by: { RowOrder.compareTexts($0.name[...], $1.name[...]) < 0 }).enumerated() {
            if place > 0 { bytes.append(0x2C) }
            CompactJSON.appendQuoted(member.name[...], to: &bytes)
            bytes.append(0x3A)
            member.column.appendJSON(member.row, to: &bytes)
        }
        bytes.append(0x7D)
    }
}
