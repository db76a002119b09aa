// Long sentences on a terminal: broken between words, not wherever the line happens to end.

/// The text with its lines broken at blanks so that none is wider than `width`; a word that is wider has a line of its own. Colours take no room.
/// Lines that go on begin with `margin`; unless it is given, with as many blanks as the line that they go on from.
package func wordWrapped(_ text: String, width: Int?, margin: String? = nil) -> String {
    guard let width, width > 0 else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        guard visibleWidth(line) > width else { return String(line) }
        // What goes on stands under what it goes on from.
        let start = String(line.prefix { $0 == " " })
        var lines: [String] = []
        var current = start
        var isFirst = true
        for word in line.dropFirst(start.count).split(separator: " ", omittingEmptySubsequences: false) {
            if !isFirst, visibleWidth(current) + 1 + visibleWidth(word) > width {
                lines.append(current)
                current = (margin ?? start) + word
            } else {
                current += (isFirst ? "" : " ") + word
            }
            isFirst = false
        }
        return (lines + [current]).joined(separator: "\n")
    }.joined(separator: "\n")
}

/// The cells that a text takes on the screen, without the escape sequences of colours in it.
private func visibleWidth(_ text: some StringProtocol) -> Int {
    var plain = ""
    var isEscape = false
    for character in text {
        if character == "\u{1B}" { isEscape = true } else if !isEscape { plain.append(character) } else if character.isLetter { isEscape = false }
    }
    return displayWidth(plain)
}
