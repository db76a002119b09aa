import Conformance
import Foundation
import Platform
import TestSupport
import Testing

private let root = Surroundings.root
private let cases = Surroundings.shared + "/conformance"

/// Names that pass, one a line. A passing name never stops passing; `MILLRACE_UPDATE_GOLDEN=1` adds new ones.
private func passingFile(_ suite: String) -> URL { URL(filePath: root + "/Tests/Golden/Conformance/\(suite).txt") }

/// Every case at micro-batches of one record and at large ones: what passes at one size passes at the other, and what once passed does.
@Test(
    .enabled(if: Surroundings.has("conformance/queries"), "the conformance cases are not beside the project"),
    arguments: ["queries", "random", "random-registry"])
func passingCasesKeepPassing(suite: String) throws {
    let known = Set(((try? String(contentsOf: passingFile(suite), encoding: .utf8)) ?? "").split(separator: "\n").map(String.init))
    var passing: Set<String>?
    for batch in [1, 4096] {
        var report = TestReport()
        try report.run(paths: [cases + "/" + suite], files: HostFileSystem(), batch: batch)
        print("\(suite), batches of \(batch): \(report.summary)")
        let failed = Set(report.failed.map(\.name))
        let lost = report.failed.filter { known.contains($0.name) }
        for failure in lost { print("\(failure.name) passed once\n    \(failure.reason)") }
        #expect(lost.isEmpty, "\(lost.count) cases of \(suite) no longer pass at batches of \(batch)")
        // Some names occur twice; such a name passes when all of its cases do.
        let names = Set(report.passed).subtracting(failed)
        if let passing { #expect(passing == names, "the size of micro-batches changes results: \(passing.symmetricDifference(names).sorted())") }
        passing = names
    }
    if Surroundings.updatesGolden, let passing {
        try (passing.union(known).sorted().joined(separator: "\n") + "\n").write(to: passingFile(suite), atomically: true, encoding: .utf8)
    }
}

/// The cases whose results do not depend on the order of records, over three partitions of every topic: their records are those of one
/// partition. All others say why they are skipped.
@Test(
    .enabled(if: Surroundings.has("conformance/queries"), "the conformance cases are not beside the project"),
    arguments: ["queries", "random"])
func severalPartitionsGiveTheSameRecords(suite: String) throws {
    var report = TestReport()
    try report.run(paths: [cases + "/" + suite], files: HostFileSystem(), batch: 4096, partitions: 3)
    print("\(suite), three partitions: \(report.summary)")
    for (reason, count) in Dictionary(report.skipped.map { ($0.reason, 1) }, uniquingKeysWith: +).sorted(by: { $0.key < $1.key }) {
        print("    \(count) skipped: \(reason)")
    }
    try checkPassing("\(suite)-three-partitions", report)
}

/// The server cases end, each with a result: those that once passed do.
@Test(.enabled(if: Surroundings.has("conformance/rest"), "the conformance cases are not beside the project"))
func serverCasesKeepPassing() throws {
    var report = TestReport()
    try report.run(paths: [cases + "/rest"], files: HostFileSystem(), batch: 1)
    print("rest: \(report.summary)")
    try checkPassing("rest", report)
}

/// Compares with the names that passed before.
private func checkPassing(_ suite: String, _ report: TestReport) throws {
    let known = Set(((try? String(contentsOf: passingFile(suite), encoding: .utf8)) ?? "").split(separator: "\n").map(String.init))
    let lost = report.failed.filter { known.contains($0.name) }
    for failure in lost { print("\(failure.name) passed once\n    \(failure.reason)") }
    #expect(lost.isEmpty, "\(lost.count) cases of \(suite) no longer pass")
    // A case that is skipped by now, or gone, is lost as well.
    #expect(known.isSubset(of: Set(report.passed + report.failed.map(\.name))))
    guard Surroundings.updatesGolden else { return }
    let passing = Set(report.passed).subtracting(report.failed.map(\.name)).union(known).sorted()
    try (passing.joined(separator: "\n") + "\n").write(to: passingFile(suite), atomically: true, encoding: .utf8)
}

/// The harness can fail: a case that expects something else is told apart, with the first difference.
@Test func aWrongExpectationFails() throws {
    let text = """
        {"tests": [
          // A comment, as the suites have them.
          {"name": "right", "statements": ["CREATE STREAM A (K INT KEY, V INT) WITH (kafka_topic='a', value_format='JSON');",
             "CREATE STREAM B AS SELECT K, V * 2 AS W FROM A;"],
           "inputs": [{"topic": "a", "key": 1, "value": {"v": 21}, "timestamp": 5}],
           "outputs": [{"topic": "B", "key": 1, "value": {"W": 42}, "timestamp": 5}]},
          {"name": "wrong value", "statements": ["CREATE STREAM A (K INT KEY, V INT) WITH (kafka_topic='a', value_format='JSON');",
             "CREATE STREAM B AS SELECT K, V * 2 AS W FROM A;"],
           "inputs": [{"topic": "a", "key": 1, "value": {"v": 21}}], "outputs": [{"topic": "B", "key": 1, "value": {"W": 43}}]},
          {"name": "no error", "statements": ["CREATE STREAM A (K INT KEY, V INT) WITH (kafka_topic='a', value_format='JSON');"],
           "expectedException": {"message": "something"}},
          {"name": "off", "enabled": false, "statements": ["CREATE"], "outputs": []},
          7, {"name": "none"}, {"name": "half", "statements": [5]},
          {"name": "many", "statements": ["CREATE"], "topics": [{"name": "t", "partitions": 9223372036854775807}]},
          {"name": "schema", "format": ["AVRO"],
           "statements": ["CREATE STREAM A (K INT KEY) WITH (kafka_topic='a', value_format='{FORMAT}');", "CREATE STREAM B AS SELECT * FROM A;"],
           "topics": [{"name": "a", "valueSchema": {"type": "record", "name": "R", "fields": [{"name": "v", "type": "int"}]}}],
           "inputs": [{"topic": "a", "key": 1, "value": {"v": 21}}], "outputs": [{"topic": "B", "key": 1, "value": {"V": 22}}]}
        ]}
        """
    let runner = CaseRunner(batch: 1)
    let outcomes = try CaseFile.cases(in: Array(text.utf8), stem: "own").map { ($0.name, runner.run($0)) }
    #expect(
        outcomes.map(\.0) == [
            "own - right", "own - wrong value", "own - no error", "own - off", "own - case 5", "own - none", "own - half", "own - many",
            "own - schema - AVRO",
        ])
    #expect(outcomes[0].1 == .passed)
    #expect(outcomes[1].1 == .failed("B[0].value.W: expected 43, got 42"))
    #expect(outcomes[2].1 == .failed("expected an error: something"))
    #expect(outcomes[3].1 == .skipped("disabled in the suite"))
    #expect(outcomes[4].1 == .failed("it is no case: not an object"))
    #expect(outcomes[5].1 == .failed("it is no case: it has no array \"statements\" with SQL in it"))
    #expect(outcomes[6].1 == .failed("it is no case: a statement is no text"))
    #expect(outcomes[7].1 == .failed("a topic has 9223372036854775807 partitions; 1 to 1000 can be had"))
    #expect(outcomes[8].1 == .failed("B[0].value.V: expected 22, got integer(21)"))
}

/// A server case: statements, records, then questions whose answers are compared; one that never ends fails with a line.
@Test func serverCasesAreTold() throws {
    let definitions = """
        "CREATE STREAM A (K INT KEY, V INT) WITH (kafka_topic='a', value_format='JSON');",
        "CREATE TABLE B AS SELECT K, COUNT(*) AS N FROM A GROUP BY K;"
        """
    let inputs = #""inputs": [{"topic": "a", "key": 1, "value": {"v": 21}}, {"topic": "a", "key": 1, "value": {"v": 22}}]"#
    let header = #"{"header": {"schema": "`K` INTEGER KEY, `N` BIGINT"}}"#
    let text = """
        {"tests": [
          {"name": "right", "statements": [\(definitions), "SELECT * FROM B WHERE K = 1;"], \(inputs),
           "responses": [{"admin": {}}, {"admin": {}}, {"query": [\(header), {"row": {"columns": [1, 2]}}]}]},
          {"name": "wrong", "statements": [\(definitions), "SELECT * FROM B WHERE K = 1;"], \(inputs),
           "responses": [{"admin": {}}, {"admin": {}}, {"query": [\(header), {"row": {"columns": [1, 3]}}]}]},
          {"name": "limit", "statements": [\(definitions), "SELECT V FROM A EMIT CHANGES LIMIT 1;"], \(inputs),
           "responses": [{"query": [{"header": {"schema": "`V` INTEGER"}}, {"row": {"columns": [21]}}, {"finalMessage": "Limit Reached"}]}]},
          {"name": "refused", "statements": [\(definitions), "SELECT * FROM C;"], "expectedError": {"message": "C does not exist"}},
          {"name": "bytes", "statements": ["SELECT 1 FROM A;"], "responses": [{"queryProto": []}]}
        ]}
        """
    let runner = CaseRunner(batch: 1)
    let outcomes = try CaseFile.cases(in: Array(text.utf8), stem: "own").map { runner.run($0) }
    #expect(
        outcomes == [
            .passed, .failed("question 1: expected the row [1,3], got [1,2]"), .passed, .passed,
            .skipped("rows as Protocol Buffers are not served"),
        ])
}

/// What is no test file is said, and the others run.
@Test func whatIsNoCaseIsSaid() throws {
    let files = MemoryFileSystem()
    try files.createDirectory("/tests/empty")
    try files.createDirectory("/tests/deep/a/b")
    try files.createDirectory("/nothing")
    try files.replace("/tests/broken.json", with: Array("{\"tests\": [".utf8))
    try files.replace("/tests/nested.json", with: Array((String(repeating: "[", count: 100_000)).utf8))
    try files.replace("/tests/other.json", with: Array("{\"rows\": []}".utf8))
    try files.replace("/tests/README.md", with: Array("no test".utf8))
    try files.replace("/tests/deep/a/b/one.sql", with: Array("SHOW STREAMS;".utf8))
    var report = TestReport()
    try report.run(paths: ["/tests", "/nothing"], files: files, batch: 1)
    #expect(report.passed == ["one"])
    #expect(report.failed.map(\.name) == ["/tests/broken.json", "/tests/nested.json", "/tests/other.json", "/nothing"])
    #expect(report.failed[2].reason.contains("other is no test file"))
    #expect(report.failed[3].reason == "there is no .json or .sql file in it")
    #expect(report.summary == "1 passed, 4 failed, 0 skipped")
    #expect(throws: (any Error).self) { try report.run(paths: ["/nowhere"], files: files, batch: 1) }
}

