// The members of answers: each that is written stands in the grammar, and each of the grammar is written.

import Diagnostics
import Foundation
import JSONText
import Quantities
import Sessions
import Testing
import Wire

@Suite struct MemberTests {
    /// An answer of each kind with everything that it may tell, by the rule of its object.
    private var complete: [(rule: String, facts: JSONValue)] {
        var summary = AnswerSummary(
            message: "done", rows: 1, changed: 3, skipped: 2, causes: [CauseCount(cause: "late", count: 2)], firstProblem: "no", queryID: "CSAS_A_0",
            nanoseconds: 1_500_000)
        summary.readings = [SourceReading(source: "S", partition: 1, offsets: 5..<9, records: 4, times: 1000...2000)]
        var report = IngestReport()
        report.records = 3
        report.rejected = 1
        report.before = 4
        report.firstProblem = IngestProblem(line: 2, reason: "no JSON")
        report.latestProblem = report.firstProblem
        report.offsets = [IngestOffsets(partition: .first, first: Offset(clamping: 0), last: Offset(clamping: 2))]
        let diagnostic = Diagnostic(
            .syntaxError, "no", category: .parseFailed, hint: "Try.", at: SourceRange(start: 2, end: 4, line: 1, column: 3), statement: "SLECT;")
        return [
            ("greeted", greetingFacts(server: "0.1.0", connection: 1)),
            ("shape", columnFacts([ResultColumn("ID", "BIGINT", isKey: true)], .rows)),
            ("told", summary.innerFacts), ("ended", summary.facts), ("loaded", report.facts(nanoseconds: 1_500_000)), ("loaded", report.facts),
            ("state", ServerStatus(server: "0.1.0", uptime: 1, connections: 1, running: 1, requests: 1, queries: 0).facts),
            ("problem", diagnostic.json), ("login", loginFacts([1], user: "ann")), ("reached", positionFacts("1.00000000000000000000000000000001.2.5,0")),
        ]
    }

    @Test func membersThatAreWrittenStandInTheGrammar() throws {
        let grammar = try ABNF(contentsOf: "wire.abnf")
        for (rule, facts) in complete {
            #expect(grammar.matches(Array(facts.text.utf8), rule), "\(rule): \(facts.text)")
            guard case .object(let members) = facts else { continue }
            let more = JSONValue.object(members + [.init("unknown", .integer(1))])
            #expect(!grammar.matches(Array(more.text.utf8), rule), "\(rule) takes any member")
        }
    }

    @Test func membersOfTheGrammarAreWritten() throws {
        var written: Set<String> = []
        func collect(_ value: JSONValue) {
            switch value {
            case .object(let members):
                for member in members {
                    written.insert(member.name)
                    collect(member.value)
                }
            case .array(let values): values.forEach(collect)
            default: break
            }
        }
        for (_, facts) in complete { collect(facts) }
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: folder.appendingPathComponent("grammar/wire.abnf"), encoding: .utf8)
        let named = text.matches(of: /DQUOTE %s"(\w+)" DQUOTE ":"/).map { String($0.output.1) }
        #expect(!named.isEmpty)
        for name in named { #expect(written.contains(name), "\(name) stands in the grammar and is never written") }
    }
}
