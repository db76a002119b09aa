// Checks records without making rows of them: for ingest, where a record that is a row already is stored byte for byte.

package import Bytes
package import Formats
import Quantities
package import Values

/// Tells which byte ranges are rows of some columns in some format. One owner, one thread.
package final class RecordValidator {
    private let decoder: SideDecoder

    /// Throws when the format is not supported.
    package init(_ columns: [ColumnDefinition], format: FormatSpec) throws(DataflowError) {
        decoder = try Codecs.decoder(format, columns, wanted: columns.map { _ in true })
    }

    /// The ranges that are rows, in order; empty ones are skipped. `bytes` ends with `RecordRun.padding` bytes that belong
    /// to none. `reject` is called with the index of each range that is no row, the column at fault, and why.
    package func rows(
        in bytes: [UInt8], _ ranges: [ByteRange], reject: (_ index: Int, _ column: String?, _ reason: String) -> Void
    ) -> [ByteRange] {
        let run = RecordRun(
            bytes: bytes, keys: [], values: [], headers: [], timestamps: [], offsets: [], nextOffset: .first, isAtEnd: false)
        var rows: [ByteRange] = []
        rows.reserveCapacity(ranges.count)
        decoder.begin(run, ranges.count)
        unsafe bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for (index, range) in ranges.enumerated() where range.length > 0 {
                if let problem = unsafe decoder.decode(base, range, rows.count) {
                    reject(index, problem.column, problem.message)
                    decoder.discard(rows.count)
                } else {
                    rows.append(range)
                }
            }
        }
        return rows
    }
}
