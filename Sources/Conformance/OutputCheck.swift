// Compares the records of the output topics with a case's expectations: per record window and key, value, headers, timestamp.

import Bytes
import Catalog
import Formats
import JSONText
import LogStore
import Pipelines
import Quantities
import Schemas
import Values

struct OutputCheck {
    /// What of the order of records is compared.
    enum Order {
        /// All records of the topic's one partition, in order.
        case whole
        /// The records of all partitions, whatever their order.
        case byKey
        /// As `byKey`, and there may be more.
        case contained
    }

    let test: TestCase
    let log: any EventLog
    let catalog: CatalogSnapshot
    let registry: any SchemaRegistry
    let order: Order

    func perform() throws(CaseFailure) {
        var order: [String] = []
        var byTopic: [String: [CaseRecord]] = [:]
        for record in test.outputs {
            if byTopic[record.topic] == nil { order.append(record.topic) }
            byTopic[record.topic, default: []].append(record)
        }
        for topic in order { try check(topic, byTopic[topic] ?? []) }
    }

    private func check(_ name: String, _ expected: [CaseRecord]) throws(CaseFailure) {
        guard let topic = log.describeTopic(named: name) else { throw CaseFailure("there is no topic \(name)") }
        var runs: [RecordRun] = []
        do throws(LogError) {
            for partition in order == .whole ? [.first] : topic.partitionIndexes {
                try readAll(of: log, PartitionKey(topic: topic.id, partition: partition)) { runs.append($0) }
            }
        } catch {
            throw CaseFailure(error.message)
        }
        let candidates = catalog.sortedSources.filter { $0.topic == name }
        let source = candidates.last { $0.queryID != nil } ?? candidates.first
        let count = runs.reduce(0) { $0 + $1.count }
        switch order {
        case .whole:
            var index = 0
            for run in runs {
                for record in 0..<run.count {
                    guard index < expected.count else { break }
                    try check(run, record, source, expected[index], path: "\(name)[\(index)]")
                    index += 1
                }
            }
        case .byKey, .contained: try match(runs, source, expected: expected, name: name)
        }
        if order == .contained { return }
        if count != expected.count {
            let extra = texts(runs, from: expected.count).joined(separator: "; ")
            throw CaseFailure("\(name): expected \(expected.count) records, got \(count)" + (extra.isEmpty ? "" : "; more: \(extra)"))
        }
    }

    /// Finds a record of its own for each expected one.
    private func match(
        _ runs: [RecordRun], _ source: SourceDefinition?, expected: [CaseRecord], name: String
    ) throws(CaseFailure) {
        var left = runs.flatMap { run in (0..<run.count).map { (run: run, record: $0) } }
        for (index, wanted) in expected.enumerated() {
            var difference = CaseFailure("\(name)[\(index)]: no record is left")
            let place = left.firstIndex { candidate in
                do throws(CaseFailure) {
                    try check(candidate.run, candidate.record, source, wanted, path: "\(name)[\(index)]")
                    return true
                } catch {
                    difference = error
                    return false
                }
            }
            guard let place else { throw difference }
            left.remove(at: place)
        }
    }

    private func texts(_ runs: [RecordRun], from first: Int) -> [String] {
        var index = 0
        var texts: [String] = []
        for run in runs {
            for record in 0..<run.count {
                if index >= first && texts.count < 3 {
                    func text(_ range: ByteRange) -> String { run.bytes(of: range).map { String(decoding: $0, as: UTF8.self) } ?? "null" }
                    texts.append("\(text(run.keys[record])) = \(text(run.values[record])) @\(run.timestamps[record])")
                }
                index += 1
            }
        }
        return texts
    }

    private func check(
        _ run: RecordRun, _ record: Int, _ source: SourceDefinition?, _ expected: CaseRecord, path: String
    ) throws(CaseFailure) {
        var key = run.bytes(of: run.keys[record])
        if let window = source?.window, let bytes = key {
            guard let found = OutputCoding.window(of: bytes, window) else { throw CaseFailure("\(path): the key has no window") }
            key = Array(bytes.prefix(found.keyLength))
            guard let wanted = expected.window else { throw CaseFailure("\(path): unexpected window \(found.0.start)–\(found.0.end)") }
            if wanted != found.0 {
                throw CaseFailure("\(path): expected the window \(wanted.start)–\(wanted.end), got \(found.0.start)–\(found.0.end)")
            }
        } else if expected.window != nil {
            throw CaseFailure("\(path): the key has no window")
        }
        let comparison = ValueComparison(isExact: test.properties["use.exact.numeric.comparison"] != "false")
        try compare(key, source?.keyFormat, source?.schema.key, expected: expected.key, path: path + ".key", comparison)
        try compare(
            run.bytes(of: run.values[record]), source?.valueFormat, source?.schema.value, expected: expected.value, path: path + ".value",
            comparison)
        try checkHeaders(run, record, expected: expected, path: path)
        if let timestamp = expected.timestamp, !(test.inputs.isEmpty && timestamp == 0), timestamp != run.timestamps[record] {
            throw CaseFailure("\(path).timestamp: expected \(timestamp), got \(run.timestamps[record])")
        }
    }

    private func compare(
        _ bytes: [UInt8]?, _ format: FormatSpec?, _ columns: [ColumnDefinition]?, expected: JSONValue, path: String,
        _ comparison: ValueComparison
    ) throws(CaseFailure) {
        var problem: String?
        let actual = bytes.flatMap {
            OutputCoding.value(
                of: $0, format: format ?? FormatSpec(.json), columns: columns ?? [], registry: registry, problem: &problem)
        }
        if let problem { throw CaseFailure("\(path): \(problem)") }
        if let difference = comparison.difference(expected: expected, actual: actual, path: path) { throw CaseFailure(difference) }
    }

    private func checkHeaders(_ run: RecordRun, _ record: Int, expected: CaseRecord, path: String) throws(CaseFailure) {
        let range = run.headers.isEmpty ? ByteRange.null : run.headers[record]
        let actual = range.isNull ? [] : headers(in: run.bytes, Int(range.start)..<Int(range.start) + Int(range.length)) ?? []
        let wanted = expected.headers.map { RecordHeader(name: Array($0.name.utf8), value: $0.value) }
        if actual != wanted { throw CaseFailure("\(path).headers: expected \(wanted.count) headers, got \(actual.count), or others") }
    }
}
