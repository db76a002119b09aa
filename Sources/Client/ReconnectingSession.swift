// A session at a server that may be started anew: a statement that finds the connection ended is sent over another one.

package import Diagnostics
import Platform
package import Quantities
package import Sessions

/// Statements for one server, over one connection after the other. No statement is sent twice: what was under way when a connection ended
/// ends with an error, except for a query with positions, which goes on behind its last row where there is `patience` for it.
package final class ReconnectingSession: StatementSession {
    private let server: ServerPlace
    private let current: Monitor<RemoteSession>
    /// One connection is made at a time.
    private let connecting = Monitor(())
    private let isClosed = Monitor(false)
    /// How long a query with positions waits for its server.
    let patience: Milliseconds?

    /// Goes on with a session at this server. Queries with positions wait so long for a server that is gone, and go on; without
    /// `patience` they end as others do.
    package init(_ session: RemoteSession, at server: ServerPlace, patience: Milliseconds? = nil) {
        self.server = server
        self.patience = patience
        current = Monitor(session)
    }

    /// Ends the connection; none is made any more for queries that were under way.
    package func close() {
        isClosed.withLock { $0 = true }
        current.withLock { $0 }.close()
    }

    /// Whether `close` was called.
    var isOver: Bool { isClosed.withLock { $0 } }

    /// How messages name the server.
    var place: String { "\(server.address)" }

    /// The session over the present connection, or over a new one where that has ended. Errors: the server is not there.
    package func connected() throws(Diagnostic) -> RemoteSession {
        let result = connecting.update { _ -> Result<RemoteSession, Diagnostic> in
            let session = current.withLock { $0 }
            guard session.isLost else { return .success(session) }
            do throws(Diagnostic) {
                let next = try RemoteSession(connectingTo: server)
                current.update { $0 = next }
                return .success(next)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    package func submit(
        _ text: String, positions: PositionWish, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest {
        guard let patience else { return submitOnce(text, positions: positions, into: sink, whenFinished: whenFinished) }
        let query = ResumingQuery(text, positions, in: self, patience: patience, into: sink, whenFinished: whenFinished)
        query.begin()
        return query
    }

    /// The same over one connection, with which it ends.
    func submitOnce(
        _ text: String, positions: PositionWish, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest {
        let session = current.withLock { $0 }
        guard session.isLost else { return session.submit(text, positions: positions, into: sink, whenFinished: whenFinished) }
        do throws(Diagnostic) {
            let next = try connected()
            sink.emit(
                .notice("The connection to \(place) was lost and is there again; settings and variables of the session are as at its start."))
            return next.submit(text, positions: positions, into: sink, whenFinished: whenFinished)
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
