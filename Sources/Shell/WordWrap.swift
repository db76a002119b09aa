// Long sentences on a terminal: broken between words, not wherever the line happens to end.

import Diagnostics

/// The text with its lines broken at blanks so that none is wider than `width`; a word that is wider has a line of its own. Colours take no room.
package func wordWrapped(_ text: String, width: Int?) -> String {
    guard let width, width > 0 else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        guard visibleWidth(line) > width else { return String(line) }
        // What goes on stands under what it goes on from.
        let margin = String(line.prefix { $0 == " " })
        var lines: [String] = []
        var current = margin
        for word in line.dropFirst(margin.count).split(separator: " ", omittingEmptySubsequences: false) {
            let isFirst = current == margin
            if !isFirst, visibleWidth(current) + 1 + visibleWidth(word) > width {
                lines.append(current)
                current = margin + word
            } else {
                current += (isFirst ? "" : " ") + word
            }
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
