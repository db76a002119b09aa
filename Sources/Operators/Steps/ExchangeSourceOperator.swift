// The end of an exchange: the records of an internal topic become rows again.

import Bytes
import Plans
import Quantities
import Values

/// Reads what an `ExchangeSinkOperator` wrote.
final class ExchangeSourceOperator: Operator {
    private let step: ExchangeStep
    private let input: Int
    private var decoder: ExchangeDecoder
    private var batch = Batch()

    init(_ step: ExchangeStep, input: Int, _ context: DataflowContext, next: Operator) {
        self.step = step
        self.input = input
        decoder = ExchangeDecoder(step)
        super.init(context, next: next)
        releaseMemory()
    }

    override func releaseMemory() {
        decoder = ExchangeDecoder(step)
        batch = Batch()
        batch.columns = decoder.columns
        batch.old = decoder.oldColumns
    }

    func process(_ run: RecordRun, _ range: Range<Int>, partition: PartitionIndex) throws(DataflowError) {
        if let damaged = decoder.decode(run, range) {
            throw DataflowError(
                "a record of the internal topic \(step.topic.name) is damaged", input: input, partition: partition,
                offset: run.offset(at: damaged))
        }
        batch.rowCount = range.count
        batch.selection = .all(range.count)
        batch.partition = partition
        batch.input = input
        batch.run = run
        batch.timestamps = Array(run.timestamps[range])
        batch.offsets = Array(run.offsets[range])
        batch.recordIndexes = range.map { Int32(truncatingIfNeeded: $0) }
        batch.ranks = context.mergeOrder.map { $0[input] } ?? []
        batch.headers = run.headers.isEmpty ? [] : Array(run.headers[range])
        batch.headerBytes = run.headers.isEmpty ? [] : run.bytes
        let flags = decoder.flags
        batch.hasValue = flags.allSatisfy { $0.contains(.hasRow) } ? [] : flags.map { $0.contains(.hasRow) }
        batch.hasOld = flags.contains { $0.contains(.hasOld) } ? flags.map { $0.contains(.hasOld) } : []
        if batch.rowCount > 0 { try emit(batch) }
    }
}
