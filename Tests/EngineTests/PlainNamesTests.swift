// Words of the language as names without quotes: all but those that stay reserved.

import Syntax
import Testing

@Suite struct PlainNamesTests {
    /// Those that have to be quoted, by the reason.
    private static let reserved: [String: Set<Keyword>] = [
        "PostgreSQL reserves it": [
            .all, .and, .as, .case, .cast, .create, .distinct, .else, .end, .false, .from, .full, .group, .having, .in, .inner, .into, .is, .join, .left,
            .like, .limit, .not, .null, .on, .or, .outer, .right, .select, .table, .then, .to, .true, .when, .where, .window, .with,
        ],
        "SQLite reserves it": [.between, .delete, .drop, .exists, .insert, .values],
        "it would be taken for the alias in front of it: GROUP BY, a JOIN b WITHIN": [.by, .within],
    ]

    private static func isReserved(_ word: Keyword) -> Bool { reserved.values.contains { $0.contains(word) } }

    @Test func reservedWordsHaveAReason() {
        for word in Keyword.allCases { #expect(word.isReservedInFull == Self.isReserved(word), "\(word.rawValue)") }
    }

    /// Every other keyword as the name of a column, of an item with and without AS, of a table and as its alias.
    @Test func otherWordsAreNames() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        for (index, word) in Keyword.allCases.map(\.rawValue).enumerated() where !Self.isReserved(Keyword.allCases[index]) {
            let statements = [
                "CREATE TABLE t\(index) (p INT PRIMARY KEY, \(word) INT)", "INSERT INTO t\(index) (p, \(word)) VALUES (1, 2)",
                "UPDATE t\(index) SET \(word) = \(word) + 1 WHERE \(word) = 2", "SELECT \(word) FROM t\(index)", "SELECT t\(index).\(word) FROM t\(index) ORDER BY \(word)",
                "SELECT SUM(x.\(word)), SUM(\(word)) FROM t\(index) x WHERE \(word) IN (3) GROUP BY \(word)", "SELECT 1 AS \(word)", "SELECT 1 \(word)",
                "SELECT \(word).p FROM t\(index) AS \(word)", "SELECT \(word).p FROM t\(index) \(word)",
                "CREATE TABLE \(word) (p INT PRIMARY KEY)", "SELECT \(word).p FROM \(word)", "DROP TABLE \(word)",
            ]
            for statement in statements {
                let answer = millrace.run(statement + ";")
                #expect(!answer.contains { $0.hasPrefix("- ") }, "\(statement): \(answer)")
            }
        }
    }

    @Test func ksqlDBsDialectKeepsItsRules() throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        let answer = millrace.run("SET 'millrace.dialect' = 'ksqldb'; CREATE STREAM s (size INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 1);")
        #expect(answer.last?.contains("reserved keyword") == true, "\(answer)")
    }

    @Test(arguments: [("SELECT 1 ISNULL, NULL ISNULL, 1 NOTNULL, NULL NOT NULL", "[false,true,true,false]"), ("SELECT 1 IS 1, 1 IS NOT 2, 'a' IS 'b'", "[true,true,false]")])
    func testsForNull(question: String, row: String) throws {
        let millrace = try Millrace()
        defer { millrace.close() }
        #expect(millrace.run(question + ";").filter { $0.hasPrefix(": ") } == [": " + row])
    }
}
