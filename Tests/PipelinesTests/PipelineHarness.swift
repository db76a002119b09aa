import Bytes
import Formats
import LogStore
import Operators
import Pipelines
import Plans
import Platform
import Quantities
import TestSupport
import Values

/// A query of one source and one sink over a scripted log, with a worker pool of its own. Without a store each record goes through as it
/// is; with one, values are counted by key.
final class TestQuery: Sendable {
    let log: ScriptedLog
    let pool: WorkerPool
    let run: QueryRun
    let status: QueryStatus
    let input: TopicID
    let output: TopicID
    let failures = Monitor<[QueryFailure]>([])
    let excesses = Monitor<[MemoryExcess]>([])
    let warnings = Monitor<[String]>([])

    init(
        _ id: String = "q", log: ScriptedLog = ScriptedLog(), pool shared: WorkerPool? = nil, partitions: Int = 1, counts: Bool = false,
        snapshots: SnapshotFolder? = nil, budget: MemoryBudget = MemoryBudget(),
        dataflow: (@Sendable () throws(DataflowError) -> Dataflow)? = nil
    ) throws {
        if log.describeTopic(named: consumerOffsetsTopic) == nil { log.addTopic(consumerOffsetsTopic) }
        let input = log.describeTopic(named: "in-\(id)")?.id ?? log.addTopic("in-\(id)", partitions: partitions)
        let output = log.describeTopic(named: "out-\(id)")?.id ?? log.addTopic("out-\(id)")
        let changelog = log.describeTopic(named: "store-\(id)")?.id ?? log.addTopic("store-\(id)", partitions: partitions)
        let pool = try shared ?? WorkerPool(count: 1, log: log, time: SystemTime())
        let status = QueryStatus(queryID: id, budget: budget)
        let committed = CommittedPositions(log: log)
        let failures = failures
        let (excesses, warnings) = (excesses, warnings)
        self.log = log
        self.pool = pool
        self.status = status
        self.input = input
        self.output = output
        run = QueryRun(
            status: status, group: id, pool: pool,
            events: QueryEvents(
                onFailure: { failure in failures.update { $0.append(failure) } }, onExcess: { excess in excesses.update { $0.append(excess) } })
        ) { () throws(QueryFailure) in
            var tasks: [QueryTask] = []
            for partition in PartitionIndex.all(of: partitions) {
                let key = PartitionKey(topic: input, partition: partition)
                var persistence = TaskPersistence(group: id)
                persistence.output = OutputTopic(topic: output, partitions: 1)
                persistence.positionsTopic = log.describeTopic(named: consumerOffsetsTopic)?.id
                if counts { persistence.changelogs = ["store": PartitionKey(topic: changelog, partition: partition)] }
                persistence.snapshots = snapshots
                persistence.warn = { warning in warnings.update { $0.append(warning) } }
                do {
                    let position = try committed.positions(of: id)[key] ?? 0
                    let description = TaskDescription(
                        dataflow: try dataflow?() ?? TestQuery.dataflow(counts: counts),
                        inputs: [TaskInput(index: 0, partition: key, topicName: "in-\(id)", position: position)], partition: partition,
                        role: .persistent(persistence))
                    tasks.append(QueryTask(description, status: status, log: log, time: SystemTime(), commitMilliseconds: 1))
                } catch {
                    throw QueryFailure(message: "\(error)")
                }
            }
            return tasks
        }
    }

    static func dataflow(counts: Bool = false, options: DataflowOptions = DataflowOptions()) throws(DataflowError) -> Dataflow {
        let source = SourceStep(
            sourceName: "S", topic: "in", kind: .stream, keyFormat: FormatSpec(.kafka, isUnwrapped: true), valueFormat: FormatSpec(.json),
            schema: SourceSchema(key: [ColumnDefinition("K", .string)], value: [ColumnDefinition("V", .string)]), timestamp: nil, window: nil,
            needed: [true, true], store: nil)
        let sink = SinkDescription(
            sourceName: "T", topic: "out", kind: counts ? .table : .stream, keyFormat: FormatSpec(.kafka, isUnwrapped: true),
            valueFormat: FormatSpec(.json), timestamp: nil, window: nil)
        guard counts else { return try Dataflow(root: .source(source), destination: .sink(sink)) }
        let group = ColumnDefinition("G", .string)
        let count = ColumnDefinition("N", .bigint)
        let aggregate = AggregateStep(
            input: .source(source), grouping: [.column(1, .string)],
            aggregates: [AggregateCall(
                    function: "COUNT", arguments: [TypedExpression(.pseudo(.rowtime), .bigint)], options: [], result: .bigint)], window: nil, isFinal: false, isTableInput: false,
            output: RowSchema(columns: [group, count], keyCount: 1), repartition: nil, store: StoreDescription(name: "store"),
            keyFormat: FormatSpec(.kafka), sendsOld: false)
        return try Dataflow(root: .aggregate(aggregate), destination: .sink(sink), options: options)
    }

    /// Appends values to the input as another writer would.
    func put(_ values: [String], partition: PartitionIndex = 0, durably: Bool = true) {
        log.append(input, values.map { #"{"V":"\#($0)"}"# }, partition: partition, durably: durably)
    }

    /// The values in the output, once they are so many; or what there is after ten seconds.
    func outputs(_ count: Int) -> [String] {
        _ = log.wait(output, records: count)
        return values()
    }

    /// The values in the output now.
    func values() -> [String] { log.values(output).map { String($0.dropFirst(6).dropLast(2)) } }

    /// Waits until this holds of the status; whether it came to that within ten seconds.
    func wait(until holds: (borrowing QueryStatus.Content) -> Bool) -> Bool {
        status.content.wait(nanoseconds: 10_000_000_000, until: holds, then: { holds($0) })
    }

    func waitUntilRunning() -> Bool { wait { $0.state == .running && !$0.isRestoring } }

    /// Pauses the query and waits until it is.
    func pause() {
        let isPaused = Monitor(false)
        run.pause { isPaused.update { $0 = true } }
        isPaused.wait(until: { $0 }, then: { _ in })
    }
}

/// A dataflow over records with a key and `{"V": …}` whose rows have the value that `expression` gives, in the format KAFKA.
func projection(
    _ expression: TypedExpression, _ environment: DataflowEnvironment = DataflowEnvironment()
) throws(DataflowError) -> Dataflow {
    let source = SourceStep(
        sourceName: "S", topic: "in", kind: .stream, keyFormat: FormatSpec(.kafka, isUnwrapped: true), valueFormat: FormatSpec(.json),
        schema: SourceSchema(key: [ColumnDefinition("K", .string)], value: [ColumnDefinition("V", .string)]), timestamp: nil, window: nil,
        needed: [true, true], store: nil)
    let project = ProjectStep(
        input: .source(source), expressions: [.column(0, .string), expression],
        output: RowSchema(columns: [ColumnDefinition("K", .string), ColumnDefinition("X", expression.type)], keyCount: 1), isTable: false)
    let sink = SinkDescription(
        sourceName: "T", topic: "out", kind: .stream, keyFormat: FormatSpec(.kafka, isUnwrapped: true),
        valueFormat: FormatSpec(.kafka, isUnwrapped: true), timestamp: nil, window: nil)
    return try Dataflow(root: .project(project), destination: .sink(sink), environment: environment)
}
