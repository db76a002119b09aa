// The event times of fetched records before these are processed: of several inputs, the record with the oldest event comes first, and for
// a source with a TIMESTAMP column the log's timestamp is only when the record was written.

import Bytes
import Plans
import Values

/// Reads the TIMESTAMP column of a source, and nothing else of its records.
final class EventTimes {
    private let reader: TimestampReader
    private let decoder: SideDecoder
    private let isInKey: Bool
    /// The timestamp column among those of its side.
    private let column: Int
    /// Records that are decoded together.
    private static let batchRecords = 4096

    /// Nil for a source whose records are ordered by the log's timestamps. A windowed key has no TIMESTAMP column.
    init?(_ step: SourceStep) throws(DataflowError) {
        guard let timestamp = step.timestamp else { return nil }
        let keyCount = step.schema.key.count
        isInKey = timestamp.column < keyCount
        if isInKey && step.window != nil { return nil }
        let side = isInKey ? step.schema.key : step.schema.value
        let place = isInKey ? timestamp.column : timestamp.column - keyCount
        guard side.indices.contains(place) else { return nil }
        column = place
        decoder = try Codecs.decoder(
            isInKey ? step.keyFormat : step.valueFormat, side, wanted: side.indices.map { $0 == place })
        reader = try TimestampReader(timestamp, side[place].type)
    }

    /// The event time of each record. A record that has none, which its source skips and reports later, has that of the record before it.
    func times(of run: RecordRun) -> [Int64] {
        var times = run.timestamps
        unsafe run.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            for start in stride(from: 0, to: run.count, by: EventTimes.batchRecords) {
                unsafe read(run, start..<min(run.count, start + EventTimes.batchRecords), base, into: &times)
            }
        }
        return times
    }

    @unsafe private func read(_ run: RecordRun, _ range: Range<Int>, _ base: UnsafePointer<UInt8>, into times: inout [Int64]) {
        decoder.begin(run, range.count)
        var records: [Int] = []
        records.reserveCapacity(range.count)
        for record in range {
            let bytes = isInKey ? run.keys[record] : run.values[record]
            guard !bytes.isNull else { continue }
            if unsafe decoder.decode(base, bytes, records.count) == nil {
                records.append(record)
            } else {
                decoder.discard(records.count)
            }
        }
        decoder.finish(records.count)
        var row = 0
        for record in range {
            guard row < records.count, records[row] == record else {
                // A record without a value keeps the log's time, one that cannot be read gets that of the one before.
                if !(isInKey ? run.keys[record] : run.values[record]).isNull, record > 0 { times[record] = times[record - 1] }
                continue
            }
            switch reader.read(decoder.columns[column], row) {
            case .time(let time): times[record] = time
            case .problem: if record > 0 { times[record] = times[record - 1] }
            }
            row += 1
        }
    }
}
