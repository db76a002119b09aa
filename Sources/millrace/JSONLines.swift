// JSON as files have it (a value a line, values over several lines, one array of all) as lines of one value each.

import Diagnostics
import JSONText

/// Makes lines of JSON values. The values of one file are told apart by their brackets, and nothing of them is read where no column wants it.
struct JSONLines: LineShaper {
    /// Turns the texts of times into what records have; nil when no column is a time.
    private let times: ColumnTexts?
    /// How the values stand in the file.
    private enum Arrangement {
        /// One a line, and nothing is to be changed in them.
        case lines
        /// One after the other, over as many lines as they like.
        case values
        /// The elements of one array.
        case array
    }
    /// Nil until the beginning of the file tells.
    private var arrangement: Arrangement?
    private var isAtLineStart = true
    private var value: [UInt8] = []
    private var depth = 0
    private var isQuoted = false
    private var isEscaped = false
    /// Ends of lines inside the value.
    private var innerLines = 0
    /// Bytes that were taken before it was known what the file is.
    private var opening: [UInt8] = []

    /// Longer values are no records: they go on as they are, to be rejected with a reason.
    private static let longestValue = 64 << 20
    /// Of a file that begins with more bytes that say nothing, the lines go on as they are.
    private static let longestOpening = 4 << 20

    /// Whether the array of all values has been closed.
    private var isClosed = false
    private(set) var damage: Diagnostic?

    init(times: ColumnTexts?) { self.times = times }

    mutating func take(_ bytes: [UInt8], into lines: inout [UInt8]) {
        guard arrangement == nil else { return scan(bytes, into: &lines) }
        opening += bytes
        arrangement = JSONLines.arrangement(of: opening, changes: times != nil)
        if arrangement == nil, opening.count > JSONLines.longestOpening { arrangement = .lines }
        if arrangement != nil { scanOpening(into: &lines) }
    }

    private mutating func scanOpening(into lines: inout [UInt8]) {
        let all = opening
        opening = []
        scan(all, into: &lines)
    }

    /// How the values stand in a file that begins so; nil when more of it must be known. An array of objects is a file of records, any other
    /// array is a record.
    private static func arrangement(of opening: [UInt8], changes: Bool) -> Arrangement? {
        let first = Array(opening.lazy.filter { !isBlank($0) }.prefix(2))
        guard let one = first.first else { return nil }
        if one == UInt8(ascii: "[") {
            guard first.count == 2 else { return nil }
            if first[1] == UInt8(ascii: "{") || first[1] == UInt8(ascii: "]") { return .array }
        }
        if changes { return .values }
        // A first line that is complete says that all are.
        guard let start = opening.firstIndex(where: { !isBlank($0) }), let end = opening[start...].firstIndex(of: 0x0A) else { return nil }
        return isBalanced(opening[start..<end]) ? .lines : .values
    }

    /// Whether all brackets outside of strings are closed.
    private static func isBalanced(_ line: ArraySlice<UInt8>) -> Bool {
        var depth = 0, isQuoted = false, isEscaped = false
        for byte in line {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = isQuoted
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "{"), UInt8(ascii: "["): if !isQuoted { depth += 1 }
            case UInt8(ascii: "}"), UInt8(ascii: "]"): if !isQuoted { depth -= 1 }
            default: break
            }
        }
        return depth <= 0
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    private mutating func scan(_ bytes: [UInt8], into lines: inout [UInt8]) {
        if arrangement == .lines {
            lines += bytes
            isAtLineStart = bytes.last == 0x0A
            return
        }
        for byte in bytes {
            take(byte, into: &lines)
            isAtLineStart = byte == 0x0A
        }
    }

    /// The depth at which the records of the file stand.
    private var base: Int { arrangement == .array ? 1 : 0 }

    private mutating func take(_ byte: UInt8, into lines: inout [UInt8]) {
        if isQuoted {
            value.append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted = false
            } else if byte == 0x0A {
                // No string goes over the end of a line: the value is damaged, and the next line begins anew.
                value.removeLast()
                end(into: &lines)
                lines.append(0x0A)
                reset()
            }
            return
        }
        switch byte {
        case 0x0A:
            if value.isEmpty {
                lines.append(0x0A)
            } else if depth <= base, base == 0 {
                end(into: &lines)
                lines.append(0x0A)
            } else {
                innerLines += 1
                value.append(0x20)
                if value.count > JSONLines.longestValue { end(into: &lines) }
            }
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            if isAtLineStart, base == 0, !value.isEmpty {
                // Values over several lines are indented: what came before has no end, and is a record of its own, if a bad one.
                innerLines = max(0, innerLines - 1)
                end(into: &lines)
                lines.append(0x0A)
                reset()
            }
            depth += 1
            if depth > base || byte == UInt8(ascii: "{") { value.append(byte) }
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            if depth >= base { value.append(byte) }
            if depth < 0 { depth = 0 }
            if base == 1, depth == 0 { isClosed = true }
            if depth == base, base == 1 || innerLines > 0 {
                end(into: &lines)
                lines.append(0x0A)
            }
        case UInt8(ascii: ",") where depth <= base && base == 1: break
        case UInt8(ascii: "\""):
            isQuoted = true
            value.append(byte)
        default:
            if !value.isEmpty || !JSONLines.isBlank(byte) { value.append(byte) }
        }
    }

    /// The value is complete.
    private mutating func end(into lines: inout [UInt8]) {
        defer {
            value.removeAll(keepingCapacity: true)
            innerLines = 0
        }
        guard !value.isEmpty else { return }
        // The lines that it went over come first, so that a line number is that of its last line.
        lines.append(contentsOf: repeatElement(0x0A, count: base == 0 ? innerLines : 0))
        lines += times?.withTimes(value) ?? value
    }

    private mutating func reset() {
        depth = base
        isQuoted = false
        isEscaped = false
    }

    mutating func dropUnfinished() -> Bool {
        guard arrangement == .values || arrangement == nil, depth > 0 || isQuoted || !opening.isEmpty else { return false }
        // What says nothing yet is complete when its brackets are.
        if arrangement == nil, JSONLines.isBalanced(opening[...]) { return false }
        value = []
        opening = []
        innerLines = 0
        reset()
        return true
    }

    mutating func finish(into lines: inout [UInt8]) {
        if arrangement == nil {
            arrangement = .values
            scanOpening(into: &lines)
        }
        if arrangement == .array, !isClosed {
            damage = Diagnostic(
                .dataError, "the array of records has no end", category: .general, hint: "Was the file cut off? What came before is loaded.")
        }
        if arrangement == .lines, !isAtLineStart { lines.append(0x0A) }
        if !value.isEmpty {
            end(into: &lines)
            lines.append(0x0A)
        }
    }
}
