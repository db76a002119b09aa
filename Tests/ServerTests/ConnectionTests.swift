import Platform
import Server
import Testing

@Suite struct ConnectionTests {
    @Test func otherProtocolsGetOneClearLine() throws {
        let server = try RunningServer()
        for opening in ["GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", "SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\u{1A}"] {
            let client = try server.client()
            try client.send(opening)
            let lines = client.rest()
            #expect(lines.count == 1)
            #expect(lines.first?.hasPrefix("- 08P02 {") == true)
        }
    }

    @Test func anOverLongLineIsRefusedAndTheNextIsRead() throws {
        let server = try RunningServer()
        let client = try server.client()
        try client.send("SELECT '" + String(repeating: "x", count: 1 << 20) + "';\n")
        #expect(client.answer().first?.hasPrefix("- 54010 ") == true)
        #expect(try client.ask(".ping\n") == [#"+ {"message":"pong"}"#])
    }

    /// A client that sends more than one turn takes gets its answers in order, and others theirs meanwhile.
    @Test func aFloodIsAnsweredInOrder() throws {
        let server = try RunningServer()
        let (client, other) = (try server.client(), try server.client())
        let count = 20_000
        let flood = (0..<count).map { "#f\($0) .ping\n" }.joined()
        let sender = try WorkerThread.start("flood") { [socket = client.socket] in try? socket.write(Array(flood.utf8)) }
        #expect(try other.ask(".ping\n") == [#"+ {"message":"pong"}"#])
        for number in 0..<count where client.line() != #"+#f\#(number) {"message":"pong"}"# {
            Issue.record("the answer of request \(number) is missing")
            break
        }
        sender.join()
    }

    /// A client that reads nothing is not read from either, and gets everything once it does.
    @Test func aClientThatReadsLateGetsAllAnswers() throws {
        let server = try RunningServer()
        let client = try server.client()
        let count = 8_000
        let isSent = Monitor(false)
        let sender = try WorkerThread.start("flood") { [socket = client.socket] in
            try? socket.write(Array(String(repeating: ".help\n", count: count).utf8))
            isSent.update { $0 = true }
        }
        var endings = 0
        while endings < count, let line = client.line() { if line.hasPrefix("+ ") { endings += 1 } }
        #expect(endings == count)
        sender.join()
        #expect(isSent.withLock { $0 })
    }

    @Test func aClientThatVanishesInAStatementIsForgotten() throws {
        let server = try RunningServer()
        do {
            let client = try server.client()
            try client.send("CREATE STREAM s (id BIG")
            client.socket.resetOnClose()
        }
        try awaitOnlyOneConnection(server)
    }

    @Test func aResetEndsThePushQuery() throws {
        let server = try RunningServer()
        _ = try server.client().ask(makeStream)
        do {
            let client = try server.client()
            try client.send("SELECT * FROM s EMIT CHANGES;\n")
            #expect(client.line()?.hasPrefix("= ") == true)
            client.socket.resetOnClose()
        }
        try awaitOnlyOneConnection(server)
        let client = try server.client()
        while try client.ask("SHOW QUERIES;\n").contains(where: { $0.hasPrefix(": ") }) {}
    }

    /// A killed client leaves an orderly end of its output behind, as one does that only wants the rest of its answer. That it is gone is
    /// found out long before the next regular heartbeat, which comes after 15 seconds.
    @Test(arguments: ["SELECT * FROM s EMIT CHANGES;", "PRINT s;", "ASSERT TOPIC nope TIMEOUT 1 HOUR;"])
    func aClientThatClosesEndsWhatItAskedFor(request: String) throws {
        let server = try RunningServer()
        _ = try server.client().ask(makeStream)
        let started = SystemTime().monotonicNanoseconds()
        do {
            let client = try server.client()
            try client.send(request + "\n")
            if !request.hasPrefix("ASSERT") { #expect(client.line()?.hasPrefix("= ") == true) }
        }
        try awaitOnlyOneConnection(server)
        #expect(SystemTime().monotonicNanoseconds() - started < 12_000_000_000)
    }

    /// A client that ends its output and reads on gets the whole answer.
    @Test func aClientThatOnlyEndsItsOutputGetsItsRows() throws {
        let server = try RunningServer()
        let writer = try server.client()
        _ = try writer.ask(makeStream)
        let client = try server.client()
        try client.send("SELECT v FROM s EMIT CHANGES LIMIT 2;\n")
        #expect(client.line()?.hasPrefix("= ") == true)
        client.socket.finishWriting()
        for value in ["a", "b"] { _ = try writer.ask("INSERT INTO s VALUES (1, '\(value)');\n") }
        #expect(client.rest().map { String($0.prefix(5)) } == [": [\"a", ": [\"b", "+ {\"m"])
    }

    /// Asks until the asker is the only connection and nothing runs.
    private func awaitOnlyOneConnection(_ server: RunningServer) throws {
        let client = try server.client()
        while try client.ask(".status\n").first?.contains(#""connections":1,"running":0"#) != true {}
    }

    @Test func aClientThatNeverReadsHoldsUpNobodyElse() throws {
        let server = try RunningServer()
        let writer = try server.client()
        _ = try writer.ask(makeStream)
        let sleeper = try server.client()
        try sleeper.send("SET 'auto.offset.reset'='earliest';\nSELECT v FROM s EMIT CHANGES LIMIT 64;\n")
        #expect(sleeper.answer().count == 1)
        #expect(sleeper.line()?.hasPrefix("= ") == true)
        // Far more than sockets and the outbox hold.
        let record = #"{"ID":1,"V":""# + String(repeating: "x", count: 500_000) + "\"}\n"
        for _ in 0..<4 {
            try writer.send(".put s json\n" + String(repeating: record, count: 16) + ".end\n")
            #expect(writer.answer().last?.contains(#""rows":16"#) == true)
        }
        #expect(try writer.ask("SELECT COUNT(*) AS n FROM s GROUP BY 1;\n").last?.hasPrefix("- 5") == false)
        // When it reads at last, nothing is missing.
        let rows = sleeper.lines(through: "+ ")
        #expect(rows.count == 65)
        #expect(rows.dropLast().allSatisfy { $0.utf8.count == 500_006 })
    }

    @Test func stoppingEndsPushQueriesAndSaysWhy() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        try client.send("SELECT * FROM s EMIT CHANGES;\n")
        #expect(client.line()?.hasPrefix("= ") == true)
        let stopping = try WorkerThread.start("stop") { [server = server.server] in server.stop() }
        #expect(client.rest().map { String($0.prefix(8)) } == ["- 57P01 "])
        stopping.join()
        #expect(throws: SystemError.self) { try ClientSocket(connectingTo: server.address) }
    }

    @Test func aUnixSocketSpeaksTheSame() throws {
        let server = try RunningServer()
        let path = "/tmp/millrace-test-\(UInt64.random(in: 0 ... .max)).socket"
        let second = try MillraceServer(server.engine, ServerOptions(listeners: [.file(path)]))
        let client = try LineClient(.file(path))
        #expect(try client.ask(".ping\n") == [#"+ {"message":"pong"}"#])
        client.socket.disconnect()
        second.stop()
        #expect(!HostFileSystem().exists(path))
    }

    @Test func aTakenAddressIsAnError() throws {
        let server = try RunningServer()
        #expect(throws: (any Error).self) { try MillraceServer(server.engine, ServerOptions(listeners: [server.address])) }
    }
}
