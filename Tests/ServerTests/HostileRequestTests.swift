import Diagnostics
import Engine
import Platform
import Server
import Testing

/// Values that have broken servers before.
private let hostileValues = [
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-1", "0", "999999999999999999", "", "1e300", "0x10", "\u{0}",
    String(repeating: "x", count: 1 << 20), String(repeating: "9", count: 1 << 20),
]

@Suite struct HostileRequestTests {
    /// Each request is answered by one final line, and the server answers others; the connection lives, or has ended behind that line.
    @Test func everyDotCommandSurvivesEveryValue() throws {
        let server = try RunningServer()
        for command in [".sql ", ".cancel ", ".cancel #", ".set commit.interval.ms ", ".set ", ".auth ", ".ping ", ".quit ", ".status ", ".help ", "#", "."] {
            for value in hostileValues {
                let client = try server.client()
                try client.send("\(command)\(value)\n")
                // `.sql` may still want its bytes; the end of the input is an answer to that.
                client.socket.finishWriting()
                let lines = client.rest()
                let finals = lines.filter { $0.hasPrefix("+") || $0.hasPrefix("-") }
                #expect(!finals.isEmpty && finals.count <= 2, "\(command)\(value.prefix(40)): \(finals.map { $0.prefix(100) })")
            }
        }
        #expect(try server.client().ask(".ping\n").last?.hasPrefix("+") == true)
    }

    @Test func everyTagAndPutSurvivesEveryValue() throws {
        let server = try RunningServer()
        _ = try server.client().ask(makeStream)
        for value in hostileValues {
            for request in ["#\(value) .ping\n", ".put \(value) json\n.end\n", ".put s \(value)\n.end\n", ".put s json\n{\"ID\":\(value)}\n.end\n"] {
                let client = try server.client()
                try client.send(request)
                client.socket.finishWriting()
                #expect(client.rest().contains { $0.hasPrefix("+") || $0.hasPrefix("-") }, "\(request.prefix(60))")
            }
        }
        #expect(try server.client().ask(".ping\n").last?.hasPrefix("+") == true)
    }

    @Test func everyHTTPRequestSurvivesEveryValue() throws {
        let server = try RunningServer(metrics: true)
        let address = try #require(server.server.metricsAddress)
        for value in hostileValues {
            for request in [
                "GET /\(value) HTTP/1.1\r\n\r\n", "GET /metrics HTTP/\(value)\r\n\r\n", "GET /metrics HTTP/1.1\r\nContent-Length: \(value)\r\n\r\n",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\(value)\r\n", "\(value) / HTTP/1.1\r\n\r\n",
            ] {
                let client = try LineClient(address, greeted: false)
                // A server that has refused the beginning does not read the rest.
                try? client.send(request)
                client.socket.finishWriting()
                _ = client.rest()
            }
        }
        #expect(try server.metricsPage().contains("millrace_connections"))
    }

    @Test func countedRequestsNeedNoLineEnd() throws {
        let server = try RunningServer()
        for request in [".sql 11\nSHOW TYPES;.ping\n", ".sql 12\nSHOW TYPES;\n.ping\n", ".sql 11\nSHOW TYPES;\n.ping\n", ".sql 11\nSHOW TYPES;\r\n.ping\n"] {
            let client = try server.client()
            try client.send(request)
            #expect(client.answer().last?.hasPrefix("+ ") == true)
            #expect(client.answer().last?.contains("pong") == true, "\(request)")
        }
    }

    @Test func pagesThatNobodyReadsAreNotMade() throws {
        let server = try RunningServer(metrics: true)
        let address = try #require(server.server.metricsAddress)
        let client = try LineClient(address, greeted: false)
        let asked = 2_000
        try client.send(String(repeating: "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", count: asked - 1) + "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
        #expect(client.rest().count { $0 == "HTTP/1.1 200 OK\r" } == asked)
    }

    @Test func metricsConnectionsAreLimited() throws {
        let server = try RunningServer(metrics: true)
        let address = try #require(server.server.metricsAddress)
        let clients = try (0..<64).map { _ in try LineClient(address, greeted: false) }
        for client in clients {
            try client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(client.line() == "HTTP/1.1 200 OK\r")
        }
        #expect(try LineClient(address, greeted: false).line() == "HTTP/1.1 503 Service Unavailable\r")
        withExtendedLifetime(clients) {}
    }

    /// Loads that never end take turns with others.
    @Test func aLoadGivesItsThreadBack() throws {
        let server = try RunningServer()
        _ = try server.client().ask(makeStream)
        let isOver = Monitor(false)
        let lines = String(repeating: "{\"ID\":1,\"V\":\"abc\"}\n", count: 2_000)
        let address = server.address
        let loaders = try (0..<processorCount() + 2).map { _ in
            try WorkerThread.start("loader") {
                guard let client = try? LineClient(address) else { return }
                try? client.send(".put s json\n")
                while !isOver.withLock({ $0 }) { try? client.send(lines) }
                try? client.send(".end\n")
                _ = client.answer()
            }
        }
        let answer = try server.client().ask(".put s json\n{\"ID\":7}\n.end\n")
        #expect(answer.last?.contains("1 record") == true)
        isOver.update { $0 = true }
        for loader in loaders { loader.join() }
    }
}
