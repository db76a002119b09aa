// `millrace test`: finds the files, runs their cases, prints a line a failure and a reason a skip, and the totals last.

package import Diagnostics
package import Platform

/// The results of a test run.
package struct TestReport: Sendable {
    package private(set) var passed: [String] = []
    package private(set) var failed: [(name: String, reason: String)] = []
    package private(set) var skipped: [(name: String, reason: String)] = []

    package init() {}

    /// `N passed, N failed, N skipped`
    package var summary: String { "\(passed.count) passed, \(failed.count) failed, \(skipped.count) skipped" }

    mutating func add(_ name: String, _ outcome: CaseOutcome) {
        switch outcome {
        case .passed: passed.append(name)
        case .failed(let reason): failed.append((name, reason))
        case .skipped(let reason): skipped.append((name, reason))
        }
    }

    /// Runs every case of the files under `paths` (files, or directories of `.json` files); `onOutcome` hears of each as it ends.
    package mutating func run(
        paths: [String], files: any FileSystem, batch: Int, onOutcome: (_ name: String, _ outcome: CaseOutcome) -> Void = { _, _ in }
    ) throws(Diagnostic) {
        let runner = CaseRunner(batch: batch)
        for path in paths {
            for file in try TestReport.testFiles(at: path, files) {
                let text: [UInt8]
                do throws(SystemError) { text = try files.contents(of: file) } catch {
                    throw Diagnostic(.noSuchFile, "\(file) cannot be read: \(error)", category: .general)
                }
                for test in try CaseFile.cases(in: text, stem: TestReport.stem(of: file)) {
                    let outcome = runner.run(test)
                    add(test.name, outcome)
                    onOutcome(test.name, outcome)
                }
            }
        }
    }

    private static func testFiles(at path: String, _ files: any FileSystem) throws(Diagnostic) -> [String] {
        if path.hasSuffix(".json") { return [path] }
        do throws(SystemError) {
            return try files.list(path).filter { $0.hasSuffix(".json") }.sorted().map { path + "/" + $0 }
        } catch {
            throw Diagnostic(.noSuchFile, "\(path) is neither a .json file nor a directory of them: \(error)", category: .general)
        }
    }

    private static func stem(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".json") ? String(file.dropLast(5)) : file
    }
}
