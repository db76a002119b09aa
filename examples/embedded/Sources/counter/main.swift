// Has the engine inside: counts words in a directory that keeps the counts between two runs.
//
//   swift run counter DIRECTORY WORD...

import Millrace

/// A record of the stream.
struct Word: Codable, Sendable {
    var word: String
}

let arguments = CommandLine.arguments.dropFirst()
do {
    let database = try await Database.open(arguments.first.map { .directory($0) } ?? .memory)
    let session = database.openSession()
    try await session.execute(
        """
        CREATE STREAM IF NOT EXISTS words (word VARCHAR KEY) WITH (KAFKA_TOPIC='words', FORMAT='JSON');
        CREATE TABLE IF NOT EXISTS counts AS SELECT word, COUNT(*) AS times FROM words GROUP BY word;
        """)
    let report = try await session.insert(arguments.dropFirst().map(Word.init), into: "words")
    print("\(report.records) words, \(report.rejected) refused")
    for row in try await session.query("SELECT word, times FROM counts ORDER BY times DESC, word").collect() {
        print("\(row["word"]?.text ?? ""): \(row["times"]?.integer ?? 0)")
    }
    session.close()
    await database.close()
} catch {
    print(error)
}
