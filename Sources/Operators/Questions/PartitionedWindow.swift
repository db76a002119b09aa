// Window functions over rows that come in the order of the window: whole partitions are computed together, as many as are worth it. Of a
// partition that is more than the question may hold, functions that look back only are computed as its rows come.

import Plans
import Values

/// Computes window functions of one window over rows in its order.
final class PartitionedWindow: QuestionStage {
    private let calls: [WindowFunctionCall]
    private let types: [SQLType]
    private let kernels: [Kernel]
    private let writer: SortKeyWriter
    private let frame: Frame
    /// Whole partitions, and the beginning of the latest one.
    private var rows: QuestionRows
    /// The key of the latest partition.
    private var latest: [UInt8]?
    /// While the latest partition is too large to be held.
    private var running: RunningWindow?

    /// Rows below which it is not worth computing partitions.
    private static let enoughRows = 16_384

    init(_ calls: [WindowFunctionCall], _ types: [SQLType], _ context: QuestionContext, next: QuestionStage) throws(DataflowError) {
        self.calls = calls
        self.types = types
        let keys = calls.first?.partitionKeys ?? []
        writer = SortKeyWriter(keys)
        kernels = try KernelCompiler.compileAll(keys.map(\.expression), context.environment.added)
        frame = Frame(environment: context.environment)
        rows = QuestionRows(types, context, for: .windows)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        try context.checkCancelled()
        let starts = starts(of: chunk)
        var first: Int32 = 0
        for start in starts where running != nil || start == starts.last && rows.count + Int(start) >= PartitionedWindow.enoughRows {
            try take(chunk, first..<start)
            try finishPartitions()
            first = start
        }
        try take(chunk, first..<Int32(truncatingIfNeeded: chunk.rowCount))
        if running == nil, context.mustSpill(rows.memory) { try relieve() }
    }

    /// The rows at which partitions begin.
    private func starts(of chunk: Batch) -> [Int32] {
        if kernels.isEmpty { return [] }
        context.show(chunk, in: frame)
        let columns = kernels.map { $0.evaluate(frame, chunk.selection) }
        var starts: [Int32] = []
        var key: [UInt8] = []
        for row in 0..<chunk.rowCount {
            key.removeAll(keepingCapacity: true)
            writer.append(columns, row, to: &key)
            if let latest, latest == key { continue }
            if latest != nil { starts.append(Int32(truncatingIfNeeded: row)) }
            latest = key
        }
        return starts
    }

    private func take(_ chunk: Batch, _ range: Range<Int32>) throws(DataflowError) {
        if range.isEmpty { return }
        if let running { return try running.push(range.count == chunk.rowCount ? chunk : chunk.picked(Array(range))) }
        try rows.append(chunk, Array(range))
    }

    /// The rows so far are whole partitions.
    private func finishPartitions() throws(DataflowError) {
        if let running {
            try running.finish()
            self.running = nil
        } else if rows.count > 0 {
            try emit(calls, over: rows)
            try rows.removeAll()
        }
    }

    /// Too much is held: computes the whole partitions, or, where there is but a part of one, goes on with its rows as they come.
    private func relieve() throws(DataflowError) {
        let held = rows
        var start = 0
        if !kernels.isEmpty {
            latest = nil
            start = starts(of: held.batch).last.map { Int($0) } ?? 0
        }
        if start > 0 {
            rows = QuestionRows(types, context, for: .windows)
            for range in [0..<start, start..<held.count] {
                try held.forEachChunk(of: range) { chunk throws(DataflowError) in
                    try rows.append(chunk)
                    return true
                }
                if range.upperBound == start { try finishPartitions() }
            }
        } else if let running = try RunningWindow(calls, types, context, next: next) {
            rows = QuestionRows(types, context, for: .windows)
            try held.forEachChunk { chunk throws(DataflowError) in
                try running.push(chunk)
                return true
            }
            self.running = running
        } else {
            return
        }
        try held.letGo()
    }

    override func end() throws(DataflowError) {
        try finishPartitions()
        try super.end()
    }
}
