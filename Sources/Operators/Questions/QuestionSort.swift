// ORDER BY: rows as bytes that compare in their order, and the first ones only where a LIMIT stands behind.

import Bytes
import Plans
import Values

/// The sort keys of rows as bytes: what `ResultOrder` writes, with NULLs first or last, turned for DESC.
struct SortKeyWriter {
    private let keys: [RelationalSortKey]

    init(_ keys: [RelationalSortKey]) { self.keys = keys }

    /// Appends the bytes of `row`, whose values stand in `columns`, one a key.
    func append(_ columns: [Column], _ row: Int, to bytes: inout [UInt8]) {
        for (key, column) in zip(keys, columns) {
            if column.isNull(row) {
                bytes.append(key.nullsFirst ? 0 : 0xFF)
                continue
            }
            let start = bytes.count
            ResultOrder.append(column, row, to: &bytes)
            if key.isDescending { for place in start + 1..<bytes.count { bytes[place] = ~bytes[place] } }
        }
    }
}

/// Many rows' sort keys, one behind the other.
struct SortKeys {
    private(set) var bytes: [UInt8] = []
    private var ends: [Int] = [0]

    var count: Int { ends.count - 1 }

    mutating func append(_ writer: SortKeyWriter, _ columns: [Column], _ row: Int) {
        writer.append(columns, row, to: &bytes)
        ends.append(bytes.count)
    }

    func range(_ row: Int) -> Range<Int> { ends[row]..<ends[row + 1] }

    func areEqual(_ a: Int, _ b: Int) -> Bool { bytes[range(a)].elementsEqual(bytes[range(b)]) }

    /// All rows in order; equal ones as they came.
    func sorted() -> [Int32] {
        var order: [(prefix: UInt64, row: Int32)] = []
        order.reserveCapacity(count)
        for row in 0..<count {
            var prefix: UInt64 = 0
            let range = range(row)
            for place in 0..<8 { prefix = prefix << 8 | (place < range.count ? UInt64(bytes[range.lowerBound + place]) : 0) }
            order.append((prefix, Int32(truncatingIfNeeded: row)))
        }
        let bytes = bytes
        order.sort { a, b in
            if a.prefix != b.prefix { return a.prefix < b.prefix }
            let (first, second) = (range(Int(a.row)), range(Int(b.row)))
            if first.count > 8 || second.count > 8 {
                for place in 0..<min(first.count, second.count) {
                    let (x, y) = (bytes[first.lowerBound + place], bytes[second.lowerBound + place])
                    if x != y { return x < y }
                }
                if first.count != second.count { return first.count < second.count }
            }
            return a.row < b.row
        }
        return order.map(\.row)
    }

    var memory: Int { bytes.capacity + ends.capacity * 8 }
}

/// Sorts its rows. With a limit it never keeps many more than those that will be left.
final class QuestionSort: QuestionStage {
    private let kernels: [Kernel]
    private let writer: SortKeyWriter
    private let rows: QuestionRows
    private let limit: Int
    private let frame: Frame
    private var keys = SortKeys()
    private var accounted = 0
    /// The key of the last row that is in for now; rows behind it are not looked at again.
    private var worst: [UInt8]?
    /// Rows that are kept beyond the limit before they are sorted out.
    private static let slack = 8192

    init(
        _ sortKeys: [RelationalSortKey], limit: Int?, _ types: [SQLType], _ context: QuestionContext, next: QuestionStage
    ) throws(DataflowError) {
        kernels = try KernelCompiler.compileAll(sortKeys.map(\.expression), context.environment.added)
        writer = SortKeyWriter(sortKeys)
        rows = QuestionRows(types, context)
        self.limit = limit ?? .max
        frame = Frame(environment: context.environment)
        super.init(context, next: next)
    }

    override func push(_ chunk: Batch) throws(DataflowError) {
        context.show(chunk, in: frame)
        let columns = kernels.map { $0.evaluate(frame, chunk.selection) }
        guard let worst else {
            for row in 0..<chunk.rowCount { keys.append(writer, columns, row) }
            try rows.append(chunk)
            return try prune()
        }
        var kept: [Int32] = []
        var key: [UInt8] = []
        for row in 0..<chunk.rowCount {
            key.removeAll(keepingCapacity: true)
            writer.append(columns, row, to: &key)
            guard key.lexicographicallyPrecedes(worst) else { continue }
            keys.append(writer, columns, row)
            kept.append(Int32(truncatingIfNeeded: row))
        }
        if !kept.isEmpty { try rows.append(chunk, kept) }
        try prune()
    }

    private func prune() throws(DataflowError) {
        try context.checkCancelled()
        try context.hold(keys.memory - accounted)
        accounted = keys.memory
        guard limit < Int.max / 2, rows.count >= limit * 2 + QuestionSort.slack else { return }
        let first = Array(keys.sorted().prefix(limit))
        var left = SortKeys()
        left.append(contentsOf: keys, first)
        worst = first.isEmpty ? [] : Array(keys.bytes[keys.range(Int(first[first.count - 1]))])
        keys = left
        try rows.keep(first)
    }

    override func end() throws(DataflowError) {
        try emit(rows, Array(keys.sorted().prefix(limit)))
        try super.end()
    }
}

extension SortKeys {
    /// Appends the keys of some rows of another list.
    mutating func append(contentsOf other: SortKeys, _ rows: [Int32]) {
        for row in rows {
            bytes.append(contentsOf: other.bytes[other.range(Int(row))])
            ends.append(bytes.count)
        }
    }
}
