// Single calls of the REST API: which server is asked, when a call is tried again, and what an answer that is no success means.

import Diagnostics
import HTTPClient
import JSONText
import Platform
import Quantities
import Schemas
import Synchronization

/// Calls the servers of one registry.
final class RegistryCalls: Sendable {
    private let options: RegistryClientOptions
    private let http: any HTTPAsking
    private let scheduler: any Scheduler
    private let random: any RandomSource
    /// The server that answered last, which is asked first.
    private let preferred = Mutex(0)

    init(_ options: RegistryClientOptions, _ http: any HTTPAsking, _ scheduler: any Scheduler, _ random: any RandomSource) {
        self.options = options
        self.http = http
        self.scheduler = scheduler
        self.random = random
    }

    /// Nil where there is no such thing.
    func get(_ path: String..., query: String = "") throws(RegistryError) -> JSONValue? { try call("GET", path, query, body: nil) }
    func post(_ body: JSONValue, _ path: String...) throws(RegistryError) -> JSONValue? { try call("POST", path, body: body) }
    func delete(_ path: String...) throws(RegistryError) -> JSONValue? { try call("DELETE", path, body: nil) }

    /// Asks one server after the other, and all of them again after a pause, until one answers or the patience is at its end. Every call may
    /// be repeated: what is registered twice has one number.
    private func call(_ method: String, _ path: [String], _ query: String = "", body: JSONValue?) throws(RegistryError) -> JSONValue? {
        let deadline = scheduler.time.monotonicNanoseconds().addingSaturated(options.patience.nanoseconds)
        var pause = options.firstPause
        let first = preferred.withLock { $0 }
        while true {
            var trouble = "no server answers"
            for step in options.urls.indices {
                let place = (first + step) % options.urls.count
                switch try answer(of: options.urls[place], method, path, query, body) {
                case .answer(let node):
                    preferred.withLock { $0 = place }
                    return node
                case .trouble(let message): trouble = message
                }
            }
            let nanoseconds = spread(pause.nanoseconds)
            guard scheduler.time.monotonicNanoseconds().addingSaturated(nanoseconds) < deadline else {
                throw RegistryError(trouble, isNoAnswer: true)
            }
            scheduler.sleep(nanoseconds: nanoseconds)
            pause = min(RegistryCalls.longestPause, pause + pause)
        }
    }

    private static let longestPause: Milliseconds = 1_000

    /// Between half and all of it, so that those who failed together do not come back together.
    private func spread(_ nanoseconds: Int64) -> Int64 {
        let half = nanoseconds / 2
        return half + Int64(random.next() % UInt64(clamping: max(1, half)))
    }

    private enum Outcome {
        case answer(JSONValue?)
        /// It may pass.
        case trouble(String)
    }

    private func answer(
        of url: String, _ method: String, _ path: [String], _ query: String, _ body: JSONValue?
    ) throws(RegistryError) -> Outcome {
        var request = HTTPRequest(method, url + path.map { "/" + $0.percentEncoded }.joined() + (query.isEmpty ? "" : "?" + query))
        request.headers = ["Accept: \(RegistryCalls.contentType), application/json"]
        if let body {
            request.headers.append("Content-Type: \(RegistryCalls.contentType)")
            // A server must not be asked first whether it takes the body.
            request.headers.append("Expect:")
            request.body = body.bytes
        }
        let answer: HTTPAnswer
        do throws(HTTPFailure) { answer = try http.answer(to: request) } catch {
            if error.mayPass { return .trouble(error.message) }
            throw RegistryError(error.message)
        }
        switch answer.status {
        case 200..<300: return .answer(try node(answer.body, request))
        case 429, 500...: return .trouble("\(request.host) answers with status \(answer.status)\(said(answer.body))")
        default: return .answer(try refusal(answer, request))
        }
    }

    private static let contentType = "application/vnd.schemaregistry.v1+json"

    private func node(_ body: [UInt8], _ request: HTTPRequest) throws(RegistryError) -> JSONValue {
        do throws(Diagnostic) { return try JSONValue(parsing: body[...]) } catch {
            throw RegistryError("\(request.host) answers with what is no JSON: \(error.message)")
        }
    }

    /// Nil where the server says that there is no such thing. Errors: it refuses.
    private func refusal(_ answer: HTTPAnswer, _ request: HTTPRequest) throws(RegistryError) -> JSONValue? {
        let node = try? JSONValue(parsing: answer.body[...])
        let code = node?["error_code"]?.intValue.flatMap { RegistryErrorCode(rawValue: $0) }
        switch code {
        case .subjectNotFound?, .versionNotFound?, .schemaNotFound?, .subjectDeletedSoftly?: return nil
        default: break
        }
        switch answer.status {
        case 401, 403: throw RegistryError("\(request.host) does not let us in (status \(answer.status))\(said(answer.body))")
        default:
            let message = node?["message"]?.stringValue ?? "\(request.host) answers with status \(answer.status)\(said(answer.body))"
            throw RegistryError(message, code ?? .backend)
        }
    }

    /// What an answer says in words, as far as it goes.
    private func said(_ body: [UInt8]) -> String {
        let message = (try? JSONValue(parsing: body[...]))?["message"]?.stringValue ?? ""
        return message.isEmpty ? "" : ": " + message.prefix(RegistryCalls.shownLength)
    }

    private static let shownLength = 500
}

extension String {
    /// As one step of a path (RFC 3986).
    fileprivate var percentEncoded: String {
        var text = ""
        for byte in utf8 {
            let character = Character(UnicodeScalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                text.append(character)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return text
    }
}
