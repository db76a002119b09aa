// Requests to HTTP servers and their answers, as values, and the door that asks.

package import Quantities

/// A request.
package struct HTTPRequest: Hashable, Sendable {
    /// `GET` and so on.
    package var method: String
    /// An address that begins with `http://` or `https://`, without a user's name and password.
    package var url: String
    /// Lines such as `Accept: text/plain`.
    package var headers: [String]
    /// What is sent; nil for nothing.
    package var body: [UInt8]?

    package init(_ method: String, _ url: String, headers: [String] = [], body: [UInt8]? = nil) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// An answer, whatever it says.
package struct HTTPAnswer: Hashable, Sendable {
    /// The status, such as 200.
    package var status: Int
    /// The body.
    package var body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Why there is no answer.
package struct HTTPFailure: Error, Hashable, Sendable {
    /// A clause without a full stop, with the server's name.
    package var message: String
    /// Whether the same request may have an answer later: the server cannot be reached, or is slow.
    package var mayPass: Bool

    package init(_ message: String, mayPass: Bool) {
        self.message = message
        self.mayPass = mayPass
    }
}

/// What a client says of itself, and how long it waits.
package struct HTTPClientOptions: Hashable, Sendable {
    /// Basic authentication, as `name:password`; nil for none.
    package var user: String?
    /// A file of the certificates (PEM) of the authorities that are trusted; nil for those of the system.
    package var authorities: String?
    /// How long a connection may take to come about.
    package var connectTime: Milliseconds = 3_000
    /// How long a request may take in all.
    package var totalTime: Milliseconds = 10_000
    /// The longest body of an answer, in bytes.
    package var answerBytes = 16 << 20

    package init() {}
}

/// Asks HTTP servers. The calling thread waits for the answer.
package protocol HTTPAsking: Sendable {
    /// The answer to a request. Errors: there is none, in time and within the limits.
    func answer(to request: HTTPRequest) throws(HTTPFailure) -> HTTPAnswer
}
