// The client for Swift programs: a session at a server, by the line protocol.

@_exported public import AsyncSessions
import Client
import Diagnostics
import Platform
import Quantities
import Sessions
import Settings

extension Session {
    /// A session at a server, which is named by `HOST:PORT`, by a host alone (port 6455), or by the path of its socket, which has a slash in it.
    ///
    /// A connection that was lost, because the server was started anew, is made again by the next statement: its answer begins with a notice
    /// that settings and variables are as at the start of the session. What was under way ends with the error `08006`; it is not sent again,
    /// because whether it has been carried out is not known.
    ///
    /// A query with `EMIT CHANGES` over one stream, without `GROUP BY`, joins and `OVER`, goes on when the server is there again within
    /// `patience`: behind the last row that came, so that none is missing and none comes twice.
    ///
    /// `tls://HOST:PORT` speaks TLS: the server shows a certificate of that name, for which an authority vouches that the system trusts, or one in
    /// the file `authorities` (PEM). A server that asks for a login gets `user` and `password`; the password itself does not travel.
    ///
    /// Errors: `08001` where no server of this protocol answers within ten seconds, or it shows another certificate; `28000` and `28001` where it
    /// does not let the user in; `F0000` where the address is none.
    public static func connect(
        to address: String, user: String? = nil, password: String = "", authorities: String? = nil, patience: Duration = .seconds(60)
    ) async throws -> Session {
        var place: ServerPlace
        do throws(ValueProblem) {
            guard let network = try ValueKind.server(defaultPort: SettingTable.defaultPort).value(of: address).address else {
                throw ValueProblem(reason: "it is none")
            }
            place = ServerPlace(network.path.map { .file($0) } ?? .network(host: network.host, port: network.port))
            place.usesTLS = network.usesTLS
        } catch {
            throw MillraceError(
                Diagnostic(
                    .invalidSetting, "\(address.prefix(60)) is no address of a server: \(error.reason)", category: .general,
                    hint: "A server is named by HOST:PORT, tls://HOST:PORT, or the path of its socket."))
        }
        place.authorities = authorities
        place.login = user.map { ServerPlace.Login(user: $0, password: password) }
        let server = place
        // A day at most.
        let wait = Milliseconds(clamping: max(0, min(86_400, patience.components.seconds)).multipliedSaturated(by: 1_000))
        return try await onThread { () throws(Diagnostic) in
            Session(ServerDoor(ReconnectingSession(try RemoteSession(connectingTo: server), at: server, patience: wait)))
        }
    }
}

/// The way to a server.
private final class ServerDoor: SessionDoor {
    private let session: ReconnectingSession
    let connection: SharedConnection? = SharedConnection()
    var statements: any StatementSession { session }
    var mostStatements: Int? { RemoteSession.mostStatements }

    init(_ session: ReconnectingSession) { self.session = session }

    func load(_ lines: [UInt8], into source: String, whenFinished: @escaping @Sendable (Result<IngestReport, Diagnostic>) -> Void) {
        do throws(Diagnostic) {
            let remote = try session.connected()
            remote.beginLoad(into: source, format: .json, onProgress: { _ in }, whenFinished: whenFinished)
            remote.sendRecords(lines, 0..<lines.count)
            remote.endLoad()
        } catch {
            whenFinished(.failure(error))
        }
    }

    func close() { session.close() }
}
