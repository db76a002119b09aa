// One query in all its forms, for a reader who wants to see what each room makes of it: Tests/Golden/Engine/one-query.txt.

import Analysis
import Catalog
import Diagnostics
import Functions
import Planner
import Plans
import Syntax
import TestSupport
import Testing

@Suite struct OneQueryTests {
    private static let source = """
        CREATE STREAM visits (visitor VARCHAR KEY, page VARCHAR, ms BIGINT) WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON', PARTITIONS=4);
        """

    @Test func inAllItsForms() throws {
        try checkGolden("one-query") { sql in
            do { return try Self.forms(of: sql) } catch { return "problem: \(error)" }
        }
    }

    private static func forms(of sql: String) throws -> String {
        var context = AnalysisContext(catalog: CatalogSnapshot(), functions: .builtIn, properties: [:], partitions: { _ in 4 })
        guard case .createSource(let visits)? = try parse(source).first?.statement else { return "the source is no source" }
        context.catalog.set(.source(try analyse(visits, text: source, in: context).definition))
        guard let parsed = try parse(sql).first, case .createAs(let create) = parsed.statement else { return "no CREATE … AS" }
        let resolved = try analyse(create, text: sql, in: context)
        let planning = PlanningContext(serviceID: "", queryID: "Q", failsOnInvalidTimestamp: false, defaultKeyFormat: .kafka)
        let plan = Planner.plan(resolved, in: planning)
        let cut = pipelines(of: plan) { _ in 4 }.map { pipeline in
            let part = QueryPlan(id: plan.id, root: pipeline.root, destination: pipeline.destination, resultKind: plan.resultKind)
            return "\(pipeline.tasks) tasks:\n\(part.description)"
        }
        let millrace = try Millrace()
        defer { millrace.engine.close() }
        _ = millrace.run(source)
        let explained = millrace.run("EXPLAIN " + sql)
        return [
            ("Tree (Syntax)", drawing(of: parsed.statement)), ("In canonical form (Syntax)", parsed.statement.canonicalText),
            ("Resolved (Analysis)", drawing(of: resolved.query)), ("Logical plan (Planner)", plan.description),
            ("Pipelines over four partitions (Planner)", cut.joined(separator: "\n")),
            ("EXPLAIN (Engine)", explained.joined(separator: "\n")),
        ].map { "-- \($0)\n\($1)" }.joined(separator: "\n\n")
    }
}
