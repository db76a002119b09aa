// What a task's commit holds: all output, state changes and positions since the previous commit, so that after any crash these agree.
//
// A commit of many rows is made ready in steps, which are slices of the task's time like those in which it processes input; until it is handed
// over, the task takes no more input. So others wait for a part of it at most, and all of it is one commit of the log all the same.

import Bytes
package import LogStore
import Operators
import Platform
package import Quantities

/// A task's next commit as far as it is ready.
struct CommitPreparation {
    enum Stage {
        /// Rows that were held back are computed and written down.
        case flush
        /// The output is cut into appends; the records from `next` on are left.
        case output(OutgoingRecords, next: Int)
        /// The changes of the stores follow.
        case changelog
        case complete
    }

    var stage = Stage.flush
    /// The flush has begun.
    var hasBegun = false
    var appends: [Append] = []
    /// The output for the readable rows. Where it is appended to a topic, those appends are the first of the commit, in the same order.
    var newRows: [NewRows] = []
}

extension QueryTask {
    /// Whether a commit is being made ready, or is.
    var isPreparing: Bool { preparation != nil }

    /// Whether a commit is ready to be handed over.
    var isPrepared: Bool {
        if case .complete? = preparation?.stage { return true }
        return false
    }

    /// Makes the next commit ready, until the clock shows `deadline`; whether it is.
    package func prepareCommit(until deadline: Int64) throws(QueryFailure) -> Bool {
        guard let persistence = description.persistence else { return true }
        while !isPrepared {
            try prepareStep(persistence)
            if !isPrepared, time.monotonicNanoseconds() >= deadline { return false }
        }
        return true
    }

    /// Does one step, of about a millisecond.
    private func prepareStep(_ persistence: TaskPersistence) throws(QueryFailure) {
        // Nothing else holds the preparation meanwhile, or each step would copy what there is.
        var next = preparation.take() ?? CommitPreparation()
        defer { preparation = next }
        switch next.stage {
        case .flush: try turns.timing(.flush, time) { () throws(QueryFailure) in try flush(&next, persistence) }
        case .output(let records, let first): turns.timing(.flush, time) { append(records, from: first, to: &next, persistence) }
        case .changelog: try turns.timing(.changelog, time) { () throws(QueryFailure) in try appendChanges(to: &next, persistence) }
        case .complete: break
        }
    }

    private func flush(_ next: inout CommitPreparation, _ persistence: TaskPersistence) throws(QueryFailure) {
        do throws(DataflowError) {
            if next.hasBegun || description.dataflow.hasPending {
                try description.dataflow.resume()
            } else {
                next.hasBegun = true
                try description.dataflow.flush()
            }
        } catch {
            throw failure(error)
        }
        if description.dataflow.hasPending { return }
        let output = description.dataflow.takeOutput()
        recordsWritten += output.count
        if persistence.rows != nil, persistence.output == nil {
            next.newRows = [NewRows(partition: description.partition, records: output)]
        }
        next.stage = persistence.output == nil || output.isEmpty ? .changelog : .output(output, next: 0)
    }

    private func append(_ records: OutgoingRecords, from first: Int, to next: inout CommitPreparation, _ persistence: TaskPersistence) {
        let last = min(records.count, first + TaskLimits.preparedRecords)
        for append in persistence.output?.appends(of: records, first..<last, keyless: description.partition) ?? [] {
            if persistence.rows != nil { next.newRows.append(NewRows(partition: append.partition, records: append.records)) }
            next.appends.append(prepared(append))
        }
        next.stage = last < records.count ? .output(records, next: last) : .changelog
    }

    private func appendChanges(to next: inout CommitPreparation, _ persistence: TaskPersistence) throws(QueryFailure) {
        let slice: StoreSlice?
        do throws(DataflowError) {
            slice = try description.dataflow.takeChangelogSlice(limit: TaskLimits.preparedRecords)
        } catch {
            throw failure(error)
        }
        guard let slice else { return complete(&next, persistence) }
        guard let partition = persistence.changelogs[slice.store] else { return }
        snapshots?.note(slice.store, slice.entries)
        next.appends.append(prepared(Append(topic: partition.topic, partition: partition.partition, records: slice.records)))
    }

    /// Late rows come behind the output and what has changed.
    private func complete(_ next: inout CommitPreparation, _ persistence: TaskPersistence) {
        if let topic = persistence.lateRows {
            let records = description.dataflow.takeLateRows()
            next.appends += topic.appends(of: records, keyless: description.partition).map(prepared)
        }
        next.stage = .complete
    }

    private func prepared(_ append: Append) -> Append {
        // What cannot be made ready, the commit is refused for.
        (try? log.prepared(append)) ?? append
    }

    /// The appends of everything since the last commit, and the positions that they bring the task to. The task counts them as made.
    package func takeAppends() throws(QueryFailure) -> [Append] {
        guard let persistence = description.persistence else { return [] }
        while !isPrepared { try prepareStep(persistence) }
        guard let ready = preparation.take() else { return [] }
        var appends = ready.appends
        newRows = ready.newRows
        if let errors = persistence.errors {
            let inputs = description.inputs
            let counts = description.dataflow.errorCounts
            let new = counts.merging(reportedErrors) { now, before in now - before }
            reportedErrors = counts
            let met = description.dataflow.takeErrors()
            if let first = met.first { noteProblem(first) }
            appends += errors.appends(for: met, counts: new) { input in
                inputs.first { $0.index == input }?.topicName ?? ""
            }
        }
        if let topic = persistence.positionsTopic {
            appends.append(Append(topic: topic, partition: .first, records: positionRecords(of: persistence.group)))
        }
        newCounts = takeCounts()
        publishMemory()
        didTakeAppends()
        return appends
    }

    private func positionRecords(of group: String) -> OutgoingRecords {
        var records = OutgoingRecords()
        let now = time.wallMilliseconds()
        for input in description.inputs {
            appendPosition(input.position, of: input.partition, named: input.topicName, group: group, at: now, to: &records)
        }
        return records
    }

    /// The positions that the last taken appends stand for.
    package var positions: [PartitionKey: Offset] {
        Dictionary(description.inputs.map { ($0.partition, $0.position) }, uniquingKeysWith: { first, _ in first })
    }
}
