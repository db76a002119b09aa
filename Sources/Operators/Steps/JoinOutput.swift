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
    func gather(_ pairs: ArraySlice<JoinPair>, _ origins: [Batch]) -> Batch {
        let count = pairs.count
        let first = pairs.startIndex
        fill(columns, count, left: { pairs[first + $0].left }, right: { pairs[first + $0].right }, isThere: { _ in true })
        out.hasOld = []
        if isTable {
            out.hasOld = pairs.map(\.hasOld)
            fill(
                oldColumns, count, left: { pairs[first + $0].oldLeft }, right: { pairs[first + $0].oldRight },
                isThere: { pairs[first + $0].hasOld })
            if !out.hasOld.contains(true) { out.hasOld = [] }
        }
        out.rowCount = count
        out.selection = .all(count)
        out.columns = columns
        out.old = isTable ? oldColumns : []
        out.timestamps = pairs.map(\.time)
        out.hasValue = pairs.contains { $0.isTombstone } ? pairs.map { !$0.isTombstone } : []
        out.hasKey = hasKeyMarks ? pairs.map(\.hasKey) : []
        takeOrigins(pairs, origins)
        return out
    }

    /// Fills the columns of both sides and the key from rows. A side that is missing is NULL in every column.
    private func fill(
        _ columns: [Column], _ count: Int, left: (Int) -> RowPlace, right: (Int) -> RowPlace, isThere: (Int) -> Bool
    ) {
        for column in columns { column.reset(count) }
        func read(_ sides: ArraySlice<Column>, _ place: (Int) -> RowPlace) {
            rows.begin(count) { row in
                guard isThere(row) else { return .unread }
                let place = place(row)
                return place.isMissing ? .nulls : .row(place)
            }
            for column in sides { rows.read(into: column) }
        }
        read(columns[keyCount..<keyCount + leftCount], left)
        read(columns[(keyCount + leftCount)...], right)
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

    /// What rows carry from the rows that made them.
    private func takeOrigins(_ pairs: ArraySlice<JoinPair>, _ origins: [Batch]) {
        out.windowStarts = gather(pairs, origins, \.windowStarts, absent: nil)
        out.windowEnds = gather(pairs, origins, \.windowEnds, absent: nil)
        out.offsets = gather(pairs, origins, \.offsets, absent: -1)
        out.ranks = gather(pairs, origins, \.ranks, absent: nil)
        out.headers.removeAll(keepingCapacity: true)
        out.headerBytes.removeAll(keepingCapacity: true)
        if origins.contains(where: { !$0.headers.isEmpty }) { takeHeaders(pairs, origins) }
        guard let last = pairs.last else { return }
        out.partition = origins[Int(last.origin)].partition
        out.input = origins[Int(last.origin)].input
    }

    /// What rows carry in one array of their batches. `absent` stands for what a batch does not have; without it, batches without the array
    /// give no entries: either all batches have it or none.
    private func gather<Item>(
        _ pairs: ArraySlice<JoinPair>, _ origins: [Batch], _ array: KeyPath<Batch, [Item]>, absent: Item?
    ) -> [Item] {
        let arrays = origins.map { $0[keyPath: array] }
        if absent == nil, arrays.allSatisfy(\.isEmpty) { return [] }
        var result: [Item] = []
        result.reserveCapacity(pairs.count)
        for pair in pairs {
            let row = Int(pair.row)
            if row < arrays[Int(pair.origin)].count {
                result.append(arrays[Int(pair.origin)][row])
            } else if let absent {
                result.append(absent)
            }
        }
        return result
    }

    private func takeHeaders(_ pairs: ArraySlice<JoinPair>, _ origins: [Batch]) {
        for pair in pairs {
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
