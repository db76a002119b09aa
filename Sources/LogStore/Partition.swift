// One partition: its segments, the batches that are still in memory, and its three ends.
import Bytes
import Platform
import Quantities
import Synchronization

/// A batch in memory. The array is shared with the other batches of the same append.
struct TailBatch {
    var baseOffset: Offset
    var nextOffset: Offset
    var bytes: [UInt8]
    var start: Int
    var byteCount: Int
}

/// A partition as readers, committers and the writer share it.
final class Partition: Sendable {
    struct State {
        /// The first offset that may be fetched.
        var start: Offset
        /// The next offset to be given.
        var appendedEnd: Offset
        /// Offsets below are durable.
        var durableEnd: Offset
        /// Offsets below are in the segment files; the tail holds at least the rest.
        var appliedEnd: Offset
        /// By base offset; the last one is active. None until the first record is durable.
        var segments: [Segment]
        var producers = ProducerTable()
        var tail: [TailBatch] = []
        var tailBytes = 0
        var isDeleted = false
        /// Nobody will ask for offsets below: see `EventLog.release`.
        var released = Offset.first
    }

    let topic: TopicID
    let topicName: String
    let index: PartitionIndex
    let directory: String
    let state: Mutex<State>

    init(topic: TopicID, topicName: String, index: PartitionIndex, directory: String, state: consuming State) {
        self.topic = topic
        self.topicName = topicName
        self.index = index
        self.directory = directory
        self.state = Mutex(state)
    }

    var bounds: PartitionBounds { state.withLock { $0.bounds } }

    var news: LogNews { LogNews(topic: topic, partition: index, bounds) }

    var description: PartitionDescription {
        let (bounds, segments) = state.withLock { ($0.bounds, $0.segments) }
        return PartitionDescription(
            bounds: bounds, byteCount: segments.reduce(.zero) { $0 + ByteCount(clamping: $1.size) }, segmentCount: segments.count,
            damage: segments.lazy.compactMap(\.damage).first)
    }

    /// The segments before the active one. One that still waits for a batch, which its commit has placed there, is not closed yet, though
    /// the next one has begun: its index does not tell what it is going to hold.
    var closedSegments: [Segment] {
        let (segments, applied) = state.withLock { ($0.segments, $0.appliedEnd) }
        return zip(segments, segments.dropFirst()).prefix { $0.1.baseOffset <= applied }.map(\.0)
    }

    // MARK: Reading

    func fetch(from offset: Offset, maxBytes: ByteCount, upTo moment: LogMoment) throws(LogError) -> RecordRun {
        var run = try read(from: offset, maxBytes: maxBytes, upTo: moment, true, .readCommitted).run
        // What was aborted gives no records, and only the end gives an empty run.
        while run.count == 0, !run.isAtEnd {
            run = try read(from: run.nextOffset, maxBytes: maxBytes, upTo: moment, true, .readCommitted).run
        }
        assert(run.nextOffset >= offset, "a run never goes back")
        assert(zip(run.offsets, run.offsets.dropFirst()).allSatisfy { $0 < $1 }, "the offsets of a run ascend")
        return run
    }

    /// The batches, and which of them belong to aborted transactions as of the same moment: compaction may take both out behind it.
    func fetchBatches(from offset: Offset, maxBytes: ByteCount, _ isolation: Isolation) throws(LogError) -> FetchedBatches {
        let (run, transactions) = try read(from: offset, maxBytes: maxBytes, upTo: .durable, false, isolation)
        var aborted: Set<AbortedTransaction> = []
        var walk = BatchWalk(run.bytes, run.batches)
        while case .batch(let header, _) = walk.next() {
            if let transaction = transactions.aborted(header) { aborted.insert(transaction) }
        }
        return FetchedBatches(run: run, aborted: aborted.sorted { ($0.first, $0.producer) < ($1.first, $1.producer) })
    }

    private func read(
        from offset: Offset, maxBytes: ByteCount, upTo moment: LogMoment, _ readsRecords: Bool, _ isolation: Isolation,
        leavesOutAborted: Bool = true
    ) throws(LogError) -> (run: RecordRun, transactions: TransactionTable) {
        var view = state.withLock { View($0, offset, maxBytes, moment, isolation) }
        if !leavesOutAborted { view.transactions = TransactionTable() }
        if offset < view.start {
            throw LogError(
                .offsetLost(first: offset, next: view.start),
                "\(view.start - offset) records of \(topicName)-\(index) were removed by retention before they were read: "
                    + "offsets \(offset) to \(view.start.previous)")
        }
        if offset > view.end {
            throw LogError(
                .offsetBeyondEnd(end: view.end), "offset \(offset) of \(topicName)-\(index) is beyond its end, \(view.end)")
        }
        if offset == view.end { return (.empty(nextOffset: offset, isAtEnd: true), view.transactions) }
        if !view.batches.isEmpty { return (run(of: view, from: offset, readsRecords), view.transactions) }
        return try fetch(view, from: offset, maxBytes: maxBytes, upTo: moment, readsRecords, isolation, leavesOutAborted)
    }

    /// Reads from files. Where compaction left nothing it goes on behind that: only the end gives an empty run.
    private func fetch(
        _ view: View, from offset: Offset, maxBytes: ByteCount, upTo moment: LogMoment, _ readsRecords: Bool, _ isolation: Isolation,
        _ leavesOutAborted: Bool
    ) throws(LogError) -> (run: RecordRun, transactions: TransactionTable) {
        let first = max(0, view.segments.firstPlace(where: { $0.baseOffset > offset }) - 1)
        if let segment = view.segments.first, offset < segment.baseOffset { throw missing(offset, before: segment) }
        var offset = offset
        for index in first..<view.segments.count {
            let next = index + 1 < view.segments.count ? view.segments[index + 1].baseOffset : nil
            while let run = try located({ () throws(LogError) in
                try view.segments[index].fetch(
                    from: offset, maxBytes: maxBytes, limit: view.limit, end: view.end, next: next, readsRecords: readsRecords,
                    leavingOut: view.transactions)
            }) {
                if run.count > 0 || run.isAtEnd || !readsRecords { return (run, view.transactions) }
                offset = run.nextOffset
            }
        }
        if view.limit == view.end { return (.empty(nextOffset: view.limit, isAtEnd: true), view.transactions) }
        return try read(
            from: view.limit, maxBytes: maxBytes, upTo: moment, readsRecords, isolation, leavesOutAborted: leavesOutAborted)
    }

    /// The first segment begins behind where the partition does.
    private func missing(_ offset: Offset, before segment: Segment) -> LogError {
        LogError(
            .damaged,
            "\(topicName)-\(index): \(missingOffsets(offset, segment.baseOffset)) at its start: segment files were removed",
            hint: "Restore the files, or read on from offset \(segment.baseOffset); `millrace topics verify` says more.")
    }

    /// Damage names the partition.
    private func located<Result>(_ body: () throws(LogError) -> Result) throws(LogError) -> Result {
        do { return try body() } catch where error.kind == .damaged {
            throw LogError(.damaged, "\(topicName)-\(index): \(error.message)", hint: error.hint)
        }
    }

    /// What a fetch needs, copied out of the state under its lock.
    private struct View {
        let start: Offset
        let end: Offset
        /// Offsets below may be read from files.
        let limit: Offset
        var batches: [TailBatch] = []
        var segments: [Segment] = []
        /// What is left out.
        var transactions: TransactionTable

        init(_ state: borrowing State, _ offset: Offset, _ maxBytes: ByteCount, _ moment: LogMoment, _ isolation: Isolation) {
            start = state.start
            transactions = state.producers.transactions
            let last =
                switch moment {
                case .appended: state.appendedEnd
                case .durable: state.durableEnd
                }
            end =
                switch isolation {
                case .readUncommitted: last
                case .readCommitted: transactions.stableEnd(upTo: last)
                }
            limit = min(end, state.appliedEnd)
            guard offset >= start, offset < end else { return }
            guard let first = state.tail.first, first.baseOffset <= offset else {
                segments = state.segments
                return
            }
            var index = state.tail.firstPlace(where: { $0.nextOffset > offset })
            var byteCount = 0
            while index < state.tail.count, state.tail[index].baseOffset < end {
                byteCount += state.tail[index].byteCount
                if byteCount > maxBytes.length && !batches.isEmpty { break }
                batches.append(state.tail[index])
                index += 1
            }
        }
    }

    /// A run over batches in memory: without a copy when they lie in one array.
    private func run(of view: View, from offset: Offset, _ readsRecords: Bool) -> RecordRun {
        let (batches, end) = (view.batches, view.end)
        guard let first = batches.first, let last = batches.last else { return .empty(nextOffset: offset, isAtEnd: offset >= end) }
        // One behind the other in the same array: two commits' arrays may well have batches at fitting places.
        let areTogether = zip(batches, batches.dropFirst()).allSatisfy {
            $0.start + $0.byteCount == $1.start && $0.nextOffset == $1.baseOffset && $0.bytes.isSameArray(as: $1.bytes)
        }
        let bytes: [UInt8]
        let range: Range<Int>
        if areTogether {
            bytes = first.bytes
            range = first.start..<last.start + last.byteCount
        } else {
            let count = batches.reduce(0) { $0 + $1.byteCount }
            var gathered: [UInt8] = []
            gathered.reserveCapacity(count + RecordRun.padding)
            for batch in batches { gathered.append(contentsOf: batch.bytes[batch.start..<batch.start + batch.byteCount]) }
            gathered.append(contentsOf: repeatElement(0, count: RecordRun.padding))
            bytes = gathered
            range = 0..<count
        }
        var builder = RecordRunBuilder(bytes, from: offset, readsRecords: readsRecords)
        var walk = BatchWalk(bytes, range)
        while case .batch(let header, let position) = walk.next() {
            let isWhole = builder.addBatch(header, at: position, leavingOut: view.transactions)
            precondition(isWhole, "a batch in memory is as it was framed")
        }
        return builder.finish(nextOffset: last.nextOffset, isAtEnd: last.nextOffset == end)
    }

    /// The first durable record at or after `timestamp`, or nil. With `leavesOutAborted` those of aborted transactions are none.
    func place(atOrAfter timestamp: Int64, _ isolation: Isolation, leavesOutAborted: Bool) throws(LogError) -> TimedPlace? {
        let (segments, start, applied, bounds, all) = state.withLock {
            ($0.segments, $0.start, $0.appliedEnd, $0.bounds, $0.producers.transactions)
        }
        let end = isolation == .readCommitted ? bounds.durableEnd : bounds.highWatermark
        let transactions = leavesOutAborted ? all : TransactionTable()
        for segment in segments {
            guard let largest = try segment.maxTimestamp(), largest >= timestamp else { continue }
            if let found = try segment.place(
                atOrAfter: timestamp, from: start, limit: min(applied, end), leavingOut: transactions)
            {
                return found
            }
        }
        var next = max(applied, start)
        while next < end {
            let run = try read(
                from: next, maxBytes: .mebibytes(1), upTo: .durable, true, isolation, leavesOutAborted: leavesOutAborted
            ).run
            if let place = run.place(atOrAfter: timestamp) { return place }
            if run.nextOffset <= next { break }
            next = run.nextOffset
        }
        return nil
    }

    /// The end of the last segment that compaction has been at.
    func compactedEnd() throws(LogError) -> Offset {
        let (segments, end) = state.withLock { ($0.segments, $0.appliedEnd) }
        for (index, segment) in segments.enumerated().reversed() where try segment.isCompacted() {
            return index + 1 < segments.count ? segments[index + 1].baseOffset : end
        }
        return .first
    }

    // MARK: The tail

    /// Drops batches from memory that are in files, until about `limit` bytes are left.
    func trimTail(to limit: Int) {
        state.withLock { state in
            // Twice the limit, so that the array is not moved for every batch.
            guard state.tailBytes > limit * 2 else { return }
            var count = 0
            while count < state.tail.count, state.tailBytes > limit, state.tail[count].nextOffset <= state.appliedEnd {
                state.tailBytes -= state.tail[count].byteCount
                count += 1
            }
            state.tail.removeFirst(count)
        }
    }
}

extension Partition.State {
    var bounds: PartitionBounds {
        let transactions = producers.transactions
        return PartitionBounds(
            start: start, appendedEnd: transactions.stableEnd(upTo: appendedEnd), durableEnd: transactions.stableEnd(upTo: durableEnd),
            highWatermark: durableEnd)
    }

    /// Puts framed batches, whose base offset is set, behind the tail.
    mutating func append(_ framed: FramedBatches, baseOffset: Offset) {
        var offset = baseOffset
        for batch in framed.batches {
            let next = offset + Int64(batch.recordCount)
            tail.append(
                TailBatch(
                    baseOffset: offset, nextOffset: next, bytes: framed.bytes, start: batch.start, byteCount: batch.byteCount))
            offset = next
        }
        tailBytes += framed.byteCount
        appendedEnd = offset
    }

    /// Takes back what was appended at or above `end`.
    mutating func withdraw(from end: Offset) {
        guard end < appendedEnd else { return }
        appendedEnd = end
        while let last = tail.last, last.baseOffset >= end {
            tailBytes -= last.byteCount
            tail.removeLast()
        }
        producers.forget(from: end)
    }
}

extension [UInt8] {
    /// Whether both are the same storage, not only the same bytes.
    fileprivate func isSameArray(as other: [UInt8]) -> Bool {
        unsafe withUnsafeBufferPointer { mine in unsafe other.withUnsafeBufferPointer { unsafe mine.baseAddress == $0.baseAddress } }
    }
}
