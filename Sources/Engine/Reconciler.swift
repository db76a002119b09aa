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
        for id in ids.sorted(by: { (place($0), $0) < (place($1), $1) }) {
            let wanted = catalog.queries[id]
            if let running = state.withLock({ $0.queries[id] }), running.version != wanted?.version {
                stopQuery(id)
                abandoned.formUnion(running.plan.internalTopics)
            }
            if let wanted { bring(wanted, isResumed: starting.contains(id)) } else { forget(id) }
        }
        return collect(abandoned)
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

    /// Has a query that the catalog has exist, and run unless something holds it.
    private func bring(_ wanted: QueryDefinition, isResumed: Bool) {
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
            let query = makeQuery(wanted)
            state.update { $0.queries[wanted.id] = query }
            guard pool != nil else { return }
            if isPaused { pause(query, hold) } else { query.run.start() }
            return
        }
        switch known.run.status.state {
        case .running: if isPaused { pause(known, hold) }
        case .created, .paused: if !isPaused { known.run.start() }
        case .failed: if isResumed { known.run.start() }
        case .terminated: break
        }
    }

    /// Stops the tasks of a query after they have committed what they have, and waits for that. The reason is that of a query
    /// which no statement has paused.
    private func pause(_ query: PersistentQuery, _ reason: String?) {
        let isPaused = Monitor(false)
        query.run.pause(reason: reason) { isPaused.update { $0 = true } }
        isPaused.wait(until: { $0 }, then: { _ in })
    }

    /// A query that is resumed, or another one of the same id, may crash as often again before it is left paused.
    private func forgetCrashes(of id: String) {
        do throws(SystemError) { try configuration.crashes?.clear(id) } catch {
            configuration.logLine(.warning, logText("crash_record_not_written", ["query": id, "reason": "\(error)"]))
        }
    }

    /// Stops a query and waits until its threads have let go of it.
    private func stopQuery(_ id: String) {
        guard let query = state.withLock({ $0.queries[id] }) else { return }
        let isGone = Monitor(false)
        query.run.terminate { isGone.update { $0 = true } }
        isGone.wait(until: { $0 }, then: { _ in })
    }
}
