// What watches a server from outside: the metrics that the dashboard and the alert rules name are there, and clients are listed.

import Foundation
import Testing

@Suite struct ObservabilityTests {
    private func text(_ name: String) throws -> String {
        let root = URL(filePath: "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/"))
        return try String(contentsOf: root.appending(path: "examples/observability/" + name), encoding: .utf8)
    }

    @Test func dashboardAndAlertsNameMetricsThatThereAre() throws {
        let server = try RunningServer(metrics: true, kafka: true)
        let page = try server.metricsPage()
        let known = Set(page.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) })
        for name in ["dashboard.json", "alerts.yml"] {
            let named = Set(try text(name).matches(of: try Regex("millrace_[a-z_]+")).map { match in String(match.output[0].substring ?? "") })
            #expect(named.count > 5 && named.subtracting(known).isEmpty, "\(name) names \(named.subtracting(known).sorted())")
        }
        let dashboard = try JSONSerialization.jsonObject(with: Data(text("dashboard.json").utf8)) as? [String: Any]
        #expect((dashboard?["panels"] as? [Any])?.count ?? 0 > 10)
    }

    @Test func clientsAreListed() throws {
        let server = try RunningServer(metrics: true)
        let client = try server.client()
        _ = try client.ask("SELECT 1;\n")
        let other = try server.client()
        let page = try LineClient(try #require(server.server.metricsAddress), greeted: false)
        try page.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(page.line() == "HTTP/1.1 200 OK\r")
        let answer = try other.ask("SELECT protocol, requests, client LIKE '127.0.0.1:%' AS is_near FROM millrace.connections ORDER BY id;\n")
        #expect(
            answer.filter { $0.hasPrefix(":") }
                == [#": ["LINE",1,true]"#, #": ["LINE",1,true]"#, #": ["HTTP",1,true]"#], "\(answer)")
        let own = try other.ask("SELECT COUNT(DISTINCT connection) FROM millrace.statements;\n")
        #expect(own.contains(": [2]"), "\(own)")
    }

    @Test func headIsAnsweredAsGetIs() throws {
        let server = try RunningServer(metrics: true)
        let client = try LineClient(try #require(server.server.metricsAddress), greeted: false)
        try client.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let lines = client.rest()
        #expect(lines.filter { $0.hasPrefix("HTTP/1.1") } == ["HTTP/1.1 200 OK\r", "HTTP/1.1 200 OK\r"])
        #expect(!lines.contains { $0.hasPrefix("ok") || $0.hasPrefix("#") })
    }
}
