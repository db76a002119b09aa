// Joins of a question: the right side is kept, by its key where the condition has equalities, and each chunk of the left side meets it.

import Bytes
import Plans
import Values

/// Joins chunks of the left side with the rows of the right one.
final class QuestionJoin: QuestionStage {
    private let join: RelationalJoin
    private let leftKeys: [Kernel]
    private let condition: Kernel?
    private let frame: Frame
    private let right: QuestionRows
    /// Which columns of the sides are there.
    private let leftFilled: [Bool]
    private let rightFilled: [Bool]
    /// The right side by its key.
    private let groups: RowGroups?
    private var chains = RowChains([], groups: [], groupCount: 0, rowCount: 0)
    /// Which rows of the right side have met one of the left.
    private var isRightMet: [Bool] = []
    /// ASOF: how good each row of the right side is, -1 for none that can be taken, and the best one so far of each row of the chunk.
    private var ranks: [Int32] = []
    private var best: [Int32] = []
    /// ASOF whose condition is the one comparison: the rows of each key by their ranks, so that the best one is found by halving.
    private var ranked: RankedRows?
    /// The key of each row of the right side, -1 without one; for ASOF.
    private var groupOf: [Int32] = []

    /// Of a right side that comes in blocks: which rows of the left one have met one, whose others are somebody else's business.
    private let marks: LeftMarks?
    /// Bytes beside the rows and the keys of the right side.
    private var accounted = 0

    /// `right` holds all rows of the right side, or with `marks` a block of them.
    init(
        _ join: RelationalJoin, right: QuestionRows, marks: LeftMarks? = nil, _ context: QuestionContext, next: QuestionStage
    ) throws(DataflowError) {
        self.join = join
        self.right = right
        self.marks = marks
        (leftFilled, rightFilled) = (join.left.filled, join.right.filled)
        let added = context.environment.added
        leftKeys = try KernelCompiler.compileAll(join.leftKeys, added)
        condition = try join.condition.map { condition throws(DataflowError) in try KernelCompiler.compile(condition, added) }
        frame = Frame(environment: context.environment)
        groups = join.rightKeys.isEmpty ? nil : RowGroups(join.rightKeys.map(\.type), context, for: .joined)
        super.init(context, next: next)
        if let groups { try index(by: groups) }
        if let choice = join.choice { try rank(by: choice) }
        if keepsRight { isRightMet = Array(repeating: false, count: right.count) }
    }

    private func hold(_ bytes: Int) throws(DataflowError) {
        accounted += bytes
        try context.hold(bytes, for: .joined)
    }

    /// The right side is not needed any more.
    func letGo() throws(DataflowError) {
        try hold(-accounted)
        try groups?.letGo()
        try right.letGo()
    }

    /// Rows that are indexed between two looks at whether the question was cancelled.
    private static let indexedRows = 16_384

    private var keepsLeft: Bool { join.type == .left || join.type == .full }
    private var keepsRight: Bool { join.type == .right || join.type == .full }

    private func index(by groups: RowGroups) throws(DataflowError) {
        let kernels = try KernelCompiler.compileAll(join.rightKeys, context.environment.added)
        var (rows, numbers): ([Int32], [Int32]) = ([], [])
        rows.reserveCapacity(right.count)
        numbers.reserveCapacity(right.count)
        var first: Int32 = 0
        try right.forEachChunk(ofRows: QuestionJoin.indexedRows) { chunk throws(DataflowError) in
            context.show(chunk, in: frame)
            let columns = kernels.map { RowGroups.comparable($0.evaluate(frame, chunk.selection)) }
            let some = usable(columns, chunk.rowCount)
            numbers += try groups.assign(columns, some)
            rows += some.map { $0 + first }
            first += Int32(truncatingIfNeeded: chunk.rowCount)
            return true
        }
        chains = RowChains(rows, groups: numbers, groupCount: groups.count, rowCount: right.count)
        if join.choice != nil {
            groupOf = Array(repeating: -1, count: right.count)
            for (row, number) in zip(rows, numbers) { groupOf[Int(row)] = number }
        }
        try hold(right.count * 8)
    }

    /// Numbers the right rows from the worst to the best; of equal ones the later is better.
    private func rank(by choice: RelationalJoin.Choice) throws(DataflowError) {
        let batch = right.batch
        let kernel = try KernelCompiler.compile(choice.value, context.environment.added)
        let column = kernel.evaluate(context.frame(showing: batch), batch.selection)
        let rows = usable([column], right.count)
        let isDouble = column.lane == .double
        func precedes(_ a: Int32, _ b: Int32) -> Bool {
            let isSmaller = isDouble ? column.doubles[Int(a)] < column.doubles[Int(b)] : column.words[Int(a)] < column.words[Int(b)]
            let isLarger = isDouble ? column.doubles[Int(a)] > column.doubles[Int(b)] : column.words[Int(a)] > column.words[Int(b)]
            if !isSmaller, !isLarger { return a < b }
            return choice.takesSmallest ? isLarger : isSmaller
        }
        ranks = Array(repeating: -1, count: right.count)
        var sorted = rows
        try sorted.sort(context.checkCancelled, by: precedes)
        for (place, row) in sorted.enumerated() { ranks[Int(row)] = Int32(truncatingIfNeeded: place) }
        let isOrdered = !isDouble || rows.allSatisfy { !column.doubles[Int($0)].isNaN }
        if isOrdered, case .compare? = join.condition?.node {
            ranked = RankedRows(sorted, groups: groups == nil ? [] : groupOf, groupCount: groups?.count ?? 1)
        }
        try hold(right.count * 16)
    }

    /// The rows in which no key is NULL: NULL is equal to nothing.
    private func usable(_ columns: [Column], _ count: Int) -> [Int32] {
        let all = (0..<Int32(truncatingIfNeeded: count)).map { $0 }
        guard columns.contains(where: { !$0.nulls.isEmpty }) else { return all }
        return all.filter { row in columns.allSatisfy { !$0.isNull(Int(row)) } }
    }

    // MARK: Chunks

    override func push(_ chunk: Batch) throws(DataflowError) {
        var isMet = keepsLeft ? [Bool](repeating: false, count: chunk.rowCount) : []
        if join.choice != nil { best = Array(repeating: -1, count: chunk.rowCount) }
        var pairs = PairList()
        if let ranked {
            try choose(among: ranked, for: chunk)
        } else if let groups {
            context.show(chunk, in: frame)
            let columns = leftKeys.map { RowGroups.comparable($0.evaluate(frame, chunk.selection)) }
            for row in usable(columns, chunk.rowCount) {
                guard let group = groups.find(columns, Int(row)) else { continue }
                var other = chains.first(of: group)
                while other >= 0 {
                    pairs.append(row, other)
                    if pairs.isFull { try meet(chunk, &pairs, &isMet) }
                    other = chains.next(behind: other)
                }
            }
        } else {
            for row in 0..<Int32(truncatingIfNeeded: chunk.rowCount) {
                for other in 0..<Int32(truncatingIfNeeded: right.count) {
                    pairs.append(row, other)
                    if pairs.isFull { try meet(chunk, &pairs, &isMet) }
                }
                if isDone { return }
            }
        }
        try meet(chunk, &pairs, &isMet)
        if join.choice != nil {
            let rows = chunk.allRows.filter { keepsLeft || best[Int($0)] >= 0 }
            if !rows.isEmpty, !isDone { try next?.push(joined(chunk, rows, rows.map { best[Int($0)] })) }
            return
        }
        guard keepsLeft else { return }
        if let marks { return marks.add(isMet) }
        let lonely = chunk.allRows.filter { !isMet[Int($0)] }
        if !lonely.isEmpty { try next?.push(joined(chunk, lonely, lonely.map { _ in -1 })) }
    }

    /// Finds the best row for each of the chunk's: the condition is true of the first rows of a key and of no later one, in the order of ranks.
    private func choose(among ranked: RankedRows, for chunk: Batch) throws(DataflowError) {
        guard let condition else { return }
        // Of each row of the chunk: where the rows of its key begin, and between which places the last one that fits is still looked for.
        var first = [Int32](repeating: 0, count: chunk.rowCount)
        var (low, high) = (first, first)
        func search(_ row: Int32, _ group: Int) {
            let range = ranked.range(of: group)
            (first[Int(row)], low[Int(row)], high[Int(row)]) = (range.lowerBound, range.lowerBound, range.upperBound)
        }
        if let groups {
            context.show(chunk, in: frame)
            let columns = leftKeys.map { RowGroups.comparable($0.evaluate(frame, chunk.selection)) }
            for row in usable(columns, chunk.rowCount) { if let group = groups.find(columns, Int(row)) { search(row, group) } }
        } else {
            for row in chunk.allRows { search(row, 0) }
        }
        var open = chunk.allRows.filter { low[Int($0)] < high[Int($0)] }
        while !open.isEmpty {
            try context.checkCancelled()
            let result = joined(chunk, open, open.map { ranked.rows[Int(low[Int($0)] + (high[Int($0)] - low[Int($0)]) / 2)] })
            context.show(result, in: frame)
            let column = condition.evaluate(frame, result.selection)
            for (place, row) in open.enumerated() {
                let middle = low[Int(row)] + (high[Int(row)] - low[Int(row)]) / 2
                if !column.isNull(place), column.words[place] != 0 { low[Int(row)] = middle + 1 } else { high[Int(row)] = middle }
            }
            open = open.filter { low[Int($0)] < high[Int($0)] }
        }
        for row in chunk.allRows where low[Int(row)] > first[Int(row)] { best[Int(row)] = ranked.rows[Int(low[Int(row)] - 1)] }
    }

    /// Hands on the pairs for which the condition is true.
    private func meet(_ chunk: Batch, _ pairs: inout PairList, _ isMet: inout [Bool]) throws(DataflowError) {
        defer { pairs.removeAll() }
        try context.checkCancelled()
        guard pairs.count > 0, !isDone else { return }
        var result = joined(chunk, pairs.left, pairs.right)
        if let condition {
            context.show(result, in: frame)
            let column = condition.evaluate(frame, result.selection)
            let passing = result.selection.filtered { !column.isNull($0) && column.words[$0] != 0 }
            if passing.isEmpty { return }
            if !passing.isDense {
                pairs.keep(passing.rows)
                result = result.picked(passing.rows)
            }
        }
        if join.choice != nil {
            for (row, other) in zip(pairs.left, pairs.right) where ranks[Int(other)] >= 0 {
                let known = best[Int(row)]
                if known < 0 || ranks[Int(other)] > ranks[Int(known)] { best[Int(row)] = other }
            }
            return
        }
        if keepsLeft { for row in pairs.left { isMet[Int(row)] = true } }
        if keepsRight { for row in pairs.right { isRightMet[Int(row)] = true } }
        try next?.push(result)
    }

    private func joined(_ chunk: Batch, _ left: [Int32], _ right: [Int32]) -> Batch {
        Batch(
            gathered(chunk.columns, leftFilled, left) + gathered(self.right.columns, rightFilled, right), rows: left.count)
    }

    private func gathered(_ columns: [Column], _ filled: [Bool], _ rows: [Int32]) -> [Column] {
        zip(columns, filled).map { column, isFilled in
            let result = Column(column.type)
            if isFilled { result.gather(column, rows) }
            return result
        }
    }

    override func end() throws(DataflowError) {
        if keepsRight {
            let lonely = (0..<Int32(truncatingIfNeeded: right.count)).filter { !isRightMet[Int($0)] }
            let nothing = Batch(join.left.types.map { Column($0) }, rows: 0)
            for first in stride(from: 0, to: lonely.count, by: OutputLimits.chunkRows) where !isDone {
                let rows = Array(lonely[first..<min(first + OutputLimits.chunkRows, lonely.count)])
                try next?.push(joined(nothing, rows.map { _ in -1 }, rows))
            }
        }
        try super.end()
    }
}

/// Rows by the number of their key, and those of one key in a given order.
private struct RankedRows {
    private(set) var rows: [Int32]
    /// Where the rows of each key end.
    private var ends: [Int32]

    /// `groups` is empty where all rows have one key; a row of key -1 is left out.
    init(_ sorted: [Int32], groups: [Int32], groupCount: Int) {
        guard !groups.isEmpty else {
            (rows, ends) = (sorted, [Int32(truncatingIfNeeded: sorted.count)])
            return
        }
        let keyed = sorted.filter { groups[Int($0)] >= 0 }
        ends = Array(repeating: 0, count: groupCount)
        for row in keyed { ends[Int(groups[Int(row)])] += 1 }
        var sum: Int32 = 0
        var next = ends.map { count in
            defer { sum += count }
            return sum
        }
        rows = keyed
        for row in keyed {
            let group = Int(groups[Int(row)])
            rows[Int(next[group])] = row
            next[group] += 1
        }
        ends = next
    }

    func range(of group: Int) -> Range<Int32> { (group == 0 ? 0 : ends[group - 1])..<ends[group] }
}

/// Rows of both sides that may belong together.
private struct PairList {
    private(set) var left: [Int32] = []
    private(set) var right: [Int32] = []

    var count: Int { left.count }
    var isFull: Bool { left.count >= OutputLimits.chunkRows }

    mutating func append(_ a: Int32, _ b: Int32) {
        left.append(a)
        right.append(b)
    }

    mutating func keep(_ places: [Int32]) {
        left = places.map { left[Int($0)] }
        right = places.map { right[Int($0)] }
    }

    mutating func removeAll() {
        left.removeAll(keepingCapacity: true)
        right.removeAll(keepingCapacity: true)
    }
}
