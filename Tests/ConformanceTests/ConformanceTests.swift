import Conformance
import Platform
import Testing

/// The folder of the cases, beside the project; nil where it is absent.
private let cases: String? = {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = "/" + root + "/../shared/conformance"
    return HostFileSystem().exists(path) ? path : nil
}()

/// Runs a suite and prints what fails in it.
private func run(_ suite: String, batch: Int) throws -> TestReport? {
    guard let cases else {
        print("skipped: the conformance cases are not beside the project")
        return nil
    }
    var report = TestReport()
    try report.run(paths: [cases + "/" + suite], files: HostFileSystem(), batch: batch)
    return report
}

@Test(arguments: ["queries", "random"], [1, 4096])
func suite(name: String, batch: Int) throws {
    guard let report = try run(name, batch: batch) else { return }
    print("\(name), batch \(batch): \(report.summary)")
    if batch == 1 { for failure in report.failed { print("FAIL \(name)/\(failure.name)\n    \(failure.reason)") } }
}
