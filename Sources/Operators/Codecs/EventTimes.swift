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

    /// The event time of each record. One that has none comes first: its source skips and reports it, and it holds up nothing behind it.
    func times(of run: RecordRun) -> [Int64] {
        var times = [Int64](repeating: .min, count: run.count)
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
        for (row, record) in records.enumerated() {
            if case .time(let time) = reader.read(decoder.columns[column], row) { times[record] = time }
        }
    }
}
