// Directories of partitions that belong to no topic: left by a creation or a deletion that a crash interrupted, or by the loss of the
// topic's definition. Only what one of the former left is ever removed: an empty first segment, or what a deletion has marked.
import Bytes
import Platform
import Quantities

/// A directory that is named like that of a partition.
struct LeftDirectory {
    let path: String
    /// The topic and the partition that its name tells.
    let topic: String
    let index: PartitionIndex
    var segmentCount = 0
    /// Bytes of its segments.
    var byteCount = ByteCount.zero
    /// Whether it is as the creation of a topic makes it, without a record.
    var isUntouched = false
    /// Whether there is no segment in it, nor anything that a creation makes: it is not the log's.
    var isForeign: Bool { segmentCount == 0 && !isUntouched }
}

struct Leftovers {
    let directory: DataDirectory
    let files: any FileSystem

    /// All directories in `log` that are named like those of partitions, those of topics that exist included, sorted by name.
    func named() throws(SystemError) -> [LeftDirectory] {
        try files.list(directory.log).compactMap { name in
            guard let dash = name.lastIndex(of: "-"), let number = Int64(name[name.index(after: dash)...]),
                let index = PartitionIndex(exactly: number)
            else { return nil }
            let left = LeftDirectory(path: directory.log + "/" + name, topic: String(name[..<dash]), index: index)
            return left.path == directory.partition(left.topic, index) ? left : nil
        }
    }

    /// Counts what is in a directory; nil when it is none.
    func look(into left: LeftDirectory) throws(SystemError) -> LeftDirectory? {
        var left = left
        let names: [String]
        do throws(SystemError) { names = try files.list(left.path) } catch {
            // A file of that name, which is not the log's.
            if error.kind == .notADirectory || error.kind == .notFound { return nil }
            throw error
        }
        for name in names where number(in: name, extension: ".log") != nil {
            let file = try files.open(left.path + "/" + name, .read)
            defer { file.close() }
            left.segmentCount += 1
            left.byteCount = left.byteCount + ByteCount(clamping: try file.size())
        }
        // A creation that a crash interrupts may not have come to the segment.
        left.isUntouched = left.byteCount == .zero && names.allSatisfy { $0 == fileNumber(0) + ".log" }
        return left
    }

    /// Removes what a deletion left of a topic, as its mark says, and at last the mark.
    func finishDeletion(of name: String) throws(SystemError) {
        // A topic of the same name may exist by now; its partitions are not to be touched.
        if !files.exists(directory.topicFile(name)) {
            for left in try named() where left.topic == name { try files.removeTree(left.path) }
            if files.exists(directory.topicCopy(name)) { try files.removeFile(directory.topicCopy(name)) }
        }
        // Both before the mark: without it what is left would be taken for a topic that has lost its definition.
        try files.synchronizeDirectory(directory.log)
        try files.synchronizeDirectory(directory.topics)
        try files.removeFile(directory.deletionMark(name))
        // With the mark, a topic that is made next under this name would count as deleted.
        try files.synchronizeDirectory(directory.topics)
    }

    /// Makes way for a new topic. What a deletion or an earlier creation left is removed; segments with records are not. Only a thorough
    /// look, which takes longer the more partitions there are, finds directories of more partitions than the new topic has.
    ///
    /// Errors: `damaged` when there are segments with records, `storage`.
    func makeWay(for topic: TopicMetadata, isThorough: Bool) throws(LogError) {
        let name = topic.name
        if files.exists(directory.deletionMark(name)) {
            try translating { () throws(SystemError) in try finishDeletion(of: name) }
        }
        let isInTheWay = PartitionIndex.all(of: topic.partitionCount).contains { files.exists(directory.partition(name, $0)) }
        guard isInTheWay || isThorough else { return }
        for named in try translating({ () throws(SystemError) in try named() }) where named.topic == name {
            guard let left = try translating({ () throws(SystemError) in try look(into: named) }) else { continue }
            guard left.isUntouched else {
                throw LogError(
                    .damaged,
                    "there is no topic '\(name)', but \(left.path) holds \(left.byteCount) bytes in \(left.segmentCount) segments of one, "
                        + "which are not written over",
                    hint: "Restore \(directory.topicFile(name)) from a backup and start again, or move the directories of its partitions "
                        + "away. `millrace topics verify` lists them.")
            }
            try translating { () throws(SystemError) in try files.removeTree(left.path) }
        }
    }
}
