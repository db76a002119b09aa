// The rows of an answer as an asynchronous sequence.

import Bytes
import Diagnostics
import JSONText
import Platform
import Sessions

/// The rows of a query, as they come.
///
/// A query with `EMIT CHANGES` goes on until the loop is left, the task is cancelled, or a `LIMIT` is reached: leaving the loop ends it at the
/// engine, too. The sequence is read once.
///
/// ```swift
/// for try await row in try await session.query("SELECT page, ms FROM visits EMIT CHANGES") {
///     print(row["page"]?.text ?? "", row["ms"]?.integer ?? 0)
/// }
/// ```
public struct Rows: AsyncSequence, Sendable {
    /// A row.
    public typealias Element = Row

    /// The columns of all rows.
    public let columns: [Column]
    /// Whether rows are changes as they happen (`EMIT CHANGES`), which may delete keys, or those of a finished answer.
    public let areChanges: Bool
    /// What the engine said before the first row, such as where the query begins.
    public let notices: [String]

    private let unread: UnreadRows

    init(_ columns: [Column], areChanges: Bool, notices: [String], from channel: AnswerChannel) {
        self.columns = columns
        self.areChanges = areChanges
        self.notices = notices
        unread = UnreadRows(channel)
    }

    /// Reads the rows.
    public func makeAsyncIterator() -> Iterator { Iterator(columns, unread.begin()) }

    /// All rows that are left, of an answer that ends. Errors: as those of the iteration, and `54000` when there are more than `most`.
    public func collect(atMost most: Int = 1_000_000) async throws -> [Row] {
        var rows: [Row] = []
        for try await row in self {
            guard rows.count < most else { throw MillraceError(tooManyRows(most)) }
            rows.append(row)
        }
        return rows
    }

    /// Gives the rows one after the other.
    public struct Iterator: AsyncIteratorProtocol {
        private let columns: [Column]
        private let reading: Reading
        private var block = RowBlock()
        private var index = 0

        fileprivate init(_ columns: [Column], _ reading: Reading) {
            self.columns = columns
            self.reading = reading
        }

        /// The next row, which a query that goes on is waited for; nil at the end. Errors: a `MillraceError` that ends the query, or
        /// `CancellationError` where the task is cancelled.
        public mutating func next() async throws -> Row? {
            while index >= block.count {
                guard let event = try await reading.channel.next() else { return nil }
                switch event {
                case .rows(let rows): (block, index) = (rows, 0)
                case .notice, .position, .done: continue
                case .failed(let error): throw MillraceError(error)
                case .columns:
                    reading.channel.abandon()
                    throw MillraceError(
                        Diagnostic(
                            .statementError, "more than one statement of the text has rows", category: .general,
                            hint: "Ask for them one after the other, or use execute."))
                }
            }
            defer { index += 1 }
            return try row(columns, block, index)
        }
    }
}

/// Ends the request when its rows are not read any more.
private final class Reading: Sendable {
    let channel: AnswerChannel
    init(_ channel: AnswerChannel) { self.channel = channel }
    deinit { channel.abandon() }
}

/// Ends the request of a sequence that nobody has begun to read.
private final class UnreadRows: Sendable {
    private let channel: AnswerChannel
    private let isBegun = Monitor(false)
    init(_ channel: AnswerChannel) { self.channel = channel }

    /// From here on the rows belong to the one who reads them: a loop outlives the sequence that it was begun over.
    func begin() -> Reading {
        isBegun.withLock { $0 = true }
        return Reading(channel)
    }

    deinit { if !isBegun.withLock({ $0 }) { channel.abandon() } }
}

/// A row of a block. Errors: the other side wrote no JSON array.
func row(_ columns: [Column], _ block: RowBlock, _ index: Int) throws(MillraceError) -> Row {
    do throws(Diagnostic) {
        let cells = try JSONValue(parsing: block.row(index)).arrayValue
        guard let cells else { throw Diagnostic(.protocolViolation, "a row of the answer is no array", category: .general) }
        return Row(columns, cells, isDeleted: block.isDeleted(index))
    } catch {
        throw MillraceError(error)
    }
}

/// The error of an answer that is larger than was allowed for.
func tooManyRows(_ most: Int) -> Diagnostic {
    Diagnostic(.tooLarge, "the answer has more than \(most) rows", category: .general, hint: "Read them as they come, or ask for fewer with LIMIT.")
}
