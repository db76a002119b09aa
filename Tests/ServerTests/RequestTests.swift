import Platform
import Server
import Testing

@Suite struct RequestTests {
    @Test func greetsAndAnswersStatementsOverSeveralLines() throws {
        let server = try RunningServer()
        let client = try server.client()
        #expect(client.greeting == #"* MILLRACE/1 {"server":"0.1.0","connection":1,"auth":[],"tls":false,"maxLine":1048576}"#)
        #expect(try client.ask(makeStream).map(stable) == [#"+ {"message":"Stream created","rows":0,"skipped":0}"#])
        #expect(try client.ask("INSERT INTO s\n  VALUES (1,\n  'a;b');\n").map(stable) == [#"+ {"message":"1 row inserted","rows":0,"changed":1,"skipped":0}"#])
        #expect(
            try client.ask("SELECT * FROM s;\n").map(stable) == [
                #"= {"columns":[["ID","BIGINT"],["V","STRING"]],"kind":"rows"}"#, #": [1,"a;b"]"#,
                #"+ {"rows":1,"skipped":0,"read":[{"source":"S","records":1,"partition":0,"from":0,"until":1}]}"#,
            ])
    }

    @Test func errorsSayWhere() throws {
        let server = try RunningServer()
        let client = try server.client()
        let answer = try client.ask("SHOW STREAMS\n  NOW;\n")
        #expect(answer.count == 1)
        #expect(answer[0].hasPrefix("- 42601 {"))
        #expect(answer[0].contains(#""line":2,"column":3"#))
    }

    @Test func aTextOfSeveralStatementsHasOneEnd() throws {
        let server = try RunningServer()
        let client = try server.client()
        let text = makeStream + "INSERT INTO s VALUES (1, 'a');\nSELECT v FROM s;"
        #expect(
            try client.ask(".sql \(text.utf8.count)\n\(text)").map { String(stable($0).prefix(40)) } == [
                #"? {"message":"Stream created","done":{"m"#, #"? {"message":"1 row inserted","done":{"m"#,
                #"= {"columns":[["V","STRING"]],"kind":"ro"#, #": ["a"]"#, #"+ {"rows":1,"skipped":0,"read":[{"source"#,
            ])
    }

    @Test func untaggedRequestsAreAnsweredInOrder() throws {
        let server = try RunningServer()
        let client = try server.client()
        try client.send(makeStream + "INSERT INTO s VALUES (1, 'a');\n.ping\nSELECT v FROM s;\nSELEC;\n.nonsense\n.auth x\n.quit\n")
        let firsts = client.rest().map { String(stable($0).prefix(28)) }
        #expect(
            firsts == [
                #"+ {"message":"Stream created"#, #"+ {"message":"1 row inserted"#, #"+ {"message":"pong"}"#, #"= {"columns":[["V","STRING"]"#,
                #": ["a"]"#, #"+ {"rows":1,"skipped":0,"rea"#, #"- 42601 {"message":"line 1:1"#, #"- 08P01 {"message":"there is"#,
                #"- 55000 {"message":"nobody h"#, #"+ {"message":"bye"}"#,
            ])
    }

    @Test func enterStopsAPushQuery() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream + "\n")
        try client.send("SELECT * FROM s EMIT CHANGES;\n")
        #expect(client.line()?.hasPrefix("= ") == true)
        _ = try server.client().ask("INSERT INTO s VALUES (1, 'a');\n")
        #expect(client.line() == #": [1,"a"]"#)
        #expect(try client.ask("\n").first?.hasPrefix("- 57014 ") == true)
        #expect(try client.ask(".ping\n") == [#"+ {"message":"pong"}"#])
    }

    @Test func aFurtherStatementStopsAPushQueryAndIsCarriedOut() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        try client.send("SELECT * FROM s EMIT CHANGES;\n")
        #expect(client.line()?.hasPrefix("= ") == true)
        try client.send(".ping\n")
        #expect(client.answer().first?.hasPrefix("- 57014 ") == true)
        #expect(client.answer() == [#"+ {"message":"pong"}"#])
    }

    @Test func taggedRequestsRunAtOnce() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        try client.send("#a SELECT * FROM s EMIT CHANGES;\n#b SELECT id FROM s EMIT CHANGES;\n")
        var headers = [client.line() ?? "", client.line() ?? ""]
        headers.sort()
        #expect(headers.map { String($0.prefix(4)) } == ["=#a ", "=#b "])
        #expect(try client.ask(".ping\n") == [#"+ {"message":"pong"}"#])
        try client.send("#a .ping\n")
        #expect(client.line()?.hasPrefix("-#a 08P01 ") == true)
        try client.send(".cancel a\n")
        let ends = [client.line() ?? "", client.line() ?? ""].sorted()
        #expect(ends[0] == #"+ {"message":"cancelled"}"#)
        #expect(ends[1].hasPrefix("-#a 57014 "))
        _ = try server.client().ask("INSERT INTO s VALUES (7, 'x');\n")
        #expect(client.line() == ":#b [7]")
        try client.send("#c .cancel b\n#d .cancel nobody\n")
        let more = [client.line() ?? "", client.line() ?? "", client.line() ?? ""].sorted()
        #expect(more[0] == #"+#c {"message":"cancelled"}"#)
        #expect(more[1].hasPrefix("-#b 57014 "))
        #expect(more[2].hasPrefix("-#d 55000 "))
    }

    @Test func noMoreThanSixtyFourTaggedRequests() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        for index in 0..<64 { try client.send("#t\(index) SELECT * FROM s EMIT CHANGES;\n") }
        for _ in 0..<64 { #expect(client.line()?.hasPrefix("=#t") == true) }
        try client.send("#more .ping\n")
        #expect(client.line()?.hasPrefix("-#more 53400 ") == true)
    }

    @Test func theEndOfInputLetsRequestsFinish() throws {
        let server = try RunningServer()
        let client = try server.client()
        _ = try client.ask(makeStream)
        try client.send("SELECT id FROM s EMIT CHANGES LIMIT 2;\n")
        client.socket.finishWriting()
        #expect(client.line()?.hasPrefix("= ") == true)
        let other = try server.client()
        _ = try other.ask("INSERT INTO s VALUES (1, 'a');\n")
        _ = try other.ask("INSERT INTO s VALUES (2, 'b');\n")
        #expect(client.rest().map { String($0.prefix(8)) } == [": [1]", ": [2]", #"+ {"mess"#])
    }

    @Test func settingsAndStatus() throws {
        let server = try RunningServer()
        let client = try server.client()
        #expect(try client.ask(".set auto.offset.reset earliest\n") == [#"+ {"message":"auto.offset.reset is 'earliest' in this session"}"#])
        #expect(try client.ask(".set auto.offset.rest earliest\n").first?.hasPrefix("- F0000 ") == true)
        #expect(try client.ask(".status\n").first?.contains(#""connections":1,"running":0"#) == true)
        #expect(try client.ask(".help\n").count == 14)
        #expect(try client.ask("SHOW LIMITS;\n").contains { $0.hasPrefix(#": ["protocol: line bytes",1048576,"#) })
    }

    @Test func aHeadlessServerTakesNoDefinitions() throws {
        let server = try RunningServer(acceptsDefinitions: false)
        let client = try server.client()
        #expect(try client.ask(makeStream).first?.hasPrefix("- 55P01 ") == true)
        #expect(try client.ask("SHOW STREAMS;\n").last?.hasPrefix("+ ") == true)
    }
}
