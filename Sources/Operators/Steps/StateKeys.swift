// The keys of changelog records: one byte says what the record is, then come window bounds and the group's key in the compact format.

import Bytes
import Values

/// Stream time: the largest record time that an operator has seen.
enum StreamTime {
    /// Before the first record; far from the ends of the number, so that a grace period may be taken off.
    static let unset = Int64.min / 4
}

enum StateKeys {
    /// Then the key.
    static let group: UInt8 = 0
    /// Then the window's start and the key.
    static let window: UInt8 = 1
    /// Then the session's start and end and the key.
    static let session: UInt8 = 2
    /// Then the record key of a table's row.
    static let row: UInt8 = 3
    /// Then a varint length, the key of a join's buffer, the row's time and its arrival number.
    static let buffered: UInt8 = 4
    /// Then a hash of the value, which is many groups: see PackedGroups.swift.
    static let pack: UInt8 = 5
    /// Then a varint length, the key of a kept row and its number: see KeptRows.swift.
    static let kept: UInt8 = 6
    /// As `group` and `window`; the value has what is new in the group's states.
    static let groupChange: UInt8 = 7, windowChange: UInt8 = 8
    /// Nothing more: the value is the store's stream time.
    static let streamTime: UInt8 = 9

    /// The kind of a group's record.
    static func kind(isWindowed: Bool, isChange: Bool) -> UInt8 {
        if isWindowed { isChange ? windowChange : window } else { isChange ? groupChange : group }
    }

    static func append(_ key: [UInt8], _ value: [UInt8]?, _ timestamp: Int64, to records: RecordSink) {
        let keyStart = records.bytes.count
        records.bytes.append(key)
        let keyRange = records.bytes.range(from: keyStart)
        var valueRange = ByteRange.null
        if let value {
            let valueStart = records.bytes.count
            records.bytes.append(value)
            valueRange = records.bytes.range(from: valueStart)
        }
        records.append(key: keyRange, value: valueRange, timestamp: timestamp, header: .null)
    }

    static func writeStreamTime(_ time: Int64, to records: RecordSink) {
        var value: [UInt8] = []
        RowWriter.putWord(time, to: &value)
        append([streamTime], value, time, to: records)
    }
}

/// Rows in the order of their key bytes in some format.
enum KeyOrder {
    static func sorted(_ rows: [Int32], _ keys: [Column], _ encoder: SideEncoder) -> [Int32] {
        encoder.begin(keys)
        let sink = ByteSink()
        let encoded = rows.map { row in
            let range = encoder.encode(Int(row), to: sink)
            let bytes = range.isNull ? [] : sink.take()
            return (row: row, bytes: bytes)
        }
        return encoded.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.map(\.row)
    }
}
