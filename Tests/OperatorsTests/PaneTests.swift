// Hopping windows by panes give what they give row by row: the same rows in the same order, the same state, the same late rows.

import Operators
import Plans
import Quantities
import Testing
import Values

@Suite struct PaneTests {
    private static let calls = [
        countAll, call("COUNT", [column(1, big)], big), call("SUM", [column(1, big)], big), call("MAX", [column(1, big)], big),
        call("MIN", [column(1, big)], big),
    ]

    /// Rows 20 ms apart, of which some come late and some have no value.
    private func lines(_ count: Int, from time: Int64, _ generator: inout Random) -> [Line] {
        (0..<count).map { index in
            let late = generator.next() % 300 == 0 ? Int64(generator.next() % 9000) : 0
            let value = generator.next() % 20 == 0 ? "null" : "\(Int64(generator.next() % 1000) - 500)"
            return Line("k\(generator.next() % 30)", #"{"V":\#(value)}"#, at: max(0, time + Int64(index) * 20 - late))
        }
    }

    @Test(arguments: [(10_000, 2000), (10_000, 3000), (7000, 5000), (600_000, 60_000)] as [(Milliseconds, Milliseconds)], [0, 86_400_000] as [Milliseconds])
    func asRowByRow(_ shape: (size: Milliseconds, advance: Milliseconds), grace: Milliseconds) throws {
        var generator = Random(5)
        let window = WindowDescription(
            shape: .hopping(size: shape.size, advance: shape.advance), grace: grace, retention: shape.size + grace + 20_000)
        for by in [[column(0, .string)], [column(1, big)]] {
            let root = aggregate(events, by: by, Self.calls, window: window, sendsOld: grace == 0)
            let options = DataflowOptions(coalesces: true, hasSlices: false)
            let (whole, single) = (
                try Dataflow(root: root, destination: sink(kind: .table), options: options),
                try Dataflow(root: root, destination: sink(kind: .table), options: options)
            )
            for part in 0..<6 {
                let rows = lines(600, from: Int64(part) * 12_000, &generator)
                let offset = Int64(part) * 600
                #expect(try feed(whole, rows, batch: 400, offset: offset) == feed(single, rows, batch: 1, offset: offset))
                let logs = try (whole.takeChangelog(), single.takeChangelog())
                #expect(logs.0.flatMap { texts($0.records) } == logs.1.flatMap { texts($0.records) })
                #expect(whole.errorCounts == single.errorCounts)
            }
        }
    }
}
