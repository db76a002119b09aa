// Golden files: inputs with the outputs that were once reviewed. With MILLRACE_UPDATE_GOLDEN=1 the files are rewritten, and the
// difference is reviewed like code. A file is a list of cases between lines of `====`; input and output are parted by a line of `----`.

import Foundation

/// A case of a golden file whose output is another now.
package struct GoldenMismatch: CustomStringConvertible {
    /// Which file.
    package let file: String
    /// The case's input.
    package let input: String
    /// What the file says comes of it.
    package let expected: String
    /// What came of it.
    package let actual: String

    /// All of it, for the one who reads a failed run.
    package var description: String { "\(file): \(input)\n---- expected\n\(expected)\n---- actual\n\(actual)" }
}

/// Runs the cases of `Tests/Golden/<file>.txt` in order and tells those that came out differently; none when the file was rewritten.
package func goldenMismatches(_ file: String, _ output: (String) -> String) throws -> [GoldenMismatch] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let url = tests.appending(path: "Golden/\(file).txt")
    var mismatches: [GoldenMismatch] = []
    var updated: [String] = []
    for text in try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n====\n") {
        let halves = text.components(separatedBy: "\n----\n").map { $0.trimmingCharacters(in: .newlines) }
        let actual = output(halves[0]).trimmingCharacters(in: .newlines)
        let expected = halves.count > 1 ? halves[1] : ""
        updated.append(halves[0] + "\n----\n" + actual + "\n")
        if actual != expected { mismatches.append(GoldenMismatch(file: file, input: halves[0], expected: expected, actual: actual)) }
    }
    guard ProcessInfo.processInfo.environment["MILLRACE_UPDATE_GOLDEN"] != nil else { return mismatches }
    try updated.joined(separator: "\n====\n").write(to: url, atomically: true, encoding: .utf8)
    return []
}

/// The inputs of the cases of `Tests/Golden/<file>.txt`, for tests that ask something else about them.
package func goldenInputs(_ file: String) throws -> [String] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: tests.appending(path: "Golden/\(file).txt"), encoding: .utf8).components(separatedBy: "\n====\n").map {
        $0.components(separatedBy: "\n----\n")[0].trimmingCharacters(in: .newlines)
    }
}
