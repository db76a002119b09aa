// Rows of a far future: they close no window, and are reported and counted.

import Bytes
@testable import Operators
import Plans
import Quantities
import Testing
import Values

private let noon: Int64 = 1_700_000_000_000
private let hour: Int64 = 3_600_000

private func dataflow(_ root: Step, clock: Int64 = noon, most: Milliseconds? = 3_600_000) throws -> Dataflow {
    var options = DataflowOptions()
    options.mostFuture = most
    return try Dataflow(root: root, destination: sink(), options: options, environment: DataflowEnvironment(now: { clock }))
}

@Suite struct FutureTests {
    private let lines = [
        Line("a", "{}", at: noon), Line("a", "{}", at: noon + hour + 1), Line("a", "{}", at: noon + hour), Line("a", "{}", at: noon + 1),
    ]

    @Test(arguments: [1, 4096]) func windows(batch: Int) throws {
        let window = WindowDescription(shape: .tumbling(size: 100), grace: Milliseconds(hour), retention: Milliseconds(hour + 100))
        let dataflow = try dataflow(aggregate(events, [countAll], window: window))
        #expect(try feed(dataflow, lines, batch: batch) == [
            #"a|{"A0":1}@1700000000000"#, #"a|{"A0":1}@1700003600000"#, #"a|{"A0":2}@1700000000001"#,
        ])
        #expect(dataflow.errorCounts == [.future: 1])
        let error = try #require(dataflow.takeErrors().first)
        #expect(error.offset == 1)
        #expect(error.message == "the time 1700003600001 is more than 3600000 ms beyond the clock, which shows 1700000000000")
    }

    @Test func sessions() throws {
        let dataflow = try dataflow(aggregate(events, [countAll], window: session))
        #expect(try feed(dataflow, lines).count == 4)
        #expect(dataflow.errorCounts == [.future: 1])
    }

    /// Without windows, without the guard, and with a clock that was never set, every row counts.
    @Test func everyRowCounts() throws {
        let window = WindowDescription(shape: .tumbling(size: 100), grace: Milliseconds(2 * hour), retention: Milliseconds(3 * hour))
        for dataflow in [
            try dataflow(aggregate(events, [countAll])), try dataflow(aggregate(events, [countAll], window: window), most: nil),
            try dataflow(aggregate(events, [countAll], window: window), clock: 1_000),
        ] {
            #expect(try feed(dataflow, lines).count == 4)
            #expect(dataflow.errorCounts == [:])
        }
    }
}
