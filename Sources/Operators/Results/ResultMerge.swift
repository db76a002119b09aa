// The rows of several partitions of a table as one run, in the order in which one partition would give them.

package import Bytes
import Formats
package import Plans
import Values

/// Merges runs of records of one table, each in the order of its keys, into one in that order.
package struct ResultMerge {
    private let order: ResultOrder
    private let suffix: Int

    /// `source` describes the table's topic as a source reads it.
    package init(_ source: SourceStep) throws(DataflowError) {
        order = try ResultOrder(source)
        suffix =
            switch source.window {
            case nil: 0
            case .time: 8
            case .session: 16
            }
    }

    /// Merges runs that are in order each: by key, then by window.
    package func merged(_ runs: [RecordRun]) -> RecordRun {
        let filled = runs.filter { $0.count > 0 }
        if filled.count == 1 { return filled[0] }
        let keys = filled.map { orderKeys(of: $0) }
        var next = filled.map { _ in 0 }
        var records = OutgoingRecords()
        while true {
            var least: Int?
            for run in filled.indices where next[run] < filled[run].count {
                if let best = least, !keys[run][next[run]].lexicographicallyPrecedes(keys[best][next[best]]) { continue }
                least = run
            }
            guard let run = least else { return records.read }
            let row = next[run]
            func bytes(_ range: ByteRange) -> [UInt8] { Array(filled[run].bytes[Int(range.start)..<Int(range.start + range.length)]) }
            // A result store has no rows without a key or a value.
            records.append(key: bytes(filled[run].keys[row]), value: bytes(filled[run].values[row]), timestamp: filled[run].timestamps[row])
            next[run] += 1
        }
    }

    /// The order bytes of each record: those of its key, then its window's start and end, which are not negative.
    private func orderKeys(of run: RecordRun) -> [[UInt8]] {
        let bare = run.keys.map { ByteRange(start: $0.start, length: $0.length - Int32(truncatingIfNeeded: suffix)) }
        return zip(order.orderKeys(of: run, bare), run.keys).map { key, whole in
            let end = Int(whole.start + whole.length)
            // A session's key ends with its end and then its start.
            var result = key
            result += run.bytes[end - min(8, suffix)..<end]
            result += run.bytes[end - suffix..<end - min(8, suffix)]
            return result
        }
    }
}
