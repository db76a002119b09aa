// What is served over HTTP: a request comes to a service, which answers at once, or says on which threads the answer is made.

import JSONText
import Platform
import Registry
import Schemas

/// A request, read whole.
struct HTTPRequest: Sendable {
    /// `GET` and so on.
    let method: String
    /// The steps of the path, decoded; a slash at the end adds none.
    let path: [String]
    /// The parameters, decoded; of two with one name the last counts.
    let query: [String: String]
    let body: [UInt8]

    /// Nil where the target is no path, or its `%` are no bytes of a text (RFC 3986 §2.1).
    init?(method: String, target: [UInt8], body: [UInt8]) {
        self.method = method
        self.body = body
        let parts = target.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = parts.first, path.first == UInt8(ascii: "/") else { return nil }
        var steps: [String] = []
        for step in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let text = HTTPRequest.decoded(step, plusIsBlank: false) else { return nil }
            steps.append(text)
        }
        if steps.last == "" { steps.removeLast() }
        self.path = steps
        var query: [String: String] = [:]
        for pair in parts.dropFirst().first?.split(separator: UInt8(ascii: "&")) ?? [] {
            let sides = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = HTTPRequest.decoded(sides[0], plusIsBlank: true),
                let value = HTTPRequest.decoded(sides.count > 1 ? sides[1] : [], plusIsBlank: true)
            else { return nil }
            query[name] = value
        }
        self.query = query
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>, plusIsBlank: Bool) -> String? {
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard bytes.endIndex - index >= 2, bytes[index] != UInt8(ascii: "+"),
                    let value = UInt8(String(decoding: bytes[index..<index + 2], as: UTF8.self), radix: 16)
                else { return nil }
                result.append(value)
                index += 2
            } else {
                result.append(plusIsBlank && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: result, as: UTF8.self)
    }
}

/// An answer.
struct HTTPAnswer: Sendable {
    let status: Int
    let type: String
    let body: [UInt8]

    init(_ status: Int, _ type: String, _ body: [UInt8]) {
        self.status = status
        self.type = type
        self.body = body
    }

    /// A line of text.
    init(_ status: Int, _ text: String, type: String = "text/plain") { self.init(status, type, Array(text.utf8)) }

    /// What HTTP calls a status.
    static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 422: "Unprocessable Content"
        case 431: "Request Header Fields Too Large"
        case 503: "Service Unavailable"
        default: "Internal Server Error"
        }
    }
}

/// Where an answer is made.
enum HTTPWork {
    case now(HTTPAnswer)
    case later(ThreadPool, @Sendable () -> HTTPAnswer)
}

/// What an address serves.
struct HTTPService {
    /// As the log names it.
    let name: String
    /// Open connections at most.
    let connections: Int
    /// Bytes that the body of a request may have.
    let bodyBytes: Int
    /// Routes a request. On the loop's thread.
    let answer: (HTTPRequest) -> HTTPWork
    /// The answer to what is no request, by its status.
    let refusal: (Int) -> HTTPAnswer
}

extension HTTPService {
    /// The pages `/metrics` and `/healthz`.
    static func metrics(_ server: MillraceServer) -> HTTPService {
        // A page is for a few collectors.
        HTTPService(name: "http", connections: 64, bodyBytes: 64 << 10) { [weak server] request in
            guard let server else { return .now(HTTPAnswer(503, "the server stops\n")) }
            guard request.method == "GET" || request.method == "HEAD" else { return .now(HTTPAnswer(405, "only GET and HEAD\n")) }
            switch request.path {
            case ["metrics"]:
                return .later(server.metricsThreads) {
                    HTTPAnswer(200, server.metricsText, type: "text/plain; version=0.0.4; charset=utf-8")
                }
            case ["healthz"]: return .now(HTTPAnswer(200, "ok\n"))
            default: return .now(HTTPAnswer(404, "the pages are /metrics and /healthz\n"))
            }
        } refusal: { status in
            HTTPAnswer(status, status == 400 ? "this is no HTTP/1.1 request\n" : "the request is too large\n")
        }
    }

    /// The interface of a registry of schemas.
    static func registry(_ registry: any KeptRegistry, on threads: ThreadPool) -> HTTPService {
        let api = RegistryAPI(registry)
        // A text of a schema is escaped once more in a request.
        return HTTPService(name: "registry", connections: 128, bodyBytes: 2 * SchemaLimits.textBytes) { request in
            .later(threads) {
                HTTPAnswer(api.answer(RegistryRequest(method: request.method, path: request.path, query: request.query, body: request.body)))
            }
        } refusal: { status in
            HTTPAnswer(
                RegistryResponse(
                    ["error_code": .integer(status), "message": .string("HTTP \(status) \(HTTPAnswer.reason(status))")], status: status))
        }
    }
}

extension HTTPAnswer {
    fileprivate init(_ response: RegistryResponse) { self.init(response.status, RegistryResponse.contentType, response.body.bytes) }
}
