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
}
