// Which offsets a question reads, whether the past of a table is still there, and the account of what was read.

import Analysis
import Bytes
import Catalog
import Diagnostics
import LogStore
import Operators
import Planner
import Plans
import Quantities
import Sessions
import Values

/// The records of one partition that a scan looks at.
struct PartitionPart {
    let partition: PartitionIndex
    /// The first offset, and the one behind the last.
    let offsets: Range<Offset>
    /// All that the partition has.
    let available: Range<Offset>
    /// What is said about records that were asked for and are gone.
    var lost: String?
}

/// The part of a stream that a bounded query reads.
struct StreamPart {
    let source: String
    let topic: TopicDescription
    let parts: [PartitionPart]

    /// Where it begins in each partition; at the end where nothing is read.
    var starts: [PartitionKey: Offset] { places(otherwise: \.bounds.durableEnd) { $0.offsets.lowerBound } }
    /// Where it ends in each partition.
    var ends: [PartitionKey: Offset] { places(otherwise: \.bounds.durableEnd) { $0.offsets.upperBound } }

    private func places(
        otherwise end: (PartitionDescription) -> Offset, _ place: (PartitionPart) -> Offset
    ) -> [PartitionKey: Offset] {
        var places: [PartitionKey: Offset] = [:]
        for (partition, description) in zip(topic.partitionIndexes, topic.partitions) {
            places[PartitionKey(topic: topic.id, partition: partition)] = end(description)
        }
        for part in parts { places[PartitionKey(topic: topic.id, partition: part.partition)] = place(part) }
        return places
    }

    /// What is said of it, without the count.
    var reading: SourceReading {
        guard topic.partitions.count == 1, let part = parts.first else { return SourceReading(source: source, records: 0) }
        let offsets = part.offsets.lowerBound.count..<part.offsets.upperBound.count
        return SourceReading(source: source, partition: part.partition.index, offsets: offsets, records: 0)
    }
}

extension StatementExecution {
    /// The parts of a topic that a scan reads, as it is described by `topic`. Partitions of which nothing is read are left out.
    func parts(of scan: RelationalScan, _ source: SourceDefinition, _ topic: TopicDescription) throws(LogError) -> [PartitionPart] {
        try parts(where: scan.filter, isFromEnd: scan.isFromEnd, source, topic)
    }

    /// The parts that hold all rows of which `condition` is true.
    func parts(
        where condition: TypedExpression?, isFromEnd: Bool = false, _ source: SourceDefinition, _ topic: TopicDescription
    ) throws(LogError) -> [PartitionPart] {
        let launcher = QueryLauncher(engine: engine)
        let isStream = source.kind == .stream
        let environment = launcher.environment()
        let range = ReadingRange(of: condition, isFromEnd: isFromEnd) { expression in
            // What cannot be computed narrows nothing; the condition says so row by row.
            expression.isCertain ? try? ExpressionEvaluator([expression], environment: environment).evaluate().first : nil
        }
        var parts: [PartitionPart] = []
        for (partition, description) in zip(topic.partitionIndexes, topic.partitions) {
            let bounds = description.bounds
            let start = isStream ? bounds.start : launcher.beginning(of: source.name, topic, partition)
            let available = min(start, bounds.durableEnd)..<bounds.durableEnd
            guard isStream else {
                parts.append(PartitionPart(partition: partition, offsets: available, available: available))
                continue
            }
            guard range.contains(partition: partition.index) else { continue }
            var first = max(available.lowerBound, Offset(clamping: range.offsets.lowerBound))
            // Every record in front of the first one that is late enough is too early, whatever comes behind it. That is about the times that
            // the log knows, which are those of the rows where no column has them.
            if let earliest = range.earliest, source.timestamp == nil, first < bounds.durableEnd {
                let found = try engine.log.offset(of: topic.id, partition: partition, atOrAfter: earliest)
                first = max(first, found ?? bounds.durableEnd)
            }
            let last = range.offsets.upperBound
            let end = last == .max ? bounds.durableEnd : min(bounds.durableEnd, Offset(clamping: last).next)
            first = min(first, bounds.durableEnd)
            var part = PartitionPart(partition: partition, offsets: first..<max(first, end), available: available)
            if range.offsets.lowerBound > 0, range.offsets.lowerBound < bounds.start.count {
                part.lost =
                    "\(source.name): offsets \(range.offsets.lowerBound) to \(bounds.start.previous) of partition \(partition.index) are gone; it begins "
                    + "with \(bounds.start)"
            }
            parts.append(part)
        }
        return parts
    }

    /// For EXPLAIN: a line for each scan, with the offsets that it would read now.
    func readingLines(of step: RelationalStep, _ sources: [SourceDefinition]) -> [String] {
        step.scans.compactMap { scan in
            guard let source = sources.first(where: { $0.name == scan.source }) else { return nil }
            if source.kind == .table, scan.asOf == nil, source.queryID != nil { return "\(source.name): the rows that its query keeps" }
            guard let topic = engine.log.describeTopic(named: source.topic) else { return "\(source.name): its topic is missing" }
            guard let parts = try? parts(of: scan, source, topic) else { return "\(source.name): its topic cannot be read" }
            return readingLine(source, topic, parts)
        }
    }

    /// The same for the bounded query over one stream.
    func readingLine(of source: SourceDefinition, where condition: TypedExpression?) -> String {
        guard let topic = engine.log.describeTopic(named: source.topic), let parts = try? parts(where: condition, source, topic) else {
            return "\(source.name): its topic is missing or cannot be read"
        }
        return readingLine(source, topic, parts)
    }

    /// Both ends are read: one offset is no range.
    private func text(of offsets: Range<Offset>) -> String {
        let last = offsets.upperBound.previous
        return last == offsets.lowerBound ? "\(last)" : "\(offsets.lowerBound) to \(last)"
    }

    private func readingLine(_ source: SourceDefinition, _ topic: TopicDescription, _ parts: [PartitionPart]) -> String {
        let texts = parts.map { part -> String in
            let offsets = part.offsets
            let what = offsets.isEmpty ? "nothing" : (offsets.upperBound.previous == offsets.lowerBound ? "offset " : "offsets ") + text(of: offsets)
            let all = part.available.isEmpty ? "none" : text(of: part.available)
            return "partition \(part.partition.index): \(what) of \(all)"
        }
        let others = topic.partitions.count - parts.count
        let rest = others == 0 ? [] : ["nothing of \(others)\(parts.isEmpty ? "" : " other") partition\(others == 1 ? "" : "s")"]
        return "\(source.name): " + (texts + rest).joined(separator: "; ")
    }
}

/// Whether what is left of a table's topic still says how the table was at a time.
///
/// Compaction removes a record only where a later one in what it looked at has its key, and in the end tombstones as well. From the latest time
/// in what it looked at on, the table is the same as if nothing had been removed; before that nobody knows.
struct TablePast {
    private let time: Int64
    private let source: SourceDefinition
    private var expected: Offset = .first
    /// Up to where compaction has been at work in the partition under way.
    private var compactedEnd: Offset = .first
    /// Whether a record behind that has been met, which is not earlier than the last one that was removed, as far as times rise.
    private var isBehind = false
    private var latest = Int64.min
    private var hasGap = false
    /// Of the partitions before: from when on nothing is missing; nil while nothing is.
    private var known: Int64?

    init(_ time: Int64, of source: SourceDefinition) {
        self.time = time
        self.source = source
    }

    /// Begins with a partition.
    mutating func begin(_ part: PartitionPart, compactedEnd: Offset) {
        known = reach
        // A query's table begins where its origin says; every other one is the whole topic.
        expected = source.origin == nil ? .first : part.available.lowerBound
        self.compactedEnd = compactedEnd
        (isBehind, latest, hasGap) = (false, .min, false)
    }

    /// Takes the first `count` records of a run.
    mutating func take(_ run: RecordRun, _ count: Int) {
        for index in 0..<count {
            let offset = run.offset(at: index)
            let isGap = offset > expected
            if isGap { hasGap = true }
            if isGap || !isBehind { latest = max(latest, run.timestamps[index]) }
            if offset >= compactedEnd { isBehind = true }
            expected = offset.next
        }
    }

    private var reach: Int64? {
        guard hasGap else { return known }
        return max(known ?? latest, latest)
    }

    /// Why the table cannot be shown; nil when it can.
    var refusal: Diagnostic? {
        guard let reach, reach > time || source.timestamp != nil else { return nil }
        let asked = TemporalText.text(timestamp: time)
        if let column = source.timestamp?.column {
            return Diagnostic(
                .wrongState, "\(source.name) cannot be shown as of \(asked): records are gone from its topic, and their times were in \(column)")
        }
        return Diagnostic(
            .wrongState, "\(source.name) cannot be shown as of \(asked): records are gone from its topic since",
            hint: "It reaches back to TIMESTAMP '\(TemporalText.text(timestamp: reach))'.")
    }
}

/// Says how far the reading of a question has come, where that takes long.
package struct ReadingProgress: Sendable {
    private let total: Int64
    private var read: Int64 = 0
    private var nextLine: Int64
    /// Nanoseconds before the first line, and between two.
    private static let pause: Int64 = 5_000_000_000

    /// Of a question that began at `now` (nanoseconds) and has `total` offsets to read.
    package init(total: Int64, now: Int64) {
        self.total = total
        nextLine = now + ReadingProgress.pause
    }

    /// What to say once `count` more have been read; nil for nothing.
    package mutating func line(reading count: Int64, now: Int64) -> String? {
        read = read.addingSaturated(count)
        guard now >= nextLine else { return nil }
        nextLine = now + ReadingProgress.pause
        return "read \(read) of \(max(total, read)) records (\(read >= total ? 100 : read * 100 / max(total, 1)) %)"
    }
}

/// Adds up what a question reads.
struct ReadingTally {
    private struct Place: Hashable {
        let source: String
        let partition: Int?
    }

    private var order: [Place] = []
    private var found: [Place: SourceReading] = [:]
    /// Partitions that are told apart.
    private static let mostPlaces = 32

    mutating func begin(_ source: String, _ part: PartitionPart) {
        let place = Place(source: source, partition: part.partition.index)
        let offsets = part.offsets.lowerBound.count..<part.offsets.upperBound.count
        var reading = reading(at: place)
        // Of several scans all that one of them looked at, from the first to the last.
        reading.offsets = reading.offsets.map { min($0.lowerBound, offsets.lowerBound)..<max($0.upperBound, offsets.upperBound) } ?? offsets
        found[place] = reading
    }

    mutating func add(_ source: String, _ partition: PartitionIndex?, _ run: RecordRun, _ count: Int) {
        let place = Place(source: source, partition: partition?.index)
        var reading = reading(at: place)
        reading.records += count
        if let first = run.timestamps[..<count].min(), let last = run.timestamps[..<count].max() {
            reading.times = reading.times.map { min($0.lowerBound, first)...max($0.upperBound, last) } ?? first...last
        }
        found[place] = reading
    }

    private mutating func reading(at place: Place) -> SourceReading {
        if let known = found[place] { return known }
        order.append(place)
        return SourceReading(source: place.source, partition: place.partition, records: 0)
    }

    /// A reading a partition; of very many partitions one a source.
    var readings: [SourceReading] {
        let all = order.compactMap { found[$0] }
        guard all.count > ReadingTally.mostPlaces else { return all }
        var sums: [SourceReading] = []
        for reading in all {
            guard let place = sums.firstIndex(where: { $0.source == reading.source }) else {
                sums.append(SourceReading(source: reading.source, records: reading.records, times: reading.times))
                continue
            }
            sums[place].records += reading.records
            if let times = reading.times {
                let known = sums[place].times ?? times
                sums[place].times = min(known.lowerBound, times.lowerBound)...max(known.upperBound, times.upperBound)
            }
        }
        return sums
    }
}
