import Bytes
import Diagnostics
import Quantities
import Shell
import Testing

@Suite struct ShellCommandTests {
    /// Whatever stands behind a command of the shell, it is taken or refused.
    @Test func nothingThatIsTypedTraps() {
        let nasty = [
            "9223372036854775807", "-9223372036854775808", "-1", "0", "999999999999999999", "", "1e12", "1e400", "nan", "-inf",
            String(repeating: "x", count: 1 << 20),
        ]
        for word in ShellCommand.backslashWords + ["output", "run script", "spool", "set cli wrap", "help", "history"] {
            for argument in nasty {
                if case .watch(let pause)? = ShellCommand(word + " " + argument) {
                    #expect((1...86_400_000).contains(pause.count), "\(word) \(argument.prefix(40))")
                }
            }
        }
        #expect(ShellCommand("\\watch 1e12") == .refused("\\watch takes seconds from 0.01 to 86400, not 1e12"))
        #expect(ShellCommand("\\watch 0.5") == .watch(Milliseconds(500)))
    }

    @Test func whatStandsBeforeTheFirstStatementIsNoPartOfIt() throws {
        let mark = ByteOrderMark.utf8.bytes
        #expect(try Script(name: "a", bytes: mark + Array("SHOW TABLES;".utf8)).text == "SHOW TABLES;")
        #expect(try Script(name: "a", bytes: mark + Array("#!/bin/millrace\nSHOW TABLES;".utf8)).text == "\nSHOW TABLES;")
        #expect(try Script(name: "a", bytes: Array("#!".utf8)).text == "")
        // `SHOW` with the marks of UTF-16, and letters of Latin-1.
        for (bytes, reason) in [
            ([0xFF, 0xFE, 0x53, 0], "it is UTF-16 text; save it as UTF-8"), ([0xFE, 0xFF, 0, 0x53], "it is UTF-16 text; save it as UTF-8"),
            ([0x2D, 0x2D, 0xE4], "it is not UTF-8"),
        ] as [([UInt8], String)] {
            let error = #expect(throws: Diagnostic.self) { try Script(name: "a", bytes: bytes) }
            #expect(error?.message == "the script a cannot be read: \(reason)")
        }
    }

    @Test func whatIsTypedByHabitOfOtherShells() {
        for (typed, hint) in [(".schema s", "DESCRIBE"), (".mode csv", "output FORM"), (".import a b", "\\copy"), ("\\z", "no privileges")] {
            guard case .unknown(let text)? = ShellCommand(typed) else {
                Issue.record("\(typed) is taken")
                continue
            }
            #expect(ShellCommand.suggestion(for: text)?.contains(hint) == true, "\(typed)")
        }
        // Those of psql that are other here: each says what to take instead.
        for typed in ["\\c", "\\connect x", "\\l", "\\dn", "\\du", "\\di", "\\a", "\\t", "\\w f", "\\cd /", "\\gset", "\\gexec", "\\sf abs", "\\sv w", "\\dx", "\\errverbose", "\\if x"] {
            guard case .unknown(let text)? = ShellCommand(typed) else {
                Issue.record("\(typed) is taken")
                continue
            }
            #expect(ShellCommand.suggestion(for: text)?.hasPrefix("Did you mean") == false, "\(typed)")
        }
        #expect(ShellCommand("/") == .refused("/ is no command: \\g carries the last statement out again"))
        #expect(ShellCommand("/* x */ SELECT 1;") == nil && ShellCommand("SELECT .5;") == nil)
        // Whoever types more than a word may not mean to leave.
        #expect(ShellCommand("\\q") == .exit && ShellCommand("\\q ") == .exit)
        guard case .refused? = ShellCommand("\\q extra") else { return _ = Issue.record("\\q extra leaves") }
    }

    @Test func aTableThatIsRedrawnIsAsked() {
        #expect(ShellCommand("\\live SELECT * FROM t;") == .live("SELECT * FROM t;") && ShellCommand("\\live") == .live(nil))
        #expect(ShellCommand("\\live show queries") == .live("show queries;"))
        for wrong in ["\\live SELECT * FROM t EMIT CHANGES;", "\\live DROP TABLE t;", "\\live ;"] {
            guard case .refused? = ShellCommand(wrong) else {
                Issue.record("\(wrong) is taken")
                continue
            }
        }
    }

    @Test func whatIsTypedByHabit() {
        #expect(ShellCommand("\\d visits") == .statement("DESCRIBE visits;"))
        #expect(ShellCommand("\\d+ visits") == .statement("DESCRIBE visits EXTENDED;"))
        #expect(ShellCommand("\\dS") == .list(.systemTables, pattern: "*", isExtended: false))
        #expect(ShellCommand("\\dt a*") == .list(.tables, pattern: "a*", isExtended: false))
        #expect(ShellCommand("\\d") == .list(.streamsAndTables, pattern: "*", isExtended: false))
        #expect(ShellCommand("\\x auto") == .expanded(.auto))
        #expect(ShellCommand("\\h create stream") == .help("CREATE STREAM"))
        #expect(ShellCommand("\\!ls -l") == .system("ls -l"))
        #expect(ShellCommand("\\set a it's") == .statement("DEFINE a = 'it''s';"))
        #expect(ShellCommand("\\copy s from 'a b.csv'") == .copy(ShellCommand.Copy(source: "s", isExport: false, path: "a b.csv")))
        for unclear in ["\\copy s", "\\copy", "\\copy (SELECT 1 TO f", "\\copy (SELECT 1) FROM f", "\\copy s TO 'f"] {
            guard case .refused(let reason)? = ShellCommand(unclear) else {
                Issue.record("\(unclear) is taken")
                continue
            }
            #expect(reason.contains("(SELECT …) TO FILE"))
        }
    }

    /// psql's forms of `\copy`: a query in brackets, and options behind the file.
    @Test func copiesAsInPsql() {
        func copy(_ source: String, _ path: String, isExport: Bool = true, _ format: OutputFormat?) -> ShellCommand {
            .copy(ShellCommand.Copy(source: source, isExport: isExport, path: path, format: format))
        }
        #expect(ShellCommand("\\copy z TO 'z.csv' csv header") == copy("z", "z.csv", .csv))
        #expect(ShellCommand("\\copy z TO z.txt WITH (FORMAT json)") == copy("z", "z.txt", .json))
        #expect(ShellCommand("\\copy z FROM 'p q.csv' WITH (FORMAT csv, HEADER true);") == copy("z", "p q.csv", isExport: false, .csv))
        #expect(ShellCommand("\\copy z FROM 'p q.csv' with (format csv, header)") == copy("z", "p q.csv", isExport: false, .csv))
        #expect(ShellCommand("\\copy (SELECT ')' AS b, (1) FROM z) TO 'z.csv'") == copy("(SELECT ')' AS b, (1) FROM z)", "z.csv", nil))
        for refused in ["\\copy z TO z.csv tvs", "\\copy z TO my file.csv", "\\copy z FROM z.json csv"] {
            guard case .refused? = ShellCommand(refused) else {
                Issue.record("\(refused) is taken")
                continue
            }
        }
        #expect(ShellCommand("@a.sql") == .runScript("a.sql"))
        #expect(ShellCommand(".read a.sql;") == .runScript("a.sql") && ShellCommand(".quit") == .exit && ShellCommand(".tables") == .statement("SHOW TABLES;"))
        #expect(ShellCommand("ls") == .refused("ls is a command of the system: \\! ls carries it out"))
        #expect(ShellCommand("server db:7455") == .server("db:7455"))
        #expect(ShellCommand.suggestion(for: "\\tming") == "Did you mean \\timing?")
    }

    @Test func scriptsMayHaveCommandsBetweenStatements() {
        let script = Script(name: "a.sql", text: "SHOW\n\\x\n;\n\\timing\nSHOW TABLES;\nSHOW STREAMS;\nexit\n")
        #expect(
            script.parts == [
                .statements("SHOW\n\\x\n;\n"), .command(.timing, line: 4), .statements("\n\n\n\nSHOW TABLES;\nSHOW STREAMS;\n"),
                .command(.exit, line: 7),
            ])
        #expect(Script(name: nil, text: "SHOW TABLES;").parts == [.statements("SHOW TABLES;")])
    }
}
