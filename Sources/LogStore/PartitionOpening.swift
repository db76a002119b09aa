// Opens one partition after the replay: its segments are listed, cut to where the journal says that it ends, synced, and what is
// missing of the durable part is noted. Without a sound journal the segments say how far it goes (`PartitionEnd`).
import Bytes
import Platform
import Quantities
import Synchronization

struct PartitionOpening {
    let topic: TopicMetadata
    let index: PartitionIndex
    let recovery: Recovery
    /// Whether its directory is there.
    var hasDirectory = true
    /// Whether files were changed that the partition needs, so that they have to be synced.
    private var hasChanged = false

    init(topic: TopicMetadata, index: PartitionIndex, recovery: Recovery) {
        (self.topic, self.index, self.recovery) = (topic, index, recovery)
    }

    var directory: String { recovery.directory.partition(topic.name, index) }
    var files: any FileSystem { recovery.files }

    /// The partition's writing end.
    mutating func open(
        _ replayed: ReplayedPartition?, _ journal: JournalCondition, durability: Durability?
    ) throws(LogError) -> PartitionWriter {
        var touched = replayed?.touched ?? []
        var state = replayed?.state ?? .empty(PartitionKey(topic: topic.id, partition: index))
        var bases = hasDirectory ? try translating { () throws(SystemError) in try listSegments() } : []
        if bases.isEmpty && state.end == .first && state.size == 0 {
            return .untouched(topic, index, in: recovery.directory)
        }
        if !hasDirectory { try translating { () throws(SystemError) in try files.createDirectory(directory) } }
        // A sound journal says that all is durable which no commit of it went to.
        hasChanged = journal != .sound || replayed == nil || !hasDirectory
        // A sound journal names every partition, but for a topic that was away when it was begun.
        if journal != .sound || replayed == nil, let last = bases.last, last >= state.segment {
            if replayed == nil { state.start = topic.config.removesOld ? bases[0] : .first }
            state = try PartitionEnd(segment: sealed(last), recovery: recovery).state(knowing: state, journal)
        } else if durability == .fsync {
            try takeSurplus(bases, &state, touched: &touched)
        }
        bases = try removingLeftovers(bases, below: state.segment)
        var segments: [Segment] = []
        for base in bases {
            let next = bases.first { $0 > base } ?? state.end
            let outside = "it lies outside the partition, which has offsets \(state.start) to \(state.end.previous)"
            if base > state.segment {
                try removeUnknown(base, outside)
            } else if base < state.segment && next <= state.start {
                try remove(base, outside)
            } else if base < state.segment {
                segments.append(try sealed(base))
            }
        }
        let active = try openActive(state)
        try synchronize(active, touched, segments)
        reportMissing(segments, state)
        return try makeWriter(state, segments, active)
    }

    private func listSegments() throws(SystemError) -> [Offset] {
        var bases: [Offset] = []
        let names = try files.list(directory)
        for name in names {
            if let base = number(in: name, extension: ".log").flatMap({ Offset(exactly: $0) }) {
                bases.append(base)
            } else if [".log", ".index", ".timeindex", ".batches"].contains(where: { number(in: name, extension: $0 + ".new") != nil })
                || number(in: name, extension: ".log.cleaned") != nil
            {
                try files.removeFile(directory + "/" + name)
            }
        }
        return bases
    }

    /// Removes a segment that the journal does not know, if it is the beginning of one whose commits did not come about: an empty
    /// file, or one that was written ahead, of which a power cut may have left zeros. What else it may be is put aside.
    private mutating func removeUnknown(_ base: Offset, _ reason: String) throws(LogError) {
        let segment = try sealed(base)
        // Put aside already.
        if !files.exists(segment.path) { return }
        let isBeginning = try translating { () throws(SystemError) in
            let file = try files.open(segment.path, .read)
            defer { file.close() }
            if recovery.hasCutCommits { return try !hasContent(file, 0..<segment.size) }
            let first = try file.read(at: 0, count: SegmentWriter.noOffset.count, padding: 0)
            return first.allSatisfy { $0 == 0 } || first.allSatisfy { $0 == SegmentWriter.noOffset[0] }
        }
        if isBeginning { return try remove(base, reason) }
        let path = try putAside(segment)
        let what = "\(reason), and is no beginning of a new segment: opening moves its \(segment.size) bytes away, to be kept as \(path)"
        recovery.note(.cutRecords, segment.path, what)
    }

    /// Removes segments that were begun for a commit which did not come about, where the partition went on in the segment before them: their
    /// removal failed at the time, or a power cut has undone it. One that is empty because it has lost its records is not among them: the
    /// segment before it ends where it begins.
    private mutating func removingLeftovers(_ bases: [Offset], below active: Offset) throws(LogError) -> [Offset] {
        var kept: [Offset] = []
        for base in bases {
            if base < active, let last = kept.last, try isUnbegun(base), try end(of: sealed(last)) > base {
                try remove(base, "it was begun for a commit that did not come about")
            } else {
                kept.append(base)
            }
        }
        return kept
    }

    /// Whether a segment has no batch with an offset at its beginning.
    private func isUnbegun(_ base: Offset) throws(LogError) -> Bool {
        try translating { () throws(SystemError) in
            let file = try files.open(Segment.stem(directory, base) + ".log", .read)
            defer { file.close() }
            let first = try file.read(at: 0, count: SegmentWriter.noOffset.count, padding: 0)
            return first.allSatisfy { $0 == 0 } || first == SegmentWriter.noOffset
        }
    }

    /// The offset behind the last whole batch of a segment.
    private func end(of segment: Segment) throws(LogError) -> Offset {
        let file = try translating { () throws(SystemError) in try files.open(segment.path, .read) }
        defer { file.close() }
        var end = segment.baseOffset
        try SegmentLoading(segment: segment, file: file, size: segment.size).walk(from: 0) { header, _, _, _ in
            end = max(end, header.lastOffset + 1)
        }
        return end
    }

    /// Says which segments are known to have lost what they held. Between others a gap is noticed by readers and inspections.
    private func reportMissing(_ segments: [Segment], _ state: JournalState.PartitionState) {
        for segment in segments where segment.size == 0 {
            recovery.note(.quarantinedSegment, segment.path, "it is empty, though its partition goes on behind it")
        }
        let first = segments.first?.baseOffset ?? state.segment
        if first > state.start, !topic.config.removesOld {
            recovery.note(.quarantinedSegment, directory, missingOffsets(state.start, first) + " at its start: segment files were removed")
        }
    }

    private mutating func remove(_ base: Offset, _ reason: String) throws(LogError) {
        hasChanged = true
        let stem = Segment.stem(directory, base)
        try translating { () throws(SystemError) in
            for suffix in [".log", ".index", ".timeindex", ".batches"] where files.exists(stem + suffix) {
                try files.removeFile(stem + suffix)
            }
        }
        recovery.note(.removedFile, stem + ".log", reason)
    }

    func sealed(_ base: Offset) throws(LogError) -> Segment {
        let stem = Segment.stem(directory, base)
        guard files.exists(stem + ".log") else { return Segment(stem: stem, baseOffset: base, size: 0, files: files) }
        let size = try translating { () throws(SystemError) in
            let file = try files.open(stem + ".log", .read)
            defer { file.close() }
            return try file.size()
        }
        return Segment(stem: stem, baseOffset: base, size: size, files: files)
    }

    // MARK: The active segment

    private struct Active {
        var writer: SegmentWriter
        /// Whether durable bytes are missing: the partition goes on in a new segment.
        var isDamaged = false
    }

    private mutating func openActive(_ state: JournalState.PartitionState) throws(LogError) -> Active {
        let stem = Segment.stem(directory, state.segment)
        if !files.exists(stem + ".log") { hasChanged = true }
        let file = try translating { () throws(SystemError) in try files.open(stem + ".log", .create) }
        let actual = try translating { () throws(SystemError) in try file.size() }
        let segment = Segment(stem: stem, baseOffset: state.segment, size: min(actual, state.size), files: files)
        if actual > state.size {
            hasChanged = true
            try cut(Segment(stem: stem, baseOffset: state.segment, size: actual, files: files), file, at: state.size)
        }
        let loading = SegmentLoading(segment: segment, file: file, size: segment.size)
        let (index, ledger) = (try loading.load(), loading.ledger)
        segment.adopt(file, index: index)
        // What a record says of its time may be long before it was written.
        let made: Int64? = if let known = file.times.made { known } else { try loading.firstTimestamp() }
        let isLedgerGood = ledger.map { ($0.entries.last?.position ?? -1) < segment.size && !$0.isCompacted } ?? false
        let writer = SegmentWriter(
            segment, file: file, ledgerBytes: isLedgerGood ? ledger.map { Int64($0.validBytes) } : nil,
            begun: made.map { min($0, recovery.now) }, unsyncedDirectories: [directory], files: files)
        // The ledger may stop before the segment does: note the batches that it misses.
        let known = isLedgerGood ? ledger?.entries.last : nil
        let lastKnown = known?.position
        var nextOffset = known?.baseOffset ?? state.segment
        let whole = try loading.walk(from: lastKnown ?? 0) { header, position, bytes, start in
            if position > lastKnown ?? -1 { writer.note(position: position, offset: header.baseOffset, bytes, start) }
            nextOffset = header.lastOffset + 1
        }
        if actual < state.size || whole < state.size || nextOffset != state.end && state.size > 0 {
            let reason = "its whole batches end at \(whole), offset \(nextOffset), not at \(state.size), offset \(state.end)"
            _ = segment.quarantine(reason)
            recovery.note(.quarantinedSegment, segment.path, reason)
            return Active(writer: writer, isDamaged: true)
        }
        return Active(writer: writer)
    }

    // MARK: The writing end

    private func synchronize(_ active: Active, _ touched: Set<Offset>, _ segments: [Segment]) throws(LogError) {
        guard hasChanged || !touched.isEmpty else {
            // A segment that has records was synced with its name; of an empty one that is not known.
            if active.writer.segment.size > 0 { active.writer.unsyncedDirectories = [] }
            return
        }
        try translating { () throws(SystemError) in
            for segment in segments where touched.contains(segment.baseOffset) {
                let file = try files.open(segment.path, .write)
                defer { file.close() }
                try file.synchronize()
            }
            try active.writer.file.synchronize()
            try files.synchronizeDirectory(directory)
            active.writer.unsyncedDirectories = []
        }
    }

    private func makeWriter(
        _ state: JournalState.PartitionState, _ sealed: [Segment], _ active: Active
    ) throws(LogError) -> PartitionWriter {
        var segments = sealed + [active.writer.segment]
        var writer = active.writer
        var size = state.size
        if active.isDamaged {
            let damaged = active.writer
            var base = state.end
            if base == damaged.segment.baseOffset { base = base + 1 }
            writer = try translating { () throws(SystemError) in
                let new = try SegmentWriter.create(directory: directory, baseOffset: base, after: damaged, files: files)
                try files.synchronizeDirectory(directory)
                new.unsyncedDirectories = []
                return new
            }
            size = 0
            segments.append(writer.segment)
        }
        let end = max(state.end, writer.segment.baseOffset)
        // Retention may have removed segments after the journal last told where the partition starts.
        let start = topic.config.removesOld ? max(state.start, segments[0].baseOffset) : state.start
        let partition = Partition(
            topic: topic.id, topicName: topic.name, index: index, directory: directory,
            state: Partition.State(
                start: start, appendedEnd: end, durableEnd: end, appliedEnd: end, segments: segments,
                producers: state.producers))
        return PartitionWriter(
            partition: partition, active: writer, size: size, nextOffset: end, segmentBytes: topic.config.segmentLimit)
    }
}
