// AVG, STDDEV_SAMP, STDDEV_SAMPLE and CORRELATION: aggregates over sums and squares.

import Values

/// The number at a row as a double; INTEGER and BIGINT are widened.
private func double(_ column: Column, _ row: Int) -> Double {
    column.lane == .double ? column.doubles[row] : Double(column.words[row])
}

/// AVG: sums in the argument's own type, which wraps for INTEGER (32 bits) and BIGINT.
final class AverageAggregator: Aggregator {
    private let type: SQLType
    private var words: [Int64] = []
    private var doubles: [Double] = []
    private var counts: [Int64] = []

    init(_ type: SQLType) { self.type = type }

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

    override var memory: Int { counts.capacity * 24 }

    private func cut(_ value: Int64) -> Int64 { type == .integer ? Int64(Int32(truncatingIfNeeded: value)) : value }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        if type == .double {
            doubles[group] += arguments[0].doubles[row]
        } else {
            words[group] = cut(words[group] &+ arguments[0].words[row])
        }
        counts[group] += 1
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        if type == .double {
            doubles[group] -= arguments[0].doubles[row]
        } else {
            words[group] = cut(words[group] &- arguments[0].words[row])
        }
        counts[group] -= 1
        if counts[group] == 0 { doubles[group] = 0 }
    }

    override func merge(_ other: Int, into group: Int) {
        words[group] = cut(words[group] &+ words[other])
        doubles[group] += doubles[other]
        counts[group] += counts[other]
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let count = counts[group]
        let sum = words[group]
        if count == 0 {
            column.doubles[row] = 0
        } else if type == .double {
            column.doubles[row] = doubles[group] / Double(count)
        } else if sum.magnitude < 1 << 53 {
            column.doubles[row] = Double(sum) / Double(count)
        } else {
            // A sum with more digits than a double: the whole part by itself keeps those of the mean.
            let (whole, rest) = sum.quotientAndRemainder(dividingBy: count)
            column.doubles[row] = Double(whole) + Double(rest) / Double(count)
        }
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putWord(words[group], to: &bytes)
        RowWriter.putFixed(doubles[group].bitPattern, to: &bytes)
        RowWriter.putWord(counts[group], to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let word = reader.word(), let bits = reader.fixed(), let count = reader.word() else { return false }
        words[group] = word
        doubles[group] = Double(bitPattern: bits)
        counts[group] = count
        return true
    }
}

/// STDDEV_SAMP, which is the variance, and STDDEV_SAMPLE, its root; the update is that of E. A. Youngs and E. M. Cramer, "Some results
/// relevant to choice of sum and sum-of-product algorithms", 1971.
final class VarianceAggregator: Aggregator {
    private struct State {
        var wordSum: Int64 = 0
        var doubleSum = 0.0
        var count: Int64 = 0
        var m2 = 0.0
    }

    private let isWord: Bool
    private let isRoot: Bool
    /// Whether the values are all there are, and no sample: VAR_POP and STDDEV_POP.
    private let isPopulation: Bool
    private var states: [State] = []

    init(_ type: SQLType, isRoot: Bool, isPopulation: Bool = false) {
        isWord = type != .double
        self.isRoot = isRoot
        self.isPopulation = isPopulation
    }

    override func extend(to count: Int) { while states.count < count { states.append(State()) } }
    override var isSmall: Bool { true }
    override func reset(_ group: Int) { states[group] = State() }
    override var memory: Int { states.capacity * MemoryLayout<State>.stride }

    private func sum(_ state: State) -> Double { isWord ? Double(state.wordSum) : state.doubleSum }

    /// How far the value, taken as often as there are values, is from their sum. Of whole numbers it is exact as long as it fits 64 bits, so that
    /// large numbers that lie close together keep their digits.
    private func delta(_ state: State, _ column: Column, _ row: Int) -> Double {
        let about = Double(state.count) * double(column, row) - sum(state)
        guard isWord, about.magnitude < 0x1p62 else { return about }
        return Double(state.count &* column.words[row] &- state.wordSum)
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        var state = states[group]
        state.count += 1
        if isWord { state.wordSum &+= arguments[0].words[row] } else { state.doubleSum += arguments[0].doubles[row] }
        if state.count > 1 {
            let n = Double(state.count)
            let delta = delta(state, arguments[0], row)
            state.m2 += delta * delta / (n * (n - 1))
        }
        states[group] = state
    }

    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) {
        guard !arguments[0].isNull(row) else { return }
        var state = states[group]
        if state.count > 1 {
            let n = Double(state.count)
            let delta = delta(state, arguments[0], row)
            state.m2 -= delta * delta / (n * (n - 1))
        }
        state.count -= 1
        if isWord { state.wordSum &-= arguments[0].words[row] } else { state.doubleSum -= arguments[0].doubles[row] }
        // One value has no spread and no value no sum, whatever rounding has left.
        state.m2 = state.count < 2 ? 0 : max(0, state.m2)
        if state.count == 0 { state.doubleSum = 0 }
        states[group] = state
    }

    /// STDDEV_SAMP of whole numbers takes the means by integer division.
    private func mean(_ state: State) -> Double {
        isWord && !isRoot && !isPopulation ? Double(state.wordSum / state.count) : sum(state) / Double(state.count)
    }

    override func merge(_ other: Int, into group: Int) {
        let a = states[group]
        let b = states[other]
        var merged = a
        merged.count += b.count
        merged.wordSum &+= b.wordSum
        merged.doubleSum += b.doubleSum
        merged.m2 += b.m2
        if a.count > 0 && b.count > 0 {
            let difference = mean(a) - mean(b)
            merged.m2 += Double(a.count) * Double(b.count) * difference * difference / Double(merged.count)
        }
        states[group] = merged
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let state = states[group]
        if isPopulation, state.count == 0 { return column.setNull(row) }
        let variance = isPopulation ? state.m2 / Double(state.count) : state.count < 2 ? 0 : state.m2 / Double(state.count - 1)
        column.doubles[row] = isRoot ? variance.squareRoot() : variance
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        RowWriter.putWord(states[group].wordSum, to: &bytes)
        RowWriter.putFixed(states[group].doubleSum.bitPattern, to: &bytes)
        RowWriter.putWord(states[group].count, to: &bytes)
        RowWriter.putFixed(states[group].m2.bitPattern, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let word = reader.word(), let sum = reader.fixed(), let count = reader.word(), let m2 = reader.fixed() else { return false }
        states[group] = State(wordSum: word, doubleSum: Double(bitPattern: sum), count: count, m2: Double(bitPattern: m2))
        return true
    }
}

/// CORRELATION(x, y), COVAR_POP and COVAR_SAMP. Plain sums give what the reference gives to the last digit, until values are so large and so close that little is left of
/// their differences: then the update of Youngs and Cramer has it, for both sums of squares and for that of the products.
final class CorrelationAggregator: Aggregator {
    private struct State {
        /// The sums; of whole numbers exact, as long as they fit 64 bits.
        var wordX: Int64 = 0, wordY: Int64 = 0
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

    /// How far the value at a row, taken as often as there are values, is from their sum.
    private func distance(_ count: Int64, _ column: Column, _ row: Int, _ word: Int64, _ sum: Double) -> Double {
        guard isWord else { return Double(count) * column.doubles[row] - sum }
        let about = Double(count) * Double(column.words[row]) - Double(word)
        return about.magnitude < 0x1p62 ? Double(count &* column.words[row] &- word) : about
    }

    private static func take(_ state: inout State, _ arguments: [Column], _ row: Int, isWord: Bool, sign: Int64) {
        let (x, y, factor) = (double(arguments[0], row), double(arguments[1], row), Double(sign))
        state.plainX += factor * x
        state.plainY += factor * y
        state.plainXX += factor * (x * x)
        state.plainYY += factor * (y * y)
        state.plainXY += factor * (x * y)
        if isWord {
            state.wordX &+= sign &* arguments[0].words[row]
            state.wordY &+= sign &* arguments[1].words[row]
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
            let dx = mean(a, a.wordX, a.x) - mean(b, b.wordX, b.x)
            let dy = mean(a, a.wordY, a.y) - mean(b, b.wordY, b.y)
            merged.xx += dx * dx * weight
            merged.yy += dy * dy * weight
            merged.xy += dx * dy * weight
        }
        states[group] = merged
    }

    private func mean(_ state: State, _ word: Int64, _ sum: Double) -> Double { (isWord ? Double(word) : sum) / Double(state.count) }

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
        RowWriter.putWord(state.wordX, to: &bytes)
        RowWriter.putWord(state.wordY, to: &bytes)
        let moments = [state.x, state.y, state.xx, state.yy, state.xy]
        let plain = [state.plainX, state.plainY, state.plainXX, state.plainYY, state.plainXY]
        for sum in moments + plain { RowWriter.putFixed(sum.bitPattern, to: &bytes) }
        RowWriter.putWord(state.count, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        guard let wordX = reader.word(), let wordY = reader.word() else { return false }
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
