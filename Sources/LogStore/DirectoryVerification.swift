// Looks over the data directory as a whole: what in it is damaged or left to be looked at, and what does not belong to the log.
import Bytes
import Platform
import Synchronization

/// A finding of an inspection about a file or directory.
package struct DirectoryFinding: Hashable, Sendable {
    /// Where it is.
    package let path: String
    /// What it is, and what may be done about it.
    package let text: String
    /// Whether it tells of damage; otherwise it only does not belong there.
    package let isDamage: Bool
}

extension SegmentedLog {
    /// What stands in the data directory that no segment's inspection tells of, sorted by path.
    package func verifyDirectory() -> [DirectoryFinding] {
        var findings = recoveryNotes.filter(\.isDamage).map { DirectoryFinding(path: $0.path, text: $0.detail, isDamage: true) }
        findings += journalFindings() + topicFindings() + partitionFindings()
        var seen: Set<String> = []
        // What opening found is said once, in its own words.
        return findings.filter { seen.insert($0.isDamage ? $0.path + $0.text : $0.path).inserted }.sorted { $0.path < $1.path }
    }

    private func names(in path: String) -> [String] {
        // A directory that cannot be listed has failed the opening already.
        (try? files.list(path)) ?? []
    }

    private func foreign(_ path: String) -> DirectoryFinding {
        DirectoryFinding(path: path, text: "does not belong to the log; it is left alone", isDamage: false)
    }

    private func journalFindings() -> [DirectoryFinding] {
        names(in: directory.journal).compactMap { name in
            let path = directory.journal + "/" + name
            if number(in: name, extension: ".journal") != nil { return nil }
            if number(in: name, extension: ".journal.damaged") == nil { return foreign(path) }
            return DirectoryFinding(
                path: path,
                text: "a journal file that could not be read whole: commits in it may be lost; remove it when it is not needed any more",
                isDamage: true)
        }
    }

    private func topicFindings() -> [DirectoryFinding] {
        names(in: directory.topics).compactMap { name in
            let path = directory.topics + "/" + name
            let suffixes = [".topic", ".topic.copy", ".topic.deleted", ".topic.new", ".topic.copy.new"]
            return suffixes.contains { name.hasSuffix($0) } ? nil : foreign(path)
        }
    }

    private func partitionFindings() -> [DirectoryFinding] {
        let partitions = registry.withLock { $0.byID.values.flatMap(\.partitions) }
        let known = Set(partitions.map(\.directory))
        var findings: [DirectoryFinding] = []
        for name in names(in: directory.log) {
            let path = directory.log + "/" + name
            guard known.contains(path) else {
                let topic = name.lastIndex(of: "-").map { String(name[..<$0]) } ?? name
                // Its topic's file is a finding of its own.
                if !unreadableTopics.contains(topic) { findings.append(foreign(path)) }
                continue
            }
            let suffixes = [".log", ".index", ".timeindex", ".batches", ".log.new", ".log.cleaned"]
            for file in names(in: path) where !suffixes.contains(where: { number(in: file, extension: $0) != nil }) {
                findings.append(foreign(path + "/" + file))
            }
        }
        return findings
    }
}
