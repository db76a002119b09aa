// What a task's records wait for, in the status of its query.

import LogStore
import Operators
import Quantities

extension QueryTask {
    /// Says in the query's status what a record waits for.
    func note(_ awaited: AwaitedSchema, _ input: TaskInput) {
        let place = "topic \(input.topicName), partition \(input.partition.partition), offset \(awaited.offset)"
        let text = "\(awaited.reason) (\(place))"
        guard awaitedSchemas.updateValue(text, forKey: input.partition) != text else { return }
        status.update { $0.awaitedSchemas[input.partition] = text }
    }

    /// No record of a partition waits any more.
    func forgetAwaited(by partition: PartitionKey) {
        guard awaitedSchemas.removeValue(forKey: partition) != nil else { return }
        status.update { $0.awaitedSchemas[partition] = nil }
    }
}
