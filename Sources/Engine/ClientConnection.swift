// What a front end tells the engine about its clients, for `millrace.connections`.

import Platform

/// A client of a front end.
package struct ClientConnection: Sendable {
    /// Its number, which no other one has.
    package let number: Int
    /// What it speaks, in upper case.
    package let proto: String
    /// Its address, where it has one.
    package let client: String?
    /// Milliseconds since the epoch.
    package let connectedAt: Int64
    /// How many requests it has made so far.
    package let requests: @Sendable () -> Int

    package init(number: Int, proto: String, client: String?, connectedAt: Int64, requests: @escaping @Sendable () -> Int) {
        self.number = number
        self.proto = proto
        self.client = client
        self.connectedAt = connectedAt
        self.requests = requests
    }
}

extension MillraceEngine {
    /// A client has come.
    package func note(_ connection: ClientConnection) { connections.withLock { $0[connection.number] = connection } }

    /// A client has gone.
    package func forget(_ connection: ClientConnection) { _ = connections.withLock { $0.removeValue(forKey: connection.number) } }
}
