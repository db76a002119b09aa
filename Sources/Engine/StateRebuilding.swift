// What becomes of a query whose state this server would write in another layout than it has been written in, or of whose
// state a part is lost: it is never read as what it is not. It is built anew from the query's sources where they reach
// back to where the query began; else the query stays in error.

import Bytes
import Catalog
import Diagnostics
import LogStore
import Pipelines
import Platform
import Plans
import Quantities
import Settings
import Values

/// A query that begins again with empty state.
struct RebuiltQuery {
    var definition: QueryDefinition
    /// The positions from which it reads its sources again, for the commit that makes it so.
    var positions: Append?
}

/// Why a query cannot begin again.
struct RebuildingError: Error {
    /// A sentence without its full stop.
    let reason: String
}

extension MillraceEngine {
    /// Compares the layouts of all states with those that this server writes, looks whether they can be had, and has the
    /// queries begin again of which that is not so.
    func checkStates(_ recovery: inout CatalogRecovery) {
        for query in recovery.snapshot.sortedQueries {
            let layouts = query.plan.stateLayouts
            layouts.keys.sorted().forEach(updateChangelog)
            let differing = layouts.filter { query.layouts[$0.key] != $0.value }.keys.sorted()
            if !differing.isEmpty {
                let reason = "the state of \(differing.joined(separator: ", ")) is of a layout that this server does not write"
                restart(query, reason, in: &recovery)
            } else if let lost = layouts.keys.sorted().first(where: isLost) {
                restart(query, "the changelog of \(lost) has lost its beginning, and no snapshot holds that", in: &recovery)
            }
        }
    }

    /// Has the changelog of a store, which an earlier server has made, kept like those that are made now.
    private func updateChangelog(of store: String) {
        guard let topic = log.describeTopic(named: InternalNames.changelog(of: store)), topic.config == .compacted,
            changelogConfig != topic.config
        else { return }
        do throws(LogError) { try log.alterTopic(topic.id, config: changelogConfig) } catch {
            configuration.logLine(.warning, logText("changelog_unchanged", ["topic": topic.name, "reason": error.message]))
        }
    }

    /// Whether no snapshot of a store holds what its changelog has lost.
    private func isLost(_ store: String) -> Bool {
        guard let topic = log.describeTopic(named: InternalNames.changelog(of: store)) else { return false }
        return zip(topic.partitionIndexes, topic.partitions).contains { index, partition in
            guard partition.bounds.start > .first else { return false }
            let key = PartitionKey(topic: topic.id, partition: index)
            // Those that cannot be read are reported when they are restored.
            return configuration.snapshots?.candidates(store, key, partition.bounds, warn: { _ in }).isEmpty ?? true
        }
    }

    /// Has a query begin again, or notes why it cannot.
    private func restart(_ query: QueryDefinition, _ reason: String, in recovery: inout CatalogRecovery) {
        var query = query
        do throws(RebuildingError) {
            if let obstacle = state.withLock({ $0.catalogObstacle }) { throw RebuildingError(reason: obstacle) }
            let rebuilt = try rebuilt(query, in: recovery.snapshot)
            do throws(Diagnostic) { _ = try makeInternalTopics(for: rebuilt.definition.plan, keeping: query.plan.internalTopics) } catch {
                throw RebuildingError(reason: error.message)
            }
            query = rebuilt.definition
            recovery.rewritten.append(.query(query))
            if let positions = rebuilt.positions { recovery.appends.append(positions) }
            recovery.remarks[query.id] = reason + "; it is built anew from the sources"
        } catch {
            query.problem = "\(reason), and it cannot be built anew: \(error.reason). DROP what the query makes and create it again, "
                + "or start the version of the server that wrote the state"
        }
        recovery.snapshot.set(.query(query))
    }

    /// The query over new internal topics, and the positions from which it reads. A table is made again whole, its rows
    /// taking the place of those that are there; a stream goes on where it stood, and only the tables that it looks
    /// things up in are read again.
    ///
    /// Errors: records of a source are gone, it is not known where the query began, or its output would be written
    /// twice.
    func rebuilt(_ query: QueryDefinition, in catalog: CatalogSnapshot) throws(RebuildingError) -> RebuiltQuery {
        let makesTable = query.plan.resultKind == .table
        if !makesTable && query.plan.root.holdsStreams {
            throw RebuildingError(reason: "it is a stream that joins streams, which would write its rows once more")
        }
        var offsets = OutgoingRecords()
        let now = configuration.time.wallMilliseconds()
        for source in query.plan.sources where makesTable || source.kind == .table {
            guard let topic = log.describeTopic(named: source.topic) else {
                throw RebuildingError(reason: "the topic \(source.topic) is gone")
            }
            for (index, partition) in zip(topic.partitionIndexes, topic.partitions) {
                let start = try beginning(of: query, source, partition: index, catalog.sources[source.sourceName]?.origin, topic)
                guard partition.bounds.start <= start else {
                    let gone = "the records of \(source.topic), partition \(index), before offset \(partition.bounds.start) are gone"
                    throw RebuildingError(reason: gone)
                }
                appendPosition(
                    start, of: PartitionKey(topic: topic.id, partition: index), named: source.topic, group: query.id, at: now, to: &offsets)
            }
        }
        var again = query
        let mark = "-again\(state.withLock { $0.nextSequence })"
        again.plan = query.plan.renamingInternals { name in
            let suffix = "-repartition"
            if !name.hasSuffix(suffix) { return name + mark }
            // What waits in the repartition topics of a stream is still to be processed; that of a table is made again.
            return makesTable ? "\(name.dropLast(suffix.count))\(mark)\(suffix)" : name
        }
        again.layouts = again.plan.stateLayouts
        let topic = log.describeTopic(named: consumerOffsetsTopic)
        return RebuiltQuery(
            definition: again, positions: offsets.isEmpty ? nil : topic.map { Append(topic: $0.id, partition: .first, records: offsets) })
    }

    /// Where a query began to read a partition of a source.
    private func beginning(
        of query: QueryDefinition, _ source: SourceStep, partition: PartitionIndex, _ origin: SourceOrigin?, _ topic: TopicDescription
    ) throws(RebuildingError) -> Offset {
        if let known = query.starts.first(where: { $0.topic == source.topic && $0.partition == partition }) { return known.offset }
        if source.kind == .stream && SettingValues(query.properties)[.offsetReset] == .latest {
            throw RebuildingError(reason: "it is not known where it began to read \(source.topic)")
        }
        return origin?.offset(in: partition, ofTopic: topic.id.description) ?? .first
    }
}

extension Step {
    /// Whether the state of this step or of one below holds rows of streams.
    fileprivate var holdsStreams: Bool {
        if case .join(let join) = self, case .streamStream = join.kind { return true }
        if case .aggregate = self { return true }
        if case .keyed = self { return true }
        return inputs.contains(where: \.holdsStreams)
    }
}
