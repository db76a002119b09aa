// Draws syntax trees, so that a golden file shows what a parser made of a text.

/// Draws any tree of values, one field a line, without places, depths and what is empty.
package func drawing(of value: Any, indent: String = "") -> String {
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
