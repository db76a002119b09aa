// The notation of the tests of joins: arrivals of both sides, a join of two sources, and what it makes of arrivals, restarted and merged.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

/// `(side, line)` in the order of arrival.
typealias Arrival = (isLeft: Bool, line: Line)

func fromLeft(_ key: String?, _ value: String?, at time: Int64 = 0) -> Arrival { (true, Line(key, value, at: time)) }
func fromRight(_ key: String?, _ value: String?, at time: Int64 = 0) -> Arrival { (false, Line(key, value, at: time)) }

/// What WHERE says of each side, over that side's rows.
struct SideConditions {
    var left: TypedExpression?
    var right: TypedExpression?
    /// Whether the join is told, or only the filter above it.
    var isKnown = true
}

func joinStep(
    _ type: JoinType, _ kind: JoinKind, leftKind: SourceKind = .stream, rightKind: SourceKind = .stream,
    conditions: SideConditions = SideConditions(), ignoresOld: Bool = false
) -> Step {
    let l = source([ColumnDefinition("A", .string)], kind: leftKind, topic: "left")
    let r = source([ColumnDefinition("B", .string)], kind: rightKind, topic: "right")
    let schema = RowSchema(
        columns: [ColumnDefinition("ID", .string)] + l.output.columns + r.output.columns.map { ColumnDefinition("R_" + $0.name, $0.type) },
        keyCount: 1)
    var join = JoinStep(
        left: .source(l), right: .source(r), type: type, kind: kind, output: schema, leftStore: StoreDescription(name: "l"),
        rightStore: StoreDescription(name: "r"), keyFormat: FormatSpec(.kafka))
    if conditions.isKnown { (join.leftCondition, join.rightCondition) = (conditions.left, conditions.right) }
    let isTable = leftKind == .table
    var whole = Step.join(join)
    for (condition, shift) in [(conditions.left, 1), (conditions.right, 3)] {
        guard let predicate = condition?.mappingColumns({ $0 + shift }) else { continue }
        whole = .filter(FilterStep(input: whole, predicate: predicate, isTable: isTable, ignoresOld: ignoresOld))
    }
    return project(whole, [("ID", column(0, text)), ("A", column(2, text)), ("B", column(4, text))], isTable: isTable)
}

/// The output for these arrivals, one record at a time; merged into one call it must be the same, as after a restart in the middle.
func joined(_ root: Step, _ arrivals: [Arrival], isTable: Bool = false, restarts: Bool = true) throws -> [String] {
    let leftRun = run(arrivals.filter(\.isLeft).map(\.line))
    let rightRun = run(arrivals.filter { !$0.isLeft }.map(\.line))
    let destination = sink(kind: isTable ? .table : .stream)
    var places = [0, 0]
    var out: [String] = []
    var dataflow = try Dataflow(root: root, destination: destination)
    var log: [(store: String, records: OutgoingRecords)] = []
    for (count, arrival) in arrivals.enumerated() {
        let input = arrival.isLeft ? 0 : 1
        try dataflow.process(input: input, run: arrival.isLeft ? leftRun : rightRun, range: places[input]..<places[input] + 1, partition: 0)
        places[input] += 1
        out += texts(dataflow.takeOutput())
        log += try dataflow.takeChangelog()
        if restarts, count == arrivals.count / 2 {
            dataflow = try Dataflow(root: root, destination: destination)
            for change in log { try dataflow.restore(store: change.store, run: run(change.records)) }
        }
    }
    let merged = try Dataflow(root: root, destination: destination)
    try merged.process(
        [
            InputSlice(input: 0, run: leftRun, range: 0..<leftRun.count, partition: 0),
            InputSlice(input: 1, run: rightRun, range: 0..<rightRun.count, partition: 0),
        ], order: arrivals.map { $0.isLeft ? 0 : 1 })
    #expect(texts(merged.takeOutput()) == out)
    return out
}
