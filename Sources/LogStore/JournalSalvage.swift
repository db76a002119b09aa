// Replays a damaged journal as far as it can be read: records are found again behind what is damaged, by their marks, numbers,
// positions and checksums. What a lost commit appended is mostly in the segments all the same, because they get it as soon as it is
// durable; where it is not, the partition has a gap, which its readers meet as damage. Nothing is thrown away: the files that could
// not be read whole are kept beside the journal.
import Bytes
import Platform

extension JournalReplay {
    /// Takes the states and commits of all files that are there, oldest first.
    func salvage(_ numbers: [UInt64]) throws(LogError) {
        partitions = [:]
        commitCount = 0
        for number in numbers {
            let path = directory.journalFile(number)
            noteRemovals(JournalReader(try translating { () throws(SystemError) in try files.contents(of: path) }, file: number))
        }
        var ends: [UInt64: Int] = [:]
        for number in numbers {
            if let previous = try link(number)?.state.previous { ends[previous.file] = Int(clamping: previous.position) }
        }
        var wasRead = false
        for number in numbers {
            let path = directory.journalFile(number)
            let bytes = try translating { () throws(SystemError) in try files.contents(of: path) }
            let end = min(ends[number] ?? bytes.count, bytes.count)
            let isWhole = try salvage(JournalReader(bytes, file: number), path, upTo: end, wasRead: &wasRead)
            if !isWhole || (ends[number] ?? 0) > bytes.count { recovery.keep(journal: number) }
        }
        if !wasRead {
            recovery.note(.damagedJournal, directory.journal, "nothing of the journal could be read")
            for number in numbers { recovery.keep(journal: number) }
        }
    }

    /// Takes one file's records. False when bytes between them could not be read.
    private func salvage(
        _ reader: JournalReader, _ path: String, upTo end: Int, wasRead: inout Bool
    ) throws(LogError) -> Bool {
        var (position, isWhole) = (0, true)
        while position < end {
            let found = reader.record(atOrAfter: position, before: end)
            if let found, found.position > position || position == 0 && found.kind != .state {
                isWhole = false
                recovery.note(
                    .damagedJournal, path, "commits in its bytes \(position) to \(found.position) may be lost: they cannot be read")
            }
            guard let found else {
                // Nothing behind proves that this was ever durable, but for a file that has a successor, or lost its beginning.
                let isDamage = end < reader.bytes.count || position == 0
                if isDamage { isWhole = false }
                recovery.note(
                    isDamage ? .damagedJournal : .tornJournal, path,
                    isDamage
                        ? "commits in its bytes \(position) to \(end) may be lost: they cannot be read"
                        : "\(end - position) bytes of unfinished commits are cut off at \(position)")
                break
            }
            wasRead = true
            isWhole = try take(found, reader, path) && isWhole
            position = found.body.upperBound
        }
        return isWhole
    }

    /// Takes one record. False when it is sound and cannot be understood.
    private func take(_ record: JournalReader.Record, _ reader: JournalReader, _ path: String) throws(LogError) -> Bool {
        switch record.kind {
        case .removal: return true
        case .synced:
            for topic in JournalFormat.synced(reader.bytes, record.body) { note(topic) }
            return true
        case .topic:
            note(JournalFormat.topic(reader.bytes, record.body))
            return true
        case .start:
            note(start: JournalFormat.start(reader.bytes, record.body))
            return true
        case .state:
            guard let state = JournalFormat.state(reader.bytes, record.body) else { break }
            for topic in state.topics { note(topic) }
            for partition in state.partitions {
                let key = PartitionKey(topic: partition.topic, partition: partition.partition)
                // It says exactly how things stood, whatever was lost before.
                partitions[key] = ReplayedPartition(state: partition, touched: partitions[key]?.touched ?? [])
            }
            return true
        case .commit:
            guard let appends = JournalFormat.commit(reader.bytes, record.body) else { break }
            guard try belongs(appends, isProvenDurable: reader.isProvenDurable(upTo: record.position)) else {
                if areSynced(appends) { return true }
                recovery.noteCutCommits(
                    path, "the commit at \(record.position) is not served: its batches are not whole in their segments")
                return false
            }
            // Where a commit before it was lost, its place is left open: opening the partition finds out what stands there.
            try apply(appends, reader.bytes)
            commitCount += 1
            return true
        }
        recovery.note(.damagedJournal, path, "the record at \(record.position) cannot be understood")
        return false
    }
}
