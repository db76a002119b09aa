// Questions to the state of an aggregation: they see what is durable, whatever the task has made of the groups since, and never a mixture.

import Bytes
import Foundation
import Operators
import Plans
import Quantities
import Synchronization
import TestSupport
import Testing
import Values

private let size: Int64 = 10
private let grace: Int64 = 30
private let retention: Int64 = 60

/// What the table should hold, commit by commit.
private struct Model {
    struct Key: Hashable {
        var name: String
        var start: Int64
    }

    struct Commit {
        var sums: [Key: (count: Int, sum: Int)] = [:]
        var streamTime = Int64.min / 4
        var latestStart = Int64.min / 4
    }

    let isWindowed: Bool
    var now = Commit()
    /// What was durable after so many commits.
    var commits = [Commit()]

    mutating func add(_ name: String, _ value: Int, at time: Int64) {
        now.streamTime = max(now.streamTime, time)
        let start = isWindowed ? time - time % size : 0
        if isWindowed, start + size + grace <= now.streamTime { return }
        now.latestStart = max(now.latestStart, start)
        let before = now.sums[Key(name: name, start: start)] ?? (0, 0)
        now.sums[Key(name: name, start: start)] = (before.count + 1, before.sum + value)
    }

    /// The rows of a commit with a sum above `least`, in order.
    func rows(at commit: Int, above least: Int, where isAsked: (Key) -> Bool = { _ in true }) -> [String] {
        let content = commits[commit]
        let shown = content.sums.filter { key, row in
            row.sum > least && isAsked(key) && (!isWindowed || key.start >= content.latestStart - retention)
        }
        return shown.sorted { ($0.key.name, $0.key.start) < ($1.key.name, $1.key.start) }.map { key, row in
            "\(key.name)\(isWindowed ? "/\(key.start)" : "")|{\"N\":\(row.count),\"TWICE\":\(row.sum * 2)}"
        }
    }
}

/// The rows of an answer, with their windows.
private func rows(_ content: TableContent, isWindowed: Bool) -> [String] {
    let run = content.run
    return (0..<run.count).map { index in
        let key = run.bytes[run.keys[index].indexes]
        let name = String(decoding: isWindowed ? key.dropLast(8) : key, as: UTF8.self)
        let start = key.suffix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        return "\(name)\(isWindowed ? "/\(start)" : "")|\(String(decoding: run.bytes[run.values[index].indexes], as: UTF8.self))"
    }
}

private func plan(isWindowed: Bool, above least: Int32?) -> Step {
    let window = WindowDescription(shape: .tumbling(size: Milliseconds(size)), grace: Milliseconds(grace), retention: Milliseconds(retention))
    var step = aggregate(
        .source(source([ColumnDefinition("V", .integer)])), [call("COUNT", [], big), call("SUM", [column(1, int)], int)],
        window: isWindowed ? window : nil)
    if let least {
        if case .aggregate(var having) = step {
            having.sendsOld = true
            step = .aggregate(having)
        }
        step = .filter(
            FilterStep(input: step, predicate: TypedExpression(.compare(.greater, column(2, int), number(least)), .boolean), isTable: true))
    }
    let twice = TypedExpression(.arithmetic(.multiply, column(2, int), number(2)), .integer)
    return project(step, [("K", column(0, text)), ("N", column(1, big)), ("TWICE", twice)], isTable: true)
}

@Suite struct TableViewTests {
    private static func view(_ dataflow: Dataflow) throws -> TableView {
        let view = try #require(dataflow.view)
        view.becomeReady()
        return view
    }

    private static func options(coalesces: Bool) -> DataflowOptions {
        var options = DataflowOptions(coalesces: coalesces, hashSeed: 7)
        options.keepsView = true
        return options
    }

    /// Random batches, commits and durable moments: every question sees exactly the latest durable commit.
    @Test(arguments: [true, false], [(true, false), (false, false), (true, true), (false, true)])
    func whatIsDurableIsSeen(isWindowed: Bool, how: (coalesces: Bool, spills: Bool)) throws {
        let (coalesces, spills) = how
        for seed in 0..<(spills ? 20 : 60) {
            var chance = Random(UInt64(seed) + 1)
            func below(_ bound: Int) -> Int { Int(chance.next() % UInt64(bound)) }
            let least = seed % 3 == 0 ? 20 : -1_000_000
            let dataflow = try Dataflow(
                root: plan(isWindowed: isWindowed, above: seed % 3 == 0 ? 20 : nil),
                destination: sink(kind: .table, window: isWindowed ? .time(kind: .tumbling, size: Milliseconds(size)) : nil),
                options: Self.options(coalesces: coalesces), environment: SpillPlace.memory.environment().environment)
            let view = try Self.view(dataflow)
            var model = Model(isWindowed: isWindowed)
            var durable = 0
            var offset: Int64 = 0
            for _ in 0..<40 {
                switch below(spills ? 6 : 4) {
                case 0, 1:
                    let lines = (0..<(1 + below(12))).map { _ in
                        let (name, value) = ("k\(below(9))", below(7) - 2)
                        let time = max(0, offset * 2 + Int64(below(50)) - 25)
                        model.add(name, value, at: time)
                        offset += 1
                        return Line(name, #"{"V":\#(value)}"#, at: time)
                    }
                    let records = run(lines)
                    try dataflow.process(input: 0, run: records, range: 0..<records.count, partition: 0)
                case 2:
                    try dataflow.flush()
                    _ = dataflow.takeOutput()
                    _ = try dataflow.takeChangelog()
                    model.commits.append(model.now)
                case 4:
                    // All that is in memory is durable, and goes to disk.
                    try dataflow.flush()
                    _ = dataflow.takeOutput()
                    _ = try dataflow.takeChangelog()
                    model.commits.append(model.now)
                    durable = model.commits.count - 1
                    view.commitIsDurable(durable)
                    if below(4) > 0 { try dataflow.spill() }
                    while dataflow.hasDiskWaste { try dataflow.removeDiskWaste() }
                default:
                    durable = min(model.commits.count - 1, durable + below(3))
                    view.commitIsDurable(durable)
                }
                let whole = try #require(try view.read(.scan(WindowBounds()), mostBytes: 1 << 20))
                #expect(rows(whole, isWindowed: isWindowed) == model.rows(at: durable, above: least), "seed \(seed)")
                let names = [3, 5, 3, 77].map { "k\($0)" }
                let keys = try #require(try view.read(.keys(names.map { KeyRange(prefix: [.string($0)]) }), mostBytes: 1 << 20))
                #expect(
                    rows(keys, isWindowed: isWindowed) == model.rows(at: durable, above: least) { names.contains($0.name) }, "seed \(seed)")
                var bounds = BoundSet<Value>()
                bounds.lower = [KeyBound(.string("k2"), isInclusive: true)]
                bounds.upper = [KeyBound(.string("k6"), isInclusive: false)]
                let range = try #require(try view.read(.ranges([KeyRange(bounds: bounds)]), mostBytes: 1 << 20))
                #expect(
                    rows(range, isWindowed: isWindowed) == model.rows(at: durable, above: least) { $0.name >= "k2" && $0.name < "k6" },
                    "seed \(seed)")
            }
            // Once all is durable nothing is kept beside the state.
            view.commitIsDurable(model.commits.count - 1)
        }
    }

    /// Each commit adds one to every key, in several batches. A question at any moment sees all keys with one number, on other threads too.
    @Test(.timeLimit(.minutes(10)), arguments: [nil, SpillPlace.disk, .memory]) func aQuestionSeesOneCommit(spills place: SpillPlace?) throws {
        let (environment, directory) = (place ?? .memory).environment()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let dataflow = try Dataflow(
            root: plan(isWindowed: false, above: nil), destination: sink(kind: .table), options: Self.options(coalesces: true),
            environment: environment)
        let view = try Self.view(dataflow)
        let keys = 3000
        let batches = stride(from: 0, to: keys, by: 500).map { first in
            run((first..<first + 500).map { Line("k\($0)", #"{"V":1}"#) })
        }
        let state = Mutex<(isDone: Bool, seen: Set<Int>, problems: [String])>((false, [], []))
        let ended = DispatchSemaphore(value: 0)
        for _ in 0..<2 {
            Thread.detachNewThread {
                while !state.withLock({ $0.isDone }) {
                    guard let content = try? view.read(.scan(WindowBounds()), mostBytes: 64 << 20) else { continue }
                    let values = Set(rows(content, isWindowed: false).map { $0.drop { $0 != "|" } })
                    let count = content.run.count
                    state.withLock { state in
                        if values.count > 1 || (count != keys && count != 0) { state.problems.append("\(count) rows, \(values)") }
                        state.seen.insert(count == 0 ? 0 : values.count)
                    }
                }
                ended.signal()
            }
        }
        for commit in 1...60 {
            for batch in batches { try dataflow.process(input: 0, run: batch, range: 0..<batch.count, partition: 0) }
            try dataflow.flush()
            _ = dataflow.takeOutput()
            _ = try dataflow.takeChangelog()
            view.commitIsDurable(commit - 1)
            guard place != nil, commit % 3 == 0 else { continue }
            view.commitIsDurable(commit)
            try dataflow.spill()
        }
        view.commitIsDurable(60)
        let last = try #require(try view.read(.scan(WindowBounds()), mostBytes: 64 << 20))
        #expect(last.run.count == keys && Set(rows(last, isWindowed: false).map { $0.drop { $0 != "|" } }) == [#"|{"N":60,"TWICE":120}"#])
        state.withLock { $0.isDone = true }
        for _ in 0..<2 { ended.wait() }
        #expect(state.withLock { $0.problems } == [])
    }

    /// What is kept for questions goes as soon as a commit is durable, and before a state is restored there is nothing to see.
    @Test func earlierRowsGo() throws {
        let dataflow = try Dataflow(
            root: plan(isWindowed: false, above: nil), destination: sink(kind: .table), options: Self.options(coalesces: true))
        let view = try #require(dataflow.view)
        #expect(try view.read(.scan(WindowBounds()), mostBytes: 1) == nil && !view.isReady)
        let isCalled = Mutex(0)
        view.whenReady { isCalled.withLock { $0 += 1 } }
        view.becomeReady()
        #expect(isCalled.withLock { $0 } == 1 && view.isReady)
        let lines = (0..<2000).map { Line("k\($0)", #"{"V":1}"#) }
        func commit() throws {
            _ = try feed(dataflow, lines)
            _ = try dataflow.takeChangelog()
        }
        try commit()
        view.commitIsDurable(1)
        let before = dataflow.stateMemory
        for number in 2..<6 {
            try commit()
            #expect(dataflow.stateMemory > before + 2000 * 20 * (number - 1))
        }
        view.commitIsDurable(5)
        // The allocator rounds what arrays get, not always alike.
        #expect(abs(dataflow.stateMemory - before) < 256)
        // A limit of bytes ends a question early, and it says so.
        let part = try #require(try view.read(.scan(WindowBounds()), mostBytes: 1))
        #expect(!part.isWhole && part.run.count > 0 && part.run.count < 2000)
        let cancel = CancelFlag()
        cancel.set()
        #expect { try view.read(.scan(WindowBounds()), mostBytes: 1 << 20, unless: cancel) } throws: { ($0 as? DataflowError)?.isCancelled == true }
    }

    /// Rows that would differ each time they are asked for are kept as they were put out: such tables have no view.
    @Test func whatChangesByItselfHasNoView() throws {
        func hasView(_ root: Step) throws -> Bool {
            try Dataflow(root: root, destination: sink(kind: .table), options: Self.options(coalesces: true)).view != nil
        }
        let grouped = aggregate(.source(source([ColumnDefinition("V", .integer)])), [call("COUNT", [], big)])
        #expect(try hasView(grouped))
        let chance = TypedExpression(.call("RANDOM", []), .double)
        #expect(try !hasView(project(grouped, [("K", column(0, text)), ("R", chance)], isTable: true)))
        let hidden = TypedExpression(.call("ABS", [chance]), .double)
        #expect(try !hasView(project(grouped, [("K", column(0, text)), ("R", hidden)], isTable: true)))
        #expect(try !hasView(.source(source([ColumnDefinition("V", .integer)], kind: .table))))
    }
}
