// The log alone: how fast it takes records and how fast it gives them back, beside which the queries can be seen.

import Bytes
import Diagnostics
import Engine
import LogStore
import Platform
import Quantities

extension BenchmarkSuite {
    /// Bytes of a fetch, as a query's.
    private static let fetchBytes = ByteCount.mebibytes(1)

    /// Appends the bids of a run as records, and reads them.
    func log(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        let append = cases.first { $0.work == .append }, scan = cases.first { $0.work == .scan }
        guard append != nil || scan != nil else { return }
        try withEngine { (opened, _) throws(Diagnostic) in
            var count = 0
            do throws(LogError) {
                let topic = try opened.log.createTopic("append", partitions: 1, config: TopicConfig())
                tell("append")
                let written = try self.append(to: topic.id, opened.log)
                if let append { book[append].add(written, rows: rows) }
                guard let scan else { return }
                tell(scan.name)
                let read = try cost { () throws(LogError) in try self.scan(opened.log, topic.id, .first) { count += $0.count } }
                book[scan].add(read, rows: rows)
            } catch {
                throw Diagnostic(reading: error)
            }
            guard count == rows else { throw Diagnostic(.dataError, "the scan found \(count) of \(rows) records", category: .general) }
        }
    }

    private func append(to topic: TopicID, _ log: any EventLog) throws(LogError) -> Cost {
        var generator = NexmarkGenerator(.bid, texts: texts)
        var sum = Cost.nothing
        var left = rows
        while left > 0 {
            let window = min(left, BenchmarkSuite.windowRows)
            let batches = generator.pieces(window).map { records($0, at: time.wallMilliseconds()) }
            sum = sum + (try cost { () throws(LogError) in try commit(batches, to: topic, log) })
            left -= window
        }
        return sum
    }

    private func records(_ piece: NexmarkGenerator.Piece, at timestamp: Int64) -> OutgoingRecords {
        var records = OutgoingRecords()
        records.bytes = piece.bytes
        records.values = piece.lines
        records.keys = Array(repeating: .null, count: piece.lines.count)
        records.timestamps = Array(repeating: timestamp, count: piece.lines.count)
        return records
    }

    /// A commit a batch, as many under way as the log takes; done when all are durable.
    private func commit(_ batches: [OutgoingRecords], to topic: TopicID, _ log: any EventLog) throws(LogError) {
        let state = Monitor<(landed: Int, failure: LogError?)>((0, nil))
        for batch in batches {
            log.commit(Commit([Append(topic: topic, partition: .first, records: batch)])) { result in
                state.update { state in
                    state.landed += 1
                    if case .failure(let error) = result { state.failure = error }
                }
            }
        }
        if let failure = state.wait(until: { $0.landed == batches.count }, then: { $0.failure }) { throw failure }
    }

    /// Reads a partition from its beginning to what is its durable end by then.
    func scan(_ log: any EventLog, _ topic: TopicID, _ partition: PartitionIndex, _ take: (RecordRun) -> Void) throws(LogError) {
        var position = try log.bounds(of: topic, partition: partition).start
        while true {
            let run = try log.fetch(topic, partition: partition, from: position, maxBytes: BenchmarkSuite.fetchBytes, upTo: .durable)
            take(run)
            position = run.nextOffset
            if run.isAtEnd { return }
        }
    }
}

extension Diagnostic {
    /// The log's complaint.
    init(reading error: LogError) { self.init(.ioError, error.message, category: .general, hint: error.hint) }
}
