// `millrace user`: adds, removes and lists the users in a file. A server that was started with the file sees the change with the next login.

import CommandLineTable
import Credentials
import Diagnostics
import Platform
import Settings

/// Changes a file of users.
struct UserCommand {
    private let action: String
    private let name: String?
    private let file: UserFile

    init(_ given: Invocation) throws(CommandFailure) {
        let invocation = try CommandSettings(given).invocation
        action = invocation.operands[0]
        name = invocation.operands.dropFirst().first
        guard let path = given.given[.kafkaUsers]?.last?.text ?? invocation[.users]?.text ?? invocation[.kafkaUsers]?.text else {
            throw .usage(
                Diagnostic(.usage, "user needs --users FILE", category: .general, hint: "One file can be that of --users and of --kafka-users."))
        }
        file = UserFile(path: path)
    }

    func run() throws(CommandFailure) -> Int32 {
        var table = UserTable()
        do throws(UserFileError) {
            if action != "add" || HostFileSystem().exists(file.path) { table = try file.read() }
        } catch {
            throw failure(.ioError, error.message)
        }
        switch action {
        case "add": try add(to: &table)
        case "delete":
            guard let name, table.remove(name) else { throw failure(.unknownSource, "there is no user '\(name ?? "")'", "millrace user list shows them.") }
        default:
            for name in table.names { ByteStream.output.print(name + "\n") }
            return 0
        }
        do throws(UserFileError) { try file.write(table) } catch { throw failure(.ioError, error.message) }
        return 0
    }

    private func add(to table: inout UserTable) throws(CommandFailure) {
        let name = name ?? ""
        let isTyped = Terminal.isTerminal(0)
        guard let password = Terminal.readSecret("password of \(name): "), !password.isEmpty else {
            throw failure(.usage, "there is no password", "It is typed, or the first line of standard input.")
        }
        if isTyped, Terminal.readSecret("the same again: ") != password { throw failure(.usage, "the two are not the same") }
        guard table.set(name, password: Array(password.utf8), random: SystemRandom()) else {
            throw failure(.usage, "'\(name)' cannot be a name", "It has no spaces, does not begin with #, and has \(UserTable.longestName) bytes at most.")
        }
    }

    private func failure(_ code: ErrorCode, _ message: String, _ hint: String? = nil) -> CommandFailure {
        .refused(Diagnostic(code, message, category: .general, hint: hint))
    }
}
