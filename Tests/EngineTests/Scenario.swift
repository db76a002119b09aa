// Scenarios: an engine over a data directory in memory, told line by line what to do. A line is a statement, or one of
//
//   RESTART                        the engine is closed and opened again over the same directory
//   AWAIT QUERY STATE              waits until the query is in that state, its state restored
//   RECORD TOPIC PARTITION KEY VALUE   appends a raw record: `~` is null, `%XX` a byte, no blanks
//   REMOVE TOPIC                   deletes a topic behind the engine's back
//
//
//   A> STATEMENT, B> STATEMENT     in session A or B, which are made when they are first named; a line without that is another session's
//   A& STATEMENT                   the same, but the next line does not wait for its end
//   A.                             waits for the end of what session A began with `&`, and gives its answer
//
// Lines that begin with `--` say something to the reader. Each answer is its lines without the columns; what differs from run to run
// (commits, bytes of state) is left out.

import Bytes
import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import Testing

final class Scenario {
    private let files = MemoryFileSystem()
    private let time = SimulatedTime(wall: 1_000_000)
    private let snapshots: Bool
    private var millrace: Millrace
    /// Sessions by name, and what is under way in them.
    private var sessions: [String: Millrace] = [:]
    private var pending: [String: PendingAnswer] = [:]

    init(snapshots: Bool = false) throws {
        self.snapshots = snapshots
        millrace = try Scenario.open(files, time, snapshots)
    }

    private static func open(_ files: MemoryFileSystem, _ time: SimulatedTime, _ snapshots: Bool) throws -> Millrace {
        let folder = snapshots ? SnapshotFolder(files: files, directory: "/snapshots", changesBetween: 3) : nil
        return try Millrace(files: files, pushStart: "earliest", snapshots: folder, time: time)
    }

    func close() { millrace.engine.close() }

    /// Carries out the lines and gives what came of them.
    func play(_ text: String) -> String {
        text.split(separator: "\n").filter { !$0.hasPrefix("--") }.flatMap { line -> [String] in
            do { return try play(line: String(line)) } catch { return ["problem: \(error)"] }
        }.joined(separator: "\n")
    }

    private func play(line: String) throws -> [String] {
        let words = line.split(separator: " ").map(String.init)
        if words[0].count == 2, let mark = words[0].last, ">&.".contains(mark) {
            return play(String(line.dropFirst(3)), in: String(words[0].prefix(1)), mark)
        }
        switch words[0] {
        case "RESTART":
            _ = millrace.engine.drain(nanoseconds: 10_000_000_000)
            millrace.engine.close()
            sessions = [:]
            pending = [:]
            millrace = try Scenario.open(files, time, snapshots)
            return []
        case "AWAIT": return wait(for: words[1], words[2])
        case "RECORD": return try record(words)
        case "REMOVE":
            guard let topic = millrace.log.describeTopic(named: words[1]) else { return ["no topic \(words[1])"] }
            try millrace.log.deleteTopic(topic.id)
            return []
        default: return millrace.run(line).filter { !$0.hasPrefix("=") }.map(steady)
        }
    }

    /// Plays a line of a named session.
    private func play(_ sql: String, in name: String, _ mark: Character) -> [String] {
        let session = sessions[name] ?? Millrace(sharing: millrace)
        sessions[name] = session
        switch mark {
        case "&":
            pending[name] = PendingAnswer(sql, in: session)
            return []
        case ".": return (pending.removeValue(forKey: name)?.lines ?? []).filter { !$0.hasPrefix("=") }.map { "\(name) \(steady($0))" }
        default: return session.run(sql).filter { !$0.hasPrefix("=") }.map { "\(name) \(steady($0))" }
        }
    }

    private func wait(for id: String, _ state: String) -> [String] {
        guard let status = millrace.engine.queryStatuses.first(where: { $0.queryID == id }) else { return ["no query \(id)"] }
        let isThere = status.content.wait(nanoseconds: 60_000_000_000, until: { $0.state.name == state && !$0.isRestoring }) {
            $0.state.name == state && !$0.isRestoring
        }
        return isThere ? [] : ["\(id) is \(status.state.name)"]
    }

    private func record(_ words: [String]) throws -> [String] {
        guard let topic = millrace.log.describeTopic(named: words[1]), let partition = Int64(words[2]).flatMap({ PartitionIndex(exactly: $0) }) else { return ["no topic \(words[1])"] }
        var records = OutgoingRecords()
        records.append(key: bytes(words[3]), value: bytes(words[4]), timestamp: 0)
        let isDone = Monitor(false)
        millrace.log.commit(Commit([Append(topic: topic.id, partition: partition, records: records)])) { _ in isDone.update { $0 = true } }
        isDone.wait(until: { $0 }, then: { _ in })
        _ = millrace.engine.drain(nanoseconds: 10_000_000_000)
        return []
    }

    private func bytes(_ text: String) -> [UInt8]? {
        if text == "~" { return nil }
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                rest = rest.dropFirst(2)
                result.append(value)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private func steady(_ line: String) -> String { line.replacing(/commits \d+, state \d+ bytes/, with: "…") }
}

/// A text of statements under way.
private final class PendingAnswer {
    private let collector: EventCollector
    private let isFinished = Monitor(false)

    init(_ sql: String, in millrace: Millrace) {
        collector = EventCollector()
        millrace.session.execute(sql, into: collector) { [isFinished] _ in isFinished.update { $0 = true } }
    }

    /// Its events, once it has ended.
    var lines: [String] {
        isFinished.wait(nanoseconds: 20_000_000_000, until: { $0 }, then: { _ in })
        return collector.soFar
    }
}

/// Plays a golden file in one scenario.
func checkScenario(_ name: String, snapshots: Bool = false) throws {
    let scenario = try Scenario(snapshots: snapshots)
    try checkGolden(name) { scenario.play($0) }
    scenario.close()
}
