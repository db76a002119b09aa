// Where a question finds its records: in the log, from the first to the last offset that its conditions leave, or among the rows that a query
// keeps of its table.

import Analysis
import Bytes
import Catalog
import Diagnostics
import LogStore
import Operators
import Pipelines
import Planner
import Platform
import Plans
import Quantities
import Sessions
import Values

/// The records of a question's sources, up to where each topic ended when the question began.
final class LogQuestionRecords: QuestionRecords {
    private let execution: StatementExecution
    private let sources: [String: SourceDefinition]
    private let owners: [String: PersistentQuery]
    private let share: MemoryShare
    private let cancel: CancelFlag
    private var ends: [String: TopicDescription] = [:]
    /// Rows of tables that could not be shown.
    private(set) var errors: [RowErrorCause: Int] = [:]
    private(set) var firstError: RowError?
    /// Why reading failed, when it did.
    private(set) var failure: Diagnostic?
    private var tally = ReadingTally()
    /// The system tables that were asked for, as they were the first time.
    private var systemRows: [String: [[Value]]] = [:]
    /// Of the scan under way.
    private var progress = ReadingProgress(total: 0, now: 0)
    /// What was read of each source.
    var readings: [SourceReading] { tally.readings }

    init(
        _ execution: StatementExecution, _ sources: [SourceDefinition], _ owners: [PersistentQuery], _ share: MemoryShare, _ cancel: CancelFlag
    ) {
        self.execution = execution
        self.sources = Dictionary(sources.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.owners = Dictionary(owners.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.share = share
        self.cancel = cancel
        for source in sources { ends[source.topic] = execution.engine.log.describeTopic(named: source.topic) }
    }

    /// Says why the question cannot go on.
    func refuse(_ reason: Diagnostic) { failure = reason }

    func rows(ofSystemTable name: String) throws(DataflowError) -> [[Value]] {
        if let rows = systemRows[name] { return rows }
        guard let table = SystemTable.named(name) else { throw DataflowError("there is no system table \(name)") }
        let rows = execution.rows(of: table)
        systemRows[name] = rows
        return rows
    }

    private func owner(of source: SourceDefinition) -> PersistentQuery? { source.queryID.flatMap { owners[$0] } }

    func input(of scan: RelationalScan) throws(DataflowError) -> QuestionScanInput {
        guard let source = sources[scan.source] else { throw DataflowError("there is no source \(scan.source)") }
        let isTable = source.kind == .table
        return QuestionScanInput(
            source: sourceStep(for: source, store: nil, failsOnInvalidTimestamp: false),
            hasChanges: isTable && (scan.asOf != nil || owner(of: source) == nil))
    }

    func read(
        _ scan: RelationalScan, _ take: (RecordRun, Range<Int>, PartitionIndex) throws(DataflowError) -> Bool
    ) throws(DataflowError) {
        guard let source = sources[scan.source] else { return }
        if source.kind == .table, scan.asOf == nil, let owner = owner(of: source) { return try readTable(scan, source, owner, take) }
        guard let topic = ends[source.topic] else {
            failure = Diagnostic(.unknownTopic, "the topic \(source.topic) of \(source.name) does not exist")
            throw DataflowError("no topic")
        }
        var past = scan.asOf.map { TablePast($0, of: source) }
        let parts: [PartitionPart]
        do throws(LogError) { parts = try execution.parts(of: scan, source, topic) } catch {
            failure = Diagnostic(error, about: topic.name)
            throw DataflowError(error.message)
        }
        let total = parts.reduce(Int64(0)) { $0.addingSaturated($1.offsets.upperBound - $1.offsets.lowerBound) }
        progress = ReadingProgress(total: total, now: execution.engine.configuration.time.monotonicNanoseconds())
        for part in parts {
            if let lost = part.lost { execution.sink.emit(.notice(lost)) }
            guard try read(source, topic, part, &past, take) else { break }
        }
        if let reason = past?.refusal {
            failure = reason
            throw DataflowError("the past is gone")
        }
    }

    private func read(
        _ source: SourceDefinition, _ topic: TopicDescription, _ part: PartitionPart, _ past: inout TablePast?,
        _ take: (RecordRun, Range<Int>, PartitionIndex) throws(DataflowError) -> Bool
    ) throws(DataflowError) -> Bool {
        var position = part.offsets.lowerBound
        do throws(LogError) {
            try past?.begin(part, compactedEnd: execution.engine.log.compactedEnd(of: topic.id, partition: part.partition))
        } catch {
            failure = Diagnostic(error, about: topic.name)
            throw DataflowError(error.message)
        }
        tally.begin(source.name, part)
        while position < part.offsets.upperBound {
            let run: RecordRun
            do throws(LogError) {
                run = try execution.engine.log.fetch(
                    topic.id, partition: part.partition, from: position, maxBytes: LogQuestionRecords.fetchBytes, upTo: .durable)
            } catch {
                failure = Diagnostic(error, about: topic.name)
                throw DataflowError(error.message)
            }
            var count = run.count
            while count > 0, run.offset(at: count - 1) >= part.offsets.upperBound { count -= 1 }
            past?.take(run, count)
            tally.add(source.name, part.partition, run, count)
            if count > 0, try !take(run, 0..<count, part.partition) { return false }
            guard run.nextOffset > position else { return true }
            let now = execution.engine.configuration.time.monotonicNanoseconds()
            if let line = progress.line(reading: run.nextOffset - position, now: now) { execution.sink.emit(.notice("\(source.name): \(line)")) }
            position = run.nextOffset
        }
        return true
    }

    /// What one fetch reads.
    private static let fetchBytes = ByteCount.mebibytes(4)

    private func readTable(
        _ scan: RelationalScan, _ source: SourceDefinition, _ owner: PersistentQuery, _ take: (RecordRun, Range<Int>, PartitionIndex) throws(DataflowError) -> Bool
    ) throws(DataflowError) {
        let contents: [TableContent]
        do throws(QueryFailure) {
            let room = execution.engine.memory.room ?? .max
            let access = access(to: source.schema.key, where: scan.filter, evaluate: execution.constantValue)
            contents = try owner.rows.read(access, mostBytes: min(StatementExecution.mostBytes, room), unless: cancel)
        } catch {
            if let excess = error.excess { failure = Diagnostic(excess) }
            throw DataflowError(error.description)
        }
        guard contents.allSatisfy(\.isWhole) else {
            throw DataflowError("the rows of the table are more than \(StatementExecution.mostBytes >> 20) MiB, or than there is memory for")
        }
        for content in contents {
            errors.merge(content.errors) { $0 + $1 }
            firstError = firstError ?? content.firstError
            tally.add(source.name, nil, content.run, content.run.count)
            guard try take(content.run, 0..<content.run.count, .first) else { return }
        }
    }
}
