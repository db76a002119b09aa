// The forms in which results are shown, and one row as cells of text.

import Bytes
import JSONText

/// A form of results.
package enum OutputFormat: String, Hashable, Sendable, CaseIterable {
    case table, vertical, csv, tsv, json

    /// A cell of `tsv`: what would end it, or move the cursor, is written as an escape.
    package static func tsv(_ text: String) -> String { Cells.printable(text) }
}

/// The cells of a row.
enum Cells {
    /// Each value of a JSON array as text: strings bare, NULL as nil, nested values as JSON.
    static func texts(of row: ArraySlice<UInt8>) -> [String?] {
        // Rows come from the engine's own encoder; one that is no array is shown as it is.
        guard let values = (try? JSONValue(parsing: row))?.arrayValue else { return [String(decoding: row, as: UTF8.self)] }
        return values.map { value in
            switch value {
            case .null: nil
            case .string(let text): text
            case .number(let text): text
            case .boolean, .array, .object: value.text
            }
        }
    }

    /// Control characters made visible, so that a value cannot move the cursor.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 32 || scalar.value == 127: result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
