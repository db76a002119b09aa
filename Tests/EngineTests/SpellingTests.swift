// A name in quotes means its letters as they stand, one without them the same in capitals. Who has mixed these up is told how the name that
// exists is written, whatever the statement.

import Engine
import Platform
import Sessions
import Testing

/// Keeps the hint of a failure.
private final class HintSink: AnswerSink {
    private let state = Monitor<(hint: String?, hasFailed: Bool)>((nil, false))
    var hint: String? { state.withLock { $0.hasFailed ? $0.hint ?? "no hint" : "no error" } }

    func emit(_ event: AnswerEvent) {
        if case .failed(let error) = event { state.update { $0 = (error.hint, true) } }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }
}

@Suite struct SpellingTests {
    private func hint(_ sql: String, _ millrace: Millrace) -> String? {
        let sink = HintSink()
        let isDone = Monitor(false)
        let request = millrace.session.execute(sql, into: sink) { _ in isDone.update { $0 = true } }
        isDone.wait(until: { $0 }, then: { _ in })
        withExtendedLifetime(request) {}
        return sink.hint
    }

    @Test func theNameThatExistsIsHinted() throws {
        let millrace = try Millrace()
        let long = String(repeating: "x", count: 200)
        for sql in [
            "CREATE TYPE address AS STRUCT<street VARCHAR>;", "CREATE TYPE `Money` AS DECIMAL(9, 2);",
            "CREATE STREAM orders (v INT) WITH (kafka_topic='o', value_format='JSON', partitions=1);",
            "CREATE STREAM `Visits` (v INT) WITH (kafka_topic='v', value_format='JSON', partitions=1);",
            "CREATE STREAM \(long) (v INT) WITH (kafka_topic='l', value_format='JSON', partitions=1);",
            "CREATE TABLE totals AS SELECT v, COUNT(*) AS n FROM orders GROUP BY v;",
            "CREATE TABLE `Counts` AS SELECT v, COUNT(*) AS n FROM orders GROUP BY v;",
            "INSERT INTO `Visits` WITH (QUERY_ID='again') SELECT v FROM orders;",
        ] { _ = millrace.run(sql) }
        let expected = [
            ("DROP TYPE `address`;", "ADDRESS"), ("DROP TYPE Money;", "`Money`"),
            ("CREATE STREAM x (a `address`) WITH (kafka_topic='x', value_format='JSON');", "ADDRESS"),
            ("DROP STREAM `orders`;", "ORDERS"), ("DROP STREAM visits;", "`Visits`"), ("DROP STREAM `\(long)`;", long.uppercased()),
            ("DROP TABLE `totals`;", "TOTALS"), ("DROP TABLE counts;", "`Counts`"), ("ALTER STREAM `orders` ADD w INT;", "ORDERS"),
            ("DESCRIBE `orders`;", "ORDERS"), ("DESCRIBE visits;", "`Visits`"), ("DESCRIBE `totals` EXTENDED;", "TOTALS"),
            ("EXPLAIN `ctas_totals_0`;", "CTAS_TOTALS_0"), ("PAUSE `ctas_totals_0`;", "CTAS_TOTALS_0"),
            ("RESUME `ctas_totals_0`;", "CTAS_TOTALS_0"), ("TERMINATE `ctas_totals_0`;", "CTAS_TOTALS_0"),
            ("TERMINATE `CTAS_Counts_1`;", "CTAS_COUNTS_1"), ("TERMINATE `Again`;", "AGAIN"),
            ("SELECT * FROM `orders` EMIT CHANGES;", "ORDERS"), ("INSERT INTO visits VALUES (1);", "`Visits`"),
            ("INSERT INTO visits SELECT v FROM orders;", "`Visits`"), ("EXPLAIN SELECT * FROM visits EMIT CHANGES;", "`Visits`"),
            ("SELECT `v` FROM orders EMIT CHANGES;", "V"),
        ]
        for (sql, name) in expected { #expect(hint(sql, millrace) == "Did you mean \(name)?", "\(sql)") }
        millrace.close()
    }
}
