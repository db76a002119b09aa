// The limits of the protocol, each a constant with its reason. SHOW LIMITS prints this table.

import Syntax

/// One limit as it is shown to users.
package struct WireLimit: Hashable, Sendable {
    /// The name by which it is known.
    package let name: String
    /// The limit.
    package let value: Int
    /// What it counts.
    package let unit: String
    /// Why it is what it is.
    package let reason: String
}

/// The limits of the protocol.
package enum WireLimits {
    /// The version in the greeting; it changes only when old clients would misread what is sent.
    package static let protocolVersion = 1
    /// Bytes of one line that a client sends, without its line end.
    package static let lineBytes = 1 << 20
    /// Bytes of one statement, over many lines or counted.
    package static let statementBytes = SyntaxLimits.maximumStatementBytes
    /// Bytes of a counted statement that is too long and is skipped; a longer one ends the connection.
    package static let discardedBytes = 64 << 20
    /// Bytes of one row in an answer.
    package static let rowBytes = 16 << 20
    /// Bytes of a tag.
    package static let tagBytes = 32
    /// Tagged requests under way on one connection.
    package static let taggedRequests = 64
    /// Untagged requests that wait behind the one that runs.
    package static let waitingRequests = 64
    /// Open connections of a server.
    package static let connections = 10_000
    /// Milliseconds between heartbeats on an otherwise silent connection.
    package static let heartbeatMilliseconds = 15_000
    /// Bytes of answers that wait for a slow reader before its query pauses.
    package static let unsentBytes = 256 << 10

    /// All limits, in the order in which they are shown.
    package static let all: [WireLimit] = [
        WireLimit(
            name: "line", value: lineBytes, unit: "bytes", reason: "a record of .put is a line; one larger than this belongs in a file"),
        WireLimit(
            name: "statement", value: statementBytes, unit: "bytes", reason: "generated lists of a hundred thousand values fit"),
        WireLimit(name: "row", value: rowBytes, unit: "bytes", reason: "a client must be able to hold one row in memory"),
        WireLimit(name: "tag", value: tagBytes, unit: "bytes", reason: "a tag is repeated on every line of its answer"),
        WireLimit(
            name: "tagged_requests", value: taggedRequests, unit: "requests",
            reason: "each may hold a running query; more clients than this share a connection badly"),
        WireLimit(
            name: "waiting_requests", value: waitingRequests, unit: "requests",
            reason: "beyond this the server stops reading until answers have left"),
        WireLimit(name: "connections", value: connections, unit: "connections", reason: "each costs a socket and some KiB"),
        WireLimit(
            name: "heartbeat", value: heartbeatMilliseconds, unit: "ms", reason: "shorter than the idle limits of common routers"),
        WireLimit(
            name: "unsent", value: unsentBytes, unit: "bytes", reason: "a slow reader slows its own query and takes no more memory"),
    ]
}
