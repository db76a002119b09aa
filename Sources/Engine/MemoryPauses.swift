// Queries whose state did not fit the server's memory, over a restart. The catalog remembers which they are, but not as a pause: a start tries
// them again, behind all others. Else one of those might find the memory taken, although it fitted before.

import Catalog
import Diagnostics
import LogStore
import Pipelines
import Platform

extension MillraceEngine {
    private static let waitsForOthers = "its state did not fit the memory before; it starts when the other queries have read back theirs"

    /// Has the catalog remember that the state of a query does not fit. Without that a later start of the server tries it as it tries all
    /// others, so a log that takes no records now is worth a line only.
    func noteExcess(of id: String) {
        catalogLane.run { [self] in
            // Resumed or dropped meanwhile, or known.
            let (catalog, run) = state.withLock { ($0.catalog, $0.queries[id]?.run) }
            guard catalog.queries[id] != nil, !catalog.memoryPauses.contains(id) else { return }
            guard run?.status.content.withLock({ $0.excess }) != nil else { return }
            do throws(Diagnostic) { _ = try apply(CatalogChange(set: [.memoryPause(id)])) } catch {
                configuration.logLine(.warning, logText("memory_pause_not_written", ["query": id, "reason": error.message]))
            }
        }
    }

    /// Holds the queries that did not fit, unless something else holds them; gives their ids.
    func holdWhatDidNotFit(in snapshot: CatalogSnapshot) -> [String] {
        if configuration.startsPaused { return [] }
        return state.update { state in
            let ids = snapshot.memoryPauses.filter { state.held[$0] == nil && !snapshot.paused.contains($0) }.sorted()
            for id in ids { state.held[id] = MillraceEngine.waitsForOthers }
            return ids
        }
    }

    /// Starts queries that are held for that reason, once all others have read back their state.
    func startLast(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        let others = state.withLock { $0.queries.values.filter { !ids.contains($0.id) } }.map(\.run.status)
        let left = Monitor(others.count)
        let start: @Sendable () -> Void = { [self] in
            catalogLane.run { [self] in
                let waiting = state.update { state in
                    let waiting = ids.filter { state.held[$0] == MillraceEngine.waitsForOthers }
                    for id in waiting { state.held[id] = nil }
                    return waiting
                }
                _ = reconcile(Set(waiting))
            }
        }
        if others.isEmpty { start() }
        for status in others {
            status.whenever({ !$0.isRestoring }) {
                let isLast = left.update { left in
                    left -= 1
                    return left == 0
                }
                if isLast { start() }
            }
        }
    }
}
