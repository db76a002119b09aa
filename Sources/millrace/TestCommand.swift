// `millrace test`: runs test cases and says of each that fails where, of each that is skipped why, and the totals last.

import CommandLineTable
import Conformance
import Diagnostics
import Platform
import Settings
import Shell

/// The command with its arguments.
struct TestCommand {
    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    func run() throws(CommandFailure) -> Int32 {
        var report = TestReport()
        let isVerbose = invocation.isOn(.verbose)
        do throws(Diagnostic) {
            try report.run(
                paths: invocation.operands, files: HostFileSystem(), batch: invocation[.batch]?.integer ?? 1
            ) { name, outcome in
                switch outcome {
                case .passed: if isVerbose { Terminal.write(line: "passed   \(name)", to: 1) }
                case .failed(let reason): Terminal.write(line: "FAILED   \(name): \(indented(reason))", to: 1)
                case .skipped(let reason): Terminal.write(line: "skipped  \(name): \(reason)", to: 1)
                }
            }
        } catch {
            throw .cannotStart(error)
        }
        let lost = try lostNames(report)
        for name in lost { Terminal.write(line: "LOST     \(name): it must pass and does not", to: 1) }
        Terminal.write(line: report.summary, to: 1)
        return report.failed.isEmpty && lost.isEmpty ? 0 : 1
    }

    private func indented(_ text: String) -> String { text.split(separator: "\n").joined(separator: "\n         ") }

    /// Names of the file given by `--passing` that did not pass.
    private func lostNames(_ report: TestReport) throws(CommandFailure) -> [String] {
        guard let path = invocation[.passing]?.text else { return [] }
        let passed = Set(report.passed)
        return try script(path).text.split(separator: "\n").map(String.init).filter { !passed.contains($0) }
    }
}
