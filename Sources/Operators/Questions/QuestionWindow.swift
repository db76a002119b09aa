// Window functions: all rows are kept, put in the order of the partitions, and for each function a column is computed over them.

import Bytes
import Plans
import Values

/// Computes window functions over all of its rows. Where those are more than the question may hold, they are sorted on disk, once for each
/// different window, and what one partition after the other holds is enough.
final class QuestionWindow: QuestionStage {
    private let calls: [WindowFunctionCall]
    private let types: [SQLType]
    private let rows: QuestionRows
    /// Where rows go once they are too many.
    private var sorting: QuestionStage?

    init(_ calls: [WindowFunctionCall], _ types: [SQLType], _ context: QuestionContext, next: QuestionStage) {
        self.calls = calls
        self.types = types
        rows = QuestionRows(types, context, for: .windows)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        if let sorting { return try sorting.push(chunk) }
        try rows.append(chunk)
        guard context.mustSpill(rows.memory), context.disk != nil, let next else { return }
        let sorting = try QuestionWindow.sorting(calls[...], types, context, next: next)
        self.sorting = sorting
        try rows.forEachChunk { chunk throws(DataflowError) in
            try sorting.push(chunk)
            return true
        }
        try rows.removeAll()
    }

    /// Stages that compute the functions over rows in the order of their windows: a sort and a computation for each that differ.
    private static func sorting(
        _ calls: ArraySlice<WindowFunctionCall>, _ types: [SQLType], _ context: QuestionContext, next: QuestionStage
    ) throws(DataflowError) -> QuestionStage {
        guard let call = calls.first else { return next }
        let some = calls.prefix { $0.partitionBy == call.partitionBy && $0.orderBy == call.orderBy }
        let others = try sorting(calls[some.endIndex...], types + some.map(\.type), context, next: next)
        let computation = try PartitionedWindow(Array(some), types, context, next: others)
        return try QuestionSort(call.sortKeys, limit: nil, types, context, next: computation)
    }

    override func end() throws(DataflowError) {
        if let sorting { return try sorting.end() }
        try emit(calls, over: rows)
        try super.end()
    }
}

extension WindowFunctionCall {
    /// What the partitions are told apart by.
    var partitionKeys: [RelationalSortKey] { partitionBy.map { RelationalSortKey(expression: $0, isDescending: false, nullsFirst: true) } }

    /// The order of the rows: partition by partition, and in each of them that of the window.
    var sortKeys: [RelationalSortKey] { partitionKeys + orderBy }
}

extension QuestionStage {
    /// Hands on rows with the functions that were computed over them, in the order of the last one.
    final func emit(_ calls: [WindowFunctionCall], over rows: QuestionRows) throws(DataflowError) {
        let batch = rows.batch
        var results: [Column] = []
        var held = 0
        var order: [Int32] = batch.allRows
        for call in calls {
            let partitions = try WindowPartitions(call, batch, context)
            let result = Column(call.type)
            result.reset(rows.count)
            try WindowComputation(call, partitions, batch, context).fill(result)
            try context.hold(result.memory, for: .windows)
            held += result.memory
            results.append(result)
            order = partitions.order
        }
        let whole = Batch(rows.columns + results, rows: rows.count)
        var first = 0
        while first < order.count, !(next?.isDone ?? true) {
            try context.checkCancelled()
            let last = min(first + OutputLimits.chunkRows, order.count)
            try next?.push(whole.picked(Array(order[first..<last])))
            first = last
        }
        try context.hold(-held, for: .windows)
    }
}

/// Rows in the order of a window's partitions, with where partitions and groups of equal rows begin.
final class WindowPartitions {
    /// The rows, partition by partition, in the window's order.
    let order: [Int32]
    /// Places in `order` at which partitions begin, and the end.
    private(set) var starts: [Int] = []
    /// For each place in `order`, the places at which the rows that are equal in the window's order begin and end.
    private(set) var peerStarts: [Int32] = []
    private(set) var peerEnds: [Int32] = []

    init(_ call: WindowFunctionCall, _ batch: Batch, _ context: QuestionContext) throws(DataflowError) {
        let partitionKeys = call.partitionKeys
        let kernels = try KernelCompiler.compileAll(call.sortKeys.map(\.expression), context.environment.added)
        let frame = context.frame(showing: batch)
        let columns = kernels.map { $0.evaluate(frame, batch.selection) }
        var keys = SortKeys(SortKeyWriter(call.sortKeys))
        try keys.append(columns, batch.rowCount, context.checkCancelled)
        // Packed keys and their rows, twice while they are sorted.
        let sorting = keys.memory * 2
        try context.hold(keys.memory + sorting, for: .windows)
        if let packed = try keys.packedOrder(context.checkCancelled) {
            order = packed.rows
            // What of a key is the partition: the first of two numbers, or all of it.
            let shift: Int? = partitionKeys.isEmpty ? nil : partitionKeys.count + call.orderBy.count == 2 && partitionKeys.count == 1 ? packed.lowBits : 0
            divide(packed.keys, shift, hasPeers: call.needsPeers)
            try context.hold(-keys.memory - sorting, for: .windows)
            return
        }
        var partitions = SortKeys(SortKeyWriter(partitionKeys))
        if !partitionKeys.isEmpty { try partitions.append(Array(columns.prefix(partitionKeys.count)), batch.rowCount, context.checkCancelled) }
        try context.hold(partitions.memory - sorting, for: .windows)
        order = try keys.sorted(context.checkCancelled)
        var begin = 0
        for place in order.indices {
            if place & 0xFFFF == 0xFFFF { try context.checkCancelled() }
            let row = Int(order[place])
            let isNew =
                place == 0 || !partitionKeys.isEmpty && !partitions.areEqual(row, Int(order[place - 1]))
            if isNew { starts.append(place) }
            if isNew || !keys.areEqual(row, Int(order[place - 1])) {
                for _ in begin..<place { peerEnds.append(Int32(truncatingIfNeeded: place)) }
                begin = place
            }
            peerStarts.append(Int32(truncatingIfNeeded: begin))
        }
        for _ in begin..<order.count { peerEnds.append(Int32(truncatingIfNeeded: order.count)) }
        starts.append(order.count)
        try context.hold(-keys.memory - partitions.memory, for: .windows)
        try context.checkCancelled()
    }

    /// Finds where partitions and groups of equal rows begin, by the keys in order. Of each key what is left behind `shift` bits names the
    /// partition; nil for a single one.
    private func divide(_ keys: [UInt64], _ shift: Int?, hasPeers: Bool) {
        for place in keys.indices {
            let isNew = place == 0 || shift.map { keys[place] >> UInt64($0) != keys[place - 1] >> UInt64($0) } ?? false
            if isNew { starts.append(place) }
        }
        starts.append(keys.count)
        guard hasPeers else { return }
        peerStarts.reserveCapacity(keys.count)
        peerEnds.reserveCapacity(keys.count)
        var begin = 0
        var nextStart = 0
        for place in keys.indices {
            let isNew = starts[nextStart] == place
            if isNew { nextStart += 1 }
            if isNew || keys[place] != keys[place - 1] {
                for _ in begin..<place { peerEnds.append(Int32(truncatingIfNeeded: place)) }
                begin = place
            }
            peerStarts.append(Int32(truncatingIfNeeded: begin))
        }
        for _ in begin..<keys.count { peerEnds.append(Int32(truncatingIfNeeded: keys.count)) }
    }

    /// The partitions, as ranges of places in `order`.
    var ranges: [Range<Int>] { zip(starts, starts.dropFirst()).map { $0..<$1 }.filter { !$0.isEmpty } }
}

/// One window function over all partitions.
struct WindowComputation {
    let call: WindowFunctionCall
    let partitions: WindowPartitions
    let batch: Batch
    let context: QuestionContext
    private let frames: WindowFrames

    init(_ call: WindowFunctionCall, _ partitions: WindowPartitions, _ batch: Batch, _ context: QuestionContext) throws(DataflowError) {
        self.call = call
        self.partitions = partitions
        self.batch = batch
        self.context = context
        frames = try WindowFrames(call, partitions, batch, context)
    }

    private func column(_ expression: TypedExpression) throws(DataflowError) -> Column {
        let kernel = try KernelCompiler.compile(expression, context.environment.added)
        return kernel.evaluate(context.frame(showing: batch), batch.selection)
    }

    /// Writes the function's result into `result`, row by row.
    func fill(_ result: Column) throws(DataflowError) {
        switch call.function {
        case .rowNumber: rowNumber(result)
        case .rank: number(result) { place, range in Int(partitions.peerStarts[place]) - range.lowerBound + 1 }
        case .denseRank: denseRank(result)
        case .percentRank:
            share(result) { place, range in
                range.count == 1 ? 0 : Double(Int(partitions.peerStarts[place]) - range.lowerBound) / Double(range.count - 1)
            }
        case .cumulativeDistribution:
            share(result) { place, range in Double(Int(partitions.peerEnds[place]) - range.lowerBound) / Double(range.count) }
        case .ntile(let count): try tile(result, try column(count))
        case .lag(let value, let offset, let otherwise): try shift(result, -1, try column(value), try column(offset), try column(otherwise))
        case .lead(let value, let offset, let otherwise): try shift(result, 1, try column(value), try column(offset), try column(otherwise))
        case .firstValue(let value) where isPlain: pick(result, try column(value)) { $0.isEmpty ? nil : $0.lowerBound }
        case .lastValue(let value) where isPlain: pick(result, try column(value)) { $0.isEmpty ? nil : $0.upperBound - 1 }
        case .firstValue(let value): try choose(result, try column(value)) { _, count in count > 0 ? 0 : nil }
        case .lastValue(let value): try choose(result, try column(value)) { _, count in count > 0 ? count - 1 : nil }
        case .nthValue(let value, let number):
            let numbers = try column(number)
            try choose(result, try column(value)) { row, count throws(DataflowError) in
                if numbers.isNull(row) { return nil }
                guard numbers.words[row] > 0 else { throw DataflowError("NTH_VALUE needs a number that is more than 0") }
                return numbers.words[row] <= Int64(count) ? Int(numbers.words[row]) - 1 : nil
            }
        case .aggregate(let aggregate): try self.aggregate(result, aggregate)
        }
    }

    // MARK: Numbers

    private func rowNumber(_ result: Column) {
        var numbers = [Int64](repeating: 0, count: partitions.order.count)
        for range in partitions.ranges {
            var number: Int64 = 0
            for place in range {
                number &+= 1
                numbers[Int(partitions.order[place])] = number
            }
        }
        result.words = numbers
    }

    private func number(_ result: Column, _ number: (_ place: Int, _ partition: Range<Int>) -> Int) {
        for range in partitions.ranges {
            for place in range { result.words[Int(partitions.order[place])] = Int64(number(place, range)) }
        }
    }

    private func share(_ result: Column, _ share: (_ place: Int, _ partition: Range<Int>) -> Double) {
        for range in partitions.ranges {
            for place in range { result.doubles[Int(partitions.order[place])] = share(place, range) }
        }
    }

    private func denseRank(_ result: Column) {
        for range in partitions.ranges {
            var rank: Int64 = 0
            for place in range {
                if Int(partitions.peerStarts[place]) == place { rank += 1 }
                result.words[Int(partitions.order[place])] = rank
            }
        }
    }

    private func tile(_ result: Column, _ counts: Column) throws(DataflowError) {
        for range in partitions.ranges {
            for place in range {
                let row = Int(partitions.order[place])
                guard !counts.isNull(row) else {
                    result.setNull(row)
                    continue
                }
                guard counts.words[row] > 0 else { throw DataflowError("NTILE needs a number of tiles that is more than 0") }
                let tiles = min(counts.words[row], Int64(range.count))
                // The first tiles have one row more where the rows do not divide.
                let (size, larger) = (Int64(range.count) / tiles, Int64(range.count) % tiles)
                let index = Int64(place - range.lowerBound)
                let border = larger * (size + 1)
                result.words[row] = index < border ? index / (size + 1) + 1 : larger + (index - border) / size + 1
            }
        }
    }

    // MARK: Other rows

    private func shift(
        _ result: Column, _ direction: Int64, _ values: Column, _ offsets: Column, _ otherwise: Column
    ) throws(DataflowError) {
        let counted = call.ignoresNulls ? CountedPlaces(partitions.order, values, ignoresNulls: true) : nil
        for range in partitions.ranges {
            for place in range {
                let row = Int(partitions.order[place])
                guard !offsets.isNull(row) else {
                    result.setNull(row)
                    continue
                }
                if let counted {
                    let other = counted.place(offsets.words[row], direction, from: place, in: range)
                    if let other { result.copy(values, Int(partitions.order[other]), to: row) } else { result.copy(otherwise, row, to: row) }
                    continue
                }
                let (distance, isFar) = offsets.words[row].multipliedReportingOverflow(by: direction)
                let (other, isFarther) = Int64(place).addingReportingOverflow(distance)
                if isFar || isFarther || other < Int64(range.lowerBound) || other >= Int64(range.upperBound) {
                    result.copy(otherwise, row, to: row)
                } else {
                    result.copy(values, Int(partitions.order[Int(other)]), to: row)
                }
            }
        }
    }

    /// Takes the value at a place of each row's frame.
    private func pick(_ result: Column, _ values: Column, _ place: (Range<Int>) -> Int?) {
        for range in partitions.ranges {
            for current in range {
                let row = Int(partitions.order[current])
                if let other = place(frames.frame(of: current, in: range)) {
                    result.copy(values, Int(partitions.order[other]), to: row)
                } else {
                    result.setNull(row)
                }
            }
        }
    }

    /// Whether all rows of a frame count.
    private var isPlain: Bool { call.exclusion == .none && !call.ignoresNulls }

    /// Takes, of the rows that count in each row's frame, the one whose index `index` gives for the row and the number of them; NULL for none.
    private func choose(
        _ result: Column, _ values: Column, _ index: (_ row: Int, _ count: Int) throws(DataflowError) -> Int?
    ) throws(DataflowError) {
        let counted = CountedPlaces(partitions.order, values, ignoresNulls: call.ignoresNulls)
        for range in partitions.ranges {
            for current in range {
                if current & 0xFFF == 0 { try context.checkCancelled() }
                let row = Int(partitions.order[current])
                let ranges = frames.ranges(of: current, in: range)
                if let wanted = try index(row, ranges.reduce(0) { $0 + counted.count(in: $1) }), let place = counted.place(wanted, in: ranges) {
                    result.copy(values, Int(partitions.order[place]), to: row)
                } else {
                    result.setNull(row)
                }
            }
        }
    }

    // MARK: Aggregates

    private func aggregate(_ result: Column, _ aggregate: RelationalAggregate) throws(DataflowError) {
        let arguments = try aggregate.call.arguments.map { argument throws(DataflowError) in try column(argument) }
        let filter = try aggregate.filter.map { filter throws(DataflowError) in try column(filter) }
        let aggregator = try AggregateLibrary.make(aggregate.call, SequenceCounter(), context.environment.added, seed: context.seed, isQuestion: true)
        aggregator.grow(to: 1)
        var looked = 0
        func change(_ place: Int, isUndone: Bool) throws(DataflowError) {
            looked += 1
            if looked & 0xFFF == 0 { try context.checkCancelled() }
            let row = Int(partitions.order[place])
            if let filter, filter.isNull(row) || filter.words[row] == 0 { return }
            do throws(EvaluationError) {
                if isUndone { try aggregator.undo(0, arguments, row) } else { try aggregator.add(0, arguments, row) }
            } catch {
                try context.take(error, by: aggregator, aggregate.call.function, batch, row)
            }
        }
        if call.exclusion != .none {
            // What is left out changes from row to row: each frame is computed anew.
            for range in partitions.ranges {
                for place in range {
                    aggregator.reset(0)
                    for part in frames.ranges(of: place, in: range) { for other in part { try change(other, isUndone: false) } }
                    aggregator.result(0, into: result, Int(partitions.order[place]))
                }
            }
            return
        }
        if ["MIN", "MAX"].contains(aggregate.call.function), let argument = arguments.first, !argument.type.isNested {
            return try extreme(result, argument, filter, isMaximum: aggregate.call.function == "MAX")
        }
        let mayUndo = aggregate.mayUndo
        for range in partitions.ranges {
            var held = range.lowerBound..<range.lowerBound
            aggregator.reset(0)
            for place in range {
                if place & 0xFF == 0 { try context.checkCancelled() }
                let frame = frames.frame(of: place, in: range)
                // Rows that leave at the front are taken out where that is exact; every other frame that does not just grow is computed anew.
                if mayUndo, frame.lowerBound <= held.upperBound, frame.lowerBound >= held.lowerBound, frame.upperBound >= held.upperBound {
                    for other in held.lowerBound..<frame.lowerBound { try change(other, isUndone: true) }
                    held = frame.lowerBound..<held.upperBound
                } else if frame.lowerBound != held.lowerBound || frame.upperBound < held.upperBound {
                    aggregator.reset(0)
                    held = frame.lowerBound..<frame.lowerBound
                }
                for other in held.upperBound..<max(held.upperBound, frame.upperBound) { try change(other, isUndone: false) }
                held = frame.lowerBound..<max(held.upperBound, frame.upperBound)
                aggregator.result(0, into: result, Int(partitions.order[place]))
            }
        }
    }
    /// MIN and MAX over frames that move forwards: of the rows in the frame only those are remembered that no later one outdoes.
    private func extreme(_ result: Column, _ values: Column, _ filter: Column?, isMaximum: Bool) throws(DataflowError) {
        let key = RelationalSortKey(expression: .column(0, values.type), isDescending: isMaximum, nullsFirst: false)
        var keys = SortKeys(SortKeyWriter([key]))
        try keys.append([values], batch.rowCount, context.checkCancelled)
        var rank = [Int32](repeating: 0, count: batch.rowCount)
        for (place, row) in try keys.sorted(context.checkCancelled).enumerated() { rank[Int(row)] = Int32(truncatingIfNeeded: place) }
        for range in partitions.ranges {
            var best: [Int] = []
            var first = 0
            var end = range.lowerBound
            var lower = range.lowerBound
            for place in range {
                if place & 0xFFF == 0 { try context.checkCancelled() }
                let frame = frames.frame(of: place, in: range)
                if frame.lowerBound < lower || frame.upperBound < end || frame.lowerBound > end {
                    (best, first, end) = ([], 0, frame.lowerBound)
                }
                lower = frame.lowerBound
                while end < frame.upperBound {
                    let row = Int(partitions.order[end])
                    if !values.isNull(row), filter.map({ !$0.isNull(row) && $0.words[row] != 0 }) ?? true {
                        while best.count > first, rank[Int(partitions.order[best[best.count - 1]])] >= rank[row] { best.removeLast() }
                        best.append(end)
                    }
                    end += 1
                }
                while first < best.count, best[first] < frame.lowerBound { first += 1 }
                let target = Int(partitions.order[place])
                if first < best.count { result.copy(values, Int(partitions.order[best[first]]), to: target) } else { result.setNull(target) }
            }
        }
    }
}

extension WindowFunctionCall {
    /// Whether it looks at the rows that are equal in its order.
    fileprivate var needsPeers: Bool {
        switch function {
        case .rowNumber, .ntile, .lag, .lead: false
        case .rank, .denseRank, .percentRank, .cumulativeDistribution: true
        case .firstValue, .lastValue, .nthValue, .aggregate: unit != .rows || exclusion == .group || exclusion == .ties
        }
    }
}

extension RelationalAggregate {
    /// Whether rows can be taken out of it again without a trace.
    fileprivate var mayUndo: Bool {
        switch call.function {
        case "COUNT": true
        case "SUM", "AVG": call.arguments.first.map { $0.type == .integer || $0.type == .bigint } ?? false
        default: false
        }
    }
}
