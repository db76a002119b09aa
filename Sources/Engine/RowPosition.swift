// Positions of rows: how far a push query over a stream has got, as a text that the same statement goes on behind. It is the counterpart of
// ksqlDB's continuation tokens.

import Bytes
import Diagnostics
import LogStore
import Pipelines
import Plans
import Quantities
import Sessions
import Syntax
import Values

/// What has been read of each partition of one topic, and how many rows that made.
struct RowPosition: Hashable, Sendable {
    let topic: TopicID
    /// The checksum of the statement: its LIMIT may have left rows out that have been read, and another filter would have let others through.
    let statement: UInt32
    /// Rows that the client has got.
    var rows = 0
    /// The next offset of each partition.
    var offsets: [Offset] = []

    /// `1.TOPIC.STATEMENT.ROWS.OFFSET,OFFSET,…`; the first number is the version of this form.
    var text: String { "1.\(topic).\(statement).\(rows).\(offsets.map { String($0.count) }.joined(separator: ","))" }

    /// A text has at most so many bytes.
    private static let mostBytes = 1 << 18

    init(topic: TopicID, of statement: Statement) {
        self.topic = topic
        let text = Array(statement.canonicalText.utf8)
        self.statement = crc32c(text, 0..<text.count)
    }

    /// Reads what `text` writes; nil for anything else.
    init?(_ text: String) {
        guard text.utf8.count <= RowPosition.mostBytes else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "1", let topic = TopicID(String(parts[1])), let number = Int(parts[2]), let statement = UInt32(exactly: number),
            let rows = Int(parts[3]), (0...1 << 60).contains(rows)
        else { return nil }
        self.topic = topic
        self.statement = statement
        self.rows = rows
        for part in parts[4].split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Int64(part), number >= 0, let offset = Offset(exactly: number) else { return nil }
            offsets.append(offset)
        }
    }

    /// Where reading goes on.
    var starts: [PartitionKey: Offset] {
        Dictionary(
            uniqueKeysWithValues: offsets.enumerated().map { (PartitionKey(topic: topic, partition: PartitionIndex(index: $0)), $1) })
    }

    /// The position of a query that begins at `starts`, elsewhere at the end or at the beginning of the partition.
    func begun(at starts: [PartitionKey: Offset], in log: any EventLog, isLatest: Bool) -> RowPosition {
        var begun = self
        let partitions = log.describeTopic(topic)?.partitions ?? []
        begun.offsets = partitions.enumerated().map { index, partition in
            starts[PartitionKey(topic: topic, partition: PartitionIndex(index: index))] ?? (isLatest ? partition.bounds.durableEnd : partition.bounds.start)
        }
        return begun
    }

    // MARK: Errors

    static let ofSeveralStatements = Diagnostic(
        .statementError, "a request that goes on behind a position is one statement", category: .general, hint: "Send the others in requests of their own.")

    static func ofOtherStatement(at range: SourceRange?) -> Diagnostic {
        Diagnostic(
            .featureNotSupported, "the statement has no positions to go on from", category: .general,
            hint: "A SELECT … EMIT CHANGES over one stream has them, without GROUP BY, joins and OVER.", at: range)
    }

    static let unreadable = Diagnostic(
        .protocolViolation, "the position to go on from is none", category: .general, hint: "Send it as the server gave it in a line that begins with ~.")
}

/// What a client was told last.
struct ToldPosition {
    private var told: RowPosition
    private let rowsBefore: Int
    private var toldAt: Int64

    init(told: RowPosition, at now: Int64) {
        self.told = told
        rowsBefore = told.rows
        toldAt = now
    }

    /// A second: what was read without a row of it is told so often.
    private static let quiet: Int64 = 1_000_000_000

    /// The text to tell now that the query has given so many rows; nil where there is no need.
    mutating func news(rows: Int, now: Int64, _ offsets: () -> [(partition: PartitionIndex, offset: Offset)]) -> String? {
        let all = rowsBefore + rows
        guard all != told.rows || now - toldAt >= ToldPosition.quiet else { return nil }
        var next = told
        next.rows = all
        for (partition, offset) in offsets() where next.offsets.indices.contains(partition.index) { next.offsets[partition.index] = offset }
        toldAt = now
        guard next != told else { return nil }
        told = next
        return next.text
    }
}

extension StatementExecution {
    /// The position that a push query begins with, still without offsets where it does not go on behind one; nil where it has none, or the client
    /// does not ask. Errors: it has none to go on from, the position is that of another topic, or what follows it is gone.
    func firstPosition(of plan: QueryPlan) throws(Diagnostic) -> RowPosition? {
        if positions == .none { return nil }
        guard let source = plan.positionedSource, let topic = engine.log.describeTopic(named: source.topic) else {
            if case .after = positions { throw RowPosition.ofOtherStatement(at: parsed.range) }
            return nil
        }
        let beginning = RowPosition(topic: topic.id, of: parsed.statement)
        guard case .after(let text) = positions else { return beginning }
        guard let position = RowPosition(text), position.offsets.count <= topic.partitions.count else { throw RowPosition.unreadable }
        guard position.topic == topic.id else {
            throw Diagnostic(
                .wrongState, "the position is one of another topic than \(topic.name) is now", category: .general,
                hint: "The topic was deleted and made anew, or the statement is another one. Begin without a position.")
        }
        guard position.statement == beginning.statement else {
            throw Diagnostic(
                .wrongState, "the position is one of another statement", category: .general,
                hint: "Only the same statement goes on behind it, its LIMIT included: what another one shows of what was read is not known.")
        }
        for (index, offset) in position.offsets.enumerated() {
            let bounds = topic.partitions[index].bounds
            if offset < bounds.start || offset > bounds.durableEnd {
                let what = offset < bounds.start ? "begins at offset \(bounds.start) by now" : "ends at offset \(bounds.durableEnd)"
                throw Diagnostic(
                    .lostRecords, "rows behind the position are gone: it is offset \(offset) of partition \(index) of \(topic.name), which \(what)", category: .general,
                    hint: "Begin without a position. RETENTION_MS of the topic says how long records are kept.")
            }
        }
        return position
    }
}

extension QueryPlan {
    /// The stream whose records alone decide the rows, each for itself; nil for a query that keeps anything between records.
    var positionedSource: SourceStep? {
        var step = root
        while true {
            switch step {
            case .filter(let filter) where !filter.isTable: step = filter.input
            case .project(let project) where !project.isTable: step = project.input
            case .explode(let explode): step = explode.input
            case .source(let source): return source.kind == .stream && source.store == nil ? source : nil
            default: return nil
            }
        }
    }
}
