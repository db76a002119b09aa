// Where a server is, and what a client shows and asks of it.

package import Platform

/// A server's address, how its bytes travel, and as whom a client comes.
package struct ServerPlace: Sendable {
    /// A user and the password.
    package struct Login: Sendable {
        package let user: String
        let password: [UInt8]

        /// A login by name and password.
        package init(user: String, password: String) { (self.user, self.password) = (user, Array(password.utf8)) }
    }

    /// Where it listens.
    package var address: SocketAddress
    /// Whether TLS lies in between. Not over a Unix socket.
    package var usesTLS = false
    /// The file (PEM) of the authorities that vouch for it; those that the system trusts unless set.
    package var authorities: String?
    /// As whom the client logs in, where the server asks for that.
    package var login: Login?

    /// A server of this address, in plain text and without a login unless told otherwise.
    package init(_ address: SocketAddress) { self.address = address }
}
