// The queries of Nexmark: the events are loaded once a run, and each query reads them from the beginning.

import Diagnostics
import Engine
import LogStore
import Platform
import Quantities
import Sessions

extension BenchmarkSuite {
    /// Rows of the small table of q13, all older than the first event.
    private static let sideRows = 10_000

    /// Loads what the queries of `cases` read, and runs them one after the other.
    func nexmark(_ cases: [BenchmarkCase], _ book: inout BenchmarkBook, _ tell: (String) -> Void) throws(Diagnostic) {
        let queries = cases.compactMap { one in if case .query(let query) = one.work { (one, query) } else { nil } }
        let load = cases.first { $0.work == .load }
        guard load != nil || !queries.isEmpty else { return }
        try withEngine { (opened, session) throws(Diagnostic) in
            try carryOut(NexmarkQuery.sources, session)
            for stream in NexmarkStream.allCases {
                guard load != nil && stream == .bid || queries.contains(where: { $0.1.inputs.contains(stream) }) else { continue }
                tell("load of \(stream.rawValue)s")
                let cost = try self.load(stream, session)
                if let load, stream == .bid { book[load].add(cost, rows: rows) }
            }
            if queries.contains(where: \.1.readsSideInput) { try loadSideInput(session) }
            for (one, query) in queries {
                tell(one.name)
                try run(query, opened, session, &book[one])
            }
        }
    }

    /// Loads what queries read, and runs each once, with `other` behind each. `take` gets what was measured.
    func alternate(
        _ queries: [NexmarkQuery], _ tell: (String) -> Void, with other: (NexmarkQuery) throws(Diagnostic) -> Void,
        take: (NexmarkQuery, BenchmarkSamples) -> Void
    ) throws(Diagnostic) {
        try withEngine { (opened, session) throws(Diagnostic) in
            try carryOut(NexmarkQuery.sources, session)
            for stream in NexmarkStream.allCases where queries.contains(where: { $0.inputs.contains(stream) }) {
                tell("load of \(stream.rawValue)s")
                _ = try load(stream, session)
            }
            for query in queries {
                tell(query.name)
                var samples = BenchmarkSamples()
                try run(query, opened, session, &samples)
                take(query, samples)
                try other(query)
            }
        }
    }

    private func run(
        _ query: NexmarkQuery, _ opened: MeasuredEngine, _ session: EngineSession, _ samples: inout BenchmarkSamples
    ) throws(Diagnostic) {
        let cost = try cost { () throws(Diagnostic) in
            try carryOut(query.text, session)
            try drain(opened)
        }
        let size = NexmarkSize(bids: rows)
        samples.add(cost, rows: query.inputs.map { size[$0] }.reduce(0, +))
        samples.output.append(try output(of: query, opened.log))
        try carryOut(query.drop, session)
    }

    /// Reads back what a query wrote.
    private func output(of query: NexmarkQuery, _ log: any EventLog) throws(Diagnostic) -> QueryOutput {
        var checksum = OutputChecksum(ofTable: query.makesTable)
        var written = 0
        do throws(LogError) {
            guard let topic = log.describeTopic(named: query.name.uppercased()) else {
                return QueryOutput(written: 0, rows: 0, checksum: "")
            }
            for partition in topic.partitionIndexes {
                let bounds = try log.bounds(of: topic.id, partition: partition)
                written += Int(bounds.durableEnd.count)
                try scan(log, topic.id, partition) { checksum.add($0) }
            }
        } catch {
            throw Diagnostic(reading: error)
        }
        return QueryOutput(written: written, rows: checksum.rows, checksum: checksum.text)
    }

    // MARK: Loading

    /// Loads the events of one kind. Only handing them over and making them durable counts, not making them up.
    private func load(_ stream: NexmarkStream, _ session: EngineSession) throws(Diagnostic) -> Cost {
        var generator = NexmarkGenerator(stream, texts: texts)
        let source = stream == .bid ? "BID" : stream.rawValue.uppercased() + "_EVENT"
        return try load(NexmarkSize(bids: rows)[stream], into: source, session) { generator.pieces($0) }
    }

    private func loadSideInput(_ session: EngineSession) throws(Diagnostic) {
        var next = 0
        _ = try load(BenchmarkSuite.sideRows, into: "SIDE_INPUT", session) { count in
            var piece = NexmarkGenerator.Piece()
            for number in next..<next + count {
                let start = piece.bytes.count
                let line = "{\"id\":\(number),\"note\":\"note \(number)\",\"date_time\":\(NexmarkModel.firstTime - 1)}"
                piece.bytes.append(contentsOf: line.utf8)
                piece.endLine(from: start)
            }
            next += count
            return [piece]
        }
    }

    /// Rows that are made up at once before they are loaded: some hundred megabytes at most.
    static let windowRows = 400_000

    /// Loads `count` lines into a source, and gives the cost of the loading alone.
    func load(
        _ count: Int, into source: String, _ session: EngineSession, make: (Int) -> [NexmarkGenerator.Piece]
    ) throws(Diagnostic) -> Cost {
        try load(count, into: source, make: make) { (pieces) throws(Diagnostic) in try handOver(&pieces, to: source, session) }
    }

    /// Lets lines be loaded that `make` makes in portions. `handOver` takes a portion from its end, and is what costs.
    func load(
        _ count: Int, into source: String, make: (Int) -> [NexmarkGenerator.Piece],
        handOver: (inout [NexmarkGenerator.Piece]) throws(Diagnostic) -> IngestReport
    ) throws(Diagnostic) -> Cost {
        var sum = Cost.nothing
        var left = count
        while left > 0 {
            let window = min(left, BenchmarkSuite.windowRows)
            // From the back, so that each piece is let go of as it is handed over.
            var pieces = Array(make(window).reversed())
            sum = sum + (try cost { () throws(Diagnostic) in try check(try handOver(&pieces), keptAllOf: window, source) })
            left -= window
        }
        return sum
    }

    private func handOver(
        _ pieces: inout [NexmarkGenerator.Piece], to source: String, _ session: EngineSession
    ) throws(Diagnostic) -> IngestReport {
        let ingest = try session.beginIngest(into: source, format: .json)
        var line = 1
        while let piece = pieces.popLast() {
            ingest.take(piece.bytes, piece.lines, firstLine: line)
            ingest.awaitRoom()
            line += piece.lines.count
        }
        return try finish(ingest)
    }

    /// Errors: not all of so many lines have become records.
    func check(_ report: IngestReport, keptAllOf count: Int, _ source: String) throws(Diagnostic) {
        guard report.records != count else { return }
        throw Diagnostic(
            .dataError, "the load of \(source) kept \(report.records) of \(count) records", category: .general,
            hint: report.firstProblem.map { "Line \($0.line): \($0.reason)" })
    }

    /// Waits until all that was taken is durable.
    func finish(_ ingest: Ingest) throws(Diagnostic) -> IngestReport {
        let outcome = Monitor<Result<IngestReport, Diagnostic>?>(nil)
        ingest.finish { result in outcome.update { $0 = result } }
        guard let result = outcome.wait(until: { $0 != nil }, then: { $0 }) else { return IngestReport() }
        return try result.get()
    }
}
