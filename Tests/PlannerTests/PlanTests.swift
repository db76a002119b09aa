// Query in, plan out; statement in, complaint out. The files lie in Tests/Golden/Planner.

import Testing

@Suite struct PlanTests {
    @Test func queriesOverOneSource() throws { try checkGolden("queries", try Fixture().text) }

    @Test func joins() throws { try checkGolden("joins", try Fixture().text) }

    /// Orders and payments in four partitions, customers in two, regions in three: sides that are keyed otherwise move.
    @Test func pipelines() throws {
        let fixture = try Fixture(partitions: [
            "orders": 4, "payments": 4, "shipments": 2, "customers": 2, "balances": 2, "regions": 3, "clicks": 3,
        ])
        try checkGolden("pipelines", fixture.text)
    }

    @Test func refusals() throws { try checkGolden("refusals", try Fixture().text) }
}
