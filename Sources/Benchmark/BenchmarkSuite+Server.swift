// The same from outside: a server in front of the engine, and clients that talk to it over TCP. All of it is in one process, so the costs
// are those of both sides.

import Client
import Diagnostics
import Platform
import Server
import Sessions

extension BenchmarkSuite {
    /// Loads bids through a connection.
    func loadOverTCP(_ samples: inout BenchmarkSamples) throws(Diagnostic) {
        try withServer { (_, session) throws(Diagnostic) in
            try carryOut("SET 'millrace.default.partitions'='\(partitions)';", session)
            try carryOut(NexmarkQuery.sources, session)
            var generator = NexmarkGenerator(.bid, texts: texts)
            let cost = try load(rows, into: "BID", make: { generator.pieces($0) }) { (pieces) throws(Diagnostic) in
                try send(&pieces, to: "BID", session)
            }
            samples.add(cost, rows: rows)
        }
    }

    /// Sends lines, none of which begins with the dot that would have to be doubled, and waits until they are durable.
    private func send(
        _ pieces: inout [NexmarkGenerator.Piece], to source: String, _ session: RemoteSession
    ) throws(Diagnostic) -> IngestReport {
        let outcome = Monitor<Result<IngestReport, Diagnostic>?>(nil)
        session.beginLoad(into: source, format: .json, onProgress: { _ in }) { result in outcome.update { $0 = result } }
        while let piece = pieces.popLast(), outcome.withLock({ $0 == nil }) { session.sendRecords(piece.bytes, 0..<piece.bytes.count) }
        session.endLoad()
        guard let result = outcome.wait(until: { $0 != nil }, then: { $0 }) else { return IngestReport() }
        return try result.get()
    }

    /// The time of each insert on one connection to the row on another.
    func latenciesOverTCP(_ samples: inout BenchmarkSamples) throws(Diagnostic) {
        try withServer { (address, session) throws(Diagnostic) in
            let watcher = try RemoteSession(connectingTo: address)
            defer { watcher.close() }
            try insertOneByOne(session, watchedBy: watcher, &samples)
        }
    }

    /// Gives `body` the address of a server on a fresh directory, and a connection to it.
    private func withServer(_ body: (SocketAddress, RemoteSession) throws(Diagnostic) -> Void) throws(Diagnostic) {
        try withEngine { (opened, _) throws(Diagnostic) in
            let server = try MillraceServer(opened.engine, ServerOptions(listeners: [.network(host: "127.0.0.1", port: 0)]))
            defer { server.stop() }
            guard let address = server.addresses.first else {
                throw Diagnostic(.connectionFailed, "the server has no address", category: .general)
            }
            let session = try RemoteSession(connectingTo: address)
            defer { session.close() }
            try body(address, session)
        }
    }
}
