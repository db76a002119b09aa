// LIKE: `%` is any run and `_` any one UTF-16 unit, neither matches a line terminator, and the whole text must match.

import Values

/// A LIKE pattern, taken apart.
struct LikePattern {
    enum Piece: Equatable {
        case unit(UInt16)
        case one
        case any
    }
    private var pieces: [Piece] = []

    /// Nil when the pattern ends in its escape character.
    init?(_ text: ArraySlice<UInt8>, escape: Unicode.Scalar?) {
        var escaped = false
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            if !escaped, let escape, scalar == escape {
                escaped = true
                continue
            }
            if !escaped, scalar == "%" {
                if pieces.last != .any { pieces.append(.any) }
            } else if !escaped, scalar == "_" {
                pieces.append(.one)
            } else {
                for unit in UTF16.encode(scalar)! { pieces.append(.unit(unit)) }
            }
            escaped = false
        }
        if escaped { return nil }
    }

    /// Units that are compared before it is looked whether the work was cancelled: a fraction of a millisecond.
    private static let unitsBetweenLooks = 1 << 16

    private static func isLineTerminator(_ unit: UInt16) -> Bool {
        unit == 0x0A || unit == 0x0D || unit == 0x85 || unit == 0x2028 || unit == 0x2029
    }

    /// Whether the whole text matches; false as well where `cancel` was set meanwhile.
    func matches(_ text: ArraySlice<UInt8>, unless cancel: CancelFlag) -> Bool {
        if text.allSatisfy({ $0 < 0x80 }) { return matches(text.map(UInt16.init), unless: cancel) }
        return matches(Array(String(decoding: text, as: UTF8.self).utf16), unless: cancel)
    }

    /// Greedy with one point to come back to: the last `%` seen. Each return costs what was compared since the one before, so that a text
    /// costs its length times the pattern's at worst.
    private func matches(_ units: [UInt16], unless cancel: CancelFlag) -> Bool {
        var unit = 0
        var piece = 0
        var anyPiece = -1
        var anyUnit = 0
        var compared = 0
        while unit < units.count {
            if piece < pieces.count {
                switch pieces[piece] {
                case .any:
                    anyPiece = piece
                    anyUnit = unit
                    piece += 1
                    continue
                case .one where !LikePattern.isLineTerminator(units[unit]), .unit(units[unit]):
                    piece += 1
                    unit += 1
                    continue
                case .one, .unit: break
                }
            }
            guard anyPiece >= 0, !LikePattern.isLineTerminator(units[anyUnit]) else { return false }
            anyUnit += 1
            compared += unit - anyUnit + 2
            if compared > LikePattern.unitsBetweenLooks {
                if cancel.isSet { return false }
                compared = 0
            }
            unit = anyUnit
            piece = anyPiece + 1
        }
        while piece < pieces.count, pieces[piece] == .any { piece += 1 }
        return piece == pieces.count
    }
}

/// `x LIKE p ESCAPE 'c'`
final class LikeKernel: Kernel {
    private let value: Kernel, pattern: Kernel
    private let escape: Unicode.Scalar?
    private let negated: Bool
    /// The last pattern seen and its text: patterns hardly ever change from row to row.
    private struct Known {
        let text: [UInt8]
        let pattern: LikePattern?
    }

    private var known: Known?

    init(_ value: Kernel, _ pattern: Kernel, escape: Unicode.Scalar?, negated: Bool) {
        self.value = value
        self.pattern = pattern
        self.escape = escape
        self.negated = negated
        super.init(.boolean)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let values = value.evaluate(frame, rows)
        let patterns = pattern.evaluate(frame, rows)
        result.reset(frame.count)
        let cancel = frame.pressure.cancel
        computable(rows, [values, patterns], nullFails: frame.nullFails).forEach { row in
            if cancel.isSet { return result.setFailed(row) }
            guard let compiled = compile(patterns.text(row)) else {
                return fail(frame, row, "the LIKE pattern ends in its escape character")
            }
            result.words[row] = compiled.matches(values.text(row), unless: cancel) != negated ? 1 : 0
        }
        return result
    }

    private func compile(_ text: ArraySlice<UInt8>) -> LikePattern? {
        if let known, known.text[...] == text { return known.pattern }
        let pattern = LikePattern(text, escape: escape)
        known = Known(text: Array(text), pattern: pattern)
        return pattern
    }
}
