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
    }

    override func merge(_ other: Int, into group: Int) {
        words[group] = cut(words[group] &+ words[other])
        doubles[group] += doubles[other]
        counts[group] += counts[other]
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let sum = type == .double ? doubles[group] : Double(words[group])
        column.doubles[row] = counts[group] == 0 ? 0 : sum / Double(counts[group])
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
    private var states: [State] = []

    init(_ type: SQLType, isRoot: Bool) {
        isWord = type != .double
        self.isRoot = isRoot
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
        states[group] = state
    }

    /// STDDEV_SAMP of whole numbers takes the means by integer division.
    private func mean(_ state: State) -> Double {
        isWord && !isRoot ? Double(state.wordSum / state.count) : sum(state) / Double(state.count)
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
        let variance = state.count < 2 ? 0 : state.m2 / Double(state.count - 1)
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

/// CORRELATION(x, y) from plain sums.
final class CorrelationAggregator: Aggregator {
    private struct State {
        var x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0
        var count: Int64 = 0
    }

    private var states: [State] = []

    override func extend(to count: Int) { while states.count < count { states.append(State()) } }
    override var isSmall: Bool { true }
    override func reset(_ group: Int) { states[group] = State() }
    override var memory: Int { states.capacity * MemoryLayout<State>.stride }

    private func change(_ group: Int, _ arguments: [Column], _ row: Int, sign: Double) {
        guard !arguments[0].isNull(row), !arguments[1].isNull(row) else { return }
        let x = double(arguments[0], row)
        let y = double(arguments[1], row)
        states[group].x += sign * x
        states[group].y += sign * y
        states[group].xx += sign * (x * x)
        states[group].yy += sign * (y * y)
        states[group].xy += sign * (x * y)
        states[group].count += Int64(sign)
    }

    override func add(_ group: Int, _ arguments: [Column], _ row: Int) { change(group, arguments, row, sign: 1) }
    override func undo(_ group: Int, _ arguments: [Column], _ row: Int) { change(group, arguments, row, sign: -1) }

    override func merge(_ other: Int, into group: Int) {
        let state = states[other]
        states[group].x += state.x
        states[group].y += state.y
        states[group].xx += state.xx
        states[group].yy += state.yy
        states[group].xy += state.xy
        states[group].count += state.count
    }

    override func result(_ group: Int, into column: Column, _ row: Int) {
        let state = states[group]
        let n = Double(state.count)
        let spread = ((n * state.xx - state.x * state.x) * (n * state.yy - state.y * state.y)).squareRoot()
        column.doubles[row] = (n * state.xy - state.x * state.y) / spread
    }

    override func write(_ group: Int, to bytes: inout [UInt8]) {
        let state = states[group]
        for sum in [state.x, state.y, state.xx, state.yy, state.xy] { RowWriter.putFixed(sum.bitPattern, to: &bytes) }
        RowWriter.putWord(state.count, to: &bytes)
    }

    override func read(_ group: Int, _ reader: inout RowReader) -> Bool {
        var sums: [Double] = []
        for _ in 0..<5 {
            guard let bits = reader.fixed() else { return false }
            sums.append(Double(bitPattern: bits))
        }
        guard let count = reader.word() else { return false }
        states[group] = State(x: sums[0], y: sums[1], xx: sums[2], yy: sums[3], xy: sums[4], count: count)
        return true
    }
}
