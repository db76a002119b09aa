// A power cut at any step of a statement that changes the catalog, and another one in the start that follows. Afterwards the statement has
// happened or it has not: each query has its topics and its state, nothing is left over, and no query number comes again. A
// `SeededScheduler` decides which of the engine's threads goes on whenever two of them meet.

import Catalog
import Engine
import LogStore
import Plans
import Platform
import TestSupport
import Testing

@Suite(.serialized) struct CatalogPowerCutTests {
    private static let statements = [
        "CREATE STREAM e AS SELECT id, g FROM s;", "CREATE TABLE u AS SELECT g, COUNT(*) AS n FROM s GROUP BY g;",
        "INSERT INTO d SELECT id, g FROM s;", "CREATE OR REPLACE STREAM d AS SELECT id, g FROM s WHERE g > 0;",
        "CREATE STREAM plain (id INT KEY) WITH (kafka_topic='plain', format='JSON', partitions=2);", "DROP TABLE t;",
        "DROP TABLE t DELETE TOPIC;", "TERMINATE CTAS_T_1;", "PAUSE CTAS_T_1;",
    ]

    @Test(arguments: statements)
    func aStatementHappensOrDoesNot(_ statement: String) throws {
        let prepared = try PowerCut.prepared()
        let clean = try PowerCut(statement, over: prepared, seed: 1).run()
        #expect(clean.differences == [] && clean.steps > 0)
        // In the short run some of the steps, others for each statement.
        for step in stride(from: Surroundings.isLong ? 0 : statement.utf8.count % 5, to: clean.steps, by: Surroundings.isLong ? 1 : 5) {
            for secondStep in [nil, step % 17] {
                let cut = PowerCut(statement, over: prepared, seed: UInt64(step) &* 31 &+ 7, at: step, thenAt: secondStep)
                let differences = try cut.run().differences
                #expect(differences == [], "step \(step), then \(secondStep.map { "\($0)" } ?? "none")")
            }
        }
    }
}

/// A statement, the cut, and what a start makes of it.
private struct PowerCut: Sendable {
    struct Outcome: Sendable {
        /// How many changing operations of the file system the statement took.
        var steps = 0
        var differences: [String] = []
    }

    private let statement: String
    private let prepared: MemoryFileSystem
    private let seed: UInt64
    /// The step of the statement, and of the start after it, at which the power goes; nil for never.
    private let step: Int?
    private let secondStep: Int?

    init(_ statement: String, over prepared: MemoryFileSystem, seed: UInt64, at step: Int? = nil, thenAt secondStep: Int? = nil) {
        self.statement = statement
        self.prepared = prepared
        self.seed = seed
        self.step = step
        self.secondStep = secondStep
    }

    /// A data directory with a stream, and two queries that have processed its two rows.
    static func prepared() throws -> MemoryFileSystem {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let scheduler = SeededScheduler(seed: 1, mostSteps: 1_000_000)
        try scheduler.run {
            let millrace = try open(memory, scheduler, time: 0)
            for sql in [
                "CREATE STREAM s (id INT KEY, g INT) WITH (kafka_topic='s', format='JSON', partitions=2);",
                "CREATE STREAM d AS SELECT id, g FROM s;", "CREATE TABLE t AS SELECT g, COUNT(*) AS n FROM s GROUP BY g;",
                "INSERT INTO s VALUES (1, 1);", "INSERT INTO s VALUES (2, 1);",
            ] {
                #expect(millrace.run(sql).last?.hasPrefix("+") == true)
            }
            #expect(millrace.engine.drain(nanoseconds: 20_000_000_000))
            millrace.close()
        }
        return memory
    }

    /// Opens a data directory for the time of that number: identities of topics come by chance, and no time is to repeat another's.
    private static func open(_ files: any FileSystem, _ scheduler: SeededScheduler, time number: UInt64) throws -> Millrace {
        var options = LogOptions.inMemory
        options.durability = .fsync
        let millrace = try Millrace(
            files: files, pushStart: "earliest", time: scheduler.time, options: options, scheduler: scheduler,
            random: SeededRandom(seed: scheduler.seed &* 8 &+ number))
        _ = millrace.run("SET 'auto.offset.reset'='earliest';")
        return millrace
    }

    /// The engines of one run. All of them are closed and must be gone afterwards, also when the end has overtaken a query's start.
    private final class Remains {
        weak var first: MillraceEngine?
        weak var cut: MillraceEngine?
        weak var last: MillraceEngine?
        var hasLiving: Bool { first != nil || cut != nil || last != nil }
    }

    func run() throws -> Outcome {
        let scheduler = SeededScheduler(seed: seed, mostSteps: 5_000_000)
        let remains = Remains()
        var outcome = try scheduler.run { try live(under: scheduler, remains) }
        if remains.hasLiving { outcome.differences.append("a closed engine is still held") }
        return outcome
    }

    private func live(under scheduler: SeededScheduler, _ remains: Remains) throws -> Outcome {
        var memory = prepared.afterPowerCut()
        let files = FaultyFileSystem(memory)
        let millrace = try Self.open(files, scheduler, time: 1)
        remains.first = millrace.engine
        let before = contents(millrace)
        let first = files.operationCount
        if let step { files.setFaults { $0.number == first + step ? .powerCut : nil } }
        let answer = millrace.run(statement).last ?? "no answer"
        var outcome = Outcome(steps: files.operationCount - first)
        let after = contents(millrace)
        millrace.close()
        if step != nil { memory = memory.afterPowerCut(keepingByChance: SeededRandom(seed: seed)) }
        if let secondStep {
            let faulty = FaultyFileSystem(memory) { $0.number == secondStep ? .powerCut : nil }
            // A start without power may fail, as it likes.
            if let cut = try? Self.open(faulty, scheduler, time: 2) {
                remains.cut = cut.engine
                cut.close()
            }
            memory = memory.afterPowerCut(keepingByChance: SeededRandom(seed: seed &+ 1))
        }
        let again = try Self.open(memory, scheduler, time: 3)
        remains.last = again.engine
        let found = contents(again)
        let hasHappened = answer.hasPrefix("+")
        if hasHappened && found != after { outcome.differences.append("\(answer), but \(found) is not \(after)") }
        if !hasHappened && !found.isNear(before) {
            outcome.differences.append("\(answer), but \(found) is not what was before, with the statement or without it")
        }
        outcome.differences += leftovers(again) + wrongRows(again) + repeatedNumber(again) + strangePositions(again)
        again.close()
        return outcome
    }

    /// What exists: sources and queries with their states.
    private struct Contents: Equatable {
        var sources: [String]
        var queries: [String]
        var paused: Set<String>
        var statements: [String]

        /// Whether one statement, carried out or not, can lie between the two.
        func isNear(_ other: Contents) -> Bool {
            let changed = Set(sources).symmetricDifference(other.sources).count
            let changedQueries = Set(queries).symmetricDifference(other.queries).count
            return changed <= 1 && changedQueries <= 1 && paused.symmetricDifference(other.paused).count <= 1
        }
    }

    private func contents(_ millrace: Millrace) -> Contents {
        let catalog = millrace.engine.catalog
        return Contents(
            sources: catalog.sortedSources.map(\.name), queries: catalog.sortedQueries.map(\.id), paused: catalog.paused,
            statements: catalog.sortedQueries.map(\.statement))
    }

    /// Queries that do not run, topics that are missing or should not be there.
    private func leftovers(_ millrace: Millrace) -> [String] {
        var found: [String] = []
        let catalog = millrace.engine.catalog
        for status in millrace.engine.queryStatuses {
            let wanted = catalog.paused.contains(status.queryID) ? "PAUSED" : "RUNNING"
            if status.state.name != wanted { found.append("\(status.queryID) is \(status.state), not \(wanted)") }
        }
        if millrace.engine.queryStatuses.map(\.queryID) != catalog.sortedQueries.map(\.id) {
            found.append("other queries than the catalog has")
        }
        let topics = Set(millrace.log.describeTopics().map(\.name))
        let needed = catalog.queries.values.reduce(into: Set<String>()) { $0.formUnion($1.plan.internalTopics) }
        let extra = topics.filter(InternalNames.isInternal).filter { !needed.contains($0) }
        if !extra.isEmpty { found.append("left over: \(extra.sorted())") }
        // Nothing but what was there, and the topics of sources.
        let known = Set(catalog.sources.values.map(\.topic)).union(["s", "D", "T", "__millrace_catalog", "__consumer_offsets"])
        let strange = topics.filter { !InternalNames.isInternal($0) && !known.contains($0) }
        if !strange.isEmpty { found.append("made by nobody: \(strange.sorted())") }
        for source in catalog.sortedSources where !topics.contains(source.topic) { found.append("\(source.name) has no topic") }
        if statement.contains("DELETE TOPIC"), catalog.sources["T"] == nil, topics.contains("T") {
            found.append("the topic T is still there")
        }
        return found
    }

    /// Each query has counted each row once: those of before and one more.
    private func wrongRows(_ millrace: Millrace) -> [String] {
        var found: [String] = []
        let inserted = millrace.run("INSERT INTO s VALUES (3, 1);").last
        if inserted != "+ 1 row inserted" { return ["INSERT: \(inserted ?? "")"] }
        if !millrace.engine.drain(nanoseconds: 20_000_000_000) { found.append("the queries do not process what is there") }
        let catalog = millrace.engine.catalog
        for source in catalog.sortedSources {
            let writers = catalog.writers(of: source.name)
            guard let query = writers.first, !catalog.paused.contains(query.id) else { continue }
            let expected = ": [\(source.kind == .table ? 3 : 3 * writers.count)]"
            let lines = millrace.run(source.kind == .table ? "SELECT n FROM \(source.name);" : "SELECT COUNT(*) FROM \(source.name);")
            if lines.filter({ $0.hasPrefix(":") }) != [expected] { found.append("\(source.name) has \(lines), expected \(expected)") }
        }
        return found
    }

    /// A query that is made now has a number of its own.
    private func repeatedNumber(_ millrace: Millrace) -> [String] {
        let known = Set(millrace.engine.catalog.queries.keys.compactMap(QueryIDs.number))
        let answer = millrace.run("CREATE STREAM z AS SELECT id, g FROM s;").last ?? ""
        guard let id = answer.split(separator: " ").last, let number = QueryIDs.number(in: String(id)) else { return ["CREATE: \(answer)"] }
        return number >= 2 && !known.contains(number) ? [] : ["the number of \(id) has been given before"]
    }

    /// Positions of queries that do not exist.
    private func strangePositions(_ millrace: Millrace) -> [String] {
        let known = Set(millrace.engine.catalog.queries.keys)
        let left = Set(millrace.positions(until: { known.isSuperset(of: $0.keys) }).keys).subtracting(known)
        return left.isEmpty ? [] : ["positions of \(left.sorted())"]
    }
}
