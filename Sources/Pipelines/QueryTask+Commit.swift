// What a task's commit holds: all output, state changes and positions since the previous commit, so that after any crash these agree.

import Bytes
package import LogStore
import Operators
import Platform
package import Quantities

extension QueryTask {
    /// The appends of everything since the last commit, and the positions that they bring the task to. The task counts them as made.
    package func takeAppends() throws(QueryFailure) -> [Append] {
        guard let persistence = description.persistence else { return [] }
        try turns.timing(.flush, time) { () throws(QueryFailure) in
            try runToEnd { dataflow throws(DataflowError) in try dataflow.flush() }
        }
        var appends: [Append] = []
        let output = description.dataflow.takeOutput()
        recordsWritten += output.count
        if let topic = persistence.output { appends += topic.appends(of: output, keyless: description.partition) }
        noteNewRows(output, appends, persistence)
        let changes: [(store: String, records: OutgoingRecords)]
        do throws(DataflowError) {
            changes = try turns.timing(.changelog, time) { () throws(DataflowError) in try description.dataflow.takeChangelog() }
        } catch {
            throw failure(error)
        }
        for change in changes {
            guard let partition = persistence.changelogs[change.store], !change.records.isEmpty else { continue }
            snapshots?.note(change.store, change.records.count)
            appends.append(Append(topic: partition.topic, partition: partition.partition, records: change.records))
        }
        if let errors = persistence.errors {
            let inputs = description.inputs
            let counts = description.dataflow.errorCounts
            let new = counts.merging(reportedErrors) { now, before in now - before }
            reportedErrors = counts
            appends += errors.appends(for: description.dataflow.takeErrors(), counts: new) { input in
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

    /// Keeps the output for the readable rows. Where it is appended to a topic, those appends are the first of the commit.
    private func noteNewRows(_ output: OutgoingRecords, _ appends: [Append], _ persistence: TaskPersistence) {
        guard persistence.rows != nil else { return }
        if persistence.output == nil {
            newRows = [NewRows(partition: description.partition, records: output)]
        } else {
            newRows = appends.map { NewRows(partition: $0.partition, records: $0.records) }
        }
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
