// Opens a data directory: takes its lock, reads the topics, replays the journal over the segments, cuts what lies beyond, and
// begins a new journal. What it finds amiss it reports; damaged data that had been durable is kept on disk and not served.
import Bytes
import Platform
import Quantities
import Synchronization

/// Something that opening a log found or did, for the operator.
package struct RecoveryNote: Hashable, Sendable, CustomStringConvertible {
    /// What was found.
    package enum Kind: Hashable, Sendable {
        /// The end of the journal was not whole and belonged to no acknowledged commit.
        case tornJournal
        /// Bytes behind the end of a partition were cut; they had not been acknowledged.
        case cutSegment
        /// A file that belongs to nothing was removed.
        case removedFile
        /// Durable bytes are missing or wrong; the segment is kept but not served.
        case quarantinedSegment
        /// A removal of a topic that a crash had interrupted was finished.
        case finishedDeletion
        /// There was no journal: the partitions end where their last whole batch does.
        case missingJournal
        /// The file of a topic cannot be read.
        case damagedTopic
        /// Part of the journal that was durable cannot be read: commits may be lost.
        case damagedJournal
        /// Batches that the journal does not know, or of commits that are not whole, are not served, and kept in a file of their own.
        case cutRecords
        /// A directory holds segments of a topic that has no definition, or of a partition that its topic does not have.
        case leftPartition
        /// Commits were replayed from the journal.
        case replayed
    }
    /// What was found, for programs.
    package let kind: Kind
    /// The file it is about.
    package let path: String
    /// What was found, as a message.
    package let detail: String

    /// Path and detail on one line.
    package var description: String { "\(path): \(detail)" }

    /// Whether it tells of damage rather than of an ordinary crash.
    package var isDamage: Bool {
        switch kind {
        case .quarantinedSegment, .missingJournal, .damagedJournal, .damagedTopic, .cutRecords, .leftPartition: true
        case .tornJournal, .cutSegment, .removedFile, .finishedDeletion, .replayed: false
        }
    }
}

/// A log brought back, for its writer and its callers.
struct Recovered {
    var lock: any DirectoryLock
    var registry: SegmentedLog.Registry
    var writers: [PartitionKey: PartitionWriter]
    var journal: JournalFile
    /// Topics whose files are not known to be durable, by name.
    var unsyncedTopics: [String: TopicMetadata]
    var notes: [RecoveryNote]
    var unreadableTopics: Set<String>
    /// Whether there are directories with segments that belong to no topic.
    var hasLeftPartitions: Bool
}

/// One opening of a data directory.
final class Recovery {
    let directory: DataDirectory
    let files: any FileSystem
    /// Wall clock, milliseconds.
    let now: Int64
    /// When commits are going to be acknowledged.
    let durability: Durability
    private(set) var notes: [RecoveryNote] = []
    /// Whether the journal was found to have lost its end.
    private var hasLostJournalEnd = false
    /// Whether commits that the journal has are not served, because segments do not have all of them.
    private(set) var hasCutCommits = false
    /// Whether there are segments without a topic.
    private var hasLeftPartitions = false
    /// Journal files that are damaged, and kept for inspection.
    private var keptJournals: Set<UInt64> = []
    private var unreadableTopics: Set<String> = []

    init(directory: DataDirectory, files: any FileSystem, now: Int64, durability: Durability) {
        self.directory = directory
        self.now = now
        self.durability = durability
        self.files = files
    }

    func note(_ kind: RecoveryNote.Kind, _ path: String, _ detail: String) {
        notes.append(RecoveryNote(kind: kind, path: path, detail: detail))
    }

    /// As `note`, unless the same was noted already.
    func noteOnce(_ kind: RecoveryNote.Kind, _ path: String, _ detail: String) {
        if !notes.contains(RecoveryNote(kind: kind, path: path, detail: detail)) { note(kind, path, detail) }
    }

    /// Notes commits that were journalled, and perhaps acknowledged, and are not served: nothing that segments have of them is removed.
    func noteCutCommits(_ path: String, _ detail: String) {
        hasCutCommits = true
        noteOnce(.cutRecords, path, detail)
    }

    /// Lets a journal file that could not be read whole survive this opening.
    func keep(journal number: UInt64) {
        keptJournals.insert(number)
    }

    /// Notes segments that go on behind the journal's end, whose file is kept for inspection.
    func noteLostJournalEnd(_ path: String, _ detail: String) {
        hasLostJournalEnd = true
        note(.damagedJournal, path, detail)
    }

    func run() throws(LogError) -> Recovered {
        let lock = try translating { () throws(SystemError) in
            try files.createDirectory(directory.root)
            return try files.lockDirectory(directory.root)
        }
        do {
            return try run(holding: lock)
        } catch {
            lock.release()
            throw error
        }
    }

    private func run(holding lock: any DirectoryLock) throws(LogError) -> Recovered {
        try translating { () throws(SystemError) in
            for path in [directory.topics, directory.log, directory.journal] { try files.createDirectory(path) }
            try files.synchronizeDirectory(directory.root)
        }
        let (found, deleted) = try readTopics()
        let replay = JournalReplay(directory: directory, files: files, recovery: self)
        let states = try replay.run(found.values.compactMap(\.topic), deleted: deleted)
        let unsynced = replay.journalled.filter { !deleted.contains($0.key) }
        let topics = try restore(found, unsynced)
        let left = try translating { () throws(SystemError) in try Leftovers(directory: directory, files: files).named() }
        try look(into: left.filter { !deleted.contains($0.topic) }, topics)
        // The commits to a topic that cannot be served now may be needed when its file is restored.
        let holdsCommitsOfOthers = !unreadableTopics.isEmpty || hasLeftPartitions && replay.hasUnknownTopics
        if holdsCommitsOfOthers { for number in replay.numbers { keep(journal: number) } }
        let directories = Set(left.map(\.path))
        var registry = SegmentedLog.Registry()
        var writers: [PartitionKey: PartitionWriter] = [:]
        for topic in topics {
            var partitions: [Partition] = []
            for index in PartitionIndex.all(of: topic.partitionCount) {
                let state = states[PartitionKey(topic: topic.id, partition: index)]
                var opening = PartitionOpening(topic: topic, index: index, recovery: self)
                opening.hasDirectory = directories.contains(opening.directory)
                let writer = try opening.open(state, replay.condition, durability: replay.durability)
                partitions.append(writer.partition)
                writers[PartitionKey(writer.partition)] = writer
            }
            registry.insert(SegmentedLog.Topic(metadata: topic, partitions: partitions))
        }
        if hasLostJournalEnd, let newest = replay.numbers.last { keep(journal: newest) }
        let journal = try beginJournal(after: replay.newestFile, writers, unsynced)
        // The old journal, which may tell of their creation, is gone.
        for name in deleted.sorted() { try finishDeletion(of: name) }
        return Recovered(
            lock: lock, registry: registry, writers: writers, journal: journal, unsyncedTopics: unsynced, notes: notes,
            unreadableTopics: unreadableTopics, hasLeftPartitions: hasLeftPartitions)
    }

    /// What the file of a topic, and the copy of that, say.
    private struct TopicFiles {
        let first: Result<TopicMetadata, LogError>
        let second: Result<TopicMetadata, LogError>
        /// The topic, if either can be read.
        var topic: TopicMetadata? { (try? first.get()) ?? (try? second.get()) }
    }

    /// The files of topics, by name, and the names of topics whose deletion has begun.
    private func readTopics() throws(LogError) -> ([String: TopicFiles], deleted: Set<String>) {
        let names = try translating { () throws(SystemError) in try files.list(directory.topics) }
        let deleted = Set(names.filter { $0.hasSuffix(".topic.deleted") }.map { String($0.dropLast(".topic.deleted".count)) })
        // Files that were to take the place of others when the process ended; those are still there, or belong to no topic yet.
        for name in names where [".topic.new", ".topic.copy.new"].contains(where: { name.hasSuffix($0) }) {
            try translating { () throws(SystemError) in try files.removeFile(directory.topics + "/" + name) }
            note(.removedFile, directory.topics + "/" + name, "it was not written to its end")
        }
        var found: [String: TopicFiles] = [:]
        let stems = names.compactMap { name in [".topic", ".topic.copy"].first { name.hasSuffix($0) }.map { name.dropLast($0.utf8.count) } }
        for name in Set(stems.map(String.init)) {
            // What is left of one whose deletion has begun is its copy.
            if deleted.contains(name), !files.exists(directory.topicFile(name)) { continue }
            found[name] = TopicFiles(first: topic(in: directory.topicFile(name), name), second: topic(in: directory.topicCopy(name), name))
        }
        return (found, deleted)
    }

    /// All topics, by name: from their files, or where a power failure has taken these, from the journal.
    private func restore(_ found: [String: TopicFiles], _ journalled: [String: TopicMetadata]) throws(LogError) -> [TopicMetadata] {
        var topics: [TopicMetadata] = []
        for name in Set(found.keys).union(journalled.keys).sorted() {
            if let known = journalled[name], found[name]?.first != found[name]?.second || found[name]?.topic == nil {
                // The journal keeps it until its files are durable.
                let topic = found[name]?.topic ?? known
                try noteDamage(found[name], name)
                try translating { () throws(SystemError) in
                    try files.replace(
                        [(directory.topicFile(name), topic.text), (directory.topicCopy(name), topic.text)], isDurable: false)
                }
                topics.append(topic)
            } else if let files = found[name] {
                if let topic = try restore(name, files) { topics.append(topic) } else { unreadableTopics.insert(name) }
            }
        }
        return topics
    }

    /// Notes what a power failure does not explain of a topic that the journal has: that leaves a file empty, or zeros in it.
    private func noteDamage(_ found: TopicFiles?, _ name: String) throws(LogError) {
        guard let found else { return }
        for (result, path) in [(found.first, directory.topicFile(name)), (found.second, directory.topicCopy(name))] where files.exists(path) {
            guard case .failure(let reason) = result else { continue }
            let bytes = try translating { () throws(SystemError) in try files.contents(of: path) }
            if bytes.contains(where: { $0 != 0 }) { note(.damagedTopic, path, "\(reason.message); it is restored from the journal") }
        }
    }

    /// A topic from its file, or from the copy of that; whichever of them is bad is written anew. nil when both are.
    private func restore(_ name: String, _ found: TopicFiles) throws(LogError) -> TopicMetadata? {
        let (path, copy) = (directory.topicFile(name), directory.topicCopy(name))
        if case .success(let topic) = found.first {
            // A crash may leave a copy that is old or not there, but none that cannot be read.
            if case .failure(let reason) = found.second, files.exists(copy) {
                note(.damagedTopic, copy, "\(reason.message); it is written anew from what it is the copy of")
            }
            if found.second != found.first { try translating { () throws(SystemError) in try files.replace(copy, with: topic.text) } }
            return topic
        }
        guard case .failure(let reason) = found.first else { return nil }
        guard case .success(let topic) = found.second else {
            note(.damagedTopic, path, "\(reason.message), and neither can its copy be read: the topic is left alone until one is restored")
            return nil
        }
        try translating { () throws(SystemError) in try files.replace(path, with: topic.text) }
        note(.damagedTopic, path, "\(reason.message); it is restored from its copy")
        return topic
    }

    private func topic(in path: String, _ name: String) -> Result<TopicMetadata, LogError> {
        do throws(LogError) {
            let bytes = try translating { () throws(SystemError) in try files.contents(of: path) }
            let topic = try TopicMetadata(bytes)
            return topic.name == name ? .success(topic) : .failure(LogError(.damaged, "it is that of topic '\(topic.name)'"))
        } catch {
            return .failure(error)
        }
    }

    private func finishDeletion(of name: String) throws(LogError) {
        try translating { () throws(SystemError) in try Leftovers(directory: directory, files: files).finishDeletion(of: name) }
        note(.finishedDeletion, directory.deletionMark(name), "the removal of this topic is finished")
    }

    /// Removes the directories that a creation of a topic left which did not come about, and notes others that hold segments of no topic.
    private func look(into named: [LeftDirectory], _ topics: [TopicMetadata]) throws(LogError) {
        let counts = Dictionary(topics.map { ($0.name, $0.partitionCount) }) { first, _ in first }
        let leftovers = Leftovers(directory: directory, files: files)
        for named in named {
            let count = counts[named.topic]
            if named.index.index < count ?? 0 || unreadableTopics.contains(named.topic) { continue }
            let looked = try translating { () throws(SystemError) in try leftovers.look(into: named) }
            guard let left = looked, !left.isForeign else { continue }
            if left.isUntouched {
                try translating { () throws(SystemError) in try files.removeTree(left.path) }
                note(.removedFile, left.path, "it was made for a topic that did not come about")
                continue
            }
            hasLeftPartitions = true
            let reason = count.map { "its topic has \($0) partitions" } ?? "there is no topic of this name"
            note(
                .leftPartition, left.path,
                "it holds \(left.byteCount) bytes in \(left.segmentCount) segments, but \(reason): it is left alone. Restore "
                    + "\(directory.topicFile(left.topic)) from a backup, or move the directory away")
        }
    }

    /// All segments are synced: the new journal needs none of the old ones.
    private func beginJournal(
        after newest: UInt64, _ writers: [PartitionKey: PartitionWriter], _ unsynced: [String: TopicMetadata]
    ) throws(LogError) -> JournalFile {
        try translating { () throws(SystemError) in
            // The replay may have made directories of partitions.
            try files.synchronizeDirectory(directory.log)
            let state = JournalState(previous: nil, writers, durability: durability, unsynced: unsynced.values)
            let journal = try JournalFile.create(newest + 1, state, in: directory, files: files)
            for name in try files.list(directory.journal) {
                guard let number = number(in: name, extension: ".journal"), number != journal.number else { continue }
                let path = directory.journal + "/" + name
                if keptJournals.contains(UInt64(number)) {
                    try files.rename(path, to: path + ".damaged")
                } else {
                    try files.removeFile(path)
                }
            }
            return journal
        }
    }
}
