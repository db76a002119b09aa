import Bytes
import Diagnostics
import Engine
import LogStore
import Platform
import Testing

/// A load that runs into a full disk ends with the reason, whatever it was doing when the commit failed.
@Test func aLoadOntoAFullDiskEnds() throws {
    for round in 0..<30 {
        let files = FaultyFileSystem(MemoryFileSystem())
        // A log with threads of its own: the commit fails while the next piece is decoded.
        let log = try SegmentedLog(
            directory: "/data", files: files, clock: SystemTime(), random: SeededRandom(seed: 7), options: LogOptions())
        let engine = try MillraceEngine(configuration: EngineConfiguration(workers: 1, random: SeededRandom(seed: 1)), log: log)
        let session = engine.openSession()
        let made = Monitor(false)
        session.execute("CREATE STREAM s (k INT KEY, v VARCHAR) WITH (kafka_topic='s', value_format='JSON');", into: EventCollector()) { _ in
            made.update { $0 = true }
        }
        made.wait(until: { $0 }, then: { _ in })
        let ingest = try session.beginIngest(into: "s", format: .json)
        let line = Array(("{\"K\":1,\"V\":\"" + String(repeating: "x", count: 200) + "\"}\n").utf8)
        let piece = Array((0..<400).map { _ in line }.joined())
        let lines = (0..<400).map { ByteRange(start: Int32($0 * line.count), length: Int32(line.count - 1)) }
        for number in 0..<8 {
            if number == round % 8 { files.setFaults { $0.kind == .write ? .fail(.noSpace) : nil } }
            ingest.take(piece, lines, firstLine: 1 + number * 400)
        }
        let outcome = Monitor<Result<IngestReport, Diagnostic>?>(nil)
        ingest.finish { result in outcome.update { $0 = result } }
        let ended = outcome.wait(nanoseconds: 20_000_000_000, until: { $0 != nil }) { $0 }
        guard case .failure(let error)? = ended else {
            Issue.record("round \(round): the load did not end with an error")
            continue
        }
        #expect(error.code == .diskFull)
        files.setFaults { _ in nil }
        engine.close()
    }
}
