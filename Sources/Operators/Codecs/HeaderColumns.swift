// Columns that show a record's headers.

import Bytes
import Values

/// The header columns of a source.
final class HeaderColumns {
    let columns: [Column]
    private let keys: [String?]

    init(_ definitions: [HeaderColumn]) {
        columns = definitions.map { Column($0.type) }
        keys = definitions.map(\.key)
    }

    func begin(_ rows: Int) {
        for column in columns { column.reset(rows) }
    }

    /// Fills `row` with the headers of `record`.
    func decode(_ run: RecordRun, _ record: Int, _ row: Int) {
        for (column, key) in zip(columns, keys) {
            if let key { decodeLast(key, run, record, into: column, row) } else { decodeAll(run, record, into: column, row) }
        }
    }

    /// The value of the last header of that name; NULL when there is none.
    private func decodeLast(_ key: String, _ run: RecordRun, _ record: Int, into column: Column, _ row: Int) {
        var last: Range<Int>?
        forEachHeader(of: run, record) { name, value in
            if run.bytes[name].elementsEqual(key.utf8) { last = value }
        }
        if let last { column.setText(row, run.bytes[last]) } else { column.setNull(row) }
    }

    /// A list of all headers.
    private func decodeAll(_ run: RecordRun, _ record: Int, into column: Column, _ row: Int) {
        let pairs = column.children[0]
        let start = pairs.count
        forEachHeader(of: run, record) { name, value in
            let place = pairs.appendRow()
            pairs.children[0].setText(place, run.bytes[name])
            if let value { pairs.children[1].setText(place, run.bytes[value]) } else { pairs.children[1].setNull(place) }
        }
        column.setRange(row, start: start, count: pairs.count - start)
    }

    /// Nothing is shown of what follows a fault in a block.
    private func forEachHeader(of run: RecordRun, _ record: Int, _ body: (_ name: Range<Int>, _ value: Range<Int>?) -> Void) {
        guard !run.headers.isEmpty, !run.headers[record].isNull else { return }
        _ = Bytes.forEachHeader(in: run.bytes, run.headers[record].indexes, body)
    }
}
