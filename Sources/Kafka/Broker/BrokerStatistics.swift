// What the broker counts: requests by API and by client, with what they cost.

import Quantities
import Synchronization

/// Requests of one kind, since the start.
package struct RequestCounts: Hashable, Sendable {
    /// Those that were answered, or that wanted no answer.
    package var requests = 0
    /// Error codes other than 0 in the answers; an answer about several partitions may have several.
    package var errors = 0
    /// Bytes of the requests, with their lengths in front.
    package var receivedBytes = 0
    /// Bytes of the answers.
    package var sentBytes = 0
    /// Microseconds from the request to its answer, waits for records or other members among them.
    package var microseconds: Int64 = 0

    fileprivate mutating func add(received: Int, _ answered: ResponseFrame?, microseconds: Int64) {
        requests += 1
        errors += answered?.errors ?? 0
        receivedBytes += received
        sentBytes += answered?.bytes.count ?? 0
        self.microseconds = self.microseconds.addingSaturated(microseconds)
    }
}

/// The counters of a broker. All calls may come from any thread.
package final class BrokerStatistics: Sendable {
    /// Client ids that are counted apart: what clients call themselves is theirs to choose, so that the number is bounded.
    private static let mostClients = 200
    /// Stands for all clients beyond those.
    private static let otherClients = "(other)"
    /// Bytes of a client id that count.
    private static let longestClient = 100

    private struct State {
        var byAPI: [Int16: RequestCounts] = [:]
        var byClient: [String: RequestCounts] = [:]
        var refusedLogins = 0
        var failedTLS = 0
    }

    private let state = Mutex(State())

    /// A request was answered; `nanoseconds` after it came.
    func note(_ header: RequestHeader, received: Int, _ answered: ResponseFrame?, nanoseconds: Int64) {
        let client = String(decoding: (header.client ?? "").utf8.prefix(BrokerStatistics.longestClient), as: UTF8.self)
        let microseconds = max(0, nanoseconds) / 1000
        state.withLock { state in
            state.byAPI[header.key, default: RequestCounts()].add(received: received, answered, microseconds: microseconds)
            let isKnown = state.byClient[client] != nil || state.byClient.count < BrokerStatistics.mostClients
            state.byClient[isKnown ? client : BrokerStatistics.otherClients, default: RequestCounts()]
                .add(received: received, answered, microseconds: microseconds)
        }
    }

    /// A login was refused.
    func noteRefusedLogin() { state.withLock { $0.refusedLogins += 1 } }

    /// A client could not be talked to over TLS, or broke it.
    package func noteFailedTLS() { state.withLock { $0.failedTLS += 1 } }

    /// Logins that were refused since the start.
    package var refusedLogins: Int { state.withLock { $0.refusedLogins } }

    /// Clients that left because TLS with them failed, since the start.
    package var failedTLS: Int { state.withLock { $0.failedTLS } }

    /// By Kafka's names of the APIs, in their order.
    package var byAPI: [(name: String, counts: RequestCounts)] {
        state.withLock { $0.byAPI }.map { (name: APIs.all[$0.key]?.name ?? "\($0.key)", counts: $0.value) }.sorted { $0.name < $1.name }
    }

    /// By what clients call themselves, in their order.
    package var byClient: [(name: String, counts: RequestCounts)] {
        state.withLock { $0.byClient }.map { (name: $0.key, counts: $0.value) }.sorted { $0.name < $1.name }
    }
}
