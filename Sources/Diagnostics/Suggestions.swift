// "Did you mean": which of the known words a mistyped one is closest to.

/// The candidate with the fewest single-character edits (insert, delete, replace, swap neighbours) from a word, ignoring ASCII case;
/// nil when none is close enough to be a likely slip: at most a third of the word, and at most three. One that differs in its case alone
/// is always close, however long it is.
package func closestMatch(to word: String, among candidates: some Sequence<String>) -> String? {
    let lowered = word.lowercased()
    let letters = Array(lowered.unicodeScalars)
    // One letter is near to every short word.
    let allowed = letters.count < 2 ? 0 : min(3, max(1, letters.count / 3))
    var best: (distance: Int, difference: Int, candidate: String)?
    for candidate in candidates {
        let otherLowered = candidate.lowercased()
        if otherLowered == lowered { return candidate }
        let other = Array(otherLowered.unicodeScalars)
        guard abs(other.count - letters.count) <= allowed, letters.count <= 128 else { continue }
        let distance = editDistance(letters, other)
        guard distance <= allowed else { continue }
        // Among equals the one of the same length (a swap or a slip is likelier than a lost letter), then the first in the alphabet, so
        // that the answer does not depend on the order of a dictionary.
        let found = (distance: distance, difference: abs(other.count - letters.count), candidate: candidate)
        if best.map({ found < $0 }) ?? true { best = found }
    }
    return best?.candidate
}

/// "Did you mean …?" for a mistyped name of SQL, nil when no name is close. A name that its letters alone do not spell, because it has
/// small letters or other characters in it, stands in back-quotes: without them it would be the same mistake again.
package func nameSuggestion(for typed: String, among names: some Sequence<String>) -> String? {
    closestMatch(to: typed, among: names).map { "Did you mean \(quotedIfNeeded($0))?" }
}

/// A name as it has to be written.
private func quotedIfNeeded(_ name: String) -> String {
    let letters = UInt8(ascii: "A")...UInt8(ascii: "Z"), digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    let isPlain = name.utf8.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") }
    if isPlain, let first = name.utf8.first, !digits.contains(first) { return name }
    return "`" + name.split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") + "`"
}

/// The candidate that is closest to a word however far away it is, for places where some suggestion is always due.
package func nearestMatch(to word: String, among candidates: some Sequence<String>) -> String? {
    let letters = Array(word.lowercased().unicodeScalars.prefix(128))
    return candidates.map { (editDistance(letters, Array($0.lowercased().unicodeScalars)), $0) }.min { $0 < $1 }?.1
}

/// The optimal string alignment distance: edits of single characters and swaps of neighbours, each counted once.
func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var twoAbove = [Int](repeating: 0, count: right.count + 1)
    var above = Array(0...right.count)
    for i in 0..<left.count {
        var row = [i + 1]
        row.reserveCapacity(right.count + 1)
        for j in 0..<right.count {
            var cost = min(above[j + 1] + 1, row[j] + 1, above[j] + (left[i] == right[j] ? 0 : 1))
            if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { cost = min(cost, twoAbove[j - 1] + 1) }
            row.append(cost)
        }
        twoAbove = above
        above = row
    }
    return above[right.count]
}
