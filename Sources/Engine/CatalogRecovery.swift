// The start of the server: the catalog topic is read, what it says becomes the snapshot, and the reconciler makes it
// run. An entry that cannot be understood is reported and does not keep the others from running.

import Bytes
import Catalog
import Diagnostics
import LogStore
import Pipelines
import Plans
import Platform
import Quantities
import Settings

/// What the catalog topic holds.
private struct CatalogReading {
    /// The last record of each key that has not been removed.
    var records: [String: CatalogRecord] = [:]
    /// Why it could not be read whole; nil when it could.
    var obstacle: String?
}

/// The way from records to a snapshot.
struct CatalogRecovery {
    var snapshot: CatalogSnapshot
    var broken: [BrokenEntry] = []
    /// Objects that are to be written anew: those of an older version, and queries that begin again.
    var rewritten: [CatalogObject] = []
    /// Objects that mean nothing any more: the pause of a query that does not exist.
    var removed: [CatalogKey] = []
    /// Records that become durable with these.
    var appends: [Append] = []
    /// Remarks on queries, by id: why their state is built anew.
    var remarks: [String: String] = [:]
}

extension MillraceEngine {
    /// Brings back everything that the catalog topic says, and starts the queries.
    func recover() {
        let reading = readCatalog()
        var recovery = CatalogRecovery(snapshot: catalog)
        var statements: [StatementRecord] = []
        var planless: [(definition: QueryDefinition, reason: String)] = []
        var sequence: Int64 = 0
        for (key, record) in reading.records.sorted(by: { $0.key < $1.key }) {
            switch record {
            case .object(let object, let number):
                sequence = max(sequence, number + 1)
                recovery.snapshot.set(mended(object))
            case .queryWithoutPlan(var definition, let number, let reason):
                sequence = max(sequence, number + 1)
                definition.properties = mended(definition.properties, of: key)
                planless.append((definition, reason))
            case .statement(var statement):
                sequence = max(sequence, statement.sequence + 1)
                statement.properties = mended(statement.properties, of: key)
                statements.append(statement)
            case .unreadable(let reason):
                recovery.broken.append(BrokenEntry(key: key, queryID: queryID(inKey: key), statement: "", reason: reason))
            }
        }
        replay(statements, in: &recovery)
        for (definition, reason) in planless { replan(definition, reason, in: &recovery) }
        countNumbers(&recovery)
        let next = sequence
        state.update { state in
            state.nextSequence = next
            state.catalogObstacle = reading.obstacle
        }
        dropStalePauses(&recovery)
        checkStates(&recovery)
        publish(recovery)
    }

    private func mended(_ object: CatalogObject) -> CatalogObject {
        guard case .query(var query) = object else { return object }
        query.properties = mended(query.properties, of: object.key.text)
        return .query(query)
    }

    /// The settings that an object was made under. Values that would not be taken today become ones that are; the server's log
    /// says which.
    private func mended(_ properties: [String: String], of key: String) -> [String: String] {
        let (mended, notes) = SettingValues.mending(properties)
        for note in notes { configuration.logLine(.warning, logText("setting_mended", ["key": key, "detail": note])) }
        return mended
    }

    private func queryID(inKey key: String) -> String? {
        if case .query(let id)? = CatalogKey(key) { id } else { nil }
    }

    /// Reads the catalog topic over whatever of it is damaged: what stands behind that counts as well.
    private func readCatalog() -> CatalogReading {
        var reading = CatalogReading()
        guard let topic = log.describeTopic(named: SystemTopics.catalog) else { return reading }
        let partition = PartitionKey(topic: topic.id, partition: .first)
        var next = topic.partitions[0].bounds.start
        while true {
            do throws(LogError) {
                try readAll(of: log, partition, from: next) { run in
                    for index in 0..<run.count {
                        guard let key = run.bytes(of: run.keys[index]).map({ String(decoding: $0, as: UTF8.self) }) else { continue }
                        reading.records[key] = run.bytes(of: run.values[index]).map { CatalogRecord(key: key, value: $0) }
                    }
                    next = run.nextOffset
                }
                return reading
            } catch {
                if reading.obstacle == nil {
                    reading.obstacle = "part of the catalog could not be read, so that it may say more, or less, than is listed: "
                        + error.message
                }
                guard error.kind == .damaged else { return reading }
                next = next + 1
            }
        }
    }

    /// A pause must not outlive its query: a later one of that id would not run after a restart.
    private func dropStalePauses(_ recovery: inout CatalogRecovery) {
        let known = Set(recovery.snapshot.queries.keys).union(recovery.broken.compactMap(\.queryID))
        for id in recovery.snapshot.paused.subtracting(known).sorted() {
            recovery.snapshot.remove(.pause(id))
            recovery.rewritten.removeAll { $0.key == .pause(id) }
            recovery.removed.append(.pause(id))
        }
        for id in recovery.snapshot.memoryPauses.subtracting(known).sorted() {
            recovery.snapshot.remove(.memoryPause(id))
            recovery.removed.append(.memoryPause(id))
        }
    }

    /// The next number of a query id lies behind all that were given, whether their queries still exist or not.
    private func countNumbers(_ recovery: inout CatalogRecovery) {
        let ids = Array(recovery.snapshot.queries.keys) + recovery.broken.compactMap(\.queryID)
        let behind = ids.compactMap(QueryIDs.number).max().map { $0 + 1 } ?? 0
        if behind > recovery.snapshot.nextQueryNumber { recovery.snapshot.set(.numbers(next: behind)) }
    }

    /// Makes the snapshot known, writes what is to be written anew, and starts what should run.
    private func publish(_ recovery: CatalogRecovery) {
        var recovery = recovery
        for broken in recovery.broken {
            configuration.logLine(.error, logText("catalog_entry_broken", ["key": broken.key, "reason": broken.reason]))
        }
        for (id, remark) in recovery.remarks.sorted(by: { $0.key < $1.key }) {
            configuration.logLine(.warning, logText("query_state_rebuilt", ["query": id, "reason": remark]))
        }
        rewrite(&recovery)
        recovery.holdWritersOfProtectedTopics()
        let (snapshot, broken, remarks) = (recovery.snapshot, recovery.broken, recovery.remarks)
        state.update { state in
            state.catalog = snapshot
            state.broken = broken
            state.remarks = remarks
        }
        let held = heldQueries(of: snapshot)
        state.update { $0.held = held }
        if let obstacle = state.withLock({ $0.catalogObstacle }) {
            // What it lacks may be that a topic is needed, or the end of a query.
            configuration.logLine(
                .error,
                logText(
                    "catalog_damaged",
                    ["reason": obstacle, "effect": "no query is started, nothing can be changed, and no topic is deleted",
                        "hint": catalogRepairHint]))
            _ = reconcile(Set(snapshot.queries.keys))
            return
        }
        collectLeftovers()
        takeBackPositionsOfForgottenQueries()
        for notice in deleteRemovedTopics() { configuration.logLine(.warning, logText("topic_left_over", ["detail": notice])) }
        let last = holdWhatDidNotFit(in: snapshot)
        _ = reconcile(Set(snapshot.queries.keys))
        startLast(last)
    }

    /// Writes records of this version for what was of an older one. When the log takes none now, the next start does it
    /// again.
    private func rewrite(_ recovery: inout CatalogRecovery) {
        guard !recovery.rewritten.isEmpty || !recovery.removed.isEmpty, state.withLock({ $0.catalogObstacle == nil }) else { return }
        let first = state.withLock { $0.nextSequence }
        let numbered = recovery.rewritten.enumerated().map { index, object -> CatalogObject in
            guard case .query(var query) = object else { return object }
            query.version = first + Int64(index)
            return .query(query)
        }
        do throws(Diagnostic) {
            try write(CatalogChange(set: numbered, remove: recovery.removed), from: first, with: recovery.appends, nil)
            state.withLock { $0.nextSequence = first + Int64(numbered.count) }
            for object in numbered { recovery.snapshot.set(object) }
        } catch {
            configuration.logLine(.warning, logText("catalog_not_rewritten", ["reason": error.message]))
            for id in recovery.remarks.keys {
                guard var query = recovery.snapshot.queries[id] else { continue }
                query.problem = "its state has to be built anew, but the log takes no records now: \(error.message)"
                recovery.snapshot.set(.query(query))
            }
        }
    }

    /// The queries that are not started with the server, with the reasons.
    private func heldQueries(of snapshot: CatalogSnapshot) -> [String: String] {
        // What could not be read may be brought back by another start.
        let (unread, isWhole) = state.withLock { (Set($0.broken.compactMap(\.queryID)), $0.catalogObstacle == nil) }
        if isWhole { forgetCrashes(except: unread.union(snapshot.queries.keys)) }
        if let obstacle = state.withLock({ $0.catalogObstacle }) { return snapshot.queries.mapValues { _ in obstacle } }
        let crashed = (configuration.crashes?.queriesToPause ?? [:]).filter { snapshot.queries[$0.key] != nil }
        for (id, reason) in crashed.sorted(by: { $0.key < $1.key }) {
            configuration.logLine(.error, logText("query_left_paused", ["query": id, "reason": reason]))
        }
        return crashed
    }

    /// What is known of crashes of queries that do not exist any more counts for nothing.
    private func forgetCrashes(except ids: Set<String>) {
        do throws(SystemError) { try configuration.crashes?.keep(only: ids) } catch {
            configuration.logLine(.warning, logText("crash_record_not_written", ["reason": "\(error)"]))
        }
    }
}
