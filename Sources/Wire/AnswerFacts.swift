// The JSON objects inside answer lines: how the events of a session are written by the server and read back by the client.

import Diagnostics
package import Sessions
package import JSONText
import Quantities

extension AnswerSummary {
    /// The object of a `+` line. Absent facts have no member.
    package var facts: JSONValue {
        var members: [JSONValue.Member] = []
        if let message { members.append(.init("message", .string(message))) }
        members.append(.init("rows", .integer(rows)))
        if let changed { members.append(.init("changed", .integer(changed))) }
        members.append(.init("skipped", .integer(skipped)))
        if !causes.isEmpty { members.append(.init("causes", .object(causes.map { .init($0.cause, .integer($0.count)) }))) }
        if let firstProblem { members.append(.init("firstProblem", .string(firstProblem))) }
        if let queryID { members.append(.init("query", .string(queryID))) }
        if !readings.isEmpty { members.append(.init("read", .array(readings.map(\.facts)))) }
        members.append(.milliseconds(of: nanoseconds))
        return .object(members)
    }

    /// Reads back what a server wrote.
    package init(facts: JSONValue) {
        self.init(
            message: facts["message"]?.stringValue, rows: facts.count(of: "rows"),
            changed: facts["changed"] == nil ? nil : facts.count(of: "changed"), skipped: facts.count(of: "skipped"),
            causes: (facts["causes"]?.objectValue ?? []).map { CauseCount(cause: $0.name, count: plausibleCount($0.value.intValue)) },
            firstProblem: facts["firstProblem"]?.stringValue, queryID: facts["query"]?.stringValue,
            nanoseconds: AnswerSummary.nanoseconds(milliseconds: facts["ms"]?.doubleValue ?? 0))
        readings = (facts["read"]?.arrayValue ?? []).map { SourceReading(facts: $0) }
    }
}

extension SourceReading {
    fileprivate var facts: JSONValue {
        var members: [JSONValue.Member] = [.init("source", .string(source)), .init("records", .integer(records))]
        if let partition { members.append(.init("partition", .integer(partition))) }
        if let offsets { members += [.init("from", .integer(offsets.lowerBound)), .init("until", .integer(offsets.upperBound))] }
        if let times { members += [.init("earliest", .integer(times.lowerBound)), .init("latest", .integer(times.upperBound))] }
        return .object(members)
    }

    /// Reads back what a server wrote; a range that is none is left out.
    fileprivate init(facts: JSONValue) {
        /// What a server claims to be an offset or a time, as one that can be computed with and shown.
        func number(_ name: String) -> Int64? { facts[name]?.intValue.map { Int64(plausibleCount($0)) } }
        self.init(
            source: facts["source"]?.stringValue ?? "", partition: facts["partition"]?.intValue.map { plausibleCount($0) },
            records: facts.count(of: "records"))
        if let first = number("from"), let end = number("until"), first <= end { offsets = first..<end }
        if let first = number("earliest"), let last = number("latest"), first <= last { times = first...last }
    }
}

extension AnswerSummary {
    /// Any number of milliseconds that a server may claim, as nanoseconds from 0 to a hundred years.
    fileprivate static func nanoseconds(milliseconds: Double) -> Int64 {
        guard milliseconds > 0 else { return 0 }
        return Int64(min(milliseconds, 3_155_760_000_000) * 1_000_000)
    }
}

/// The object of a `~` line of a query that is told positions.
package func positionFacts(_ position: String) -> JSONValue { ["position": .string(position)] }

/// The object of a `=` line: name, type and, for key columns, KEY.
package func columnFacts(_ columns: [ResultColumn], _ kind: ResultKind) -> JSONValue {
    let list = columns.map { column -> JSONValue in
        .array([.string(column.name), .string(column.type)] + (column.isKey ? [.string("KEY")] : []))
    }
    return ["columns": .array(list), "kind": .string(kind.rawValue)]
}

/// Columns and kind from the object of a `=` line.
package func columns(from facts: JSONValue) -> ([ResultColumn], ResultKind) {
    let list = (facts["columns"]?.arrayValue ?? []).map { column in
        ResultColumn(column[0]?.stringValue ?? "", column[1]?.stringValue ?? "STRING", isKey: column[2]?.stringValue == "KEY")
    }
    return (list, facts["kind"]?.stringValue.flatMap { ResultKind(rawValue: $0) } ?? .rows)
}

extension IngestReport {
    /// The object of the `~` lines before the `+` line of a `.put`.
    package var facts: JSONValue {
        let latest = latestProblem.map {
            [JSONValue.Member("latestProblem", ["line": .integer($0.line), "reason": .string($0.reason)])]
        }
        return .object(members + (latest ?? []))
    }

    /// The object of the `+` line of a `.put` that has taken so long.
    package func facts(nanoseconds: Int64) -> JSONValue { .object(members + [.milliseconds(of: nanoseconds)]) }

    private var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [
            .init("message", .string(sentence)), .init("rows", .integer(records)), .init("skipped", .integer(rejected)),
        ]
        if before > 0 { members.append(.init("before", .integer(before))) }
        if let firstProblem {
            members.append(.init("firstProblem", ["line": .integer(firstProblem.line), "reason": .string(firstProblem.reason)]))
        }
        members.append(
            .init(
                "offsets",
                .array(
                    offsets.map {
                        [
                            "partition": .integer($0.partition.count), "first": .integer($0.first.count),
                            "last": .integer($0.last.count),
                        ]
                    })))
        return members
    }

    /// Reads back what a server wrote.
    package init(facts: JSONValue) {
        self.init()
        records = facts.count(of: "rows")
        rejected = facts.count(of: "skipped")
        before = facts.count(of: "before")
        if let problem = facts["firstProblem"] {
            firstProblem = IngestProblem(line: problem.count(of: "line"), reason: problem["reason"]?.stringValue ?? "")
        }
        if let problem = facts["latestProblem"] {
            latestProblem = IngestProblem(line: problem.count(of: "line"), reason: problem["reason"]?.stringValue ?? "")
        }
        offsets = (facts["offsets"]?.arrayValue ?? []).map { entry in
            // Only told to a person: what is no place of a partition is shown as the nearest that is one.
            func number(_ name: String) -> Int64 { Int64(entry[name]?.intValue ?? 0) }
            return IngestOffsets(
                partition: PartitionIndex(clamping: number("partition")), first: Offset(clamping: number("first")),
                last: Offset(clamping: number("last")))
        }
    }
}

extension JSONValue.Member {
    /// How long something took, in milliseconds with one digit behind the point.
    fileprivate static func milliseconds(of nanoseconds: Int64) -> JSONValue.Member {
        let tenths = max(0, nanoseconds) / 100_000 + (max(0, nanoseconds) % 100_000 >= 50_000 ? 1 : 0)
        return .init("ms", .number("\(tenths / 10).\(tenths % 10)"))
    }
}

extension JSONValue {
    /// A number of things that a server claims; see `plausibleCount`.
    fileprivate func count(of name: String) -> Int { plausibleCount(self[name]?.intValue) }
}

/// What a server claims to be a number of rows, lines or errors, as one that may be added to others and multiplied by a thousand.
private func plausibleCount(_ claimed: Int?) -> Int { max(0, min(claimed ?? 0, 1 << 50)) }
