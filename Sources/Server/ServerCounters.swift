// What the server counts about itself, for `.status` and the metrics page.

import Engine
import Sessions
import Synchronization

/// Counters that any thread may raise.
final class ServerCounters: Sendable {
    let connectionsAccepted = Atomic<Int>(0)
    let connectionsOpen = Atomic<Int>(0)
    let connectionsRefused = Atomic<Int>(0)
    let requests = Atomic<Int>(0)
    let requestsFailed = Atomic<Int>(0)
    let requestsRunning = Atomic<Int>(0)
    let bytesReceived = Atomic<Int>(0)
    let bytesSent = Atomic<Int>(0)
    let putRecords = Atomic<Int>(0)
    let putRejected = Atomic<Int>(0)
    let kafkaConnections = Atomic<Int>(0)
    let kafkaRequests = Atomic<Int>(0)

    /// A `.put` has ended.
    func count(put report: IngestReport) {
        putRecords.add(report.records, ordering: .relaxed)
        putRejected.add(report.rejected, ordering: .relaxed)
    }
}

extension Atomic where Value == Int {
    /// Raises the counter.
    func raise(by count: Int = 1) { add(count, ordering: .relaxed) }
    /// Lowers the counter.
    func lower(by count: Int = 1) { subtract(count, ordering: .relaxed) }
    /// What it stands at.
    var current: Int { load(ordering: .relaxed) }
}
