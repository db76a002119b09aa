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
    /// Of RANGE with a distance: the ordering values by row, turned where the order is descending; NaN for NULL.
    private var values: [Double] = []
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
            let asDouble = key.expression.type == .double ? key.expression : TypedExpression(.cast(key.expression), .double)
            let kernel = try KernelCompiler.compile(asDouble, context.environment.added)
            let column = kernel.evaluate(context.frame(showing: batch), batch.selection)
            values = (0..<batch.rowCount).map { column.isNull($0) ? .nan : key.isDescending ? -column.doubles[$0] : column.doubles[$0] }
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

    private func start(_ place: Int, _ partition: Range<Int>) -> Int {
        switch call.start {
        case .unboundedPreceding: partition.lowerBound
        case .unboundedFollowing: partition.upperBound
        case .currentRow: call.unit == .rows ? place : Int(partitions.peerStarts[place])
        case .preceding: moved(place, -startDistance, partition, isStart: true)
        case .following: moved(place, startDistance, partition, isStart: true)
        }
    }

    private func end(_ place: Int, _ partition: Range<Int>) -> Int {
        switch call.end {
        case .unboundedPreceding: partition.lowerBound
        case .unboundedFollowing: partition.upperBound
        case .currentRow: call.unit == .rows ? place + 1 : Int(partitions.peerEnds[place])
        case .preceding: moved(place, -endDistance, partition, isStart: false)
        case .following: moved(place, endDistance, partition, isStart: false)
        }
    }

    private func moved(_ place: Int, _ distance: Double, _ partition: Range<Int>, isStart: Bool) -> Int {
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
            let value = values[Int(partitions.order[place])]
            // NULLs are equal to each other, and to nothing else.
            if value.isNaN { return isStart ? Int(partitions.peerStarts[place]) : Int(partitions.peerEnds[place]) }
            return bound(value + distance, partition, isStart: isStart)
        }
    }

    /// The first place whose value is at least (as an end: more than) `value`, by halving; NULLs stand at one end of the partition.
    private func bound(_ value: Double, _ partition: Range<Int>, isStart: Bool) -> Int {
        var range = partition
        while let first = range.first, values[Int(partitions.order[first])].isNaN {
            range = Int(partitions.peerEnds[first])..<range.upperBound
        }
        while let last = range.last, values[Int(partitions.order[last])].isNaN {
            range = range.lowerBound..<Int(partitions.peerStarts[last])
        }
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            let other = values[Int(partitions.order[middle])]
            if isStart ? other < value : other <= value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
