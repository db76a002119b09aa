// The answers to a statement, as events. Wire, shell, `run` and `test` consume the same events.

package import Bytes
package import Diagnostics

/// A column of a result.
package struct ResultColumn: Hashable, Sendable {
    package var name: String
    /// The SQL type as text: `BIGINT`, `ARRAY<STRING>`.
    package var type: String
    /// Part of the key of the rows.
    package var isKey: Bool

    package init(_ name: String, _ type: String, isKey: Bool = false) {
        self.name = name
        self.type = type
        self.isKey = isKey
    }
}

/// What the rows of a result mean.
package enum ResultKind: String, Hashable, Sendable {
    /// A finished set of rows: bounded queries and listings.
    case rows
    /// Changes of a table, or events of a stream, as they happen.
    case changes
    /// One text column that is shown as it is: PRINT, EXPLAIN.
    case text
}

/// How a statement ended well.
package struct AnswerSummary: Hashable, Sendable {
    /// One sentence about what was done (`Stream created`), or nil for queries.
    package var message: String?
    package var rows: Int
    /// Rows that a statement has inserted, updated or deleted; nil for other statements.
    package var changed: Int?
    /// Rows that the query could not process and left out.
    package var skipped: Int
    /// Counts by cause, sorted, for `skipped`.
    package var causes: [CauseCount]
    /// Where the first of those stood and what was wrong with it: ``column `N`: not a number (topic t, partition 0, offset 7)``.
    package var firstProblem: String?
    /// The query that was started or shown.
    package var queryID: String?
    package var nanoseconds: Int64
    /// Of a question: what it read of its sources.
    package var readings: [SourceReading] = []

    package init(
        message: String? = nil, rows: Int = 0, changed: Int? = nil, skipped: Int = 0, causes: [CauseCount] = [], firstProblem: String? = nil,
        queryID: String? = nil, nanoseconds: Int64 = 0
    ) {
        self.message = message
        self.rows = rows
        self.changed = changed
        self.skipped = skipped
        self.causes = causes
        self.firstProblem = firstProblem
        self.queryID = queryID
        self.nanoseconds = nanoseconds
    }
}

/// What a question read of one partition of a source, or of all of it.
package struct SourceReading: Hashable, Sendable {
    /// The source's name.
    package var source: String
    /// The partition; nil for several of them together, and for the rows that a query keeps of its table.
    package var partition: Int?
    /// The first offset, and the one behind the last; nil without a partition.
    package var offsets: Range<Int64>?
    /// How many records were read.
    package var records: Int
    /// The earliest and the latest time of those, in milliseconds; nil when there were none.
    package var times: ClosedRange<Int64>?

    package init(source: String, partition: Int? = nil, offsets: Range<Int64>? = nil, records: Int, times: ClosedRange<Int64>? = nil) {
        self.source = source
        self.partition = partition
        self.offsets = offsets
        self.records = records
        self.times = times
    }
}

/// How often something went wrong with rows.
package struct CauseCount: Hashable, Sendable {
    package var cause: String
    package var count: Int
    package init(cause: String, count: Int) {
        self.cause = cause
        self.count = count
    }
}

/// One event of the answer to a statement. A statement ends with exactly one `done` or `failed`.
package enum AnswerEvent: Sendable {
    case columns([ResultColumn], ResultKind)
    case rows(RowBlock)
    /// Where the rows so far end, for a request that is told positions: the same statement goes on behind it. It comes once before the first row.
    case position(String)
    /// Something that the user should know but that is no error.
    case notice(String)
    case done(AnswerSummary)
    case failed(Diagnostic)
}

/// Takes the events of answers. Called from the engine's threads, one event at a time for one statement.
package protocol AnswerSink: AnyObject, Sendable {
    func emit(_ event: AnswerEvent)

    /// Asked before rows are made: true when there is room for more. When it answers false it keeps `resume` and calls it once as soon
    /// as there is room again.
    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool
}
