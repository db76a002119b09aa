// What becomes of the committed positions of queries that are no more, or that read other topics than before: they are taken back, so that
// nobody who lists consumer groups meets the dead. The records follow the commit that ends the query; those that a crash in between has
// kept from being written are written at the next start.

import Bytes
import Catalog
import LogStore
import Pipelines
import Plans
import Platform
import Quantities

extension MillraceEngine {
    /// Takes back what these queries, whose tasks have ended, have committed of topics that the queries of their ids do not read any more.
    /// Hands it to the log, and does not wait: what a later query of the same id commits comes behind it. The topics must be there still.
    func takeBackPositions(of ended: [PersistentQuery]) {
        let catalog = catalog
        var keys: [OffsetKey] = []
        for query in ended {
            let kept = catalog.queries[query.id]?.plan.topicsRead ?? []
            for name in query.plan.topicsRead.subtracting(kept).sorted() {
                guard let topic = log.describeTopic(named: name) else { continue }
                keys += topic.partitionIndexes.map { OffsetKey(group: query.id, topic: name, partition: $0) }
            }
        }
        takeBack(keys)
    }

    /// Takes back what was left by an earlier life of the server: positions of queries that the catalog does not have. Not while entries of
    /// the catalog are unreadable. Returns at once: a long topic is read beside what starts.
    func takeBackPositionsOfForgottenQueries() {
        let isKnown = state.withLock { $0.broken.isEmpty && $0.catalogObstacle == nil }
        guard isKnown else { return }
        _ = questions.run { [self] in
            let left: [String: [OffsetKey]]
            do throws(LogError) { left = try positions.ofQueries(except: Set(catalog.queries.keys)) } catch {
                return configuration.logLine(.warning, logText("positions_left_over", ["reason": error.message]))
            }
            guard !left.isEmpty else { return }
            // On the lane of changes, since a query of such an id may have been created meanwhile.
            _ = catalogLane.run { [self] in
                let known = catalog.queries
                takeBack(left.sorted { $0.key < $1.key }.flatMap { id, keys in known[id] == nil ? keys : [] })
            }
        }
    }

    /// Positions in one commit.
    private static let mostTakenBack = 10_000

    private func takeBack(_ keys: [OffsetKey]) {
        for first in stride(from: 0, to: keys.count, by: MillraceEngine.mostTakenBack) {
            takeBack(keys[first..<min(keys.count, first + MillraceEngine.mostTakenBack)])
        }
    }

    private func takeBack(_ keys: ArraySlice<OffsetKey>) {
        guard let topic = log.topicID(named: consumerOffsetsTopic) else { return }
        var records = OutgoingRecords()
        let now = configuration.time.wallMilliseconds()
        for key in keys { records.append(key: key.encoded, value: nil, timestamp: now) }
        log.commit(Commit([Append(topic: topic, partition: .first, records: records)])) { [configuration] result in
            // The next start tries again.
            guard case .failure(let error) = result, error.kind != .closed else { return }
            configuration.logLine(.warning, logText("positions_left_over", ["reason": error.message]))
        }
    }
}
