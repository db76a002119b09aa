// What a join makes of the rows of its sides: pairs of places, which are gathered into chunks column by column when they are enough.

/// What a join makes of one row of either side; a missing side is padded with NULLs. The rows stay where they are until the pair has left.
struct JoinPair: BitwiseCopyable {
    var left: RowPlace
    var right: RowPlace
    var time: Int64
    /// The row has no value; its key comes from the sides given.
    var isTombstone = false
    /// Whether there was a version before, of joins of tables, and its sides.
    var hasOld = false
    fileprivate(set) var hasKey = true
    var oldLeft = RowPlace.missing
    var oldRight = RowPlace.missing
    /// The row that made the pair: its batch's index among the origins of the output, and its index there.
    fileprivate(set) var origin: Int32 = 0
    fileprivate(set) var row: Int32 = 0

    /// Bytes of the rows.
    fileprivate var size: Int { left.rowBytes + right.rowBytes + (hasOld ? oldLeft.rowBytes + oldRight.rowBytes : 0) }
}

/// The pairs that have not left: those of the output's chunk, and behind them those for which it has no room.
@safe final class JoinPairs {
    /// What pairs of the row that is processed carry of it.
    struct Current: BitwiseCopyable {
        /// -1 while its batch has made no pair.
        var origin: Int32 = -1
        var row: Int32 = 0
        var hasKey = true
        var isLeft = true
    }

    /// Reached through a pointer, so that an access costs no check for overlapping ones.
    @safe private struct Parts {
        var pairs: UnsafeMutablePointer<JoinPair>
        var capacity = JoinPairs.firstRoom
        var count = 0
        /// The chunk: from `first` up to here.
        var chunkEnd = 0
        var first = 0
        var chunkBytes = 0
        var current = Current()
    }

    private static let firstRoom = 64
    private let parts: UnsafeMutablePointer<Parts>

    init() {
        let parts = UnsafeMutablePointer<Parts>.allocate(capacity: 1)
        unsafe parts.initialize(to: Parts(pairs: .allocate(capacity: JoinPairs.firstRoom)))
        unsafe self.parts = unsafe parts
    }

    deinit {
        unsafe parts.pointee.pairs.deallocate()
        unsafe parts.deallocate()
    }

    /// The row that is processed.
    var current: Current {
        @inline(__always) get { unsafe parts.pointee.current }
        @inline(__always) set { unsafe parts.pointee.current = newValue }
    }

    /// Pairs of the chunk.
    var chunkCount: Int { @inline(__always) get { unsafe parts.pointee.chunkEnd - parts.pointee.first } }
    /// Pairs behind the chunk.
    var waitingCount: Int { @inline(__always) get { unsafe parts.pointee.count - parts.pointee.chunkEnd } }
    var isEmpty: Bool { unsafe parts.pointee.first == parts.pointee.count }
    var isFull: Bool {
        @inline(__always) get { unsafe chunkCount >= OutputLimits.chunkRows || parts.pointee.chunkBytes >= OutputLimits.chunkBytes }
    }

    /// The pair at a place of the chunk.
    subscript(place: Int) -> JoinPair {
        @inline(__always) get {
            assert(place >= 0 && place < chunkCount, "the place is outside the chunk")
            return unsafe parts.pointee.pairs[parts.pointee.first + place]
        }
    }

    /// The pair behind the chunk, which comes into it next.
    var upcoming: JoinPair { @inline(__always) get { unsafe parts.pointee.pairs[parts.pointee.chunkEnd] } }

    /// Adds a pair that the current row makes, behind all others.
    @inline(__always) func append(_ pair: JoinPair) {
        if unsafe parts.pointee.count == parts.pointee.capacity { grow() }
        var pair = pair
        let current = self.current
        pair.origin = current.origin
        pair.row = current.row
        pair.hasKey = current.hasKey
        unsafe parts.pointee.pairs[parts.pointee.count] = pair
        unsafe parts.pointee.count += 1
    }

    /// Takes the next pair into the chunk, where it counts `bytes` besides its rows.
    @inline(__always) func takeIntoChunk(and bytes: Int) {
        unsafe parts.pointee.chunkBytes += upcoming.size + bytes
        unsafe parts.pointee.chunkEnd += 1
    }

    /// The chunk has left.
    func beginChunk() {
        unsafe parts.pointee.first = unsafe parts.pointee.chunkEnd
        unsafe parts.pointee.chunkBytes = 0
    }

    func removeAll() {
        // A rare giant gives its memory back.
        if unsafe parts.pointee.capacity > 2 * OutputLimits.chunkRows { resize(JoinPairs.firstRoom, keeping: 0) }
        unsafe (parts.pointee.count, parts.pointee.first, parts.pointee.chunkEnd, parts.pointee.chunkBytes) = (0, 0, 0, 0)
    }

    @inline(never) private func grow() { unsafe resize(parts.pointee.capacity * 2, keeping: parts.pointee.count) }

    private func resize(_ capacity: Int, keeping count: Int) {
        let pairs = UnsafeMutablePointer<JoinPair>.allocate(capacity: capacity)
        unsafe pairs.update(from: parts.pointee.pairs, count: count)
        unsafe parts.pointee.pairs.deallocate()
        unsafe parts.pointee.pairs = unsafe pairs
        unsafe parts.pointee.capacity = capacity
    }
}
