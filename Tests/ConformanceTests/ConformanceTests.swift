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
    arguments: ["queries", "random"])
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
          {"name": "later", "format": ["AVRO"], "statements": ["CREATE STREAM A WITH (kafka_topic='a', format='{FORMAT}');"], "outputs": []}
        ]}
        """
    let runner = CaseRunner(batch: 1)
    let outcomes = try CaseFile.cases(in: Array(text.utf8), stem: "own").map { ($0.name, runner.run($0)) }
    #expect(outcomes.map(\.0) == ["own - right", "own - wrong value", "own - no error", "own - off", "own - later - AVRO"])
    #expect(outcomes[0].1 == .passed)
    #expect(outcomes[1].1 == .failed("B[0].value.W: expected 43, got 42"))
    #expect(outcomes[2].1 == .failed("expected an error: something"))
    #expect(outcomes[3].1 == .skipped("disabled in the suite"))
    #expect(outcomes[4].1 == .skipped("the format AVRO is not there yet"))
}
