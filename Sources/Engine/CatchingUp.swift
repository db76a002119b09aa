// How far queries must have come before a statement goes on: each behind what it reads from.

import Catalog
import LogStore
import Pipelines
import Planner
import Plans
import Platform
import Quantities

extension MillraceEngine {
    /// What has to be caught up for the sources to be up to date, each behind what it reads from. Upstream of the stream of errors are all
    /// queries.
    func stages(upstreamOf sources: [String]) -> [CatchUpStage] {
        let (catalog, queries) = state.withLock { ($0.catalog, Array($0.queries.values)) }
        let launcher = QueryLauncher(engine: self)
        var path: [CatchUpStage] = []
        var seen: Set<String> = []
        func climb(_ name: String) {
            let isErrors = catalog.sources[name]?.topic == errorsTopic
            let makers = queries.filter { isErrors || $0.makes(name) || ($0.writes == nil && $0.reads.contains(name)) }
            for query in makers.sorted(by: { $0.id < $1.id }) {
                guard seen.insert(query.id).inserted else { continue }
                for upstream in query.reads where upstream != name { climb(upstream) }
                path += launcher.pipelines(of: query.plan).map { CatchUpStage(status: query.run.status, topics: $0.topics) }
            }
        }
        for source in sources { climb(source) }
        return path
    }

    /// Whether a stage has durably processed what its inputs hold now, as a question that can be asked again and again. A query that does not
    /// run is not waited for. Up to `.appended`, what is not durable yet belongs to it.
    func hasCaughtUp(_ stage: CatchUpStage, upTo moment: LogMoment = .durable) -> @Sendable () -> Bool {
        var targets: [PartitionKey: Offset] = [:]
        for name in stage.topics {
            guard let topic = log.describeTopic(named: name) else { continue }
            for (index, partition) in zip(topic.partitionIndexes, topic.partitions) {
                targets[PartitionKey(topic: topic.id, partition: index)] = moment == .durable ? partition.bounds.durableEnd : partition.bounds.appendedEnd
            }
        }
        return { [targets, status = stage.status] in
            status.content.withLock { content in
                content.state != .running || targets.allSatisfy { (content.durablePositions[$0.key] ?? .first) >= $0.value }
            }
        }
    }

    /// Waits on this thread until all running queries have processed everything; false when the time (nanoseconds) is up.
    package func drain(nanoseconds: Int64) -> Bool {
        let (deadline, isEndless) = clock.monotonicNanoseconds().addingReportingOverflow(max(0, nanoseconds))
        let outcome = Monitor<WaitOutcome?>(nil)
        let stages = stages(upstreamOf: catalog.sortedSources.map(\.name))
        drain(stages[...], waiting.ticket(), isEndless ? nil : deadline) { result in outcome.update { $0 = result } }
        return outcome.wait(until: { $0 != nil }) { $0 == .holds }
    }

    private func drain(
        _ stages: ArraySlice<CatchUpStage>, _ ticket: WaitingRoom.Ticket, _ deadline: Int64?,
        then: @escaping @Sendable (WaitOutcome) -> Void
    ) {
        guard let stage = stages.first else { return then(.holds) }
        waiting.when(ticket, hasCaughtUp(stage), news: [.query(stage.status.queryID)], deadline: deadline) { [self] outcome in
            guard outcome == .holds else { return then(outcome) }
            drain(stages.dropFirst(), ticket, deadline, then: then)
        }
    }
}

/// A pipeline of a running query, as something to wait for: what its topics hold has to be processed.
struct CatchUpStage: Sendable {
    let status: QueryStatus
    let topics: [String]
}
