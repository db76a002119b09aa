// Makes what runs equal to what the catalog says: after each change, and at the start of the server. It compares, and
// so may be called any number of times; what fails here is shown as a query's state or tried again with the next call,
// since the catalog has been committed.

import Catalog
import Diagnostics
import LogStore
import Pipelines
import Plans
import Platform

extension MillraceEngine {
    /// Brings the queries with these ids to what the catalog says of them; those in `starting` are started if they have
    /// failed. Gives notices about topics that could not be deleted.
    func reconcile(_ ids: Set<String>, starting: Set<String> = []) -> [String] {
        var abandoned = state.withLock { $0.abandonedTopics }
        let catalog = catalog
        func place(_ id: String) -> Int64 { catalog.queries[id]?.order ?? -1 }
        let ordered = ids.sorted { (place($0), $0) < (place($1), $1) }
        let ending = state.withLock { state in
            ordered.compactMap { id in state.queries[id].flatMap { $0.version != catalog.queries[id]?.version ? $0 : nil } }
        }
        together(ending) { query, finally in query.run.terminate(finally: finally) }
        for query in ending { abandoned.formUnion(query.plan.internalTopics) }
        takeBackPositions(of: ending)
        var pausing: [(query: PersistentQuery, reason: String?)] = []
        for id in ordered {
            guard let wanted = catalog.queries[id] else {
                forget(id)
                continue
            }
            if let held = bring(wanted, isResumed: starting.contains(id)) { pausing.append(held) }
        }
        // Each stops after it has committed what it has; the reason is that of a query which no statement has paused.
        together(pausing) { held, finally in held.query.run.pause(reason: held.reason, finally: finally) }
        return collect(abandoned)
    }

    /// Begins something for each of the items, and waits until all of it is done: what takes long takes long once.
    private func together<Item>(_ items: [Item], _ begin: (Item, _ finally: @escaping @Sendable () -> Void) -> Void) {
        let left = Monitor(items.count)
        for item in items { begin(item) { left.update { $0 -= 1 } } }
        left.wait(until: { $0 == 0 }, then: { _ in })
    }

    /// Lets go of a query that the catalog does not have. What was known of it must not hold a later one of the same id.
    private func forget(_ id: String) {
        let gone = state.update { state in
            state.held[id] = nil
            state.remarks[id] = nil
            return state.queries.removeValue(forKey: id)
        }
        if gone != nil { forgetCrashes(of: id) }
    }

    /// Has a query that the catalog has exist, and run unless something holds it. Gives the query when it is to be paused, with the reason.
    private func bring(_ wanted: QueryDefinition, isResumed: Bool) -> (query: PersistentQuery, reason: String?)? {
        let (known, hold) = state.update { state -> (PersistentQuery?, String?) in
            let known = state.queries[wanted.id]
            if isResumed {
                state.held[wanted.id] = nil
            } else if known == nil && configuration.startsPaused {
                state.held[wanted.id] = "the server starts no query by itself"
            }
            return (known, state.held[wanted.id])
        }
        if isResumed { forgetCrashes(of: wanted.id) }
        let isPaused = catalog.paused.contains(wanted.id) || hold != nil
        guard let known, known.version == wanted.version else {
            if known != nil { forgetCrashes(of: wanted.id) }
            let query = makeQuery(wanted)
            state.update { $0.queries[wanted.id] = query }
            guard pool != nil else { return nil }
            if isPaused { return (query, hold) }
            query.run.start()
            return nil
        }
        switch known.run.status.state {
        case .running: if isPaused { return (known, hold) }
        case .created, .paused:
            // What the server has paused for its memory is started when a statement says so.
            let isOverLimit = known.run.status.content.withLock { $0.excess != nil }
            if !isPaused && (isResumed || !isOverLimit) { known.run.start() }
        case .failed: if isResumed { known.run.start() }
        case .terminated: break
        }
        return nil
    }

    /// A query that is resumed, or another one of the same id, may crash as often again before it is left paused.
    private func forgetCrashes(of id: String) {
        do throws(SystemError) { try configuration.crashes?.clear(id) } catch {
            configuration.logLine(.warning, logText("crash_record_not_written", ["query": id, "reason": "\(error)"]))
        }
    }
}
