// A client as `millrace.connections` shows it.

import Engine
import Platform
import Synchronization

/// Tells the engine of a client from when it has come until it leaves.
final class ListedClient: Sendable {
    private final class Count: Sendable {
        let value = Atomic<Int>(0)
    }

    private let engine: MillraceEngine
    private let connection: ClientConnection
    private let count = Count()

    /// A client of a protocol, with its number for that.
    init(_ proto: String, _ number: Int, _ socket: SocketStream, in engine: MillraceEngine) {
        self.engine = engine
        connection = ClientConnection(
            number: number, proto: proto, client: socket.client, connectedAt: engine.clock.wallMilliseconds(),
            requests: { [count] in count.value.current })
        engine.note(connection)
    }

    /// It has made a request.
    func countRequest() { count.value.raise() }

    /// The client is gone.
    func leave() { engine.forget(connection) }
}
