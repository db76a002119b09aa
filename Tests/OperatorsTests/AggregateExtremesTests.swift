// Every aggregate function with arguments and options at the ends of their types: no trap, and the same answer however the rows are cut into
// batches.

import Bytes
import Formats
import Functions
import Operators
import Plans
import Testing
import Values

/// JSON texts of values at the ends of a type.
private func extremes(_ type: SQLType) -> [String] {
    switch type {
    case .boolean: ["true", "false", "null"]
    case .integer: ["2147483647", "-2147483648", "-1", "0", "null"]
    case .bigint: ["9223372036854775807", "-9223372036854775808", "-1", "0", "999999999999999999", "null"]
    case .double: ["1.7976931348623157E308", "-1.7976931348623157E308", "4.9E-324", "-0.0", "0", "-1", "1E18", "null"]
    case .decimal: ["99.99", "-99.99", "-0.01", "0", "null"]
    case .string: [#""""#, #""a""#, #""9223372036854775807""#, #""\u0000\uFFFF""#, #""😀""#, "null"]
    case .bytes: [#""""#, #""/8AA""#, "null"]
    case .time: ["0", "86399999", "null"]
    case .date: ["0", "-719162", "2932896", "2147483647", "null"]
    case .timestamp: ["0", "-62135596800000", "253402300799999", "null"]
    case .array(let element): ["[]", "[" + extremes(element).joined(separator: ",") + "]", "null"]
    case .map(_, let value): ["{}", "{\"\":\(extremes(value)[0]),\"b\":null}", "null"]
    case .structure(let fields): ["{\"\(fields[0].name)\":\(extremes(fields[0].type)[0])}", "{}", "null"]
    }
}

private let types: [SQLType] = [
    .boolean, .integer, .bigint, .double, .decimal(precision: 4, scale: 2), .string, .bytes, .date, .time, .timestamp, .array(.bigint),
    .array(.double), .array(.integer), .map(key: .string, value: .bigint), .structure([StructField("A", .bigint)]),
]

/// Options of a type at its ends.
private func options(_ type: SQLType?) -> [Values.Value] {
    switch type {
    case .boolean: [.boolean(true), .boolean(false)]
    case .double: [.double(0), .double(0.3), .double(1), .double(-1), .double(1e300)]
    case .string: [.string(""), .string(", ")]
    default: [.integer(1), .integer(.max), .integer(1000), .integer(0), .integer(-1), .integer(.min)]
    }
}

/// A call of an aggregate function, and the types of its arguments.
private struct Sample {
    var call: AggregateCall
    var types: [SQLType]
    var canUndo: Bool
}

/// Every signature of every aggregate function with each type that it takes, and each option.
private let samples: [Sample] = FunctionTable.builtIn.all.filter { $0.kind == .aggregate }.flatMap { family in
    family.signatures.flatMap { signature -> [Sample] in
        let literals = signature.parameters.filter(\.isLiteral)
        let choices: [[Values.Value]] = literals.reduce([[]]) { lists, parameter in
            let type: SQLType? = if case .exactly(let type) = parameter.type { type } else { nil }
            return lists.flatMap { list in options(type).map { list + [$0] } }
        }
        let counted = signature.parameters.filter { !$0.isLiteral }.flatMap { $0.isVariadic ? [$0, $0] : [$0] }
        return types.flatMap { type -> [Sample] in
            let arguments = counted.indices.map { $0 == 0 || !counted[$0].isVariadic ? type : .string }
            let literalTypes = choices[0].map { option -> SQLType in
                switch option {
                case .boolean: .boolean
                case .double: .double
                case .string: .string
                default: .integer
                }
            }
            guard let resolved = try? family.resolve((arguments + literalTypes).map { .typed($0) }), resolved.signature == signature,
                let result = resolved.resultType
            else { return [] }
            return choices.map { choice in
                let columns = arguments.enumerated().map { column($0.offset + 1, $0.element) }
                return Sample(call: call(family.name, columns, result, options: choice, limit: 1000), types: arguments, canUndo: family.canUndo)
            }
        }
    }
}

/// What came of the lines: the output with what was wrong, or why it ended. A step tells what is wrong with a batch cause by cause.
private func outcome(_ root: Step, _ destination: Destination, _ lines: [Line], batch: Int) -> [String] {
    do throws(DataflowError) {
        let dataflow = try Dataflow(root: root, destination: destination)
        let records = run(lines)
        for start in stride(from: 0, to: lines.count, by: batch) {
            try dataflow.process(input: 0, run: records, range: start..<min(lines.count, start + batch), partition: 0)
        }
        try dataflow.flush()
        return texts(dataflow.takeOutput()) + dataflow.takeErrors().map(\.message).sorted()
    } catch {
        return ["ended: \(error.message)"]
    }
}

/// Every value twice, forwards and backwards, in every argument at once and each beside the others' first.
private func lines(_ types: [SQLType], keys: Int) -> [Line] {
    let columns = types.map(extremes)
    let longest = columns.map(\.count).max() ?? 0
    var rows: [[String]] = []
    for index in 0..<longest { rows.append(columns.map { $0[index % $0.count] }) }
    for place in columns.indices { for value in columns[place] { rows.append(columns.indices.map { $0 == place ? value : columns[$0][0] }) } }
    return (rows + rows.reversed()).enumerated().map { number, row in
        let fields = row.enumerated().map { "\"C\($0.offset)\":\($0.element)" }.joined(separator: ",")
        return Line("k\(number % keys)", "{\(fields)}", at: Int64(number % 7) * 4000)
    }
}

@Suite struct AggregateExtremesTests {
    @Test func thereAreSamplesOfEveryFunction() {
        let known = Set(samples.map(\.call.function))
        #expect(known == Set(FunctionTable.builtIn.all.filter { $0.kind == .aggregate }.map(\.name)))
    }

    @Test func overStreams() throws {
        let hopping = WindowDescription(shape: .hopping(size: 10_000, advance: 5000), grace: 0, retention: 10_000)
        for sample in samples {
            let columns = sample.types.enumerated().map { ColumnDefinition("C\($0.offset)", $0.element) }
            for (window, kind) in [(nil, nil), (hopping, .time(kind: .hopping, size: 10_000)), (session, .session)] as [(WindowDescription?, KeyWindow?)] {
                let root = aggregate(.source(source(columns)), [sample.call], window: window)
                let lines = lines(sample.types, keys: 1)
                let whole = outcome(root, sink(kind: .table, window: kind), lines, batch: 4096)
                let single = outcome(root, sink(kind: .table, window: kind), lines, batch: 1)
                #expect(whole == single, "\(sample.call.function)(\(sample.types)) \(sample.call.options)")
            }
        }
    }

    /// Rows come, change, and go.
    @Test func overTables() throws {
        for sample in samples where sample.canUndo {
            let columns = sample.types.enumerated().map { ColumnDefinition("C\($0.offset)", $0.element) }
            let table = Step.source(source(columns, kind: .table, store: "in"))
            let root = aggregate(table, by: [number(1)], [sample.call], isTable: true)
            let lines = lines(sample.types, keys: 3) + (0..<3).map { Line("k\($0)", nil) }
            let destination = sink(kind: .table, keyFormat: FormatSpec(.kafka))
            let whole = outcome(root, destination, lines, batch: 4096)
            let single = outcome(root, destination, lines, batch: 1)
            #expect(whole == single, "\(sample.call.function)(\(sample.types)) \(sample.call.options)")
        }
    }

    /// A text of 1 MiB as every argument that is a text: the group holds it, or refuses it with a reason.
    @Test func oneMebibyte() throws {
        let large = #""\#(String(repeating: "aB1 ,", count: (1 << 20) / 5))""#
        for sample in samples where sample.types.contains(.string) && sample.call.options.allSatisfy({ $0 != .integer(.min) && $0 != .integer(-1) }) {
            let columns = sample.types.enumerated().map { ColumnDefinition("C\($0.offset)", $0.element) }
            let fields = sample.types.enumerated().map { "\"C\($0.offset)\":\($0.element == .string ? large : extremes($0.element)[0])" }
            let line = Line("k", "{\(fields.joined(separator: ","))}")
            let result = outcome(aggregate(.source(source(columns)), [sample.call]), sink(kind: .table), [line, line], batch: 4096)
            #expect(!result.isEmpty, "\(sample.call.function)(\(sample.types))")
        }
    }
}
