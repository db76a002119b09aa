import Bytes
import Diagnostics
import JSONText
import Sessions
import Testing
import Wire

private func block(_ rows: [String], deleted: [Bool] = []) -> RowBlock {
    var block = RowBlock(deleted: deleted)
    for row in rows {
        block.rows.append(ByteRange(start: Int32(block.bytes.count), length: Int32(row.utf8.count)))
        block.bytes += Array(row.utf8)
    }
    return block
}

@Suite struct AnswerTests {
    private func wholeConversation() throws -> [UInt8] {
        var encoder = AnswerEncoder()
        encoder.greeting(["server": "0.1.0", "connection": .integer(17), "auth": [], "tls": .boolean(false)])
        encoder.columns(["columns": [["ID", "BIGINT"], ["TOTAL", "DOUBLE"]], "kind": "changes"], tag: nil)
        encoder.rows(block(["[1,9.5]", "[2,12.0]"]), tag: nil)
        encoder.heartbeat()
        encoder.rows(block(["[1]", "[2]", "[\"é\\n\"]"], deleted: [false, true, false]), tag: "q1")
        encoder.progress(["rows": .integer(10)], tag: "q1")
        encoder.notice(["message": "waited 5 s"], tag: nil)
        encoder.done(["rows": .integer(2), "skipped": .integer(0), "ms": .number("3.1")], tag: nil)
        encoder.failed(
            Diagnostic(
                .syntaxError, "line 1:3: Syntax Error\n", category: .parseFailed, hint: "Look \"here\"",
                at: SourceRange(start: 2, end: 4, line: 1, column: 3), statement: "SLECT;"), tag: "q1")
        return encoder.take()
    }

    @Test func linesLookAsDocumented() throws {
        var encoder = AnswerEncoder()
        encoder.rows(block(["[1,9.5]", "[2,12.0]"], deleted: [false, true]), tag: nil)
        encoder.rows(block(["[3]"]), tag: "q1")
        encoder.done(["rows": .integer(2)], tag: nil)
        encoder.failed(Diagnostic(.cancelled, "cancelled", category: .general), tag: "q1")
        #expect(
            String(decoding: encoder.take(), as: UTF8.self) == """
                : [1,9.5]
                ! [2,12.0]
                :#q1 [3]
                + {"rows":2}
                -#q1 57014 {"message":"cancelled","category":"general"}

                """)
    }

    @Test func whatIsWrittenIsRead() throws {
        let events = answers(try wholeConversation())
        #expect(events.count == 10)
        guard case .connection("MILLRACE/1", let facts?)? = events.first else { return #expect(Bool(false)) }
        #expect(facts["connection"]?.intValue == 17)
        #expect(events[2] == .rows(tag: nil, block(["[1,9.5]", "[2,12.0]"])))
        #expect(events[3] == .connection(word: "PING", facts: nil))
        #expect(events[4] == .rows(tag: "q1", block(["[1]", "[2]", "[\"é\\n\"]"], deleted: [false, true, false])))
        guard case .failed("q1", let diagnostic) = events[8] else { return #expect(Bool(false)) }
        #expect(diagnostic.code == .syntaxError && diagnostic.category == .parseFailed && diagnostic.range?.column == 3)
        #expect(diagnostic.statement == "SLECT;" && diagnostic.hint == "Look \"here\"")
        #expect(events.last == .closed(isClean: true))
    }

    @Test func aBatchOfRowsIsOneEvent() throws {
        var encoder = AnswerEncoder()
        encoder.rows(block((0..<1_000).map { "[\($0)]" }), tag: nil)
        var reader = AnswerReader()
        guard case .rows(nil, let rows)? = reader.receive(encoder.take()).first else { return #expect(Bool(false)) }
        #expect(rows.rows.count == 1_000)
    }

    @Test func unknownLinesAndMembersAreSkipped() {
        let events = answers(Array("% future\n+ {\"rows\":1,\"new\":[{}]}\n".utf8))
        #expect(events.count == 2)
        guard case .done(nil, let facts) = events[0] else { return #expect(Bool(false)) }
        #expect(facts["rows"]?.intValue == 1)
    }

    @Test func otherServersAreRecognised() {
        for text in ["\u{16}\u{3}\u{1}\n", "+ not json\n", ":[1]\n"] {
            guard case .broken(let diagnostic) = answers(Array(text.utf8))[0] else {
                Issue.record("\(text)")
                continue
            }
            #expect(diagnostic.code == .protocolViolation)
        }
        #expect(answers(Array("+ {".utf8)) == [.closed(isClean: false)])
    }

    @Test func anUnknownCodeKeepsItsReason() {
        guard case .failed(nil, let diagnostic) = answers(Array("- 99999 {\"message\":\"new\"}\n".utf8))[0] else { return #expect(Bool(false)) }
        #expect(diagnostic.message == "new [99999]")
    }

    @Test func aRowBeyondTheLimitCostsOnlyItself() {
        var encoder = AnswerEncoder()
        var mixed = RowBlock(bytes: Array("[1][2]".utf8), rows: [ByteRange(start: 0, length: 3)])
        mixed.rows.append(ByteRange(start: 6, length: Int32(WireLimits.rowBytes + 1)))
        mixed.bytes += [UInt8](repeating: 0x20, count: WireLimits.rowBytes + 1)
        mixed.rows.append(ByteRange(start: 3, length: 3))
        #expect(encoder.rows(mixed, tag: nil) == [1])
        #expect(String(decoding: encoder.bytes, as: UTF8.self) == ": [1]\n: [2]\n")
    }

    @Test func whatWasReadComesBack() {
        var summary = AnswerSummary(rows: 1)
        summary.readings = [
            SourceReading(source: "S", partition: 1, offsets: 5..<9, records: 4, times: 1000...2000), SourceReading(source: "T", records: 3),
            SourceReading(source: "U", partition: 0, offsets: 7..<7, records: 0),
        ]
        #expect(AnswerSummary(facts: summary.facts) == summary)
    }

    /// Whatever number a server claims, a client can read it.
    @Test func noNumberOfAServerTrapsAClient() throws {
        let numbers = ["1e300", "-1e300", "9223372036854775807", "-9223372036854775808", "99999999999999999999999", "0", "-1", "0.1", "null", "\"x\"", "[]"]
        for number in numbers {
            let facts = try JSONValue(parsing: Array(
                """
                {"message":"m","rows":\(number),"skipped":\(number),"causes":{"x":\(number)},"ms":\(number),"offsets":[{"partition":\(number),\
                "first":\(number),"last":\(number)}],"read":[{"source":"s","records":\(number),"partition":\(number),"from":0,\
                "until":\(number),"earliest":\(number),"latest":\(number)}],"firstProblem":{"line":\(number),"reason":"r"}}
                """.utf8)[...])
            let summary = AnswerSummary(facts: facts)
            #expect(summary.nanoseconds >= 0)
            _ = summary.facts.text
            let report = IngestReport(facts: facts)
            _ = report.sentence
            // What follows from it is computed without a look at each number.
            #expect((0...(1 << 50)).contains(report.records) && (0...(1 << 50)).contains(report.rejected))
            #expect((0...(1 << 50)).contains(summary.rows) && (0...(1 << 50)).contains(summary.skipped))
            let error = Diagnostic(code: "42601", json: try JSONValue(parsing: Array(
                "{\"message\":\"m\",\"line\":\(number),\"column\":\(number),\"start\":\(number),\"end\":\(number)}".utf8)[...]))
            _ = error.rendered(source: "SELECT 1;\nSELECT 2;")
        }
    }

    @Test func randomBytesNeverCrash() throws {
        var random = SeededGenerator(seed: 3)
        let good = try wholeConversation()
        for _ in 0..<1_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: "\n:#".utf8, at: place)
                }
            }
            _ = answers(bytes)
        }
    }
}

@Suite struct WireGrammarTests {
    @Test func everyRuleIsDefined() throws { #expect(try ABNF(contentsOf: "wire.abnf").undefined.isEmpty) }

    @Test func answersMatchTheGrammar() throws {
        let grammar = try ABNF(contentsOf: "wire.abnf")
        var encoder = AnswerEncoder()
        encoder.greeting(["server": "0.1.0", "auth": ["SCRAM-SHA-256"]])
        encoder.heartbeat()
        encoder.columns(["columns": [["ID", "BIGINT"]]], tag: "t")
        encoder.rows(block([#"[1,-2.5e+3,null,{"a":"\u0000é"}]"#, "[]"], deleted: [false, true]), tag: "t-1")
        encoder.progress([:], tag: nil)
        encoder.progress(positionFacts("1.00000000000000000000000000000001.2.5,0"), tag: "t")
        encoder.notice(["message": "tab\tand \u{7F}"], tag: nil)
        encoder.done(["ms": .number("1.5")], tag: nil)
        encoder.failed(Diagnostic(.internalError, "x\ny \"z\" \\ 表"), tag: "q_9")
        let lines = encoder.take().split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
        #expect(lines.count == 10)
        for line in lines { #expect(grammar.matches(line + [0x0A], "answer-line"), "\(String(decoding: line, as: UTF8.self))") }
        #expect(!grammar.matches(Array("+ {\"a\":01,}\n".utf8), "answer-line"))
    }

    @Test func requestsMatchTheGrammar() throws {
        let grammar = try ABNF(contentsOf: "wire.abnf")
        for bytes in [
            RequestEncoder.statement("SELECT ';' FROM s;"), RequestEncoder.statement("é\n", tag: "a-1"), RequestEncoder.statement(";", positions: .told), RequestEncoder.statement(";", tag: "a", positions: .after("1.0.5,6")), RequestEncoder.command(".ping"),
            RequestEncoder.command(".cancel q", tag: "x"), RequestEncoder.command(".set a b\nc"),
            Array("#q SELECT ';', 1 FROM s;".utf8),
            RequestEncoder.beginRecords(stream: "s", format: "json") + Array("{}\n\n".utf8) + RequestEncoder.endOfRecords,
        ] {
            #expect(grammar.matches(bytes, "request"), "\(String(decoding: bytes, as: UTF8.self))")
        }
    }

    @Test func whatAClientWritesTheServerReads() {
        let lines = RecordLines(bytes: Array("a.end..b".utf8), records: [ByteRange(start: 0, length: 1), ByteRange(start: 1, length: 4), ByteRange(start: 5, length: 3), ByteRange(start: 0, length: 0)])
        let bytes = RequestEncoder.statement("a; 'b", tag: "t") + RequestEncoder.beginRecords(stream: "s", format: "line")
            + RequestEncoder.records(lines) + RequestEncoder.endOfRecords + RequestEncoder.command(".quit")
        let events = requests(bytes)
        #expect(events.first == .statement(tag: "t", text: "a; 'b"))
        #expect(plain(events).filter { $0.hasPrefix("record") } == ["record 1: a", "record 2: .end", "record 3: ..b", "record 4: "])
        #expect(events.contains(.quit(tag: nil)))
    }

    @Test func limitsHaveReasons() {
        #expect(WireLimits.all.allSatisfy { $0.value > 0 && !$0.reason.isEmpty })
        #expect(Set(WireLimits.all.map(\.name)).count == WireLimits.all.count)
    }
}
