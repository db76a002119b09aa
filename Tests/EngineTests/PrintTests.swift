import Diagnostics
import Platform
import Sessions
import TestSupport
import Testing

/// Waits for the error of a statement.
private final class FirstFailure: AnswerSink {
    private let failure = Monitor<Diagnostic?>(nil)

    func emit(_ event: AnswerEvent) {
        switch event {
        case .failed(let error): failure.update { $0 = error }
        case .done: failure.update { $0 = Diagnostic(.internalError, "it was carried out") }
        case .columns, .rows, .notice, .position: break
        }
    }

    func hasRoom(orCall resume: @escaping @Sendable () -> Void) -> Bool { true }

    func wait() -> Diagnostic {
        failure.wait(until: { $0 != nil }, then: { $0 }) ?? Diagnostic(.internalError, "there is none")
    }
}

/// Lines of PRINT without the time.
private func printed(_ millrace: Millrace, _ topic: String, _ count: Int) -> [String] {
    millrace.run("PRINT '\(topic)' FROM BEGINNING LIMIT \(count);").filter { $0.hasPrefix(":") }.map { line in
        line.replacing(#/rowtime: [^,]*, /#, with: "").replacing("\\\"", with: "'")
    }
}

/// PRINT that does not follow its topic ends with the last record, of all partitions, and of an empty topic at once.
@Test func printEndsWhereTheTopicDoes() throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, n INT) WITH (kafka_topic='s', value_format='JSON', partitions=3);")
    _ = millrace.run("SET 'millrace.print.follow' = 'false';")
    #expect(millrace.run("PRINT s FROM BEGINNING;").last == "+ Topic printing ceased")
    for key in 0..<7 { _ = millrace.run("INSERT INTO s VALUES ('k\(key)', \(key));") }
    let all = millrace.run("PRINT s FROM BEGINNING;")
    #expect(all.last == "+ Topic printing ceased" && all.filter { $0.contains("rowtime") }.count == 7)
    #expect(millrace.run("PRINT s FROM BEGINNING LIMIT 2;").filter { $0.contains("rowtime") }.count == 2)
    #expect(millrace.run("PRINT s;").filter { $0.contains("rowtime") }.isEmpty)
    millrace.engine.close()
}

/// Numbers that mean nothing are refused, at their place, and none is taken for another one.
@Test(arguments: [
    ("PRINT s LIMIT -1;", "- 42000 negative LIMIT: -1", 14..<16), ("PRINT s FROM BEGINNING LIMIT -9223372036854775808;", "- 42000 negative LIMIT", 29..<49),
    ("PRINT s INTERVAL 0;", "- 42000 every how many records are printed must be at least 1, found 0", 17..<18),
    ("PRINT s SAMPLE -3 LIMIT 1;", "- 42000 every how many records are printed must be at least 1, found -3", 15..<17),
    ("SELECT * FROM s LIMIT -1;", "- 42000 negative LIMIT: -1", 22..<24),
    ("SELECT * FROM s EMIT CHANGES LIMIT -2;", "- 42000 negative LIMIT: -2", 35..<37),
    ("PRINT s LIMIT 9223372036854775808;", "- 42604", 14..<33), ("SELECT * FROM s LIMIT 9223372036854775808;", "- 42604", 22..<41),
]) func numbersOutOfRangeAreRefused(_ statement: String, _ message: String, _ place: Range<Int>) throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, n INT) WITH (kafka_topic='s', value_format='JSON', partitions=3);")
    let failure = FirstFailure()
    millrace.session.execute(statement, into: failure)
    let error = failure.wait()
    #expect("- \(error.code.rawValue) \(error.message)".hasPrefix(message), "\(error)")
    #expect(error.range.map { $0.start..<$0.end } == place)
    millrace.engine.close()
}

@Test func printGuessesFormatsAndKnowsWindows() throws {
    let millrace = try Millrace()
    _ = millrace.run("CREATE STREAM s (k VARCHAR KEY, t BIGINT, n INT) WITH (kafka_topic='s', value_format='JSON', timestamp='t');")
    _ = millrace.run("INSERT INTO s VALUES ('ann', 61000, 1);")
    _ = millrace.run("CREATE TABLE per_minute AS SELECT k, COUNT(*) AS c FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k;")
    _ = millrace.run("CREATE TABLE visits AS SELECT k, COUNT(*) AS c FROM s WINDOW SESSION (1 MINUTE) GROUP BY k;")
    _ = millrace.run("CREATE STREAM by_n AS SELECT n, t FROM s PARTITION BY n;")
    #expect(millrace.engine.drain(nanoseconds: 5_000_000_000))
    #expect(printed(millrace, "s", 1) == [
        #": ["Key format: KAFKA_STRING"]"#, #": ["Value format: JSON or KAFKA_STRING"]"#,
        #": ["key: ann, value: {'T':61000,'N':1}, partition: 0"]"#,
    ])
    #expect(printed(millrace, "PER_MINUTE", 1) == [
        #": ["Key format: TUMBLING(KAFKA_STRING)"]"#, #": ["Value format: JSON or KAFKA_STRING"]"#,
        #": ["key: [ann@60000/-], value: {'C':1}, partition: 0"]"#,
    ])
    #expect(printed(millrace, "VISITS", 1) == [
        #": ["Key format: SESSION(KAFKA_STRING)"]"#, #": ["Value format: JSON or KAFKA_STRING"]"#,
        #": ["key: [ann@61000/61000], value: {'C':1}, partition: 0"]"#,
    ])
    #expect(printed(millrace, "BY_N", 1).first == #": ["Key format: KAFKA_INT"]"#)
    millrace.engine.close()
}
