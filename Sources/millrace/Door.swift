// The way into an engine that a command was told: a server, a data directory, or memory.

import CommandLineTable
import Diagnostics
import Engine
import Platform
import Server

/// Where a command's statements go.
enum Door {
    case embedded(MillraceEngine, EngineSession)
    case remote(RemoteSession)

    /// Opens what `--server` or `--data` name; without them an engine in memory. A server is named by HOST:PORT.
    static func open(_ invocation: Invocation, _ embedded: EmbeddedEngine = EmbeddedEngine()) throws(CommandFailure) -> Door {
        if let address = invocation[.server]?.address {
            do throws(Diagnostic) {
                return .remote(try RemoteSession(connectingTo: .network(host: address.host, port: address.port)))
            } catch {
                throw .cannotStart(error)
            }
        }
        var embedded = embedded
        embedded.directory = invocation[.data]?.text
        let engine = try embedded.open()
        return .embedded(engine, engine.openSession())
    }

    /// The session behind it.
    var session: any StatementSession {
        switch self {
        case .embedded(_, let session): session
        case .remote(let session): session
        }
    }

    /// Commits what there is and lets go.
    func close() {
        switch self {
        case .embedded(let engine, _): engine.close()
        case .remote(let session): session.close()
        }
    }
}
