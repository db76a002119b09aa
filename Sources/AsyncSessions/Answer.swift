// What statements and loads say when they have been carried out.

package import Sessions

/// The answer to one statement that ended.
public struct Answer: Hashable, Sendable {
    /// One sentence about what was done, such as `Stream created`; nil for queries.
    public internal(set) var message: String?
    /// The columns of its rows; empty for statements without rows.
    public internal(set) var columns: [Column] = []
    /// Its rows.
    public internal(set) var rows: [Row] = []
    /// The query that it started.
    public internal(set) var queryID: String?
    /// Rows that were inserted, updated or deleted; nil for other statements.
    public internal(set) var changed: Int?
    /// Rows that could not be processed and were left out.
    public internal(set) var skipped = 0
    /// What there was to say beside it.
    public internal(set) var notices: [String] = []
}

/// What became of records that were to be inserted.
public struct InsertReport: Hashable, Sendable {
    /// Records that are durable.
    public let records: Int
    /// Records that were refused; all of them are in `MILLRACE_ERRORS`.
    public let rejected: Int
    /// Which record was refused first, from 1; nil when all were taken.
    public let firstRejected: Int?
    /// Why that one was refused.
    public let reason: String?

    /// What a load has become, for others.
    package init(_ report: IngestReport) {
        records = report.records
        rejected = report.rejected
        firstRejected = report.firstProblem?.line
        reason = report.firstProblem?.reason
    }
}
