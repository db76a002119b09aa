// The JSON objects that tell about the server itself and about requests of several statements.

import Bytes
package import JSONText
package import Sessions

/// The object of the greeting. `auth` lists the ways to log in, where a client has to.
package func greetingFacts(server version: String, connection number: Int, logins: [String] = [], isEncrypted: Bool = false) -> JSONValue {
    [
        "server": .string(version), "connection": .integer(number), "auth": .array(logins.map { .string($0) }), "tls": .boolean(isEncrypted),
        "maxLine": .integer(WireLimits.lineBytes),
    ]
}

/// The object of the `+` line of an `.auth`: the server's message of the exchange in base64, and with the last one who has come.
package func loginFacts(_ message: [UInt8], user: String?) -> JSONValue {
    var members = [JSONValue.Member("auth", .string(Base64.text(of: message)))]
    if let user { members.append(.init("message", .string("logged in as \(user)"))) }
    return .object(members)
}

/// What `.status` tells of a server.
package struct ServerStatus: Hashable, Sendable {
    /// Its version.
    package var server: String
    /// Milliseconds since it was started.
    package var uptime: Int
    /// Connections that are open.
    package var connections: Int
    /// Requests that are carried out at the moment.
    package var running: Int
    /// Requests since it was started.
    package var requests: Int
    /// Persistent queries.
    package var queries: Int

    package init(server: String, uptime: Int, connections: Int, running: Int, requests: Int, queries: Int) {
        self.server = server
        self.uptime = uptime
        self.connections = connections
        self.running = running
        self.requests = requests
        self.queries = queries
    }

    /// The object of the `+` line.
    package var facts: JSONValue {
        [
            "server": .string(server), "uptimeMs": .integer(uptime), "connections": .integer(connections), "running": .integer(running),
            "requests": .integer(requests), "queries": .integer(queries),
        ]
    }
}

extension AnswerSummary {
    /// The object of a `?` line: the end of a statement that is not the last of its request.
    package var innerFacts: JSONValue { ["message": .string(message ?? "\(rows) rows"), "done": facts] }
}
