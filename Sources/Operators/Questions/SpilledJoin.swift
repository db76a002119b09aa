// Joins whose right side does not fit the memory. Both sides go to disk, divided by the hashes of their keys, and are joined list by list; a
// list that is still too large is divided again. Where there are no keys, or too many rows have one, the right side is taken block by block,
// and the left one is read again for each of them.

import Plans
import Values

/// Takes the right side of a join, in memory or, where that is too little, on disk.
final class QuestionJoinRight: QuestionStage {
    let rows: QuestionRows
    private let join: RelationalJoin
    /// Once the rows are too many for the memory.
    private(set) var spilled: JoinLists?

    init(_ join: RelationalJoin, _ context: QuestionContext) {
        self.join = join
        rows = QuestionRows(join.right.types, context, for: .joined)
        super.init(context, next: nil)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        if let spilled { return try spilled.append(chunk) }
        try rows.append(chunk)
        // An ASOF join without keys looks at all rows for each.
        guard context.mustSpill(rows.memory), join.choice == nil || !join.rightKeys.isEmpty else { return }
        guard let lists = try JoinLists(join.rightKeys, join.right.types, level: 0, context) else { return }
        try rows.forEachChunk { chunk throws(DataflowError) in
            try lists.append(chunk)
            return true
        }
        try rows.removeAll()
        spilled = lists
    }
}

/// Rows of one side of a join on disk, in lists by the hashes of their keys, or in a single one.
final class JoinLists {
    private let kernels: [Kernel]
    private let context: QuestionContext
    private let frame: Frame
    private let divided: SpilledPartitions?
    private let single: SpilledRows?

    /// Nil where nothing may go to disk.
    init?(_ keys: [TypedExpression], _ types: [SQLType], level: Int, _ context: QuestionContext) throws(DataflowError) {
        kernels = try KernelCompiler.compileAll(keys, context.environment.added)
        self.context = context
        frame = Frame(environment: context.environment)
        divided = keys.isEmpty ? nil : SpilledPartitions(types, level: level, context)
        single = divided == nil ? context.makeSpilledRows(types) : nil
        if divided == nil, single == nil { return nil }
    }

    func append(_ chunk: Batch) throws(DataflowError) {
        try context.checkCancelled()
        if let single { return try single.append(chunk, chunk.selection) }
        context.show(chunk, in: frame)
        let keys = kernels.map { RowGroups.comparable($0.evaluate(frame, chunk.selection)) }
        try divided?.append(chunk, chunk.allRows, keys: keys)
    }

    /// The lists, also those without rows: those of both sides belong together by their places.
    func finish() throws(DataflowError) -> [SpilledRows] {
        if let single {
            try single.finish()
            return [single]
        }
        return try divided?.finish() ?? []
    }
}

/// Takes the left side of a join whose right one is on disk, and joins them when it ends.
final class SpilledJoin: QuestionStage {
    private let join: RelationalJoin
    private let right: JoinLists
    private let left: JoinLists

    /// Nil where nothing may go to disk.
    init?(_ join: RelationalJoin, right: JoinLists, _ context: QuestionContext, next: QuestionStage) throws(DataflowError) {
        self.join = join
        self.right = right
        guard let left = try JoinLists(join.leftKeys, join.left.types, level: 0, context) else { return nil }
        self.left = left
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) { try left.append(chunk) }

    override func end() throws(DataflowError) {
        try self.join(try left.finish(), try right.finish(), level: 0)
        try super.end()
    }

    private func join(_ left: [SpilledRows], _ right: [SpilledRows], level: Int) throws(DataflowError) {
        for (left, right) in zip(left, right) where !isDone && left.count + right.count > 0 { try self.join(left, right, level: level) }
    }

    private func join(_ left: SpilledRows, _ right: SpilledRows, level: Int) throws(DataflowError) {
        guard let next else { return }
        let rows = QuestionRows(join.right.types, context, for: .joined)
        var isWhole = true
        try right.forEachChunk { chunk throws(DataflowError) in
            try rows.append(chunk)
            if context.mustSpill(rows.memory) { isWhole = false }
            return isWhole
        }
        isWhole = isWhole || rows.count == right.count
        if isWhole {
            let stage = try QuestionJoin(join, right: rows, context, next: OpenEnd(context, next: next))
            try left.forEachChunk { chunk throws(DataflowError) in
                try stage.push(chunk)
                return !isDone
            }
            try stage.end()
            return try stage.letGo()
        }
        try rows.removeAll()
        if !join.rightKeys.isEmpty, let (lefts, rights) = try divide(left, right, level: level + 1) {
            return try self.join(lefts, rights, level: level + 1)
        }
        try joinBlocks(left, right)
    }

    /// Both sides divided by other hashes; nil where that does not help.
    private func divide(_ left: SpilledRows, _ right: SpilledRows, level: Int) throws(DataflowError) -> ([SpilledRows], [SpilledRows])? {
        guard level < SpilledPartitions.mostLevels, let rights = try JoinLists(join.rightKeys, join.right.types, level: level, context),
            let lefts = try JoinLists(join.leftKeys, join.left.types, level: level, context)
        else { return nil }
        try right.forEachChunk { chunk throws(DataflowError) in
            try rights.append(chunk)
            return true
        }
        let lists = try rights.finish()
        // Nearly all rows have one key.
        if lists.contains(where: { $0.count > right.count / 8 * 7 }) { return nil }
        try left.forEachChunk { chunk throws(DataflowError) in
            try lefts.append(chunk)
            return true
        }
        return (try lefts.finish(), lists)
    }

    /// Joins the left side with one block of the right one after the other.
    private func joinBlocks(_ left: SpilledRows, _ right: SpilledRows) throws(DataflowError) {
        guard let next else { return }
        guard join.choice == nil else {
            throw DataflowError("an ASOF join meets more rows of one key than the question may hold")
        }
        let isMet = LeftMarks(left.count)
        var block = QuestionRows(join.right.types, context, for: .joined)
        func meet() throws(DataflowError) {
            let stage = try QuestionJoin(join, right: block, marks: isMet, context, next: OpenEnd(context, next: next))
            isMet.first = 0
            try left.forEachChunk { chunk throws(DataflowError) in
                try stage.push(chunk)
                return !isDone
            }
            try stage.end()
            try stage.letGo()
            block = QuestionRows(join.right.types, context, for: .joined)
        }
        try right.forEachChunk { chunk throws(DataflowError) in
            try block.append(chunk)
            if context.mustSpill(block.memory) { try meet() }
            return !isDone
        }
        if block.count > 0, !isDone { try meet() }
        guard join.type == .left || join.type == .full else { return }
        // Rows that met none in any block, as a join with no rows hands them on.
        let lonely = try QuestionJoin(join, right: QuestionRows(join.right.types, context, for: .joined), context, next: OpenEnd(context, next: next))
        isMet.first = 0
        try left.forEachChunk { chunk throws(DataflowError) in
            let rows = isMet.unmet(chunk.rowCount)
            if !rows.isEmpty { try lonely.push(chunk.picked(rows)) }
            return !isDone
        }
    }
}

/// Which rows of the left side have met one of the right, across the blocks of that.
final class LeftMarks {
    private var isMet: [Bool]
    /// The number of the first row of the chunk that comes next.
    var first = 0

    init(_ count: Int) { isMet = Array(repeating: false, count: count) }

    /// Marks rows of the chunk that comes next, and goes on behind it.
    func add(_ met: [Bool]) {
        for (row, isMet) in met.enumerated() where isMet { self.isMet[first + row] = true }
        first += met.count
    }

    /// The rows of a chunk that are not marked; goes on behind it.
    func unmet(_ count: Int) -> [Int32] {
        defer { first += count }
        return (0..<count).filter { !isMet[first + $0] }.map { Int32(truncatingIfNeeded: $0) }
    }
}
