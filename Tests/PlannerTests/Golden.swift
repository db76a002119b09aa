// Golden files: inputs with the outputs that were once reviewed. With MILLRACE_UPDATE_GOLDEN=1 the files are rewritten, and the
// difference is reviewed like code. A file is a list of cases between lines of `====`; input and output are parted by a line of `----`.

import Foundation
import Testing

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Golden/Planner")
private let isUpdating = ProcessInfo.processInfo.environment["MILLRACE_UPDATE_GOLDEN"] != nil

func checkGolden(_ name: String, _ output: (String) -> String) throws {
    let file = folder.appendingPathComponent("\(name).txt")
    let cases = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n====\n").map { text -> (String, String) in
        let halves = text.components(separatedBy: "\n----\n")
        return (halves[0].trimmingCharacters(in: .newlines), halves.count > 1 ? halves[1].trimmingCharacters(in: .newlines) : "")
    }
    var updated: [String] = []
    for (input, expected) in cases {
        let actual = output(input)
        updated.append(input + "\n----\n" + actual + "\n")
        if !isUpdating { #expect(actual == expected, "\(name): \(input)") }
    }
    if isUpdating { try updated.joined(separator: "\n====\n").write(to: file, atomically: true, encoding: .utf8) }
}
