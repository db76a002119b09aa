// The internal topics of queries. They are made before the commit that needs them, and deleted after the commit that
// does not need them any more; what is left over in between, by a crash or a disk that refuses, belongs to no query and
// is collected.

import Catalog
import Diagnostics
import LogStore
import Pipelines
import Planner
import Plans
import Platform

extension CatalogSnapshot {
    /// The internal topics that should exist: those that some query may need.
    var neededInternalTopics: Set<String> { queries.values.reduce(into: []) { $0.formUnion($1.plan.internalTopics) } }
}

extension MillraceEngine {
    // MARK: Making

    /// Makes the internal topics of a plan, except those of `kept`, which it takes over from the query that it
    /// replaces. A topic of such a name that no query needs is made anew: what is in it belongs to no query. Gives the
    /// names of those that were made.
    ///
    /// Errors: a name is taken by a source or by another query, or the log refuses. Then none of the new ones stays.
    func makeInternalTopics(for plan: QueryPlan, keeping kept: Set<String> = []) throws(Diagnostic) -> Set<String> {
        var new: [NewTopic] = []
        for pipeline in QueryLauncher(engine: self).pipelines(of: plan) {
            if case .exchange(let topic) = pipeline.destination, !kept.contains(topic.name) {
                var config = TopicConfig()
                config.retention = nil
                new.append(try makeWay(for: topic.name, partitions: pipeline.exchangePartitions ?? pipeline.tasks, config))
            }
            for name in pipeline.root.stores.map(InternalNames.changelog) where !kept.contains(name) {
                new.append(try makeWay(for: name, partitions: pipeline.tasks, changelogConfig))
            }
        }
        if new.isEmpty { return [] }
        do throws(LogError) { _ = try log.createTopics(new) } catch { throw Diagnostic(error) }
        return Set(new.map(\.name))
    }

    /// How changelogs are kept: what snapshots hold is released.
    var changelogConfig: TopicConfig { configuration.snapshots == nil ? .compacted : .released }

    /// Deletes a topic of that name that no query needs, and says what is to be made.
    private func makeWay(for name: String, partitions: Int, _ config: TopicConfig) throws(Diagnostic) -> NewTopic {
        let catalog = catalog
        if let left = log.describeTopic(named: name) {
            let isTaken = catalog.neededInternalTopics.contains(name) || !catalog.sources.filter { $0.topic == name }.isEmpty
            if isTaken {
                throw Diagnostic(.duplicateSource, "the topic \(name), which the query needs, belongs to another", category: .general)
            }
            try delete(left)
        }
        return NewTopic(name: name, id: log.newTopicID(), partitions: partitions, config: config)
    }

    // MARK: Collecting

    /// Deletes those of some internal topics that no query needs, with the snapshots of their state. One that cannot be
    /// deleted is tried again later; the notices say which and why.
    func collect(_ names: Set<String>) -> [String] {
        guard !names.isEmpty else { return [] }
        let catalog = catalog
        let topicsOfSources = Set(catalog.sources.values.map(\.topic))
        var notices: [String] = []
        var remaining: Set<String> = []
        for name in names.subtracting(catalog.neededInternalTopics).subtracting(topicsOfSources).sorted() {
            guard let topic = log.describeTopic(named: name) else { continue }
            do throws(Diagnostic) { try delete(topic) } catch {
                remaining.insert(name)
                notices.append("the topic \(name) stays for now: \(error.message)")
            }
        }
        let left = remaining
        state.withLock { $0.abandonedTopics = $0.abandonedTopics.subtracting(names).union(left) }
        return notices
    }

    /// Deletes internal topics that were left over by an earlier life of the server. Not while entries of the catalog
    /// are unreadable: the state of their queries has to stay.
    func collectLeftovers() {
        let isKnown = state.withLock { $0.broken.isEmpty && $0.catalogObstacle == nil }
        guard isKnown else { return }
        let names = Set(log.describeTopics().map(\.name).filter(InternalNames.isInternal))
        for notice in collect(names) { configuration.logLine(.warning, logText("topic_left_over", ["detail": notice])) }
    }

    /// Deletes the topics that statements have removed, as far as they are still there. The notices tell what could not
    /// be deleted.
    func deleteRemovedTopics() -> [String] {
        var notices: [String] = []
        let (removed, done) = state.withLock { ($0.catalog.removedTopics, $0.deletedTopics) }
        for topic in removed.values.sorted(by: { $0.name < $1.name }) where !done.contains(topic.name) {
            do throws(Diagnostic) {
                // A removal of one that may not be deleted was committed before that was refused.
                if let found = log.describeTopic(named: topic.name), found.id.description == topic.topicID,
                    TopicOwner(ofTopic: topic.name) == nil {
                    try delete(found)
                }
                state.withLock { _ = $0.deletedTopics.insert(topic.name) }
            } catch {
                notices.append("the topic \(topic.name) could not be deleted yet and will be later: \(error.message)")
            }
        }
        return notices
    }

    private func delete(_ topic: TopicDescription) throws(Diagnostic) {
        do throws(LogError) { try log.deleteTopic(topic.id) } catch { throw Diagnostic(error) }
        if let store = InternalNames.store(ofChangelog: topic.name) {
            configuration.snapshots?.remove(store, partitions: topic.partitions.count)
        }
    }
}
