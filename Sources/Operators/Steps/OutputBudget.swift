// How much a dataflow may put out before its driver is asked again, and what one record may make at all.
//
// Three limits, each for a reason of its own. A *chunk* is what one operator hands to the next: so that no column grows with what a record
// expands to. A *slice* is what one call of `process` or `resume` may make: so that the driver can hand over output, give the thread to
// others, and see that the query is no longer wanted. The *hard limits* end what can never be committed: all output between two commits
// is in memory, and places in it are 32 bits wide.

import Synchronization

/// The limits of what a dataflow puts out.
package enum OutputLimits {
    /// Rows of one chunk: as many as of one batch of records, which fit the first-level caches.
    package static let chunkRows = 4096
    /// Bytes of text in one chunk, about: as much as the largest record that clients may send. A single row may have more.
    package static let chunkBytes = 1 << 20
    /// Rows that expanding operators make in one slice: a few milliseconds of work, so that others do not wait longer for their turns.
    package static let sliceRows = 16_384
    /// The same of what was held back for a commit: its rows lie all over a large state, and each costs several misses of the cache.
    package static let flushRows = chunkRows
    /// Bytes that a slice puts out: a few milliseconds of encoding.
    package static let sliceBytes = 2 << 20
    /// Bytes that may be put out between two commits. A commit is written and held as a whole; 16 such tasks fit a machine of 4 GiB.
    package static let heldBytes = 256 << 20
    /// Rows that a batch may become: about as much as makes a commit due, so that a query that makes many is seen to go on.
    package static let rowsPerBatch = 1 << 19
    /// Rows that one record may become: what fits `heldBytes` with 64 bytes a row.
    package static let rowsPerRecord = 4 << 20
}

/// Ends the work of a dataflow from any thread.
package final class CancelFlag: Sendable {
    private let state = Atomic<UInt8>(CancelFlag.clear)
    private static let clear: UInt8 = 0, ended: UInt8 = 1, counting: UInt8 = 2
    /// How often a counting flag was looked at.
    private let seen = Atomic<Int>(0)

    /// A flag that is not set. One that `countsLooks` tells how often it was looked at, so that it can be shown without a clock that work
    /// does so often enough.
    package init(countsLooks: Bool = false) {
        if countsLooks { state.store(CancelFlag.counting, ordering: .relaxed) }
    }

    /// Whether the work is to end.
    @inline(__always) package var isSet: Bool {
        let state = state.load(ordering: .relaxed)
        return state != CancelFlag.clear && isEnded(state)
    }

    private func isEnded(_ state: UInt8) -> Bool {
        if state == CancelFlag.counting { seen.wrappingAdd(1, ordering: .relaxed) }
        return state == CancelFlag.ended
    }

    /// How often a flag that counts its looks was looked at.
    package var looks: Int { seen.load(ordering: .relaxed) }

    /// Whether the work is to end, looked at once in 1,024 places of a long loop, so that it costs the loop nothing.
    @inline(__always) func isSet(at place: Int) -> Bool { place & 0x3FF == 0 && isSet }

    /// Ends the work wherever it is, for good.
    package func set() { state.store(CancelFlag.ended, ordering: .relaxed) }
}

/// What has been put out in the current slice. Operators count whole chunks, never single rows.
final class OutputBudget {
    var cancel = CancelFlag()
    /// Whether slices end at all; without it one call works to the end.
    private let hasSlices: Bool
    /// Rows of expanding operators that end a slice.
    private var sliceRows = OutputLimits.sliceRows
    /// Rows of expanding operators, and bytes at the dataflow's end, in this slice.
    private(set) var rows = 0
    private(set) var bytes = 0
    /// Rows of expanding operators since the batch began, and all rows and bytes at the end since then; for the next batch's size.
    private(set) var batchRows = 0
    private(set) var batchBytes = 0
    /// Bytes at the dataflow's end that have not been taken yet.
    var heldBytes: Int { heldAtEnd + heldBeside }
    private var heldAtEnd = 0
    /// Those of other topics than the dataflow's own.
    private var heldBeside = 0
    /// One record makes more rows than it may.
    var hasTooManyRows = false

    init(hasSlices: Bool) { self.hasSlices = hasSlices }

    /// Whether an operator must put its work aside before it makes another chunk.
    var isUsedUp: Bool {
        hasSlices && (rows >= sliceRows || bytes >= OutputLimits.sliceBytes) || isTooMuch || cancel.isSet
    }

    /// Whether a hard limit has been passed.
    var isTooMuch: Bool { heldBytes > OutputLimits.heldBytes || hasTooManyRows }

    func beginSlice(rows limit: Int) {
        (rows, bytes) = (0, 0)
        sliceRows = limit
    }

    func beginBatch() { (batchRows, batchBytes) = (0, 0) }

    /// An expanding operator has made a chunk.
    func spend(rows: Int) {
        self.rows += rows
        batchRows += rows
    }

    /// The end of the dataflow has put out this much, and holds so much in all.
    func spend(bytes: Int, held: Int) {
        self.bytes += bytes
        batchBytes += bytes
        heldAtEnd = held
    }

    /// This much has been put out for another topic than the dataflow's own.
    func spendBeside(bytes: Int) {
        self.bytes += bytes
        batchBytes += bytes
        heldBeside += bytes
    }

    /// What the end held has been taken, or taken back to `held` bytes.
    func release(to held: Int) {
        (heldAtEnd, heldBeside) = (held, 0)
        hasTooManyRows = false
    }
}

/// How many records the next batch should have, from what the last ones became.
struct BatchSizing {
    /// Records of the largest batch.
    private static let most = OutputLimits.chunkRows
    /// A plan that may expand starts with so few records that even a thousand rows of each are one slice.
    private static let first = 16
    /// By the plan alone: as many records as make one slice.
    private let ceiling: Int
    private(set) var limit: Int

    /// `expands`: one record may become many rows. `rowsPerRecord`: how many rows each makes, by the plan.
    init(expands: Bool, rowsPerRecord: Int) {
        ceiling = max(1, min(BatchSizing.most, OutputLimits.sliceRows / max(1, rowsPerRecord)))
        limit = expands ? min(BatchSizing.first, ceiling) : ceiling
    }

    /// Learns what a batch of `records` came to: the limit doubles after a full batch that was less than a slice, and shrinks to a slice
    /// at once.
    mutating func learn(records: Int, rows: Int, bytes: Int) {
        guard records > 0 else { return }
        let grown = records >= limit ? limit * 2 : limit
        // A batch has far less than 2^32 records.
        let byRows = records * OutputLimits.sliceRows / max(1, rows)
        let byBytes = records * OutputLimits.sliceBytes / max(1, bytes)
        limit = max(1, min(ceiling, grown, max(1, byRows), max(1, byBytes)))
    }
}
