// Talks to a server: makes a stream and a table over it, inserts records, asks, and takes rows as they come.
//
//   swift run visits 127.0.0.1:6455

import MillraceClient

/// A row of the stream, as the program has it.
struct Visit: Codable, Sendable {
    var visitor: String
    var page: String
    var ms: Int
}

do {
    let session = try await Session.connect(to: CommandLine.arguments.dropFirst().first ?? "127.0.0.1")
    try await session.execute(
        """
        CREATE STREAM IF NOT EXISTS visits (visitor VARCHAR KEY, page VARCHAR, ms BIGINT)
          WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON');
        CREATE TABLE IF NOT EXISTS per_page AS
          SELECT page, COUNT(*) AS visits, SUM(ms) AS total FROM visits GROUP BY page;
        """)

    // A query that goes on, in a task of its own: it ends with its loop.
    let slow = try await session.query("SELECT visitor, page, ms FROM visits WHERE ms > 800 EMIT CHANGES")
    let watching = Task {
        var seen: [Visit] = []
        for try await row in slow {
            seen.append(try row.decoded())
            if seen.count == 2 { break }
        }
        return seen
    }

    let report = try await session.insert(
        [
            Visit(visitor: "ann", page: "/a", ms: 120), Visit(visitor: "bob", page: "/a", ms: 930),
            Visit(visitor: "ann", page: "/b", ms: 1204),
        ], into: "visits")
    print("\(report.records) records are durable")
    for visit in try await watching.value { print("slow: \(visit.visitor) at \(visit.page), \(visit.ms) ms") }

    // What a session has written, its questions see.
    for try await row in try await session.query("SELECT page, visits, total FROM per_page ORDER BY page") {
        print("\(row["page"]?.text ?? ""): \(row["visits"]?.integer ?? 0) visits, \(row["total"]?.integer ?? 0) ms")
    }

    do { try await session.execute("SELECT nothing FROM visits;") } catch let error as MillraceError {
        print("\(error.code) in line \(error.place?.line ?? 0)")
    }
    session.close()
} catch {
    print(error)
}
