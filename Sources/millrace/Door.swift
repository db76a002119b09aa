// The engine that the flags of a command name: a server, a data directory, or memory.

import Client
import CommandLineTable
import Diagnostics
import Engine
import Platform
import Server
import Sessions
import Settings

/// Where a command's statements go.
enum Door {
    case embedded(MillraceEngine, EngineSession)
    case remote(ReconnectingSession, at: ServerPlace)

    /// Opens what `--server` or `--data` name; without them an engine in memory. A server is named by HOST:PORT. A directory without data is
    /// made where the command `makesData`, which is said, and refused elsewhere.
    static func open(_ settings: CommandSettings, pushStart: String = "latest", makesData: Bool = false) throws(CommandFailure) -> Door {
        settings.tellNotices()
        if let address = settings.invocation[.server]?.address {
            let place = try settings.place(of: address)
            let session: ReconnectingSession
            do throws(Diagnostic) {
                session = ReconnectingSession(try RemoteSession(connectingTo: place), at: place)
            } catch {
                throw .cannotStart(error)
            }
            let door = Door.remote(session, at: place)
            do throws(CommandFailure) {
                // The server's own default is for people, who want to see what happens now.
                if pushStart == "earliest" {
                    try door.carryOut("SET '\(SettingKey<OffsetReset?>.offsetReset.name)' = '\(pushStart)';")
                }
                try door.set(settings.fileSettings)
            } catch {
                door.close()
                throw error
            }
            return door
        }
        var embedded = settings.embedded
        embedded.pushStart = pushStart
        if !makesData { try embedded.requireData() }
        let isNew = embedded.makesDirectory
        let engine = try embedded.open()
        if isNew, let directory = embedded.directory {
            Terminal.write(line: "note: \(directory) held no data yet; a new data directory was made there", to: 2)
        }
        return .embedded(engine, engine.openSession())
    }

    /// The session behind it.
    var session: any StatementSession {
        switch self {
        case .embedded(_, let session): session
        case .remote(let session, _): session
        }
    }

    /// Where the server is; nil for an engine of the command's own.
    var server: ServerPlace? {
        if case .remote(_, let place) = self { return place }
        return nil
    }

    /// Commits what there is and closes.
    func close() {
        switch self {
        case .embedded(let engine, _): engine.close()
        case .remote(let session, _): session.close()
        }
    }

    /// Defines the variables of `--define`, as DEFINE would.
    func define(_ definitions: [SettingContent]) throws(CommandFailure) {
        for case .definition(let name, let value) in definitions {
            try carryOut("DEFINE \(name) = \(Door.quoted(value));")
        }
    }

    /// Sets what a file of settings says in a session of a server, as SET would.
    private func set(_ settings: SettingList) throws(CommandFailure) {
        for setting in settings.values {
            guard SettingTable.entry(setting.name)?.scope == .session else {
                throw .usage(
                    Diagnostic(
                        .invalidSetting, "\(setting.name) belongs to the server's own configuration", category: .general,
                        hint: "With --server, a --config file may have what SET takes."))
            }
            try carryOut("SET '\(setting.name)' = \(Door.quoted(setting.text));")
        }
    }

    /// Carries out one statement without rows.
    private func carryOut(_ statement: String) throws(CommandFailure) {
        _ = try TableAnswer().table(of: statement, from: session)
    }

    /// A text as a literal.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }

    /// Waits until an embedded engine's queries have read all their input, so that what a script started is finished when it ends.
    func drain() {
        if case .embedded(let engine, _) = self, !engine.drain(nanoseconds: 60_000_000_000) {
            Terminal.write(line: "queries were still working after 60 seconds; the rest is left for the next start", to: 2)
        }
    }
}
