// The bottom of a dataflow: gives the rows of a topic's records to the step above, and reports the records that give none.

import Bytes
import Plans
import Quantities
import Values

/// The running form of a source step. It decodes records itself, or takes the rows that were decoded for several dataflows.
final class SourceOperator: Operator {
    let step: SourceStep
    private let input: Int
    /// Nil after its memory was released, until it is used.
    private var decoder: SourceDecoder?
    /// What is decoded together with other dataflows; nil while this one is alone.
    var shared: SharedSource?
    /// Shows a part of rows that are decoded already.
    private var view = Batch()
    /// Nil where records name no schemas.
    private var gate: SchemaGate?
    /// Runs that were decoded to know the times of their records, and have not been processed.
    private var ahead: [ObjectIdentifier: DecodedChunk] = [:]
    /// Runs that a task drops unprocessed, because the log has withdrawn them, stay here: with so many all go, and are decoded again.
    private static let mostAhead = 256

    init(_ step: SourceStep, input: Int, _ context: DataflowContext, next: Operator) throws(DataflowError) {
        self.step = step
        self.input = input
        gate = SchemaGate(step)
        decoder = try SourceDecoder(step, needed: step.needed, schemas: context.environment.schemas)
        super.init(context, next: next)
    }

    /// Gives the rows of records `range` of `run`, which come from `partition`, to the step above.
    func process(_ run: RecordRun, _ range: Range<Int>, partition: PartitionIndex) throws(DataflowError) {
        if let chunk = ahead[ObjectIdentifier(run)] {
            if range.upperBound == run.count { ahead[ObjectIdentifier(run)] = nil }
            return try show(chunk, range, partition)
        }
        if context.mergeOrder == nil, let chunk = shared?.chunk(of: run, holding: range) { return try show(chunk, range, partition) }
        let decoder = try wholeDecoder()
        decoder.decode(run, range)
        let batch = decoder.batch
        batch.input = input
        batch.partition = partition
        batch.ranks = context.mergeOrder.map { ranks(of: batch, $0[input], from: range.lowerBound) } ?? []
        try report(decoder.problems, batch)
        if !batch.selection.isEmpty { try emit(batch) }
    }

    private func wholeDecoder() throws(DataflowError) -> SourceDecoder {
        if let decoder { return decoder }
        let made = try SourceDecoder(step, needed: step.needed, schemas: context.environment.schemas)
        decoder = made
        return made
    }

    override func releaseMemory() {
        decoder = nil
        view = Batch()
    }

    /// Gives those rows of a chunk to the step above that stem from `range`.
    private func show(_ chunk: DecodedChunk, _ range: Range<Int>, _ partition: PartitionIndex) throws(DataflowError) {
        view.adoptRows(of: chunk.batch)
        view.columns = chunk.batch.columns
        view.input = input
        view.partition = partition
        view.selection = chunk.rows(from: range)
        view.ranks = context.mergeOrder.map { ranks(of: view, $0[input], from: range.lowerBound) } ?? []
        try report(chunk.problems.filter { range.contains($0.record) }, view)
        if !view.selection.isEmpty { try emit(view) }
    }

    /// Where the selected rows of a batch stand in the order of all inputs: `places` are those of its records from the record `first` on.
    private func ranks(of batch: Batch, _ places: [Int32], from first: Int) -> [Int32] {
        let records = batch.recordIndexes
        var ranks = [Int32](repeating: 0, count: batch.rowCount)
        batch.selection.forEach { ranks[$0] = places[Int(records[$0]) - first] }
        return ranks
    }

    private func report(_ problems: [RecordProblem], _ batch: Batch) throws(DataflowError) {
        for problem in problems {
            if problem.endsQuery {
                throw DataflowError(
                    "Fatal user code error in TimestampExtractor callback for record: \(problem.message)", input: input,
                    partition: batch.partition, offset: batch.run?.offset(at: problem.record))
            }
            context.errors.add(
                problem.cause, step: "Source", column: problem.column, message: problem.message, batch: batch, run: batch.run,
                record: problem.record)
            if let fatal = context.errors.fatal { throw fatal }
        }
    }

    /// The first record of `run` that waits for its schema; nil when all can be decoded. `call` is called when it is worth looking again.
    func awaitedSchema(in run: RecordRun, orCall call: @escaping @Sendable () -> Void) -> AwaitedSchema? {
        guard let schemas = context.environment.schemas else { return nil }
        return gate?.awaited(in: run, schemas, orCall: call)
    }

    /// The event times of the records of `run`; nil when they are the log's timestamps. One that has none comes first: it is reported when it
    /// is processed, and holds up nothing behind it. What is decoded for that is kept until then.
    func eventTimes(of run: RecordRun) throws(DataflowError) -> [Int64]? {
        guard step.timestamp != nil else { return nil }
        var times = [Int64](repeating: .min, count: run.count)
        if run.count == 0 { return times }
        let decoder = try wholeDecoder()
        decoder.decode(run, 0..<run.count)
        let batch = decoder.batch
        batch.selection.forEach { times[Int(batch.recordIndexes[$0])] = batch.timestamps[$0] }
        if ahead.count >= SourceOperator.mostAhead { ahead.removeAll() }
        ahead[ObjectIdentifier(run)] = DecodedChunk(decoder, needed: step.needed)
        return times
    }
}
