import Server
import Testing

@Suite struct PutTests {
    @Test func badLinesAreCountedAndTheFirstIsNamed() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        let answer = try client.ask(".put s json\n{\"ID\":1,\"V\":\"a\"}\n{bad\n\n{\"id\":2}\n{\"ID\":\"x\"}\n.end\n")
        #expect(
            answer.map(stable) == [
                #"+ {"message":"2 records, 2 lines rejected (first: line 2: malformed JSON)","rows":2,"skipped":2,"#
                    + #""firstProblem":{"line":2,"reason":"malformed JSON"},"offsets":[{"partition":0,"first":0,"last":1}]}"#
            ])
        #expect(try client.ask("SELECT * FROM s;\n").dropFirst().dropLast() == [#": [1,"a"]"#, ": [2,null]"])
        #expect(
            try client.ask("SELECT source, reason FROM millrace_errors;\n").dropFirst().dropLast().first == #": ["s","malformed JSON"]"#)
    }

    @Test func keylessJSONKeepsItsBytes() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        _ = try client.ask(".put s json\n{ \"more\" : [1, 2],  \"v\":\"\\u00e9\" }\n.end\n")
        let printed = try client.ask("PRINT s FROM BEGINNING LIMIT 1;\n")
        #expect(printed.contains { $0.contains(#"value: { \"more\" : [1, 2],  \"v\":\"\\u00e9\" }"#) })
    }

    @Test func keysGoWhereTheyBelong() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(
            "CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR) WITH (kafka_topic='t', value_format='delimited', partitions=1);\n")
        let answer = try client.ask(".put t json\n{\"K\":1,\"V\":\"a,b\"}\n{\"V\":\"c\"}\n{\"K\":2}\n.end\n")
        #expect(answer.last?.contains("2 records, 1 line rejected (line 2: column `K`: the key of a table must not be NULL)") == true)
        #expect(try client.ask(".put t csv\n3,\"x \"\"y\"\", z\"\n4\n5,\n.end\n").last?.contains(#""rows":2,"skipped":1"#) == true)
        let printed = try client.ask("PRINT t FROM BEGINNING LIMIT 4;\n").joined(separator: "\n")
        #expect(printed.contains(#"key: 1, value: \"a,b\","#))
        #expect(printed.contains(#"key: 3, value: \"x \"\"y\"\", z\","#))
    }

    @Test func linesAreTheOneTextColumn() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask("CREATE STREAM l (v VARCHAR) WITH (kafka_topic='l', value_format='json', partitions=1);\n")
        #expect(try client.ask(".put l line\nhello, \"you\"\n\n..end\n.end\n").last?.contains(#""rows":3"#) == true)
        #expect(try client.ask("SELECT * FROM l;\n").dropFirst().dropLast() == [#": ["hello, \"you\""]"#, #": [""]"#, #": [".end"]"#])
        _ = try client.ask(makeStream)
        #expect(try client.ask(".put s line\n").last?.hasPrefix("- 42804 ") == true)
        #expect(try client.ask("x\n.end\n.ping\n") == [#"+ {"message":"pong"}"#])
    }

    @Test func whatCannotBeWrittenToIsRefusedOnce() throws {
        let server = try RunningServer()
        let client = try server.client()
        #expect(try client.ask(".put nowhere json\n").last?.hasPrefix("- 42P01 ") == true)
        #expect(try client.ask("{}\n.end\n.ping\n") == [#"+ {"message":"pong"}"#])
        #expect(try client.ask(".put millrace_errors json\n").last?.hasPrefix("- 55P01 ") == true)
        #expect(try client.ask("{}\n.end\n.put s xml\n").last?.hasPrefix("- 08P01 ") == true)
    }

    @Test func anEndBeforeItsTimeKeepsWhatCameBefore() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        try client.send(".put s json\n{\"ID\":1}\n{\"ID\":2}\n")
        client.socket.finishWriting()
        let lines = client.rest()
        #expect(lines.count == 1)
        #expect(lines[0].hasPrefix("- 08P01 "))
        #expect(lines[0].contains("Durable: 2 records."))
    }

    @Test func tricklesAndFloodsKeepTheirOrder() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        try client.send("#p .put s json\n")
        var sent = ""
        for index in 0..<20_000 {
            sent += "{\"ID\":\(index)}\n"
            // Pieces of every size, cut anywhere.
            if index % 997 == 0 || index < 40 {
                let cut = sent.utf8.count / 2
                try client.send(String(sent.prefix(cut)))
                sent = String(sent.dropFirst(cut))
            }
        }
        try client.send(sent + ".end\n")
        let end = client.lines(through: "+#p ", "-#p ")
        #expect(end.last?.contains(#""rows":20000,"skipped":0,"offsets":[{"partition":0,"first":0,"last":19999}]"#) == true)
        let rows = try client.ask("SELECT id FROM s;\n").dropFirst().dropLast()
        #expect(rows.elementsEqual((0..<20_000).map { ": [\($0)]" }))
    }

    @Test(arguments: ["k INT KEY, ", ""])
    func numbersOutOfRangeAreNoRows(key: String) throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask("CREATE STREAM n (\(key)i INT, b BIGINT, a ARRAY<INT>) WITH (kafka_topic='n', value_format='JSON');\n")
        let lines = [
            #"{"I":2147483647,"B":9223372036854775807,"A":[-2147483648]}"#, #"{"I":2147483648}"#, #"{"B":9223372036854775808}"#,
            #"{"B":-9223372036854775808,"I":1.0}"#, #"{"I":1.5}"#, #"{"A":[1,99999999999]}"#, #"{"B":1e300}"#, #"{"I":1e3}"#,
        ]
        let answer = try #require(try client.ask(".put n json\n" + lines.map { $0 + "\n" }.joined() + ".end\n").last)
        #expect(answer.contains(#""rows":3,"skipped":5,"firstProblem":{"line":2,"reason":"column `I`: 2147483648 is out of the range of INTEGER"}"#))
        #expect(try client.ask("SELECT i, b, a FROM n;\n").filter { $0.hasPrefix(":") } == [
            ": [2147483647,9223372036854775807,[-2147483648]]", ": [1,-9223372036854775808,null]", ": [1000,null,null]",
        ])
    }

    /// A load that ended holds nothing: neither its connection nor, by that, the server.
    @Test func aLoadThatEndedIsLetGoOf() throws {
        weak var server: MillraceServer?
        func load() throws {
            let running = try RunningServer()
            server = running.server
            let client = try running.client()
            _ = try client.ask(makeStream)
            #expect(try client.ask(".put s json\n{\"ID\":1}\n.end\n").last?.hasPrefix("+ ") == true)
        }
        try load()
        #expect(server == nil)
    }

    /// Whether lines are kept as they are (the stream is DELIMITED) or written anew.
    @Test(arguments: ["delimited", "json"])
    func whatIsNoBooleanIsNoRow(format: String) throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask("CREATE STREAM b (i INT, b BOOLEAN, d DOUBLE) WITH (kafka_topic='b', value_format='\(format)');\n")
        let lines = ["1,true,1", "2,yes,2", "3,FALSE,3", "4,,", "5, true,5", "6,true,1e999", "7,true,x"]
        let answer = try #require(try client.ask(".put b csv\n" + lines.map { $0 + "\n" }.joined() + ".end\n").last)
        #expect(answer.contains(#""rows":3,"skipped":4,"firstProblem":{"line":2,"reason":"column `B`: cannot convert 'yes' to BOOLEAN"}"#))
        let rows = try client.ask("SELECT * FROM b;\n").filter { $0.hasPrefix(":") }
        #expect(rows == [": [1,true,1.0]", ": [3,false,3.0]", ": [4,null,null]"])
        #expect(try client.ask("SELECT reason FROM millrace_errors;\n").filter { $0.hasPrefix(":") }.count == 4)
    }
}
