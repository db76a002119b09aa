// State that goes to disk: whatever has been there in between, a dataflow puts out, logs and remembers what one does that has kept all of it.

import Bytes
import Foundation
import Operators
import Plans
import Platform
import Quantities
import Spill
import TestSupport
import Testing
import Values

/// Where the tables of a test lie.
enum SpillPlace: CaseIterable {
    case disk, memory

    /// An environment whose tables lie there, and what removes them.
    func environment(full: Bool = false) -> (environment: DataflowEnvironment, directory: String) {
        let directory = FileManager.default.temporaryDirectory.path + "/spilling-\(UUID().uuidString)"
        var environment = DataflowEnvironment()
        let files = FaultyFileSystem(self == .disk ? HostFileSystem() : MemoryFileSystem()) { full && $0.kind == .write ? .fail(.noSpace) : nil }
        environment.makeDiskTable = { store, sectionBytes throws(DiskTableError) in
            try SpillFolder(files: files, directory: directory).table(for: store, sectionBytes: sectionBytes)
        }
        return (environment, directory)
    }
}

private let hopping = WindowDescription(shape: .hopping(size: 10, advance: 5), grace: 8, retention: 18)
private let tumbling = WindowDescription(shape: .tumbling(size: 10), grace: 30, retention: 60)

/// A plan, and the JSON values of its column V.
private struct Case {
    var root: Step
    var values: [String]

    init(_ root: Step, _ values: [String] = ["1", "null", "-3", "7", "100"]) { (self.root, self.values) = (root, values) }
}

private func grouped(_ type: SQLType, _ calls: [(String, SQLType, [Value])], _ window: WindowDescription? = nil, sendsOld: Bool = false) -> Step {
    aggregate(
        .source(source([ColumnDefinition("V", type)])),
        [countAll] + calls.map { call($0.0, [column(1, type)], $0.1, options: $0.2) }, window: window, sendsOld: sendsOld)
}

private let numbers: [(String, SQLType, [Value])] = [("SUM", big, []), ("MIN", big, []), ("MAX", big, []), ("AVG", double, [])]
private let words = [#""a""#, "null", #""bb""#, #""c""#]
private let decimal = SQLType.decimal(precision: 30, scale: 2)

private let cases: [String: Case] = [
    "numbers": Case(grouped(big, numbers)),
    "numbers in tumbling windows": Case(grouped(big, numbers, tumbling)),
    "numbers in hopping windows, with old versions": Case(grouped(big, numbers, hopping, sendsOld: true)),
    "old versions": Case(grouped(big, [("SUM", big, [])], sendsOld: true)),
    "doubles": Case(
        grouped(
            double,
            [("SUM", double, []), ("MIN", double, []), ("MAX", double, []), ("STDDEV_SAMP", double, []), ("STDDEV_SAMPLE", double, [])]),
        ["0.5", "null", "-2", "1e300"]),
    "decimals": Case(grouped(decimal, [("SUM", decimal, []), ("MAX", decimal, [])]), ["1.25", "null", "-3"]),
    "texts": Case(
        grouped(
            text,
            [
                ("MIN", text, []), ("MAX", text, []), ("COLLECT_LIST", .array(text), []), ("COLLECT_SET", .array(text), []),
                ("ATTR", text, []), ("HISTOGRAM", .map(key: text, value: big), []), ("COUNT_DISTINCT", big, []),
                ("LATEST_BY_OFFSET", text, []), ("EARLIEST_BY_OFFSET", .array(text), [.integer(2), .boolean(false)]),
            ]), words),
    "ranks": Case(
        grouped(
            int,
            [
                ("TOPK", .array(int), [.integer(2)]), ("TOPKDISTINCT", .array(int), [.integer(2)]),
                ("LATEST_BY_OFFSET", .array(int), [.integer(3), .boolean(true)]),
            ], hopping)),
    "whole numbers as keys": Case(
        aggregate(.source(source([ColumnDefinition("V", big)])), by: [column(1, big)], [countAll, call("MAX", [column(0, text)], text)]),
        ["1", "null", "-3", "9223372036854775807", "-9223372036854775808", "17"]),
    "two keys": Case(
        aggregate(
            .source(source([ColumnDefinition("V", big)])), by: [column(0, text), column(1, big)], [countAll], window: tumbling)),
    "long keys": Case(
        aggregate(.source(source([ColumnDefinition("V", text)])), by: [column(1, text)], [countAll, call("MAX", [column(0, text)], text)]),
        (0..<6).map { "\"" + String(repeating: "x", count: 600 + $0 / 2) + "\($0)\"" } + words),
    "a table": Case(
        aggregate(
            .source(source([ColumnDefinition("V", big)], kind: .table, store: "in")), by: [column(1, big)],
            [countAll, call("SUM", [column(1, big)], big), call("COLLECT_LIST", [column(0, text)], .array(text))], isTable: true, sendsOld: true)),
]

/// Random rows, a few of them late or without a value; of stream time that goes on.
private func lines(_ count: Int, _ values: [String], from first: Int, _ chance: inout Random) -> [Line] {
    (0..<count).map { index in
        let key = chance.next() % 40 == 0 ? nil : "k\(chance.next() % 30)"
        let value = chance.next() % 20 == 0 ? nil : #"{"V":\#(values[Int(chance.next() % UInt64(values.count))])}"#
        return Line(key, value, at: max(0, Int64((first + index) / 3) + Int64(chance.next() % 40) - 20))
    }
}

/// Two dataflows of one plan: all state of one may go to disk.
private struct Pair {
    let plain: Dataflow
    let spilling: Dataflow

    init(_ root: Step, coalesces: Bool, _ environment: DataflowEnvironment) throws {
        let options = DataflowOptions(coalesces: coalesces, hashSeed: 7)
        plain = try Dataflow(root: root, destination: sink(kind: .table), options: options)
        spilling = try Dataflow(root: root, destination: sink(kind: .table), options: options, environment: environment)
    }

    /// Has both take some rows, and commit: what each put out, logged and reported.
    func feed(_ lines: [Line], batch: Int) throws -> (plain: [String], spilling: [String]) {
        func all(_ dataflow: Dataflow) throws -> [String] {
            var all = try OperatorsTests.feed(dataflow, lines, batch: batch)
            for change in try dataflow.takeChangelog() { all += texts(change.records) }
            return all + dataflow.takeErrors().map { "\($0.cause) \($0.message)" }
        }
        return (try all(plain), try all(spilling))
    }
}

extension Dataflow {
    /// Has all that may go to disk do so, and what is not needed there go.
    fileprivate func spillAll() throws {
        while stateMemory >= 0, spillableMemory > 0 {
            let before = spillableMemory
            try spill()
            #expect(stateMemory >= 0 && spillableMemory <= before / 2)
        }

        while hasDiskWaste { try removeDiskWaste() }
    }

    /// All of a store, as a snapshot has it that is taken in slices; `between` is called between them.
    fileprivate func snapshot(_ store: String, limit: Int, between: () throws -> Void = {}) throws -> OutgoingRecords {
        var all = OutgoingRecords()
        var position: Int? = 0
        while let from = position {
            let slice = try snapshot(store: store, from: from, limit: limit)
            #expect(slice.records.count <= limit + 1)
            let records = slice.records
            for index in 0..<records.count {
                let (key, value) = (records.keys[index], records.values[index])
                all.append(
                    key: key.isNull ? nil : Array(records.bytes[key.indexes]), value: value.isNull ? nil : Array(records.bytes[value.indexes]),
                    timestamp: records.timestamps[index], headers: nil)
            }
            position = slice.next
            if position != nil { try between() }
        }
        return all
    }
}

@Suite struct SpillingTests {
    /// Rows, commits, and now and then everything to disk: nothing of it shows.
    @Test(arguments: cases.keys.sorted(), [true, false]) func nothingOfItShows(name: String, coalesces: Bool) throws {
        let one = try #require(cases[name])
        for seed in 0..<6 {
            let (environment, directory) = (seed == 0 ? SpillPlace.disk : .memory).environment()
            defer { try? FileManager.default.removeItem(atPath: directory) }
            var chance = Random(UInt64(seed) + 1)
            let pair = try Pair(one.root, coalesces: coalesces, environment)
            #expect(pair.spilling.maySpill && !pair.plain.maySpill)
            for round in 0..<25 {
                let new = lines(1 + Int(chance.next() % 40), one.values, from: round * 20, &chance)
                let (plain, spilled) = try pair.feed(new, batch: 1 + Int(chance.next() % 30))
                #expect(plain == spilled, "seed \(seed) round \(round)")
                if chance.next() % 3 == 0 { try pair.spilling.spillAll() } else if chance.next() % 3 == 0 { try pair.spilling.spill() }
            }
            #expect(pair.spilling.diskBytes > 0 && pair.plain.diskBytes == 0)
        }
    }

    /// A snapshot that is taken while groups go to disk and come back, and the changelog since it began, are the whole state; and that is
    /// restored also where there is no room for it in memory.
    @Test(arguments: cases.keys.sorted(), [1, 7, 1000]) func aSnapshotHasAll(name: String, limit: Int) throws {
        let one = try #require(cases[name])
        for seed in 0..<4 {
            var chance = Random(UInt64(seed) + 77)
            let pair = try Pair(one.root, coalesces: true, SpillPlace.memory.environment().environment)
            var round = 0
            func feed() throws -> [(store: String, records: OutgoingRecords)] {
                round += 1
                let new = lines(1 + Int(chance.next() % 40), one.values, from: round * 20, &chance)
                var changes: [(store: String, records: OutgoingRecords)] = []
                for dataflow in [pair.plain, pair.spilling] {
                    _ = try OperatorsTests.feed(dataflow, new)
                    changes = try dataflow.takeChangelog()
                }
                return changes
            }
            var stores: [String: [OutgoingRecords]] = [:]
            for _ in 0..<8 {
                for change in try feed() { stores[change.store, default: []].append(change.records) }
                if chance.next() % 2 == 0 { try pair.spilling.spillAll() }
            }
            // The state of the aggregation, which may lie on disk, is restored from the snapshot, other stores from their changelogs.
            var since: [OutgoingRecords] = []
            let snapshot = try pair.spilling.snapshot("store", limit: limit) {
                if chance.next() % 4 == 0 { try pair.spilling.spillAll() } else if chance.next() % 4 == 0 { try pair.spilling.spill() }
                guard chance.next() % 3 == 0 else { return }
                for change in try feed() {
                    if change.store == "store" { since.append(change.records) } else { stores[change.store, default: []].append(change.records) }
                }
            }
            let restored = try Dataflow(
                root: one.root, destination: sink(kind: .table), options: DataflowOptions(coalesces: true, hashSeed: 9),
                environment: SpillPlace.memory.environment().environment)
            stores["store"] = [snapshot] + since
            for (store, parts) in stores.sorted(by: { $0.key < $1.key }) {
                for part in parts {
                    try restored.restore(store: store, run: run(part))
                    if chance.next() % 3 == 0 { try restored.spillAll() }
                }
            }
            let more = lines(60, one.values, from: round * 20, &chance)
            #expect(try OperatorsTests.feed(restored, more) == OperatorsTests.feed(pair.plain, more), "seed \(seed)")
        }
    }

    /// Where there is no room on disk, the state stays as it is, and says why.
    @Test(arguments: SpillPlace.allCases) func aFullDiskHarmsNothing(_ place: SpillPlace) throws {
        let (environment, directory) = place.environment(full: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var chance = Random(5)
        let pair = try Pair(grouped(text, [("COLLECT_LIST", .array(text), [])]), coalesces: true, environment)
        let long = ["\"" + String(repeating: "y", count: 3_000) + "\""]
        for round in 0..<8 {
            let new = lines(30, long, from: round, &chance)
            let (plain, spilled) = try pair.feed(new, batch: 10)
            #expect(plain == spilled)
            let memory = pair.spilling.stateMemory
            #expect(pair.spilling.spillableMemory > 0)
            do throws(DataflowError) {
                try pair.spilling.spill()
                Issue.record("it went to disk")
            } catch {
                #expect(error.message.contains("could not be kept on disk") && !error.isCancelled)
            }
            #expect(pair.spilling.stateMemory == memory)
        }
    }

    @Test func itCanBeCancelled() throws {
        let pair = try Pair(grouped(big, []), coalesces: true, SpillPlace.memory.environment().environment)
        let many = (0..<10_000).map { Line("k\($0)", #"{"V":1}"#) }
        _ = try pair.feed(many, batch: 4096)
        let cancel = CancelFlag()
        cancel.set()
        pair.spilling.cancel = cancel
        let error = #expect(throws: DataflowError.self) { try pair.spilling.spill() }
        #expect(error?.isCancelled == true)
        pair.spilling.cancel = CancelFlag()
        let (plain, spilled) = try pair.feed(many, batch: 4096)
        #expect(plain == spilled)
    }

    /// What gives its groups out in the order of their keys, and what has no groups of this kind, stays in memory.
    @Test func whatCannotGoStays() throws {
        let environment = SpillPlace.memory.environment().environment
        func maySpill(_ root: Step) throws -> Bool { try Dataflow(root: root, destination: sink(kind: .table), environment: environment).maySpill }
        let input = Step.source(source([ColumnDefinition("V", big)]))
        #expect(try maySpill(aggregate(input, [countAll], window: tumbling)))
        #expect(try !maySpill(aggregate(input, [countAll], window: tumbling, isFinal: true)))
        #expect(try !maySpill(aggregate(input, [countAll], window: session)))
        #expect(try !maySpill(input))
    }

    /// The table goes when all of its windows have.
    @Test func nothingIsLeftOfWindowsThatHaveExpired() throws {
        let (environment, directory) = SpillPlace.disk.environment()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let pair = try Pair(grouped(big, [], tumbling), coalesces: true, environment)
        _ = try pair.feed((0..<100).map { Line("k\($0)", #"{"V":1}"#, at: Int64($0)) }, batch: 10)
        try pair.spilling.spillAll()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [] && pair.spilling.diskBytes > 0)
        _ = try pair.feed([Line("k", #"{"V":1}"#, at: 100_000)], batch: 10)
        #expect(pair.spilling.hasDiskWaste)
        while pair.spilling.hasDiskWaste { try pair.spilling.removeDiskWaste() }
        #expect(pair.spilling.diskBytes == 0)
    }
}
