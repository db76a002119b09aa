// What is told of a script that is not carried out to its end.

import Diagnostics
import Engine
import Platform
import Sessions
import Testing

@Suite struct ScriptFailureTests {
    /// Runs a script, of which each statement is a line, until one fails; gives what is told of that.
    private func failure(_ script: [String], over files: any FileSystem = MemoryFileSystem()) throws -> Diagnostic? {
        let millrace = try Millrace(files: files, workers: 1)
        defer { millrace.engine.close() }
        let run = ScriptRun(of: script, in: millrace.session)
        for index in script.indices {
            let sink = OutcomeSink()
            let isDone = Monitor(false)
            run.execute(index, into: sink) { succeeded in
                // A statement that is left out gives no event.
                if succeeded { sink.emit(.done(AnswerSummary())) }
                isDone.update { $0 = true }
            }
            isDone.wait(until: { $0 }, then: { _ in })
            if let error = sink.error() { return run.failure(error, at: index, lines: script.indices.map { $0 + 1 }, in: "f.sql") }
        }
        return nil
    }

    private let make = "CREATE STREAM s (id INT KEY, v INT) WITH (kafka_topic='s', format='JSON', partitions=1);"
    private let other = "CREATE STREAM s (id INT KEY) WITH (kafka_topic='s', format='JSON', partitions=1);"
    private let derive = "CREATE STREAM d AS SELECT * FROM s;"

    @Test func itSaysHowFarItGot() throws {
        let mistake = "CREATE STREAM x AS SELECT nothing FROM s;"
        #expect(try failure([mistake])?.message.hasSuffix("\nNo statement of the file has been carried out") == true)
        #expect(
            try failure([make, mistake])?.message.hasSuffix(
                "\nStatement 1 of the file has been carried out, those from line 2 on have not") == true)
        let third = try #require(try failure([make, derive, mistake, "DROP STREAM d;"]))
        #expect(third.message.hasPrefix("f.sql:3: "))
        #expect(third.message.hasSuffix("\nStatements 1–2 of the file have been carried out, those from line 3 on have not"))
    }

    /// What is made twice is told from what another start has made.
    @Test func theMakerOfADuplicateIsNamed() throws {
        let files = MemoryFileSystem()
        #expect(try failure([make, derive, make], over: files)?.hint?.hasPrefix("Line 1 of the file makes it already") == true)
        let changed = try #require(try failure([other, derive], over: files))
        #expect(changed.message.hasPrefix("f.sql:1: Cannot add stream 'S'"))
        #expect(changed.hint?.hasPrefix("The data directory has it from an earlier start, made by another statement.") == true)
        let types = ["CREATE TYPE p AS STRUCT<a INT>;", "CREATE TYPE p AS STRUCT<b INT>;"]
        #expect(try failure(types)?.hint?.hasPrefix("Line 1 of the file makes it already") == true)
    }
}
