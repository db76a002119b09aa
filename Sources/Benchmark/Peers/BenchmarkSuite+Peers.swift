// The queries beside those of a peer: both over the same events, a run of the one behind a run of the other, so that what else the machine
// does meanwhile falls on both.

package import Diagnostics
import Platform

extension BenchmarkSuite {
    /// Runs queries here and at a peer, with so many threads each. `progress` takes a line about what is done now.
    package func run(
        _ queries: [NexmarkQuery], against programs: PeerPrograms, threads: Int, progress: (String) -> Void
    ) throws(Diagnostic) -> [PeerComparison] {
        try programs.check(places, in: directory)
        var mine: [String: BenchmarkSamples] = [:], theirs: [String: [PeerFigure]] = [:]
        try withDirectory { (place) throws(Diagnostic) in
            let data = place + "/events"
            progress("events in files")
            for stream in NexmarkStream.allCases where queries.contains(where: { $0.inputs.contains(stream) }) {
                try write(stream, to: data)
            }
            let broker = try programs.broker(rows: rows, partitions: partitions, data: data, place: place + "/peer", places)
            defer { if let broker { programs.stop(broker, places) } }
            for run in 1...max(1, runs) {
                func tell(_ what: String) { progress("run \(run) of \(max(1, runs)): \(what)") }
                try alternate(queries, tell) { (query) throws(Diagnostic) in
                    tell("\(query.name), \(programs.peer.rawValue)")
                    let size = NexmarkSize(bids: rows)
                    let figure = try programs.run(
                        query, rows: query.inputs.map { size[$0] }.reduce(0, +), threads: threads, data: data, place: place + "/peer",
                        broker: broker, places)
                    theirs[query.name, default: []].append(figure)
                } take: { query, samples in
                    mine[query.name, default: BenchmarkSamples()].add(samples)
                }
            }
        }
        return queries.map { compare($0, mine[$0.name] ?? BenchmarkSamples(), theirs[$0.name] ?? []) }
    }

    private func compare(_ query: NexmarkQuery, _ mine: BenchmarkSamples, _ theirs: [PeerFigure]) -> PeerComparison {
        let processor = theirs.compactMap(\.processorSeconds)
        return PeerComparison(
            query: query.name, meaning: query.meaning, rate: median(mine.figures), peerRate: median(theirs.map(\.rate)),
            processorSeconds: median(mine.processorSeconds), peerProcessorSeconds: processor.isEmpty ? nil : median(processor))
    }

    /// The events of one kind as a file of lines.
    private func write(_ stream: NexmarkStream, to directory: String) throws(Diagnostic) {
        var generator = NexmarkGenerator(stream, texts: texts)
        do throws(SystemError) {
            try files.createDirectory(directory)
            let file = try files.open("\(directory)/\(stream.rawValue).jsonl", .truncate)
            defer { file.close() }
            var left = NexmarkSize(bids: rows)[stream], position: Int64 = 0
            while left > 0 {
                let window = min(left, BenchmarkSuite.windowRows)
                for piece in generator.pieces(window) {
                    try file.write(piece.bytes, at: position)
                    position += Int64(piece.bytes.count)
                }
                left -= window
            }
        } catch {
            throw Diagnostic(.ioError, "\(error)", category: .general)
        }
    }
}
