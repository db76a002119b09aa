// Whole batches behind the end that a sound journal tells of a partition. Only what is durable in the journal becomes a whole batch of
// a segment, so that the journal has lost its end, or a power cut came where commits are not synced.
//
// Where commits are synced the batches were acknowledged, and stay: as with a journal that is visibly damaged, a partition goes on as
// far as its segments are whole. Where they are not, a power cut may have left the batches of a commit in one partition and not in
// another, so that keeping them would leave half a commit: they are cut, and kept beside the segment. Either is reported.
import Bytes
import Platform

/// The whole batches of one segment that the journal does not know.
private struct Surplus {
    let segment: Segment
    /// Where they begin.
    let start: Int64
    let chain: BatchChain
}

extension PartitionOpening {
    /// Looks for batches behind the end of the partition. Adds them to `state`, and their segments to `touched`, or puts them aside.
    func takeSurplus(
        _ bases: [Int64], _ state: inout JournalState.PartitionState, touched: inout Set<Int64>, durability: Durability?
    ) throws(LogError) {
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
        if durability != .fsync { return try putAside(found) }
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
        try SegmentLoading(segment: segment, file: file, size: segment.size).follow(&chain) { header, _ in table.note(header) }
        producers = table
        return chain
    }

    // MARK: Putting aside

    private func putAside(_ found: [Surplus]) throws(LogError) {
        for surplus in found {
            let path: String
            // A segment of which the journal knows nothing is moved as a whole.
            if surplus.start == 0 { path = try putAside(surplus.segment) } else { path = try copyAside(surplus) }
            let bytes = surplus.chain.end - surplus.start
            recovery.note(
                .cutRecords, surplus.segment.path,
                "\(surplus.chain.recordCount) records in \(bytes) bytes at \(surplus.start), of which the journal does not know, "
                    + "are cut off and kept as \(path)")
        }
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

    private func copyAside(_ surplus: Surplus) throws(LogError) -> String {
        try translating { () throws(SystemError) in
            let path = asidePath(surplus.segment)
            let (old, new) = (try files.open(surplus.segment.path, .read), try files.open(path, .truncate))
            defer {
                old.close()
                new.close()
            }
            var position = surplus.start
            while position < surplus.chain.end {
                let count = Int(min(Int64(SegmentLoading.chunkBytes), surplus.chain.end - position))
                try new.write(try old.read(at: position, count: count, padding: 0), at: position - surplus.start)
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
