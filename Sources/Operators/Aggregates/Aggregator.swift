// Aggregates at run time: for each aggregate of a step one object that holds the states of all groups in arrays indexed by group id.

import Plans
import Quantities
import Values

/// What happens to the groups of a step, in order. Entry k adds row `rows[k]` to (or takes it out of) group `groups[k]`; the group's
/// result right after entry k goes to row `positions[k]` of the result column.
struct GroupOperations {
    var rows: [Int32] = []
    var groups: [Int32] = []
    /// Empty when entry k's position is k.
    var positions: [Int32] = []
    /// Empty when all entries add.
    var undoes: [Bool] = []

    var count: Int { rows.count }
    @inline(__always) func position(_ entry: Int) -> Int { positions.isEmpty ? entry : Int(positions[entry]) }

    mutating func removeAll() {
        rows.removeAll(keepingCapacity: true)
        groups.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        undoes.removeAll(keepingCapacity: true)
    }
}

/// Why an aggregate cannot go on, and at which entry.
struct AggregateFailure: Error {
    var entry: Int
    var message: String
}

/// One aggregate function over all groups of a table. A base class rather than a protocol: one call of `apply` is one dispatch for a whole
/// list of operations, and what subclasses share (`apply`, `results`) is overridden by those that have a faster loop.
class Aggregator {
    /// States exist for groups below this.
    private(set) var groupCount = 0

    /// Makes room for groups below `count`; new ones are empty.
    final func grow(to count: Int) {
        guard count > groupCount else { return }
        groupCount = count
        extend(to: count)
    }

    func extend(to count: Int) { preconditionFailure("every aggregator keeps states") }
    /// Empties a group.
    func reset(_ group: Int) { preconditionFailure("every aggregator keeps states") }
    func add(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {}
    func undo(_ group: Int, _ arguments: [Column], _ row: Int) throws(EvaluationError) {
        throw EvaluationError("the aggregate cannot be applied to a table source")
    }
    /// Merges the state of `other` into `group`, `other` being the later one.
    func merge(_ other: Int, into group: Int) throws(EvaluationError) {}
    /// Whether a group's state may come of parts of its rows by `merge(of:into:)` just as of each row, to the
    /// last digit.
    var isMergedFromParts: Bool { false }
    /// Merges the states of groups 0, 1, … of `part`, an aggregate of the same kind, into `groups`.
    func merge(of part: Aggregator, into groups: [Int32]) { preconditionFailure("only aggregates that say so are merged from parts") }
    /// Writes the group's result into `row` of `column`.
    func result(_ group: Int, into column: Column, _ row: Int) {}
    /// Writes the results of many groups into rows 0, 1, … of `column`.
    func results(_ groups: [Int32], into column: Column) {
        for (row, group) in groups.enumerated() { result(Int(group), into: column, row) }
    }
    /// Appends the state in the compact row format.
    func write(_ group: Int, to bytes: inout [UInt8]) {}
    /// Reads a state back; false when the bytes are damaged.
    func read(_ group: Int, _ reader: inout RowReader) -> Bool { false }
    /// Whether every state takes but a few bytes, whatever comes: then many may be in one record.
    var isSmall: Bool { false }
    /// Appends the states of many groups.
    func write(_ groups: ArraySlice<Int32>, to sink: ByteSink) {
        var bytes: [UInt8] = []
        for group in groups { write(Int(group), to: &bytes) }
        sink.append(bytes)
    }
    /// Whether a group's state may be so large that a changelog has what is new of it: see `writeChange`.
    var logsChanges: Bool { false }
    /// Appends what has changed in a group's state since the last call, or all of it where nothing is known of that. Read back behind any
    /// state that the group had in between, all changes since then, in their order, give the state that it has now.
    func writeChange(_ group: Int, to bytes: inout [UInt8]) { write(group, to: &bytes) }
    /// Takes in what `writeChange` has written; false when the bytes are damaged. The next change has the whole state.
    func readChange(_ group: Int, _ reader: inout RowReader) -> Bool { read(group, &reader) }
    /// Reads back what `write` has written for many groups; false when the bytes are damaged.
    func read(_ groups: [Int32], _ reader: inout RowReader) -> Bool { groups.allSatisfy { read(Int($0), &reader) } }
    /// Reads the states of many groups back, each of which goes on where it stands in `states`; gives the place of the first that is damaged.
    func read(_ groups: [Int32], _ states: inout StoredStates) -> Int? { states.readEach { read(Int(groups[$0]), &$1) } }
    /// The same for what `writeChange` has written.
    func readChanges(_ groups: [Int32], _ states: inout StoredStates) -> Int? { states.readEach { readChange(Int(groups[$0]), &$1) } }
    var memory: Int { 0 }
    /// Whether a row that cannot be added is left out, as one whose argument is NULL, rather than being the end of the work. A group is then
    /// as it was before the row, or, where rows can leave it again, gives what it gave before.
    final var skipsFailures = false
    /// The rows that the latest `apply` has left out.
    final var skipped: [AggregateFailure] = []

    /// Does all operations in order. `result`, when it is there, gets the group's result after each.
    func apply(_ operations: GroupOperations, _ arguments: [Column], old: [Column], result: Column?) throws(AggregateFailure) {
        skipped.removeAll(keepingCapacity: true)
        for entry in 0..<operations.count {
            let group = Int(operations.groups[entry])
            let row = Int(operations.rows[entry])
            do throws(EvaluationError) {
                if !operations.undoes.isEmpty, operations.undoes[entry] {
                    try undo(group, old, row)
                } else {
                    try add(group, arguments, row)
                }
            } catch {
                guard skipsFailures else { throw AggregateFailure(entry: entry, message: error.message) }
                skipped.append(AggregateFailure(entry: entry, message: error.message))
            }
            if let result { self.result(group, into: result, operations.position(entry)) }
        }
    }
}

/// Counts what aggregates see, so that EARLIEST_BY_OFFSET and LATEST_BY_OFFSET know what came first.
final class SequenceCounter {
    private(set) var last: Int64 = 0

    func next() -> Int64 {
        // A damaged state may hold any number.
        last = last.addingSaturated(1)
        return last
    }

    /// After a restart: goes on past what the states hold.
    func pass(_ value: Int64) { last = max(last, value) }
}

/// What an aggregate's factory knows.
struct AggregateParameters {
    var arguments: [SQLType]
    var options: [Value]
    var result: SQLType
    var limit: Int?
    var sequence: SequenceCounter

    /// How many values a list may have.
    var listLimit: Int { limit.flatMap { $0 < 0 ? nil : $0 } ?? .max }

    init(_ call: AggregateCall, _ sequence: SequenceCounter) {
        arguments = call.arguments.map(\.type)
        options = call.options
        result = call.result
        limit = call.limit
        self.sequence = sequence
    }

    var integerOption: Int? {
        for option in options {
            if case .integer(let value) = option { return Int(value) }
            if case .bigint(let value) = option { return Int(value) }
        }
        return nil
    }

    var doubleOption: Double? {
        for option in options { if case .double(let value) = option { return value } }
        return nil
    }

    var textOption: String? {
        for option in options { if case .string(let value) = option { return value } }
        return nil
    }

    var booleanOption: Bool? {
        for option in options { if case .boolean(let value) = option { return value } }
        return nil
    }
}

/// Makes aggregators by name and types.
enum AggregateLibrary {
    /// `seed` is that of hash tables.
    /// With `undoes` rows can leave their groups; in a question (`isQuestion`) what does not fit fails, also where ksqlDB's would wrap.
    static func make(
        _ call: AggregateCall, _ sequence: SequenceCounter, _ added: AddedFunctions, seed: UInt64, undoes: Bool = false, isQuestion: Bool = false
    ) throws(DataflowError) -> Aggregator {
        let parameters = AggregateParameters(call, sequence)
        if let definition = call.definition { return try DefinedAggregator(call.function, definition, parameters.arguments, added) }
        if let make = added.aggregates[call.function] {
            let function = make(parameters.arguments, parameters.options, parameters.result)
            return BoxedAggregator(function.stateType, parameters) { AddedState(function) }
        }
        let argument = parameters.arguments.first ?? .bigint
        switch call.function {
        case "COUNT": return CountAggregator()
        case "SUM":
            switch argument {
            case .integer, .bigint: return WordSumAggregator(isInteger: argument == .integer, wraps: !isQuestion)
            case .double: return DoubleSumAggregator()
            case .decimal(let precision, _): return DecimalSumAggregator(argument, precision: precision, undoes: undoes)
            default: break
            }
        case "AVG": if argument.isNumeric { return AverageAggregator(argument, isExact: call.isExact ?? false) }
        case "MIN", "MAX":
            let isMaximum = call.function == "MAX"
            switch argument {
            case .integer, .bigint, .time, .date, .timestamp: return WordExtremeAggregator(isMaximum: isMaximum)
            case .double: return DoubleExtremeAggregator(isMaximum: isMaximum)
            default: if GroupValues.holds(argument) { return ExtremeAggregator(argument, isMaximum: isMaximum) }
            }
        case "EARLIEST_BY_OFFSET", "LATEST_BY_OFFSET":
            // Not the forms that give a list, of which one may have a NULL for its length.
            guard parameters.result == argument, GroupValues.holds(argument) else { break }
            return OffsetAggregator(
                argument, isLatest: call.function == "LATEST_BY_OFFSET", ignoresNulls: parameters.booleanOption ?? true, sequence)
        case "STDDEV_SAMP": return VarianceAggregator(argument, .sampleFromZero, isRoot: false)
        case "STDDEV_SAMPLE": return VarianceAggregator(argument, .sampleFromZero, isRoot: true)
        case "VAR_SAMP": return VarianceAggregator(argument, .sample, isRoot: false)
        case "STDDEV": return VarianceAggregator(argument, .sample, isRoot: true)
        case "VAR_POP": return VarianceAggregator(argument, .population, isRoot: false)
        case "STDDEV_POP": return VarianceAggregator(argument, .population, isRoot: true)
        case "CORRELATION": return CorrelationAggregator(argument)
        case "COVAR_POP": return CorrelationAggregator(argument, .population)
        case "COVAR_SAMP": return CorrelationAggregator(argument, .sample)
        case "COLLECT_LIST": return ListAggregator(argument, limit: parameters.listLimit)
        case "COLLECT_SET": return SetAggregator(argument, limit: parameters.listLimit, seed: seed)
        case "STRING_AGG": return ListAggregator(.string, delimiter: parameters.textOption ?? "")
        case "COUNT_DISTINCT": return DistinctCountAggregator()
        case "TOPK", "TOPKDISTINCT":
            guard parameters.arguments.count == 1, TopAggregator.holds(argument) else { break }
            return TopAggregator(argument, limit: parameters.integerOption ?? 0, isDistinct: call.function == "TOPKDISTINCT")
        case "BOOL_AND", "BOOL_OR": return TruthAggregator(isAnd: call.function == "BOOL_AND")
        case "MEDIAN": return PercentileAggregator(fraction: 0.5)
        case "PERCENTILE": return PercentileAggregator(fraction: min(1, max(0, parameters.doubleOption ?? 0.5)))
        default: break
        }
        if let boxed = BoxedAggregates.make(call.function, parameters) { return boxed }
        throw DataflowError("aggregate \(call.function)(\(parameters.arguments.map(\.description).joined(separator: ", "))) has no body")
    }
}
