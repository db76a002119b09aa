// What a segment has behind the end that a sound journal tells of its partition. Only what is durable in the journal becomes a whole
// batch of a segment, so whole batches mean that the journal has lost its end, or that a power cut came where commits are not synced.
//
// Where commits are synced the batches were acknowledged, and stay: as with a journal that is visibly damaged, a partition goes on as
// far as its segments are whole. Where they are not, a power cut may have left the batches of a commit in one partition and not in
// another, so that keeping them would leave half a commit: they are cut, and kept beside the segment. Either is reported. Only what
// was written ahead of a commit that the journal does not have is cut without a copy: that commit was not acknowledged.
import Bytes
import Platform
import Quantities

/// The whole batches of one segment that the journal does not know.
private struct Surplus {
    let segment: Segment
    /// Where they begin.
    let start: Int64
    let chain: BatchChain
}

extension PartitionOpening {
    /// Looks for batches behind the end of the partition. Adds them to `state`, and their segments to `touched`.
    func takeSurplus(_ bases: [Offset], _ state: inout JournalState.PartitionState, touched: inout Set<Offset>) throws(LogError) {
        let known = state
        var producers = state.producers
        var found: [Surplus] = []
        for base in bases where base >= known.segment {
            let segment = try sealed(base)
            let (start, offset) = base == known.segment ? (known.size, known.end) : (0, base)
            if segment.size <= start || offset < known.end { continue }
            let chain = try chain(of: segment, BatchChain(end: start, next: offset), &producers)
            if chain.batchCount > 0 { found.append(Surplus(segment: segment, start: start, chain: chain)) }
        }
        guard let last = found.last else { return }
        (state.segment, state.size, state.end) = (last.segment.baseOffset, last.chain.end, last.chain.next)
        state.producers = producers
        touched.formUnion(found.map(\.segment.baseOffset))
        let bytes = found.reduce(0) { $0 + $1.chain.end - $1.start }
        let records = found.reduce(0) { $0 + $1.chain.recordCount }
        recovery.noteLostJournalEnd(
            found[0].segment.path,
            "the journal tells of offsets up to \(known.end), the partition goes on to \(state.end) with \(records) records in "
                + "\(bytes) bytes of whole batches, which are kept: the journal has lost its end, and commits may be lost with it")
    }

    private func chain(of segment: Segment, _ start: BatchChain, _ producers: inout ProducerTable) throws(LogError) -> BatchChain {
        let file = try translating { () throws(SystemError) in try files.open(segment.path, .read) }
        defer { file.close() }
        var (chain, table) = (start, producers)
        try SegmentLoading(segment: segment, file: file, size: segment.size).follow(&chain) { header, _, bytes, start in
            table.note(header, in: bytes, at: start)
        }
        producers = table
        return chain
    }

    // MARK: Putting aside

    /// Cuts a segment at the end of the partition. What may be of commits that were acknowledged is copied to a file beside it first.
    func cut(_ segment: Segment, _ file: any File, at end: Int64) throws(LogError) {
        let byteCount = segment.size - end
        let recordCount = try recordsBehind(end, segment, file)
        var isKept = recordCount > 0
        if recovery.hasCutCommits {
            isKept = try translating { () throws(SystemError) in try hasContent(file, end..<segment.size) }
        }
        let path = isKept ? try copyAside(segment, file, from: end) : nil
        // Durably: a start that crashes behind this one finds nothing to cut, and so nothing to sync.
        try translating { () throws(SystemError) in
            try file.truncate(to: end)
            try file.synchronize()
        }
        guard let path else {
            return recovery.note(.cutSegment, segment.path, "\(byteCount) bytes of unfinished commits are cut off at \(end)")
        }
        let reason = recovery.hasCutCommits ? "of commits that are not whole" : "of which the journal does not know"
        recovery.note(
            .cutRecords, segment.path,
            "behind its end at \(end) are \(byteCount) bytes \(reason), with \(recordCount) records in whole batches: opening cuts "
                + "them off, to be kept as \(path)")
    }

    /// The records in whole batches behind the end, unless they were written ahead of a commit of which the journal does not know.
    private func recordsBehind(_ end: Int64, _ segment: Segment, _ file: any File) throws(LogError) -> Int {
        let first = try translating { () throws(SystemError) in try file.read(at: end, count: SegmentWriter.noOffset.count, padding: 0) }
        if first == SegmentWriter.noOffset && !recovery.hasCutCommits { return 0 }
        var count = 0
        let loading = SegmentLoading(segment: segment, file: file, size: segment.size)
        try loading.searchBatches(after: end, segment.baseOffset) { count += Int($0.recordCount) }
        return count
    }

    /// Whether any of the bytes is not zero.
    func hasContent(_ file: any File, _ range: Range<Int64>) throws(SystemError) -> Bool {
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(Int64(SegmentLoading.chunkBytes), range.upperBound - position))
            if try file.read(at: position, count: count, padding: 0).contains(where: { $0 != 0 }) { return true }
            position += Int64(count)
        }
        return false
    }

    /// Moves a segment out of the partition, durably, and returns where it is now. Its side files are of no use any more.
    func putAside(_ segment: Segment) throws(LogError) -> String {
        try translating { () throws(SystemError) in
            let path = asidePath(segment)
            try files.rename(segment.path, to: path)
            for suffix in [".index", ".timeindex", ".batches"] where files.exists(segment.stem + suffix) {
                try files.removeFile(segment.stem + suffix)
            }
            try files.synchronizeDirectory(parent(of: path))
            return path
        }
    }

    private func copyAside(_ segment: Segment, _ file: any File, from start: Int64) throws(LogError) -> String {
        try translating { () throws(SystemError) in
            let path = asidePath(segment)
            let new = try files.open(path, .truncate)
            defer { new.close() }
            var position = start
            while position < segment.size {
                let count = Int(min(Int64(SegmentLoading.chunkBytes), segment.size - position))
                try new.write(try file.read(at: position, count: count, padding: 0), at: position - start)
                position += Int64(count)
            }
            try new.synchronize()
            try files.synchronizeDirectory(parent(of: path))
            return path
        }
    }

    /// A name that no earlier opening has used.
    private func asidePath(_ segment: Segment) -> String {
        var (path, number) = (segment.path + asideSuffix, 1)
        while files.exists(path) { (path, number) = ("\(segment.path)\(asideSuffix)\(number)", number + 1) }
        return path
    }
}

/// What the names of files end in, perhaps with a number behind it, that hold batches which were cut off a segment.
let asideSuffix = ".cut"
