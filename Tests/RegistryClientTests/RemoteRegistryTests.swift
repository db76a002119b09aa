// The client of outside registries against the REST API of ours, without sockets, and against servers that fail.

import Diagnostics
import HTTPClient
import JSONText
import Platform
import Quantities
import Registry
import RegistryClient
import Schemas
import Testing

/// Servers that answer out of one registry in memory. The addresses say how: `down` cannot be reached, `busy` answers 503 to every other
/// request.
private final class Servers: HTTPAsking {
    let registry = MemoryRegistry()
    private let requests = Monitor<[String]>([])

    var asked: [String] { requests.withLock { $0 } }

    func answer(to request: HTTPRequest) throws(HTTPFailure) -> HTTPAnswer {
        let count = requests.update { requests in
            requests.append("\(request.method) \(request.url)")
            return requests.count
        }
        let halves = request.url.split(separator: "?").map(String.init)
        let parts = halves[0].split(separator: "/").map(String.init)
        if parts[1] == "old", parts[2] == "schemas" { return HTTPAnswer(status: 404, body: Array(#"{"error_code":404,"message":"HTTP 404 Not Found"}"#.utf8)) }
        if parts[1] == "down" { throw HTTPFailure("\(request.host): connection refused", mayPass: true) }
        if parts[1] == "busy", count % 2 == 1 { return HTTPAnswer(status: 503, body: Array("<html>".utf8)) }
        if parts[1] == "locked" { return HTTPAnswer(status: 401, body: Array(#"{"error_code":401,"message":"Unauthorized"}"#.utf8)) }
        if parts[1] == "page" { return HTTPAnswer(status: 200, body: Array("<html>".utf8)) }
        let answer = RegistryAPI(registry).answer(
            RegistryRequest(
                method: request.method, path: parts.dropFirst(2).map { $0.replacing("%2F", with: "/").replacing("%20", with: " ") },
                query: halves.count > 1 && halves[1] == "latestOnly=true" ? ["latestOnly": "true"] : [:],
                body: request.body ?? []))
        return HTTPAnswer(status: answer.status, body: answer.body.bytes)
    }

    func client(_ urls: String = "http://one", patience: Milliseconds = 10, missTime: Milliseconds = 3_600_000) throws -> RemoteRegistry {
        var options = try RegistryClientOptions(urls: urls, source: nil, userInfo: nil, authorities: nil)
        (options.firstPause, options.patience, options.missTime) = (1, patience, missTime)
        return RemoteRegistry(options, http: self, scheduler: HostScheduler(), random: SeededRandom(seed: 1))
    }
}

private let person = SchemaDocument(.avro, #"{"type":"record","name":"P","fields":[{"name":"a","type":"int"}]}"#)

@Suite struct RemoteRegistryTests {
    /// A listing is one request, but for servers that do not know it.
    @Test func allSubjectsAreAskedForAtOnce() throws {
        let servers = Servers()
        let writer = try servers.client()
        for subject in ["b-value", "a-value", "c-key"] { _ = try writer.register(person, as: subject) }
        _ = try writer.register(SchemaDocument(.avro, #"{"type":"record","name":"P","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}"#), as: "b-value")
        let expected = [
            SubjectSummary(subject: "a-value", version: 1, id: SchemaID(1), kind: .avro), SubjectSummary(subject: "b-value", version: 2, id: SchemaID(2), kind: .avro),
            SubjectSummary(subject: "c-key", version: 1, id: SchemaID(1), kind: .avro),
        ]
        let before = servers.asked.count
        #expect(try servers.client().summaries() == expected)
        #expect(servers.asked.dropFirst(before) == ["GET http://one/schemas?latestOnly=true"])
        #expect(try servers.client("http://old").summaries() == expected)
    }

    @Test func whatIsImmutableIsAskedForOnce() throws {
        let servers = Servers()
        let subject = "a/b c-value"
        let version = try servers.client().register(person, as: subject)
        #expect(version == SubjectVersion(subject: subject, version: 1, id: SchemaID(1), document: person))
        #expect(servers.asked.first == "POST http://one/subjects/a%2Fb%20c-value/versions")

        let other = try servers.client()
        let before = servers.asked.count
        #expect(other.knownSchema(SchemaID(1)) == nil)
        for _ in 0..<3 {
            #expect(try other.schema(SchemaID(1)) == person)
            #expect(try other.version(1, of: subject)?.id == SchemaID(1))
            #expect(try other.schema(SchemaID(9)) == nil)
        }
        #expect(other.knownSchema(SchemaID(1)) == person)
        #expect(servers.asked.count == before + 3, "\(servers.asked)")
        #expect(try other.latest(of: subject)?.version == 1)
        #expect(try other.subjects().map(\.versions) == [[1]])
        #expect(try other.latest(of: "none") == nil)
        try other.delete(subject)
        try other.delete(subject)
        #expect(try other.subjectNames() == [])
    }

    @Test func aMissIsBelievedForAMomentOnly() throws {
        let servers = Servers()
        let client = try servers.client(missTime: 0)
        #expect(try client.schema(SchemaID(1)) == nil)
        _ = try servers.registry.register(person, as: "s")
        #expect(try client.schema(SchemaID(1)) == person)
    }

    @Test func referencesAreFollowed() throws {
        let servers = Servers()
        let inner = try servers.registry.register(person, as: "inner")
        let outer = SchemaDocument(
            .avro, #"{"type":"record","name":"Q","fields":[{"name":"p","type":"P"}]}"#,
            references: [SchemaReference(name: "P", subject: "inner", version: 1, document: inner.document)])
        let id = try servers.client().register(outer, as: "outer").id
        #expect(try servers.client().schema(id) == outer)
    }

    @Test func whatMayPassIsTriedAgain() throws {
        let servers = Servers()
        _ = try servers.registry.register(person, as: "s")
        #expect(try servers.client("http://busy", patience: 60_000).latest(of: "s")?.version == 1)
        #expect(try servers.client("http://down , http://one/").latest(of: "s")?.version == 1)
        let client = try servers.client("http://down,http://one")
        _ = try client.latest(of: "s")
        let before = servers.asked.count
        _ = try client.latest(of: "s")
        #expect(servers.asked.count == before + 1, "the server that answered is asked first: \(servers.asked)")
    }

    @Test(arguments: [("down", "http://down: connection refused"), ("locked", "does not let us in (status 401): Unauthorized"), ("page", "no JSON")])
    func whatFailsIsTold(server: String, message: String) throws {
        let client = try Servers().client("http://\(server)")
        let error = #expect(throws: RegistryError.self) { try client.latest(of: "s") }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func refusalsKeepTheRegistrysWords() throws {
        let servers = Servers()
        let client = try servers.client()
        _ = try client.register(person, as: "s")
        let other = SchemaDocument(.avro, #"{"type":"record","name":"P","fields":[{"name":"b","type":"int"}]}"#)
        let error = #expect(throws: RegistryError.self) { try client.register(other, as: "s") }
        #expect(error?.code == .incompatible && error?.message.contains("incompatible with an earlier schema") == true, "\(String(describing: error))")
    }
}

@Suite struct RegistryClientOptionsTests {
    private func options(_ urls: String, _ source: String? = nil, _ user: String? = nil) throws -> RegistryClientOptions {
        try RegistryClientOptions(urls: urls, source: source, userInfo: user, authorities: nil)
    }

    @Test func loginsAreTakenOutOfURLs() throws {
        let found = try options("https://ann:p%40ss@h:8081/base/ ,http://other")
        #expect(found.urls == ["https://h:8081/base", "http://other"] && found.user == "ann:p@ss")
        #expect(try options("http://a:b@h", "USER_INFO", "c:d").user == "c:d")
        #expect(try options("http://a:b@h", "url", "c:d").user == "a:b")
        #expect(try options("http://h", nil, "c:d").user == "c:d")
        #expect(RegistryClientOptions.withoutLogin("http://a:b@h/, x,https://i") == "http://h,https://i")
    }

    @Test(arguments: ["", ",", "ftp://h", "h:8081", "http://", "http:///x", "http://u:p@", "http://h?x=1"])
    func whatIsNoURLIsRefused(_ text: String) {
        let error = #expect(throws: Diagnostic.self) { try options(text) }
        #expect(error?.code == .invalidSetting && error?.message.contains("u:p") == false)
    }

    @Test func credentialsMustBeThere() {
        #expect(throws: Diagnostic.self) { try options("http://h", "USER_INFO") }
        #expect(throws: Diagnostic.self) { try options("http://h", "SASL_INHERIT") }
    }
}
