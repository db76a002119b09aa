// Columns that show a record's headers. A header block is what RecordBatch v2 holds: a varint count, then for each header a varint length
// and the key, a varint length (-1 for null) and the value; varints are zigzag.

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
        let headers = HeaderBlock.read(run, record)
        for (column, key) in zip(columns, keys) {
            if let key {
                let last = headers.last { $0.key.elementsEqual(key.utf8) }
                if let value = last?.value { column.setText(row, value) } else { column.setNull(row) }
                continue
            }
            let pairs = column.children[0]
            let start = pairs.count
            for header in headers {
                let place = pairs.appendRow()
                pairs.children[0].setText(place, header.key)
                if let value = header.value { pairs.children[1].setText(place, value) } else { pairs.children[1].setNull(place) }
            }
            column.setRange(row, start: start, count: headers.count)
        }
    }
}

/// Reads header blocks.
enum HeaderBlock {
    static func read(_ run: RecordRun, _ record: Int) -> [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?)] {
        guard !run.headers.isEmpty, !run.headers[record].isNull else { return [] }
        let range = run.headers[record]
        var reader = RowReader(run.bytes, range.indexes)
        guard let count = reader.word(), count >= 0 else { return [] }
        var headers: [(key: ArraySlice<UInt8>, value: ArraySlice<UInt8>?)] = []
        for _ in 0..<count {
            guard let keyLength = reader.word(), let key = reader.slice(keyLength), let length = reader.word() else { return headers }
            if length < 0 {
                headers.append((key, nil))
            } else {
                guard let value = reader.slice(length) else { return headers }
                headers.append((key, value))
            }
        }
        return headers
    }
}

extension RowReader {
    /// The next `length` bytes.
    mutating func slice(_ length: Int64) -> ArraySlice<UInt8>? {
        guard length >= 0 else { return nil }
        return take(Int(truncatingIfNeeded: length))
    }
}
