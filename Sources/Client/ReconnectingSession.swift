// A session at a server that may be started anew: a statement that finds the connection ended is sent over another one.

package import Diagnostics
package import Platform
package import Sessions

/// Statements for one server, over one connection after the other. Nothing is sent twice: what was under way when a connection ended
/// ends with an error.
package final class ReconnectingSession: StatementSession {
    private let address: SocketAddress
    private let current: Monitor<RemoteSession>

    /// Goes on with a session at the server of this address.
    package init(_ session: RemoteSession, at address: SocketAddress) {
        self.address = address
        current = Monitor(session)
    }

    /// Ends the connection.
    package func close() { current.withLock { $0 }.close() }

    /// The session over the present connection, or over a new one where that has ended. Errors: the server is not there.
    package func connected() throws(Diagnostic) -> RemoteSession {
        let session = current.withLock { $0 }
        guard session.isLost else { return session }
        let next = try RemoteSession(connectingTo: address)
        current.update { $0 = next }
        return next
    }

    package func submit(
        _ text: String, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest {
        let session = current.withLock { $0 }
        guard session.isLost else { return session.submit(text, into: sink, whenFinished: whenFinished) }
        do throws(Diagnostic) {
            let next = try connected()
            sink.emit(
                .notice("The connection to \(address) was lost and is there again; settings and variables of the session are as at its start."))
            return next.submit(text, into: sink, whenFinished: whenFinished)
        } catch {
            sink.emit(.failed(error))
            whenFinished(false)
            return EndedRequest()
        }
    }
}

/// A request that ended before it began.
private final class EndedRequest: RunningRequest {
    func cancel() {}
}
