// The settings of a command: its flags, then the environment, then the file of `--config`.

import Bytes
import CommandLineTable
import Diagnostics
import Engine
import LogStore
import Platform
import Settings

/// The flags and settings of a command, from everywhere that they may come from.
struct CommandSettings {
    /// The invocation with the flags that environment and file decide filled in.
    let invocation: Invocation
    /// Settings of an engine of the command's own, under their bare names.
    let properties: [String: String]
    /// The properties of the file, for a server, to which they are sent as SET statements.
    let fileSettings: SettingList
    /// Sentences about what was given and changes nothing.
    let notices: [String]
    private let environment: SettingList

    init(_ given: Invocation) throws(CommandFailure) {
        var invocation = given
        var notices: [String] = []
        var fileSettings = SettingList()
        do throws(Diagnostic) {
            // A server has no password; its clients have one there.
            let variables = environmentVariables().filter { given.command == .serve || $0.key != CommandSettings.passwordVariable }
            environment = try parseEnvironment(variables)
            invocation = try invocation.filled(from: environment)
            // An environment is shared with other programs; only a server's is made for it.
            if given.command == .serve { notices += environment.notices }
            if let path = given[.config]?.text {
                fileSettings = try parseProperties(try CommandSettings.text(of: path))
                invocation = try invocation.filled(from: fileSettings)
                notices += fileSettings.notices.map { "\(path): \($0)" }
            }
        } catch {
            throw .usage(error)
        }
        var properties: [String: String] = [:]
        for setting in fileSettings.values + environment.values { properties[setting.name] = setting.text }
        // A flag counts before both, and is what SHOW PROPERTIES shows.
        for option in CommandTable[given.command].allOptions {
            if let name = option.setting, let value = given.given[option.name]?.last { properties[name] = value.settingText }
        }
        self.invocation = invocation
        self.properties = properties
        self.fileSettings = fileSettings
        self.notices = notices
    }

    /// The text of a file of settings. Errors: it cannot be read, or is not UTF-8.
    private static func text(of path: String) throws(Diagnostic) -> String {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try HostFileSystem().contents(of: path) } catch {
            throw Diagnostic(.noSuchFile, error.description, category: .general)
        }
        do throws(TextProblem) { return try utf8Text(of: bytes) } catch {
            throw Diagnostic(.noSuchFile, "cannot read \(path): \(error)", category: .general)
        }
    }

    /// The engine of the command's own that flags and settings ask for.
    var embedded: EmbeddedEngine {
        var embedded = EmbeddedEngine(directory: invocation[.data]?.text)
        let values = SettingValues(properties)
        embedded.durability = values[.durability] == .os ? .os : .fsync
        embedded.threads = values[.threads]
        embedded.properties = properties
        return embedded
    }

    /// Says on standard error what was given in vain.
    func tellNotices() {
        for notice in notices { Terminal.write(line: "note: \(notice)", to: 2) }
    }
}
