// Decoding one side (key or value) of records, whatever the format.

import Bytes
import Values

/// Decodes one side (key or value) of the records of a run.
class SideDecoder {
    /// The columns of this side, in declared order. Columns that are not wanted stay empty.
    let columns: [Column]

    init(_ columns: [Column]) { self.columns = columns }

    /// Starts a batch of at most `rows` rows from `run`.
    func begin(_ run: RecordRun, _ rows: Int) {
        for column in columns { column.reset(rows) }
    }

    /// Decodes the bytes at `range`, which is not null, into `row`. Gives the reason when the record must be rejected; the caller then
    /// discards the row, so a decoder need not undo anything.
    @unsafe func decode(_ base: UnsafePointer<UInt8>, _ range: ByteRange, _ row: Int) -> DecodeProblem? {
        preconditionFailure("every decoder decodes")
    }

    /// Removes what `row`, the last one that was decoded, has left, whether it was decoded whole or in part. The row may be used again.
    func discard(_ row: Int) {
        for column in columns where column.count > 0 { column.discard(row) }
    }

    /// All columns of `row` are NULL.
    func decodeNull(_ row: Int) {
        for column in columns where column.count > 0 { column.setNull(row) }
    }

    /// Ends the batch, which got `rows` rows.
    func finish(_ rows: Int) {}
}

/// Why bytes do not give a row.
struct DecodeProblem {
    var column: String?
    var message: String
}
