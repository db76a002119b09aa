// The clients of a listener that speaks TLS, from when they come until their handshake is done. A client holds memory from its first byte on, and
// has shown nothing of itself yet: so there are not too many of them at once, and none for long.

import TLS

/// The door of a server, for all its listeners that speak TLS. Used on the loop's thread.
final class TLSDoor {
    /// Milliseconds that a client has from its connection to the end of its handshake.
    static let handshakeMilliseconds = 10_000
    /// Clients whose handshake is not done. Where one more comes, the one that has taken longest goes.
    static let mostUnfinished = 1_000

    private let identity: TLSIdentity
    private var unfinished: [ObjectIdentifier: (client: SocketStream, ticks: Int, number: Int)] = [:]
    private var entered = 0

    init(_ identity: TLSIdentity) { self.identity = identity }

    /// The session of a client that has just come.
    func session() -> TLSSession { TLSSession(identity.context) }

    /// A client has come.
    func enter(_ client: SocketStream) {
        entered += 1
        unfinished[ObjectIdentifier(client)] = (client, 0, entered)
        if unfinished.count > TLSDoor.mostUnfinished, let oldest = unfinished.values.min(by: { $0.number < $1.number }) {
            turnAway(oldest.client, "\(TLSDoor.mostUnfinished) TLS handshakes are under way")
        }
    }

    /// A client's handshake is done, or it is gone.
    func leave(_ client: SocketStream) { unfinished[ObjectIdentifier(client)] = nil }

    /// Called every `MillraceServer.tickMilliseconds`.
    func tick() {
        for key in unfinished.keys { unfinished[key]?.ticks += 1 }
        for (client, ticks, _) in unfinished.values where ticks * MillraceServer.tickMilliseconds > TLSDoor.handshakeMilliseconds {
            turnAway(client, "a TLS handshake takes more than \(TLSDoor.handshakeMilliseconds) ms")
        }
    }

    private func turnAway(_ client: SocketStream, _ reason: String) {
        leave(client)
        client.owner?.failed(reason)
        client.close()
    }
}
