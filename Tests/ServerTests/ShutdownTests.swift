import Engine
import Platform
import Server
import Testing

@Suite struct ShutdownTests {
    /// Whatever runs, a server that is told to stop has stopped soon: nothing that waits is waited for, and who waits is told.
    @Test func nothingHoldsUpTheEnd() throws {
        let server = try RunningServer()
        let first = try server.client()
        _ = try first.ask(makeStream)
        _ = try first.ask("CREATE STREAM copy AS SELECT * FROM s;\n")
        _ = try first.ask(".put s json\n" + String(repeating: "{\"ID\":1,\"V\":\"\(String(repeating: "x", count: 1_000))\"}\n", count: 5_000) + ".end\n")
        // Waits for a topic, for records, for a client that does not read, for the rest of a load.
        let waiting = try server.client()
        try waiting.send("ASSERT TOPIC nope TIMEOUT 24 HOURS;\n")
        let printing = try server.client()
        try printing.send("PRINT s;\n")
        _ = printing.line()
        let pushing = try server.client()
        try pushing.send(".set auto.offset.reset earliest\nSELECT * FROM s EMIT CHANGES;\n")
        let unread = try server.client()
        try unread.send("PRINT s FROM BEGINNING;\n")
        let loading = try server.client()
        try loading.send(".put s json\n{\"ID\":2}\n")
        let pausing = try server.client()
        try pausing.send("PAUSE CSAS_COPY_0;\n")
        let started = SystemTime().monotonicNanoseconds()
        server.server.stop()
        server.engine.close()
        #expect(SystemTime().monotonicNanoseconds() - started < 5_000_000_000)
        #expect(waiting.rest().contains { $0.hasPrefix("- 57P01") })
        #expect(printing.rest().contains { $0.hasPrefix("- 57P01") })
        #expect(loading.rest().contains { $0.hasPrefix("- 57P01") && $0.contains("1 record") })
    }

    /// Nobody waits for clients that have nothing to wait for, whatever they have sent so far: none of them is still there when the time is
    /// up.
    @Test func idleClientsAreLetGoOf() throws {
        let server = try RunningServer(metrics: true)
        let idle = try server.client()
        #expect(try idle.ask(".ping\n").last == #"+ {"message":"pong"}"#)
        let typing = try server.client()
        try typing.send("SELECT 1")
        let leaving = try server.client()
        #expect(try leaving.ask(".quit\n").last == #"+ {"message":"bye"}"#)
        let asked = try LineClient(try #require(server.server.metricsAddress), greeted: false)
        try asked.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(asked.line() == "HTTP/1.1 200 OK\r")
        let half = try LineClient(try #require(server.server.metricsAddress), greeted: false)
        try half.send("GET /metrics HT")
        #expect(server.server.stop(grace: 60_000) == 0)
        for client in [idle, typing] { #expect(client.rest() == [#"? {"message":"the server is shutting down"}"#]) }
        #expect(leaving.rest().isEmpty)
        withExtendedLifetime([asked, half]) {}
    }

    /// Clients that read on and never close: each is told the end of what it asked for, once, and then the connection ends.
    @Test(arguments: ["", "#t "])
    func openQueriesEndWithAReason(tag: String) throws {
        let server = try RunningServer()
        _ = try server.client().ask(makeStream)
        var clients: [LineClient] = []
        for request in [
            "SELECT * FROM s EMIT CHANGES;", "SELECT v, COUNT(*) FROM s GROUP BY v EMIT CHANGES;", "PRINT s;",
            "ASSERT TOPIC nope TIMEOUT 1 HOUR;",
        ] {
            let client = try server.client()
            try client.send("\(tag)\(request)\n")
            if request.hasPrefix("ASSERT") {
                // It says nothing until it ends; what was sent behind it has been read.
                #expect(try client.ask("#p .ping\n", through: "+#p ").count == 1)
            } else {
                #expect(client.line()?.hasPrefix("=") == true)
            }
            clients.append(client)
        }
        #expect(server.server.stop(grace: 60_000) == 0)
        for client in clients { #expect(client.rest().filter { $0.hasPrefix("-") }.map { $0.split(separator: " ")[1] } == ["57P01"]) }
    }

    /// A request that is being answered has the grace, also when its client reads slowly.
    @Test func anAnswerUnderWayIsFinished() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        // More than sockets and the outbox hold.
        let record = #"{"ID":1,"V":""# + String(repeating: "x", count: 500_000) + "\"}\n"
        for _ in 0..<4 {
            try client.send(".put s json\n" + String(repeating: record, count: 16) + ".end\n")
            #expect(client.answer().last?.contains(#""rows":16"#) == true)
        }
        try client.send("SELECT v FROM s;\n")
        #expect(client.line()?.hasPrefix("=") == true)
        let idle = try server.client()
        let cutOff = Monitor<Int?>(nil)
        let stopping = try WorkerThread.start("stop") { [server = server.server] in
            let left = server.stop(grace: 60_000)
            cutOff.update { $0 = left }
        }
        // The stop has begun.
        #expect(!idle.rest().isEmpty)
        let rows = client.rest()
        #expect(rows.count { $0.hasPrefix(": ") } == 64)
        #expect(rows.last?.hasPrefix("+ ") == true)
        stopping.join()
        #expect(cutOff.withLock { $0 } == 0)
    }
}
