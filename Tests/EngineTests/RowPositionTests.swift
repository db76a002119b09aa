// Positions of rows: which queries have them, and that the same statement goes on behind one.

import Diagnostics
import Engine
import Platform
import Sessions
import Testing

@Suite struct RowPositionTests {
    private func answer(_ millrace: Millrace, _ sql: String, _ positions: PositionWish) -> [String] {
        let collector = EventCollector()
        let isOver = Monitor(false)
        let request = millrace.session.execute(sql, positions: positions, into: collector) { _ in isOver.update { $0 = true } }
        if !isOver.wait(nanoseconds: 10_000_000_000, until: { $0 }, then: { $0 }) { request.cancel() }
        return collector.soFar
    }

    private func position(in lines: some BidirectionalCollection<String>) -> String { String(lines.last { $0.hasPrefix("~ ") }?.dropFirst(2) ?? "") }

    private func prepared() throws -> Millrace {
        let millrace = try Millrace(pushStart: "earliest", workers: 1)
        _ = millrace.run("CREATE STREAM s (k INT KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=3);")
        _ = millrace.run("CREATE TABLE t (k INT PRIMARY KEY, v INT) WITH (kafka_topic='t', value_format='JSON', partitions=3);")
        for number in 0..<20 { _ = millrace.run("INSERT INTO s VALUES (\(number), \(number));") }
        return millrace
    }

    /// Wherever a query is cut off, it goes on: the rows up to a position and those behind it are all there are, each once.
    @Test(arguments: ["SELECT v FROM s EMIT CHANGES LIMIT 20;", "SELECT v + 1 AS w FROM s WHERE v >= 0 EMIT CHANGES LIMIT 20;"])
    func theSameStatementGoesOn(statement: String) throws {
        let millrace = try prepared()
        defer { millrace.close() }
        let whole = answer(millrace, statement, .told)
        #expect(whole.count { $0.hasPrefix(": ") } == 20 && whole.last == "+ Limit Reached", "\(whole)")
        let rows = Set(whole.filter { $0.hasPrefix(": ") })
        #expect(rows.count == 20 && whole.dropFirst().first?.hasPrefix("~ ") == true)
        for cut in whole.indices where whole[cut].hasPrefix("~ ") {
            let before = whole[..<cut].filter { $0.hasPrefix(": ") }
            let rest = answer(millrace, statement, .after(position(in: whole[...cut])))
            let after = rest.filter { $0.hasPrefix(": ") }
            #expect(before.count + after.count == 20 && Set(before + after) == rows, "\(cut): \(rest)")
        }
    }

    /// A position that a query begins with holds the place, also before it has read anything.
    @Test func rowsThatComeMeanwhileAreSeen() throws {
        let millrace = try prepared()
        defer { millrace.close() }
        _ = millrace.run("SET 'auto.offset.reset' = 'latest';")
        let collector = EventCollector()
        let statement = "SELECT v FROM s EMIT CHANGES LIMIT 1;"
        let request = millrace.session.execute(statement, positions: .told, into: collector)
        let first = collector.wait { $0.contains { $0.hasPrefix("~ ") } }
        request.cancel()
        _ = millrace.run("INSERT INTO s VALUES (99, 99);")
        #expect(answer(millrace, statement, .after(position(in: first))).contains(": [99]"))
    }

    @Test func whatHasNoPositionsSaysSo() throws {
        let millrace = try prepared()
        defer { millrace.close() }
        let place = position(in: answer(millrace, "SELECT v FROM s EMIT CHANGES LIMIT 1;", .told))
        for statement in [
            "SELECT v, COUNT(*) FROM s GROUP BY v EMIT CHANGES LIMIT 1;", "SELECT s.v FROM s JOIN t ON s.k = t.k EMIT CHANGES LIMIT 1;",
            "SELECT * FROM t EMIT CHANGES LIMIT 1;", "SELECT * FROM s LIMIT 1;", "SHOW STREAMS;",
        ] {
            #expect(answer(millrace, statement, .after(place)).last?.hasPrefix("- 0A000 the statement has no positions") == true, "\(statement)")
        }
        #expect(!answer(millrace, "SELECT v, COUNT(*) FROM s GROUP BY v EMIT CHANGES LIMIT 1;", .told).contains { $0.hasPrefix("~") })
        #expect(answer(millrace, "SHOW STREAMS; SHOW TABLES;", .after(place)).last?.hasPrefix("- 42000") == true)
        #expect(answer(millrace, "SELECT v FROM s EMIT CHANGES; SHOW TABLES;", .none).count >= 1)
        for wrong in ["", "x", "1.2.3.4", place + ",1,1,1,1", place.replacing(".", with: "..")] {
            #expect(answer(millrace, "SELECT v FROM s EMIT CHANGES LIMIT 1;", .after(wrong)).last?.hasPrefix("- 08P01") == true, "\(wrong)")
        }
        let parts = place.split(separator: ".")
        #expect(answer(millrace, "SELECT v FROM s EMIT CHANGES LIMIT 1;", .after("1.\(parts[1]).\(parts[2]).0.999999,0,0")).last?.hasPrefix("- 58P02") == true)
        for other in ["SELECT v FROM s EMIT CHANGES;", "SELECT v FROM s EMIT CHANGES LIMIT 2;", "SELECT v FROM s WHERE v > 3 EMIT CHANGES LIMIT 1;"] {
            #expect(answer(millrace, other, .after(place)).last == "- 55000 the position is one of another statement", "\(other)")
        }
        // The topic of that name is another one by then.
        _ = millrace.run("DROP STREAM s DELETE TOPIC;")
        _ = millrace.run("CREATE STREAM s (k INT KEY, v INT) WITH (kafka_topic='s', value_format='JSON', partitions=3);")
        #expect(answer(millrace, "SELECT v FROM s EMIT CHANGES LIMIT 1;", .after(place)).last?.hasPrefix("- 55000") == true)
    }
}
