import Diagnostics
import Engine
import LogStore
import Platform
import Testing

/// The script of a server without definitions from clients: it can be run at every start, and each statement happens
/// once.
@Suite struct ScriptRunTests {
    private func run(_ script: [String], over files: any FileSystem) throws -> (failures: [String], millrace: Millrace) {
        let millrace = try Millrace(files: files, pushStart: "earliest")
        let script = script
        let run = ScriptRun(in: millrace.session)
        let collector = EventCollector()
        for statement in script {
            let isDone = Monitor(false)
            run.execute(statement, into: collector) { _ in isDone.update { $0 = true } }
            isDone.wait(until: { $0 }, then: { _ in })
        }
        return (collector.soFar.filter { $0.hasPrefix("-") }, millrace)
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
}
