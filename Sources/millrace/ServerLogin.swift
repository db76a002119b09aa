// How a command reaches a server: with TLS or without, and as whom. A password never stands in an argument, which others on the machine can read.

import Client
import CommandLineTable
import Diagnostics
import Platform
import Settings

extension CommandSettings {
    /// The variable of the environment that a password may stand in.
    static let passwordVariable = "MILLRACE_PASSWORD"

    /// The server at an address, as the flags say. Errors: the file of the password cannot be read, or there is none and nobody to ask.
    func place(of address: NetworkAddress) throws(CommandFailure) -> ServerPlace {
        var place = ServerPlace(SocketAddress(address))
        place.usesTLS = address.usesTLS
        place.authorities = invocation[.tlsCa]?.text
        if place.authorities != nil, !address.usesTLS {
            throw .usage(Diagnostic(.usage, "--tls-ca needs a server at tls://HOST:PORT", category: .general, hint: "Give --server tls://\(address)."))
        }
        guard let user = invocation[.user]?.text else {
            if invocation[.passwordFile] != nil { throw .usage(Diagnostic(.usage, "--password-file needs --user NAME", category: .general)) }
            return place
        }
        place.login = ServerPlace.Login(user: user, password: try password(of: user))
        return place
    }

    /// From the file that is given, the environment, or the terminal.
    private func password(of user: String) throws(CommandFailure) -> String {
        if let path = invocation[.passwordFile]?.text {
            let bytes: [UInt8]
            do throws(SystemError) { bytes = try PrivateFile.read(path, most: 1 << 16) } catch {
                throw .cannotStart(Diagnostic(.noSuchFile, error.description, category: .general))
            }
            return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        }
        if let password = Terminal.environment(CommandSettings.passwordVariable) { return password }
        guard Terminal.isTerminal(0), let password = Terminal.readSecret("password of \(user): ") else {
            throw .usage(
                Diagnostic(
                    .usage, "there is no password of \(user)", category: .general,
                    hint: "It is typed at a terminal, or stands in \(CommandSettings.passwordVariable) or in the file of --password-file."))
        }
        return password
    }
}

extension SocketAddress {
    /// Where a client finds the server that was named.
    init(_ address: NetworkAddress) { self = address.path.map { .file($0) } ?? .network(host: address.host, port: address.port) }
}
