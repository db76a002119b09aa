// Compares what came out with what a case expects, by the kind of the expected JSON node. Numbers keep their scale: 10.10 is not 10.1.

import Bytes
import JSONText
import Values

/// An exact decimal of any length: `digits` × 10^-`scale`.
struct ExactNumber: Equatable {
    var isNegative: Bool
    /// Without leading zeros; empty for zero.
    var digits: [UInt8]
    var scale: Int

    /// No type of the dialect reaches beyond; written out, a number has no more zeros than this.
    private static let largestExponent = 10_000

    /// Reads a JSON number; nil for one beyond any type.
    init?(_ text: String) {
        var digits: [UInt8] = []
        var scale = 0
        var isNegative = false
        var seenPoint = false
        var rest = text[...]
        if rest.hasPrefix("-") {
            isNegative = true
            rest = rest.dropFirst()
        }
        let parts = rest.split(whereSeparator: { $0 == "e" || $0 == "E" })
        guard let mantissa = parts.first, parts.count <= 2 else { return nil }
        for character in mantissa {
            if character == "." && !seenPoint {
                seenPoint = true
                continue
            }
            guard character.isASCII, let digit = character.wholeNumberValue else { return nil }
            digits.append(UInt8(truncatingIfNeeded: digit))
            if seenPoint { scale += 1 }
        }
        if parts.count == 2 {
            let exponent = Int(parts[1].hasPrefix("+") ? parts[1].dropFirst() : parts[1])
            guard let exponent, (-ExactNumber.largestExponent...ExactNumber.largestExponent).contains(exponent) else { return nil }
            scale -= exponent
        }
        self.digits = Array(digits.drop { $0 == 0 })
        self.scale = scale
        self.isNegative = isNegative && !self.digits.isEmpty
    }

    /// Equal in value whatever the scales.
    func isSameValue(as other: ExactNumber) -> Bool {
        if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && other.digits.isEmpty }
        func trimmed(_ number: ExactNumber) -> ([UInt8], Int) {
            var digits = number.digits
            var scale = number.scale
            while digits.last == 0 {
                digits.removeLast()
                scale -= 1
            }
            return (digits, scale)
        }
        let (a, b) = (trimmed(self), trimmed(other))
        return isNegative == other.isNegative && a.0 == b.0 && a.1 == b.1
    }

    /// The number without its fraction, in 64 bits with wrap-around.
    var truncated: Int64 {
        var value: Int64 = 0
        let whole = scale > 0 ? Array(digits.dropLast(scale)) : digits + Array(repeating: 0, count: -scale)
        for digit in whole { value = value &* 10 &+ Int64(digit) }
        return isNegative ? 0 &- value : value
    }
}

/// Compares values; with `exact` off, fractions are compared as doubles.
struct ValueComparison {
    var isExact: Bool

    /// Nil when they agree, else the first difference, with its path.
    func difference(expected: JSONValue, actual: ActualValue?, path: String) -> String? {
        func differs() -> String { "\(path): expected \(expected.text), got \(actual?.description ?? "null")" }
        guard let actual else { return expected.isNull ? nil : differs() }
        switch actual {
        case .json(let value): return difference(expected, value, path)
        case .integer(let number):
            guard let text = expected.numberText, let wanted = ExactNumber(text) else { return differs() }
            return wanted.truncated == number ? nil : differs()
        case .text(let text): return expected.stringValue == text ? nil : differs()
        case .typed(let value, let type): return difference(expected, value, type, path)
        }
    }

    /// Values that a schema gives types: whole numbers compare in the width of their type, doubles with a tolerance, decimals with their scale.
    private func difference(_ expected: JSONValue, _ actual: Value, _ type: SQLType, _ path: String) -> String? {
        func differs() -> String { "\(path): expected \(expected.text), got \(actual)" }
        func check(_ holds: Bool) -> String? { holds ? nil : differs() }
        switch (actual, expected, type) {
        case (.null, _, _): return check(expected.isNull)
        // An empty text of bytes counts for null.
        case (.bytes([]), .null, _): return nil
        case (.boolean(let value), .boolean(let wanted), _): return check(value == wanted)
        case (.string(let value), .string(let wanted), _): return check(value.utf8.elementsEqual(wanted.utf8))
        case (.bytes(let value), .string(let wanted), _): return check(decodedBase64(wanted) == value)
        case (.decimal(let value), .string(let text), _), (.decimal(let value), .number(let text), _):
            guard let wanted = ExactNumber(text), let have = ExactNumber(value.description) else { return differs() }
            let isWhole = !expected.text.contains { $0 == "." || $0 == "e" || $0 == "E" }
            return check(isWhole ? have.scale <= 0 && have.isSameValue(as: wanted) : wanted == have)
        case (.double(let value), .number(let text), _):
            return check(Double(text).map { abs($0 - value) < 0.000001 || $0 == value } ?? false)
        case (.integer(let value), .number(let text), _), (.date(let value), .number(let text), _), (.time(let value), .number(let text), _):
            return check(ExactNumber(text).map { Int32(truncatingIfNeeded: $0.truncated) == value } ?? false)
        case (.bigint(let value), .number(let text), _), (.timestamp(let value), .number(let text), _):
            return check(ExactNumber(text)?.truncated == value)
        case (.array(let values), .array(let wanted), .array(let element)):
            guard values.count == wanted.count else { return differs() }
            return zip(values, wanted).enumerated().lazy.compactMap {
                difference($0.element.1, $0.element.0, element, "\(path)[\($0.offset)]")
            }.first
        case (.map(let entries), .object(let members), .map(_, let element)):
            let fields = entries.map { (name: name(of: $0.key), value: $0.value, type: element) }
            return difference(members, fields, path) { differs() }
        case (.structure(let values), .object(let members), .structure(let types)):
            return difference(members, zip(types, values).map { ($0.name, $1, $0.type) }, path) { differs() }
        default: return differs()
        }
    }

    private func name(of key: Value) -> String { if case .string(let text) = key { text } else { "" } }

    private func difference(
        _ members: [JSONValue.Member], _ fields: [(name: String, value: Value, type: SQLType)], _ path: String, _ differs: () -> String
    ) -> String? {
        guard members.count == fields.count else { return differs() }
        for member in members {
            var found = fields.first { $0.name == member.name }
            if found?.value.isNull ?? true { found = fields.first { $0.name == member.name.uppercased() } ?? found }
            guard let found else {
                if member.value.isNull { continue }
                return differs()
            }
            if let difference = difference(member.value, found.value, found.type, path + "." + member.name) { return difference }
        }
        return nil
    }

    private func difference(_ expected: JSONValue, _ actual: JSONValue, _ path: String) -> String? {
        func differs() -> String { "\(path): expected \(expected.text), got \(actual.text)" }
        switch (expected, actual) {
        case (.null, .null): return nil
        case (.boolean(let a), .boolean(let b)): return a == b ? nil : differs()
        case (.string(let a), .string(let b)): return a.utf8.elementsEqual(b.utf8) ? nil : differs()
        case (.string(let text), .number(let number)):
            guard let a = ExactNumber(text), let b = ExactNumber(number) else { return differs() }
            return a == b ? nil : differs()
        case (.number(let a), .number(let b)): return agree(a, b) ? nil : differs()
        case (.array(let a), .array(let b)):
            guard a.count == b.count else { return differs() }
            for index in a.indices {
                if let difference = difference(a[index], b[index], "\(path)[\(index)]") { return difference }
            }
            return nil
        case (.object(let a), .object(let b)):
            guard a.count == b.count else { return differs() }
            for member in a {
                var found = actual[member.name] ?? .null
                if found.isNull { found = actual[member.name.uppercased()] ?? .null }
                if let difference = difference(member.value, found, path + "." + member.name) { return difference }
            }
            return nil
        default: return differs()
        }
    }

    private func agree(_ expected: String, _ actual: String) -> Bool {
        guard let wanted = ExactNumber(expected), let have = ExactNumber(actual) else { return false }
        let isFraction = actual.contains { $0 == "." || $0 == "e" || $0 == "E" }
        guard isFraction else { return wanted.truncated == have.truncated && have.digits.count < 20 }
        if !isExact, let a = Double(expected), let b = Double(actual) { return abs(a - b) < 0.000001 }
        let isWhole = !expected.contains { $0 == "." || $0 == "e" || $0 == "E" }
        if isWhole { return have.scale <= 0 && have.isSameValue(as: wanted) }
        return wanted == have
    }
}
