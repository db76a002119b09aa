// The libraries for Swift programs, over a server in this process and over an engine of their own.

import Engine
import LogStore
import Millrace
import MillraceClient
import Platform
import Server
import Testing

private let create = "CREATE STREAM s (id INT KEY, name VARCHAR, x DOUBLE) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');"

private struct Item: Codable, Hashable, Sendable {
    var id: Int
    var name: String?
    var x: Double?
}

/// A server in this process, which can be stopped and started anew over the same engine.
private final class LocalServer {
    let engine: MillraceEngine
    private(set) var server: MillraceServer

    init() throws {
        let log = try SegmentedLog(
            directory: "/data", files: MemoryFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 7), options: .inMemory)
        engine = try MillraceEngine(configuration: EngineConfiguration(workers: 1, random: SeededRandom(seed: 1)), log: log)
        server = try MillraceServer(engine, ServerOptions(listeners: [.network(host: "127.0.0.1", port: 0)], acceptsDefinitions: true))
    }

    var address: String { server.addresses[0].description }

    func startAnew() throws {
        let address = server.addresses[0]
        server.stop(grace: 100)
        server = try MillraceServer(engine, ServerOptions(listeners: [address], acceptsDefinitions: true))
    }

    deinit {
        server.stop(grace: 100)
        engine.close()
    }
}

/// What a session does, wherever its engine is.
private func check(_ session: Session) async throws {
    let created = try await session.execute(create)
    #expect(created.map(\.message) == ["Stream created"])
    let report = try await session.insert([Item(id: 1, name: "a", x: 0.5), Item(id: 2, name: nil, x: nil)], into: "s")
    #expect((report.records, report.rejected) == (2, 0))

    let rows = try await session.query("SELECT * FROM s")
    #expect(rows.columns.map(\.name) == ["ID", "NAME", "X"])
    #expect(rows.columns.map(\.type) == ["INTEGER", "STRING", "DOUBLE"])
    #expect(rows.columns.map(\.isKey) == [true, false, false] || !rows.areChanges)
    let found = try await rows.collect()
    #expect(found.map(\.values) == [[1, "a", 0.5], [2, .null, .null]])
    #expect(try found.map { try $0.decoded(as: Item.self) } == [Item(id: 1, name: "a", x: 0.5), Item(id: 2, name: nil, x: nil)])
    #expect(found[0]["name"] == "a" && found[0]["nothing"] == nil && found[0][2]?.double == 0.5 && found[0][3] == nil)

    // Records that are no rows are counted, and the first is told.
    let refused = try await session.insert([["id": 3], ["id": "x"], ["id": 4, "name": "d"]] as [[String: Value]], into: "s")
    #expect((refused.records, refused.rejected, refused.firstRejected) == (2, 1, 2))
    #expect(refused.reason?.contains("ID") == true)

    await #expect(throws: MillraceError.self) { _ = try await session.insert([1, 2], into: "s") }
    await #expect(throws: MillraceError.self) { _ = try await session.insert([Item(id: 1)], into: "nothing") }
    await #expect(throws: MillraceError.self) { _ = try await session.insert([Item(id: 1)], into: "s\n.end") }
    await #expect(throws: MillraceError.self) { _ = try await session.query("SET 'auto.offset.reset' = 'earliest';") }
    let mistake = await #expect(throws: MillraceError.self) { try await session.execute("SELECT\n nothing FROM s;") }
    #expect(mistake?.code == "42703" && mistake?.place?.line == 2 && mistake?.place?.column == 2, "\(String(describing: mistake))")
    let syntax = await #expect(throws: MillraceError.self) { try await session.query("SELEC 1") }
    #expect(syntax?.code == "42601")

    // Whatever a statement may be told before it.
    let large = await #expect(throws: MillraceError.self) { try await session.execute("SELECT * FROM s;", mostRows: 2) }
    #expect(large?.code == "54000", "\(String(describing: large))")
    let answers = try await session.execute("SELECT id FROM s WHERE id = 1; SELECT id FROM s WHERE id = 4;")
    #expect(answers.map { $0.rows.map(\.values) } == [[[1]], [[4]]])
}

extension Session {
    /// How many push queries the engine has; asked until it is `count`.
    fileprivate func awaitQueries(_ count: Int64) async throws {
        while true {
            let rows = try await query("SELECT COUNT(*) FROM millrace.queries WHERE kind = 'PUSH'").collect()
            if rows.first?[0]?.integer == count { return }
        }
    }
}

/// A query that goes on ends with its loop, with its task, and with the sequence that nobody reads.
private func checkEnds(_ session: Session) async throws {
    try await session.execute(create + "SET 'auto.offset.reset' = 'earliest';")
    _ = try await session.insert((0..<5).map { Item(id: $0) }, into: "s")
    var seen: [Int64] = []
    for try await row in try await session.query("SELECT id FROM s EMIT CHANGES") {
        seen.append(row[0]?.integer ?? -1)
        if seen.count == 3 { break }
    }
    #expect(seen == [0, 1, 2])
    try await session.awaitQueries(0)

    let endless = Task {
        var count = 0
        for try await _ in try await session.query("SELECT id FROM s EMIT CHANGES") { count += 1 }
        return count
    }
    try await session.awaitQueries(1)
    endless.cancel()
    await #expect(throws: CancellationError.self) { _ = try await endless.value }
    try await session.awaitQueries(0)

    _ = try await session.query("SELECT id FROM s EMIT CHANGES")
    try await session.awaitQueries(0)
}

/// Rows that nobody reads yet hold up no statement of the same session, and are all there when they are read.
private func checkSlowReader(_ session: Session) async throws {
    try await session.execute(create + "SET 'auto.offset.reset' = 'earliest';")
    let text = String(repeating: "x", count: 1_000)
    _ = try await session.insert((0..<5_000).map { Item(id: $0, name: text) }, into: "s")
    let rows = try await session.query("SELECT id, name FROM s EMIT CHANGES LIMIT 5000")
    var next: Int64 = 0
    for try await row in rows {
        #expect(row[0]?.integer == next)
        if next % 1_000 == 0 { #expect(try await session.execute("SELECT COUNT(*) FROM s;")[0].rows[0][0] == 5_000) }
        next += 1
    }
    #expect(next == 5_000)
}

@Suite struct RemoteSessions {
    @Test func aSessionAtAServerDoesWhatItSays() async throws {
        let server = try LocalServer()
        try await check(try await Session.connect(to: server.address))
    }

    @Test func queriesEndWithTheirReaders() async throws {
        let server = try LocalServer()
        try await checkEnds(try await Session.connect(to: server.address))
    }

    @Test func aSlowReaderHoldsUpNothing() async throws {
        let server = try LocalServer()
        try await checkSlowReader(try await Session.connect(to: server.address))
    }

    @Test func aServerThatIsNotThereIsAnError() async throws {
        let refused = await #expect(throws: MillraceError.self) { _ = try await Session.connect(to: "127.0.0.1:1") }
        #expect(refused?.code == "08001" && refused?.hint != nil)
        let wrong = await #expect(throws: MillraceError.self) { _ = try await Session.connect(to: "127.0.0.1:port") }
        #expect(wrong?.code == "F0000")
        await #expect(throws: MillraceError.self) { _ = try await Session.connect(to: "/nowhere/socket") }
    }

    /// The next statement makes the connection anew, and says so.
    @Test func aServerThatWasStartedAnewIsFound() async throws {
        let server = try LocalServer()
        let session = try await Session.connect(to: server.address)
        try await session.execute(create)
        // One that keeps state cannot go on.
        let waiting = try await session.query("SELECT id, COUNT(*) FROM s GROUP BY id EMIT CHANGES")
        try server.startAnew()
        await #expect(throws: MillraceError.self) { for try await _ in waiting {} }
        var told: [String] = []
        // The end of the connection may be seen a moment after that of the query.
        while told.isEmpty {
            do { told = try await session.execute("SELECT COUNT(*) FROM s;")[0].notices } catch let error as MillraceError {
                #expect(error.code.hasPrefix("08") || error.code.hasPrefix("57"), "\(error)")
            }
        }
        #expect(told[0].contains("was lost and is there again"))
        #expect(try await session.insert([Item(id: 1)], into: "s").records == 1)
    }

    /// A query over a stream goes on behind its last row, over one connection after the other, and LIMIT counts all rows.
    @Test func aQueryOutlivesItsConnections() async throws {
        let server = try LocalServer()
        let session = try await Session.connect(to: server.address)
        try await session.execute(create)
        let rows = try await session.query("SELECT id FROM s WHERE id <> 1 EMIT CHANGES LIMIT 40")
        var seen: [Int64] = []
        func insert(_ ids: Range<Int>) async throws {
            let writer = try await Session.connect(to: server.address)
            _ = try await writer.insert(ids.map { Item(id: $0) }, into: "s")
            writer.close()
        }
        try await insert(0..<10)
        for try await row in rows {
            seen.append(row[0]?.integer ?? -1)
            // Rows are written while nobody is connected, and while a few wait to be read.
            if [3, 12, 30].contains(seen.count) {
                try server.startAnew()
                try await insert(seen.count == 3 ? 10..<20 : seen.count == 12 ? 20..<35 : 35..<50)
            }
        }
        #expect(seen == [0] + (2..<41).map(Int64.init))
        try await session.awaitQueries(0)
    }

    /// More statements at once than a server takes over one connection wait for their turn; those that all go on for ever are refused.
    @Test func statementsWaitForTheirTurn() async throws {
        let server = try LocalServer()
        let session = try await Session.connect(to: server.address)
        try await session.execute("CREATE TABLE t (k INT PRIMARY KEY, v INT);")
        let changed = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<200 { group.addTask { try await session.execute("INSERT INTO t VALUES (\(number), 1);")[0].changed ?? 0 } }
            return try await group.reduce(0, +)
        }
        #expect(changed == 200)
        #expect(try await session.execute("SHOW TABLES;")[0].changed == nil)
        try await session.execute(create)
        var endless: [Rows] = []
        let refused = await #expect(throws: MillraceError.self) {
            while endless.count < 100 { endless.append(try await session.query("SELECT id FROM s EMIT CHANGES")) }
        }
        #expect(refused?.code == "53400" && endless.count >= 60, "\(endless.count)")
    }

    @Test func aClosedSessionTakesNothing() async throws {
        let server = try LocalServer()
        let session = try await Session.connect(to: server.address)
        session.close()
        let refused = await #expect(throws: MillraceError.self) { try await session.execute("SHOW STREAMS;") }
        #expect(refused?.code == "57P01", "\(String(describing: refused))")
    }
}

@Suite struct EmbeddedSessions {
    @Test func aSessionOfAnEngineInsideDoesWhatItSays() async throws {
        let database = try await Database.open(.memory)
        try await check(database.openSession())
        await database.close()
    }

    @Test func queriesEndWithTheirReaders() async throws {
        let database = try await Database.open(.memory, settings: ["millrace.threads": "1"])
        try await checkEnds(database.openSession())
        await database.close()
    }

    @Test func aSlowReaderHoldsUpNothing() async throws {
        let database = try await Database.open(.memory)
        try await checkSlowReader(database.openSession())
        await database.close()
    }

    @Test func aDirectoryKeepsWhatItHas() async throws {
        let files = HostFileSystem()
        let directory = "/tmp/millrace-embedded-\(SystemRandom().next())"
        defer { try? files.removeTree(directory) }
        let first = try await Database.open(.directory(directory))
        let session = first.openSession()
        try await session.execute(create)
        _ = try await session.insert([Item(id: 7)], into: "s")
        let inUse = await #expect(throws: MillraceError.self) { _ = try await Database.open(.directory(directory)) }
        #expect(inUse?.code == "55006", "\(String(describing: inUse))")
        await first.close()
        let late = await #expect(throws: MillraceError.self) { try await session.execute("SHOW STREAMS;") }
        #expect(late?.code == "57P01", "\(String(describing: late))")
        let second = try await Database.open(.directory(directory))
        #expect(try await second.openSession().query("SELECT id FROM s").collect().map(\.values) == [[7]])
        await second.close()
    }

    @Test func settingsAreChecked() async throws {
        let unknown = await #expect(throws: MillraceError.self) { _ = try await Database.open(.memory, settings: ["millrace.thread": "1"]) }
        #expect(unknown?.hint == "Did you mean millrace.threads?", "\(String(describing: unknown))")
        await #expect(throws: MillraceError.self) { _ = try await Database.open(.memory, settings: ["millrace.threads": "many"]) }
        await #expect(throws: MillraceError.self) { _ = try await Database.open(.directory("/proc/nothing/here")) }
    }
}

@Test func valuesAreThoseOfTheirColumns() async throws {
    let database = try await Database.open(.memory)
    let session = database.openSession()
    try await session.execute(
        """
        CREATE STREAM v (a ARRAY<DECIMAL(10,2)>, m MAP<VARCHAR, INT>, st STRUCT<p INT, q VARCHAR>, b BYTES, d DECIMAL(20,5), t TIMESTAMP, f BOOLEAN, x DOUBLE)
          WITH (KAFKA_TOPIC='v', VALUE_FORMAT='JSON', PARTITIONS=1);
        """)
    let record: [String: Value] = [
        "a": [.decimal("1.50")].asArray, "m": .object([.init("k", 2)]), "st": .object([.init("P", 1), .init("Q", "z")]), "b": .bytes([0, 255]),
        "d": .decimal("12345678901234.50000"), "t": 1_769_850_005_000, "f": true, "x": .double(.infinity),
    ]
    let report = try await session.insert([record], into: "v")
    #expect(report.rejected == 0, "\(report)")
    let row = try #require(try await session.query("SELECT * FROM v").collect().first)
    // Records have numbers for times, answers have texts.
    #expect(row["t"] == "2026-01-31T09:00:05.000")
    for (name, value) in record where name != "t" { #expect(row[name] == value, "\(name)") }
    #expect(row["st"]?["Q"]?.text == "z" && row["a"]?.elements?.count == 1 && row["b"]?.bytes == [0, 255] && row["f"]?.boolean == true)
    await database.close()
}

extension [Value] {
    fileprivate var asArray: Value { .array(self) }
}
