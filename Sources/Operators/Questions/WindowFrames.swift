// The frames of window functions: which rows around a row count for it.

import Plans
import Values

/// Frames by place.
struct WindowFrames {
    private let call: WindowFunctionCall
    private let partitions: WindowPartitions
    /// What bounds with a distance count: rows, groups, or (of RANGE) a difference of the ordering values.
    private let startDistance: Double
    private let endDistance: Double
    /// Of RANGE with a distance: the ordering values by row.
    private var values: RangeValues?
    /// Of GROUPS: by place, the number of its group of equal rows, and by number where that begins.
    private var groupOf: [Int32] = []
    private var groupStarts: [Int32] = []

    init(
        _ call: WindowFunctionCall, _ partitions: WindowPartitions, _ batch: Batch, _ context: QuestionContext
    ) throws(DataflowError) {
        self.call = call
        self.partitions = partitions
        startDistance = try Self.distance(call.start)
        endDistance = try Self.distance(call.end)
        let hasDistance = startDistance >= 0 || endDistance >= 0
        if call.unit == .range, hasDistance, let key = call.orderBy.first {
            let kernel = try KernelCompiler.compile(key.expression, context.environment.added)
            let column = kernel.evaluate(context.frame(showing: batch), batch.selection)
            values = try RangeValues(column, batch.rowCount, isDescending: key.isDescending, call.start, call.end)
        }
        if call.unit == .groups {
            for place in partitions.order.indices {
                if Int(partitions.peerStarts[place]) == place { groupStarts.append(Int32(truncatingIfNeeded: place)) }
                groupOf.append(Int32(truncatingIfNeeded: groupStarts.count - 1))
            }
            groupStarts.append(Int32(truncatingIfNeeded: partitions.order.count))
        }
    }

    /// The distance of a bound; negative for one that has none.
    private static func distance(_ bound: WindowFunctionCall.Bound) throws(DataflowError) -> Double {
        switch bound {
        case .unboundedPreceding, .currentRow, .unboundedFollowing: return -1
        case .preceding(let count), .following(let count):
            let value: Double? =
                switch count.node {
                case .literal(.bigint(let number)): Double(number)
                case .literal(.integer(let number)): Double(number)
                case .literal(.decimal(let number)): number.doubleValue
                case .literal(.double(let number)): number
                default: nil
                }
            guard let value, value >= 0 else { throw DataflowError("the distance of a frame's bound must not be negative") }
            return value
        }
    }

    /// The frame of the row at `place`, as places; within its partition.
    func frame(of place: Int, in partition: Range<Int>) -> Range<Int> {
        let first = start(place, partition)
        let last = end(place, partition)
        return first < last ? first..<last : first..<first
    }

    /// The places of the frame that count for the row at `place`, in order, without those that EXCLUDE leaves out.
    func ranges(of place: Int, in partition: Range<Int>) -> [Range<Int>] {
        let frame = frame(of: place, in: partition)
        let hole: Range<Int>
        switch call.exclusion {
        case .none: return [frame]
        case .currentRow: hole = place..<place + 1
        case .group, .ties: hole = Int(partitions.peerStarts[place])..<Int(partitions.peerEnds[place])
        }
        let own = call.exclusion == .ties ? frame.clamped(to: place..<place + 1) : place..<place
        return [frame.clamped(to: partition.lowerBound..<hole.lowerBound), own, frame.clamped(to: hole.upperBound..<partition.upperBound)].filter { !$0.isEmpty }
    }

    private func start(_ place: Int, _ partition: Range<Int>) -> Int {
        switch call.start {
        case .unboundedPreceding: partition.lowerBound
        case .unboundedFollowing: partition.upperBound
        case .currentRow: call.unit == .rows ? place : Int(partitions.peerStarts[place])
        case .preceding: moved(place, -startDistance, .down, partition, isStart: true)
        case .following: moved(place, startDistance, .up, partition, isStart: true)
        }
    }

    private func end(_ place: Int, _ partition: Range<Int>) -> Int {
        switch call.end {
        case .unboundedPreceding: partition.lowerBound
        case .unboundedFollowing: partition.upperBound
        case .currentRow: call.unit == .rows ? place + 1 : Int(partitions.peerEnds[place])
        case .preceding: moved(place, -endDistance, .down, partition, isStart: false)
        case .following: moved(place, endDistance, .up, partition, isStart: false)
        }
    }

    private func moved(
        _ place: Int, _ distance: Double, _ direction: RangeValues.Direction, _ partition: Range<Int>, isStart: Bool
    ) -> Int {
        switch call.unit {
        case .rows:
            let other = Double(place) + distance + (isStart ? 0 : 1)
            return Int(min(max(other, Double(partition.lowerBound)), Double(partition.upperBound)))
        case .groups:
            let (first, last) = (Int(groupOf[partition.lowerBound]), Int(groupOf[partition.upperBound - 1]))
            let group = Double(groupOf[place]) + distance + (isStart ? 0 : 1)
            let clamped = Int(min(max(group, Double(first)), Double(last + 1)))
            return min(Int(groupStarts[clamped]), partition.upperBound)
        case .range:
            let row = Int(partitions.order[place])
            // NULLs are equal to each other, and to nothing else.
            guard let values, !values.isNull[row] else {
                return isStart ? Int(partitions.peerStarts[place]) : Int(partitions.peerEnds[place])
            }
            return bound(values, row, direction, partition, isStart: isStart)
        }
    }

    /// The first place whose value is at least (as an end: more than) that of `row` with the bound's distance, by halving; NULLs stand at one
    /// end of the partition.
    private func bound(
        _ values: RangeValues, _ row: Int, _ direction: RangeValues.Direction, _ partition: Range<Int>, isStart: Bool
    ) -> Int {
        var range = partition
        while let first = range.first, values.isNull[Int(partitions.order[first])] {
            range = Int(partitions.peerEnds[first])..<range.upperBound
        }
        while let last = range.last, values.isNull[Int(partitions.order[last])] {
            range = range.lowerBound..<Int(partitions.peerStarts[last])
        }
        let isBefore = values.comparison(with: row, moved: direction, isStart: isStart)
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(Int(partitions.order[middle])) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The places whose rows count: all of them, or those whose value is not NULL.
struct CountedPlaces {
    /// Those that count, in order, and by place how many of them stand in front; nil where all count.
    private let counted: (places: [Int32], before: [Int32])?

    init(_ order: [Int32], _ values: Column, ignoresNulls: Bool) {
        guard ignoresNulls else {
            counted = nil
            return
        }
        var places: [Int32] = []
        var before: [Int32] = []
        before.reserveCapacity(order.count + 1)
        for place in order.indices {
            before.append(Int32(truncatingIfNeeded: places.count))
            if !values.isNull(Int(order[place])) { places.append(Int32(truncatingIfNeeded: place)) }
        }
        before.append(Int32(truncatingIfNeeded: places.count))
        counted = (places, before)
    }

    /// How many places of a range count.
    func count(in range: Range<Int>) -> Int {
        guard let counted else { return range.count }
        return Int(counted.before[range.upperBound] - counted.before[range.lowerBound])
    }

    /// The place with that index, from 0, among those of ranges that count; nil where there are not so many.
    func place(_ index: Int, in ranges: [Range<Int>]) -> Int? {
        var left = index
        for range in ranges {
            let count = count(in: range)
            if left < count { return counted.map { Int($0.places[Int($0.before[range.lowerBound]) + left]) } ?? range.lowerBound + left }
            left -= count
        }
        return nil
    }

    /// The place that many counting places away, in the direction of 1 or -1; nil where the partition has none. 0 is the place itself.
    func place(_ distance: Int64, _ direction: Int64, from place: Int, in partition: Range<Int>) -> Int? {
        let (steps, isFar) = distance.multipliedReportingOverflow(by: direction)
        if isFar { return nil }
        if steps == 0 { return place }
        guard let counted else { return nil }
        let base = steps < 0 ? Int64(counted.before[place]) : Int64(counted.before[place + 1]) - 1
        let (index, isFarther) = base.addingReportingOverflow(steps)
        guard !isFarther, index >= Int64(counted.before[partition.lowerBound]), index < Int64(counted.before[partition.upperBound]) else { return nil }
        return Int(counted.places[Int(index)])
    }
}

/// The values that RANGE compares: exact numbers as they are, in one scale, all others as DOUBLE. Turned where the order is descending.
struct RangeValues {
    /// Which way from the current row.
    enum Direction {
        case up
        case down
    }

    let isNull: [Bool]
    private var doubles: [Double] = []
    private var exacts: [Int128] = []
    private var startDistance = (double: 0.0, exact: Int128(0))
    private var endDistance = (double: 0.0, exact: Int128(0))

    init(
        _ column: Column, _ count: Int, isDescending: Bool, _ start: WindowFunctionCall.Bound, _ end: WindowFunctionCall.Bound
    ) throws(DataflowError) {
        isNull = (0..<count).map { column.isNull($0) }
        let distances = [start, end].map { bound -> TypedExpression? in
            switch bound {
            case .preceding(let distance), .following(let distance): distance
            case .unboundedPreceding, .currentRow, .unboundedFollowing: nil
            }
        }
        let isExact = column.type != .double && !distances.contains { $0?.type == .double }
        guard isExact else {
            doubles = (0..<count).map { row in isNull[row] ? 0 : (isDescending ? -1 : 1) * (column.exactNumber(row)?.doubleValue ?? column.doubles[row]) }
            (startDistance.double, endDistance.double) = (Self.double(distances[0]), Self.double(distances[1]))
            return
        }
        let steps = distances.map { Self.decimal($0) ?? Decimal(unscaled: 0, scale: 0) }
        let scale = max(column.type.asDecimal?.scale ?? 0, steps[0].scale, steps[1].scale)
        func exact(_ value: Decimal) throws(DataflowError) -> Int128 {
            guard let scaled = value.rescaled(to: scale, .exact) else { throw DataflowError("a number of RANGE has too many digits") }
            return scaled.unscaled
        }
        for row in 0..<count {
            let value = isNull[row] ? 0 : try exact(column.exactNumber(row) ?? Decimal(unscaled: 0, scale: 0))
            exacts.append(isDescending ? -value : value)
        }
        (startDistance.exact, endDistance.exact) = (try exact(steps[0]), try exact(steps[1]))
    }

    /// Whether a row stands before the one with the value of `row`, moved by the distance of the frame's start (or end).
    func comparison(with row: Int, moved direction: Direction, isStart: Bool) -> (Int) -> Bool {
        let distance = isStart ? startDistance : endDistance
        if exacts.isEmpty {
            let target = doubles[row] + (direction == .up ? distance.double : -distance.double)
            return { isStart ? doubles[$0] < target : doubles[$0] <= target }
        }
        let (sum, isTooFar) = exacts[row].addingReportingOverflow(direction == .up ? distance.exact : -distance.exact)
        let target = isTooFar ? direction == .up ? Int128.max : Int128.min : sum
        return { isStart ? exacts[$0] < target : exacts[$0] <= target }
    }

    private static func decimal(_ distance: TypedExpression?) -> Decimal? {
        guard case .literal(let value)? = distance?.node else { return nil }
        return switch value {
        case .integer(let number): Decimal(unscaled: Int128(number), scale: 0)
        case .bigint(let number): Decimal(unscaled: Int128(number), scale: 0)
        case .decimal(let number): number
        default: nil
        }
    }

    private static func double(_ distance: TypedExpression?) -> Double {
        if case .literal(.double(let number))? = distance?.node { return number }
        return decimal(distance)?.doubleValue ?? 0
    }
}
