// Many windows, sessions and buffered rows: none costs more because there are others, and a snapshot that is taken while some expire
// misses nothing.

import Operators
import Plans
import Quantities
import Testing
import Values

private let ages: Milliseconds = 1_000_000_000_000

@Suite struct ManyWindowsTests {
    private static let count = 50_000

    /// One row a window, all windows kept, with a commit every thousand rows.
    private func feedMany(_ window: WindowDescription, isFinal: Bool, keys: Int = 1) throws -> Int {
        let root = aggregate(events, [countAll], window: window, isFinal: isFinal)
        let lines = (0..<Self.count).map { Line("k\($0 % keys)", #"{"V":1}"#, at: Int64($0) * 10) }
        let dataflow = try Dataflow(root: root, destination: sink(kind: .table))
        let again = try Dataflow(root: root, destination: sink(kind: .table))
        var rows = 0
        for start in stride(from: 0, to: lines.count, by: 100) {
            rows += try feed(dataflow, Array(lines[start..<start + 100]), offset: Int64(start)).count
            for change in try dataflow.takeChangelog() { try again.restore(store: change.store, run: run(change.records)) }
            _ = dataflow.stateMemory
        }
        let last = [Line("k0", #"{"V":1}"#, at: Int64(Self.count) * 10 + 100)]
        #expect(try feed(again, last) == feed(dataflow, last))
        return rows
    }

    @Test(.timeLimit(.minutes(20)), arguments: [false, true]) func tumbling(isFinal: Bool) throws {
        let window = WindowDescription(shape: .tumbling(size: 10), grace: 0, retention: ages)
        #expect(try feedMany(window, isFinal: isFinal) == Self.count - (isFinal ? 1 : 0))
    }

    @Test(.timeLimit(.minutes(20)), arguments: [1, Self.count]) func finalSessions(keys: Int) throws {
        let window = WindowDescription(shape: .session(gap: 4), grace: 0, retention: ages)
        #expect(try feedMany(window, isFinal: true, keys: keys) == Self.count - 1)
    }

    /// Takes a snapshot in slices of two, `between` after the first of them; a copy made of it and of the changelog behind its beginning.
    private func copy(_ dataflow: Dataflow, _ root: Step, stores: [String], between: () throws -> Void) throws -> Dataflow {
        let copy = try Dataflow(root: root, destination: sink(kind: .table))
        _ = try dataflow.takeChangelog()
        var places: [String: Int?] = [:]
        for store in stores {
            let slice = try dataflow.snapshot(store: store, from: 0, limit: 2)
            try copy.restore(store: store, run: run(slice.records))
            places[store] = slice.next
        }
        try between()
        let changes = try dataflow.takeChangelog()
        for store in stores {
            var position = places[store] ?? nil
            while let from = position {
                let slice = try dataflow.snapshot(store: store, from: from, limit: 2)
                try copy.restore(store: store, run: run(slice.records))
                position = slice.next
            }
        }
        for change in changes { try copy.restore(store: change.store, run: run(change.records)) }
        return copy
    }

    @Test func aSnapshotWhileWindowsExpire() throws {
        let root = aggregate(events, [countAll], window: WindowDescription(shape: .tumbling(size: 10), grace: 0, retention: 19))
        let dataflow = try Dataflow(root: root, destination: sink(kind: .table))
        let keys = (0..<9).map { "k\($0)" }
        _ = try feed(dataflow, keys.map { Line($0, #"{"V":1}"#, at: 5) } + keys.map { Line($0, #"{"V":1}"#, at: 15) })
        // Window 0 goes; the rows of window 20 have still to find their counts.
        _ = try feed(dataflow, keys.map { Line($0, #"{"V":1}"#, at: 18) })
        let copy = try copy(dataflow, root, stores: ["store"]) { _ = try feed(dataflow, [Line("z", #"{"V":1}"#, at: 20)]) }
        let more = keys.map { Line($0, #"{"V":1}"#, at: 25) }
        #expect(try feed(copy, more) == feed(dataflow, more))
        var groups = 0
        var position: Int? = 0
        while let from = position {
            let slice = try copy.snapshot(store: "store", from: from, limit: 1)
            groups += slice.records.count
            position = slice.next
        }
        // Nine of window 10, ten of window 20, and the stream time.
        #expect(groups == 20)
    }

    @Test func aSnapshotWhileSessionKeysGo() throws {
        let root = aggregate(events, [countAll], window: WindowDescription(shape: .session(gap: 10), grace: 0, retention: 10))
        let dataflow = try Dataflow(root: root, destination: sink(kind: .table))
        var time: Int64 = 0
        // Keys that come once: their memory comes back.
        var largest = 0
        for round in 0..<60 {
            let lines = (0..<1000).map { Line("r\(round)-\($0)", #"{"V":1}"#, at: time + Int64($0 % 10)) }
            time += 50
            _ = try feed(dataflow, lines)
            _ = try dataflow.takeChangelog()
            if round == 20 { largest = dataflow.stateMemory }
        }
        #expect(dataflow.stateMemory <= largest * 2)
        let keys = (0..<9).map { "k\($0)" }
        _ = try feed(dataflow, keys.map { Line($0, #"{"V":1}"#, at: time) })
        let copy = try copy(dataflow, root, stores: ["store"]) { _ = try feed(dataflow, [Line("z", #"{"V":1}"#, at: time + 3)]) }
        let more = keys.map { Line($0, #"{"V":1}"#, at: time + 4) }
        #expect(try feed(copy, more) == feed(dataflow, more))
    }
}
