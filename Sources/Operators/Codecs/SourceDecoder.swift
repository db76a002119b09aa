// Decodes the records of a topic into a batch: keys, values, windows, headers, event time. What it cannot read it lists.

import Bytes
import Formats
import Plans
import Quantities
import Schemas
import Values

/// Why a record of a run gives no row.
struct RecordProblem {
    /// The record's index in its run.
    let record: Int
    let cause: RowErrorCause
    let column: String?
    let message: String
    /// It does not only leave out the record: the source says that its query must end.
    var endsQuery = false
}

/// Decodes records for a source step. It knows no query: what it makes of a range of records may be shown to several.
final class SourceDecoder {
    /// The rows of the latest range. `input`, `partition` and `ranks` are for the reader to say.
    let batch = Batch()
    /// What is wrong with records of the latest range: first those that cannot be read, then those without a time, each in their order.
    private(set) var problems: [RecordProblem] = []
    private let step: SourceStep
    private let key: SideDecoder
    private let value: SideDecoder
    private let headers: HeaderColumns
    private let needsHeaders: Bool
    private let timestampReader: TimestampReader?

    /// Columns (by row index) that are not `needed` stay empty, those aside that every reader needs.
    init(_ step: SourceStep, needed: [Bool], schemas: (any SchemaLookup)?) throws(DataflowError) {
        self.step = step
        let keyCount = step.schema.key.count
        let valueEnd = keyCount + step.schema.value.count
        var wanted = needed
        if let timestamp = step.timestamp { wanted[timestamp.column] = true }
        // Rows are known by their keys, so those must be well-formed even when no expression reads them.
        for index in 0..<keyCount { wanted[index] = true }
        key = try Codecs.decoder(step.keyFormat, step.schema.key, wanted: Array(wanted[..<keyCount]), schemas: schemas)
        value = try Codecs.decoder(step.valueFormat, step.schema.value, wanted: Array(wanted[keyCount..<valueEnd]), schemas: schemas)
        headers = HeaderColumns(step.schema.headers)
        needsHeaders = wanted[valueEnd...].contains(true)
        timestampReader = try step.timestamp.map { column throws(DataflowError) in
            try TimestampReader(column, step.output.columns[column.column].type)
        }
        batch.columns = key.columns + value.columns + headers.columns
    }

    /// Makes records `range` of `run` the rows of `batch`.
    func decode(_ run: RecordRun, _ range: Range<Int>) {
        begin(run, range.count)
        unsafe run.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe decode(run, range, base)
        }
        key.finish(batch.rowCount)
        value.finish(batch.rowCount)
        batch.selection = .all(batch.rowCount)
        if let timestampReader { extractTimestamps(timestampReader) }
    }

    private func begin(_ run: RecordRun, _ rows: Int) {
        problems.removeAll(keepingCapacity: true)
        batch.run = run
        batch.rowCount = 0
        batch.timestamps.removeAll(keepingCapacity: true)
        batch.offsets.removeAll(keepingCapacity: true)
        batch.recordIndexes.removeAll(keepingCapacity: true)
        batch.hasValue.removeAll(keepingCapacity: true)
        batch.windowStarts.removeAll(keepingCapacity: true)
        batch.windowEnds.removeAll(keepingCapacity: true)
        batch.headers.removeAll(keepingCapacity: true)
        batch.headerBytes = run.headers.isEmpty ? [] : run.bytes
        batch.timestamps.reserveCapacity(rows)
        batch.offsets.reserveCapacity(rows)
        batch.recordIndexes.reserveCapacity(rows)
        key.begin(run, rows)
        value.begin(run, rows)
        headers.begin(rows)
    }

    @unsafe private func decode(_ run: RecordRun, _ range: Range<Int>, _ base: UnsafePointer<UInt8>) {
        var kept: [Int32] = []
        kept.reserveCapacity(range.count)
        for record in range {
            if unsafe decode(run, record, base, row: kept.count) {
                kept.append(Int32(truncatingIfNeeded: record))
            } else {
                discard(row: kept.count)
            }
        }
        batch.rowCount = kept.count
        if kept.count == range.count {
            batch.timestamps.append(contentsOf: run.timestamps[range])
            batch.offsets.append(contentsOf: run.offsets[range])
            if !run.headers.isEmpty { batch.headers.append(contentsOf: run.headers[range]) }
        } else {
            for record in kept {
                batch.timestamps.append(run.timestamps[Int(record)])
                batch.offsets.append(run.offsets[Int(record)])
                if !run.headers.isEmpty { batch.headers.append(run.headers[Int(record)]) }
            }
        }
        batch.recordIndexes = kept
    }

    /// Removes what a rejected record has left in both sides of `row`, which the next record gets.
    private func discard(row: Int) {
        key.discard(row)
        value.discard(row)
    }

    /// Decodes one record into `row`; false, with its problem noted, when it must be skipped.
    @inline(__always) @unsafe private func decode(_ run: RecordRun, _ record: Int, _ base: UnsafePointer<UInt8>, row: Int) -> Bool {
        var keyRange = run.keys[record]
        if keyRange.isNull && step.kind == .table {
            note(record, .nullKey, "a table's record has no key")
            return false
        }
        if let problem = RowTime.problem(run.timestamps[record]) {
            note(record, .timestamp, "the record's timestamp \(problem)")
            return false
        }
        guard let window = step.window else {
            guard unsafe decodeSides(run, record: record, key: keyRange, base, row: row) else { return false }
            if needsHeaders { headers.decode(run, record, row) }
            return true
        }
        var bounds: (start: Int64, end: Int64) = (0, 0)
        if !keyRange.isNull {
            guard let found = unsafe windowBounds(window, base, &keyRange) else {
                note(record, .keyDeserialization, "the key does not end with a window between the years 1970 and 9999")
                return false
            }
            bounds = found
        }
        guard unsafe decodeSides(run, record: record, key: keyRange, base, row: row) else { return false }
        batch.windowStarts.append(bounds.start)
        batch.windowEnds.append(bounds.end)
        if needsHeaders { headers.decode(run, record, row) }
        return true
    }

    /// Decodes key and value into `row`; false, with its problem noted, when the record must be skipped.
    @inline(__always) @unsafe private func decodeSides(
        _ run: RecordRun, record: Int, key keyRange: ByteRange, _ base: UnsafePointer<UInt8>, row: Int
    ) -> Bool {
        if keyRange.isNull {
            key.decodeNull(row)
        } else if let problem = unsafe key.decode(base, keyRange, row) {
            note(record, .keyDeserialization, problem.message, column: problem.column)
            return false
        }
        let valueRange = run.values[record]
        if valueRange.isNull {
            value.decodeNull(row)
            if batch.hasValue.isEmpty { batch.hasValue = Array(repeating: true, count: row) }
            batch.hasValue.append(false)
            return true
        }
        if let problem = unsafe value.decode(base, valueRange, row) {
            note(record, .valueDeserialization, problem.message, column: problem.column)
            return false
        }
        if !batch.hasValue.isEmpty { batch.hasValue.append(true) }
        return true
    }

    private func note(_ record: Int, _ cause: RowErrorCause, _ message: String, column: String? = nil) {
        problems.append(RecordProblem(record: record, cause: cause, column: column, message: message))
    }

    /// Milliseconds of a thousand years and some days: a window that begins in time may end that much later, as the longest of a calendar do.
    private static let longestWindow: Int64 = 31_622_400_000_000

    /// Takes the window off the end of the key bytes; nil when there is none, or one that no event can be in.
    @unsafe private func windowBounds(
        _ window: KeyWindow, _ base: UnsafePointer<UInt8>, _ range: inout ByteRange
    ) -> (start: Int64, end: Int64)? {
        func number(_ position: Int32) -> Int64 {
            var value: UInt64 = 0
            for index in 0..<8 { value = unsafe value << 8 | UInt64(base[Int(position) + index]) }
            return Int64(bitPattern: value)
        }
        let stop = range.start + range.length
        switch window {
        case .time(_, let size):
            guard range.length >= 8 else { return nil }
            range.length -= 8
            let start = number(stop - 8)
            guard RowTime.range.contains(start) else { return nil }
            return (start, start.later(by: size))
        case .session:
            guard range.length >= 16 else { return nil }
            range.length -= 16
            let (start, end) = (number(stop - 8), number(stop - 16))
            guard RowTime.range.contains(start), start <= end, end - start <= SourceDecoder.longestWindow else { return nil }
            return (start, end)
        }
    }

    /// Replaces the records' timestamps by those of the source's TIMESTAMP column; rows without a usable one go.
    private func extractTimestamps(_ reader: TimestampReader) {
        let column = batch.columns[reader.column.column]
        if takeTimes(column) { return }
        let name = step.output.columns[reader.column.column].name
        let keepsTimes = step.kind == .table && reader.column.column >= step.schema.key.count && !batch.hasValue.isEmpty
        batch.selection = batch.selection.filtered { row in
            // A table's row that is deleted has no value to read a time from: it keeps its record's own.
            if keepsTimes, !batch.hasValue[row] { return true }
            switch reader.read(column, row) {
            case .time(let time):
                batch.timestamps[row] = time
                return true
            case .problem(let message):
                problems.append(
                    RecordProblem(
                        record: Int(batch.recordIndexes[row]), cause: .timestamp, column: name, message: message,
                        endsQuery: reader.column.failsQuery))
                return false
            }
        }
    }

    /// Replaces the records' timestamps by the numbers of `column` when every row has one that is a time; else does nothing.
    private func takeTimes(_ column: Column) -> Bool {
        guard column.lane == .word, column.nulls.isEmpty, batch.selection.isDense, batch.hasValue.isEmpty else { return false }
        let (words, times, count) = (column.words, RowTime.range, batch.selection.count)
        guard words.count >= count, !words[..<count].contains(where: { !times.contains($0) }) else { return false }
        batch.timestamps.replaceSubrange(0..<count, with: words[..<count])
        return true
    }
}
