// Sessions against a model of a few lines, a list of sessions for each key: random times out of order, rows that are late, merges, sessions
// and keys that expire; every change and changes that are held back; restarts from the changelog and from snapshots.

import Bytes
import Formats
import Operators
import Plans
import Quantities
import Testing
import Values

/// The bounds and the key of a session, as the reader of a table sees it.
private struct Name: Hashable, Comparable, CustomStringConvertible {
    let start: Int64
    let end: Int64
    let key: String

    static func < (left: Name, right: Name) -> Bool { (left.start, left.key, left.end) < (right.start, right.key, right.end) }
    var description: String { "\(key)[\(start),\(end)]" }
}

/// What a row says: a session's values, or that it is no more.
private struct Change: Hashable, CustomStringConvertible {
    let name: Name
    let values: [Int]?
    var description: String { "\(name)=\(values.map { "\($0)" } ?? "~")" }
}

/// Sessions by their definition.
private struct Model {
    struct Session {
        var start: Int64
        var end: Int64
        var values: [Int]
        var isFinal = false
    }

    let gap: Int64
    let grace: Int64
    let retention: Int64
    var sessions: [String: [Session]] = [:]
    var streamTime = Int64.min / 4
    var storedEnd = Int64.min / 4
    var lateCount = 0

    /// Takes in a row, and gives every change that comes of it, in order.
    mutating func receive(_ key: String, _ time: Int64, _ value: Int) -> [Change] {
        streamTime = max(streamTime, time)
        var list = sessions[key] ?? []
        let (earliestEnd, latestStart, expired) = (time - gap, time + gap, storedEnd - retention)
        let isMet = { (session: Session) in session.end >= earliestEnd && session.start <= latestStart && session.end > expired }
        let met = list.filter(isMet)
        let session = Session(
            start: min(time, met.first?.start ?? time), end: max(time, met.last?.end ?? time), values: met.flatMap(\.values) + [value])
        if session.end < streamTime - grace - gap {
            lateCount += 1
            return []
        }
        list.removeAll { isMet($0) || $0.start == session.start && $0.end == session.end }
        list.append(session)
        list.sort { ($0.start, $0.end) < ($1.start, $1.end) }
        sessions[key] = list
        storedEnd = max(storedEnd, session.end)
        let isSame = session.start == session.end && met.count == 1
        let gone = isSame ? [] : met.map { Change(name: Name(start: $0.start, end: $0.end, key: key), values: nil) }
        return gone + [Change(name: Name(start: session.start, end: session.end, key: key), values: session.values)]
    }

    /// The sessions that have closed since the last call.
    mutating func close() -> [Change] {
        var closed: [Change] = []
        for (key, list) in sessions {
            for (place, session) in list.enumerated() where session.end < streamTime - grace - gap && !session.isFinal {
                sessions[key]?[place].isFinal = true
                closed.append(Change(name: Name(start: session.start, end: session.end, key: key), values: session.values))
            }
        }
        return closed.sorted { $0.name < $1.name }
    }
}

/// How a run goes: what is aggregated, how rows leave, how rows are cut into batches and commits, and in which order they come.
struct SessionForm: CustomTestStringConvertible, Sendable {
    var coalesces = false
    var isFinal = false
    /// HAVING, which needs old versions: only sessions with an even sum are shown.
    var filters = false
    var gap: Milliseconds = 5
    var grace: Milliseconds = 20
    var retention: Milliseconds = 25
    var keys = 6
    /// How far times go back behind the latest, and how far one row leads on.
    var disorder: UInt64 = 30
    var stride: UInt64 = 4
    var seed: UInt64 = 1
    var testDescription: String {
        let kind = "\(coalesces ? "held back" : "each")\(isFinal ? ", final" : "")\(filters ? ", having" : "")"
        return "\(kind), \(keys) keys, retention \(retention.count)"
    }

    private static let kinds = [SessionForm(), SessionForm(coalesces: true), SessionForm(isFinal: true)]

    static let all: [SessionForm] = kinds.flatMap { form -> [SessionForm] in
        var variants = [form, form, form, form]
        (variants[1].grace, variants[1].retention) = (300, 500)
        variants[1].disorder = 280
        variants[2].keys = 3000
        variants[3].filters = !form.isFinal
        (variants[3].gap, variants[3].grace, variants[3].retention) = (0, 10, 10)
        for place in variants.indices { variants[place].seed = UInt64(place + 1) }
        return variants
    }

    var root: Step {
        let sum = call("SUM", [column(1, big)], big)
        let list = call("COLLECT_LIST", [column(1, big)], .array(.bigint))
        let window = WindowDescription(shape: .session(gap: gap), grace: grace, retention: retention)
        let sessions = aggregate(events, [countAll, sum, list], window: window, isFinal: isFinal, sendsOld: filters)
        guard filters else { return sessions }
        let rest = TypedExpression(.arithmetic(.modulo, column(2, big), .literal(.bigint(2), .bigint)), .bigint)
        let isEven = TypedExpression(.compare(.equal, rest, .literal(.bigint(0), .bigint)), .boolean)
        return .filter(FilterStep(input: sessions, predicate: isEven, isTable: true))
    }

    func shows(_ values: [Int]) -> Bool { !filters || values.reduce(0, +) % 2 == 0 }
}

@Suite struct SessionModelTests {
    /// The records of a sink as changes; the count and the sum must be those of the list.
    private func changes(_ records: OutgoingRecords) -> [Change] {
        func bytes(_ range: ByteRange) -> [UInt8] { Array(records.bytes[Int(range.start)..<Int(range.start + range.length)]) }
        func number(_ bytes: ArraySlice<UInt8>) -> Int64 { Int64(bitPattern: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) }
        return (0..<records.count).map { record in
            let key = bytes(records.keys[record])
            let name = Name(
                start: number(key.suffix(8)), end: number(key.suffix(16).prefix(8)), key: String(decoding: key.dropLast(16), as: UTF8.self))
            #expect(records.timestamps[record] == name.end)
            guard !records.values[record].isNull else { return Change(name: name, values: nil) }
            let text = String(decoding: bytes(records.values[record]), as: UTF8.self)
            let values = text.split(separator: "[")[1].split(separator: "]")[0].split(separator: ",").compactMap { Int($0) }
            let list = values.map { "\($0)" }.joined(separator: ",")
            #expect(text == #"{"A0":\#(values.count),"A1":\#(values.reduce(0, +)),"A2":[\#(list)]}"#)
            return Change(name: name, values: values)
        }
    }

    /// What must leave: of every change in order, by what a table of the rows shows before each; `held`: what is left at the end of them.
    private func shown(_ all: [Change], _ form: SessionForm, _ before: [Name: [Int]], held: Bool) -> [Change] {
        var table = before
        var result: [Change] = []
        for change in all {
            let old = table[change.name]
            table[change.name] = change.values
            if held { continue }
            // A session that begins and one that goes on under other bounds have no old version; a session that begins anew under the
            // bounds of an expired one has none either.
            if let values = change.values, form.shows(values) {
                result.append(change)
            } else if form.filters {
                let goesOn = change.values.map { $0.count == (old?.count ?? 0) + 1 } ?? true
                if let old, goesOn, form.shows(old) { result.append(Change(name: change.name, values: nil)) }
            } else if change.values == nil {
                result.append(change)
            }
        }
        guard held else { return result }
        for name in Set(all.map(\.name)) {
            if let values = table[name], form.shows(values) {
                result.append(Change(name: name, values: values))
            } else if let old = before[name], form.shows(old) {
                result.append(Change(name: name, values: nil))
            }
        }
        return result.sorted { "\($0)" < "\($1)" }
    }

    private func make(_ form: SessionForm) throws -> Dataflow {
        let options = DataflowOptions(coalesces: form.coalesces, hashSeed: 3)
        return try Dataflow(root: form.root, destination: sink(kind: .table, window: .session), options: options)
    }

    /// Notes what a commit has logged, and that it takes back only what has been logged before.
    private func note(_ records: OutgoingRecords, in logged: inout Set<[UInt8]>) {
        for record in 0..<records.count {
            let range = records.keys[record]
            let key = Array(records.bytes[Int(range.start)..<Int(range.start + range.length)])
            if records.values[record].isNull {
                #expect(logged.remove(key) != nil, "a tombstone of what was never logged")
            } else {
                logged.insert(key)
            }
        }
    }

    /// A dataflow that goes on from the changelog, or from a snapshot of the state.
    private func restarted(_ dataflow: Dataflow, _ form: SessionForm, _ log: [OutgoingRecords], fromSnapshot: Bool) throws -> Dataflow {
        let next = try make(form)
        guard fromSnapshot else {
            for records in log { try next.restore(store: "store", run: run(records)) }
            return next
        }
        var position: Int? = 0
        while let from = position {
            let slice = try dataflow.snapshot(store: "store", from: from, limit: 7)
            try next.restore(store: "store", run: run(slice.records))
            position = slice.next
        }
        return next
    }

    @Test(arguments: SessionForm.all) func equalsTheModel(_ form: SessionForm) throws {
        var random = Random(form.seed)
        var model = Model(gap: form.gap.count, grace: form.grace.count, retention: form.retention.count)
        var dataflow = try make(form)
        var (table, logged, log): ([Name: [Int]], Set<[UInt8]>, [OutgoingRecords]) = ([:], [], [])
        var (now, offset, emitted, lateCount): (Int64, Int64, Int, Int) = (1000, 0, 0, 0)
        for commit in 0..<100 {
            var expected: [Change] = []
            for _ in 0..<Int(random.next() % 3 + 1) {
                // Now and then time leaps, so that all there is expires.
                if random.next() % 60 == 0 { now += 700 }
                let lines = (0..<Int(random.next() % 60 + 1)).map { _ -> (key: String, time: Int64, value: Int) in
                    now += Int64(random.next() % form.stride)
                    let back = random.next() % 3 == 0 ? Int64(random.next() % form.disorder) : 0
                    return ("k\(random.next() % UInt64(form.keys))", now - back, Int(random.next() % 100))
                }
                for line in lines {
                    let all = model.receive(line.key, line.time, line.value)
                    expected += form.isFinal ? model.close() : all
                }
                let records = run(lines.map { Line($0.key, #"{"V":\#($0.value)}"#, at: $0.time) }, offset: offset)
                offset += Int64(lines.count)
                try dataflow.process(input: 0, run: records, range: 0..<lines.count, partition: 0)
            }
            try dataflow.flush()
            let found = changes(dataflow.takeOutput())
            let shown = form.isFinal ? expected : shown(expected, form, table, held: form.coalesces)
            #expect((form.coalesces ? found.sorted { "\($0)" < "\($1)" } : found) == shown, "commit \(commit)")
            emitted += found.count
            for change in expected { table[change.name] = change.values }
            lateCount += dataflow.takeErrors().count
            for change in try dataflow.takeChangelog() {
                note(change.records, in: &logged)
                log.append(change.records)
            }
            if commit % 11 == 10 { dataflow = try restarted(dataflow, form, log, fromSnapshot: commit % 2 == 0) }
        }
        #expect(emitted > 500)
        #expect(lateCount == model.lateCount && (lateCount > 0) == (Int64(form.disorder) > form.grace.count + form.gap.count))
    }
}
