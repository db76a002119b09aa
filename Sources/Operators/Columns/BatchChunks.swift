// Batches as chunks: what a chunk weighs, a part of one, and a copy that outlives its operator's next batch.

import Bytes

extension Column {
    /// Bytes of text that `row` shows, those of its elements and fields included; numbers count by their size.
    func weight(_ row: Int) -> Int {
        if isNull(row) || count == 0 { return 1 }
        switch lane {
        case .word, .double: return 8
        case .wide: return 16
        case .text: return Int(ranges[row].length)
        case .list, .map:
            var sum = 2
            for child in children {
                switch child.lane {
                case .word, .double, .wide: sum += elements(row).count * 8
                default: for element in elements(row) { sum += child.weight(element) }
                }
            }
            return sum
        case .structure: return children.reduce(2) { $0 + $1.weight(row) }
        }
    }

    /// Whether values have sizes of their own, so that a row may weigh much.
    var hasVariableWeight: Bool {
        switch lane {
        case .word, .double, .wide: false
        case .text, .list, .map: true
        case .structure: children.contains(where: \.hasVariableWeight)
        }
    }

    /// Bytes of all texts and elements that the column holds, whether rows show them or not.
    var textMemory: Int { bytes.count + children.reduce(0) { $0 + $1.textMemory + $1.count * 8 } }

    /// A column of the same values that stays as it is when this one starts a new batch. Memory is shared until then.
    func detached() -> Column {
        let copy = Column(type)
        copy.share(self)
        copy.children = children.map { $0.detached() }
        return copy
    }
}

extension Batch {
    /// Bytes of all texts and elements that the columns hold.
    var textMemory: Int { columns.reduce(0) { $0 + $1.textMemory } }

    /// Bytes of text that the selected rows show, about: rows may show one text many times (a literal, a part of a longer text).
    var shownText: Int {
        var sum = 0
        for column in columns {
            if case .text = column.lane, column.count > 0 {
                let ranges = column.ranges
                let nulls = column.nulls
                selection.forEach { row in if nulls.isEmpty || !nulls[row] { sum += Int(ranges[row].length) } }
            } else {
                sum += column.textMemory
            }
        }
        return sum
    }

    /// A batch of the same rows that stays as it is when the operator that made this one goes on.
    func detached() -> Batch {
        let copy = Batch()
        copy.adoptRows(of: self)
        copy.columns = columns.map { $0.detached() }
        copy.old = old.map { $0.detached() }
        return copy
    }

    /// Whether every column that is not empty has as many rows as the batch, and so has everything that rows carry.
    var isConsistent: Bool {
        func fits(_ count: Int) -> Bool { count == 0 || count >= rowCount }
        return timestamps.count >= rowCount && fits(hasValue.count) && fits(hasOld.count) && fits(hasKey.count)
            && fits(windowStarts.count) && windowStarts.count == windowEnds.count && fits(offsets.count) && fits(headers.count)
            && fits(recordIndexes.count) && fits(ranks.count) && columns.allSatisfy { fits($0.count) } && old.allSatisfy { fits($0.count) }
            && (selection.isDense ? selection.count <= rowCount : selection.rows.allSatisfy { $0 < rowCount })
    }
}

/// Cuts a batch that is too large for one chunk, row by row of its selection.
final class ChunkCutter {
    private let columns: [Column]
    private let oldColumns: [Column]
    private let keyCount: Int
    private let chunk = Batch()
    private var source: Batch?
    private var next = 0

    /// For batches whose columns are of the types of `columns`, of which the first `keyCount` have values in every row.
    init(_ columns: [Column], keyCount: Int) {
        self.keyCount = keyCount
        self.columns = columns.map { Column($0.type) }
        oldColumns = columns.map { Column($0.type) }
    }

    /// Whether rows are left of the batch that was begun.
    var hasRows: Bool { source.map { next < $0.selection.count } ?? false }

    /// Starts with the first row of `batch`, which must stay as it is until all rows are out.
    func begin(_ batch: Batch) {
        source = batch
        next = 0
    }

    /// Releases the batch, and the memory that its chunks share with it.
    func reset() {
        source = nil
        for column in columns + oldColumns { column.reset(0) }
    }

    /// The next rows, as many as are one chunk; nil when none are left. The whole batch itself when it is small.
    func takeChunk() -> Batch? {
        guard let batch = source, next < batch.selection.count else { return nil }
        let first = next
        var weight = 0
        func weighty(_ columns: ArraySlice<Column>) -> [Column] { columns.filter { $0.count > 0 && $0.hasVariableWeight } }
        let keys = weighty(batch.columns.prefix(keyCount)), values = weighty(batch.columns.dropFirst(keyCount)), old = weighty(batch.old[...])
        if keys.isEmpty && values.isEmpty && old.isEmpty {
            next = min(batch.selection.count, next + OutputLimits.chunkRows)
        } else {
            while next < batch.selection.count, next - first < OutputLimits.chunkRows, weight < OutputLimits.chunkBytes {
                let row = batch.selection[next]
                for column in keys { weight += column.weight(row) }
                // What stands where a row has no value, or had none before, means nothing.
                if batch.hasValue(row) { for column in values { weight += column.weight(row) } }
                if batch.hadOld(row) { for column in old { weight += column.weight(row) } }
                next += 1
            }
        }
        if next == batch.selection.count { source = nil }
        if first == 0 && next == batch.selection.count { return batch }
        return part(of: batch, (first..<next).map { Int32(truncatingIfNeeded: batch.selection[$0]) })
    }

    private func part(of batch: Batch, _ rows: [Int32]) -> Batch {
        chunk.gatherRows(of: batch, rows)
        chunk.columns = gathered(batch.columns, rows, into: columns)
        chunk.old = gathered(batch.old, rows, into: oldColumns)
        return chunk
    }

    private func gathered(_ columns: [Column], _ rows: [Int32], into own: [Column]) -> [Column] {
        for (column, target) in zip(columns, own) {
            // Columns that no operator reads are empty and stay so.
            if column.count > 0 { target.gather(column, rows) } else { target.reset(0) }
        }
        return Array(own.prefix(columns.count))
    }
}
