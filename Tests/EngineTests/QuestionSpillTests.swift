// Questions that hold more than they may: what they cannot keep in memory goes to disk, and the answers are the same.

import Diagnostics
import Engine
import Foundation
import LogStore
import Platform
import Spill
import Testing

private let memory = "millrace.question.memory"

private let sources = """
    CREATE STREAM s (id INT KEY, a BIGINT, b DOUBLE, t VARCHAR) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
    CREATE STREAM r (id INT KEY, a BIGINT, u ARRAY<VARCHAR>) WITH (KAFKA_TOPIC='r', VALUE_FORMAT='JSON', PARTITIONS=1);
    """

/// Rows with many equal values, NULLs and texts of all lengths.
private func rows() -> String {
    var text = ""
    for first in stride(from: 0, to: 400, by: 100) {
        let values = (first..<first + 100).map { number in
            let a = number % 13 == 0 ? "NULL" : "\(number * 7919 % 101)"
            let b = number % 17 == 0 ? "NULL" : "\(Double(number * 31 % 97) / 4)"
            return "(\(number), \(a), \(b), '\(String(repeating: "x", count: number % 23))\(number % 37)')"
        }
        text += "INSERT INTO s (id, a, b, t) VALUES \(values.joined(separator: ", "));"
    }
    let others = (0..<90).map { "(\($0), \($0 % 11 == 0 ? "NULL" : "\($0 * 3 % 130)"), ARRAY['u\($0)', NULL])" }
    return text + "INSERT INTO r (id, a, u) VALUES \(others.joined(separator: ", "));"
}

/// Some numbers for each row.
private let many = "(SELECT id, EXPLODE(GENERATE_SERIES(1, 15)) AS n, t FROM s)"

/// Questions, and whether their rows have an order.
private let questions: [(text: String, isOrdered: Bool)] = [
    ("SELECT * FROM s ORDER BY a DESC NULLS LAST, t, id", true),
    ("SELECT a, id FROM s ORDER BY a, id", true),
    ("SELECT t, b, id FROM s ORDER BY t DESC, b, id LIMIT 300 OFFSET 100", true),
    ("SELECT id, n FROM \(many) x ORDER BY n * 7919 % 11, id", true),
    ("SELECT a, COUNT(*), SUM(b), MIN(t), COLLECT_LIST(id) FROM s GROUP BY a", false),
    ("SELECT t, AVG(b), COUNT(DISTINCT a), COUNT(*) FILTER (WHERE a > 50) FROM s GROUP BY t", false),
    ("SELECT COUNT(DISTINCT t), COUNT(DISTINCT id), SUM(DISTINCT a) FILTER (WHERE id % 2 = 0) FROM s", false),
    ("SELECT n % 500 AS g, COUNT(*), SUM(id) FROM \(many) x GROUP BY n % 500, id", false),
    ("SELECT a % 5 AS g, LEN(t) AS l, COUNT(*), COUNT(DISTINCT id) FROM s GROUP BY ROLLUP (a % 5, LEN(t))", false),
    ("SELECT DISTINCT a, LEN(t) FROM s", false),
    ("SELECT DISTINCT ON (a) a, id FROM s ORDER BY a, id DESC", true),
    ("SELECT a FROM s UNION SELECT a FROM r", false),
    ("SELECT a FROM s INTERSECT SELECT a FROM r", false),
    ("SELECT a FROM s INTERSECT ALL SELECT a FROM r", false),
    ("SELECT a FROM s EXCEPT SELECT a FROM r", false),
    ("SELECT a FROM s EXCEPT ALL SELECT a FROM r", false),
    ("SELECT s.id, r.id, u FROM s JOIN r ON s.a = r.a", false),
    ("SELECT s.id, r.id, u FROM s LEFT JOIN r ON s.a = r.a AND s.id > r.id", false),
    ("SELECT s.id, r.id, u FROM s RIGHT JOIN r ON s.a = r.a", false),
    ("SELECT s.id, r.id FROM s FULL JOIN r ON s.a = r.a AND s.b > 3", false),
    ("SELECT COUNT(*), SUM(s.id), SUM(r.id) FROM s FULL JOIN r ON s.a < r.a AND s.id < r.id", false),
    ("SELECT COUNT(*), SUM(s.id), SUM(r.id) FROM s LEFT JOIN r ON s.a > r.a + 60", false),
    ("SELECT COUNT(*) FROM s x JOIN s y ON x.id % 5 = y.id % 5", false),
    ("SELECT s.id, r.id FROM s ASOF LEFT JOIN r ON s.id % 3 = r.id % 3 AND s.a >= r.a", false),
    ("SELECT id, ROW_NUMBER() OVER (PARTITION BY a ORDER BY id), LAG(t) OVER (PARTITION BY a ORDER BY id) FROM s", false),
    ("SELECT id, SUM(b) OVER (PARTITION BY LEN(t) ORDER BY a, id ROWS 3 PRECEDING), RANK() OVER (ORDER BY a) FROM s", false),
    ("SELECT id, ROW_NUMBER() OVER (ORDER BY id), COUNT(a) OVER (ORDER BY a), FIRST_VALUE(id) OVER (ORDER BY a, id) FROM s", false),
    ("SELECT id, DENSE_RANK() OVER (ORDER BY a), MAX(t) OVER (ORDER BY a, id ROWS UNBOUNDED PRECEDING) FROM s", false),
    ("SELECT id, NTILE(7) OVER (ORDER BY id), LEAD(id, 3) OVER (ORDER BY b, id) FROM s", false),
    ("SELECT COUNT(*) FROM s WHERE a IN (SELECT a FROM r) AND EXISTS (SELECT 1 FROM r WHERE r.id = s.id)", false),
    ("WITH RECURSIVE c AS (SELECT 1 AS x UNION SELECT x + 1 FROM c WHERE x < 30) SELECT x FROM c ORDER BY x", true),
    ("SELECT n FROM (SELECT id, EXPLODE(GENERATE_SERIES(1, 2000)) AS n FROM r) x WHERE id < 20 ORDER BY n DESC, id", true),
]

@Suite struct QuestionSpillTests {
    @Test(arguments: ["0", "20K"]) func answersAreTheSame(limit: String) throws {
        let files = MemoryFileSystem()
        let spills = SpillFolder(files: files, directory: "/spill")
        let ample = try Millrace()
        let tight = try Millrace(properties: [memory: limit], spills: spills)
        defer {
            ample.close()
            tight.close()
        }
        for millrace in [ample, tight] { #expect(!millrace.run(sources + rows()).contains { $0.hasPrefix("-") }) }
        for (text, isOrdered) in questions {
            let (expected, found) = (ample.run(text + ";", patience: 60), tight.run(text + ";", patience: 60))
            #expect(expected.last?.hasPrefix("+") == true, "\(text): \(expected.last ?? "")")
            func lines(_ answer: [String]) -> [String] {
                let rows = answer.filter { !$0.hasPrefix("?") }
                return isOrdered ? rows : rows.sorted()
            }
            #expect(lines(found) == lines(expected), "\(text)")
            // The files have no names, so that nothing of them outlives the question.
            #expect(try files.exists("/spill") ? files.list("/spill") == [] : true)
        }
        #expect(files.exists("/spill"))
    }

    /// A full disk ends the question that needs it, and nothing else.
    @Test func aFullDiskIsAnErrorOfTheQuestion() throws {
        let files = FaultyFileSystem(MemoryFileSystem()) { $0.kind == .write ? .fail(.noSpace) : nil }
        let millrace = try Millrace(properties: [memory: "0"], spills: SpillFolder(files: files, directory: "/spill"))
        defer { millrace.close() }
        _ = millrace.run(sources + rows())
        for text in ["SELECT * FROM s ORDER BY a;", "SELECT DISTINCT id, a FROM s;", "SELECT a, RANK() OVER (ORDER BY a) FROM s;"] {
            #expect(millrace.run(text).last?.hasPrefix("- \(ErrorCode.diskFull.rawValue) rows of a question could not be written") == true)
        }
        files.setFaults { _ in nil }
        #expect(millrace.run("SELECT * FROM s ORDER BY a;").last == "+ 400 rows")
    }

    /// What the disk gives back is looked at.
    @Test func damageIsFound() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/spill-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = try SpillFolder(files: HostFileSystem(), directory: directory).file()
        let (first, second) = (try file.write(Array("first".utf8)), try file.write([UInt8](repeating: 7, count: 9000)))
        #expect(try file.read(second) == [UInt8](repeating: 7, count: 9000) && file.read(first) == Array("first".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
        let size = file.byteCount
        file.giveBack(second)
        let third = try file.write([UInt8](repeating: 8, count: 9001))
        #expect(file.byteCount == size)
        #expect(throws: DiskTableError.self) { try file.read(second) }
        #expect(try file.read(third).count == 9001)
    }
}
