// Making, changing and removing topics. A topic exists when its file does, which is kept twice; until that is durable, the journal tells of it.
// So making a topic waits for one sync of the journal, and the checkpoint syncs its files. A deletion puts a mark in the place of the
// file, so that directories of partitions without either have lost their topic, and are not written over (`Leftovers`). A partition
// gets its directory with its first record, so that a topic of many partitions costs no more than one of few.
//
// The files are made and removed on the caller's thread, beside the commits; the log's thread only takes the partitions in or lets
// them go. Meanwhile the name is taken, so that no second change of a topic with that name comes in between.
import Bytes
import Platform
package import Quantities
import Synchronization

extension SegmentedLog {
    // MARK: Making

    /// Makes topics and returns them once they are durable; syncs are shared by all. Where one fails nothing of any stays, also not for the
    /// next start.
    func makeTopics(_ list: [TopicMetadata]) throws(LogError) -> [Topic] {
        let names = Set(list.map(\.name))
        if names.count < list.count { throw LogError(.topicExists, "two topics were to have one name") }
        try reserve(names)
        defer { release(names) }
        for metadata in list {
            try checkIsNew(metadata.name)
            try Leftovers(directory: directory, files: files).makeWay(for: metadata, isThorough: hasLeftPartitions)
        }
        let new = NewPartitions(
            list: list.map { metadata in
                PartitionIndex.all(of: metadata.partitionCount).map { .untouched(metadata, $0, in: directory) }
            })
        // All that needs room on the disk comes before the journal, in which it could not be undone without room either.
        let contents = contents(of: list)
        do throws(LogError) {
            try translating { () throws(SystemError) in try files.stage(contents, isDurable: false) }
            try exclusively { writer throws(LogError) in
                // The journal is told before there are files: a partition that it does not know counts as one whose journal is lost.
                try writer.journal(list)
                for topic in list { writer.unsyncedTopics[topic.name] = topic }
                for made in new.list.joined() { writer.writers[PartitionKey(made.partition)] = made }
            }
        } catch {
            files.dropStaged(contents.map(\.path))
            throw error
        }
        do throws(LogError) {
            try translating { () throws(SystemError) in try files.takeStaged(contents.map(\.path), isDurable: false) }
        } catch {
            throw try takeBack(list, after: error)
        }
        let topics = zip(list, new.list).map { Topic(metadata: $0, partitions: $1.map(\.partition)) }
        registry.withLock { registry in for topic in topics { registry.insert(topic) } }
        return topics
    }

    private func checkIsNew(_ name: String) throws(LogError) {
        guard !unreadableTopics.contains(name) else {
            throw LogError(
                .damaged, "topic '\(name)' exists, but its file and the copy of that are damaged",
                hint: "Restore \(directory.topicFile(name)); its records are still there.")
        }
        if registry.withLock({ $0.byName[name] != nil }) { throw LogError(.topicExists, "topic '\(name)' exists already") }
        if let refusal = order.withLock({ $0.refusal }) { throw refusal }
    }

    /// The files of topics: each and its copy.
    private func contents(of list: [TopicMetadata]) -> [(path: String, bytes: [UInt8])] {
        list.flatMap { metadata in
            [(directory.topicFile(metadata.name), metadata.text), (directory.topicCopy(metadata.name), metadata.text)]
        }
    }

    private func writeFiles(_ list: [TopicMetadata]) throws(LogError) {
        try translating { () throws(SystemError) in try files.replace(contents(of: list)) }
    }

    /// Takes names for changes of their topics, all at once; waits while another change of one of them is under way.
    private func reserve(_ names: Set<String>) throws(LogError) {
        let isTaken = order.wait(
            until: { $0.changingNames.isDisjoint(with: names) || $0.isEnding },
            then: { order in
                if !order.isEnding { order.changingNames.formUnion(names) }
                return !order.isEnding
            })
        if !isTaken { throw LogError(.closed, "the log is closed") }
    }

    private func release(_ names: Set<String>) {
        order.update { $0.changingNames.subtract(names) }
    }

    /// The writing ends of new partitions on their way to the log's thread.
    private struct NewPartitions: @unchecked Sendable {
        // The maker lets go of them when the log's thread takes them.
        let list: [[PartitionWriter]]
    }

    /// After the files of topics could not be written: removes all of them, so that the next start does not find what the caller was told
    /// does not exist, and forgets the partitions. Returns `error`; throws the end of the log where even the removal fails.
    private func takeBack(_ list: [TopicMetadata], after error: LogError) throws(LogError) -> LogError {
        let second = failure { () throws(SystemError) in
            files.dropStaged(contents(of: list).map(\.path))
            for (path, _) in contents(of: list) where files.exists(path) { try files.removeFile(path) }
            try files.synchronizeDirectory(directory.topics)
        }
        try exclusively { writer throws(LogError) in
            for metadata in list {
                for index in PartitionIndex.all(of: metadata.partitionCount) {
                    writer.writers[PartitionKey(topic: metadata.id, partition: index)] = nil
                }
            }
            do throws(LogError) {
                if let second { throw second }
                try writer.journal(removalOf: list)
            } catch let second {
                let names = list.map { "'\($0.name)'" }.joined(separator: ", ")
                throw writer.stop("\(error.message); and topic \(names) could not be taken back: \(second.message)")
            }
        }
        return error
    }

    private func failure(_ body: () throws(SystemError) -> Void) -> LogError? {
        do {
            try body()
            return nil
        } catch {
            return LogError(error)
        }
    }

    // MARK: Removing

    package func deleteTopic(_ topic: TopicID) throws(LogError) {
        let known = try take(topic)
        defer { release([known.metadata.name]) }
        // Under the order's lock: each commit comes before or after. A later one fails alone, with `unknownTopic`.
        mark(known, isDeleted: true)
        if let error = hide(known.metadata.name) {
            let second = unhide(known.metadata.name)
            if let second {
                let name = known.metadata.name
                try exclusively { writer throws(LogError) in
                    throw writer.stop("\(error.message); and the deletion of topic '\(name)' could not be undone: \(second.message)")
                }
            }
            mark(known, isDeleted: false)
            throw error
        }
        // From here on a crash only delays the removal. Commits that were taken before the deletion are carried out before this.
        try exclusively { writer throws(LogError) in
            writer.log.registry.withLock { registry in
                registry.byID[topic] = nil
                registry.byName[known.metadata.name] = nil
            }
            for partition in known.partitions { writer.writers[PartitionKey(partition)] = nil }
            writer.unapplied.removeAll { $0.append.partition.topic == topic }
        }
        // Neither a round of maintenance nor a checkpoint may write to directories that a topic of the same name takes over.
        awaitCheckpoint()
        order.wait(until: { $0.topicInMaintenance != topic || $0.isEnding }, then: { _ in })
        notify(known.partitions)
        do throws(LogError) {
            // Until the journal knows of the removal, the mark is what tells the next start of it.
            try exclusively { [known] writer throws(LogError) in try writer.journal(removalOf: [known.metadata]) }
            try removeFiles(of: known)
        } catch {
            options.report(error)
        }
        try exclusively { writer throws(LogError) in writer.beginCheckpoint() }
    }

    /// The topic with this id, whose name is taken for a change.
    private func take(_ topic: TopicID) throws(LogError) -> Topic {
        guard let known = registry.withLock({ $0.byID[topic] }) else { throw unknown(topic) }
        try reserve([known.metadata.name])
        // It may have been changed or deleted while this waited.
        guard let known = registry.withLock({ $0.byID[topic] }) else {
            release([known.metadata.name])
            throw unknown(topic)
        }
        return known
    }

    private func mark(_ topic: Topic, isDeleted: Bool) {
        order.update { _ in
            for partition in topic.partitions { partition.state.withLock { $0.isDeleted = isDeleted } }
        }
    }

    /// Renames a topic's file, durably, so that the next start finishes the deletion.
    private func hide(_ name: String) -> LogError? {
        failure { () throws(SystemError) in
            try files.rename(directory.topicFile(name), to: directory.deletionMark(name))
            try files.synchronizeDirectory(directory.topics)
        }
    }

    /// Undoes `hide`, durably: until then it is uncertain what the next start will find.
    private func unhide(_ name: String) -> LogError? {
        failure { () throws(SystemError) in
            if !files.exists(directory.topicFile(name)) {
                try files.rename(directory.deletionMark(name), to: directory.topicFile(name))
            }
            try files.synchronizeDirectory(directory.topics)
        }
    }

    /// Removes what is left of a deleted topic. What cannot be removed is removed by the next start, or by a topic of the same name.
    private func removeFiles(of topic: Topic) throws(LogError) {
        try translating { () throws(SystemError) in
            try Leftovers(directory: directory, files: files).finishDeletion(of: topic.metadata.name)
        }
    }

    // MARK: Changing

    package func alterTopic(_ topic: TopicID, config: TopicConfig) throws(LogError) {
        try config.check()
        var known = try take(topic)
        defer { release([known.metadata.name]) }
        known.metadata.config = config
        try writeFiles([known.metadata])
        try exclusively { [known] writer throws(LogError) in
            for partition in known.partitions { writer.writers[PartitionKey(partition)]?.segmentBytes = config.segmentLimit }
            writer.log.registry.withLock { $0.insert(known) }
            // Where partitions begin must be known from the journal once retention does not explain it any more.
            writer.beginCheckpoint()
        }
    }

    package func addPartitions(to topic: TopicID, until count: Int) throws(LogError) {
        var known = try take(topic)
        defer { release([known.metadata.name]) }
        let before = known.metadata.partitionCount
        guard count > before, count <= largestPartitionCount else {
            throw LogError(
                .invalidTopic, "'\(known.metadata.name)' has \(before) partitions; it can have more, up to \(largestPartitionCount), not \(count)")
        }
        known.metadata.partitionCount = count
        let metadata = known.metadata
        let added = PartitionIndex.all(of: count).dropFirst(before)
        let new = NewPartitions(list: [added.map { .untouched(metadata, $0, in: directory) }])
        try exclusively { writer throws(LogError) in
            try writer.journal([metadata])
            for made in new.list.joined() { writer.writers[PartitionKey(made.partition)] = made }
        }
        do throws(LogError) { try writeFiles([metadata]) } catch {
            // Where the file is there all the same, the next start finds empty partitions, which the journal knows.
            try exclusively { writer throws(LogError) in
                for index in added { writer.writers[PartitionKey(topic: topic, partition: index)] = nil }
            }
            throw error
        }
        known.partitions += new.list.joined().map(\.partition)
        registry.withLock { [known] registry in registry.insert(known) }
    }

    // MARK: Removing records

    package func deleteRecords(of topic: TopicID, partition: PartitionIndex, before offset: Offset) throws(LogError) -> Offset {
        let found = try find(topic, partition)
        let end = found.bounds.durableEnd
        guard offset <= end else {
            throw LogError(.offsetBeyondEnd(end: end), "offset \(offset) of \(found.topicName)-\(found.index) is beyond its end, \(end)")
        }
        try exclusively { writer throws(LogError) in
            guard offset > found.bounds.start else { return }
            try writer.journal(PartitionKey(found), start: offset)
            // Before a new journal file is begun, which says where partitions begin.
            found.state.withLock { state in
                state.start = max(state.start, offset)
                state.producers.transactions.forgetAborted(before: state.start)
            }
        }
        notify([found])
        return found.bounds.start
    }
}
