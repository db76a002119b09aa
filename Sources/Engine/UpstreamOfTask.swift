// The queries whose results a task reads: what a join waits for before it goes on without rows of one of its sides. With that, a row that was
// written first is joined first, also where it comes through other queries.

import Catalog
import LogStore
import Pipelines
import Planner
import Plans
import Platform

/// Looks upstream for one task.
final class UpstreamOfTask: UpstreamWatch {
    /// The longest wait (nanoseconds): a query that is so far behind is not waited for.
    private static let longestWait: Int64 = 1_000_000_000
    /// How long nothing is waited for after a wait that came to that (nanoseconds).
    private static let rest: Int64 = 10_000_000_000

    private weak var engine: MillraceEngine?
    private let plan: QueryPlan
    private let topics: Set<String>
    /// That of the task's own query, which works between its own topics; nil for a query of a client.
    private let status: QueryStatus?
    /// Which state of the catalog `stages` were taken from.
    private var version: Int64?
    /// By topic, what has to be caught up, each behind what it reads from; without topics that no query writes.
    private var stages: [String: [CatchUpStage]] = [:]

    /// A wait: the stages that are left, the question about the first of them, and when it began.
    private struct Wait {
        var left: ArraySlice<CatchUpStage>
        var holds: (@Sendable () -> Bool)?
        let began: Int64
    }

    private var wait: Wait?
    private var restsUntil = Int64.min

    /// `status`: of the query that the plan is of; nil for a client's.
    init(engine: MillraceEngine, plan: QueryPlan, topics: Set<String>, status: QueryStatus?) {
        self.engine = engine
        self.plan = plan
        self.topics = topics
        self.status = status
    }

    var hasWriters: Bool {
        guard let engine else { return false }
        let current = engine.state.withLock { $0.nextSequence }
        if current != version {
            version = current
            stages = [:]
            for topic in topics {
                let found = stages(behind: topic, engine)
                if !found.isEmpty { stages[topic] = found }
            }
        }
        return !stages.isEmpty
    }

    func progress(of topics: Set<String>, orCall resume: @escaping @Sendable () -> Void) -> UpstreamProgress {
        guard let engine else { return .none }
        let now = engine.clock.monotonicNanoseconds()
        guard now >= restsUntil else { return .none }
        if wait == nil {
            let behind = topics.sorted().flatMap { stages[$0] ?? [] }
            if behind.isEmpty { return .none }
            wait = Wait(left: behind[...], began: now)
        }
        while let stage = wait?.left.first {
            let holds = wait?.holds ?? engine.hasCaughtUp(stage, upTo: .appended)
            wait?.holds = holds
            guard holds() else { return isOver(at: now) ? .caughtUp : call(resume, when: holds, stage, engine) }
            wait?.holds = nil
            wait?.left.removeFirst()
        }
        wait = nil
        return .caughtUp
    }

    /// Whether the wait has been too long, which ends it.
    private func isOver(at now: Int64) -> Bool {
        guard let wait, now - wait.began >= Self.longestWait else { return false }
        self.wait = nil
        restsUntil = now + Self.rest
        return true
    }

    private func call(
        _ resume: @escaping @Sendable () -> Void, when holds: @escaping @Sendable () -> Bool, _ stage: CatchUpStage, _ engine: MillraceEngine
    ) -> UpstreamProgress {
        let deadline = (wait?.began ?? 0) + Self.longestWait
        engine.waiting.when(engine.waiting.ticket(), holds, news: [.query(stage.status.queryID)], deadline: deadline) { _ in resume() }
        return .behind
    }

    /// What writes a topic, of this query's own pipelines or of others. Joins that this query's results come to in turn are left out: they would
    /// wait for the task that waits for them.
    private func stages(behind topic: String, _ engine: MillraceEngine) -> [CatchUpStage] {
        if topic == errorsTopic { return [] }
        if let status, plan.internalTopics.contains(topic) {
            return QueryLauncher(engine: engine).pipelines(of: plan).filter { $0.destination.writes(topic) }.flatMap { pipeline in
                pipeline.topics.flatMap { stages(behind: $0, engine) } + [CatchUpStage(status: status, topics: pipeline.topics)]
            }
        }
        let catalog = engine.catalog
        let names = catalog.sources.filter { $0.topic == topic }.map(\.name)
        let own = status?.queryID
        let readers = own.map { catalog.queries(behind: $0) } ?? []
        return engine.stages(upstreamOf: names.sorted()).filter { stage in
            let id = stage.status.queryID
            return id != own && !(readers.contains(id) && catalog.queries[id].map { $0.reads.count > 1 } ?? false)
        }
    }
}

extension Destination {
    fileprivate func writes(_ topic: String) -> Bool { if case .exchange(let exchange) = self { exchange.name == topic } else { false } }
}

extension CatalogSnapshot {
    /// A query and all that read what it writes, whatever the way.
    fileprivate func queries(behind id: String) -> Set<String> {
        var found: Set<String> = [id]
        var next = queries[id].map { [$0] } ?? []
        while let query = next.popLast() {
            let topics = query.sinks.compactMap { sources[$0]?.topic }
            for source in sources.filter({ topics.contains($0.topic) }) {
                next += readers(of: source.name).filter { found.insert($0.id).inserted }
            }
        }
        return found
    }
}
