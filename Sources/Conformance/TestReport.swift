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

    /// Runs every case of the files under `paths`: `.json` and `.sql` files, or directories of them. `onOutcome` hears of each as it ends.
    package mutating func run(
        paths: [String], files: any FileSystem, batch: Int, onOutcome: (_ name: String, _ outcome: CaseOutcome) -> Void = { _, _ in }
    ) throws(Diagnostic) {
        let runner = CaseRunner(batch: batch)
        for path in paths {
            for file in try TestReport.testFiles(at: path, files) {
                let text = try TestReport.contents(of: file, files)
                if file.hasSuffix(".sql") {
                    let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
                    let sql = SQLTestRunner { path throws(Diagnostic) in
                        let whole = path.hasPrefix("/") || folder.isEmpty ? path : folder + "/" + path
                        return String(decoding: try TestReport.contents(of: whole, files), as: UTF8.self)
                    }
                    for test in SQLTestFile.tests(in: String(decoding: text, as: UTF8.self), stem: TestReport.stem(of: file)) {
                        finish(test.name, sql.run(test), onOutcome)
                    }
                } else {
                    for test in try CaseFile.cases(in: text, stem: TestReport.stem(of: file)) { finish(test.name, runner.run(test), onOutcome) }
                }
            }
        }
    }

    private mutating func finish(_ name: String, _ outcome: CaseOutcome, _ onOutcome: (_ name: String, _ outcome: CaseOutcome) -> Void) {
        add(name, outcome)
        onOutcome(name, outcome)
    }

    private static func contents(of file: String, _ files: any FileSystem) throws(Diagnostic) -> [UInt8] {
        do throws(SystemError) { return try files.contents(of: file) } catch {
            throw Diagnostic(.noSuchFile, "\(file) cannot be read: \(error)", category: .general)
        }
    }

    private static func isTestFile(_ name: String) -> Bool { name.hasSuffix(".json") || name.hasSuffix(".sql") }

    private static func testFiles(at path: String, _ files: any FileSystem) throws(Diagnostic) -> [String] {
        if isTestFile(path) { return [path] }
        do throws(SystemError) {
            return try files.list(path).filter(isTestFile).sorted().map { path + "/" + $0 }
        } catch {
            throw Diagnostic(.noSuchFile, "\(path) is neither a .json or .sql file nor a directory of them: \(error)", category: .general)
        }
    }

    private static func stem(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".json") ? String(file.dropLast(5)) : file.hasSuffix(".sql") ? String(file.dropLast(4)) : file
    }
}
