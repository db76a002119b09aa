// What operators hand to each other: columns of rows, what each row carries beside them, and which rows are meant.

import Bytes
import Quantities
import Values

/// A batch of rows of one step. The batch and its columns belong to the operator that made it and live until its next one.
///
/// Of a stream, a row without a value is an event whose value was null. Of a table, it is a tombstone; `old`, when it is there, holds the
/// row's version before this change, and `hasOld` tells which rows had one.
final class Batch {
    /// By the index of the step's row schema; a column that the query does not need is there but empty.
    var columns: [Column] = []
    /// As `columns`; empty when no operator above needs old versions.
    var old: [Column] = []
    var rowCount = 0
    var selection = Selection.all(0)
    var timestamps: [Int64] = []
    /// Whether a row has a value; empty when all have.
    var hasValue: [Bool] = []
    /// Whether a row had an old version; empty when none had.
    var hasOld: [Bool] = []
    /// Whether a row has a key, which may be a NULL; empty when that follows from the key columns.
    var hasKey: [Bool] = []
    /// Window bounds; empty when rows have no windows.
    var windowStarts: [Int64] = []
    var windowEnds: [Int64] = []
    var partition = PartitionIndex.first
    /// Offsets of the records that the rows stem from.
    var offsets: [Int64] = []
    /// Header blocks of the records that the rows stem from, in `headerBytes`; empty when there are none.
    var headers: [ByteRange] = []
    var headerBytes: [UInt8] = []
    /// The run that the rows stem from and each row's index in it, for reports; the index array is empty when there is none.
    var run: RecordRun?
    var recordIndexes: [Int32] = []
    /// Which input of the dataflow the rows stem from.
    var input = 0
    /// Where each row stands in the order over all inputs; empty when there is only one input.
    var ranks: [Int32] = []

    @inline(__always) func hasValue(_ row: Int) -> Bool { hasValue.isEmpty || hasValue[row] }
    @inline(__always) func hadOld(_ row: Int) -> Bool { !hasOld.isEmpty && hasOld[row] }
    var isWindowed: Bool { !windowStarts.isEmpty }

    /// The offset of the record that a row stems from; nil where it stems from no single one.
    func offset(of row: Int) -> Offset? { row < offsets.count ? Offset(exactly: offsets[row]) : nil }

    /// Takes over everything of `other` but its columns.
    func adoptRows(of other: Batch) {
        rowCount = other.rowCount
        selection = other.selection
        timestamps = other.timestamps
        hasValue = other.hasValue
        hasOld = other.hasOld
        hasKey = other.hasKey
        windowStarts = other.windowStarts
        windowEnds = other.windowEnds
        partition = other.partition
        offsets = other.offsets
        headers = other.headers
        headerBytes = other.headerBytes
        run = other.run
        recordIndexes = other.recordIndexes
        input = other.input
        ranks = other.ranks
    }

    /// Takes over what rows carry from rows `origin` of `other`, one entry a new row; columns, windows and versions aside.
    func gatherRows(of other: Batch, _ origin: [Int32]) {
        rowCount = origin.count
        selection = .all(origin.count)
        timestamps = origin.map { other.timestamps[Int($0)] }
        hasValue = other.hasValue.isEmpty ? [] : origin.map { other.hasValue[Int($0)] }
        hasOld = other.hasOld.isEmpty ? [] : origin.map { other.hasOld[Int($0)] }
        hasKey = other.hasKey.isEmpty ? [] : origin.map { other.hasKey[Int($0)] }
        windowStarts = other.windowStarts.isEmpty ? [] : origin.map { other.windowStarts[Int($0)] }
        windowEnds = other.windowEnds.isEmpty ? [] : origin.map { other.windowEnds[Int($0)] }
        gatherOrigins(of: other, origin)
    }

    /// Takes over where rows come from: offsets, headers, places in the run.
    func gatherOrigins(of other: Batch, _ origin: [Int32]) {
        partition = other.partition
        offsets = other.offsets.isEmpty ? [] : origin.map { other.offsets[Int($0)] }
        headers = other.headers.isEmpty ? [] : origin.map { other.headers[Int($0)] }
        headerBytes = other.headerBytes
        run = other.run
        recordIndexes = other.recordIndexes.isEmpty ? [] : origin.map { other.recordIndexes[Int($0)] }
        input = other.input
        ranks = other.ranks.isEmpty ? [] : origin.map { other.ranks[Int($0)] }
    }
}
