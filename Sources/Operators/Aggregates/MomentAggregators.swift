// AVG, variances, covariances and CORRELATION: aggregates over sums and squares.

import Values

/// The number at a row as a double; INTEGER and BIGINT are widened.
private func double(_ column: Column, _ row: Int) -> Double {
    column.lane == .double ? column.doubles[row] : Double(column.words[row])
}

/// The bytes of a sum of whole numbers that has room for 2^63 of them.
private func putWide(_ sum: Int128, to bytes: inout [UInt8]) {
    RowWriter.putFixed(UInt64(truncatingIfNeeded: sum), to: &bytes)
    RowWriter.putFixed(UInt64(truncatingIfNeeded: sum >> 64), to: &bytes)
}

/// Reads such a sum back; nil when the bytes are damaged.
private func wide(_ reader: inout RowReader) -> Int128? {
    guard let low = reader.fixed(), let high = reader.fixed() else { return nil }
    return Int128(truncatingIfNeeded: UInt128(high) << 64 | UInt128(low))
}

/// AVG. The sum of whole numbers is exact, or, as in ksqlDB, wraps in the argument's own type: 32 bits for INTEGER and 64 for BIGINT.
final class AverageAggregator: Aggregator {
    private let type: SQLType
    private let isExact: Bool
    private var words: [Int128] = []
    private var doubles: [Double] = []
    private var counts: [Int64] = []

    init(_ type: SQLType, isExact: Bool) {
        self.type = type
        self.isExact = isExact
    }

    override func extend(to count: Int) {
        for _ in counts.count..<count {
            words.append(0)
            doubles.append(0)
            counts.append(0)
        }
    }

    override var isSmall: Bool { true }
    override func reset(_ group: Int) {
        words[group] = 0
        doubles[group] = 0
        counts[group] = 0
    }

    override var memory: Int { counts.capacity * 32 }

    private func cut(_ value: Int128) -> Int128 {
        if isExact { return value }
        return type == .integer ? Int128(Int32(truncatingIfNeeded: value)) : Int128(Int64(truncatingIfNeeded: value))
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        if type == .double {
            doubles[group] += arguments[0].doubles[row]
        } else {
            words[group] = cut(words[group] &+ Int128(arguments[0].words[row]))
        }
        counts[group] &+= 1
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        if type == .double {
            doubles[group] -= arguments[0].doubles[row]
        } else {
            words[group] = cut(words[group] &- Int128(arguments[0].words[row]))
        }
        counts[group] &-= 1
        if counts[group] == 0 { doubles[group] = 0 }
    }

    override func merge(_ other: Int, into group: Int) {
        words[group] = cut(words[group] &+ words[other])
        doubles[group] += doubles[other]
        counts[group] &+= counts[other]
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let count = counts[group]
        let sum = words[group]
        if count == 0 {
            column.doubles[row] = 0
        } else if type == .double {
            column.doubles[row] = doubles[group] / Double(count)
        } else if sum.magnitude < 1 << 53 {
            column.doubles[row] = Double(Int64(truncatingIfNeeded: sum)) / Double(count)
        } else {
            // A sum with more digits than a double: the whole part by itself keeps those of the mean.
            let (whole, rest) = sum.quotientAndRemainder(dividingBy: Int128(count))
            column.doubles[row] = Double(whole) + Double(rest) / Double(count)
        }
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        if isExact { putWide(words[group], to: &bytes) } else { RowWriter.putWord(Int64(truncatingIfNeeded: words[group]), to: &bytes) }
        RowWriter.putFixed(doubles[group].bitPattern, to: &bytes)
        RowWriter.putWord(counts[group], to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        let sum = isExact ? wide(&reader) : reader.word().map { Int128($0) }
        guard let sum, let bits = reader.fixed(), let count = reader.word() else { return false }
        words[group] = sum
        doubles[group] = Double(bitPattern: bits)
        counts[group] = count
        return true
    }
}

/// Variances and their roots; the update is that of E. A. Youngs and E. M. Cramer, "Some results relevant to choice of sum and
/// sum-of-product algorithms", 1971.
final class VarianceAggregator: Aggregator {
    /// What the values are.
    enum Kind {
        /// All there are: VAR_POP and STDDEV_POP.
        case population
        /// A sample, of which fewer than two say nothing: VAR_SAMP and STDDEV.
        case sample
        /// A sample as in ksqlDB, where fewer than two have a variance of zero: STDDEV_SAMP, which is the variance, and STDDEV_SAMPLE.
        case sampleFromZero
    }

    private struct State {
        /// Of whole numbers; exact.
        var wordSum: Int128 = 0
        var doubleSum = 0.0
        var count: Int64 = 0
        var m2 = 0.0
    }

    private let isWord: Bool
    private let isRoot: Bool
    private let kind: Kind
    private var states: [State] = []

    init(_ type: SQLType, _ kind: Kind, isRoot: Bool) {
        isWord = type != .double
        self.isRoot = isRoot
        self.kind = kind
    }

    override func extend(to count: Int) { while states.count < count { states.append(State()) } }
    override var isSmall: Bool { true }
    override func reset(_ group: Int) { states[group] = State() }
    override var memory: Int { states.capacity * MemoryLayout<State>.stride }

    private func sum(_ state: State) -> Double { isWord ? Double(state.wordSum) : state.doubleSum }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        var state = states[group]
        state.count &+= 1
        if isWord { state.wordSum &+= Int128(arguments[0].words[row]) } else { state.doubleSum += arguments[0].doubles[row] }
        if state.count > 1 {
            let n = Double(state.count)
            let delta = distance(state.count, arguments[0], row, state.wordSum, state.doubleSum)
            state.m2 += delta * delta / (n * (n - 1))
        }
        states[group] = state
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        var state = states[group]
        if state.count > 1 {
            let n = Double(state.count)
            let delta = distance(state.count, arguments[0], row, state.wordSum, state.doubleSum)
            state.m2 -= delta * delta / (n * (n - 1))
        }
        state.count &-= 1
        if isWord { state.wordSum &-= Int128(arguments[0].words[row]) } else { state.doubleSum -= arguments[0].doubles[row] }
        // One value has no spread and no value no sum, whatever rounding has left.
        state.m2 = state.count < 2 ? 0 : max(0, state.m2)
        if state.count == 0 { state.doubleSum = 0 }
        states[group] = state
    }

    override func merge(_ other: Int, into group: Int) {
        let a = states[group]
        let b = states[other]
        var merged = a
        merged.count &+= b.count
        merged.wordSum &+= b.wordSum
        merged.doubleSum += b.doubleSum
        merged.m2 += b.m2
        if a.count > 0 && b.count > 0 {
            let difference = meanDistance(a, b)
            merged.m2 += Double(a.count) * Double(b.count) * difference * difference / Double(merged.count)
        }
        states[group] = merged
    }

    /// How far the means of two states, both of some values, are apart. STDDEV_SAMP of whole numbers takes the means by integer division.
    private func meanDistance(_ a: State, _ b: State) -> Double {
        guard isWord else { return a.doubleSum / Double(a.count) - b.doubleSum / Double(b.count) }
        if kind == .sampleFromZero, !isRoot { return Double(a.wordSum / Int128(a.count) - b.wordSum / Int128(b.count)) }
        return distanceOfMeans(a.wordSum, a.count, b.wordSum, b.count)
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let state = states[group]
        let variance: Double
        switch kind {
        case .population:
            if state.count == 0 { return column.setNull(row) }
            variance = state.m2 / Double(state.count)
        case .sample:
            if state.count < 2 { return column.setNull(row) }
            variance = state.m2 / Double(state.count - 1)
        case .sampleFromZero: variance = state.count < 2 ? 0 : state.m2 / Double(state.count - 1)
        }
        column.doubles[row] = isRoot ? variance.squareRoot() : variance
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        putWide(states[group].wordSum, to: &bytes)
        RowWriter.putFixed(states[group].doubleSum.bitPattern, to: &bytes)
        RowWriter.putWord(states[group].count, to: &bytes)
        RowWriter.putFixed(states[group].m2.bitPattern, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let words = wide(&reader), let sum = reader.fixed(), let count = reader.word(), let m2 = reader.fixed() else { return false }
        states[group] = State(wordSum: words, doubleSum: Double(bitPattern: sum), count: count, m2: Double(bitPattern: m2))
        return true
    }
}

/// How far the value at a row, taken as often as there are values, is from their sum. Of whole numbers it is exact, so that large numbers that
/// lie close together keep their digits.
private func distance(_ count: Int64, _ column: Column, _ row: Int, _ wordSum: Int128, _ doubleSum: Double) -> Double {
    guard column.lane != .double else { return Double(count) * column.doubles[row] - doubleSum }
    return Double(Int128(count) &* Int128(column.words[row]) &- wordSum)
}

/// How far the means of whole numbers are apart, with the digits that they have beyond a double's.
private func distanceOfMeans(_ sum: Int128, _ count: Int64, _ otherSum: Int128, _ otherCount: Int64) -> Double {
    let (whole, rest) = sum.quotientAndRemainder(dividingBy: Int128(count))
    let (otherWhole, otherRest) = otherSum.quotientAndRemainder(dividingBy: Int128(otherCount))
    return Double(whole &- otherWhole) + (Double(rest) / Double(count) - Double(otherRest) / Double(otherCount))
}

/// CORRELATION(x, y), COVAR_POP and COVAR_SAMP. Plain sums give what the reference gives to the last digit, until values are so large and so close that little is left of
/// their differences: then the update of Youngs and Cramer has it, for both sums of squares and for that of the products.
final class CorrelationAggregator: Aggregator {
    private struct State {
        /// The sums; of whole numbers exact.
        var wordX: Int128 = 0, wordY: Int128 = 0
        var x = 0.0, y = 0.0
        /// Of the distances from the means.
        var xx = 0.0, yy = 0.0, xy = 0.0
        /// Of the values themselves.
        var plainX = 0.0, plainY = 0.0, plainXX = 0.0, plainYY = 0.0, plainXY = 0.0
        var count: Int64 = 0
    }

    /// What is asked of the sums: the correlation, or the covariance of all values or of a sample.
    enum Kind {
        case correlation, population, sample
    }

    private let isWord: Bool
    private let kind: Kind
    private var states: [State] = []

    /// `type` is that of both arguments.
    init(_ type: SQLType, _ kind: Kind = .correlation) {
        isWord = type != .double
        self.kind = kind
    }

    override func extend(to count: Int) { while states.count < count { states.append(State()) } }
    override var isSmall: Bool { true }
    override func reset(_ group: Int) { states[group] = State() }
    override var memory: Int { states.capacity * MemoryLayout<State>.stride }

    private static func take(_ state: inout State, _ arguments: [Column], _ row: Int, isWord: Bool, sign: Int64) {
        let (x, y, factor) = (double(arguments[0], row), double(arguments[1], row), Double(sign))
        state.plainX += factor * x
        state.plainY += factor * y
        state.plainXX += factor * (x * x)
        state.plainYY += factor * (y * y)
        state.plainXY += factor * (x * y)
        if isWord {
            state.wordX &+= Int128(sign) &* Int128(arguments[0].words[row])
            state.wordY &+= Int128(sign) &* Int128(arguments[1].words[row])
        } else {
            state.x += Double(sign) * arguments[0].doubles[row]
            state.y += Double(sign) * arguments[1].doubles[row]
        }
    }

    /// Adds, or takes out, what a row that is part of the sums adds to those of the distances.
    private func change(_ state: inout State, _ arguments: [Column], _ row: Int, sign: Double) {
        guard state.count > 1 else { return }
        let n = Double(state.count)
        let dx = distance(state.count, arguments[0], row, state.wordX, state.x)
        let dy = distance(state.count, arguments[1], row, state.wordY, state.y)
        state.xx += sign * (dx * dx / (n * (n - 1)))
        state.yy += sign * (dy * dy / (n * (n - 1)))
        state.xy += sign * (dx * dy / (n * (n - 1)))
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row), !arguments[1].isNull(row) else { return }
        states[group].count += 1
        Self.take(&states[group], arguments, row, isWord: isWord, sign: 1)
        change(&states[group], arguments, row, sign: 1)
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row), !arguments[1].isNull(row) else { return }
        change(&states[group], arguments, row, sign: -1)
        states[group].count -= 1
        Self.take(&states[group], arguments, row, isWord: isWord, sign: -1)
        // One value has no spread, whatever rounding has left.
        if states[group].count < 2 { (states[group].xx, states[group].yy, states[group].xy) = (0, 0, 0) }
        if states[group].count == 0 { states[group] = State() }
    }

    override func merge(_ other: Int, into group: Int) {
        let (a, b) = (states[group], states[other])
        var merged = a
        merged.count += b.count
        merged.wordX &+= b.wordX
        merged.wordY &+= b.wordY
        merged.x += b.x
        merged.y += b.y
        merged.xx += b.xx
        merged.yy += b.yy
        merged.xy += b.xy
        merged.plainX += b.plainX
        merged.plainY += b.plainY
        merged.plainXX += b.plainXX
        merged.plainYY += b.plainYY
        merged.plainXY += b.plainXY
        if a.count > 0, b.count > 0 {
            let weight = Double(a.count) * Double(b.count) / Double(merged.count)
            let dx = isWord ? distanceOfMeans(a.wordX, a.count, b.wordX, b.count) : a.x / Double(a.count) - b.x / Double(b.count)
            let dy = isWord ? distanceOfMeans(a.wordY, a.count, b.wordY, b.count) : a.y / Double(a.count) - b.y / Double(b.count)
            merged.xx += dx * dx * weight
            merged.yy += dy * dy * weight
            merged.xy += dx * dy * weight
        }
        states[group] = merged
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let state = states[group]
        let n = Double(state.count)
        guard kind == .correlation else {
            let divisor = kind == .population ? n : n - 1
            if divisor <= 0 { column.setNull(row) } else { column.doubles[row] = state.xy / divisor }
            return
        }
        let (ofX, ofY) = (n * state.plainXX - state.plainX * state.plainX, n * state.plainYY - state.plainY * state.plainY)
        // Of sixteen digits at least ten are left.
        if ofX > 1e-6 * n * state.plainXX, ofY > 1e-6 * n * state.plainYY {
            column.doubles[row] = (n * state.plainXY - state.plainX * state.plainY) / (ofX * ofY).squareRoot()
        } else {
            column.doubles[row] = state.xy / (state.xx * state.yy).squareRoot()
        }
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        let state = states[group]
        putWide(state.wordX, to: &bytes)
        putWide(state.wordY, to: &bytes)
        let moments = [state.x, state.y, state.xx, state.yy, state.xy]
        let plain = [state.plainX, state.plainY, state.plainXX, state.plainYY, state.plainXY]
        for sum in moments + plain { RowWriter.putFixed(sum.bitPattern, to: &bytes) }
        RowWriter.putWord(state.count, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let wordX = wide(&reader), let wordY = wide(&reader) else { return false }
        var sums: [Double] = []
        for _ in 0..<10 {
            guard let bits = reader.fixed() else { return false }
            sums.append(Double(bitPattern: bits))
        }
        guard let count = reader.word() else { return false }
        states[group] = State(
            wordX: wordX, wordY: wordY, x: sums[0], y: sums[1], xx: sums[2], yy: sums[3], xy: sums[4], plainX: sums[5], plainY: sums[6],
            plainXX: sums[7], plainYY: sums[8], plainXY: sums[9], count: count)
        return true
    }
}
