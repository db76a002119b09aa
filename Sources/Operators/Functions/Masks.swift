// Bodies of MASK, MASK_LEFT, MASK_RIGHT, MASK_KEEP_LEFT and MASK_KEEP_RIGHT: letters and digits of a part of a text are
// replaced by the mask of their class. Parts and replacements count UTF-16 units.

import Bytes
import Values

/// The replacement of each class of units; nil leaves the class alone.
private struct Mask {
    var upper: [UInt8]? = [0x58]
    var lower: [UInt8]? = [0x78]
    var digit: [UInt8]? = [0x6E]
    var other: [UInt8]? = [0x2D]

    func replacement(_ scalar: Unicode.Scalar) -> [UInt8]? {
        if scalar.isASCII {
            switch UInt8(truncatingIfNeeded: scalar.value) {
            case 0x41...0x5A: return upper
            case 0x61...0x7A: return lower
            case 0x30...0x39: return digit
            default: return other
            }
        }
        // Each half of a surrogate pair is of no letter class.
        guard scalar.value <= 0xFFFF else { return other }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter: return upper
        case .lowercaseLetter: return lower
        case .decimalNumber: return digit
        default: return other
        }
    }

    /// Appends `text` with the units of `part` replaced, or the beginning of that when `cancel` is set meanwhile.
    func append(_ text: ArraySlice<UInt8>, _ part: Range<Int>, unless cancel: CancelFlag, to bytes: inout [UInt8]) {
        let half = Array("\u{FFFD}".utf8)
        var unit = 0
        var place = 0
        for scalar in string(text).unicodeScalars {
            place += 1
            if cancel.isSet(at: place) { return }
            let width = scalar.value > 0xFFFF ? 2 : 1
            let replaced = part.clamped(to: unit..<unit + width).count
            if replaced > 0, let mask = replacement(scalar) {
                // A pair that the border cuts leaves a half, for which UTF-8 has no form.
                if replaced < width, part.lowerBound > unit { bytes.append(contentsOf: half) }
                for _ in 0..<replaced { bytes.append(contentsOf: mask) }
                if replaced < width, part.lowerBound <= unit { bytes.append(contentsOf: half) }
            } else {
                bytes.append(contentsOf: String(Character(scalar)).utf8)
            }
            unit += width
        }
    }
}

extension FunctionLibrary {
    static let masks: [FunctionBody] = [
        maskBody("MASK", hasCount: false) { length, _ in 0..<length },
        maskBody("MASK_LEFT", hasCount: true) { length, count in 0..<count },
        maskBody("MASK_RIGHT", hasCount: true) { length, count in length - count..<length },
        maskBody("MASK_KEEP_LEFT", hasCount: true) { length, count in count..<length },
        maskBody("MASK_KEEP_RIGHT", hasCount: true) { length, count in 0..<length - count },
    ]

    /// `part` gives the units to replace of a text's length and a count, which is not larger.
    private static func maskBody(_ name: String, hasCount: Bool, _ part: @escaping @Sendable (Int, Int) -> Range<Int>) -> FunctionBody {
        let fixed: [SQLType] = hasCount ? [.string, .integer] : [.string]
        return FunctionBody(
            name, nulls: .seen,
            accepts: {
                $0.starts(with: fixed)
                    && ($0.count == fixed.count || ($0.count == fixed.count + 4 && $0.suffix(4).allSatisfy { $0 == .string }))
            },
            .vectorised { call in
                let source = call.arguments[0]
                call.texts { row, bytes throws(EvaluationError) in
                    let mask = try mask(call, row, from: fixed.count)
                    let count = hasCount ? try maskedCount(call, row, name) : 0
                    if source.isNull(row) { return false }
                    let text = source.text(row)
                    let length = utf16Length(text)
                    mask.append(text, part(length, min(count, length)), unless: call.frame.pressure.cancel, to: &bytes)
                    return true
                }
            })
    }

    private static func maskedCount(_ call: FunctionCall, _ row: Int, _ name: String) throws(EvaluationError) -> Int {
        if call.isNull(1, row) { throw EvaluationError("the number of characters of \(name) must not be null") }
        let count = Int(call.arguments[1].words[row])
        if count < 0 { throw EvaluationError("function \(name.lowercased()) requires a non-negative number of characters to mask") }
        return count
    }

    private static func mask(_ call: FunctionCall, _ row: Int, from first: Int) throws(EvaluationError) -> Mask {
        var mask = Mask()
        guard call.arguments.count >= first + 4 else { return mask }
        mask.upper = try unit(call.arguments[first], row)
        mask.lower = try unit(call.arguments[first + 1], row)
        mask.digit = try unit(call.arguments[first + 2], row)
        mask.other = try unit(call.arguments[first + 3], row)
        return mask
    }

    private static func unit(_ column: Column, _ row: Int) throws(EvaluationError) -> [UInt8]? {
        if column.isNull(row) { return nil }
        let text = column.text(row)
        guard utf16Length(text) == 1 else { throw EvaluationError("Invalid mask character: must be exactly one character") }
        return Array(text)
    }
}
