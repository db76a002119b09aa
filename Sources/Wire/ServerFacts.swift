// The JSON objects that tell about the server itself and about requests of several statements.

package import JSONText
package import Sessions

/// The object of the greeting. `auth` lists the ways to log in, of which there are none.
package func greetingFacts(server version: String, connection number: Int) -> JSONValue {
    [
        "server": .string(version), "connection": .integer(number), "auth": [], "tls": .boolean(false),
        "maxLine": .integer(WireLimits.lineBytes),
    ]
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
