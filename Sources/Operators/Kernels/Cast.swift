// CAST, explicit and implicit. Which conversion is meant is settled when the query is made.

import Bytes
import Quantities
import Values

/// How values of one type become another's.
indirect enum Conversion {
    case same
    /// 64 bits to their low 32.
    case narrow
    case wordToDouble
    case wordToDecimal(precision: Int, scale: Int)
    case decimalToWord(scale: Int, narrow: Bool)
    case decimalToDouble(scale: Int)
    case decimalToDecimal(from: Int, precision: Int, scale: Int)
    case doubleToWord(low: Int64, high: Int64)
    case doubleToDecimal(precision: Int, scale: Int)
    case toText
    case textToBoolean
    case textToInteger(low: Int64, high: Int64)
    case textToDouble
    case textToDecimal(precision: Int, scale: Int)
    case textToBytes
    case textToTime
    case textToDate
    case textToTimestamp
    case dateToTimestamp
    case timestampToTime
    case timestampToDate
    case list(Conversion)
    case map(Conversion, Conversion)
    /// For each target field: the source field and its conversion, nil for NULL.
    case structure([(source: Int, conversion: Conversion)?])

    /// Nil when there is no such cast.
    init?(_ from: SQLType, _ to: SQLType) {
        if from == to {
            self = .same
            return
        }
        switch (from, to) {
        case (_, .string): self = .toText
        case (.integer, .bigint): self = .same
        case (.bigint, .integer): self = .narrow
        case (.integer, .double), (.bigint, .double): self = .wordToDouble
        case (.integer, .decimal(let precision, let scale)), (.bigint, .decimal(let precision, let scale)):
            self = .wordToDecimal(precision: precision, scale: scale)
        case (.decimal(_, let scale), .integer): self = .decimalToWord(scale: scale, narrow: true)
        case (.decimal(_, let scale), .bigint): self = .decimalToWord(scale: scale, narrow: false)
        case (.decimal(_, let scale), .double): self = .decimalToDouble(scale: scale)
        case (.decimal(_, let scale), .decimal(let precision, let newScale)):
            self = .decimalToDecimal(from: scale, precision: precision, scale: newScale)
        case (.double, .integer): self = .doubleToWord(low: Int64(Int32.min), high: Int64(Int32.max))
        case (.double, .bigint): self = .doubleToWord(low: .min, high: .max)
        case (.double, .decimal(let precision, let scale)): self = .doubleToDecimal(precision: precision, scale: scale)
        case (.string, .boolean): self = .textToBoolean
        case (.string, .integer): self = .textToInteger(low: Int64(Int32.min), high: Int64(Int32.max))
        case (.string, .bigint): self = .textToInteger(low: .min, high: .max)
        case (.string, .double): self = .textToDouble
        case (.string, .decimal(let precision, let scale)): self = .textToDecimal(precision: precision, scale: scale)
        case (.string, .bytes): self = .textToBytes
        case (.string, .time): self = .textToTime
        case (.string, .date): self = .textToDate
        case (.string, .timestamp): self = .textToTimestamp
        case (.date, .timestamp): self = .dateToTimestamp
        case (.timestamp, .time): self = .timestampToTime
        case (.timestamp, .date): self = .timestampToDate
        case (.array(let a), .array(let b)):
            guard let element = Conversion(a, b) else { return nil }
            self = .list(element)
        case (.map(let ka, let va), .map(let kb, let vb)):
            guard let key = Conversion(ka, kb), let value = Conversion(va, vb) else { return nil }
            self = .map(key, value)
        case (.structure(let a), .structure(let b)):
            var fields: [(source: Int, conversion: Conversion)?] = []
            for field in b {
                guard let source = a.firstIndex(where: { $0.name == field.name }) else {
                    fields.append(nil)
                    continue
                }
                guard let conversion = Conversion(a[source].type, field.type) else { return nil }
                fields.append((source, conversion))
            }
            self = .structure(fields)
        default: return nil
        }
    }
}

/// `CAST(x AS t)`
final class CastKernel: Kernel {
    private let operand: Kernel
    private let conversion: Conversion

    init(_ operand: Kernel, _ conversion: Conversion, _ type: SQLType) {
        self.operand = operand
        self.conversion = conversion
        super.init(type)
    }

    override func evaluate(_ frame: Frame, _ rows: Selection) -> Column {
        let column = operand.evaluate(frame, rows)
        if case .same = conversion {
            if column.type == type { return column }
            result.share(column)
            return result
        }
        result.reset(frame.count)
        let usable = computable(rows, [column])
        if case .wordToDouble = conversion {
            let a = column.words
            var out = result.doubles
            result.doubles = []
            usable.forEach { out[$0] = Double(a[$0]) }
            result.doubles = out
            return result
        }
        // Where every 64-bit number fits, nothing can fail; beyond 38 digits the product may not fit 128 bits.
        if case .wordToDecimal(let precision, let scale) = conversion, precision - scale >= 19, scale <= 19, let unit = Decimal.powerOfTen(scale) {
            let a = column.words
            var out = result.wides
            result.wides = []
            usable.forEach { out[$0] = Int128(a[$0]) &* unit }
            result.wides = out
            return result
        }
        let cancel = frame.pressure.cancel
        let isQuestion = frame.environment.isQuestion
        usable.forEach { row in
            // Costs little beside the conversions that get here.
            if cancel.isSet { return result.setFailed(row) }
            if isQuestion, let misfit = conversion.misfit(column, row) { return fail(frame, row, "\(misfit) does not fit \(type)") }
            if let problem = conversion.apply(column, row, to: result, row) { fail(frame, row, problem) }
        }
        return result
    }
}

extension Conversion {
    /// The number at a row, as text, where a whole number is made of it that is another one: ksqlDB wraps, or takes the nearest. Nil where it fits.
    fileprivate func misfit(_ source: Column, _ row: Int) -> String? {
        let fits: Bool
        switch self {
        case .narrow: fits = Int32(exactly: source.words[row]) != nil
        case .decimalToWord(let scale, let narrow):
            let whole = Decimal(unscaled: source.wides[row], scale: scale).rescaled(to: 0, .down)?.unscaled
            fits = whole.map { narrow ? Int32(exactly: $0) != nil : Int64(exactly: $0) != nil } ?? false
        case .doubleToWord(let low, let high):
            let value = source.doubles[row].rounded(.towardZero)
            fits = value >= Double(low) && (high == .max ? value < Double(high) : value <= Double(high))
        default: return nil
        }
        if fits { return nil }
        var text: [UInt8] = []
        source.appendText(row, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Converts row `from` of `source`, which is not NULL, into row `to` of `target`. Gives the reason when that cannot be done.
    func apply(_ source: Column, _ from: Int, to target: Column, _ to: Int) -> String? {
        target.setPresent(to)
        switch self {
        case .same: target.copy(source, from, to: to)
        case .narrow: target.words[to] = Int64(Int32(truncatingIfNeeded: source.words[from]))
        case .wordToDouble: target.doubles[to] = Double(source.words[from])
        case .wordToDecimal(let precision, let scale):
            return store(
                Decimal(unscaled: Int128(source.words[from]), scale: 0).converted(precision: precision, scale: scale, .halfUp), target, to)
        case .decimalToWord(let scale, let narrow):
            let whole = Decimal(unscaled: source.wides[from], scale: scale).rescaled(to: 0, .down)?.unscaled ?? 0
            target.words[to] = narrow ? Int64(Int32(truncatingIfNeeded: whole)) : Int64(truncatingIfNeeded: whole)
        case .decimalToDouble(let scale): target.doubles[to] = Decimal(unscaled: source.wides[from], scale: scale).doubleValue
        case .decimalToDecimal(let oldScale, let precision, let scale):
            return store(
                Decimal(unscaled: source.wides[from], scale: oldScale).converted(precision: precision, scale: scale, .halfUp), target, to)
        case .doubleToWord(let low, let high):
            let value = source.doubles[from]
            target.words[to] = value.isNaN ? 0 : value <= Double(low) ? low : value >= Double(high) ? high : Int64(value)
        case .doubleToDecimal(let precision, let scale):
            return store(Conversion.decimal(source.doubles[from], precision: precision, scale: scale), target, to)
        case .toText:
            let start = target.bytes.count
            source.appendText(from, to: &target.bytes)
            target.setRange(to, from: start)
        case .dateToTimestamp: target.words[to] = source.words[from] &* TemporalText.millisecondsPerDay
        case .timestampToTime: target.words[to] = floorDivide(source.words[from], TemporalText.millisecondsPerDay).remainder
        case .timestampToDate: target.words[to] = floorDivide(source.words[from], TemporalText.millisecondsPerDay).quotient
        case .list, .map, .structure: return applyNested(source, from, to: target, to)
        case .textToBoolean, .textToInteger, .textToDouble, .textToDecimal, .textToBytes, .textToTime, .textToDate, .textToTimestamp:
            return applyText(source.text(from), target, to)
        }
        return nil
    }

    private func store(_ decimal: Decimal?, _ target: Column, _ row: Int) -> String? {
        guard let decimal else { return "numeric field overflow: the value does not fit \(target.type)" }
        target.wides[row] = decimal.unscaled
        return nil
    }

    /// First to `precision` significant digits, then to `scale`, both HALF_UP.
    static func decimal(_ value: Double, precision: Int, scale: Int) -> Decimal? {
        guard value.isFinite else { return nil }
        guard value != 0 else { return Decimal(unscaled: 0, scale: scale) }
        var (digits, exponent) = NumberText.shortestDigits(value.magnitude)
        if digits.count > precision {
            let roundsUp = digits[precision] >= UInt8(ascii: "5")
            digits.removeSubrange(precision...)
            if roundsUp {
                var place = digits.count - 1
                while place >= 0, digits[place] == UInt8(ascii: "9") {
                    digits[place] = UInt8(ascii: "0")
                    place -= 1
                }
                if place >= 0 {
                    digits[place] += 1
                } else {
                    digits.insert(UInt8(ascii: "1"), at: 0)
                    exponent += 1
                }
            }
        }
        var text: [UInt8] = value < 0 ? [UInt8(ascii: "-")] : []
        text.append(contentsOf: digits)
        text.append(UInt8(ascii: "e"))
        NumberText.append(Int64(exponent - digits.count + 1), to: &text)
        return Decimal(text: text)?.converted(precision: precision, scale: scale, .halfUp)
    }

    private func applyText(_ text: ArraySlice<UInt8>, _ target: Column, _ row: Int) -> String? {
        func unreadable() -> String { "cannot cast '\(String(decoding: text, as: UTF8.self))' to \(target.type)" }
        switch self {
        case .textToBoolean:
            let word = NumberText.trimmed(text).map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }
            target.words[row] = !word.isEmpty && ("true".utf8.starts(with: word) || "yes".utf8.starts(with: word)) ? 1 : 0
        case .textToInteger(let low, let high):
            guard let value = NumberText.integer(NumberText.trimmed(text)), value >= low, value <= high else { return unreadable() }
            target.words[row] = value
        case .textToDouble:
            guard let value = NumberText.double(NumberText.trimmed(text), allowsNonFinite: false) else { return unreadable() }
            target.doubles[row] = value
        case .textToDecimal(let precision, let scale):
            guard let value = Decimal(text: NumberText.trimmed(text)) else { return unreadable() }
            return store(value.converted(precision: precision, scale: scale, .halfUp), target, row)
        case .textToBytes:
            guard let value = Base64.decode(text) else { return unreadable() }
            target.setText(row, value)
        case .textToTime: return store(DateTextReader.time(text), target, row, unreadable)
        case .textToDate: return store(DateTextReader.date(text), target, row, unreadable)
        case .textToTimestamp: return store(DateTextReader.timestamp(text), target, row, unreadable)
        default: return unreadable()
        }
        return nil
    }

    private func store(_ word: Int64?, _ target: Column, _ row: Int, _ problem: () -> String) -> String? {
        guard let word else { return problem() }
        target.words[row] = word
        return nil
    }

    private func applyNested(_ source: Column, _ from: Int, to target: Column, _ to: Int) -> String? {
        func convert(_ conversion: Conversion, _ a: Column, _ i: Int, to b: Column, _ j: Int) -> String? {
            guard !a.isNull(i) else {
                b.setNull(j)
                return nil
            }
            return conversion.apply(a, i, to: b, j)
        }
        switch self {
        case .structure(let fields):
            for (index, field) in fields.enumerated() {
                guard let field else {
                    target.children[index].setNull(to)
                    continue
                }
                if let problem = convert(field.conversion, source.children[field.source], from, to: target.children[index], to) {
                    return problem
                }
            }
        case .list(let element):
            let start = target.children[0].count
            let range = source.elements(from)
            target.children[0].grow(to: start + range.count)
            for (place, row) in range.enumerated() {
                if let problem = convert(element, source.children[0], row, to: target.children[0], start + place) { return problem }
            }
            target.setRange(to, start: start, count: range.count)
        case .map(let key, let value):
            let start = target.children[0].count
            let range = source.elements(from)
            for child in target.children { child.grow(to: start + range.count) }
            for (place, row) in range.enumerated() {
                if let problem = convert(key, source.children[0], row, to: target.children[0], start + place) { return problem }
                if let problem = convert(value, source.children[1], row, to: target.children[1], start + place) { return problem }
            }
            target.setRange(to, start: start, count: range.count)
        default: break
        }
        return nil
    }
}
