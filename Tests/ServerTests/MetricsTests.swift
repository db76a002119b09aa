import Platform
import Server
import Testing

@Suite struct MetricsTests {
    @Test func thePageCountsWhatHappened() throws {
        let server = try RunningServer(metrics: true)
        let client = try server.client()
        _ = try client.ask(makeStream)
        _ = try client.ask("CREATE STREAM big AS SELECT * FROM s WHERE id > 1 EMIT CHANGES;\n")
        _ = try client.ask(".put s json\n{\"ID\":1}\n{\"ID\":2}\nbad\n.end\n")
        _ = try client.ask("SELEC;\n")
        _ = try client.ask(".cancel nothing\n")
        // Waits until the query has worked off what was put.
        _ = try client.ask("SELECT * FROM big;\n")
        let page = try server.metricsPage()
        for line in [
            "HTTP/1.1 200 OK\r", "# TYPE millrace_connections gauge", "millrace_connections 1", "millrace_put_records_total 2",
            "millrace_put_rejected_total 1", "millrace_requests_failed_total 2", "millrace_queries{state=\"RUNNING\"} 1",
            "millrace_query_records_read_total{query=\"CSAS_BIG_0\"} 2", "millrace_query_records_written_total{query=\"CSAS_BIG_0\"} 1",
            "millrace_log_end_offset{topic=\"s\",partition=\"0\"} 2",
        ] {
            #expect(page.contains(line + "\n"), "\(line)")
        }
    }

    @Test func health_unknownPagesAndNonsense() throws {
        let server = try RunningServer(metrics: true)
        let address = try #require(server.server.metricsAddress)
        let client = try LineClient(address, greeted: false)
        try client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\nPOST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(client.rest().filter { $0.hasPrefix("HTTP/1.1") } == ["HTTP/1.1 200 OK\r", "HTTP/1.1 404 Not Found\r", "HTTP/1.1 405 Method Not Allowed\r"])
        let other = try LineClient(address, greeted: false)
        try other.send("SELECT 1;\r\n\r\n")
        #expect(other.line() == "HTTP/1.1 400 Bad Request\r")
    }
}
