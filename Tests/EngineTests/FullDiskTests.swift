import Bytes
import Diagnostics
import Engine
import LogStore
import Platform
import Sessions
import Testing

/// A load that runs into a full disk ends with the reason, whatever it was doing when the commit failed.
@Test func aLoadOntoAFullDiskEnds() throws {
    for round in 0..<30 {
        let files = FaultyFileSystem(MemoryFileSystem())
        // The log writes on a thread of its own: the commit fails while the next piece is decoded.
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
            ingest.awaitRoom()
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
/// A disk that fills up under load and is freed again: what was acknowledged is there, writes are refused with the reason, and the
/// continuous queries go on by themselves as soon as there is room, each record counted once.
@Test func queriesGoOnWhenTheDiskHasRoomAgain() throws {
    let files = FaultyFileSystem(MemoryFileSystem())
    let millrace = try Millrace(files: files)
    _ = millrace.run("CREATE STREAM s (k INT KEY, v VARCHAR) WITH (kafka_topic='s', value_format='JSON', partitions=3);")
    _ = millrace.run("CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM s GROUP BY k;")
    func insert(_ keys: Range<Int>) -> [String] { keys.map { millrace.run("INSERT INTO s VALUES (\($0 % 17), 'x');").last ?? "" } }
    #expect(insert(0..<20).allSatisfy { $0 == "+ 1 row inserted" })
    for _ in 0..<3 {
        files.setFaults { $0.kind == .write ? .fail(.noSpace) : nil }
        #expect(insert(0..<3).allSatisfy { $0.hasPrefix("- 53100 ") })
        files.setFaults { _ in nil }
        #expect(insert(0..<10).allSatisfy { $0 == "+ 1 row inserted" })
        // Nearly full: some commits still fit, of clients and of the query alike.
        files.setFaults { $0.kind == .write && $0.number % 3 == 0 ? .fail(.noSpace) : nil }
        _ = insert(0..<20)
        files.setFaults { _ in nil }
    }
    if !millrace.engine.drain(nanoseconds: 10_000_000_000) { Issue.record("\(millrace.run("DESCRIBE counts EXTENDED;"))") }
    let total = millrace.run("SELECT COUNT(*) FROM s;").dropFirst().first ?? ""
    let counted = millrace.run("SELECT n FROM counts;").filter { $0.hasPrefix(":") }.compactMap { Int($0.dropFirst(3).dropLast()) }
    #expect(total == ": [\(counted.reduce(0, +))]")
    let queries = millrace.run("SHOW QUERIES EXTENDED;")
    #expect(queries.contains { $0.contains("RUNNING") }, "\(queries)")
    millrace.engine.close()
}


/// While its commits are refused, a query says what it waits for; those of others are not refused.
@Test func aQueryThatWaitsForTheDiskSaysSo() throws {
    let files = FaultyFileSystem(MemoryFileSystem())
    let millrace = try Millrace(files: files)
    _ = millrace.run("CREATE STREAM s (k INT KEY, v VARCHAR) WITH (kafka_topic='s', value_format='JSON');")
    // Output so large that it goes straight into its segment, where alone the disk is full.
    _ = millrace.run("CREATE STREAM large AS SELECT k, RPAD(v, 5000000, 'x') AS v FROM s;")
    files.setFaults { $0.kind == .write && $0.path.contains("LARGE") ? .fail(.noSpace) : nil }
    #expect(millrace.run("INSERT INTO s VALUES (1, 'y');") == ["+ 1 row inserted"])
    let reason = "waits and tries again: the commit failed: the disk is full"
    while !millrace.run("DESCRIBE large EXTENDED;").contains(where: { $0.contains(reason) }) {}
    #expect(millrace.run("SHOW QUERIES EXTENDED;").contains { $0.contains("RUNNING") && $0.contains(reason) })
    files.setFaults { _ in nil }
    #expect(millrace.engine.drain(nanoseconds: 20_000_000_000))
    #expect(millrace.run("SELECT k, LEN(v) FROM large;").dropFirst() == [": [1,5000000]", "+ 1 rows"])
    #expect(!millrace.run("DESCRIBE large EXTENDED;").contains { $0.contains("waits and tries") })
    millrace.engine.close()
}
