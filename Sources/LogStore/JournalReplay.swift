// Replays the journal: finds the file to start from, follows the files after it, and puts the appends of every whole commit into
// the segments where they are not there yet.
import Bytes
import Platform
import Quantities

/// How far the journal can be relied on.
enum JournalCondition {
    /// A partition ends where it says.
    case sound
    /// Some of it was lost: a partition ends there at least, and goes on as far as its segments are whole.
    case damaged
    /// There is none: the segments alone count.
    case absent
}

extension JournalState.PartitionState {
    /// Nothing yet.
    static func empty(_ key: PartitionKey) -> Self {
        Self(topic: key.topic, partition: key.partition, start: .first, end: .first, segment: .first, size: 0, producers: ProducerTable())
    }
}

/// Where a partition ends, as far as the journal was read.
struct ReplayedPartition {
    var state: JournalState.PartitionState
    /// Base offsets of the segments that commits after the state went to; they still have to be synced.
    var touched: Set<Offset> = []
}

/// One replay over the journal's files.
final class JournalReplay {
    let directory: DataDirectory
    let files: any FileSystem
    let recovery: Recovery
    private var open: [String: any File] = [:]
    /// Segments that it has open at once.
    private static let mostOpen = 16
    private var directories: [PartitionKey: String] = [:]
    /// Names of topics that have files, and of those whose deletion has begun: what the journal says about these does not make a topic.
    private var settledNames: Set<String> = []
    /// Topics that were deleted: records about them count no more.
    private var removed: Set<TopicID> = []
    /// Topics that the journal tells of, by name: their files may not be durable, or gone.
    private(set) var journalled: [String: TopicMetadata] = [:]
    var partitions: [PartitionKey: ReplayedPartition] = [:]
    var commitCount = 0
    /// When the commits of the newest file were acknowledged; nil when it does not say.
    private(set) var durability: Durability?
    /// Whether there are commits to topics that are not known: deleted ones, or such whose definition is gone.
    private(set) var hasUnknownTopics = false
    private(set) var condition = JournalCondition.sound
    /// The files that are there.
    private(set) var numbers: [UInt64] = []
    /// The largest number of a journal file, also of one that was unfinished; 0 when there is none.
    private(set) var newestFile: UInt64 = 0

    init(directory: DataDirectory, files: any FileSystem, recovery: Recovery) {
        self.directory = directory
        self.files = files
        self.recovery = recovery
    }

    /// The partitions' states after the replay; `condition` tells what they are worth. `topics` are those whose files can be read, `deleted`
    /// the names of those whose deletion has begun.
    func run(_ topics: [TopicMetadata], deleted: Set<String>) throws(LogError) -> [PartitionKey: ReplayedPartition] {
        // The partitions are opened next, and need the room.
        defer { closeAll() }
        settledNames = deleted.union(topics.map(\.name))
        for topic in topics { take(topic) }
        let names = try translating { () throws(SystemError) in try files.list(directory.journal) }
        numbers = names.compactMap { number(in: $0, extension: ".journal") }.map { UInt64($0) }.sorted()
        let kept = names.compactMap { number(in: $0, extension: ".journal.damaged") }.map { UInt64($0) }
        newestFile = max(numbers.last ?? 0, kept.max() ?? 0)
        do throws(LogError) {
            try replayStrictly(numbers)
        } catch where error.kind == .damaged {
            recovery.note(.damagedJournal, directory.journal, error.message)
            condition = .damaged
            try salvage(numbers)
        }
        if commitCount > 0 { recovery.note(.replayed, directory.journal, "\(commitCount) commits are replayed") }
        return partitions
    }

    /// Its commits have a place.
    private func take(_ topic: TopicMetadata) {
        for index in PartitionIndex.all(of: topic.partitionCount) {
            directories[PartitionKey(topic: topic.id, partition: index)] = directory.partition(topic.name, index)
        }
    }

    /// Replays what is sound; the first damage is an error.
    private func replayStrictly(_ numbers: [UInt64]) throws(LogError) {
        guard let chain = try chain(numbers) else {
            condition = .absent
            return
        }
        durability = chain.last?.state.durability
        for link in chain { noteRemovals(link.reader) }
        // Once it was synced, the record of that says which of its topics are left.
        if !isSynced(chain[0]) { for topic in chain[0].state.topics { note(topic) } }
        for partition in chain[0].state.partitions {
            partitions[PartitionKey(topic: partition.topic, partition: partition.partition)] = ReplayedPartition(state: partition)
        }
        for (index, link) in chain.enumerated() {
            let end = index + 1 < chain.count ? chain[index + 1].state.previous?.position : nil
            if try !replay(link, upTo: end) { break }
        }
    }

    // MARK: Files

    struct Link {
        var path: String
        var reader: JournalReader
        var state: JournalState
        var body: Int
    }

    /// The files to replay, oldest first: back from the newest to one that needs no other. nil when there is none.
    private func chain(_ numbers: [UInt64]) throws(LogError) -> [Link]? {
        var candidates = numbers
        while let newest = candidates.popLast() {
            guard let last = try link(newest) else {
                if try !wasUnfinished(newest, before: candidates) {
                    if numbers.count == 1 && !hasTopics { return nil }
                    throw LogError(.damaged, "\(directory.journalFile(newest)) does not begin with its state")
                }
                recovery.note(.tornJournal, directory.journalFile(newest), "an unfinished file is left out")
                continue
            }
            var links = [last]
            while let previous = links[0].state.previous, !isSynced(links[0]) {
                guard let link = try link(previous.file) else {
                    throw LogError(.damaged, "\(directory.journalFile(previous.file)) is missing or damaged, and needed")
                }
                links.insert(link, at: 0)
            }
            return links
        }
        return nil
    }

    /// Whether a file without a good state never came to count: commits go to a file only after its state is durable, and the files before it
    /// are removed later still. Of those, too, the last may be unfinished: a start may be cut off as often as it is tried.
    private func wasUnfinished(_ number: UInt64, before: [UInt64]) throws(LogError) -> Bool {
        var hasGoodOne = false
        for earlier in before.reversed() where !hasGoodOne { hasGoodOne = try link(earlier) != nil }
        guard hasGoodOne else { return false }
        let bytes = try translating { () throws(SystemError) in try files.contents(of: directory.journalFile(number)) }
        var reader = JournalReader(bytes, file: number)
        if case .torn(_, let isDamage) = reader.next() { return !isDamage }
        return true
    }

    private var hasTopics: Bool { !directories.isEmpty }

    func link(_ number: UInt64) throws(LogError) -> Link? {
        let path = directory.journalFile(number)
        guard files.exists(path) else { return nil }
        let bytes = try translating { () throws(SystemError) in try files.contents(of: path) }
        var reader = JournalReader(bytes, file: number)
        guard case .record(let record) = reader.next(), record.kind == .state,
            let state = JournalFormat.state(bytes, record.body)
        else { return nil }
        return Link(path: path, reader: reader, state: state, body: record.body.upperBound)
    }

    private func isSynced(_ link: Link) -> Bool {
        var reader = link.reader
        while case .record(let record) = reader.next() {
            if record.kind == .synced { return true }
        }
        return false
    }

    // MARK: Records

    /// Replays one file's commits up to a position, or to its end. False when it ended in a torn record.
    private func replay(_ link: Link, upTo end: Int64?) throws(LogError) -> Bool {
        var reader = link.reader
        var position = link.body
        while end.map({ Int64(position) < $0 }) ?? true {
            switch reader.next() {
            case .end:
                guard let end else { return true }
                throw damage(link, position, "it ends before \(end), up to where it was durable")
            case .torn(let at, let isDamage):
                if isDamage || end != nil { throw damage(link, at, "a record fails its checksum, and what follows was durable") }
                recovery.note(
                    .tornJournal, link.path, "\(link.reader.bytes.count - at) bytes of unfinished commits are cut off at \(at)")
                return false
            case .record(let record):
                position = record.body.upperBound
                if record.kind == .synced { for topic in JournalFormat.synced(link.reader.bytes, record.body) { note(topic) } }
                if record.kind == .topic { note(JournalFormat.topic(link.reader.bytes, record.body)) }
                if record.kind == .start { note(start: JournalFormat.start(link.reader.bytes, record.body)) }
                guard record.kind == .commit else { continue }
                guard let appends = JournalFormat.commit(link.reader.bytes, record.body) else {
                    throw damage(link, record.position, "a commit cannot be read")
                }
                guard try belongs(appends, isProvenDurable: end != nil || reader.isProvenDurable(upTo: record.position)) else {
                    endLog(before: record, appends, reader, link)
                    return false
                }
                try apply(appends, link.reader.bytes)
                commitCount += 1
            }
        }
        return true
    }

    /// Ends the log before a commit whose batches are not in their segments. Where they were synced first, it was not acknowledged.
    private func endLog(before record: JournalReader.Record, _ appends: [JournalAppend], _ reader: JournalReader, _ link: Link) {
        if areSynced(appends) {
            return recovery.note(.tornJournal, link.path, "an unfinished commit is cut off at \(record.position)")
        }
        var (rest, count) = (reader, 0)
        while case .record(let next) = rest.next() { if next.kind == .commit { count += 1 } }
        for number in numbers where number >= reader.file { recovery.keep(journal: number) }
        recovery.noteCutCommits(
            link.path,
            "the log ends before the commit at \(record.position), whose batches are not whole in their segments: it and "
                + "\(count) commits behind it are not served. The journal file is kept, and what segments have of them beside those")
    }

    /// Notes a topic that was created: its partitions are empty until a commit says otherwise.
    func note(_ topic: JournalledTopic?) {
        guard let topic, topic.partitionCount > 0, topic.partitionCount <= largestPartitionCount, !removed.contains(topic.id) else { return }
        for index in PartitionIndex.all(of: topic.partitionCount) {
            let key = PartitionKey(topic: topic.id, partition: index)
            if partitions[key] == nil { partitions[key] = ReplayedPartition(state: .empty(key)) }
        }
        if let metadata = topic.metadata { note(metadata) }
    }

    /// Notes a topic whose files may not be durable.
    func note(_ topic: TopicMetadata) {
        guard !removed.contains(topic.id), (try? checkTopicName(topic.name)) != nil else { return }
        journalled[topic.name] = topic
        if !settledNames.contains(topic.name) { take(topic) }
    }

    /// Notes which topics are deleted further on in a file, wherever the log turns out to end: their files may be gone already.
    func noteRemovals(_ file: JournalReader) {
        var position = 0
        while let record = file.record(atOrAfter: position, before: file.bytes.count) {
            position = record.body.upperBound
            if record.kind == .removal, let topic = JournalFormat.removal(file.bytes, record.body) { removed.insert(topic) }
        }
    }

    /// Notes that the records of a partition before an offset were removed. They were durable before that was.
    func note(start: (PartitionKey, Offset)?) {
        guard let (key, start) = start, var state = partitions[key]?.state, start > state.start, start <= state.end else { return }
        state.start = start
        state.producers.transactions.forgetAborted(before: start)
        partitions[key]?.state = state
    }

    /// Whether all extents were made durable before the commit was journalled; without syncs a power cut may take them, and then
    /// the log ends there.
    func areSynced(_ appends: [JournalAppend]) -> Bool {
        appends.allSatisfy { append in
            if case .extent(_, _, isSynced: false) = append.content { false } else { true }
        }
    }

    private func damage(_ link: Link, _ position: Int, _ what: String) -> LogError {
        LogError(.damaged, "\(link.path) is damaged at \(position): \(what)")
    }

    /// The bytes that a commit put into a segment beforehand, as far as they are there, with their offset; nil when its topic is gone.
    func extent(_ append: JournalAppend, _ byteCount: Int) throws(LogError) -> [UInt8]? {
        guard let file = try file(append, .read) else { return nil }
        var bytes = try translating { () throws(SystemError) in
            try file.read(at: append.position, count: byteCount, padding: 0)
        }
        if SegmentWriter.isUnconfirmed(bytes, append.baseOffset) { bytes.put(int64: append.baseOffset.count, at: 0) }
        return bytes
    }

    /// The segment's file; nil when its topic is gone.
    func segmentPath(_ append: JournalAppend) -> String? {
        directories[PartitionKey(topic: append.topic, partition: append.partition)].map { Segment.stem($0, append.segment) + ".log" }
    }

    func apply(_ appends: [JournalAppend], _ bytes: [UInt8]) throws(LogError) {
        for append in appends {
            let key = PartitionKey(topic: append.topic, partition: append.partition)
            // A commit to a topic that was deleted afterwards, or whose definition is gone.
            guard directories[key] != nil else {
                hasUnknownTopics = true
                continue
            }
            var partition =
                partitions[key]
                ?? ReplayedPartition(state: .empty(key))
            var byteCount = 0
            switch append.content {
            case .inline(let range):
                byteCount = range.count
                if let file = try file(append, .create) { try put(bytes, range: range, at: append.position, in: file) }
            case .extent(let count, _, _):
                byteCount = count
                if let file = try file(append, .read) { try confirm(append, in: file) }
            }
            partition.state.end = append.baseOffset + Int64(append.recordCount)
            partition.state.segment = append.segment
            partition.state.size = append.position + Int64(byteCount)
            partition.touched.insert(append.segment)
            if let stamp = append.producer {
                partition.state.producers.note(stamp, count: append.recordCount, baseOffset: append.baseOffset)
            }
            if let step = append.step {
                partition.state.producers.transactions.note(step, at: append.baseOffset, durableEnd: append.baseOffset)
            }
            partitions[key] = partition
        }
    }

    /// Gives an extent its offset, unless it has one.
    private func confirm(_ append: JournalAppend, in file: any File) throws(LogError) {
        try translating { () throws(SystemError) in
            let present = try file.read(at: append.position, count: SegmentWriter.noOffset.count, padding: 0)
            guard SegmentWriter.isUnconfirmed(present, append.baseOffset) else { return }
            var offset = present
            offset.put(int64: append.baseOffset.count, at: 0)
            try file.write(offset, at: append.position)
        }
    }

    private func put(_ bytes: [UInt8], range: Range<Int>, at position: Int64, in file: any File) throws(LogError) {
        try translating { () throws(SystemError) in
            let present = try file.read(at: position, count: range.count, padding: 0)
            if present.count != range.count || !present.elementsEqual(bytes[range]) {
                try file.write(bytes, range, at: position)
            }
        }
    }

    private func closeAll() {
        for file in open.values { file.close() }
        open = [:]
    }

    /// The segment file of an append; nil when its topic is gone, or when it is to be read and absent.
    private func file(_ append: JournalAppend, _ mode: OpenMode) throws(LogError) -> (any File)? {
        guard let directory = directories[PartitionKey(topic: append.topic, partition: append.partition)] else { return nil }
        let path = Segment.stem(directory, append.segment) + ".log"
        if let file = open[path] { return file }
        return try translating { () throws(SystemError) in
            try files.createDirectory(directory)
            // The partitions of a start under the limit of the last one have little to spare, and commits mostly go on where the last ones went.
            if open.count >= JournalReplay.mostOpen { closeAll() }
            let file = try files.open(path, .create)
            open[path] = file
            return file
        }
    }
}
