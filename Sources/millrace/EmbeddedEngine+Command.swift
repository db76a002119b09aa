// An engine of a command's own, with the schema registry outside that settings name.

import CommandLineTable
import Diagnostics
import Engine
import HTTPClient
import LogStore
import Platform
import RegistryClient
import Settings

extension EmbeddedEngine {
    /// Refuses a directory without data: that its name was mistyped is more likely than that nothing is to be found there. Errors: there is no
    /// such directory, or it holds no log.
    func requireData() throws(CommandFailure) {
        guard let directory else { return }
        let files = HostFileSystem()
        let problem = !files.exists(directory) ? "there is no directory \(directory)"
            : !SegmentedLog.isLog(directory: directory, files: files) ? "the directory \(directory) holds no data of Millrace" : nil
        guard let problem else { return }
        throw .cannotStart(
            Diagnostic(.noSuchFile, problem, category: .general, hint: "serve, run, the shell and load --create make one, and no other command does."))
    }

    /// Whether opening makes the directory, or files in one of other things. An empty directory was made for this.
    var makesDirectory: Bool {
        guard let directory else { return false }
        let files = HostFileSystem()
        guard files.exists(directory) else { return true }
        let names = (try? files.list(directory)) ?? []
        return !names.isEmpty && !SegmentedLog.isLog(directory: directory, files: files)
    }

    /// Opens only the log, to be looked at.
    func inspectLog() throws(CommandFailure) -> SegmentedLog {
        do throws(Diagnostic) { return try inspect() } catch { throw .cannotStart(error) }
    }

    /// The engine, running.
    func open() throws(CommandFailure) -> MillraceEngine { try openWithLog().engine }

    /// The engine, running, and its log.
    func openWithLog() throws(CommandFailure) -> (engine: MillraceEngine, log: SegmentedLog) {
        let registry = try outsideRegistry()
        var embedded = self
        embedded.limits = MillraceLimits.all
        do throws(Diagnostic) { return try embedded.start(registry: registry, showing: shownProperties) } catch { throw .cannotStart(error) }
    }

    /// The registry that the settings name; nil for the engine's own. It is asked when a statement or a record needs it, and may be away until
    /// then. Errors: the settings contradict each other, or say what cannot be.
    func outsideRegistry() throws(CommandFailure) -> RemoteRegistry? {
        let values = SettingValues(properties)
        guard let urls = values[.schemaRegistry] else { return nil }
        let options: RegistryClientOptions
        do throws(Diagnostic) {
            options = try RegistryClientOptions(
                urls: urls, source: values[.schemaRegistryCredentials], userInfo: values[.schemaRegistryUser],
                authorities: values[.schemaRegistryAuthorities])
        } catch {
            throw .usage(error)
        }
        // A registry that ends a connection over TLS must not end the program.
        ignoreBrokenPipes()
        var http = HTTPClientOptions()
        http.user = options.user
        http.authorities = options.authorities
        return RemoteRegistry(options, http: HTTPClient(http), scheduler: HostScheduler(), random: SystemRandom())
    }

    /// The settings as sessions see them and the catalog keeps them: without the login of the registry.
    var shownProperties: [String: String] {
        var shown = properties
        let login = SettingKey<String?>.schemaRegistryUser.name
        if shown[login] != nil { shown[login] = "[hidden]" }
        if let urls = shown[SettingKey<String?>.schemaRegistry.name] {
            shown[SettingKey<String?>.schemaRegistry.name] = RegistryClientOptions.withoutLogin(urls)
        }
        return shown
    }
}
