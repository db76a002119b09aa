// Dataflows that read one run decode its records once, and each gives what it would give alone.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

/// Rows with a key, two numbers and a text with or without an escape; every seventh record cannot be read, every eleventh has no value,
/// and every thirteenth has no time.
private func records(_ count: Int) -> RecordRun {
    run((0..<count).map { index in
        if index % 7 == 3 { return Line("k\(index)", #"{"A":"#) }
        if index % 11 == 5 { return Line("k\(index)", nil) }
        let time = index % 13 == 8 ? "null" : "\(1000 + index)"
        return Line("k\(index)", #"{"A":\#(index),"B":\#(index * 3),"C":"c\n\#(index)","D":"d\#(index)","T":\#(time)}"#, at: Int64(index))
    })
}

private let columns = [
    ColumnDefinition("A", .bigint), ColumnDefinition("B", .bigint), ColumnDefinition("C", .string), ColumnDefinition("D", .string),
    ColumnDefinition("T", .bigint),
]

/// A query that reads these value columns, and says when its rows happened.
private func query(_ names: String..., failsQuery: Bool = false) throws -> Dataflow {
    let needed = [true] + columns.map { names.contains($0.name) }
    let step = source(columns, timestamp: TimestampColumn(column: 5, pattern: nil, failsQuery: failsQuery), needed: needed)
    let items = columns.indices.filter { needed[$0 + 1] }.map { (columns[$0].name, column($0 + 1, columns[$0].type)) }
    return try Dataflow(root: project(.source(step), [("K", column(0, .string))] + items), destination: sink())
}

/// What came out of a dataflow: its rows, and what it reports.
private struct Outcome: Equatable {
    var rows: [String]
    var errors: [String]
    var counts: [RowErrorCause: Int]
}

/// Feeds a run in batches of these sizes, over and over.
private func feed(_ dataflow: Dataflow, _ run: RecordRun, sizes: [Int]) throws -> Outcome {
    var start = 0
    var place = 0
    while start < run.count {
        let end = min(run.count, start + sizes[place % sizes.count])
        place += 1
        try dataflow.process(input: 0, run: run, range: start..<end, partition: 0)
        while dataflow.hasPending { try dataflow.resume() }
        start = end
    }
    try dataflow.flush()
    let errors = dataflow.takeErrors().map { "\($0.cause) \($0.offset?.description ?? "") \($0.column ?? "") \($0.message)" }
    return Outcome(rows: texts(dataflow.takeOutput()), errors: errors.sorted(), counts: dataflow.errorCounts)
}

struct SharedDecodingTests {
    /// Readers of different columns, with batches cut in different places, see what they would see alone.
    @Test(arguments: [[4096], [9000], [300, 1, 700], [5000, 40]]) func readersSeeWhatTheyWouldSeeAlone(sizes: [Int]) throws {
        let run = records(9500)
        let decoding = SharedDecoding()
        decoding.admit(run)
        let readers = try [query("A", "C"), query("B"), query("A", "D", "C"), query()]
        for reader in readers { reader.share(decoding) }
        let alone = try [query("A", "C"), query("B"), query("A", "D", "C"), query()]
        for (reader, other) in zip(readers, alone) {
            #expect(try feed(reader, run, sizes: sizes) == feed(other, run, sizes: sizes))
        }
        for reader in readers { reader.share(nil) }
    }

    /// The second reader adds nothing to what was decoded for the first.
    @Test func recordsAreDecodedOnce() throws {
        let run = records(5000)
        let decoding = SharedDecoding()
        let (first, second) = try (query("A"), query("B"))
        first.share(decoding)
        second.share(decoding)
        decoding.admit(run)
        _ = try feed(first, run, sizes: [4096])
        let memory = decoding.memory(of: run)
        #expect(memory > 0)
        _ = try feed(second, run, sizes: [1000])
        #expect(decoding.memory(of: run) == memory)
        decoding.forget(run)
        #expect(decoding.memory(of: run) == 0)
        first.share(nil)
        second.share(nil)
    }

    /// A reader that comes later and needs more columns gets them, also of records that were decoded before it came.
    @Test func aLaterReaderMayNeedMore() throws {
        let run = records(3000)
        let decoding = SharedDecoding()
        decoding.admit(run)
        let (first, second, third) = try (query("A"), query("A"), query("A", "D"))
        first.share(decoding)
        second.share(decoding)
        let rows = try feed(first, run, sizes: [4096])
        third.share(decoding)
        #expect(try feed(third, run, sizes: [4096]) == feed(query("A", "D"), run, sizes: [4096]))
        #expect(try feed(second, run, sizes: [4096]) == rows)
    }

    /// One reader alone, and one whose run nobody shares, decode for themselves.
    @Test func nothingIsKeptForOneReader() throws {
        let (run, other) = (records(3000), records(2000))
        let decoding = SharedDecoding()
        decoding.admit(run)
        let (first, second) = try (query("A"), query("B"))
        first.share(decoding)
        _ = try feed(first, run, sizes: [4096])
        #expect(decoding.memory(of: run) == 0)
        second.share(decoding)
        _ = try feed(second, other, sizes: [4096])
        #expect(decoding.memory(of: other) == 0)
        first.share(nil)
        _ = try feed(second, run, sizes: [4096])
        #expect(decoding.memory(of: run) == 0)
    }

    /// A record without a time ends the query of a source that asks for that, where it stands, for each reader.
    @Test func aRecordThatEndsAQueryEndsEachReader() throws {
        let run = records(3000)
        let decoding = SharedDecoding()
        decoding.admit(run)
        for reader in try [query("A", failsQuery: true), query("B", failsQuery: true)] {
            reader.share(decoding)
            let error = #expect(throws: DataflowError.self) { try feed(reader, run, sizes: [4096]) }
            #expect(error?.offset == 5)
        }
    }
}
