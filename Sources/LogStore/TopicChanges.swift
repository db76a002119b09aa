// Making, changing and removing topics, between commits. A topic exists when its file does, which is kept twice; directories of
// partitions without one are leftovers of a removal that a crash interrupted.
import Bytes
import Platform
import Synchronization

extension LogWriter {
    func createTopic(_ metadata: TopicMetadata) throws(LogError) {
        guard log.describeTopic(named: metadata.name) == nil else {
            throw LogError(.topicExists, "topic '\(metadata.name)' exists already")
        }
        guard !log.unreadableTopics.contains(metadata.name) else {
            throw LogError(
                .damaged, "topic '\(metadata.name)' exists, but its file and the copy of that are damaged",
                hint: "Restore \(directory.topicFile(metadata.name)); its records are still there.")
        }
        if let refusal = log.order.withLock({ $0.refusal }) { throw refusal }
        try journal(metadata.id, partitionCount: metadata.partitionCount)
        var partitions: [Partition] = []
        var made: [PartitionWriter] = []
        try translating { () throws(SystemError) in
            for index in 0..<metadata.partitionCount {
                let path = directory.partition(metadata.name, index)
                try files.removeTree(path)
                try files.createDirectory(path)
                let active = try SegmentWriter.create(directory: path, baseOffset: 0, files: files)
                try files.synchronizeDirectory(path)
                active.isNamed = true
                let partition = Partition(
                    topic: metadata.id, topicName: metadata.name, index: index, directory: path,
                    state: Partition.State(start: 0, appendedEnd: 0, durableEnd: 0, appliedEnd: 0, segments: [active.segment]))
                partitions.append(partition)
                made.append(
                    PartitionWriter(
                        partition: partition, active: active, size: 0, nextOffset: 0,
                        segmentBytes: metadata.config.segmentBytes))
            }
            try files.synchronizeDirectory(directory.log)
            try files.replace(directory.topicFile(metadata.name), with: metadata.text)
            try files.replace(directory.topicCopy(metadata.name), with: metadata.text)
        }
        for writer in made { writers[PartitionKey(writer.partition)] = writer }
        log.registry.withLock { $0.insert(SegmentedLog.Topic(metadata: metadata, partitions: partitions)) }
    }

    func alterTopic(_ topic: TopicID, _ config: TopicConfig) throws(LogError) {
        guard var known = log.registry.withLock({ $0.byID[topic] }) else { throw log.unknown(topic) }
        known.metadata.config = config
        try translating { () throws(SystemError) in
            try files.replace(directory.topicFile(known.metadata.name), with: known.metadata.text)
            try files.replace(directory.topicCopy(known.metadata.name), with: known.metadata.text)
        }
        for partition in known.partitions { writers[PartitionKey(partition)]?.segmentBytes = config.segmentBytes }
        log.registry.withLock { $0.insert(known) }
        // Where partitions begin must be known from the journal once retention does not explain it any more.
        beginCheckpoint()
    }

    func deleteTopic(_ topic: TopicID) throws(LogError) {
        guard let known = log.registry.withLock({ $0.byID[topic] }) else { throw log.unknown(topic) }
        let name = known.metadata.name
        try translating { () throws(SystemError) in
            try files.rename(directory.topicFile(name), to: directory.topicFile(name) + ".deleted")
            try files.synchronizeDirectory(directory.topics)
        }
        log.registry.withLock { registry in
            registry.byID[topic] = nil
            registry.byName[name] = nil
        }
        for partition in known.partitions {
            partition.state.withLock { $0.isDeleted = true }
            writers[PartitionKey(partition)] = nil
        }
        unapplied.removeAll { $0.append.partition.topic == topic }
        // From here on a crash only delays the removal.
        try translating { () throws(SystemError) in
            for partition in known.partitions { try files.removeTree(partition.directory) }
            if files.exists(directory.topicCopy(name)) { try files.removeFile(directory.topicCopy(name)) }
            try files.synchronizeDirectory(directory.topics)
            try files.removeFile(directory.topicFile(name) + ".deleted")
        }
        beginCheckpoint()
    }
}
