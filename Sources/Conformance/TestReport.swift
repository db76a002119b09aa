// `millrace test`: finds the files, runs their cases, prints a line a failure and a reason a skip, and the totals last.

import Bytes
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

    /// Runs every case of the files under `paths`: `.json` and `.sql` files, or directories of them, over `partitions` where that is set
    /// (see `CaseRunner`). `onOutcome` hears of each as it ends. What is no test file, and a directory without one, counts as failed.
    /// Errors: a path does not exist.
    package mutating func run(
        paths: [String], files: any FileSystem, batch: Int, partitions: Int? = nil,
        onOutcome: (_ name: String, _ outcome: CaseOutcome) -> Void = { _, _ in }
    ) throws(Diagnostic) {
        let runner = CaseRunner(batch: batch, partitions: partitions)
        for path in paths {
            var found: [String] = []
            var problems: [(String, String)] = []
            try TestReport.gather(path, files, depth: 0, found: &found, problems: &problems)
            if found.isEmpty && problems.isEmpty { problems.append((path, "there is no .json or .sql file in it")) }
            for (name, reason) in problems { finish(name, .failed(reason), onOutcome) }
            for file in found {
                do throws(Diagnostic) { try run(file, files, runner, onOutcome) } catch {
                    finish(file, .failed(error.fullMessage), onOutcome)
                }
            }
        }
    }

    /// Runs the cases of one file.
    private mutating func run(
        _ file: String, _ files: any FileSystem, _ runner: CaseRunner, _ onOutcome: (_ name: String, _ outcome: CaseOutcome) -> Void
    ) throws(Diagnostic) {
        let text = try TestReport.contents(of: file, files)
        guard file.hasSuffix(".sql") else {
            for test in try CaseFile.cases(in: text, stem: TestReport.stem(of: file)) { finish(test.name, runner.run(test), onOutcome) }
            return
        }
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let sql = SQLTestRunner { path throws(Diagnostic) in
            let whole = path.hasPrefix("/") || folder.isEmpty ? path : folder + "/" + path
            return String(decoding: try TestReport.contents(of: whole, files), as: UTF8.self)
        }
        for test in SQLTestFile.tests(in: String(decoding: text, as: UTF8.self), stem: TestReport.stem(of: file)) {
            finish(test.name, sql.run(test), onOutcome)
        }
    }

    private mutating func finish(_ name: String, _ outcome: CaseOutcome, _ onOutcome: (_ name: String, _ outcome: CaseOutcome) -> Void) {
        add(name, outcome)
        onOutcome(name, outcome)
    }

    private static func contents(of path: String, _ files: any FileSystem) throws(Diagnostic) -> [UInt8] {
        let size: Int64
        var content: [UInt8]?
        do throws(SystemError) {
            let file = try files.open(path, .read)
            defer { file.close() }
            size = try file.size()
            if size <= CaseLimits.fileBytes { content = try file.read(at: 0, count: Int(size), padding: 0) }
        } catch {
            throw Diagnostic(.noSuchFile, "\(path) cannot be read: \(error)", category: .general)
        }
        guard let content else {
            throw Diagnostic(
                .noSuchFile, "\(path) has \(size) bytes; a file of cases has \(CaseLimits.fileBytes) at most", category: .general)
        }
        do throws(TextProblem) { return Array(try utf8Bytes(of: content)) } catch {
            throw Diagnostic(.noSuchFile, "\(path) cannot be read: \(error)", category: .general)
        }
    }

    private static func isTestFile(_ name: String) -> Bool { name.hasSuffix(".json") || name.hasSuffix(".sql") }

    /// Adds the test files at and under `path`, in order, and what cannot be looked into.
    private static func gather(
        _ path: String, _ files: any FileSystem, depth: Int, found: inout [String], problems: inout [(String, String)]
    ) throws(Diagnostic) {
        if isTestFile(path) { return found.append(path) }
        let names: [String]
        do throws(SystemError) { names = try files.list(path).sorted() } catch {
            // A file of another kind beside the tests, such as a README.
            if depth > 0 { return }
            throw Diagnostic(.noSuchFile, "\(path) is neither a .json or .sql file nor a directory of them: \(error)", category: .general)
        }
        guard depth < CaseLimits.folderDepth else {
            return problems.append((path, "it lies more than \(CaseLimits.folderDepth) directories deep"))
        }
        for name in names where !name.hasPrefix(".") {
            try gather(path + "/" + name, files, depth: depth + 1, found: &found, problems: &problems)
        }
    }

    private static func stem(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".json") ? String(file.dropLast(5)) : file.hasSuffix(".sql") ? String(file.dropLast(4)) : file
    }
}
