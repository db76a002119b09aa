// The sources that the golden queries are about, and the way from a statement to its plan.

import Analysis
import Catalog
import Diagnostics
import Functions
import Plans
import Planner
import Syntax
import TestSupport
import Testing

/// A catalog without an engine.
struct Fixture {
    private static let statements = """
        CREATE STREAM orders (id BIGINT KEY, customer BIGINT, item VARCHAR, total DOUBLE, tags ARRAY<VARCHAR>, place STRUCT<city VARCHAR>)
          WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON');
        CREATE STREAM payments (id BIGINT KEY, order_id BIGINT, paid DOUBLE) WITH (KAFKA_TOPIC='payments', VALUE_FORMAT='JSON');
        CREATE STREAM shipments (id BIGINT KEY, order_id BIGINT, state VARCHAR) WITH (KAFKA_TOPIC='shipments', VALUE_FORMAT='JSON');
        CREATE STREAM clicks (page VARCHAR, ms BIGINT) WITH (KAFKA_TOPIC='clicks', FORMAT='JSON');
        CREATE STREAM raw (line VARCHAR) WITH (KAFKA_TOPIC='raw', FORMAT='KAFKA');
        CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR, region VARCHAR) WITH (KAFKA_TOPIC='customers', VALUE_FORMAT='JSON');
        CREATE TABLE balances (id BIGINT PRIMARY KEY, amount DOUBLE) WITH (KAFKA_TOPIC='balances', VALUE_FORMAT='JSON');
        CREATE TABLE regions (code VARCHAR PRIMARY KEY, title VARCHAR) WITH (KAFKA_TOPIC='regions', FORMAT='JSON');
        CREATE TABLE stock (store INT PRIMARY KEY, item VARCHAR PRIMARY KEY, count INT) WITH (KAFKA_TOPIC='stock', FORMAT='JSON');
        CREATE STREAM sessions (page VARCHAR KEY, n BIGINT)
          WITH (KAFKA_TOPIC='sessions', VALUE_FORMAT='JSON', WINDOW_TYPE='SESSION');
        CREATE STREAM minutely (page VARCHAR KEY, n BIGINT)
          WITH (KAFKA_TOPIC='minutely', VALUE_FORMAT='JSON', WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1 MINUTE');
        CREATE STREAM watched (page VARCHAR KEY, n BIGINT)
          WITH (KAFKA_TOPIC='watched', VALUE_FORMAT='JSON', WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1 MINUTE');
        """

    let context: AnalysisContext
    private let partitions: [String: Int]

    /// `partitions` of the topics; one where it does not say.
    init(partitions: [String: Int] = [:]) throws {
        self.partitions = partitions
        var context = AnalysisContext(
            catalog: CatalogSnapshot(), functions: .builtIn, properties: [:], partitions: { partitions[$0] ?? 1 })
        for parsed in try parse(Self.statements) {
            guard case .createSource(let create) = parsed.statement else { continue }
            context.catalog.set(.source(try analyse(create, text: parsed.text, in: context).definition))
        }
        self.context = context
    }

    /// The plan of one statement, or what is wrong with it.
    func plan(_ sql: String) -> Result<QueryPlan, Diagnostic> {
        let planning = PlanningContext(serviceID: "", queryID: "Q", failsOnInvalidTimestamp: false, defaultKeyFormat: .kafka)
        do throws(Diagnostic) {
            let parsed = try parse(sql)
            switch parsed.first?.statement {
            case .createAs(let create): return .success(Planner.plan(try analyse(create, text: sql, in: context), in: planning))
            case .query(let query):
                return .success(transientPlan(try analyse(query, for: query.emit == nil ? .pull : .push, in: context), in: planning))
            default: return .failure(Diagnostic(.statementError, "no query"))
            }
        } catch {
            return .failure(error)
        }
    }

    /// The plan of a statement as text, cut into pipelines where there is more than one.
    func text(_ sql: String) -> String {
        switch plan(sql) {
        case .failure(let error): return error.rendered(source: sql)
        case .success(let plan):
            let cut = pipelines(of: plan) { partitions[$0] ?? 1 }
            guard cut.count > 1 || cut[0].tasks > 1 else { return plan.description }
            return cut.map { pipeline in
                let part = QueryPlan(id: plan.id, root: pipeline.root, destination: pipeline.destination, resultKind: plan.resultKind)
                let width = pipeline.exchangePartitions.map { ", into \($0) partitions" } ?? ""
                return "\(pipeline.tasks) tasks\(width)\n" + part.description
            }.joined(separator: "\n")
        }
    }
}

/// Compares with `Tests/Golden/Planner/<name>.txt`.
func checkGolden(_ name: String, _ output: (String) -> String) throws {
    for mismatch in try goldenMismatches("Planner/\(name)", output) { Issue.record("\(mismatch)") }
}
