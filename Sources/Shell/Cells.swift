// One row of a result, which comes as a JSON array, as cells of text.

import JSONText

/// The cells of a row.
enum Cells {
    /// The places of the values of a JSON array; none when the row is no array. Nothing is read of the values but where they end.
    static func places(in row: ArraySlice<UInt8>) -> [Range<Int>] {
        guard row.first == UInt8(ascii: "["), row.last == UInt8(ascii: "]"), row.count > 2 else { return [] }
        var places: [Range<Int>] = []
        var start = row.startIndex + 1
        var depth = 0
        var isQuoted = false
        var index = start
        let end = row.endIndex - 1
        while index < end {
            switch row[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "["), UInt8(ascii: "{"): if !isQuoted { depth += 1 }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): if !isQuoted { depth -= 1 }
            case UInt8(ascii: ","):
                guard !isQuoted, depth == 0 else { break }
                places.append(start..<index)
                start = index + 1
            default: break
            }
            index += 1
        }
        places.append(start..<end)
        return places
    }

    /// Each value of a JSON array as text: strings bare, NULL as nil, nested values as JSON.
    static func texts(of row: ArraySlice<UInt8>) -> [String?] {
        // Rows come from the engine's own encoder; one that is no array is shown as it is.
        guard row.first == UInt8(ascii: "[") else { return [String(decoding: row, as: UTF8.self)] }
        return places(in: row).map { text(of: row[$0]) }
    }

    private static func text(of value: ArraySlice<UInt8>) -> String? {
        if value.elementsEqual("null".utf8) { return nil }
        guard value.first == UInt8(ascii: "\""), value.count >= 2 else { return String(decoding: value, as: UTF8.self) }
        let inner = value.dropFirst().dropLast()
        if !inner.contains(UInt8(ascii: "\\")) { return String(decoding: inner, as: UTF8.self) }
        return (try? JSONValue(parsing: value))?.stringValue ?? String(decoding: value, as: UTF8.self)
    }

    /// Control characters made visible, so that a value cannot move the cursor; marks that turn the direction of what follows, too.
    static func printable(_ text: String, escapesBackslash: Bool = false) -> String {
        let backslash: Unicode.Scalar = "\\"
        guard text.unicodeScalars.contains(where: { mustBeEscaped($0) || escapesBackslash && $0 == backslash }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case backslash where escapesBackslash: result += "\\\\"
            case _ where mustBeEscaped(scalar): result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func mustBeEscaped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<32, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
