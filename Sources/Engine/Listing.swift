// Answers that are tables made by the engine itself: SHOW, DESCRIBE, EXPLAIN.

import Bytes
import JSONText
import Sessions

/// A table that the engine answers with.
struct Listing {
    var columns: [ResultColumn]
    private(set) var rows = RowBlock()

    init(_ columns: [(String, String)]) { self.columns = columns.map { ResultColumn($0.0, $0.1) } }

    /// A listing of texts.
    init(texts names: [String]) { self.init(names.map { ($0, "STRING") }) }

    /// Adds one row: a value a column.
    mutating func add(_ cells: [JSONValue]) {
        let start = rows.bytes.count
        JSONValue.array(cells).write(to: &rows.bytes)
        rows.rows.append(ByteRange(start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: rows.bytes.count - start)))
    }

    /// Adds a row of texts; nil is NULL.
    mutating func add(texts: [String?]) { add(texts.map { .optional($0) }) }
}
