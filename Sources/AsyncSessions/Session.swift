// A session as programs use it: statements, rows and records, without a thread that waits. Below it lies a session of an engine in this
// process or at a server, whose calls may block: they are made on threads of their own.

import Bytes
package import Diagnostics
import JSONText
import Platform
package import Sessions

/// What a session for programs is made of.
package protocol SessionDoor: AnyObject, Sendable {
    /// Where statements go.
    var statements: any StatementSession { get }
    /// What its requests share; nil where a slow reader of one holds up no other.
    var connection: SharedConnection? { get }
    /// How many statements may be under way at once; nil for any number.
    var mostStatements: Int? { get }
    /// Sends records, each a JSON object on a line with its end. May wait; `whenFinished` is called once, with what is durable or why not.
    func load(_ lines: [UInt8], into source: String, whenFinished: @escaping @Sendable (Result<IngestReport, Diagnostic>) -> Void)
    /// Ends what runs.
    func close()
}

/// A session at an engine: settings and variables of its own, and any number of statements at once.
///
/// Settings of `SET` and variables of `DEFINE` hold for the session. Methods may be called from any task; what a statement has answered is
/// durable, and later questions of the same session see it.
public final class Session: Sendable {
    private let door: any SessionDoor
    /// Requests go out one after the other.
    private let lane = ThreadPool("session", limit: 1)
    private let isClosed = Monitor(false)
    private let flight: FlightControl

    /// A session through this door, which is closed with it.
    package init(_ door: any SessionDoor) {
        self.door = door
        flight = FlightControl(most: door.mostStatements)
    }

    deinit {
        door.close()
        _ = lane.close(within: 0)
    }

    /// Ends the session and what runs in it. A session that nobody holds any more ends, too.
    public func close() {
        isClosed.withLock { $0 = true }
        door.close()
    }

    // MARK: Statements

    /// Carries out statements one after the other, up to the first that fails, and gives their answers.
    ///
    /// Errors: the first mistake (what came before it has been carried out); `54000` when there are more than `mostRows` rows: `query` reads
    /// those as they come. A query with `EMIT CHANGES` and no `LIMIT` does not end by itself: cancelling the task ends it.
    @discardableResult
    public func execute(_ statements: String, mostRows: Int = 100_000) async throws -> [Answer] {
        let channel = try submit(statements)
        var answers: [Answer] = []
        var answer = Answer()
        var count = 0
        while let event = try await channel.nextUrgently() {
            switch event {
            case .columns(let columns, _): answer.columns = columns.map(Column.init)
            case .notice(let text): answer.notices.append(text)
            case .position: break
            case .rows(let block):
                count += block.count
                guard count <= mostRows else {
                    channel.abandon()
                    throw MillraceError(tooManyRows(mostRows))
                }
                for index in 0..<block.count { answer.rows.append(try row(answer.columns, block, index)) }
            case .done(let summary):
                (answer.message, answer.queryID, answer.skipped, answer.changed) = (summary.message, summary.queryID, summary.skipped, summary.changed)
                answers.append(answer)
                answer = Answer()
            case .failed(let error): throw MillraceError(error)
            }
        }
        return answers
    }

    /// Carries out a query and gives its rows as they come. Statements without rows, such as `SET`, may stand before it.
    ///
    /// Errors: the statement is refused; `42000` where it has no rows.
    public func query(_ statement: String) async throws -> Rows {
        let channel = try submit(statement)
        var notices: [String] = []
        while let event = try await channel.nextUrgently() {
            switch event {
            case .columns(let columns, let kind):
                return Rows(columns.map(Column.init), areChanges: kind == .changes, notices: notices, from: channel)
            case .notice(let text): notices.append(text)
            case .failed(let error): throw MillraceError(error)
            case .rows, .position, .done: continue
            }
        }
        throw MillraceError(
            Diagnostic(.statementError, "the statement has no rows", category: .general, hint: "execute carries out statements without rows."))
    }

    private func submit(_ text: String) throws(MillraceError) -> AnswerChannel {
        guard !isClosed.withLock({ $0 }) else { throw MillraceError(Session.closed) }
        let channel = AnswerChannel(over: door.connection, onEndless: { [flight] in flight.noteEndless() })
        flight.begin { [door, lane, flight] in
            let isTaken = lane.run {
                let end: @Sendable () -> Void = {
                    channel.finish()
                    flight.end(wasEndless: channel.isEndless)
                }
                // It waited for its turn so long that nobody wants it any more.
                if channel.isUnwanted { return end() }
                let request = door.statements.submit(text, into: channel) { _ in end() }
                // Not in the middle of what is being sent.
                channel.onCancel { lane.run { request.cancel() } }
            }
            guard !isTaken else { return }
            channel.emit(.failed(Session.closed))
            channel.finish()
            flight.end(wasEndless: false)
        }
        return channel
    }

    // MARK: Records

    /// Inserts records into a stream or table, many at once: each is an object with the names of columns, key columns among them, in any case.
    ///
    /// Records that are no rows are counted in the report and kept in `MILLRACE_ERRORS`; the others are durable when the call returns. Dates and
    /// times of records are numbers, as those of the format JSON are: a `TIMESTAMP` milliseconds since 1970, a `DATE` days since then, a `TIME`
    /// milliseconds of the day.
    ///
    /// Errors: there is no such source, or it cannot be written to; a record is no object (`22000`), and then none is sent.
    public func insert<Record: Encodable>(_ records: some Sequence<Record>, into source: String) async throws -> InsertReport {
        var lines: [UInt8] = []
        for record in records {
            let json: JSONValue
            do throws(JSONCodingError) { json = try JSONValue(encoding: record) } catch {
                throw MillraceError(Diagnostic(.dataError, "a \(Record.self) is no record: \(error)", category: .general))
            }
            try Session.append(json, to: &lines)
        }
        return try await load(lines, into: source)
    }

    /// Inserts records that are given by the names and values of their columns; otherwise as for records of a type of the program.
    public func insert(_ records: some Sequence<[String: Value]>, into source: String) async throws -> InsertReport {
        var lines: [UInt8] = []
        for record in records {
            let members = record.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, $0.value.json) }
            try Session.append(.object(members), to: &lines)
        }
        return try await load(lines, into: source)
    }

    private static func append(_ record: JSONValue, to lines: inout [UInt8]) throws(MillraceError) {
        guard case .object = record else { throw MillraceError(Diagnostic(.dataError, "a record is no object with columns", category: .general)) }
        record.write(to: &lines)
        lines.append(UInt8(ascii: "\n"))
        guard lines.count <= mostInsertBytes else {
            throw MillraceError(
                Diagnostic(.tooLarge, "the records have more than 1 GiB as JSON", category: .general, hint: "Insert them in several calls."))
        }
    }

    /// Places in the bytes of a load have 31 bits.
    private static let mostInsertBytes = 1 << 30

    private func load(_ lines: [UInt8], into source: String) async throws -> InsertReport {
        guard !source.isEmpty, source.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw MillraceError(Diagnostic(.invalidName, "\(source.debugDescription) is no name of a stream or table", category: .general))
        }
        guard !isClosed.withLock({ $0 }) else { throw MillraceError(Session.closed) }
        door.connection?.beginWait()
        defer { door.connection?.endWait() }
        return try await withCheckedThrowingContinuation { continuation in
            let isTaken = lane.run { [door] in
                door.load(lines, into: source) { result in
                    continuation.resume(with: result.map(InsertReport.init).mapError { MillraceError($0) })
                }
            }
            if !isTaken { continuation.resume(throwing: MillraceError(Session.closed)) }
        }
    }

    private static let closed = Diagnostic(.shuttingDown, "the session is closed", category: .general)
}

/// Has `work`, which may wait, done on a thread of its own.
package func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws(Diagnostic) -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        do throws(SystemError) {
            _ = try WorkerThread.start("opening") {
                do throws(Diagnostic) { continuation.resume(returning: try work()) } catch { continuation.resume(throwing: MillraceError(error)) }
            }
        } catch {
            continuation.resume(throwing: MillraceError(Diagnostic(.ioError, error.description, category: .general)))
        }
    }
}
