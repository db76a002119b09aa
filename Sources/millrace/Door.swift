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

    /// Sets variables given as `NAME=VALUE`.
    func define(_ definitions: [OptionValue]) throws(CommandFailure) {
        for definition in definitions.compactMap(\.text) {
            let parts = definition.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, case .embedded(_, let session) = self else {
                throw .usage(
                    Diagnostic(
                        .usage, parts.count == 2 ? "--define works with an engine of its own, not with --server" : "--define takes NAME=VALUE, not \(definition)",
                        category: .general))
            }
            session.define(parts[0], as: parts[1])
        }
    }

    /// Waits until an embedded engine's queries have worked off everything, so that what a script started is finished when it ends.
    func drain() {
        if case .embedded(let engine, _) = self, !engine.drain(nanoseconds: 60_000_000_000) {
            Terminal.write(line: "queries were still working after 60 seconds; the rest is left for the next start", to: 2)
        }
    }
}
