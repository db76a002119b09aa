// The chunks that a join sends up: the rows of pairs, gathered column by column.

import Bytes
import Plans
import Values

/// Makes chunks of pairs.
final class JoinOutput {
    private let step: JoinStep
    private let keyCount: Int
    private let leftCount: Int
    private let hasKeyMarks: Bool
    /// Whether the rows are those of a table, with old versions.
    private let isTable: Bool
    private let out = Batch()
    private let columns: [Column]
    private let oldColumns: [Column]
    private let rows = RowGather()

    /// `hasKeyMarks`: a NULL may be a key, so that rows tell whether they have one.
    init(_ step: JoinStep, leftCount: Int, hasKeyMarks: Bool) {
        self.step = step
        keyCount = step.output.keyCount
        self.leftCount = leftCount
        self.hasKeyMarks = hasKeyMarks
        isTable = step.isTable
        columns = step.output.columns.map { Column($0.type) }
        oldColumns = step.output.columns.map { Column($0.type) }
    }

    /// Bytes of the header of a row.
    @inline(__always) static func headerSize(_ row: Int32, of batch: Batch) -> Int {
        batch.headers.isEmpty ? 0 : max(0, Int(batch.headers[Int(row)].length))
    }

    /// The chunk of these pairs, which is valid until the next one. `origins` are the batches that they stem from.
    func gather(_ pairs: JoinPairs, _ origins: [Batch]) -> Batch {
        let count = pairs.chunkCount
        fill(columns, count, left: { pairs[$0].left }, right: { pairs[$0].right }, isThere: { _ in true })
        out.hasOld = []
        if isTable {
            out.hasOld = (0..<count).map { pairs[$0].hasOld }
            fill(oldColumns, count, left: { pairs[$0].oldLeft }, right: { pairs[$0].oldRight }, isThere: { pairs[$0].hasOld })
            if !out.hasOld.contains(true) { out.hasOld = [] }
        }
        out.rowCount = count
        out.selection = .all(count)
        out.columns = columns
        out.old = isTable ? oldColumns : []
        out.timestamps = (0..<count).map { pairs[$0].time }
        out.hasValue = (0..<count).contains { pairs[$0].isTombstone } ? (0..<count).map { !pairs[$0].isTombstone } : []
        out.hasKey = hasKeyMarks ? (0..<count).map { pairs[$0].hasKey } : []
        takeOrigins(pairs, count, origins)
        return out
    }

    /// Fills the columns of both sides and the key from rows. A side that is missing is NULL in every column.
    @inline(__always) private func fill(
        _ columns: [Column], _ count: Int, left: (Int) -> RowPlace, right: (Int) -> RowPlace, isThere: (Int) -> Bool
    ) {
        for column in columns { column.reset(count) }
        rows.begin(count) { row in isThere(row) ? source(left(row)) : .unread }
        for column in columns[keyCount..<keyCount + leftCount] { rows.read(into: column) }
        rows.begin(count) { row in isThere(row) ? source(right(row)) : .unread }
        for column in columns[(keyCount + leftCount)...] { rows.read(into: column) }
        var lefts = 0
        for row in 0..<count where !isThere(row) || !left(row).isMissing { lefts += 1 }
        for index in 0..<keyCount {
            let (ofLeft, ofRight) = (columns[keyCount + index], columns[keyCount + leftCount + index])
            if lefts == count {
                columns[index].repeatRows(of: ofLeft)
            } else {
                for row in 0..<count where isThere(row) { columns[index].copy(left(row).isMissing ? ofRight : ofLeft, row, to: row) }
            }
        }
    }

    @inline(__always) private func source(_ place: RowPlace) -> RowGather.Source { place.isMissing ? .nulls : .row(place) }

    /// What rows carry from the rows that made them.
    private func takeOrigins(_ pairs: JoinPairs, _ count: Int, _ origins: [Batch]) {
        out.windowStarts = gather(pairs, count, origins.map { $0.windowStarts }, absent: nil)
        out.windowEnds = gather(pairs, count, origins.map { $0.windowEnds }, absent: nil)
        out.offsets = gather(pairs, count, origins.map { $0.offsets }, absent: -1)
        out.ranks = gather(pairs, count, origins.map { $0.ranks }, absent: nil)
        out.headers.removeAll(keepingCapacity: true)
        out.headerBytes.removeAll(keepingCapacity: true)
        if origins.contains(where: { !$0.headers.isEmpty }) { takeHeaders(pairs, count, origins) }
        guard count > 0 else { return }
        let last = origins[Int(pairs[count - 1].origin)]
        out.partition = last.partition
        out.input = last.input
    }

    /// What rows carry in one array of their batches. `absent` stands for what a batch does not have; without it, batches without the array
    /// give no entries: either all batches have it or none.
    private func gather<Item>(_ pairs: JoinPairs, _ count: Int, _ arrays: [[Item]], absent: Item?) -> [Item] {
        if absent == nil, arrays.allSatisfy({ $0.isEmpty }) { return [] }
        var result: [Item] = []
        result.reserveCapacity(count)
        for place in 0..<count {
            let pair = pairs[place]
            let row = Int(pair.row)
            if row < arrays[Int(pair.origin)].count {
                result.append(arrays[Int(pair.origin)][row])
            } else if let absent {
                result.append(absent)
            }
        }
        return result
    }

    private func takeHeaders(_ pairs: JoinPairs, _ count: Int, _ origins: [Batch]) {
        for place in 0..<count {
            let pair = pairs[place]
            let origin = origins[Int(pair.origin)]
            guard !origin.headers.isEmpty, !origin.headers[Int(pair.row)].isNull else {
                out.headers.append(.null)
                continue
            }
            let range = origin.headers[Int(pair.row)]
            out.headers.append(ByteRange(start: Int32(truncatingIfNeeded: out.headerBytes.count), length: range.length))
            out.headerBytes.append(contentsOf: origin.headerBytes[range.indexes])
        }
        if !out.headers.contains(where: { !$0.isNull }) { out.headers = [] }
    }
}
