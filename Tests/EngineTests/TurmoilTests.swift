// Two sessions at once define, insert, pause, resume, replace, drop and ask, over a disk that is full and whose syncs fail. A seed decides
// the statements, the faults, and, through a `SeededScheduler`, which of the engine's threads goes on whenever two of them meet. A seed
// that fails fails again with SWIFT_DETERMINISTIC_HASHING=1, which keeps the order of dictionaries. Afterwards the engine is closed, opened
// again over what the disk has, and compared with a model: each acknowledged row is there once, no row is there twice, and every query that
// exists has counted each row exactly once.

import Diagnostics
import Engine
import LogStore
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct TurmoilTests {
    @Test func eachRowCountsOnce() throws {
        var all = Turmoil.Outcome()
        let seeds = 1...UInt64(Surroundings.isLong ? 1000 : 20)
        for seed in seeds {
            do {
                let outcome = try Turmoil(seed: seed).run()
                for difference in outcome.differences { Issue.record("seed \(seed): \(difference)") }
                all.add(outcome)
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
        print("turmoil: seeds \(seeds), \(all.statements) statements, \(all.refused) refused, \(all.faults) faults, \(all.switches) switches")
        #expect(all.faults > 0 && all.statements > all.refused)
    }
}

/// One run of it.
private final class Turmoil: Sendable {
    /// What a run came to.
    struct Outcome: Sendable {
        var statements = 0, refused = 0, faults = 0, switches = 0
        /// What is not as the model says.
        var differences: [String] = []

        mutating func add(_ other: Outcome) {
            statements += other.statements
            refused += other.refused
            faults += other.faults
            switches += other.switches
        }
    }

    /// What the sessions did, as far as they were told.
    private struct Model: Sendable {
        /// Numbers whose INSERT was acknowledged, and all that were sent.
        var acknowledged: Set<Int> = []
        var sent: Set<Int> = []
        var nextNumber = 0
        /// Names of derived streams and tables that may exist.
        var streams: [String] = []
        var tables: [String] = []
        var nextName = 0
        var statements = 0, refused = 0
    }

    private let seed: UInt64
    private let memory = MemoryFileSystem()
    private let files: FaultyFileSystem
    private let model = Monitor(Model())
    private let faults = Monitor(0)
    private static let statementsEach = 25

    init(seed: UInt64) {
        self.seed = seed
        files = FaultyFileSystem(memory)
    }

    func run() throws -> Outcome {
        let scheduler = SeededScheduler(seed: seed, mostSteps: 5_000_000)
        var outcome = try scheduler.run { [self] in try live(under: scheduler) }
        outcome.switches = scheduler.trace.count
        return outcome
    }

    private func live(under scheduler: SeededScheduler) throws -> Outcome {
        let millrace = try open(under: scheduler)
        for sql in [
            "SET 'auto.offset.reset'='earliest';",
            "CREATE STREAM a (n BIGINT KEY, g BIGINT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', PARTITIONS=2);",
        ] { _ = millrace.run(sql) }
        misbehave()
        let sessions = [millrace, Millrace(sharing: millrace)]
        let threads = try sessions.enumerated().map { index, session in
            try scheduler.start("session-\(index)") { [self] in act(session, as: index) }
        }
        for thread in threads { thread.join() }
        files.setFaults { _ in nil }
        millrace.close()
        let again = try open(under: scheduler)
        defer { again.close() }
        let (statements, refused) = model.withLock { ($0.statements, $0.refused) }
        return Outcome(
            statements: statements, refused: refused, faults: faults.withLock { $0 }, differences: differences(again))
    }

    private func open(under scheduler: SeededScheduler) throws -> Millrace {
        var options = LogOptions.inMemory
        options.durability = .fsync
        options.journalBytes = .kibibytes(64)
        return try Millrace(
            files: files, pushStart: "earliest", time: scheduler.time, options: options, scheduler: scheduler,
            random: SeededRandom(seed: seed))
    }

    /// A write in forty finds the disk full, and a sync in forty fails; the seed and the number of the operation decide which.
    private func misbehave() {
        let seed = seed
        files.setFaults { [faults] operation in
            guard operation.kind == .write || operation.kind == .synchronize else { return nil }
            let dice = SeededRandom(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(operation.number)).below(40)
            guard dice == 0 else { return nil }
            faults.update { $0 += 1 }
            return operation.kind == .write ? .fail(.noSpace) : .failedSync
        }
    }

    // MARK: What sessions do

    private func act(_ millrace: Millrace, as index: Int) {
        let chance = SeededRandom(seed: seed &* 31 &+ UInt64(index))
        _ = millrace.run("SET 'auto.offset.reset'='earliest';")
        for _ in 0..<Self.statementsEach { act(millrace, chance) }
    }

    private func act(_ millrace: Millrace, _ chance: SeededRandom) {
        let streams = model.withLock { $0.streams }
        let tables = model.withLock { $0.tables }
        let one = streams.isEmpty ? nil : streams[chance.below(streams.count)]
        switch (chance.below(12), one) {
        case (0, _): create(millrace, isTable: false)
        case (1, _): create(millrace, isTable: true)
        case (2, let name?): perform(millrace, "PAUSE \(queryID(name, millrace));")
        case (3, let name?): perform(millrace, "RESUME \(queryID(name, millrace));")
        case (4, let name?): perform(millrace, "CREATE OR REPLACE STREAM \(name) AS SELECT n, g FROM a WHERE g % 2 = 0 OR n < 0;")
        case (5, let name?):
            model.update { $0.streams.removeAll { $0 == name } }
            perform(millrace, "DROP STREAM \(name) DELETE TOPIC;")
        case (6, _):
            if let table = tables.last { perform(millrace, "SELECT * FROM \(table);") }
        case (7, let name?): perform(millrace, "SELECT * FROM \(name);")
        default: insert(millrace)
        }
    }

    private func create(_ millrace: Millrace, isTable: Bool) {
        let name = model.update { model -> String in
            defer { model.nextName += 1 }
            let name = "D\(model.nextName)"
            if isTable { model.tables.append(name) } else { model.streams.append(name) }
            return name
        }
        perform(
            millrace,
            isTable
                ? "CREATE TABLE \(name) AS SELECT g, COUNT(*) AS n FROM a GROUP BY g;"
                : "CREATE STREAM \(name) AS SELECT n, g FROM a WHERE g % 2 = 0;")
    }

    private func insert(_ millrace: Millrace) {
        let number = model.update { model -> Int in
            defer { model.nextNumber += 1 }
            model.sent.insert(model.nextNumber)
            return model.nextNumber
        }
        if perform(millrace, "INSERT INTO a VALUES (\(number), \(number % 4));") { _ = model.update { $0.acknowledged.insert(number) } }
    }

    /// Carries out a statement; whether it went well.
    @discardableResult private func perform(_ millrace: Millrace, _ sql: String) -> Bool {
        let isDone = millrace.run(sql).last?.hasPrefix("+") ?? false
        model.update { model in
            model.statements += 1
            if !isDone { model.refused += 1 }
        }
        return isDone
    }

    private func queryID(_ name: String, _ millrace: Millrace) -> String {
        millrace.engine.catalog.sources[name]?.queryID ?? "NONE"
    }

    // MARK: What must be true

    private func differences(_ millrace: Millrace) -> [String] {
        var found: [String] = []
        for status in millrace.engine.queryStatuses where status.state.name != "RUNNING" {
            let line = millrace.run("RESUME \(status.queryID);").last ?? ""
            if !line.hasPrefix("+") { found.append("RESUME \(status.queryID): \(line)") }
        }
        if !millrace.engine.drain(nanoseconds: 20_000_000_000) { found.append("the queries do not process what is there") }
        let rows = numbers(millrace.run("SELECT n, g FROM a;"))
        let model = model.withLock { $0 }
        let present = Set(rows.map { $0[0] })
        if present.count != rows.count { found.append("\(rows.count - present.count) rows are there twice") }
        let lost = model.acknowledged.subtracting(present)
        if !lost.isEmpty { found.append("acknowledged rows are lost: \(lost.sorted())") }
        if !present.isSubset(of: model.sent) { found.append("rows are there that nobody sent") }
        for source in millrace.engine.catalog.sortedSources where source.queryID != nil {
            let actual = numbers(millrace.run("SELECT * FROM \(source.name);")).sorted { $0.lexicographicallyPrecedes($1) }
            let expected =
                source.kind == .stream
                ? rows.filter { $0[1] % 2 == 0 }
                : Dictionary(grouping: rows, by: { $0[1] }).map { [$0.key, $0.value.count] }
            if actual != expected.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                found.append("\(source.name) has \(actual), expected \(expected)")
            }
        }
        return found
    }

    private func numbers(_ lines: [String]) -> [[Int]] {
        lines.filter { $0.hasPrefix(":") }.map { line in
            line.drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }.split(separator: ",").compactMap { Int($0) }
        }
    }
}
