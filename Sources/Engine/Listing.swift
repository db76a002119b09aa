// Answers that are tables made by the engine itself: SHOW, DESCRIBE, EXPLAIN.

import Bytes
import Sessions

/// One cell of a listing.
enum ListingCell {
    case text(String)
    case number(Int64)
    case boolean(Bool)
    case null

    static func optional(_ text: String?) -> ListingCell { text.map { .text($0) } ?? .null }
}

/// A table that the engine answers with.
struct Listing {
    var columns: [ResultColumn]
    private(set) var rows = RowBlock()

    init(_ columns: [(String, String)]) { self.columns = columns.map { ResultColumn($0.0, $0.1) } }

    /// A listing of texts.
    init(texts names: [String]) { self.init(names.map { ($0, "STRING") }) }

    mutating func add(_ cells: [ListingCell]) {
        let start = rows.bytes.count
        rows.bytes.append(UInt8(ascii: "["))
        for (index, cell) in cells.enumerated() {
            if index > 0 { rows.bytes.append(UInt8(ascii: ",")) }
            switch cell {
            case .text(let text): appendJSONText(text, to: &rows.bytes)
            case .number(let number): rows.bytes += Array(String(number).utf8)
            case .boolean(let value): rows.bytes += Array((value ? "true" : "false").utf8)
            case .null: rows.bytes += Array("null".utf8)
            }
        }
        rows.bytes.append(UInt8(ascii: "]"))
        rows.rows.append(ByteRange(start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: rows.bytes.count - start)))
    }

    /// Adds rows of texts.
    mutating func add(texts: [String?]) { add(texts.map { .optional($0) }) }
}

/// Appends `text` as a JSON string.
package func appendJSONText(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "\\"): bytes += [byte, byte]
        case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
        case UInt8(ascii: "\r"): bytes += Array("\\r".utf8)
        case UInt8(ascii: "\t"): bytes += Array("\\t".utf8)
        case 0..<32:
            let digits = String(byte, radix: 16)
            bytes += Array(("\\u00" + (digits.utf8.count == 1 ? "0" : "") + digits).utf8)
        default: bytes.append(byte)
        }
    }
    bytes.append(UInt8(ascii: "\""))
}
