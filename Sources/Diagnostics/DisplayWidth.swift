// How many terminal cells a text takes. Carets and table columns line up only when this is right, so it lives in one place.

/// The cells that a text takes on a terminal; control characters count as one, because they are drawn as a mark.
package func displayWidth(_ text: some StringProtocol) -> Int {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text.utf8.count }
    return text.reduce(0) { $0 + displayWidth($1) }
}

/// The cells of one character: a cluster is as wide as its widest scalar, and marks that stand beside their letter come to it.
package func displayWidth(_ character: Character) -> Int {
    // The emoji variation selector asks for the wide form.
    if character.unicodeScalars.contains(where: { $0.value == 0xFE0F }) { return 2 }
    var widest = 0, beside = 0
    for scalar in character.unicodeScalars {
        if scalar.properties.generalCategory == .spacingMark { beside += 1 } else { widest = max(widest, displayWidth(scalar)) }
    }
    return widest + beside
}

/// The cells of one scalar.
package func displayWidth(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // Of the signs outside the wide blocks, those that are pictures unless something else is asked for; flags are two letters of these.
    if scalar.properties.isEmojiPresentation { return 2 }
    return wideRanges.contains { $0.contains(scalar.value) } ? 2 : 1
}

/// The blocks that UAX #11 calls wide or full-width, merged where nothing narrow lies between, and the emoji.
private let wideRanges: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x231A...0x231B, 0x2329...0x232A, 0x23E9...0x23EC, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF,
    0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
    0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x1FA70...0x1FAFF, 0x20000...0x3FFFD,
]
