// One question to a view: it takes groups out of the state, a few at a time, and has the steps above the aggregation make records of them.

import Bytes
package import Plans
import Quantities
import Spill
import Values

/// Reads a view for one question.
struct TableReader {
    private static let mostRows = 1024

    private let view: TableView
    private let commit: Int
    /// What is on disk of the state, and how its keys are written; nil where nothing is.
    private let disk: (reading: any DiskTableReading, keys: DiskKeys)?
    private let mostBytes: Int
    private let context: DataflowContext
    private let sink: SinkOperator
    /// The step that takes the aggregation's rows.
    private let entry: Operator
    private let batch = Batch()
    private let order: ResultOrder
    /// Rows of the next copy: fewer where rows are large.
    private var chunkRows = 64
    private var isWhole = true

    init(_ view: TableView, _ reading: StateReading, _ cancel: CancelFlag, mostBytes: Int) throws(DataflowError) {
        self.view = view
        commit = reading.commit
        if let table = reading.disk, let keys = reading.diskKeys { disk = (table, keys) } else { disk = nil }
        self.mostBytes = mostBytes
        context = DataflowContext(options: DataflowOptions(), environment: view.environment)
        context.cancel = cancel
        sink = try SinkOperator(view.sink, view.root.output, makesKeys: view.root.makesKeys, context)
        entry = try Self.build(view.root, into: sink, context)
        order = try ResultOrder(view.sink.asSource(view.root.output))
        batch.columns = view.step.output.columns.map { Column($0.type) }
    }

    /// The operators of `step` and those below it down to the aggregation; gives the lowest.
    private static func build(_ step: Step, into next: Operator, _ context: DataflowContext) throws(DataflowError) -> Operator {
        switch step {
        case .filter(let filter): try build(filter.input, into: try FilterOperator(filter, context, next: next), context)
        case .project(let project): try build(project.input, into: try ProjectOperator(project, context, next: next), context)
        case .source, .exchange, .rekey, .explode, .aggregate, .join, .keyed: next
        }
    }

    /// Takes the groups of a window that lie in one of the ranges; false when there is no room for more rows.
    mutating func read(_ window: WindowPart, _ ranges: [KeyRange]) throws(DataflowError) -> Bool {
        let groupCount = window.groups.map { view.groupCount(of: $0, at: commit) } ?? 0
        if ranges.count < groupCount || window.isOnDisk, let keys = lookups(ranges) {
            // Groups that are new since the commit are none of its rows, unless the disk has them.
            let found = window.groups.map { view.find(keys, count: ranges.count, in: $0, below: groupCount) }
            if let groups = window.groups, let found {
                for group in Set(found.compactMap { $0 }).sorted() {
                    guard try take(group..<group + 1, of: groups, within: []) else { return false }
                }
            }
            let missing = ranges.indices.filter { found?[$0] == nil }
            return window.isOnDisk ? try lookUp(keys, missing, in: window.start) : true
        }
        let intervals = ranges.contains(where: \.hasAllKeys) ? [] : ranges.map { order.interval($0) }
        if let groups = window.groups {
            var next = 0
            while next < groupCount {
                let last = min(groupCount, next + chunkRows)
                guard try take(next..<last, of: groups, within: intervals) else { return false }
                next = last
            }
        }
        return window.isOnDisk ? try scan(window, groupCount, within: intervals) : true
    }

    // MARK: On disk

    /// Takes the groups on disk that have the keys at these places.
    private mutating func lookUp(_ keys: [Column], _ places: [Int], in start: Int64) throws(DataflowError) -> Bool {
        guard let disk else { return true }
        var entries = EntryList()
        var known: Set<[UInt8]> = []
        for place in places {
            let first = entries.bytes.count
            disk.keys.put(start, keys, place, to: &entries.bytes)
            // A key that is asked for twice is one row.
            if known.insert(Array(entries.bytes[first...])).inserted { entries.append(keyFrom: first) }
        }
        var next = 0
        while next < entries.count {
            let begin = next
            do throws(DiskTableError) { next = try disk.reading.find(&entries, from: begin) } catch { throw DataflowError(spilling: error) }
            var found = EntryList()
            for place in begin..<next {
                guard let value = entries.value(place) else { continue }
                let first = found.bytes.count
                found.bytes += entries.key(place)
                let middle = found.bytes.count
                found.bytes += value
                found.append(keyFrom: first, valueFrom: middle)
            }
            guard try take(&found, start, within: []) else { return false }
        }
        return true
    }

    /// Takes the groups of a window that are on disk, without those that are in memory, too, among the first `groupCount` there.
    private mutating func scan(_ window: WindowPart, _ groupCount: Int, within intervals: [KeyInterval]) throws(DataflowError) -> Bool {
        guard let disk else { return true }
        let prefix = disk.keys.prefix(window.start)
        var last: [UInt8]?
        var hasMore = true
        while hasMore {
            var entries = EntryList()
            do throws(DiskTableError) {
                hasMore = try disk.reading.append(to: &entries, prefix: prefix, after: last, atMost: chunkRows)
            } catch {
                throw DataflowError(spilling: error)
            }
            guard entries.count > 0 else { return true }
            last = Array(entries.key(entries.count - 1))
            let view = view
            let isInMemory = { (keys: [Column], count: Int) in
                window.groups.map { view.find(keys, count: count, in: $0, below: groupCount) }
            }
            guard try take(&entries, window.start, inMemory: isInMemory, within: intervals) else { return false }
        }
        return true
    }

    /// Makes records of these entries, without those of which `inMemory` gives a group.
    private mutating func take(
        _ entries: inout EntryList, _ start: Int64, inMemory: (_ keys: [Column], _ count: Int) -> [Int?]? = { _, _ in nil },
        within intervals: [KeyInterval]
    ) throws(DataflowError) -> Bool {
        guard let disk, entries.count > 0 else { return true }
        let keys = disk.keys.makeColumns()
        for place in 0..<entries.count where !disk.keys.read(entries, place, into: keys) { throw .damagedOnDisk }
        let hidden = inMemory(keys, entries.count)
        let rows = (0..<entries.count).filter { hidden?[$0] == nil }
        guard !rows.isEmpty else { return true }
        try view.show(entries, rows, keys, in: batch)
        return try hand(start, within: intervals)
    }

    // MARK: Both

    /// The keys of ranges that have one each, as grouping columns; nil where a range has several, or a key that has no single form.
    private func lookups(_ ranges: [KeyRange]) -> [Column]? {
        let count = view.keyPlaces.count
        guard !view.step.emptyIsNull, Set(view.keyPlaces).count == view.step.grouping.count,
            ranges.allSatisfy({ $0.prefix.count == count && !$0.prefix.contains(.null) })
        else { return nil }
        return view.step.grouping.indices.map { place in
            let index = view.keyPlaces.firstIndex(of: place) ?? 0
            return Column(view.step.grouping[place].type, ranges.map { $0.prefix[index] })
        }
    }

    /// Makes records of these groups, of those within the intervals of key order if there are any.
    private mutating func take(
        _ groups: Range<Int>, of window: WindowGroups, within intervals: [KeyInterval]
    ) throws(DataflowError) -> Bool {
        view.copy(groups, of: window, at: commit, into: batch)
        return try hand(window.start, within: intervals)
    }

    /// Makes records of the rows of `batch`, of those within the intervals of key order if there are any.
    private mutating func hand(_ start: Int64, within intervals: [KeyInterval]) throws(DataflowError) -> Bool {
        if context.cancel.isSet { throw DataflowError("the work was cancelled", isCancelled: true) }
        let weight = batch.textMemory / max(1, batch.rowCount)
        chunkRows = max(1, min(TableReader.mostRows, chunkRows * 4, OutputLimits.chunkBytes / max(1, weight)))
        batch.selection = .all(batch.rowCount)
        if view.step.window != nil {
            batch.windowStarts = Array(repeating: start, count: batch.rowCount)
            batch.windowEnds = Array(repeating: view.windowTimes.end(of: start), count: batch.rowCount)
        }
        if !intervals.isEmpty {
            let keys = view.keyPlaces.map { batch.columns[$0] }
            batch.selection = batch.selection.filtered { row in
                let key = ResultOrder.orderKey(keys, row)
                return intervals.contains { $0.contains(key) }
            }
        }
        if !batch.selection.isEmpty { try entry.push(batch) }
        if context.environment.pressure?.isOverfull == true {
            throw DataflowError("the values of one batch are larger than \(ValueLimit.batchBytes >> 20) MiB", isOutputTooLarge: true)
        }
        isWhole = sink.records.bytes.count <= mostBytes
        return isWhole
    }

    /// All records in the order of their keys and windows.
    func finish() throws(DataflowError) -> TableContent {
        let records = sink.records.take()
        let run = order.sorted(records, windowSuffix: view.sink.windowSuffix)
        var content = TableContent(run: run, isWhole: isWhole)
        content.errors = context.errors.counts
        content.firstError = context.errors.take().first
        return content
    }
}

extension SinkDescription {
    /// The table's topic as a source reads it, whose rows are `output`.
    package func asSource(_ output: RowSchema) -> SourceStep {
        SourceStep(
            sourceName: sourceName, topic: topic, kind: .table, keyFormat: keyFormat, valueFormat: valueFormat,
            schema: SourceSchema(key: Array(output.key), value: Array(output.value)), timestamp: nil, window: window,
            needed: Array(repeating: true, count: output.columns.count), store: nil)
    }
}
