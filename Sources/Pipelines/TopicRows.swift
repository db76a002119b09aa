// The readable rows of a table: the last record of each key of one partition of its topic, as bytes in the topic's formats. Grows with
// the number of keys; a tombstone takes its key out.

package import Bytes

/// The current rows of one partition of a table.
package final class TopicRows {
    private struct Row {
        var value: [UInt8]
        var timestamp: Int64
    }
    private var rows: [[UInt8]: Row] = [:]
    /// Bytes of keys and values, with what the table itself takes.
    package private(set) var memory = 0
    /// What a row costs besides its bytes: two array headers and the slot.
    private static let overhead = 112

    package init() {}

    package var count: Int { rows.count }

    /// Takes over records that go to the topic.
    package func apply(_ records: OutgoingRecords) {
        for index in 0..<records.count {
            apply(records.bytes, records.keys[index], records.values[index], records.timestamps[index])
        }
    }

    /// Takes over records read back from the topic.
    package func apply(_ run: RecordRun) {
        for index in 0..<run.count { apply(run.bytes, run.keys[index], run.values[index], run.timestamps[index]) }
    }

    private func apply(_ bytes: [UInt8], _ key: ByteRange, _ value: ByteRange, _ timestamp: Int64) {
        guard !key.isNull else { return }
        let name = Array(bytes[Int(key.start)..<Int(key.start) + Int(key.length)])
        if value.isNull {
            if let old = rows.removeValue(forKey: name) { memory -= old.value.count + name.count + Self.overhead }
            return
        }
        let row = Row(value: Array(bytes[Int(value.start)..<Int(value.start) + Int(value.length)]), timestamp: timestamp)
        if let old = rows.updateValue(row, forKey: name) {
            memory += row.value.count - old.value.count
        } else {
            memory += row.value.count + name.count + Self.overhead
        }
    }

    /// The rows of these keys; with windows, `keys` are the bytes before the window's, `windowSuffix` bytes shorter.
    package func records(of keys: [[UInt8]], windowSuffix: Int) -> OutgoingRecords {
        var found = OutgoingRecords()
        if windowSuffix == 0 {
            for key in keys { if let row = rows[key] { found.append(key: key, value: row.value, timestamp: row.timestamp) } }
            return found
        }
        let wanted = Set(keys)
        for (key, row) in sorted() where key.count >= windowSuffix && wanted.contains(Array(key.dropLast(windowSuffix))) {
            found.append(key: key, value: row.value, timestamp: row.timestamp)
        }
        return found
    }

    /// All rows, in the order of their key bytes.
    package func allRecords() -> OutgoingRecords {
        var all = OutgoingRecords()
        for (key, row) in sorted() { all.append(key: key, value: row.value, timestamp: row.timestamp) }
        return all
    }

    private func sorted() -> [(key: [UInt8], value: Row)] { rows.sorted { $0.key.lexicographicallyPrecedes($1.key) } }
}

extension OutgoingRecords {
    /// The records as if they had been read from a partition: offsets count from 0.
    package var asRun: RecordRun {
        RecordRun(
            bytes: bytes + Array(repeating: 0, count: RecordRun.padding), keys: keys, values: values, headers: headers,
            timestamps: timestamps,
            offsets: Array(0..<Int64(count)), nextOffset: Int64(count), isAtEnd: true)
    }
}
