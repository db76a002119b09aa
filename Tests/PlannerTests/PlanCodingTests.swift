// Plans as the catalog stores them: every kind of plan comes back as it was, and what was stored once can be read for
// ever.

import Diagnostics
import Foundation
import JSONText
import Plans
import Planner
import TestSupport
import Testing

@Suite struct PlanCodingTests {
    private func stored(_ plan: QueryPlan) throws -> [UInt8] { try JSONValue(encoding: plan).bytes }

    private func read(_ bytes: [UInt8]) throws -> QueryPlan {
        try JSONValue(parsing: bytes[...], depth: JSONValue.codedDepth).decoded(as: QueryPlan.self)
    }

    @Test func allKindsOfPlansComeBack() throws {
        let fixture = try Fixture()
        var count = 0
        for file in ["queries", "joins", "pipelines"] {
            for sql in try goldenInputs("Planner/\(file)") {
                guard case .success(let plan) = fixture.plan(sql) else { continue }
                let again = try read(try stored(plan))
                #expect(again == plan, "\(sql)")
                #expect(again.stateLayouts == plan.stateLayouts && again.internalTopics == plan.internalTopics)
                count += 1
            }
        }
        #expect(count > 30)
    }

    /// The deepest expression that a statement may have, and values that JSON has no numbers for.
    @Test func extremes() throws {
        let fixture = try Fixture()
        let deep = String(repeating: "NOT ", count: 190) + "total > 1"
        let conditions = [
            deep, "total > 1E308 * 10", "item LIKE 'a!_%' ESCAPE '!'", "CAST(total AS DECIMAL(38, 20)) > 0.00000000000000000001",
        ]
        for condition in conditions {
            guard case .success(let plan) = fixture.plan("SELECT id FROM orders WHERE \(condition) EMIT CHANGES;") else {
                Issue.record("no plan for \(condition.suffix(40))")
                continue
            }
            #expect(try read(try stored(plan)) == plan, "\(condition.suffix(40))")
        }
        // One level more than a plan may have, of a shape that plans have.
        let levels = JSONValue.codedDepth / 3 + 1
        let node = #"{"node":{"not":{"_0":"#
        let tooDeep = String(repeating: node, count: levels) + "1" + String(repeating: "}}}", count: levels)
        #expect(throws: (any Error).self) { try JSONValue(parsing: Array(tooDeep.utf8)[...], depth: JSONValue.codedDepth) }
    }

    /// What has been stored by a server of this or an earlier version.
    @Test func storedPlansCanBeRead() throws {
        for mismatch in try goldenMismatches("Planner/stored-plans", { text in
            do { return try read(Array(text.utf8)).description } catch { return "\(error)" }
        }) {
            Issue.record("\(mismatch)")
        }
    }

    /// The fingerprints of layouts are part of what is stored: another text for the same plan is another layout.
    @Test func layoutsStayWhatTheyAre() throws {
        let fixture = try Fixture()
        for mismatch in try goldenMismatches("Planner/layouts", { sql in
            guard case .success(let plan) = fixture.plan(sql) else { return "no plan" }
            return plan.stateLayouts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "\n")
        }) {
            Issue.record("\(mismatch)")
        }
    }

    /// A document costs no stack, however deep it is: it is read, or refused, on a thread with little of that.
    @Test(arguments: [JSONValue.codedDepth, JSONValue.codedDepth + 1, 100_000])
    func deepDocuments(_ levels: Int) async {
        let text = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        let isRead = await withCheckedContinuation { continuation in
            let thread = Thread {
                let value = try? JSONValue(parsing: Array(text.utf8)[...], depth: JSONValue.codedDepth)
                continuation.resume(returning: value != nil)
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
        #expect(isRead == (levels <= JSONValue.codedDepth))
    }

    /// Damaged documents are errors, whatever the damage.
    @Test func damagedPlansAreErrors() throws {
        let sql = "CREATE TABLE t AS SELECT item, COUNT(*) AS n, MAX(total) AS m FROM orders WHERE total > 1 GROUP BY item;"
        guard case .success(let plan) = try Fixture().plan(sql) else {
            Issue.record("no plan")
            return
        }
        let whole = try stored(plan)
        var random: UInt64 = 7
        for _ in 0..<2_000 {
            var bytes = whole
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let place = Int(random >> 33) % bytes.count
            bytes[place] = UInt8(truncatingIfNeeded: random >> 20)
            if random % 5 == 0 { bytes.removeSubrange(place..<min(bytes.count, place + 9)) }
            _ = try? read(bytes)
        }
        for text in ["", "{}", "[]", "null", "{\"id\":1}", String(repeating: "[", count: 100_000)] {
            #expect((try? read(Array(text.utf8))) == nil, "\(text.prefix(20))")
        }
    }

}
