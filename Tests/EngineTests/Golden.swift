// Golden files of the engine: SQL in, the lines of its answers out, one engine a file. Cases stand between lines of `====`; input and
// output are parted by a line of `----`. With MILLRACE_UPDATE_GOLDEN=1 the files are rewritten, and the difference is reviewed like code.

import Foundation
import Testing

/// Runs the cases of a file one after the other and compares.
func checkGolden(_ name: String, _ output: (String) -> String) throws {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = here.appendingPathComponent("Golden/Engine/\(name).txt")
    let isUpdating = ProcessInfo.processInfo.environment["MILLRACE_UPDATE_GOLDEN"] != nil
    var updated: [String] = []
    for text in try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n====\n") {
        let halves = text.components(separatedBy: "\n----\n")
        let input = halves[0].trimmingCharacters(in: .newlines)
        let actual = output(input).trimmingCharacters(in: .newlines)
        updated.append(input + "\n----\n" + actual + "\n")
        if !isUpdating { #expect(actual == (halves.count > 1 ? halves[1].trimmingCharacters(in: .newlines) : ""), "\(name): \(input)") }
    }
    if isUpdating { try updated.joined(separator: "\n====\n").write(to: file, atomically: true, encoding: .utf8) }
}
