import Platform
import Server
import Testing

@Suite struct RegistryPageTests {
    /// The lines of all answers; the last has no end.
    private func ask(_ server: RunningServer, _ request: String) throws -> [String] {
        let client = try ClientSocket(connectingTo: try #require(server.server.registryAddress))
        try client.write(Array(request.utf8))
        var answer: [UInt8] = []
        while let bytes = try? client.read(upTo: 65_536), !bytes.isEmpty { answer += bytes }
        return answer.split(separator: 0x0A, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }

    private func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" }

    @Test func schemasOfStatementsAreServed() throws {
        let server = try RunningServer(registry: true)
        _ = try server.client().ask("CREATE STREAM s (id INT) WITH (KAFKA_TOPIC='a b', VALUE_FORMAT='AVRO');\n")
        let found = try ask(server, get("/subjects/a%20b-value/versions/latest"))
        #expect(found.first == "HTTP/1.1 200 OK\r" && found.contains("Content-Type: application/vnd.schemaregistry.v1+json\r"))
        #expect(found.last?.contains("\"subject\":\"a b-value\",\"version\":1") == true, "\(found)")
        // Several on one connection, answered in order.
        let both = try ask(server, "GET /schemas/types HTTP/1.1\r\nHost: x\r\n\r\n" + get("/nowhere/"))
        #expect(both.first == "HTTP/1.1 200 OK\r" && both.contains(#"["JSON","PROTOBUF","AVRO"]HTTP/1.1 404 Not Found"# + "\r"), "\(both)")
        #expect(both.last == "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}")
    }

    @Test(arguments: [
        ("nonsense\r\n\r\n", "400 Bad Request"), ("GET /%zz HTTP/1.1\r\nConnection: close\r\n\r\n", "400 Bad Request"),
        ("PUT /subjects HTTP/1.1\r\nConnection: close\r\n\r\n", "405 Method Not Allowed"),
        ("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 40_000) + "\r\n\r\n", "431 Request Header Fields Too Large"),
        ("GET /" + String(repeating: "x", count: 40_000) + " HTTP/1.1\r\n\r\n", "431 Request Header Fields Too Large"),
        (
            "POST /subjects/s HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n" + String(repeating: " ", count: 3_000_000),
            "413 Content Too Large"
        ),
    ])
    func whatIsRefused(_ request: String, _ status: String) throws {
        let server = try RunningServer(registry: true)
        let client = try LineClient(try #require(server.server.registryAddress), greeted: false)
        // A server that has refused reads no further.
        try? client.send(request)
        #expect(client.line() == "HTTP/1.1 \(status)\r")
    }
}
