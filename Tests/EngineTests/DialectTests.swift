// What people know from other databases is understood in the dialect `full`, in questions and in continuous queries alike, and refused in
// `ksqldb`.

import Testing

@Suite struct DialectTests {
    /// The values of one SELECT without FROM.
    private func values(_ items: String) throws -> String {
        let millrace = try Millrace()
        defer { millrace.engine.close() }
        return millrace.run("SELECT \(items);").dropFirst().first ?? ""
    }

    @Test(arguments: [
        ("'5'::INT + 1, '12.345'::NUMERIC(10,2), 'abcdef'::VARCHAR(3), CAST(5 AS DOUBLE PRECISION)", #"[6,12.35,"abc",5.0]"#),
        ("'ABC' ILIKE 'a%', 'ABC' NOT ILIKE 'a_c', 'abc' SIMILAR TO '(a|b)%', 'a.c' NOT SIMILAR TO 'a_c', 'abc' SIMILAR TO 'ab'", "[true,false,true,false,false]"),
        ("1 IS DISTINCT FROM 2, (1=1) IS TRUE, (1=2) IS NOT FALSE, (1=1) IS UNKNOWN", "[true,true,false,false]"),
        ("EXTRACT(YEAR FROM TIMESTAMP '2021-03-04 05:06:07'), EXTRACT(epoch FROM DATE '1970-01-02'), DATE_PART('week', DATE '2021-01-03')", "[2021,86400,53]"),
        ("DATE_TRUNC('month', TIMESTAMP '2021-03-04T05:06:07')", #"["2021-03-01T00:00:00.000"]"#),
        ("DATE '2021-01-31' + INTERVAL '1' MONTH, TIMESTAMP '2021-01-01' - INTERVAL '5 minutes'", #"["2021-02-28T00:00:00.000","2020-12-31T23:55:00.000"]"#),
        ("TIME '23:00' + INTERVAL 2 HOUR, DATE '2021-01-05' - DATE '2021-01-01', DATE '2021-01-01' + 3, INTERVAL '1 day 01:00' + DATE '2021-01-01'", #"["01:00",4,"2021-01-04","2021-01-02T01:00:00.000"]"#),
        ("NOW() - INTERVAL '1' DAY < CURRENT_TIMESTAMP, CURRENT_DATE > DATE '2020-01-01', CURRENT_TIME IS NULL", "[true,true,false]"),
        ("POSITION('b' IN 'abc'), LEFT('abc',2), RIGHT('abc',2), LEFT('abc',-1), RIGHT('abc',-1)", #"[2,"ab","bc","ab","bc"]"#),
        ("TRIM(BOTH 'x' FROM 'xax'), TRIM(LEADING 'x' FROM 'xax'), SUBSTRING('hello' FROM 2 FOR 3), REVERSE('aé'), REPEAT('ab',3)", #"["a","ax","ell","éa","ababab"]"#),
        ("SPLIT_PART('a-b-c','-',2), SPLIT_PART('a-b-c','-',-1), STARTS_WITH('abc','ab'), ENDS_WITH('abc','bc'), MOD(-7,3), DIV(7,2), ASCII('a')", #"["b","c",true,true,-1,3,97]"#),
        ("TO_CHAR(TIMESTAMP '2021-03-04 15:06:07','YYYY-MM-DD HH12:MI:SS AM'), TO_DATE('04/03/2021','DD/MM/YYYY'), TO_TIMESTAMP(5)", #"["2021-03-04 03:06:07 PM","2021-03-04","1970-01-01T00:00:05.000"]"#),
        ("TO_CHAR(DATE '2021-01-01', 'Day, DD \"of\" Mon'), CONCAT('a', 1, NULL, TRUE), TIMESTAMP '2021-01-01 10:00'", #"["Friday, 01 of Jan","a1true","2021-01-01T10:00:00.000"]"#),
        ("REGEXP_LIKE('abc', 'b.'), TRANSLATE('12345', '143', 'ax'), MAKE_DATE(2024, 2, 29), LOG10(1000e0)", #"[true,"a2x5","2024-02-29",3.0]"#),
        ("TO_CHAR(1234.5, '9,999.99'), TO_CHAR(-12, '9999'), TO_CHAR(12, 'FM9999'), TO_CHAR(0.1, '0.9'), TO_CHAR(-0.1, '99.99'), TO_CHAR(-0.1, 'FM9.99')", #"[" 1,234.50","  -12","12"," 0.1","  -.10","-.1"]"#),
        ("TO_CHAR(12, '9990999.9'), TO_CHAR(12, 'FM9990999.9'), TO_CHAR(-485, '999'), TO_CHAR(485, '9 9 9'), TO_CHAR(148.5e0, 'FM999.999'), TO_CHAR(148.5, 'FM999.990')", #"["    0012.0","0012.","-485"," 4 8 5","148.5","148.500"]"#),
        ("TO_CHAR(-485, '999S'), TO_CHAR(485, '999MI'), TO_CHAR(485, 'FM999MI'), TO_CHAR(-5, '999PR'), TO_CHAR(485, 'S999'), TO_CHAR(12345, '999')", #"["485-","485 ","485","  <5>","+485"," ###"]"#),
        ("TO_CHAR(485.8, '\"Pre:\"999\" Post:\" .999'), TO_CHAR(9223372036854775807, 'FM9G999G999G999G999G999G999'), TO_CHAR(1e300, '999'), TO_CHAR(0, '9')", #"["Pre: 485 Post: .800","9,223,372,036,854,775,807",null," 0"]"#),
        ("NULL = 1, NULL <> NULL, 5 BETWEEN NULL AND 7, UNKNOWN, 1::BOOLEAN, 0::BOOLEAN, TRUE::INT, FALSE::BIGINT, CAST(UNKNOWN AS INT)", "[false,false,false,null,true,false,1,0,null]"),
        ("TIMESTAMP '2024-01-01 10:00:00' = '2024-01-01 10:00:00', CAST('2024-01-01  10:00' AS TIMESTAMP), CAST('2024-01-01 10:00+02:00' AS TIMESTAMP)", #"[true,"2024-01-01T10:00:00.000","2024-01-01T08:00:00.000"]"#),
        ("1 IN (1, 2.5), ARRAY[1, 2.5], 5 || 'a' || TRUE, ARRAY[1] || ARRAY[2]", #"[true,[1.0,2.5],"5atrue",[1,2]]"#),
    ])
    func otherForms(items: String, row: String) throws { #expect(try values(items) == ": " + row, "\(items)") }

    private static let rows = """
        CREATE STREAM s (k INT KEY, x INT, b BOOLEAN, t VARCHAR, u DOUBLE PRECISION,) WITH (partitions = 1);
        INSERT INTO s VALUES (1, 1, TRUE, 'a', 1), (1, 2, TRUE, 'b', 3), (1, 3, FALSE, 'a', 5), (1, NULL, NULL, NULL, NULL), (2, 7, TRUE, 'z', 7),;
        """
    private static let aggregates = """
        STRING_AGG(t, '-'), BOOL_AND(b), BOOL_OR(b), MEDIAN(x), PERCENTILE(x, 0.25), PERCENTILE_CONT(0.75) WITHIN GROUP (ORDER BY x),
        APPROX_COUNT_DISTINCT(x), MODE(t), ANY_VALUE(t), VAR_POP(x), STDDEV_POP(u), CORR(x, x), COVAR_POP(x, x), COVAR_SAMP(x, x),
        AVG(CAST(x AS DECIMAL(5,1)))
        """
    private static let results = [
        #"[1,"a-b-a",false,true,2.0,1.5,2.5,3,"a","a",0.6666666666666666,1.632993161855452,1.0,0.6666666666666666,1.0,2.0]"#,
        #"[2,"z",true,true,7.0,7.0,7.0,1,"z","z",0.0,0.0,"NaN",0.0,null,7.0]"#,
    ]

    /// Aggregates give the same in a question, in a table and in a table whose state went through a restart.
    @Test func aggregatesHereAndThere() throws {
        let first = try Millrace()
        _ = first.run(Self.rows)
        let asked = first.run("SELECT k, \(Self.aggregates) FROM s GROUP BY k ORDER BY k;").dropFirst().dropLast()
        #expect(Array(asked) == Self.results.map { ": " + $0 })
        _ = first.run("CREATE TABLE g AS SELECT k, \(Self.aggregates) FROM s GROUP BY k;")
        #expect(first.run("SELECT * FROM g;").dropFirst().dropLast().sorted() == Self.results.map { ": " + $0 })
        first.close()
        let second = try Millrace(files: first.files)
        _ = second.run("INSERT INTO s VALUES (2, 9, FALSE, 'y', 9);")
        let rows = second.run("SELECT * FROM g WHERE k = 2;").dropFirst().dropLast()
        #expect(rows.first?.hasPrefix(#": [2,"z-y",false,true,8.0,7.5,8.5,2,"z","z",1.0,1.0,1.0,1.0,2.0,8.0"#) == true, "\(rows)")
        second.close()
    }

    /// A table takes back what a row was.
    @Test func aggregatesOfTables() throws {
        let millrace = try Millrace()
        _ = millrace.run(
            """
            CREATE TABLE p (k INT PRIMARY KEY, g INT, x INT, b BOOLEAN, t VARCHAR) WITH (partitions = 1);
            CREATE TABLE q AS SELECT g, MEDIAN(x) AS m, BOOL_AND(b) AS a, BOOL_OR(b) AS o, MODE(t) AS d, STRING_AGG(t, '+') AS j, VAR_POP(x) AS v
                FROM p GROUP BY g;
            INSERT INTO p VALUES (1, 1, 1, TRUE, 'a'), (2, 1, 2, FALSE, 'b'), (3, 1, 9, TRUE, 'b');
            INSERT INTO p VALUES (2, 1, 5, TRUE, 'a');
            """)
        #expect(millrace.run("SELECT * FROM q;").dropFirst().first == #": [1,5.0,true,true,"a","a+b+a",10.666666666666666]"#)
        millrace.engine.close()
    }

    /// ROWTIME is a time to functions of times, whatever its type.
    @Test func rowtimes() throws {
        let millrace = try Millrace()
        defer { millrace.engine.close() }
        let answer = millrace.run(
            """
            CREATE STREAM s (id INT KEY, ts TIMESTAMP) WITH (partitions = 1);
            INSERT INTO s (ROWTIME, id, ts) VALUES (1704103200000, 1, '2024-01-01 10:00:00');
            INSERT INTO s (id, ts) (SELECT 2, '2024-01-01 10:00:00');
            SELECT EXTRACT(YEAR FROM ROWTIME), DATE_TRUNC('month', ROWTIME), TO_CHAR(ROWTIME, 'YYYY-MM-DD'), ROWTIME::TIMESTAMP, ROWTIME::DATE,
                FORMAT_TIMESTAMP(ROWTIME, 'HH:mm'), TIME(ROWTIME), UNIX_TIMESTAMP(ROWTIME)
                FROM s WHERE ROWTIME >= '2024-01-01 10:00:00' AND ROWTIME < '2024-01-01 10:00:01';
            SELECT id FROM s FROM TIMESTAMP '2024-01-01 10:00:00' UNTIL TIMESTAMP '2024-01-01 10:00:01';
            SELECT id FROM s WHERE ts = '2024-01-01 10:00:00' ORDER BY id;
            """)
        let rows = answer.filter { $0.hasPrefix(":") }
        #expect(
            rows == [
                #": [2024,"2024-01-01T00:00:00.000","2024-01-01","2024-01-01T10:00:00.000","2024-01-01","10:00","10:00",1704103200000]"#, ": [1]", ": [1]",
                ": [2]",
            ], "\(answer)")
    }

    /// What is in no list and equals NULL in it, is not in it: in a list and in a subquery alike.
    @Test func membershipWithNulls() throws {
        let millrace = try Millrace()
        defer { millrace.engine.close() }
        let answer = millrace.run(
            """
            SELECT x, x IN (1, NULL, 3), x NOT IN (1, NULL, 3), x IN (SELECT * FROM (VALUES (1), (NULL), (3)) n(y)),
                x NOT IN (SELECT * FROM (VALUES (1), (NULL), (3)) n(y)), x IN (SELECT * FROM (VALUES (1)) n(y) WHERE y > 1)
                FROM (VALUES (1), (2), (NULL)) v(x) ORDER BY x;
            """)
        #expect(
            answer.filter { $0.hasPrefix(":") } == [
                ": [1,true,false,true,false,false]", ": [2,false,true,false,true,false]", ": [null,false,true,false,true,false]",
            ], "\(answer)")
    }

    /// A column without alias is named by its words, and no two get one name.
    @Test func names() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.rows)
        let items = "k, COUNT(*), COUNT(*), SUM(x), SUM(x) + 1, CASE WHEN k = 1 THEN 2 ELSE 3 END, 5, SUM(u) AS sum_u, SUM(u)"
        let names = "K INTEGER KEY, COUNT BIGINT, COUNT_1 BIGINT, SUM_X INTEGER, SUM_X_1 INTEGER, CASE INTEGER, COLUMN INTEGER, SUM_U DOUBLE, SUM_U_1 DOUBLE"
        // In a question the sum of INTEGERs has room for more of them.
        let ofQuestion = names.replacing(" KEY", with: "").replacing("SUM_X INTEGER, SUM_X_1 INTEGER", with: "SUM_X BIGINT, SUM_X_1 BIGINT")
        #expect(millrace.run("SELECT \(items) FROM s GROUP BY k;").first == "= \(ofQuestion) (rows)")
        _ = millrace.run("CREATE TABLE g AS SELECT \(items) FROM s GROUP BY k;")
        #expect(millrace.run("SELECT * FROM g;").first == "= \(names) (rows)")
        _ = millrace.run("SET 'millrace.dialect' = 'ksqldb';")
        #expect(millrace.run("SELECT COUNT(*), SUM(x) FROM s;").first == "= KSQL_COL_0 BIGINT, KSQL_COL_1 INTEGER (rows)")
        millrace.engine.close()
    }

    @Test func unnesting() throws {
        let millrace = try Millrace()
        #expect(millrace.run("SELECT x FROM UNNEST(ARRAY[1, 2]) AS u(x);").dropFirst() == [": [1]", ": [2]", "+ 2 rows"])
        #expect(millrace.run("SELECT UNNEST(ARRAY[1, 2]);").dropFirst() == [": [1]", ": [2]", "+ 2 rows"])
        millrace.engine.close()
    }

    @Test func aBlankBetweenDateAndTime() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM s (t TIMESTAMP) WITH (partitions = 1);")
        #expect(millrace.run("INSERT INTO s VALUES ('2021-01-01 10:00:00');") == ["+ 1 row inserted"])
        #expect(
            millrace.run("SELECT t, '2021-01-01 10:00'::TIMESTAMP AS u FROM s WHERE t = '2021-01-01 10:00';").dropFirst().first
                == #": ["2021-01-01T10:00:00.000","2021-01-01T10:00:00.000"]"#)
        millrace.engine.close()
    }

    /// The bounds of windows are for the SELECT list, also where sources of a join bring them.
    @Test func windowBoundsInHaving() throws {
        let millrace = try Millrace()
        _ = millrace.run(
            """
            CREATE STREAM l (k INT KEY, v INT) WITH (kafka_topic = 'l', value_format = 'JSON', window_type = 'TUMBLING', window_size = '1 SECOND');
            CREATE STREAM r (k INT KEY, v INT) WITH (kafka_topic = 'r', value_format = 'JSON', window_type = 'TUMBLING', window_size = '1 SECOND');
            """)
        let lines = millrace.run(
            "CREATE TABLE t AS SELECT l.k, COUNT(*) AS n FROM l JOIN r WITHIN 1 HOUR ON l.k = r.k GROUP BY l.k HAVING MIN(l.WINDOWSTART) > 0;")
        #expect(lines.last?.dropFirst(8) == "Window bounds column WINDOWSTART can only be used in the SELECT clause of windowed aggregations", "\(lines)")
        millrace.engine.close()
    }

    /// GROUP BY takes aliases and positions, and a key of several columns a format that holds it.
    @Test func groupingByAliases() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.rows)
        let made = millrace.run("CREATE TABLE g AS SELECT x * 2 AS d, b, COUNT(*) AS n FROM s GROUP BY d, b;")
        #expect(made.first == "? its key of several columns is kept as JSON" && made.last?.hasPrefix("+ Created") == true, "\(made)")
        #expect(millrace.run("CREATE TABLE h AS SELECT x * 2 AS d, COUNT(*) AS n FROM s GROUP BY 1;").last?.hasPrefix("+ Created") == true)
        #expect(millrace.run("SELECT * FROM g WHERE d = 4;").dropFirst().first == ": [4,true,1]")
        #expect(millrace.run("SELECT * FROM h WHERE d = 4;").dropFirst().first == ": [4,1]")
        millrace.engine.close()
    }

    @Test func inContinuousQueries() throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.rows)
        _ = millrace.run(
            """
            CREATE STREAM f AS SELECT k, x::BIGINT AS x, t ILIKE 'A%' AS m, DATE '2021-01-01' + INTERVAL '1' MONTH AS d, x || t AS j
                FROM s WHERE ROWTIME > NOW() - INTERVAL '1' HOUR AND b IS TRUE AND x IS DISTINCT FROM 2;
            """)
        let rows = millrace.run("SELECT * FROM f;").dropFirst().dropLast()
        #expect(Array(rows) == [#": [1,1,true,"2021-02-01T00:00:00.000","1a"]"#, #": [2,7,false,"2021-02-01T00:00:00.000","7z"]"#])
        millrace.engine.close()
    }

    @Test(arguments: [
        "SELECT 1::INT AS a FROM s EMIT CHANGES", "SELECT t ILIKE 'a' AS a FROM s EMIT CHANGES", "SELECT MEDIAN(x) AS a FROM s GROUP BY k EMIT CHANGES",
        "SELECT DATE '2021-01-01' AS a FROM s EMIT CHANGES", "SELECT NOW() AS a FROM s EMIT CHANGES", "SELECT k, x, FROM s EMIT CHANGES",
        "SELECT k || 1 AS a FROM s EMIT CHANGES", "SELECT b IS TRUE AS a FROM s EMIT CHANGES", "SELECT LEFT(t, 1) AS a FROM s EMIT CHANGES",
        "SELECT EXTRACT(YEAR FROM t) AS a FROM s EMIT CHANGES", "SELECT COUNT(*) FROM s GROUP BY 1 EMIT CHANGES LIMIT -1",
    ])
    func refusedInKsqlDB(question: String) throws {
        let millrace = try Millrace()
        _ = millrace.run(Self.rows)
        let lines = millrace.run("SET 'millrace.dialect' = 'ksqldb'; \(question);")
        #expect(lines.last?.hasPrefix("-") == true, "\(lines)")
        millrace.engine.close()
    }

    @Test(arguments: [
        ("SELECT DATE 'x'", "'x' is not a valid DATE"), ("SELECT INTERVAL '5' MINUTE", "an INTERVAL can only be added to a time, or taken from one"),
        ("SELECT NOW() + INTERVAL '5 parsecs'", "'5 parsecs' is no INTERVAL"), ("SELECT NOW() - NOW()", "(NOW() - NOW()) would be an INTERVAL, which is no type of a value"),
        ("SELECT 5 + INTERVAL '5' MINUTE", "an INTERVAL cannot be added to 5, which is INTEGER"), ("SELECT PERCENTILE(1, 1.5)", "the fraction of PERCENTILE must be between 0 and 1"),
    ])
    func mistakes(question: String, message: String) throws {
        let millrace = try Millrace()
        #expect(millrace.run(question + ";").last?.dropFirst(8) == message[...])
        millrace.engine.close()
    }

    @Test func functionsAreListed() throws {
        let millrace = try Millrace()
        let listed = millrace.run("SHOW FUNCTIONS;")
        for name in ["UPPER", "MEDIAN", "DATE_TRUNC", "SPLIT_PART", "STRING_AGG"] { #expect(listed.contains { $0.contains("\"\(name)\"") }, "\(name)") }
        #expect(millrace.run("DESCRIBE FUNCTION upper;").contains { $0.contains("Also called : UPPER") })
        _ = millrace.run("SET 'millrace.dialect' = 'ksqldb';")
        #expect(!millrace.run("SHOW FUNCTIONS;").contains { $0.contains("\"UPPER\"") || $0.contains("\"MEDIAN\"") })
        #expect(millrace.run("DESCRIBE FUNCTION median;").last?.hasPrefix("- 42883") == true)
        millrace.engine.close()
    }
}
