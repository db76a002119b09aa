// The engine: one log, one catalog, the queries that run, and the sessions that ask. The one door to it all.

package import Catalog
package import Diagnostics
import Formats
package import LogStore
package import Pipelines
import Platform
import Quantities
package import Schemas
import Settings
import Values

/// A running engine. Made over an open log, which it closes when it is closed itself.
package final class MillraceEngine: Sendable {
    let log: any EventLog
    let configuration: EngineConfiguration
    let state: Monitor<EngineState>
    /// Statements are read, analysed and answered here. Nothing that runs on it waits: what has to is a continuation in `waiting`.
    let statements: ThreadPool
    /// Questions to tables and PRINT go through rows here, so that a long scan holds up no short statement.
    let questions: ThreadPool
    /// INSERT VALUES and loads hand their records to the log here, which makes them wait while the disk is behind.
    let writes: ThreadPool
    /// Statements that change what exists, one after the other on its one thread; only they wait for each other's commits.
    let catalogLane: ThreadPool
    /// Statements that ask the registry of schemas, which may be outside and slow, and change nothing.
    let registryLane: ThreadPool
    /// Statements that wait for news.
    let waiting: WaitingRoom
    private let subscription = Monitor<NewsSubscription?>(nil)
    let pool: WorkerPool?
    /// What the state of all queries takes, and may take.
    let memory: MemoryBudget
    /// The schemas of the formats that have some.
    package let registry: any SchemaRegistry
    /// The schemas that records name, with those that are still waited for.
    let schemas: SchemaWaits
    /// How far queries have got, for those that start.
    let positions: CommittedPositions
    /// The statements under way, and the latest ones that have ended.
    let history = StatementHistory()
    /// As of the configuration, read once.
    let slowStatement: Milliseconds?
    /// The clients that front ends have told of, by their numbers.
    let connections = Monitor<[Int: ClientConnection]>([:])

    /// Opens the engine over `log`: makes its own topics if they are missing, brings back what the catalog says, and starts its queries.
    ///
    /// Errors: the log refuses its topics, or the system refuses threads. A catalog entry that cannot be brought back is no error: it is
    /// reported and stands apart.
    package init(configuration: EngineConfiguration, log: any EventLog) throws(Diagnostic) {
        self.log = log
        self.configuration = configuration
        slowStatement = configuration.slowStatement
        positions = CommittedPositions(log: log)
        registry = configuration.registry ?? LogRegistry(log: log, time: configuration.time)
        memory = MemoryBudget(limit: configuration.memoryLimit)
        state = Monitor(EngineState())
        let scheduler = configuration.scheduler
        statements = ThreadPool("statements", limit: 8, scheduler: scheduler)
        questions = ThreadPool("questions", limit: max(2, processorCount()), scheduler: scheduler)
        writes = ThreadPool("writes", limit: 2, scheduler: scheduler)
        catalogLane = ThreadPool("catalog", limit: 1, scheduler: scheduler)
        registryLane = ThreadPool("registry", limit: 4, scheduler: scheduler)
        waiting = WaitingRoom(time: configuration.time, scheduler: scheduler)
        schemas = SchemaWaits(
            registry, patience: SettingValues(configuration.properties)[.schemaWait], room: waiting, time: configuration.time,
            random: configuration.random, scheduler: scheduler)
        do throws(SystemError) {
            pool = try WorkerPool(
                count: configuration.workers, log: log, time: configuration.time, budget: memory, turns: configuration.turns,
                scheduler: configuration.scheduler)
        } catch {
            throw Diagnostic(.ioError, "worker threads could not be started: \(error)", category: .general)
        }
        try SystemTopics.ensure(in: log)
        state.update { state in
            state.serverProperties = configuration.properties
            for source in SystemTopics.sources { state.catalog.set(.source(source)) }
        }
        do throws(SystemError) {
            // Plans are read by recursion: on a thread whose stack is known, wherever the engine is made.
            try scheduler.start("recovery") { [self] in recover() }.join()
        } catch {
            pool?.stop()
            throw Diagnostic(.ioError, "the thread for the recovery could not be started: \(error)", category: .general)
        }
        let subscribed = log.subscribe { [waiting] news in waiting.notify(.topic(news.topic)) }
        subscription.update { $0 = subscribed }
    }

    /// A new session, with settings that it starts from. With `mayDefine` false it may ask and insert, but not change what exists.
    /// `connection` is the number under which listings know its client.
    package func openSession(properties: [String: String] = [:], mayDefine: Bool = true, connection: Int? = nil) -> EngineSession {
        EngineSession(engine: self, properties: properties, mayDefine: mayDefine, connection: connection)
    }

    /// What exists now.
    package var catalog: CatalogSnapshot { state.withLock { $0.catalog } }

    var serverProperties: [String: String] { state.withLock { $0.serverProperties } }
    func serverProperty(_ name: String) -> String? { state.withLock { $0.serverProperties[name] } }

    /// The settings that the server lets no session change, by the names under which they are kept.
    var deniedSettings: Set<String> {
        let list = SettingValues(serverProperties)[.deniedOverrides]
        return Set(list.split { $0 == "," || $0 == " " }.map { SettingTable.keptName(String($0)) })
    }

    /// How many partitions a topic has, nil when there is none of that name.
    func partitions(of topic: String) -> Int? { log.topicID(named: topic).flatMap(log.partitionCount) }

    /// Nanoseconds that statements under way have for their end when the engine closes.
    private static let closingPatience: Int64 = 1_500_000_000

    /// Ends transient queries and what waits, lets persistent queries commit what they have, closes the log. Takes no statements afterwards.
    package func close() {
        let transients = state.update { state in
            state.isClosing = true
            return Array(state.transients.values)
        }
        for transient in transients { transient.cancel() }
        waiting.close()
        // Before the workers, which statements may be waiting for.
        let deadline = clock.monotonicNanoseconds() + MillraceEngine.closingPatience
        for threads in [statements, catalogLane, registryLane, writes, questions] {
            _ = threads.close(within: max(0, deadline - clock.monotonicNanoseconds()))
        }
        schemas.close(within: max(0, deadline - clock.monotonicNanoseconds()))
        pool?.stop()
        if let subscribed = subscription.withLock({ $0 }) { log.unsubscribe(subscribed) }
        log.close()
        // The queries' makers of tasks hold the engine: it lets go of them, outside of its lock.
        let held = state.update { state in
            defer {
                state.queries = [:]
                state.transients = [:]
                state.foreignClients = nil
            }
            return (state.queries, state.transients)
        }
        withExtendedLifetime(held) {}
    }

    /// Ends what waits now, as if the engine closed: a server that stops wants its clients answered.
    package func endWaits() { waiting.endAll() }

    /// Commits and waits until it is durable. With `generation` it is refused when the log has taken back records since then.
    func commitAndWait(_ appends: [Append], generation: UInt64? = nil) throws(Diagnostic) {
        do throws(LogError) { try log.commitAndWait(Commit(appends, generation: generation)) } catch { throw Diagnostic(error) }
    }

    /// Counters and states of all persistent queries, sorted by id.
    package var queryStatuses: [QueryStatus] {
        state.withLock { $0.queries.values.map(\.run.status) }.sorted { $0.queryID < $1.queryID }
    }
}

extension Diagnostic {
    /// The log's complaint in the words of the engine's door.
    init(_ error: LogError, at place: SourceRange? = nil) {
        let code: ErrorCode =
            switch error.kind {
            case .diskFull: .diskFull
            case .unknownTopic, .unknownPartition: .unknownTopic
            case .offsetLost: .lostRecords
            case .damaged: .corruptData
            case .recordTooLarge: .tooLarge
            case .closed, .stopped: .shuttingDown
            case .topicExists: .duplicateSource
            case .invalidTopic: .invalidProperty
            case .offsetBeyondEnd, .sequenceGap, .fencedProducer, .fencedOwner, .withdrawn, .directoryInUse, .storage: .ioError
            }
        self.init(code, error.message, category: .general, hint: error.hint, at: place)
    }

    /// The log's complaint about a topic of that name: one that it does not know any more has been deleted.
    init(_ error: LogError, about topic: String) {
        self = error.kind == .unknownTopic ? .deleted(topic) : Diagnostic(error)
    }

    /// State that does not fit the memory limit. With `id` it is that of a query that cannot be resumed.
    init(_ excess: MemoryExcess, resuming id: String? = nil) {
        let message = id.map { "\($0) cannot be resumed: \(excess.message)" } ?? excess.message
        self.init(.outOfMemoryBudget, message, category: .general, hint: sentence(excess.remedy))
    }

    /// What reads or writes a topic cannot go on, because that has been deleted.
    static func deleted(_ topic: String) -> Diagnostic {
        Diagnostic(.unknownTopic, "the topic \(topic) was deleted", category: .general)
    }
}

/// A clause as a sentence.
private func sentence(_ clause: String) -> String { clause.prefix(1).uppercased() + clause.dropFirst() + "." }
