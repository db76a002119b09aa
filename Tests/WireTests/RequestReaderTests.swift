import Diagnostics
import Sessions
import Testing
import Wire

@Suite struct RequestReaderTests {
    private func code(_ event: RequestEvent?) -> ErrorCode? {
        switch event {
        case .refused(_, let diagnostic), .foreign(let diagnostic), .putAborted(let diagnostic): diagnostic.code
        default: nil
        }
    }

    @Test func aStatementEndsAtItsSemicolon() {
        #expect(requests("SELECT 1;\n") == [.statement(tag: nil, text: "SELECT 1;"), .endOfRequests])
        #expect(
            requests("SELECT ';' -- ;\n, `;` /* ; */;") == [
                .interrupt, .statement(tag: nil, text: "SELECT ';' -- ;\n, `;` /* ; */;"), .endOfRequests,
            ])
        #expect(
            requests("a; b;\r\n  c\n;") == [
                .statement(tag: nil, text: "a;"), .statement(tag: nil, text: "b;"), .interrupt, .statement(tag: nil, text: "c\n;"),
                .endOfRequests,
            ])
    }

    @Test func aTagBelongsToOneRequest() {
        #expect(
            requests("#q-1 SELECT 1; SELECT 2;\n#x .ping\n") == [
                .statement(tag: "q-1", text: "SELECT 1;"), .statement(tag: nil, text: "SELECT 2;"), .ping(tag: "x"), .endOfRequests,
            ])
        #expect(code(requests("# SELECT 1;\n").first) == .protocolViolation)
        #expect(code(requests("#\(String(repeating: "x", count: 33)) SELECT 1;\n").first) == .protocolViolation)
        // A request begins directly behind a semicolon, and no statement begins with a dot.
        #expect(
            requests("SHOW TYPES;.ping\nSHOW TYPES; #x .ping\n") == [
                .statement(tag: nil, text: "SHOW TYPES;"), .ping(tag: nil), .statement(tag: nil, text: "SHOW TYPES;"), .ping(tag: "x"),
                .endOfRequests,
            ])
        #expect(requests("#a!b SELECT 1;\n.ping\n").last { $0 != .endOfRequests } == .ping(tag: nil))
    }

    @Test func commands() {
        #expect(
            requests(".ping\n.cancel\n.cancel q\n.cancel #q\r\n.auth SCRAM n,,n=u\n.set a.b  c d\n.status\n.help\n.quit\n") == [
                .ping(tag: nil), .cancel(tag: nil, target: nil), .cancel(tag: nil, target: "q"), .cancel(tag: nil, target: "q"),
                .authenticate(tag: nil, text: "SCRAM n,,n=u"), .set(tag: nil, key: "a.b", value: "c d"), .status(tag: nil),
                .help(tag: nil), .quit(tag: nil), .endOfRequests,
            ])
    }

    @Test func mistakesInCommandsAreAnswered() {
        for text in [".pong\n", ".ping now\n", ".set a\n", ".put s\n", ".sql x\n", ".sql -1\n", ".end\n", ".\n"] {
            let events = requests(text)
            #expect(code(events.first) == .protocolViolation, "\(text)")
            #expect(events.count == 2)
        }
        guard case .refused(_, let diagnostic)? = requests(".pign\n").first else { return #expect(Bool(false)) }
        #expect(diagnostic.hint == "Did you mean .ping?")
    }

    @Test func aDotInsideALineIsNoCommand() {
        #expect(requests("a\n.ping\n;") == [.interrupt, .interrupt, .statement(tag: nil, text: "a\n.ping\n;"), .endOfRequests])
    }

    @Test func countedStatementsMayHoldAnything() {
        #expect(
            requests("#t .sql 12\n'open\n.end\n;\n.ping\n") == [
                .statement(tag: "t", text: "'open\n.end\n;"), .ping(tag: nil), .endOfRequests,
            ])
        #expect(requests(".sql 0\n").first == .statement(tag: nil, text: ""))
        #expect(code(requests(".sql 5\nab").first) == .protocolViolation)
        #expect(code(requests(Array(".sql 2\n".utf8) + [0xFF, 0xFE]).first) == .syntaxError)
    }

    @Test func aCountedRequestAsksForPositions() {
        let wishes: [PositionWish] = [.none, .told, .after("1.00000000000000000000000000000001.2.5,0")]
        let sent = wishes.flatMap { RequestEncoder.statement("a;", tag: "t", positions: $0) }
        #expect(requests(sent).dropLast() == wishes.map { .statement(tag: "t", text: "a;", positions: $0) }[...])
        for wrong in [".sql 2 after\na;", ".sql 2 after x y\na;", ".sql 2 somewhere\na;", ".sql positions\na;"] {
            #expect(code(requests(wrong).first) == .protocolViolation, "\(wrong)")
        }
    }

    /// Behind the counted bytes the next request begins as at the start of a line, whether or not a line end is sent there.
    @Test func aCountedRequestNeedsNoLineEnd() {
        for tag in [nil, "b"] {
            let prefix = tag.map { "#\($0) " } ?? ""
            for end in ["", "\n", "\r\n", " \n"] {
                #expect(
                    requests("\(prefix).sql 11\nSHOW TYPES;\(end).ping\n") == [.statement(tag: tag, text: "SHOW TYPES;"), .ping(tag: nil), .endOfRequests])
                #expect(requests("\(prefix).sql 0\n\(end).ping\n") == [.statement(tag: tag, text: ""), .ping(tag: nil), .endOfRequests])
            }
            #expect(requests("\(prefix).sql 12\nSHOW TYPES;\n.ping\n").dropFirst().first == .ping(tag: nil))
            // A second line end is a blank line like any other.
            #expect(requests("\(prefix).sql 1\n;\n\n.ping\n").dropFirst().first == .interrupt)
        }
        #expect(code(requests("#t .sql 999999999999999999\n.ping\n").first) == .tooLarge)
        #expect(requests(".sql 999999999999999999\n.ping\n").count == 1)
        #expect(code(requests(".sql 9999999999999999999\n").first) == .protocolViolation)
    }

    @Test func blankAndUnfinishedLinesInterrupt() {
        #expect(requests("\n") == [.interrupt, .endOfRequests])
        #expect(requests("SELECT 1;\n\n") == [.statement(tag: nil, text: "SELECT 1;"), .interrupt, .endOfRequests])
        #expect(requests("-- a remark\nSELECT 1;") == [.interrupt, .statement(tag: nil, text: "SELECT 1;"), .endOfRequests])
    }

    @Test func recordsComeAsTheyAre() {
        let events = requests("#p .put orders json\n{\"a\":1}\r\n\n..end\n.5\nlast\n.end\nSELECT 1;\n")
        #expect(
            plain(events) == [
                "\(RequestEvent.putBegan(tag: "p", stream: "orders", format: "json"))", "record 1: {\"a\":1}", "record 2: ",
                "record 3: .end", "record 4: .5", "record 5: last", "\(RequestEvent.putEnded)",
                "\(RequestEvent.statement(tag: nil, text: "SELECT 1;"))", "\(RequestEvent.endOfRequests)",
            ])
    }

    @Test func aPieceOfRecordsIsOneBatch() {
        var reader = RequestReader()
        _ = reader.receive(Array(".put s csv\n".utf8))
        let events = reader.receive(Array("a\nb\nc\nunfin".utf8))
        guard case .putRecords(let lines)? = events.first else { return #expect(Bool(false)) }
        #expect(events.count == 1 && lines.records.count == 3 && lines.firstLine == 1)
        guard case .putRecords(let more)? = reader.receive(Array("ished\n".utf8)).first else { return #expect(Bool(false)) }
        #expect(String(decoding: more[0], as: UTF8.self) == "unfinished" && more.firstLine == 4)
    }

    @Test func inputThatEndsTooEarlyIsRefused() {
        #expect(code(requests("SELECT 1").first) == .syntaxError)
        #expect(code(requests(".pi").first) == .protocolViolation)
        let events = requests(".put s json\na\nb")
        #expect(plain(events).contains("record 1: a"))
        #expect(code(events.dropLast().last) == .protocolViolation)
        #expect(requests("  \n -- nothing") == [.interrupt, .endOfRequests])
    }

    @Test func longLinesAndStatementsAreRefusedOnce() {
        let long = String(repeating: "x", count: WireLimits.lineBytes + 10)
        for (text, expected) in [
            (".auth \(long)\n.ping\n", ErrorCode.lineTooLong), ("SELECT '\(long)';\n.ping\n", .lineTooLong),
            (".sql 9999999\n" + String(repeating: "y", count: 9_999_999 % 7), .tooLarge),
        ] {
            var reader = RequestReader()
            let events = reader.receive(Array(text.utf8))
            #expect(code(events.first) == expected)
            #expect(events.count == (expected == .tooLarge ? 1 : 2))
        }
        var reader = RequestReader()
        let line = String(repeating: "'x',", count: 200_000) + "\n"
        let events = reader.receive(Array((String(repeating: line, count: 7) + ";\n.ping\n").utf8))
        #expect(events.compactMap(code) == [.tooLarge])
        #expect(events.last == .ping(tag: nil))
    }

    @Test func aLongRecordEndsThePut() {
        let long = String(repeating: "x", count: WireLimits.lineBytes + 1)
        let bytes = Array(".put s json\nok\n\(long)\n.end\n.ping\n".utf8)
        func feed(_ size: Int) -> [String] {
            var reader = RequestReader()
            var events: [RequestEvent] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                events += reader.receive(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            return plain(events)
        }
        let whole = feed(bytes.count)
        #expect(whole.count == 4)
        #expect(whole.last == "\(RequestEvent.ping(tag: nil))")
        for size in [1_000, 65_536, WireLimits.lineBytes + 16, WireLimits.lineBytes + 20] { #expect(feed(size) == whole) }
    }

    @Test func otherProtocolsGetOneClearLine() {
        let openings: [[UInt8]] = [
            Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), Array("POST /ksql HTTP/1.1\r\n".utf8), Array("PRI * HTTP/2.0\r\n\r\n".utf8),
            [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], Array("SSH-2.0-OpenSSH\r\n".utf8), [0, 0, 0, 0x21, 0, 0x12, 0, 3],
        ]
        for bytes in openings {
            let events = requests(bytes)
            #expect(events.count == 1)
            #expect(code(events.first) == .foreignProtocol)
        }
        #expect(code(requests("GETX;\n").first) == nil)
        #expect(requests("DELETE FROM s;\n").first == .statement(tag: nil, text: "DELETE FROM s;"))
        #expect(requests("SELECT 1; GET ;").count == 3)
    }

    @Test func randomBytesNeverCrash() {
        var random = SeededGenerator(seed: 11)
        let pieces = ["SELECT ';", "#a ", ".put s json\n", ".end\n", ".sql 7\n", "\n", ";", "'", "--", "/*", "*/", ".ping\n", "é", "\r\n", ".."]
        for _ in 0..<1_500 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                if Bool.random(using: &random) {
                    bytes += Array(pieces.randomElement(using: &random)!.utf8)
                } else {
                    bytes += (0..<Int.random(in: 1...5, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                }
            }
            _ = requests(bytes)
        }
    }
}
