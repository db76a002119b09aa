// What a user lives through, end to end: see `Scenario` for the language of the golden files.

import Testing

@Suite struct Scenarios {
    @Test func definitions() throws { try checkScenario("definitions") }
    @Test func inserts() throws { try checkScenario("inserts") }
    @Test func sessions() throws { try checkScenario("sessions") }
    @Test func localWindows() throws { try checkScenario("local-windows") }
    @Test func lateRows() throws { try checkScenario("late-rows") }
    @Test func asof() throws { try checkScenario("asof") }
    @Test func keyed() throws { try checkScenario("keyed") }
    @Test func joinsAgain() throws { try checkScenario("joins-again") }
    @Test func aggregations() throws { try checkScenario("aggregations") }
    @Test func derivations() throws { try checkScenario("derivations") }
    @Test func badRecords() throws { try checkScenario("bad-records") }
    @Test func strangeNumbers() throws { try checkScenario("strange-numbers") }
    @Test func questions() throws { try checkScenario("questions") }
    @Test func questionForms() throws { try checkScenario("question-forms") }
    @Test func questionReach() throws { try checkScenario("question-reach") }
    @Test func subqueries() throws { try checkScenario("subqueries") }
    @Test func failures() throws { try checkScenario("failures") }
    @Test func twoSessions() throws { try checkScenario("two-sessions") }
    @Test func restarts() throws { try checkScenario("restarts") }
    @Test func restartsFromSnapshots() throws { try checkScenario("snapshots", snapshots: true) }
}
