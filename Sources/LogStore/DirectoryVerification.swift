// Looks over the data directory as a whole: what in it is damaged or left to be looked at, and what does not belong to the log.
import Bytes
package import Platform
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
    /// Whether a directory holds a log, or what is left of one. An empty directory and one of other files hold none.
    package static func isLog(directory path: String, files: any FileSystem) -> Bool {
        let directory = DataDirectory(root: path)
        return files.exists(directory.journal) || files.exists(directory.topics)
    }

    /// Opens the log in `directory` to be looked at. All that opening repairs, cuts off or makes anew happens in memory only, and
    /// `recoveryNotes` tell what a start would do; no file is changed. Errors: as those of opening, but for a full disk.
    package static func inspecting(
        directory path: String, files: any FileSystem, clock: any TimeSource, random: any RandomSource,
        scheduler: any Scheduler = HostScheduler()
    ) throws(LogError) -> SegmentedLog {
        var options = LogOptions()
        // Nothing is to be cleaned: it would only be cleaned in memory.
        options.maintenanceInterval = .max
        return try SegmentedLog(
            directory: path, files: OverlayFileSystem(over: files), clock: clock, random: random, options: options, scheduler: scheduler)
    }

    /// What stands in the data directory that no segment's inspection tells of, sorted by path. With the name of a topic, only what
    /// concerns that: its files and the journal.
    package func verifyDirectory(topic: String? = nil) -> [DirectoryFinding] {
        var findings = recoveryNotes.filter(\.isDamage).map { DirectoryFinding(path: $0.path, text: $0.detail, isDamage: true) }
        findings += journalFindings() + topicFindings() + partitionFindings()
        var seen: Set<String> = []
        if let topic { findings = findings.filter { concerns(topic, $0) } }
        // What opening found is said once, in its own words.
        return findings.filter { isThere($0) && seen.insert($0.isDamage ? $0.path + $0.text : $0.path).inserted }.sorted { $0.path < $1.path }
    }

    /// Whether a finding is about what is on the disk, rather than a file that a start is going to make, of which opening has told.
    private func isThere(_ finding: DirectoryFinding) -> Bool {
        guard let overlay = files as? OverlayFileSystem, !recoveryNotes.contains(where: { $0.path == finding.path }) else { return true }
        return overlay.isInBase(finding.path)
    }

    private func concerns(_ topic: String, _ finding: DirectoryFinding) -> Bool {
        if finding.isDamage && finding.path.hasPrefix(directory.journal) { return true }
        if [directory.topicFile(topic), directory.topicCopy(topic)].contains(finding.path) { return true }
        let name = finding.path.dropFirst(directory.log.utf8.count + 1).prefix { $0 != "/" }
        guard finding.path.hasPrefix(directory.log + "/"), let dash = name.lastIndex(of: "-") else { return false }
        return name[..<dash] == topic
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
            let suffixes = [".topic", ".topic.copy", ".topic.deleted"]
            return suffixes.contains { name.hasSuffix($0) } ? nil : foreign(path)
        }
    }

    private func partitionFindings() -> [DirectoryFinding] {
        let partitions = registry.withLock { $0.byID.values.flatMap(\.partitions) }
        let known = Set(partitions.map(\.directory))
        // Opening has said more about these.
        let noted = Set(recoveryNotes.map(\.path))
        var findings: [DirectoryFinding] = []
        for name in names(in: directory.log) {
            let path = directory.log + "/" + name
            guard known.contains(path) else {
                let topic = name.lastIndex(of: "-").map { String(name[..<$0]) } ?? name
                // Its topic's file is a finding of its own.
                if !unreadableTopics.contains(topic), !noted.contains(path) { findings.append(foreign(path)) }
                continue
            }
            let suffixes = [".log", ".index", ".timeindex", ".batches", ".log.new", ".log.cleaned"]
            for file in names(in: path) where !suffixes.contains(where: { number(in: file, extension: $0) != nil }) {
                findings.append(holdsCutRecords(file) ? cut(path + "/" + file) : foreign(path + "/" + file))
            }
        }
        return findings
    }

    /// Whether the name is that of a segment, with the suffix of what was cut off it.
    private func holdsCutRecords(_ name: String) -> Bool {
        let digits = name.reversed().prefix { $0.isNumber }.count
        return number(in: String(name.dropLast(digits)), extension: ".log" + asideSuffix) != nil
    }

    private func cut(_ path: String) -> DirectoryFinding {
        DirectoryFinding(
            path: path, text: "batches of which the journal did not know, cut off by a start; remove it when it is not needed any more",
            isDamage: true)
    }
}
