// `millrace topics`: looks at the topics of a data directory that no process works in, below streams and tables: what there is, whether
// it is sound, and what stands in it. It changes nothing there. Of a server it shows what statements can show.

import CommandLineTable
import Diagnostics
import Engine
import LogStore
import Platform
import Quantities
import Settings

/// Looks at raw topics.
struct TopicsCommand {
    private let settings: CommandSettings
    private var invocation: Invocation { settings.invocation }
    private let action: String
    private let output: String

    init(_ given: Invocation) throws(CommandFailure) {
        settings = try CommandSettings(given)
        let invocation = settings.invocation
        action = invocation.operands[0]
        output = invocation[.output]?.text ?? "table"
        if invocation[.server] == nil, invocation[.data] == nil {
            throw .usage(Diagnostic(.usage, "topics needs --data DIR or --server HOST:PORT", category: .general))
        }
    }

    func run() throws(CommandFailure) -> Int32 {
        if invocation[.server] != nil { return try askServer() }
        var opening = settings.embedded
        try opening.requireData()
        opening.logLine = LogOutput(level: "warn").write
        let log = try opening.inspectLog()
        defer { log.close() }
        switch action {
        case "describe": return describe(try topic(in: log), in: log)
        case "verify": return try verify(try invocation.operands.count > 1 ? [topic(in: log)] : log.describeTopics(), in: log)
        case "dump": return try dump(try topic(in: log), in: log)
        default: return list(log)
        }
    }

    private func topic(in log: SegmentedLog) throws(CommandFailure) -> TopicDescription {
        let name = invocation.operands[1]
        guard let topic = log.describeTopic(named: name) else {
            let similar = closestMatch(to: name, among: log.describeTopics().map(\.name))
            throw .refused(
                Diagnostic(
                    .unknownTopic, "there is no topic \(name)", category: .general,
                    hint: similar.map { "Did you mean \($0)?" } ?? "millrace topics list shows them all."))
        }
        let count = topic.partitions.count
        if let wanted = invocation[.partition]?.integer, wanted >= count {
            throw .refused(
                Diagnostic(
                    .unknownTopic, "topic \(name) has no partition \(wanted)", category: .general,
                    hint: count == 1 ? "It has one partition, 0." : "It has \(count) partitions, 0 to \(count - 1)."))
        }
        return topic
    }

    // MARK: A directory

    private func list(_ log: SegmentedLog) -> Int32 {
        var table = RowTable("topic", "partitions", "offsets", "bytes", "cleanup")
        for topic in log.describeTopics() {
            // Not records: markers of transactions have offsets, too, and so had what was compacted away. verify counts the records.
            let offsets = topic.partitions.reduce(Int64(0)) { $0 + ($1.bounds.durableEnd - $1.bounds.start) }
            let bytes = topic.partitions.reduce(ByteCount.zero) { $0 + $1.byteCount }
            table.add(topic.name, "\(topic.partitions.count)", "\(offsets)", "\(bytes)", topic.config.cleanupPolicy.rawValue)
        }
        ByteStream.output.print(table.text(output))
        return 0
    }

    private func describe(_ topic: TopicDescription, in log: SegmentedLog) -> Int32 {
        var facts = RowTable("property", "value")
        facts.add("name", topic.name)
        facts.add("id", topic.id.description)
        for (name, value) in topic.config.properties { facts.add(name, value) }
        var partitions = RowTable("partition", "start", "end", "bytes", "segments", "damage")
        for (index, partition) in zip(topic.partitionIndexes, topic.partitions) where isWanted(index) {
            partitions.add(
                "\(index)", "\(partition.bounds.start)", "\(partition.bounds.durableEnd)", "\(partition.byteCount)",
                "\(partition.segmentCount)", partition.damage ?? "")
        }
        ByteStream.output.print(facts.text(output) + (output == "table" ? "\n" : "") + partitions.text(output))
        return 0
    }

    private func isWanted(_ partition: PartitionIndex) -> Bool { invocation[.partition]?.integer.map { $0 == partition.index } ?? true }

    /// Prints what was found of each segment; 1 when anything is damaged.
    private func verify(_ topics: [TopicDescription], in log: SegmentedLog) throws(CommandFailure) -> Int32 {
        var table = RowTable("topic", "partition", "segment", "batches", "records", "finding")
        var isSound = true
        for finding in log.verifyDirectory(topic: invocation.operands.count == 1 ? nil : topics[0].name) {
            isSound = isSound && !finding.isDamage
            table.add("", "", finding.path, "", "", finding.text)
        }
        for topic in topics {
            let reports: [SegmentReport]
            do throws(LogError) { reports = try log.verify(topic.id) } catch { throw .refused(TopicsCommand.diagnostic(error)) }
            for report in reports where isWanted(report.partition) {
                isSound = isSound && report.problems.isEmpty
                let finding = report.problems.isEmpty ? "sound" : report.problems.joined(separator: "; ")
                let file = report.path.split(separator: "/").last.map(String.init) ?? report.path
                table.add(topic.name, "\(report.partition)", file, "\(report.batchCount)", "\(report.recordCount)", finding)
            }
        }
        ByteStream.output.print(table.text(output))
        return isSound ? 0 : 1
    }

    private func dump(_ topic: TopicDescription, in log: SegmentedLog) throws(CommandFailure) -> Int32 {
        var left = invocation[.limit]?.integer ?? .max
        let table = RowTable("partition", "offset", "kind", "text")
        var isFirst = true
        ByteStream.output.print(table.head(output))
        for partition in topic.partitionIndexes where isWanted(partition) && left > 0 {
            if output == "table" { ByteStream.output.print("Dumping \(topic.name)-\(partition)\n") }
            do throws(LogError) {
                try log.dump(topic.id, partition: partition) { line in
                    if !line.isBatch { left -= 1 }
                    let cells = ["\(partition)", "\(line.offset)", line.isBatch ? "batch" : "record", line.text]
                    ByteStream.output.print(output == "table" ? line.text + "\n" : table.line(cells, output, isFirst: isFirst))
                    isFirst = false
                    return left > 0
                }
            } catch {
                throw .refused(TopicsCommand.diagnostic(error))
            }
        }
        ByteStream.output.print(table.end(output))
        return 0
    }

    private static func diagnostic(_ error: LogError) -> Diagnostic {
        Diagnostic(.corruptData, error.message, category: .general, hint: error.hint)
    }

    // MARK: A server

    private func askServer() throws(CommandFailure) -> Int32 {
        let statement: String
        switch action {
        case "list": statement = "SHOW ALL TOPICS EXTENDED;"
        case "dump":
            statement = "PRINT \(Door.quoted(invocation.operands[1])) FROM BEGINNING" + (invocation[.limit]?.integer.map { " LIMIT \($0)" } ?? "") + ";"
        default:
            throw .usage(
                Diagnostic(
                    .featureNotSupported, "topics \(action) reads files and needs --data DIR", category: .general,
                    hint: action == "verify" ? "It works on the directory of a server that does not run; a start checks what it reads, and logs damage."
                        : "It works on the directory of a server that does not run; DESCRIBE name EXTENDED; shows the offsets of a source."))
        }
        let door = try Door.open(settings)
        defer { door.close() }
        if action == "dump" {
            // As from a directory: what there is, and no more.
            _ = try TableAnswer().table(of: "SET '\(SettingKey<Bool>.followsTopics.name)' = 'false';", from: door.session)
            let answer = try TextAnswer(output: output, of: door.session)
            if !(try answer.collect(statement, from: door.session)) { return answer.interruptedStatus }
        } else {
            let answer = TableAnswer()
            ByteStream.output.print(try answer.table(of: statement, from: door.session).text(output))
        }
        return 0
    }
}
