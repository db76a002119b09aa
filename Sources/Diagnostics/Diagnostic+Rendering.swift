// Rendering a diagnostic for a terminal: the message, the line of the source with a caret under the place, and the hint. This is the only
// place where diagnostics become text for a screen.

/// How a diagnostic is drawn.
package struct RenderingStyle: Sendable {
    /// Whether escape sequences for colour may be used.
    package var usesColour: Bool
    /// The cells of a line on the screen; longer source lines are cut around the caret.
    package var width: Int

    package init(usesColour: Bool = false, width: Int = 100) {
        self.usesColour = usesColour
        self.width = width
    }

    func red(_ text: String) -> String { usesColour ? "\u{1B}[1;31m\(text)\u{1B}[0m" : text }
    func dim(_ text: String) -> String { usesColour ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
    func bold(_ text: String) -> String { usesColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
}

extension Diagnostic {
    /// The complaint as lines for a terminal or a log. `source` is the submitted text that the range counts in; without it, or without
    /// a range, no source line is shown.
    package func rendered(source: String? = nil, style: RenderingStyle = RenderingStyle()) -> String {
        var lines = [style.red("error") + style.dim(" \(code.rawValue)") + ": " + style.bold(visibleMessage)]
        if let source, let range { lines += excerpt(of: source, at: range, style) }
        if let sentence = expectationSentence { lines.append(style.dim("expected: ") + sentence) }
        if let hint { lines.append(style.dim("hint: ") + hint) }
        return lines.joined(separator: "\n")
    }

    /// The message with its further lines indented, without empty ones at the end and without anything that would move the cursor.
    private var visibleMessage: String {
        var lines = message.split(separator: "\n", omittingEmptySubsequences: false).map(printable)
        while let last = lines.last, last.isEmpty, lines.count > 1 { lines.removeLast() }
        return lines.joined(separator: "\n  ")
    }

    /// What would have been accepted, unless the message says it already.
    private var expectationSentence: String? {
        guard !expected.isEmpty, !message.contains("Expecting"), !message.contains("missing ") else { return nil }
        return expected.prefix(3).joined(separator: ", ")
    }

    private func excerpt(of source: String, at range: SourceRange, _ style: RenderingStyle) -> [String] {
        let bytes = Array(source.utf8)
        let start = min(max(range.start, 0), bytes.count)
        let newline = UInt8(ascii: "\n")
        let lineStart = bytes[..<start].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let lineEnd = bytes[start...].firstIndex(of: newline) ?? bytes.count
        let end = min(max(range.end, start), lineEnd)
        let before = printable(String(decoding: bytes[lineStart..<start], as: UTF8.self))
        let marked = printable(String(decoding: bytes[start..<end], as: UTF8.self))
        let after = printable(String(decoding: bytes[end..<lineEnd], as: UTF8.self))
        let number = String(range.line)
        let room = max(style.width - number.count - 4, 20)
        let shown = SourceExcerpt(before: before, marked: marked, after: after, room: room)
        let margin = String(repeating: " ", count: number.count)
        return [
            style.dim(" \(number) | ") + shown.text,
            style.dim(" \(margin) | ") + String(repeating: " ", count: shown.caretColumn) + style.red(shown.carets),
        ]
    }
}

/// Control characters as visible marks, so that text from outside can neither move the cursor nor break the alignment.
private func printable(_ text: some StringProtocol) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.map { scalar in
                scalar == "\t" ? " " : scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
            }))
}

/// A source line cut to the room there is, with its caret.
struct SourceExcerpt {
    let text: String
    let caretColumn: Int
    let carets: String

    init(before: String, marked: String, after: String, room: Int) {
        // At most half of the room goes to what stands before the mark, and a quarter at least is left for the mark and what follows.
        var lead = before
        var cutLeft = false
        if displayWidth(before) + displayWidth(marked) > room - room / 8 {
            (lead, cutLeft) = SourceExcerpt.suffix(of: before, cells: room / 2)
        }
        let prefix = cutLeft ? "…" : ""
        caretColumn = displayWidth(prefix + lead)
        let rest = SourceExcerpt.prefix(of: marked + after, cells: max(room - caretColumn, 1))
        text = prefix + lead + rest
        let visible = min(displayWidth(marked), max(room - caretColumn, 1))
        carets = "^" + String(repeating: "~", count: max(visible - 1, 0))
    }

    private static func suffix(of text: String, cells: Int) -> (String, Bool) {
        var width = 0
        var kept: [Character] = []
        for character in text.reversed() {
            width += displayWidth(character)
            guard width <= cells else { return (String(kept.reversed()), true) }
            kept.append(character)
        }
        return (text, false)
    }

    private static func prefix(of text: String, cells: Int) -> String {
        guard displayWidth(text) > cells else { return text }
        var width = 0
        var kept = ""
        for character in text {
            width += displayWidth(character)
            guard width <= cells - 1 else { break }
            kept.append(character)
        }
        return kept + "…"
    }
}
