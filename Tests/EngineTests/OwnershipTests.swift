// Nothing outlives what owns it: a closed engine, its sessions, its log and what ran in it are gone.

import Engine
import LogStore
import Pipelines
import Platform
import TestSupport
import Testing

@Suite struct OwnershipTests {
    /// The objects that one engine with everything in it leaves behind.
    private final class Remains {
        weak var engine: MillraceEngine?
        weak var session: EngineSession?
        weak var log: (any EventLog)?
        weak var files: MemoryFileSystem?
        var statuses: [WeakStatus] = []

        /// What is still there.
        var living: [String] {
            var names: [String] = []
            if engine != nil { names.append("engine") }
            if session != nil { names.append("session") }
            if log != nil { names.append("log") }
            if files != nil { names.append("files") }
            return names + statuses.compactMap { $0.status?.queryID }
        }
    }

    private struct WeakStatus { weak var status: QueryStatus? }

    private static let script = """
        SET 'auto.offset.reset'='earliest';
        CREATE STREAM a (k VARCHAR KEY, v BIGINT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON');
        CREATE STREAM b (k VARCHAR KEY, w BIGINT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON');
        CREATE STREAM filtered AS SELECT k, v + 1 AS v FROM a WHERE v > 0;
        CREATE TABLE counts AS SELECT k, COUNT(*) AS n FROM a GROUP BY k;
        CREATE TABLE windows AS SELECT v, COUNT(*) AS n FROM a WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 1 SECOND) GROUP BY v;
        CREATE TABLE sessions AS SELECT k, COUNT(*) AS n FROM a WINDOW SESSION (1 SECOND) GROUP BY k;
        CREATE STREAM joined AS SELECT a.k, v, w FROM a JOIN b WITHIN 1 SECOND ON a.k = b.k;
        CREATE STREAM named AS SELECT a.k, v, n FROM a JOIN counts ON a.k = counts.k;
        INSERT INTO a VALUES ('x', 1);
        INSERT INTO b VALUES ('x', 2);
        SELECT * FROM counts WHERE k = 'x';
        SELECT * FROM a;
        SELECT COUNT(*) FROM a;
        SELECT * FROM a EMIT CHANGES LIMIT 1;
        PRINT 'a' FROM BEGINNING LIMIT 1;
        DROP STREAM named;
        """

    private func live() throws -> Remains {
        let remains = Remains()
        let files = MemoryFileSystem()
        let millrace = try Millrace(files: files)
        for statement in Self.script.split(separator: "\n") {
            let lines = millrace.run(String(statement))
            #expect(lines.last?.hasPrefix("-") == false, "\(statement): \(lines)")
        }
        // A push query that its client leaves, and one that the engine's end finds running.
        let (left, request) = millrace.start("SELECT * FROM a EMIT CHANGES;")
        _ = left.wait { $0.contains { $0.hasPrefix(":") } }
        request.cancel()
        let (open, _) = millrace.start("SELECT * FROM counts EMIT CHANGES;")
        _ = open.wait { $0.contains { $0.hasPrefix("=") } }
        remains.engine = millrace.engine
        remains.session = millrace.session
        remains.log = millrace.log
        remains.files = files
        remains.statuses = millrace.engine.queryStatuses.map { WeakStatus(status: $0) }
        millrace.close()
        return remains
    }

    @Test func aClosedEngineIsGone() throws {
        let remains = try live()
        #expect(remains.living == [])
    }
}
