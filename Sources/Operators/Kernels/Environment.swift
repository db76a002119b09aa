// What operators may know of the outside world, and how they report the failure of a row.

import Bytes
package import Quantities
package import Schemas
package import Spill

/// The outside world as closures, because no operator reads a clock, a file or a random number by itself.
package struct DataflowEnvironment {
    /// Wall-clock milliseconds since the epoch, for UNIX_TIMESTAMP().
    package var now: () -> Int64
    /// 64 random bits, for RANDOM and UUID.
    package var random: () -> UInt64
    /// The TZif file (RFC 9636) of a zone id such as `Europe/Berlin`; nil for unknown zones.
    package var timeZoneFile: (_ zone: String) -> [UInt8]?
    /// Functions that a harness brings along.
    package var added: AddedFunctions
    /// Makes a table on disk for a store whose state may go there when memory is short; nil where none may.
    package var makeDiskTable: ((_ store: String, _ sectionBytes: Int) throws(DiskTableError) -> any DiskTable)?
    /// Knows the schemas that records of the registry's formats name; nil where there are none.
    package var schemas: (any SchemaLookup)?
    /// Whether a question is asked. Then NULL in arithmetic, LIKE, NOT, AND, OR and WHEN is what SQL makes of it, where a query that goes on
    /// has no value for the whole expression, as in ksqlDB; and a quotient of decimals is rounded.
    package var isQuestion = false
    /// Where the frames of one dataflow tell that a batch's values get too large; nil outside dataflows.
    var pressure: EvaluationPressure?

    /// By default time stands at 0, chance gives 0 and there are no time zones: right for tests.
    package init(
        now: @escaping () -> Int64 = { 0 }, random: @escaping () -> UInt64 = { 0 },
        timeZoneFile: @escaping (String) -> [UInt8]? = { _ in nil },
        added: AddedFunctions = AddedFunctions()
    ) {
        self.now = now
        self.random = random
        self.timeZoneFile = timeZoneFile
        self.added = added
    }
}

/// Why an expression has no value for a row; the row goes on with NULL in its place.
package struct EvaluationError: Error, Hashable, Sendable {
    /// A sentence for the processing log, lower case, without a full stop.
    package var message: String
    /// An error with this message.
    package init(_ message: String) { self.message = message }
}

/// Why a dataflow cannot be made, or cannot go on. After an error from `process` the dataflow must be thrown away: its memory is ahead of
/// the log.
package struct DataflowError: Error, Hashable, Sendable {
    /// The input whose record could not be processed; nil when the plan itself is at fault.
    package var input: Int?
    /// The partition of that input.
    package var partition: PartitionIndex
    /// The offset in that partition; nil when no single record is at fault.
    package var offset: Offset?
    /// What is wrong, lower case, without a full stop.
    package var message: String
    /// What was put out since the last commit is too large for one commit: the work goes on from there with batches of one record, or, when
    /// `offset` names a record, without that record.
    package var isOutputTooLarge: Bool
    /// The work was cancelled; this is no failure.
    package var isCancelled: Bool

    /// An error of the plan, or of one record when `input` is given.
    package init(
        _ message: String, input: Int? = nil, partition: PartitionIndex = .first, offset: Offset? = nil, isOutputTooLarge: Bool = false,
        isCancelled: Bool = false
    ) {
        self.isOutputTooLarge = isOutputTooLarge
        self.isCancelled = isCancelled
        self.message = message
        self.input = input
        self.partition = partition
        self.offset = offset
    }
}

/// The classes of failures that do not stop a query; counters are kept by class.
package enum RowErrorCause: String, Hashable, Sendable, CaseIterable {
    case keyDeserialization = "key cannot be read"
    case valueDeserialization = "value cannot be read"
    case nullKey = "key is null"
    case nullValue = "value is null"
    case timestamp = "no usable timestamp"
    case expression = "expression failed"
    case nullGroup = "grouping value is null"
    case late = "window is closed"
    case future = "time is in the far future"
    case serialization = "row cannot be written"
    case skipped = "skipped on request"
    case tooLarge = "makes too much output"
}

/// One row that could not be processed as asked, for the processing log.
package struct RowError: Hashable, Sendable {
    /// The step that failed, e.g. `Source`, `WhereFilter`, `Project`, `Aggregate`, `Sink`.
    package var step: String
    /// The column that became NULL or could not be read, nil when the whole row went.
    package var column: String?
    /// The class of the failure.
    package var cause: RowErrorCause
    /// What went wrong, lower case, without a full stop.
    package var message: String
    /// Which input of the dataflow, and where in it, the row comes from.
    package var input: Int
    /// The partition of that input; nil for a row that comes from no topic.
    package var partition: PartitionIndex?
    /// The offset in that partition; nil when no single record is at fault. Of a row that comes from no topic, its place in its file.
    package var offset: Offset?
    /// The bytes of the record's value (of its key for key failures), nil when there are none.
    package var raw: [UInt8]?

    package init(
        step: String, column: String?, cause: RowErrorCause, message: String, input: Int, partition: PartitionIndex?, offset: Offset?,
        raw: [UInt8]?
    ) {
        self.step = step
        self.column = column
        self.cause = cause
        self.message = message
        self.input = input
        self.partition = partition
        self.offset = offset
        self.raw = raw
    }
}

/// Collects failures: exact counts by cause, and the first rows themselves.
final class ErrorLog {
    /// Rows kept between two calls of `take`; more are only counted, so that a poisoned topic cannot fill the memory.
    static let rowLimit = 1000
    private(set) var counts: [RowErrorCause: Int] = [:]
    /// Whether a record that cannot be read stops the query.
    var stopsAtUnreadable = false
    /// The failure that stops the query.
    private(set) var fatal: DataflowError?
    private var rows: [RowError] = []
    /// The last failure, of those that are kept.
    var latest: RowError? { rows.last }

    /// A failure at a row of a batch.
    func add(_ cause: RowErrorCause, step: String, column: String?, message: String, batch: Batch, row: Int) {
        let record = row < batch.recordIndexes.count ? Int(batch.recordIndexes[row]) : nil
        add(cause, step: step, column: column, message: message, batch: batch, run: batch.run, record: record)
    }

    /// A failure at a record of a run, which may not have become a row; `batch` tells the input and partition.
    func add(_ cause: RowErrorCause, step: String, column: String?, message: String, batch: Batch, run: RecordRun?, record: Int?) {
        counts[cause, default: 0] += 1
        if stopsAtUnreadable, fatal == nil, cause == .keyDeserialization || cause == .valueDeserialization {
            let place = run.flatMap { run in record.map { run.offset(at: $0) } }
            fatal = DataflowError("\(cause.rawValue): \(message)", input: batch.input, partition: batch.partition, offset: place)
        }
        guard rows.count < ErrorLog.rowLimit else { return }
        var error = RowError(
            step: step, column: column, cause: cause, message: message, input: batch.input, partition: batch.partition, offset: nil,
            raw: nil)
        if let run, let record {
            error.offset = run.offset(at: record)
            let range = cause == .keyDeserialization ? run.keys[record] : run.values[record]
            if !range.isNull { error.raw = Array(run.bytes[Int(range.start)..<Int(range.start + range.length)]) }
        }
        rows.append(error)
    }

    /// A record of a run that is left out before any step sees it.
    func add(_ cause: RowErrorCause, message: String, input: Int, partition: PartitionIndex, run: RecordRun, record: Int) {
        let batch = Batch()
        batch.input = input
        batch.partition = partition
        add(cause, step: "Source", column: nil, message: message, batch: batch, run: run, record: record)
    }

    func take() -> [RowError] {
        defer { rows.removeAll(keepingCapacity: true) }
        return rows
    }
}
