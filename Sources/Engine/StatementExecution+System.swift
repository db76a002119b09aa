// The system tables by their names, and how far the time of windowed queries has come.

import Analysis
import Catalog
import Diagnostics
import JSONText
import LogStore
import Pipelines
import Plans
import Platform
import Quantities
import Sessions
import Syntax
import Values

extension StatementExecution {
    /// SHOW SYSTEM TABLES.
    func systemTables() -> Listing {
        var listing = Listing(texts: ["System Table", "Rows"])
        for table in SystemTable.all { listing.add(texts: [table.writtenName, table.comment]) }
        listing.add(texts: [SystemTable.errors.lowercased(), "rows that could not be processed: the stream \(SystemTable.errorsStream)"])
        return listing
    }

    /// DESCRIBE of a system table. Errors: there is none of that name.
    func describe(system name: Name) throws(Diagnostic) -> AnswerSummary {
        if name.text == SystemTable.errors { return try describe(.source(Name(SystemTable.errorsStream), extended: false)) }
        guard let table = SystemTable.named(name.text) else { throw context.unknownSystemTable(name) }
        sink.emit(.notice("\(table.writtenName): \(table.comment)"))
        var listing = Listing(texts: ["Field", "Type", "Comment"])
        for column in table.columns { listing.add(texts: [column.name, column.type.description, column.comment]) }
        return answer(listing)
    }

    /// SHOW WATERMARKS: the time of each partition of queries with windows, and of each query first the partition that is furthest behind:
    /// a window stays open in it until rows come whose time is beyond the window's end and grace.
    func watermarks() -> Listing {
        var listing = Listing([
            ("Query ID", "STRING"), ("Topic", "STRING"), ("Partition", "INTEGER"), ("Watermark", "TIMESTAMP"), ("Behind (ms)", "BIGINT"),
            ("Lag", "BIGINT"), ("Holds Back", "STRING"),
        ])
        for query in engine.state.withLock({ Array($0.queries.values) }).sorted(by: { $0.id < $1.id }) {
            let content = query.run.status.content.withLock { $0 }
            guard query.plan.root.hasWindows else { continue }
            let parts = (try? engine.progress(of: query, content, internalTopics: true)) ?? []
            // Of a query that regroups, only what stands behind the exchange has windows.
            let topics = Set(parts.filter { $0.streamTime != nil }.map(\.topic.id))
            let timed = topics.isEmpty ? parts : parts.filter { topics.contains($0.topic.id) }
            let latest = timed.compactMap(\.streamTime).max()
            for part in timed.sorted(by: { ($0.streamTime ?? .min) < ($1.streamTime ?? .min) }) {
                let behind = latest.flatMap { latest in part.streamTime.map { latest.subtractingSaturated($0) } }
                let reason: String? =
                    switch (part.streamTime, behind) {
                    case (nil, _): part.lag > 0 ? "has not committed a row yet" : "no row has come since the start of the server"
                    case (_, let behind?) where behind > 0: part.lag > 0 ? "has records to read" : "waits for later rows"
                    default: nil
                    }
                listing.add([
                    .string(query.id), .string(part.topic.name), .integer(part.partition.index),
                    part.streamTime.map { .string(TemporalText.text(timestamp: $0)) } ?? .null, behind.map { .integer($0) } ?? .null, .integer(part.lag),
                    .optional(reason),
                ])
            }
        }
        return listing
    }
}

extension Step {
    /// Whether windows or a join of streams are somewhere in it, which have a time of their own.
    fileprivate var hasWindows: Bool {
        switch self {
        case .aggregate(let aggregate) where aggregate.window != nil: return true
        case .join(let join): if case .streamStream = join.kind { return true }
        default: break
        }
        return inputs.contains(where: \.hasWindows)
    }
}
