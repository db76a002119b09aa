// What leaves a pipeline through an internal topic enters the next one as it was, and what is damaged there is told.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

private let columns = [
    ColumnDefinition("N", .bigint), ColumnDefinition("X", .double), ColumnDefinition("D", .decimal(precision: 20, scale: 2)),
    ColumnDefinition("T", .string), ColumnDefinition("L", .array(.string)), ColumnDefinition("M", .map(key: .string, value: .bigint)),
    ColumnDefinition("S", .structure([StructField("A", .integer), StructField("B", .array(.double))])), ColumnDefinition("F", .boolean),
]
private let lines = [
    Line("a", #"{"N":-9223372036854775808,"X":0.1,"D":1.25,"T":"é","L":["x",null,""],"M":{"k":1},"S":{"A":3,"B":[1.5]},"F":true}"#, at: 1),
    Line("b", #"{"N":null,"X":null,"D":null,"T":"","L":[],"M":{},"S":null,"F":false}"#, at: 2),
    Line("c", nil, at: 3),
    Line("", #"{"N":300,"X":-1e300,"D":-123456789012345678.99,"T":"\#(String(repeating: "long ", count: 5000))"}"#, at: 4),
    Line("a", "{}", at: 5),
]
private let topic = InternalTopic(name: "x", keyFormat: FormatSpec(.kafka))

private func exchanged(_ kind: SourceKind, _ lines: [Line], batch: Int) throws -> OutgoingRecords {
    let first = try Dataflow(root: .source(source(columns, kind: kind, store: kind == .table ? "in" : nil)), destination: .exchange(topic))
    let records = run(lines)
    for start in stride(from: 0, to: records.count, by: batch) {
        try first.process(input: 0, run: records, range: start..<min(records.count, start + batch), partition: 0)
    }
    return first.takeOutput()
}

private func second(_ kind: SourceKind) throws -> Dataflow {
    let output = Step.source(source(columns, kind: kind)).output
    return try Dataflow(
        root: .exchange(ExchangeStep(topic: topic, output: output, isTable: kind == .table)), destination: sink(kind: kind))
}

@Suite struct ExchangeTests {
    @Test(arguments: [1, 2, 4096], [SourceKind.stream, .table]) func whatEntersIsWhatLeft(batch: Int, kind: SourceKind) throws {
        let direct = try output(.source(source(columns, kind: kind)), sink(kind: kind), lines, batch: batch)
        let between = run(try exchanged(kind, lines, batch: batch))
        let after = try second(kind)
        for start in stride(from: 0, to: between.count, by: batch) {
            try after.process(input: 0, run: between, range: start..<min(between.count, start + batch), partition: 0)
        }
        #expect(texts(after.takeOutput()) == direct)
    }

    /// Records of every batch are read on their own: nothing of the one before shows in the rows of the next.
    @Test func aRowThatIsShorterThanTheOneBefore() throws {
        let after = try second(.stream)
        for line in [lines[0], lines[1], lines[3], lines[4]] {
            let between = run(try exchanged(.stream, [line], batch: 1))
            try after.process(input: 0, run: between, range: 0..<between.count, partition: 0)
            #expect(texts(after.takeOutput()) == (try output(.source(source(columns)), sink(), [line])))
        }
    }

    @Test(arguments: [SourceKind.stream, .table]) func aRecordThatIsCutIsDamaged(kind: SourceKind) throws {
        let records = try exchanged(kind, [lines[0], Line("a", #"{"N":1}"#), Line("a", nil)], batch: 1)
        for index in 0..<records.count {
            var cut = records
            for length in 0..<Int32(records.values[index].length) {
                cut.values[index] = ByteRange(start: records.values[index].start, length: length)
                let damaged = run(cut)
                #expect(throws: DataflowError.self) {
                    try second(kind).process(input: 0, run: damaged, range: 0..<damaged.count, partition: 0)
                }
            }
        }
    }

    /// Bytes of any kind are read or told, and never more than the record has.
    @Test func anyBytes() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 1...40)).map { _ in UInt8.random(in: 0...8, using: &random) &* UInt8.random(in: 0...40) }
            let records = run([Line(key: [0x61], value: bytes)])
            let dataflow = try second(.table)
            guard (try? dataflow.process(input: 0, run: records, range: 0..<1, partition: 0)) != nil else { continue }
            #expect(dataflow.takeOutput().count <= 1)
        }
    }
}
