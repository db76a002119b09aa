// PRINT: the raw records of a topic, with guesses about their formats; and ASSERT of topics.

import Analysis
import Bytes
import Catalog
import Diagnostics
import Formats
import LogStore
import Pipelines
import Platform
import Quantities
import Settings
import Syntax
import Values

extension StatementExecution {
    func perform(_ print: PrintTopic, _ whenDone: @escaping @Sendable (Bool) -> Void) throws(Diagnostic) {
        let name = print.topic.text
        // A stream or table stands for its topic, unless a topic has the name itself.
        let source = engine.catalog.sources[name] ?? engine.catalog.sources[name.uppercased()]
        guard let topic = engine.log.describeTopic(named: name) ?? source.flatMap({ engine.log.describeTopic(named: $0.topic) }) else {
            let names = engine.log.describeTopics().map(\.name)
            let other = names.first { $0.uppercased() == name.uppercased() } ?? closestMatch(to: name, among: names)
            throw Diagnostic(
                .unknownTopic, "Could not find topic '\(name)', or the KSQL user does not have permissions to list the topic.",
                hint: other.map { "Did you mean '\($0)'? Topic names are case-sensitive; quote them." }, at: print.topic.span.range)
        }
        sink.emit(.columns([ResultColumn("Text", "STRING")], .text))
        let window = engine.catalog.sortedSources.first { $0.topic == topic.name && $0.window != nil }?.window
        let printer = TopicPrinter(execution: self, topic: topic, keyWindow: window, statement: print, whenDone: whenDone)
        let id = engine.state.update { state in
            let id = "print_\(topic.name)_\(state.nextTransient)"
            state.nextTransient += 1
            state.transients[id] = TransientQuery(id: id, statement: parsed.text, isPush: true, run: nil, cancel: { printer.cancel() })
            return id
        }
        request.onCancel { printer.cancel() }
        // It may run for months, so it has a thread of its own instead of one of the few that all statements share.
        do throws(SystemError) {
            _ = try WorkerThread.start("print") { [engine] in
                printer.run()
                _ = engine.state.update { $0.transients.removeValue(forKey: id) }
            }
        } catch {
            _ = engine.state.update { $0.transients.removeValue(forKey: id) }
            throw Diagnostic(.ioError, error.description, category: .general)
        }
    }

    func check(_ assertion: Assertion) throws(Diagnostic) -> AnswerSummary {
        guard case .topic(let name, let exists, let properties, let timeout) = assertion else {
            throw notSupported("this form of ASSERT", hint: "ASSERT TOPIC works on a server, the other forms in SQL tests.")
        }
        let deadline = engine.configuration.time.monotonicNanoseconds() + assertTimeout(timeout).nanoseconds
        let waiting = Monitor(false)
        while true {
            guard let problem = problem(with: name, exists: exists, properties) else {
                return AnswerSummary(message: "Topic \(name.text) \(exists ? "exists" : "does not exist")")
            }
            if engine.configuration.time.monotonicNanoseconds() >= deadline || request.isCancelled {
                throw Diagnostic(.assertionFailed, problem, category: .general, at: name.span.range)
            }
            waiting.wait(nanoseconds: 100_000_000, until: { $0 }, then: { _ in })
        }
    }

    /// How long an assertion waits: what it says, else what the setting says.
    private func assertTimeout(_ written: Syntax.Duration?) -> Milliseconds {
        written?.milliseconds.map { Milliseconds($0) } ?? session.settings[.assertTopicTimeout]
    }

    private func problem(with name: Name, exists: Bool, _ properties: [Property]) -> String? {
        let topic = engine.log.describeTopic(named: name.text)
        if !exists { return topic == nil ? nil : "Topic \(name.text) exists" }
        guard let topic else { return "Topic \(name.text) does not exist" }
        for property in properties {
            let actual: Int64
            switch property.name.text.uppercased() {
            case "PARTITIONS": actual = Int64(topic.partitions.count)
            case "REPLICAS": actual = 1
            default: return "Cannot assert unknown topic property: \(property.name.text)"
            }
            if property.value != .integer(actual) {
                return
                    "Mismatched configuration for topic \(name.text): for config \(property.name.text), expected another value, got \(actual)"
            }
        }
        return nil
    }
}

/// Prints one topic until its limit, or until it is cancelled. Runs on a thread of its own.
private final class TopicPrinter: Sendable {
    private let execution: StatementExecution
    private let topic: TopicDescription
    /// How the keys carry windows, when a source over the topic says that they do.
    private let keyWindow: KeyWindow?
    private let statement: PrintTopic
    private let whenDone: @Sendable (Bool) -> Void
    private let state = Monitor<(isCancelled: Bool, hasNews: Bool, hasRoom: Bool)>((false, false, false))

    init(
        execution: StatementExecution, topic: TopicDescription, keyWindow: KeyWindow?, statement: PrintTopic,
        whenDone: @escaping @Sendable (Bool) -> Void
    ) {
        self.execution = execution
        self.topic = topic
        self.keyWindow = keyWindow
        self.statement = statement
        self.whenDone = whenDone
    }

    func cancel() { state.update { $0.isCancelled = true } }

    func run() {
        var guesses = (key: FormatGuess(window: keyWindow), value: FormatGuess())
        var printed: Int64 = 0
        var seen: Int64 = 0
        let log = execution.engine.log
        let wanted = topic.id
        let subscription = log.subscribe { [state] news in if news.topic == wanted { state.update { $0.hasNews = true } } }
        defer { log.unsubscribe(subscription) }
        var positions = topic.partitions.map { statement.fromBeginning ? $0.bounds.start : $0.bounds.durableEnd }
        while !state.withLock({ $0.isCancelled }) {
            if let limit = statement.limit, printed >= limit { return finish(Int(printed)) }
            state.update { $0.hasNews = false }
            var hasPrinted = false
            for partition in positions.indices {
                let run: RecordRun
                do throws(LogError) {
                    run = try log.fetch(topic.id, partition: partition, from: positions[partition], maxBytes: 1 << 18, upTo: .durable)
                } catch {
                    return execution.fail(Diagnostic(error), whenDone)
                }
                var lines = Listing(texts: ["Text"])
                for index in 0..<run.count {
                    positions[partition] = run.offsets[index] + 1
                    seen += 1
                    if let interval = statement.interval, interval > 1, (seen - 1) % interval != 0 { continue }
                    if let limit = statement.limit, printed >= limit { break }
                    printed += 1
                    for line in text(run, index, partition, &guesses) { lines.add(texts: [line]) }
                }
                if run.count == 0 { positions[partition] = max(positions[partition], run.nextOffset) }
                if !lines.rows.isEmpty {
                    hasPrinted = true
                    awaitRoom()
                    execution.sink.emit(.rows(lines.rows))
                }
            }
            if !hasPrinted { state.wait(until: { $0.hasNews || $0.isCancelled }, then: { _ in }) }
        }
        execution.fail(Diagnostic(.cancelled, "printing was cancelled after \(printed) records", category: .general), whenDone)
    }

    /// Waits until the reader has caught up.
    private func awaitRoom() {
        state.withLock { $0.hasRoom = false }
        if execution.sink.hasRoom(orCall: { [state] in state.update { $0.hasRoom = true } }) { return }
        state.wait(until: { $0.hasRoom || $0.isCancelled }, then: { _ in })
    }

    private func finish(_ count: Int) {
        execution.request.onCancel(nil)
        execution.done(AnswerSummary(message: "Topic printing ceased", rows: count), whenDone)
    }

    private func text(_ run: RecordRun, _ index: Int, _ partition: Int, _ guesses: inout (key: FormatGuess, value: FormatGuess)) -> [String]
    {
        let key = run.bytes(of: run.keys[index])
        let value = run.bytes(of: run.values[index])
        var lines: [String] = []
        if guesses.key.narrow(by: key) { lines.append("Key format: \(guesses.key.description)") }
        if guesses.value.narrow(by: value) { lines.append("Value format: \(guesses.value.description)") }
        let time = run.timestamps[index]
        let stamp = time < 0 ? "N/A" : TemporalText.text(timestamp: time).printForm
        lines.append(
            "rowtime: \(stamp), key: \(guesses.key.text(of: key)), value: \(guesses.value.text(of: value)), partition: \(partition)")
        return lines
    }
}

extension String {
    /// `2024-01-31T09:15:00.000` as PRINT shows times: `2024/01/31 09:15:00.000 Z`.
    fileprivate var printForm: String { String(map { $0 == "-" ? "/" : $0 == "T" ? " " : $0 }) + " Z" }
}
