// From a plan to running tasks: topics that the query needs, dataflows, positions, and the run that owns it all.

import Bytes
import Catalog
import Diagnostics
import Formats
import LogStore
import Operators
import Pipelines
import Planner
import Plans
import Platform
import Quantities
import Settings
import Spill
import Values

/// Builds the tasks of queries.
struct QueryLauncher: Sendable {
    let engine: MillraceEngine
    /// Over how many partitions plans are laid out; nil for as many as their topics have.
    var width: Int?

    init(engine: MillraceEngine, width: Int? = nil) {
        self.engine = engine
        self.width = width
    }

    private var log: any EventLog { engine.log }

    /// The pipelines of a plan on the topics as they are.
    func pipelines(of plan: QueryPlan) -> [PipelinePlan] {
        Planner.pipelines(of: plan) { topic in width ?? engine.partitions(of: topic) ?? 1 }
    }

    // MARK: Tasks

    func environment() -> DataflowEnvironment {
        let time = engine.configuration.time
        let random = engine.configuration.random
        var environment = DataflowEnvironment(
            now: { time.wallMilliseconds() }, random: { random.next() }, timeZoneFile: { TimeZoneFiles.contents(of: $0) },
            added: engine.configuration.addedFunctions)
        environment.schemas = engine.schemas
        return environment
    }

    /// The running form of a pipeline; with `hasSlices` its driver goes on with what is pending, with `keepsView` questions may read its
    /// state. That of `spillingQuery` may go to disk, which is logged under its id; without one it may not.
    func dataflow(
        _ pipeline: PipelinePlan, properties: [String: String], hasSlices: Bool = false, keepsView: Bool = false, spillingQuery: String? = nil,
        isQuestion: Bool = false
    ) throws(QueryFailure) -> Dataflow {
        let settings = SettingValues(properties)
        var options = DataflowOptions(
            coalesces: settings[.cacheBytes] > 0, hashSeed: engine.configuration.random.next(), hasSlices: hasSlices)
        options.keepsView = keepsView
        options.packsChangelog = engine.configuration.snapshots != nil
        options.failsOnUnreadableRecord = settings[.failsOnUnreadableRecord]
        options.failsOnAggregate = settings[.dialect] == .ksqldb
        // ksqlDB has no such guard. A question needs it too: one row of the far future would make all others late.
        let mostFuture = settings[.mostFuture]
        if settings[.dialect] == .full, mostFuture > 0 { options.mostFuture = mostFuture }
        var environment = environment()
        environment.isQuestion = isQuestion && settings[.dialect] == .full && settings[.boundedQueries] == .full
        if let spillingQuery, let spills = engine.configuration.spills {
            let logLine = engine.configuration.logLine
            environment.makeDiskTable = { store, sectionBytes throws(DiskTableError) in
                logLine(.info, logText("state_goes_to_disk", ["query": spillingQuery, "store": store]))
                return try spills.table(for: store, sectionBytes: sectionBytes)
            }
        }
        do throws(DataflowError) {
            return try Dataflow(root: pipeline.root, destination: pipeline.destination, options: options, environment: environment)
        } catch {
            throw QueryFailure(message: error.message)
        }
    }

    /// The tasks of a persistent query, at its committed positions, or where `properties` tell new queries to start.
    func tasks(
        of plan: QueryPlan, properties: [String: String], rows: TableRows, status: QueryStatus
    ) throws(QueryFailure) -> [QueryTask] {
        let committed: [PartitionKey: Offset]
        do throws(LogError) { committed = try engine.positions.positions(of: plan.id) } catch {
            throw QueryFailure(message: error.message)
        }
        var tasks: [QueryTask] = []
        let pipelines = pipelines(of: plan)
        for (index, pipeline) in pipelines.enumerated() {
            let makesTable = index == pipelines.count - 1
            let dataflows = try PartitionIndex.all(of: pipeline.tasks).map { _ throws(QueryFailure) in
                try dataflow(pipeline, properties: properties, hasSlices: true, keepsView: makesTable, spillingQuery: plan.id)
            }
            let views = dataflows.compactMap(\.view)
            if !views.isEmpty { rows.read(from: views) }
            let rowPartitions = makesTable && views.isEmpty ? try prepare(rows, of: plan, tasks: pipeline.tasks) : nil
            for (partition, dataflow) in zip(PartitionIndex.all(of: pipeline.tasks), dataflows) {
                var persistence = try persistence(of: plan, pipeline, dataflow, partition)
                if let rowPartitions {
                    persistence.rows = rows
                    persistence.rowsToRestore = stride(from: partition.index, to: rowPartitions.count, by: pipeline.tasks).map {
                        rowPartitions[$0]
                    }
                }
                var description = TaskDescription(
                    dataflow: dataflow, inputs: try inputs(of: dataflow, plan, partition, committed, properties), partition: partition,
                    role: .persistent(persistence))
                description.upstream = upstream(of: description, plan, status)
                tasks.append(
                    QueryTask(
                        description, status: status, log: log, time: engine.configuration.time,
                        commitMilliseconds: SettingValues(properties)[.commitInterval].count))
            }
        }
        return tasks
    }

    /// What a task that reads several topics waits for; nil for one that reads one.
    private func upstream(of task: TaskDescription, _ plan: QueryPlan, _ status: QueryStatus?) -> (any UpstreamWatch)? {
        let topics = Set(task.inputs.map(\.topicName))
        return topics.count > 1 ? UpstreamOfTask(engine: engine, plan: plan, topics: topics, status: status) : nil
    }

    /// What the task of one partition keeps in the log.
    private func persistence(
        of plan: QueryPlan, _ pipeline: PipelinePlan, _ dataflow: Dataflow, _ partition: PartitionIndex
    ) throws(QueryFailure) -> TaskPersistence {
        let logLine = engine.configuration.logLine
        let id = plan.id
        var persistence = TaskPersistence(group: id)
        persistence.snapshots = engine.configuration.snapshots
        persistence.output = try output(of: pipeline.destination)
        if dataflow.keepsLateRows, let late = plan.lateRows { persistence.lateRows = try outputTopic(late.topic, windowSuffix: 0) }
        persistence.positionsTopic = log.topicID(named: consumerOffsetsTopic)
        persistence.errors = log.topicID(named: errorsTopic).map {
            ErrorReporter(topic: $0, queryID: id, time: engine.configuration.time)
        }
        persistence.warn = { logLine(.warning, logText("snapshot_unreadable", ["query": id, "reason": $0])) }
        for store in dataflow.storeNames {
            guard let topic = log.topicID(named: InternalNames.changelog(of: store)) else {
                throw QueryFailure(message: "the changelog \(InternalNames.changelog(of: store)) is gone")
            }
            persistence.changelogs[store] = PartitionKey(topic: topic, partition: partition)
        }
        return persistence
    }

    /// What the task of one partition reads. Between the pipelines of a query nothing is passed over: only its sources, not its internal
    /// topics, may be read from their ends.
    private func inputs(
        of dataflow: Dataflow, _ plan: QueryPlan, _ partition: PartitionIndex, _ committed: [PartitionKey: Offset],
        _ properties: [String: String]
    ) throws(QueryFailure) -> [TaskInput] {
        var inputs: [TaskInput] = []
        for (place, input) in dataflow.inputs.enumerated() {
            let properties = plan.internalTopics.contains(input.topic) ? [:] : properties
            for var taskInput in try taskInputs(place, input.topic, [partition], committed, properties) {
                taskInput.isTable = input.isTable
                inputs.append(taskInput)
            }
        }
        return inputs
    }

    /// Makes room for the readable rows of the table that a plan makes with so many tasks, and gives the partitions of its topic; nil for
    /// streams.
    private func prepare(_ rows: TableRows, of plan: QueryPlan, tasks: Int) throws(QueryFailure) -> [PartitionIndex]? {
        guard case .sink(let sink) = plan.destination, sink.kind == .table, let topic = log.describeTopic(named: sink.topic) else { return nil }
        let source = sink.asSource(plan.root.output)
        let origin = topic.partitionIndexes.map { beginning(of: sink.sourceName, topic, $0) }
        try rows.prepare(topic, isOneTask: tasks == 1, origin: origin) { () throws(QueryFailure) in
            try resultStore(source, retention: plan.root.retention)
        }
        return topic.partitionIndexes
    }

    private func resultStore(_ source: SourceStep, retention: Milliseconds?, keysAreCanonical: Bool = true) throws(QueryFailure) -> ResultStore {
        do throws(DataflowError) {
            return try ResultStore(
                source, retention: retention, hashSeed: engine.configuration.random.next(), keysAreCanonical: keysAreCanonical,
                schemas: engine.schemas)
        } catch {
            throw QueryFailure(message: error.message)
        }
    }

    /// The tasks behind a SOURCE TABLE: they read the table's topic from its beginning and keep the last row of each key.
    func sourceTableTasks(_ plan: QueryPlan, rows: TableRows, status: QueryStatus) throws(QueryFailure) -> [QueryTask] {
        let source = plan.sources[0]
        guard let topic = log.describeTopic(named: source.topic) else { throw QueryFailure(message: "the topic \(source.topic) is gone") }
        let width = topic.partitions.count
        try rows.prepare(topic, isOneTask: width == 1, isLogged: false) { () throws(QueryFailure) in
            try resultStore(source, retention: nil, keysAreCanonical: false)
        }
        let pipeline = PipelinePlan(root: plan.root, destination: plan.destination, tasks: width)
        var tasks: [QueryTask] = []
        for partition in topic.partitionIndexes {
            let dataflow = try dataflow(pipeline, properties: [:], hasSlices: true)
            // Neither output nor positions: every start reads the topic from its beginning.
            var persistence = TaskPersistence(group: plan.id)
            persistence.rows = rows
            let description = TaskDescription(
                dataflow: dataflow, inputs: try taskInputs(0, source.topic, [partition], [:], [:]), partition: partition,
                role: .persistent(persistence))
            tasks.append(QueryTask(description, status: status, log: log, time: engine.configuration.time))
        }
        return tasks
    }

    private func output(of destination: Destination) throws(QueryFailure) -> OutputTopic? {
        switch destination {
        case .client: return nil
        case .sink(let sink): return try outputTopic(sink.topic, windowSuffix: sink.windowSuffix)
        case .exchange(let topic): return try outputTopic(topic.name, windowSuffix: 0)
        }
    }

    private func outputTopic(_ name: String, windowSuffix: Int) throws(QueryFailure) -> OutputTopic {
        let (topic, count) = try sized(name)
        return OutputTopic(topic: topic, partitions: width ?? count, windowSuffix: windowSuffix)
    }

    private func taskInputs(
        _ index: Int, _ topicName: String, _ partitions: [PartitionIndex], _ committed: [PartitionKey: Offset],
        _ properties: [String: String]
    ) throws(QueryFailure) -> [TaskInput] {
        // Not from a description of the topic: this is asked for each of its partitions.
        let (topic, count) = try sized(topicName)
        return try partitions.filter { $0.index < count }.map { partition throws(QueryFailure) in
            let key = PartitionKey(topic: topic, partition: partition)
            let bounds: PartitionBounds
            do throws(LogError) { bounds = try log.bounds(of: topic, partition: partition) } catch {
                throw QueryFailure(message: error.message)
            }
            let start = SettingValues(properties)[.offsetReset] == .latest ? bounds.durableEnd : bounds.start
            return TaskInput(index: index, partition: key, topicName: topicName, position: committed[key] ?? start)
        }
    }

    /// A topic and how many partitions it has.
    private func sized(_ name: String) throws(QueryFailure) -> (topic: TopicID, partitionCount: Int) {
        guard let topic = log.topicID(named: name), let count = log.partitionCount(of: topic) else {
            throw QueryFailure(message: "the topic \(name) is gone")
        }
        return (topic, count)
    }

    /// The first offset of a source in a partition of its topic: the partition's start, or later where an older table had the topic before.
    func beginning(of source: String, _ topic: TopicDescription, _ partition: PartitionIndex) -> Offset {
        let origin = engine.catalog.sources[source]?.origin
        return max(topic.partitions[partition.index].bounds.start, origin?.offset(in: partition, ofTopic: topic.id.description) ?? .first)
    }

    /// The positions at which a new persistent query starts, and these as records for the commit that creates it.
    func firstPositions(of plan: QueryPlan, properties: [String: String]) -> (starts: [StartPosition], append: Append?) {
        guard let offsets = log.describeTopic(named: consumerOffsetsTopic) else { return ([], nil) }
        var starts: [StartPosition] = []
        var records = OutgoingRecords()
        let now = engine.configuration.time.wallMilliseconds()
        let offsetReset = SettingValues(properties)[.offsetReset]
        for source in plan.sources {
            guard let topic = log.describeTopic(named: source.topic) else { continue }
            for (partition, description) in zip(topic.partitionIndexes, topic.partitions) {
                // Tables are always read from their beginning.
                let isLatest = offsetReset == .latest && source.kind == .stream
                let start = isLatest ? description.bounds.durableEnd : beginning(of: source.sourceName, topic, partition)
                starts.append(StartPosition(topic: source.topic, partition: partition, offset: start))
                appendPosition(
                    start, of: PartitionKey(topic: topic.id, partition: partition), named: source.topic, group: plan.id, at: now, to: &records)
            }
        }
        return (starts, records.isEmpty ? nil : Append(topic: offsets.id, partition: .first, records: records))
    }

    /// Where a transient query starts to read its streams when it is not at their beginning: whatever is acknowledged after this call lies
    /// behind that.
    func transientStarts(of plan: QueryPlan, properties: [String: String]) -> [PartitionKey: Offset] {
        guard SettingValues(properties)[.offsetReset] == .latest else { return [:] }
        var starts: [PartitionKey: Offset] = [:]
        for source in plan.sources where source.kind == .stream {
            guard let topic = log.describeTopic(named: source.topic) else { continue }
            for (partition, description) in zip(topic.partitionIndexes, topic.partitions) {
                starts[PartitionKey(topic: topic.id, partition: partition)] = description.bounds.durableEnd
            }
        }
        return starts
    }

    /// The one task of a transient query, which reads all partitions of its sources, streams from `starts` on and tables, which must be
    /// whole, from their beginning. With `isBounded` it stops at `ends`, where none is given at the current end.
    func transientTask(
        _ plan: QueryPlan, properties: [String: String], from starts: [PartitionKey: Offset], to ends: [PartitionKey: Offset], isBounded: Bool,
        receiver: any RowReceiver, status: QueryStatus
    ) throws(QueryFailure) -> QueryTask {
        let dataflow = try dataflow(
            PipelinePlan(root: plan.root, destination: plan.destination), properties: properties, hasSlices: true, isQuestion: isBounded)
        var inputs: [TaskInput] = []
        for (index, input) in dataflow.inputs.enumerated() {
            guard let topic = log.describeTopic(named: input.topic) else { throw QueryFailure(message: "the topic \(input.topic) is gone") }
            var starts = input.isTable ? [:] : starts
            if input.isTable, let source = plan.sources.first(where: { $0.topic == input.topic }) {
                for partition in topic.partitionIndexes {
                    starts[PartitionKey(topic: topic.id, partition: partition)] = beginning(of: source.sourceName, topic, partition)
                }
            }
            for var taskInput in try taskInputs(index, input.topic, topic.partitionIndexes, starts, [:]) {
                taskInput.isTable = input.isTable
                if isBounded, let end = ends[taskInput.partition] { taskInput.end = end } else if isBounded {
                    taskInput.end = topic.partitions[taskInput.partition.partition.index].bounds.durableEnd
                }
                inputs.append(taskInput)
            }
        }
        var description = TaskDescription(
            dataflow: dataflow, inputs: inputs, partition: .first, role: .transient(receiver, isBounded: isBounded))
        // A bounded one begins when they have caught up.
        if !isBounded { description.upstream = upstream(of: description, plan, nil) }
        return QueryTask(description, status: status, log: log, time: engine.configuration.time)
    }
}

extension Step {
    /// How long the rows of a windowed result stay readable, in event time; nil without end.
    var retention: Milliseconds? {
        if case .aggregate(let aggregate) = self { return aggregate.window?.retention }
        return inputs.first?.retention
    }
}
