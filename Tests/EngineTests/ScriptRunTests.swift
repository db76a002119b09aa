import Diagnostics
import Engine
import LogStore
import Platform
import Testing

/// The script of a server without definitions from clients: it can be run at every start, and each statement happens
/// once.
@Suite struct ScriptRunTests {
    /// Runs a script at a start over `files`; gives the events of its statements and the engine, which stays open.
    private func events(_ script: [String], over files: any FileSystem) throws -> (events: [String], millrace: Millrace) {
        let millrace = try Millrace(files: files, pushStart: "earliest")
        let run = ScriptRun(of: script, in: millrace.session)
        let collector = EventCollector()
        for index in script.indices {
            let isDone = Monitor(false)
            run.execute(index, into: collector) { _ in isDone.update { $0 = true } }
            isDone.wait(until: { $0 }, then: { _ in })
        }
        return (collector.soFar, millrace)
    }

    private func run(_ script: [String], over files: any FileSystem) throws -> (failures: [String], millrace: Millrace) {
        let (events, millrace) = try events(script, over: files)
        return (events.filter { $0.hasPrefix("-") }, millrace)
    }

    private let script = [
        "SET 'auto.offset.reset'='earliest';", "CREATE TYPE pair AS STRUCT<x INT, y INT>;",
        "CREATE STREAM s (id INT KEY, v STRING, p pair) WITH (kafka_topic='s', format='JSON', partitions=1);",
        "ALTER STREAM s ADD COLUMN more INT;", "INSERT INTO s (id, v) VALUES (1, 'two  blanks');", "INSERT INTO s (id, v) VALUES (1, 'two  blanks');",
        "CREATE STREAM d AS SELECT id, v FROM s WHERE v LIKE 'two  %';", "INSERT INTO d SELECT id, v FROM s WHERE id > 5;",
        "CREATE STREAM gone AS SELECT * FROM s;", "DROP STREAM gone;",
    ]

    @Test func aScriptRunsAtEachStart() throws {
        let files = MemoryFileSystem()
        for _ in 0..<3 {
            let (failures, millrace) = try run(script, over: files)
            #expect(failures == [])
            #expect(millrace.run("SELECT COUNT(*) FROM s;").contains(": [2]"))
            #expect(millrace.run("SELECT COUNT(*) FROM d;").contains(": [2]"))
            #expect(millrace.run("DESCRIBE s;").contains { $0.contains("MORE") })
            #expect(millrace.run("SHOW QUERIES;").filter { $0.contains("PERSISTENT") }.count == 2)
            millrace.engine.close()
        }
    }

    /// A CREATE that stands there twice is a mistake at the first start, and at the next ones as well, unless it says what is to become of the first.
    @Test func theSameCreateTwice() throws {
        let files = MemoryFileSystem()
        let create = "CREATE STREAM t (v INT) WITH (kafka_topic='t', format='JSON', partitions=1);"
        for _ in 0..<2 {
            let (failures, millrace) = try run([create, create], over: files)
            #expect(failures.count == 1 && failures[0].contains("already exists"), "\(failures)")
            millrace.engine.close()
        }
        for word in ["CREATE OR REPLACE STREAM", "CREATE STREAM IF NOT EXISTS"] {
            let other = MemoryFileSystem()
            for _ in 0..<2 {
                let (failures, millrace) = try run([create, create.replacing("CREATE STREAM", with: word)], over: other)
                #expect(failures == [])
                millrace.engine.close()
            }
        }
    }

    /// Statements that are added are carried out; texts that differ in blanks inside a literal are two.
    @Test func aScriptThatGrew() throws {
        let files = MemoryFileSystem()
        try run(script, over: files).millrace.engine.close()
        let (failures, millrace) = try run(
            script + ["INSERT INTO s (id, v) VALUES (1, 'two blanks');", "CREATE STREAM later AS SELECT * FROM s;"], over: files)
        #expect(failures == [])
        #expect(millrace.run("SELECT COUNT(*) FROM s;").contains(": [3]"))
        #expect(millrace.run("SHOW STREAMS;").contains { $0.contains("LATER") })
        millrace.engine.close()
    }

    /// A data directory from before the marks: what exists as the script says is not made again.
    @Test func whatExistsIsNotMadeAgain() throws {
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        for statement in [script[1], script[2]] { #expect(millrace.run(statement).last?.hasPrefix("+") == true) }
        millrace.engine.close()
        let (failures, again) = try run([script[1], script[2]], over: files)
        #expect(failures == [])
        again.engine.close()
    }

    // MARK: Scripts with DROP in front of CREATE

    private let source = "CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);"
    private let settings = "SET 'auto.offset.reset'='earliest';"

    /// The queries that make TOT and BIG, as they are after a start with a script.
    private func state(_ script: [String], over files: any FileSystem) throws -> [String] {
        let (failures, millrace) = try run(script, over: files)
        defer { millrace.engine.close() }
        let catalog = millrace.engine.catalog
        return failures + ["TOT", "BIG"].compactMap { name in catalog.sources[name].map { "\(name) \($0.queryID ?? "")" } }
    }

    /// DROP IF EXISTS in front of CREATE changes nothing at later starts, whether there was something to drop at the first or not.
    @Test func aDropBelongsToTheCreateBehindIt() throws {
        let files = MemoryFileSystem()
        let counting = "CREATE TABLE tot AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;"
        let script = [settings, source, "DROP TABLE IF EXISTS tot DELETE TOPIC;", counting]
        for _ in 0..<3 { #expect(try state(script, over: files) == ["TOT CTAS_TOT_0"]) }
        // Another definition, and back to the first: each is made anew once.
        let summing = "CREATE TABLE tot AS SELECT id, SUM(v) AS n FROM s GROUP BY id;"
        for _ in 0..<2 { #expect(try state(script.dropLast() + [summing], over: files) == ["TOT CTAS_TOT_1"]) }
        for _ in 0..<2 { #expect(try state(script, over: files) == ["TOT CTAS_TOT_2"]) }
        // A DROP put in front of what exists as the script says, and taken out again.
        #expect(try state([settings, source, counting], over: files) == ["TOT CTAS_TOT_2"])
        #expect(try state([settings, source, "DROP TABLE tot;", counting], over: files) == ["TOT CTAS_TOT_2"])
        // Without a DROP the other definition is refused, also when it has been carried out before.
        #expect(try state([settings, source, summing], over: files).first?.contains("already exists") == true)
    }

    /// A table that reads from what is made anew is made anew as well, where the script drops it in front.
    @Test func whatReadsFromADroppedSourceIsMadeAnew() throws {
        let files = MemoryFileSystem()
        func script(_ limit: Int) -> [String] {
            [
                settings, source, "DROP TABLE IF EXISTS tot;", "DROP STREAM IF EXISTS big;", "CREATE STREAM big AS SELECT * FROM s WHERE v > \(limit);",
                "CREATE TABLE tot AS SELECT id, COUNT(*) AS n FROM big GROUP BY id;",
            ]
        }
        for _ in 0..<2 { #expect(try state(script(1), over: files) == ["TOT CTAS_TOT_1", "BIG CSAS_BIG_0"]) }
        for _ in 0..<2 { #expect(try state(script(2), over: files) == ["TOT CTAS_TOT_3", "BIG CSAS_BIG_2"]) }
    }

    /// A TERMINATE behind what makes a query ends it for good: no later start makes it again.
    @Test(arguments: ["CREATE", "CREATE OR REPLACE"], ["TERMINATE CTAS_TOT_0;", "TERMINATE ALL;"])
    func aTerminatedQueryStaysSo(create: String, terminate: String) throws {
        let files = MemoryFileSystem()
        let script = [settings, source, create + " TABLE tot AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;", terminate]
        for _ in 0..<3 {
            let (failures, millrace) = try run(script, over: files)
            #expect(failures == [])
            #expect(millrace.engine.catalog.sources["TOT"] != nil && millrace.engine.catalog.sortedQueries.isEmpty)
            millrace.engine.close()
        }
    }

    /// A TERMINATE in front of what makes a query does not end it at the next start; one that finds no query says so.
    @Test(arguments: ["TERMINATE ALL;", "TERMINATE CTAS_TOT_0;", "TERMINATE INSERTQUERY_1;", "PAUSE ALL;"])
    func aTerminateBelongsToTheQueryBehindIt(statement: String) throws {
        let files = MemoryFileSystem()
        let stream = "CREATE STREAM d (id INT KEY, v INT) WITH (kafka_topic='d', format='JSON', partitions=1);"
        let counting = "CREATE TABLE tot AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;"
        let insert = "INSERT INTO d SELECT id, v FROM s;"
        func queries(_ script: [String]) throws -> [String] {
            let (events, millrace) = try events(script, over: files)
            defer { millrace.engine.close() }
            #expect(millrace.engine.catalog.paused.isEmpty)
            return events.filter { $0.hasPrefix("-") || $0.hasPrefix("? there is no") } + millrace.engine.catalog.sortedQueries.map(\.id)
        }
        let notice = statement.contains("_") ? ["? there is no query \(statement.dropFirst(10).dropLast()) to terminate"] : []
        #expect(try queries([settings, statement, source, stream, counting, insert]) == notice + ["CTAS_TOT_0", "INSERTQUERY_1"])
        for _ in 0..<2 { #expect(try queries([settings, statement, source, stream, counting, insert]).suffix(2) == ["CTAS_TOT_0", "INSERTQUERY_1"]) }
        guard statement == "TERMINATE ALL;" else { return }
        // What the script does not make any more is ended, and what it makes another way can be dropped.
        #expect(try queries([settings, statement, source, stream, counting]) == ["CTAS_TOT_0"])
        let summing = counting.replacing("COUNT(*)", with: "SUM(v)")
        for _ in 0..<2 { #expect(try queries([settings, statement, source, "DROP TABLE tot;", summing]) == ["CTAS_TOT_2"]) }
    }

    /// A DROP without a CREATE behind it is carried out whenever there is something to drop.
    @Test func aDropForGoodIsCarriedOutAgain() throws {
        let files = MemoryFileSystem()
        let counting = "CREATE TABLE tot AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;"
        for number in 0..<2 {
            #expect(try state([settings, source, counting], over: files) == ["TOT CTAS_TOT_\(number)"])
            for _ in 0..<2 { #expect(try state([settings, source, "DROP TABLE IF EXISTS tot;"], over: files) == []) }
        }
        #expect(try state([settings, source, counting, "DROP TABLE tot;"], over: files) == [])
        #expect(try state([settings, source, counting], over: files) == ["TOT CTAS_TOT_2"])
    }

    /// What has columns of a type that changes is made anew with it.
    @Test func whatHasATypeThatChangesIsMadeAnew() throws {
        let files = MemoryFileSystem()
        for type in ["INT", "INT", "BIGINT", "BIGINT"] {
            let (failures, millrace) = try run(
                [
                    "DROP STREAM IF EXISTS s;", "DROP TYPE IF EXISTS pair;", "CREATE TYPE pair AS STRUCT<x \(type)>;",
                    "CREATE STREAM s (id INT KEY, p pair) WITH (kafka_topic='s', format='JSON', partitions=1);",
                ], over: files)
            #expect(failures == [])
            #expect(millrace.run("DESCRIBE s;").contains { $0.contains(type == "INT" ? "`X` INTEGER" : "`X` BIGINT") })
            millrace.engine.close()
        }
    }

    /// A source that is dropped with its records gets its rows and the queries that write to it again.
    @Test func aSourceThatIsMadeAnewIsFilledAnew() throws {
        let files = MemoryFileSystem()
        func script(_ type: String) -> [String] {
            [
                settings, "TERMINATE ALL;", "DROP STREAM IF EXISTS s DELETE TOPIC;",
                "CREATE STREAM s (id INT KEY, v \(type)) WITH (kafka_topic='s', format='JSON', partitions=1);", "INSERT INTO s (id, v) VALUES (1, 2);",
            ]
        }
        for type in ["INT", "INT", "BIGINT", "BIGINT"] {
            let (failures, millrace) = try run(script(type), over: files)
            #expect(failures == [])
            #expect(millrace.run("SELECT COUNT(*) FROM s;").contains(": [1]"))
            #expect(millrace.run("DESCRIBE s;").contains { $0.contains("\"\(type == "INT" ? "INTEGER" : type)\"") })
            millrace.engine.close()
        }
    }

    /// Rows of a script are there whenever their topic was made anew, at whatever start; and they are not twice in one that was kept.
    @Test func rowsComeBackWithTheirTopic() throws {
        let files = MemoryFileSystem()
        let rows = ["INSERT INTO s VALUES (1, 1);", "INSERT INTO s VALUES (1, 1);", "INSERT INTO s VALUES (2, 2);"]
        func count(_ script: [String]) throws -> (rows: String?, marks: Int) {
            let (failures, millrace) = try run(script, over: files)
            defer { millrace.engine.close() }
            #expect(failures == [])
            let marks = millrace.engine.catalog.scriptMarks.count
            return (millrace.run("SELECT COUNT(*) FROM s;").first { $0.hasPrefix(":") }, marks)
        }
        var marks: [Int] = []
        for _ in 0..<3 {
            for _ in 0..<2 { #expect(try count([source] + rows).rows == ": [3]") }
            marks.append(try count([source] + rows).marks)
            // The topic stays where the DROP does not say otherwise.
            #expect(try count([source] + rows + ["DROP STREAM s;"]).rows == nil)
            #expect(try count([source] + rows).rows == ": [3]")
            #expect(try count(["DROP STREAM s DELETE TOPIC;"]).rows == nil)
        }
        #expect(marks[1] == marks[2], "what is remembered does not grow: \(marks)")
    }

    /// The same INSERT … SELECT written twice is two queries, also when the second one is added later.
    @Test func theSameQueryTwice() throws {
        let files = MemoryFileSystem()
        let made = [settings, source, "CREATE STREAM d (id INT KEY, v INT) WITH (kafka_topic='d', format='JSON', partitions=1);"]
        let insert = "INSERT INTO d SELECT id, v FROM s;"
        func queries(_ script: [String]) throws -> [String] {
            let (failures, millrace) = try run(script, over: files)
            defer { millrace.engine.close() }
            return failures + millrace.engine.catalog.sortedQueries.map(\.id)
        }
        for _ in 0..<2 { #expect(try queries(made + [insert]) == ["INSERTQUERY_0"]) }
        for _ in 0..<2 { #expect(try queries(made + [insert, insert]) == ["INSERTQUERY_0", "INSERTQUERY_1"]) }
        #expect(try queries(made + [insert]) == ["INSERTQUERY_0", "INSERTQUERY_1"])
        for _ in 0..<2 { #expect(try queries(made + [insert, insert, "TERMINATE INSERTQUERY_0;"]) == ["INSERTQUERY_1"]) }
        #expect(try queries(made + [insert, insert, insert]) == ["INSERTQUERY_1", "INSERTQUERY_2"])
    }

    /// OR REPLACE and IF NOT EXISTS come and go without a change of what exists.
    @Test(arguments: [("", " OR REPLACE"), (" OR REPLACE", ""), (" IF NOT EXISTS", ""), ("", " IF NOT EXISTS")])
    func theSameWithAndWithoutReplacing(before: String, after: String) throws {
        let files = MemoryFileSystem()
        func script(_ words: String) -> [String] {
            let (first, behind) = words.contains("REPLACE") ? (words, "") : ("", words)
            return [
                settings, "CREATE TYPE\(behind) pair AS STRUCT<x INT>;",
                "CREATE\(first) STREAM\(behind) s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);",
                "CREATE\(first) STREAM\(behind) a (id INT KEY, v INT) WITH (kafka_topic='a', format='JSON', partitions=1);",
                "ALTER STREAM a ADD COLUMN more INT;", "CREATE\(first) TABLE\(behind) tot AS SELECT id, COUNT(*) AS n FROM s GROUP BY id;",
                "CREATE\(first) STREAM\(behind) big AS SELECT * FROM s WHERE v > 1;",
            ]
        }
        for words in [before, after, before] {
            let (events, millrace) = try events(script(words), over: files)
            #expect(events.filter { $0.hasPrefix("-") } == [])
            #expect(millrace.engine.catalog.sortedQueries.map(\.id) == ["CSAS_BIG_1", "CTAS_TOT_0"])
            #expect(millrace.engine.catalog.sources["TOT"]?.queryID == "CTAS_TOT_0")
            #expect(millrace.run("DESCRIBE a;").contains { $0.contains("MORE") })
            millrace.engine.close()
        }
        // At a start without a change nothing but the settings is carried out.
        let (events, millrace) = try events(script(after), over: files)
        #expect(events.count == 1, "\(events)")
        millrace.engine.close()
    }

    /// A query whose answer nobody reads is left out with a notice, instead of keeping the server from its next statements for ever.
    @Test func queriesWithoutReadersAreLeftOut() throws {
        let (events, millrace) = try events(
            [source, "SELECT * FROM s EMIT CHANGES;", "PRINT 's';", "SELECT * FROM s;"], over: MemoryFileSystem())
        #expect(events.filter { $0.hasPrefix("? this statement is left out") }.count == 3)
        millrace.engine.close()
    }

    /// What the script does not make any more is named.
    @Test func whatIsLeftOverIsNamed() throws {
        let files = MemoryFileSystem()
        let (failures, first) = try run(script, over: files)
        #expect(failures == [])
        first.engine.close()
        let again = try Millrace(files: files)
        #expect(ScriptRun(of: script, in: again.session).leftovers == [])
        #expect(ScriptRun(of: Array(script.prefix(6)), in: again.session).leftovers == ["D", "INSERTQUERY_1"])
        again.engine.close()
    }
}
