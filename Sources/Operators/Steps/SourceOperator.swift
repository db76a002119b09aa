// Decodes the records of a topic into batches: keys, values, windows, headers, event time, and which records are skipped.

import Bytes
import Formats
import Plans
import Quantities
import Values

/// The running form of a source step.
final class SourceOperator: Operator {
    private let step: SourceStep
    private let input: Int
    private let key: SideDecoder
    private let value: SideDecoder
    private let batch = Batch()
    private let headers: HeaderColumns
    private let needsHeaders: Bool
    private let timestampReader: TimestampReader?
    /// Made when it is first asked for, which only a dataflow of several inputs does.
    private var eventTimes: EventTimes?

    init(_ step: SourceStep, input: Int, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        self.input = input
        let keyCount = step.schema.key.count
        let valueEnd = keyCount + step.schema.value.count
        var wanted = step.needed
        if let timestamp = step.timestamp { wanted[timestamp.column] = true }
        // Rows are known by their keys, so those must be well-formed even when no expression reads them.
        for index in 0..<keyCount { wanted[index] = true }
        key = try Codecs.decoder(step.keyFormat, step.schema.key, wanted: Array(wanted[..<keyCount]))
        value = try Codecs.decoder(step.valueFormat, step.schema.value, wanted: Array(wanted[keyCount..<valueEnd]))
        headers = HeaderColumns(step.schema.headers)
        needsHeaders = wanted[valueEnd...].contains(true)
        timestampReader = try step.timestamp.map { column throws(DataflowError) in
            try TimestampReader(column, step.output.columns[column.column].type)
        }
        super.init(context, next: next)
        batch.columns = key.columns + value.columns + headers.columns
    }

    /// Decodes records `range` of `run`, which come from `partition`, and pushes them.
    func process(_ run: RecordRun, _ range: Range<Int>, partition: PartitionIndex) throws(DataflowError) {
        begin(run, range.count, partition)
        unsafe run.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe decode(run, range, base)
        }
        key.finish(batch.rowCount)
        value.finish(batch.rowCount)
        if let fatal = context.errors.fatal { throw fatal }
        batch.selection = .all(batch.rowCount)
        if let timestampReader { try extractTimestamps(timestampReader) }
        if !batch.selection.isEmpty { try emit(batch) }
    }

    /// The event times of the records of `run`; nil when they are the log's timestamps.
    func eventTimes(of run: RecordRun) throws(DataflowError) -> [Int64]? {
        guard timestampReader != nil else { return nil }
        if eventTimes == nil { eventTimes = try EventTimes(step) }
        return eventTimes?.times(of: run)
    }

    private func begin(_ run: RecordRun, _ rows: Int, _ partition: PartitionIndex) {
        batch.run = run
        batch.partition = partition
        batch.input = input
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
        batch.ranks = context.mergeOrder.map { order in kept.map { order[input][Int($0) - range.lowerBound] } } ?? []
    }

    /// Removes what a rejected record has left in both sides of `row`, which the next record gets.
    private func discard(row: Int) {
        key.discard(row)
        value.discard(row)
    }

    /// Decodes one record into `row`; false, with a report, when it must be skipped.
    @inline(__always) @unsafe private func decode(_ run: RecordRun, _ record: Int, _ base: UnsafePointer<UInt8>, row: Int) -> Bool {
        var keyRange = run.keys[record]
        if keyRange.isNull && step.kind == .table {
            report(.nullKey, column: nil, message: "a table's record has no key", record: record)
            return false
        }
        if let problem = RowTime.problem(run.timestamps[record]) {
            report(.timestamp, column: nil, message: "the record's timestamp \(problem)", record: record)
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
                report(
                    .keyDeserialization, column: nil, message: "the key does not end with a window between the years 1970 and 9999",
                    record: record)
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

    /// Decodes key and value into `row`; false, with a report, when the record must be skipped.
    @inline(__always) @unsafe private func decodeSides(
        _ run: RecordRun, record: Int, key keyRange: ByteRange, _ base: UnsafePointer<UInt8>, row: Int
    ) -> Bool {
        if keyRange.isNull {
            key.decodeNull(row)
        } else if let problem = unsafe key.decode(base, keyRange, row) {
            report(.keyDeserialization, column: problem.column, message: problem.message, record: record)
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
            report(.valueDeserialization, column: problem.column, message: problem.message, record: record)
            return false
        }
        if !batch.hasValue.isEmpty { batch.hasValue.append(true) }
        return true
    }

    private func report(_ cause: RowErrorCause, column: String?, message: String, record: Int) {
        context.errors.add(cause, step: "Source", column: column, message: message, batch: batch, run: batch.run, record: record)
    }

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
            guard RowTime.range.contains(start), RowTime.range.contains(end), start <= end else { return nil }
            return (start, end)
        }
    }

    /// Replaces the records' timestamps by those of the source's TIMESTAMP column; rows without a usable one go.
    private func extractTimestamps(_ reader: TimestampReader) throws(DataflowError) {
        if takeTimes(batch.columns[reader.column.column]) { return }
        var problems: [Int: String] = [:]
        batch.selection = batch.selection.filtered { row in
            // Rows without a value keep their time when the column stands in the key; else there is nothing to read.
            switch reader.read(batch.columns[reader.column.column], row) {
            case .time(let time):
                batch.timestamps[row] = time
                return true
            case .problem(let message):
                problems[row] = message
                return false
            }
        }
        for (row, message) in problems.sorted(by: { $0.key < $1.key }) {
            if reader.column.failsQuery {
                throw DataflowError(
                    "Fatal user code error in TimestampExtractor callback for record: \(message)", input: input, partition: batch.partition,
                    offset: batch.offset(of: row))
            }
            let name = step.output.columns[reader.column.column].name
            context.errors.add(.timestamp, step: "Source", column: name, message: message, batch: batch, row: row)
        }
    }
}

extension SourceOperator {
    /// Replaces the records' timestamps by the numbers of `column` when every row has one that is a time; else does nothing.
    private func takeTimes(_ column: Column) -> Bool {
        guard column.lane == .word, column.nulls.isEmpty, batch.selection.isDense, batch.hasValue.isEmpty else { return false }
        let (words, times, count) = (column.words, RowTime.range, batch.selection.count)
        guard words.count >= count, !words[..<count].contains(where: { !times.contains($0) }) else { return false }
        batch.timestamps.replaceSubrange(0..<count, with: words[..<count])
        return true
    }
}

/// Which times rows may have: no event is before 1970 (the dialect's rule) or after year 9999. No operator above a source sees another.
enum RowTime {
    static var range: ClosedRange<Int64> { 0...EventTime.bounds.upperBound }

    /// What is wrong with a time, as the end of a sentence; nil when nothing is.
    @inline(__always) static func problem(_ milliseconds: Int64) -> String? {
        range.contains(milliseconds) ? nil : description(milliseconds)
    }

    @inline(never) private static func description(_ milliseconds: Int64) -> String {
        milliseconds < 0 ? "is negative: \(milliseconds)" : "is after the year 9999: \(milliseconds)"
    }
}

/// Reads event time out of a column.
struct TimestampReader {
    /// What a column says.
    enum Outcome {
        /// Milliseconds since the epoch, in `RowTime.range`.
        case time(Int64)
        /// Why the row has no time, as a sentence.
        case problem(String)
    }

    let column: TimestampColumn
    private let pattern: DatePattern?

    init(_ column: TimestampColumn, _ type: SQLType) throws(DataflowError) {
        self.column = column
        if let text = column.pattern {
            do throws(DatePatternError) {
                pattern = try DatePattern(text)
            } catch {
                throw DataflowError(error.message)
            }
        } else {
            pattern = nil
        }
    }

    /// The time that `row` of `values`, the column, says.
    func read(_ values: Column, _ row: Int) -> Outcome {
        guard !values.isNull(row) else { return .problem("the value of the timestamp column is null") }
        let time: Int64?
        if values.lane == .text {
            let text = values.text(row)
            time = pattern.map { $0.timestamp(text) } ?? DateTextReader.timestamp(text)
        } else {
            time = values.words[row]
        }
        guard let time else {
            let shown = string(values.text(row).prefix(60))
            return .problem("the value of the timestamp column is unreadable: '\(shown)'")
        }
        return RowTime.problem(time).map { .problem("the value of the timestamp column \($0)") } ?? .time(time)
    }
}
