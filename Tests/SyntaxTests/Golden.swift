// Golden files: inputs with the outputs that were once reviewed. With MILLRACE_UPDATE_GOLDEN=1 the files are rewritten, and the
// difference is reviewed like code. A file is a list of cases between lines of `====`; input and output are parted by a line of `----`.

import Foundation
import Testing

func checkGolden(_ name: String, _ output: (String) -> String) throws {
    let file = Grammar.packageFolder.appendingPathComponent("Tests/Golden/Syntax/\(name).txt")
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

private let isUpdating = ProcessInfo.processInfo.environment["MILLRACE_UPDATE_GOLDEN"] != nil

/// Any tree of values, one field a line, without places, depths and what is empty.
func drawing(of value: Any, indent: String = "") -> String {
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional:
        return mirror.children.first.map { drawing(of: $0.value, indent: indent) } ?? "nil"
    case .collection:
        if mirror.children.isEmpty { return "[]" }
        return mirror.children.map { "\n" + indent + "- " + drawing(of: $0.value, indent: indent + "  ") }.joined()
    case .enum:
        guard let child = mirror.children.first else { return "\(value)" }
        let label = child.label ?? ""
        let inner = Mirror(reflecting: child.value)
        if inner.displayStyle == .tuple { return label + fields(inner, indent) }
        return label + " " + drawing(of: child.value, indent: indent)
    case .struct:
        if let text = mirror.children.first(where: { $0.label == "text" })?.value as? String, mirror.children.contains(where: { $0.label == "isQuoted" }) {
            return text
        }
        if let node = mirror.children.first(where: { $0.label == "node" }) { return drawing(of: node.value, indent: indent) }
        return "\(mirror.subjectType)" + fields(mirror, indent)
    default:
        return value is String ? "'\(value)'" : "\(value)"
    }
}

private func fields(_ mirror: Mirror, _ indent: String) -> String {
    mirror.children.compactMap { child -> String? in
        let label = child.label ?? ""
        if label.lowercased().contains("span") || label == "depth" || label == "range" { return nil }
        let text = drawing(of: child.value, indent: indent + "  ")
        if text == "nil" || text == "[]" || text == "false" { return nil }
        return "\n" + indent + "  " + (label.hasPrefix(".") ? "" : label + ": ") + text
    }.joined()
}
