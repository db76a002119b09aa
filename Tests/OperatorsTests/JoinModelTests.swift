// Joins of every kind over random rows, against models that keep everything in dictionaries. The dataflow is restored from its changelog in
// the middle, and its output is the same when all rows are merged into one batch.

import Bytes
import Operators
import Plans
import Testing
import Values

/// Numbers that look random and are the same each time (xorshift).
struct Chance {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    /// A number below `bound`.
    mutating func below(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % bound
    }
}

/// A row of one side as the models see it.
private struct Row {
    var value: String
    var time: Int64
}

private func shown(_ key: String, _ left: String?, _ right: String?, at time: Int64) -> String {
    func text(_ value: String?) -> String { value.map { "\"\($0)\"" } ?? "null" }
    return "\(key)|{\"A\":\(text(left)),\"B\":\(text(right))}@\(time)"
}

/// Rows of a few keys; of each `deletions` in ten have no value. Times go up, with steps back.
private func arrivals(_ seed: UInt64, count: Int, keys: Int, deletions: Int) -> [Arrival] {
    var chance = Chance(seed)
    var now: Int64 = 100
    return (0..<count).map { number in
        now += Int64(chance.below(7))
        let time = max(0, now - Int64(chance.below(10) == 0 ? chance.below(60) : 0))
        let key = "k\(chance.below(keys))"
        let isLeft = chance.below(2) == 0
        let value = chance.below(10) < deletions ? nil : "\(isLeft ? "a" : "b")\(number)"
        let line = value.map { #"{"\#(isLeft ? "A" : "B")":"\#($0)"}"# }
        return isLeft ? fromLeft(key, line, at: time) : fromRight(key, line, at: time)
    }
}

private func key(_ arrival: Arrival) -> String { String(decoding: arrival.line.key ?? [], as: UTF8.self) }

/// The text between the last quotes of the arrival's value.
private func value(_ arrival: Arrival) -> String? {
    arrival.line.value.map { String(decoding: $0.dropFirst(6).dropLast(2), as: UTF8.self) }
}

@Suite struct JoinModelTests {
    @Test(arguments: [JoinType.inner, .left, .right, .full], [1, 2, 3] as [UInt64]) func streams(type: JoinType, seed: UInt64) throws {
        let window = JoinWindow(before: 20, after: 10, grace: 50, hasGrace: false)
        let arrivals = arrivals(seed, count: 600, keys: 5, deletions: 1)
        var kept: [(isLeft: Bool, key: String, row: Row, arrival: Int)] = []
        var largest: [Bool: Int64] = [:]
        var expected: [String] = []
        for (number, arrival) in arrivals.enumerated() {
            guard let value = value(arrival) else { continue }
            let (isLeft, key, time) = (arrival.isLeft, key(arrival), arrival.line.time)
            largest[isLeft] = max(largest[isLeft] ?? .min, time)
            // RIGHT joins measure from the right record.
            let isMeasured = isLeft != (type == .right)
            let times = time - (isMeasured ? 20 : 10)...time + (isMeasured ? 10 : 20)
            let partners = kept.filter { row in
                row.isLeft != isLeft && row.key == key && times.contains(row.row.time) && row.row.time > (largest[!isLeft] ?? 0) - 80
            }.sorted { ($0.row.time, $0.arrival) < ($1.row.time, $1.arrival) }
            for partner in partners {
                let (left, right) = isLeft ? (value, partner.row.value) : (partner.row.value, value)
                expected.append(shown(key, left, right, at: max(time, partner.row.time)))
            }
            if partners.isEmpty, type == .full || type == (isLeft ? .left : .right) {
                expected.append(shown(key, isLeft ? value : nil, isLeft ? nil : value, at: time))
            }
            if time > (largest[isLeft] ?? 0) - 80 { kept.append((isLeft, key, Row(value: value, time: time), number)) }
        }
        #expect(try joined(joinStep(type, .streamStream(window)), arrivals) == expected)
        #expect(expected.count > 200)
    }

    /// Rows that await a partner. There is no simple model, but merged they give what they give one by one. When rows of two sides await, a
    /// restart looks at them earlier than what has been seen so far would have, so that it may change the order.
    @Test(arguments: [JoinType.inner, .left, .right, .full], [1, 2, 3] as [UInt64])
    func patientStreams(type: JoinType, seed: UInt64) throws {
        let window = JoinWindow(before: 20, after: 10, grace: 5, hasGrace: true)
        let arrivals = arrivals(seed, count: 600, keys: 40, deletions: 1)
        let found = try joined(joinStep(type, .streamStream(window)), arrivals, restarts: type != .full)
        #expect(found.count > (type == .inner ? 20 : 100))
        #expect(found.contains { $0.contains("null") } == (type != .inner))
    }

    @Test(arguments: [JoinType.inner, .left], [1, 2, 3] as [UInt64]) func lookups(type: JoinType, seed: UInt64) throws {
        let arrivals = arrivals(seed, count: 600, keys: 9, deletions: 3)
        var table: [String: String] = [:]
        var expected: [String] = []
        for arrival in arrivals {
            let (key, value) = (key(arrival), value(arrival))
            if !arrival.isLeft {
                table[key] = value
            } else if let value, type == .left || table[key] != nil {
                expected.append(shown(key, value, table[key], at: arrival.line.time))
            }
        }
        #expect(try joined(joinStep(type, .streamTable, rightKind: .table), arrivals) == expected)
    }

    @Test(arguments: [JoinType.inner, .left, .right, .full], [1, 2, 3] as [UInt64]) func tables(type: JoinType, seed: UInt64) throws {
        let arrivals = arrivals(seed, count: 600, keys: 9, deletions: 3)
        var tables: [Bool: [String: Row]] = [true: [:], false: [:]]
        var expected: [String] = []
        for arrival in arrivals {
            let (isLeft, key, time) = (arrival.isLeft, key(arrival), arrival.line.time)
            let other = tables[!isLeft]?[key]
            let before = tables[isLeft]?[key]
            let after = value(arrival).map { Row(value: $0, time: time) }
            tables[isLeft]?[key] = after
            let needsOther = type == .inner || type == (isLeft ? .right : .left)
            if other == nil, needsOther || before == nil && after == nil { continue }
            let when = max(time, other?.time ?? 0)
            let (left, right) = isLeft ? (after, other) : (other, after)
            let isThere: Bool
            switch type {
            case .inner: isThere = left != nil && right != nil
            case .left: isThere = left != nil
            case .right: isThere = right != nil
            case .full: isThere = left != nil || right != nil
            }
            expected.append(isThere ? shown(key, left?.value, right?.value, at: when) : "\(key)|~@\(when)")
        }
        #expect(try joined(joinStep(type, .tableTable, leftKind: .table, rightKind: .table), arrivals, isTable: true) == expected)
    }

    /// The left row names the right key by the first character of its value.
    @Test(arguments: [JoinType.inner, .left], [1, 2, 3] as [UInt64]) func foreignKeys(type: JoinType, seed: UInt64) throws {
        var chance = Chance(seed)
        let arrivals: [Arrival] = (0..<800).map { number in
            let time = Int64(number + chance.below(20))
            let isDeletion = chance.below(10) < 3
            let name = "n\(chance.below(4))"
            if chance.below(3) == 0 { return fromRight(name, isDeletion ? nil : #"{"B":"b\#(number)"}"#, at: time) }
            let value = chance.below(8) == 0 ? "{}" : #"{"A":"\#(name)"}"#
            return fromLeft("k\(chance.below(30))", isDeletion ? nil : value, at: time)
        }
        var lefts: [String: (name: String?, time: Int64)] = [:]
        var rights: [String: Row] = [:]
        var expected: [String] = []
        func isPresent(_ partner: Row?) -> Bool { partner != nil || type == .left }
        for arrival in arrivals {
            let (key, time) = (key(arrival), arrival.line.time)
            guard arrival.isLeft else {
                let after = value(arrival).map { Row(value: $0, time: time) }
                rights[key] = after
                for (left, row) in lefts.sorted(by: { $0.key < $1.key }) where row.name == key {
                    expected.append(isPresent(after) ? shown(left, row.name, after?.value, at: time) : "\(left)|~@\(time)")
                }
                continue
            }
            let before = lefts[key]
            let after = arrival.line.value.map { (name: $0 == Array("{}".utf8) ? nil : value(arrival), time: time) }
            lefts[key] = after
            let partner = after?.name.flatMap { rights[$0] }
            let oldPartner = before?.name.flatMap { rights[$0] }
            if let after, isPresent(partner) {
                expected.append(shown(key, after.name, partner?.value, at: max(time, partner?.time ?? 0)))
            } else if before != nil && isPresent(oldPartner) || before?.name != nil && before?.name != after?.name {
                expected.append("\(key)|~@\(time)")
            }
        }
        let step = joinStep(type, .foreignKey(TypedExpression.column(1, .string)), leftKind: .table, rightKind: .table)
        #expect(try joined(step, arrivals, isTable: true) == expected)
        #expect(expected.count > 300)
    }

    // MARK: Conditions of one side

    /// The table that is left when all is done, and how many changes of state it took.
    private func table(_ root: Step, _ arrivals: [Arrival], _ options: DataflowOptions) throws -> (rows: [String: String], changes: Int) {
        let runs = [run(arrivals.filter(\.isLeft).map(\.line)), run(arrivals.filter { !$0.isLeft }.map(\.line))]
        var dataflow = try Dataflow(root: root, destination: sink(kind: .table), options: options)
        var (places, rows, log) = ([0, 0], [String: String](), [(store: String, records: OutgoingRecords)]())
        for (count, arrival) in arrivals.enumerated() {
            let input = arrival.isLeft ? 0 : 1
            try dataflow.process(input: input, run: runs[input], range: places[input]..<places[input] + 1, partition: 0)
            places[input] += 1
            for text in texts(dataflow.takeOutput()) {
                let parts = text.split(separator: "|", maxSplits: 1)
                rows[String(parts[0])] = parts[1].hasPrefix("~") ? nil : String(parts[1])
            }
            guard count % 7 == 0 else { continue }
            log += try dataflow.takeChangelog()
            guard count % 70 == 0 else { continue }
            dataflow = try Dataflow(root: root, destination: sink(kind: .table), options: options)
            for change in log { try dataflow.restore(store: change.store, run: run(change.records)) }
        }
        return (rows, log.reduce(0) { $0 + $1.records.timestamps.count })
    }

    /// Where only the last of several changes counts, a join that knows what WHERE says of a side keeps less and makes the same table.
    @Test(arguments: [JoinType.inner, .left, .right], [1, 2, 3] as [UInt64]) func conditions(type: JoinType, seed: UInt64) throws {
        var conditions = SideConditions()
        func isBehind(_ text: String) -> TypedExpression {
            TypedExpression(.compare(.greater, .column(1, .string), .literal(.string(text), .string)), .boolean)
        }
        if type != .right { conditions.left = isBehind("a3") }
        if type != .left { conditions.right = isBehind("b3") }
        try checkConditions(type, .tableTable, conditions, arrivals(seed, count: 900, keys: 9, deletions: 2))
    }

    @Test(arguments: [JoinType.inner, .left], [1, 2, 3] as [UInt64]) func foreignKeyConditions(type: JoinType, seed: UInt64) throws {
        var chance = Chance(seed)
        let arrivals: [Arrival] = (0..<1200).map { number in
            let value = chance.below(10) < 2 ? nil : chance.below(8) == 0 ? "{}" : #"{"A":"n\#(chance.below(4))"}"#
            if chance.below(3) > 0 { return fromLeft("k\(chance.below(30))", value, at: Int64(number)) }
            return fromRight("n\(chance.below(4))", value == nil ? nil : #"{"B":"b\#(chance.below(10))"}"#, at: Int64(number))
        }
        func isNot(_ text: String) -> TypedExpression {
            TypedExpression(.compare(.notEqual, .column(1, .string), .literal(.string(text), .string)), .boolean)
        }
        var conditions = SideConditions(left: isNot("n1"))
        if type == .inner {
            conditions.right = TypedExpression(.compare(.less, .column(1, .string), .literal(.string("b5"), .string)), .boolean)
        }
        try checkConditions(type, .foreignKey(TypedExpression.column(1, .string)), conditions, arrivals)
    }

    private func checkConditions(_ type: JoinType, _ kind: JoinKind, _ conditions: SideConditions, _ arrivals: [Arrival]) throws {
        func step(isKnown: Bool) -> Step {
            var conditions = conditions
            conditions.isKnown = isKnown
            let isForeign = if case .foreignKey = kind { true } else { false }
            return joinStep(type, kind, leftKind: .table, rightKind: .table, conditions: conditions, ignoresOld: isForeign)
        }
        let plain = try table(step(isKnown: false), arrivals, DataflowOptions())
        let knowing = try table(step(isKnown: true), arrivals, DataflowOptions(coalesces: true))
        #expect(knowing.rows == plain.rows && !plain.rows.isEmpty)
        #expect(knowing.changes < plain.changes * 19 / 20)
        // Where all changes count, every one is told as if the join did not know.
        #expect(try table(step(isKnown: true), arrivals, DataflowOptions()) == plain)
    }
}
