// Clients of other protocols connect to the port too. Their first bytes are recognised and answered by one clear line.

import Diagnostics

extension RequestReader {
    /// The beginnings by which other protocols are known; none of them begins a statement.
    private static let foreign: [(start: [UInt8], name: String)] = [
        ([0x16], "TLS"), ([0x00], "Kafka's (or another binary) protocol"), (Array("SSH-".utf8), "SSH"),
        (Array("GET /".utf8), "HTTP"), (Array("POST /".utf8), "HTTP"), (Array("PUT /".utf8), "HTTP"), (Array("HEAD /".utf8), "HTTP"),
        (Array("DELETE /".utf8), "HTTP"), (Array("OPTIONS ".utf8), "HTTP"), (Array("PATCH /".utf8), "HTTP"),
        (Array("CONNECT ".utf8), "HTTP"), (Array("PRI * ".utf8), "HTTP/2"),
    ]

    /// Looks at one more of the first bytes; true when they belong to another protocol.
    mutating func isForeign(_ byte: UInt8) -> Bool {
        opening?.append(byte)
        guard let seen = opening else { return false }
        let candidates = RequestReader.foreign.filter { $0.start.starts(with: seen) }
        if let match = candidates.first(where: { $0.start.count == seen.count }) {
            events.append(
                .foreign(
                    Diagnostic(
                        .foreignProtocol, "this port speaks MILLRACE/\(WireLimits.protocolVersion) lines, not \(match.name)",
                        category: .general, hint: "Try: echo 'SHOW STREAMS;' | nc -N HOST PORT")))
            mode = .closed
            return true
        }
        if candidates.isEmpty { opening = nil }
        return false
    }
}
