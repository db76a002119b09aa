// `millrace test FILE.sql`: the project's own SQL tests, and that such a test can fail.

import Conformance
import Foundation
import Platform
import TestSupport
import Testing

private let root = Surroundings.root

@Test func theSQLTestsOfTheProjectPass() throws {
    var report = TestReport()
    try report.run(paths: [root + "/Tests/SQL"], files: HostFileSystem(), batch: 1)
    for failure in report.failed { Issue.record("\(failure.name): \(failure.reason)") }
    // As many as the files say that they hold.
    var written = 0
    for file in try FileManager.default.contentsOfDirectory(atPath: root + "/Tests/SQL") where file.hasSuffix(".sql") {
        let text = try String(contentsOfFile: root + "/Tests/SQL/" + file, encoding: .utf8)
        written += max(1, text.split(separator: "\n").count { $0.hasPrefix("--@test:") })
    }
    #expect(written > 0 && report.passed.count + report.failed.count == written)
    #expect(report.skipped.isEmpty)
}

private func outcome(_ sql: String) throws -> [String] {
    let files = MemoryFileSystem()
    try files.createDirectory("/tests")
    try files.replace("/tests/own.sql", with: Array(sql.utf8))
    var report = TestReport()
    var lines: [String] = []
    try report.run(paths: ["/tests"], files: files, batch: 1) { name, outcome in lines.append("\(name): \(outcome)") }
    return lines + [report.summary]
}

private let stream = "CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);\n"

/// What is written in a test, and what it comes to.
private let failures: [(sql: String, reason: String)] = [
    (stream + "INSERT INTO s VALUES (1, 2);\nASSERT VALUES s (id, v) VALUES (1, 3);", "line 3: S.V: expected 3, got 2"),
    (stream + "ASSERT VALUES s (id) VALUES (1);", "line 2: expected another record in S, but there is none"),
    (
        stream + "INSERT INTO s VALUES (1, 2);\nASSERT NULL VALUES s (id) KEY (1);",
        "line 3: expected a tombstone in S, got a record with a value"
    ),
    (stream + "ASSERT TABLE s;", "line 2: expected S to be a TABLE, it is a STREAM"),
    (
        stream + "ASSERT STREAM s (id INT KEY, v BIGINT);",
        "line 2: S: expected the columns `ID` INTEGER KEY, `V` BIGINT, got `ID` INTEGER KEY, `V` INTEGER"
    ),
    (stream + "ASSERT STREAM s WITH (kafka_topic='other');", "line 2: S: expected KAFKA_TOPIC other, got s"),
    (stream + "ASSERT STREAM s WITH (replicas=1);", "line 2: the property REPLICAS cannot be asserted"),
    (stream + "ASSERT STREAM nowhere;", "line 2: there is no stream or table NOWHERE"),
    (stream + "ASSERT VALUES s (nowhere) VALUES (1);", "line 2: Column name NOWHERE does not exist."),
    ("--@expected.message: missing\n" + stream, "expected an error: missing"),
    ("--@colour: blue\n" + stream, "unknown directive --@colour"),
    ("-- nothing\n", "there is no statement in it"),
]

@Test(arguments: failures.indices)
func anSQLTestThatDoesNotHoldFails(index: Int) throws {
    let lines = try outcome(failures[index].sql)
    #expect(lines.first?.hasPrefix("own: failed(\"" + failures[index].reason) == true, "\(lines)")
    #expect(lines.last == "0 passed, 1 failed, 0 skipped")
}

@Test func everySectionHasAnEngineOfItsOwn() throws {
    let section = "--@test: one\n" + stream + "INSERT INTO s VALUES (1, 1);\nASSERT VALUES s VALUES (1, 1);\n"
    let lines = try outcome(section + section.replacing("one", with: "two") + "--@test: three\nSELECT * FROM s;\n")
    #expect(lines.prefix(2) == ["own - one: passed", "own - two: passed"])
    #expect(lines[2].hasPrefix("own - three: failed(\"line 10: S does not exist."))
    #expect(lines.last == "2 passed, 1 failed, 0 skipped")
}

@Test func onlyTheLastStatementMayFail() throws {
    let lines = try outcome("--@expected.message: does not exist\nDROP STREAM a;\n" + stream)
    #expect(lines.first?.hasPrefix("own: failed(\"line 2: failed before the last statement") == true)
    #expect(try outcome(stream + "DROP STREAM a;\n--@expected.message: does not exist\n").first == "own: passed")
}

/// Records are seen in the order of the statements that made them, whichever partitions they are in.
@Test func severalPartitionsKeepTheOrderOfStatements() throws {
    let definitions = """
        CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=3);
        CREATE STREAM d AS SELECT id, v * 2 AS w FROM s;

        """
    let numbers = 1...12
    let inserts = numbers.map { "INSERT INTO s VALUES (\($0), \($0));\n" }.joined()
    let asserts = numbers.map { "ASSERT VALUES s (id, v) VALUES (\($0), \($0));\nASSERT VALUES d (id, w) VALUES (\($0), \($0 * 2));\n" }.joined()
    #expect(try outcome(definitions + inserts + asserts) == ["own: passed", "1 passed, 0 failed, 0 skipped"])
    let more = "ASSERT VALUES d (id) VALUES (1);"
    #expect(try outcome(definitions + inserts + asserts + more).first?.contains("expected another record in D, but there is none") == true)
}

/// A script that runs itself fails with a line.
@Test func aScriptThatRunsItselfFails() throws {
    let lines = try outcome("RUN SCRIPT '/tests/own.sql';\n")
    #expect(lines.first?.contains("scripts run scripts more than 16 deep") == true, "\(lines)")
}
