// What `\h STATEMENT` shows of statements about rows.

extension StatementHelp {
    /// Statements that read, write and check rows.
    static let ofRows: [StatementHelp] = [
        StatementHelp(
            name: "SELECT",
            form: """
                SELECT expression [AS name], …
                  FROM source [JOIN source [WITHIN time] ON …]
                  [WINDOW TUMBLING (SIZE n MINUTES) | HOPPING (…) | SESSION (…)]
                  [WHERE …] [GROUP BY …] [HAVING …] [EMIT CHANGES | EMIT FINAL] [LIMIT n];

                Without EMIT it is answered with what is there, and may have ORDER BY, OFFSET,
                WITH, subqueries and more; with EMIT it goes on.
                """,
            example: """
                SELECT page, COUNT(*) AS visits FROM visits
                  GROUP BY page ORDER BY visits DESC LIMIT 5;
                SELECT * FROM visits WHERE ms > 800 EMIT CHANGES;
                """),
        StatementHelp(
            name: "WITH",
            form: """
                WITH [RECURSIVE] name [(column, …)] AS (SELECT …), … SELECT …;

                Names a result for the SELECT behind it. In front of CREATE … AS SELECT and
                INSERT … SELECT it may stand as well.
                """,
            example: """
                WITH slow AS (SELECT page, ms FROM visits WHERE ms > 800)
                  SELECT page, COUNT(*) AS often FROM slow GROUP BY page;
                """),
        StatementHelp(
            name: "VALUES",
            form: """
                VALUES (value, …), (value, …) [ORDER BY …] [LIMIT n];

                Rows without a source; also in FROM and behind IN.
                """,
            example: "VALUES (1, 'one'), (2, 'two');"),
        StatementHelp(
            name: "TABLE",
            form: "TABLE name;   is SELECT * FROM name;",
            example: "TABLE visits;"),
        StatementHelp(
            name: "INSERT",
            form: "INSERT INTO source [(column, …)] VALUES (value, …), …;\nINSERT INTO stream SELECT … FROM …;   goes on\n"
                + "INSERT INTO table SELECT …;   writes the rows once\nINSERT OR IGNORE INTO table …;  leaves out rows whose key is there\n"
                + "INSERT INTO table … ON CONFLICT (key) DO UPDATE SET column = excluded.column, …;\nINSERT … RETURNING expression, …;   shows what was written",
            example: "INSERT INTO visits (visitor, page, ms) VALUES ('ann', '/a', 812), ('bob', '/b', 40);"),
        StatementHelp(
            name: "REPLACE",
            form: """
                REPLACE INTO table [(column, …)] VALUES (value, …), …;

                The same as INSERT INTO: a row takes the place of the one with its key.
                """,
            example: "REPLACE INTO prices VALUES ('pen', 3);"),
        StatementHelp(
            name: "UPDATE", form: "UPDATE table [AS name] SET column = expression, … [FROM other] WHERE … [RETURNING …];",
            example: "CREATE TABLE prices (item VARCHAR PRIMARY KEY, price INT);\nUPDATE prices SET price = 3 WHERE item = 'pen';"),
        StatementHelp(name: "DELETE", form: "DELETE FROM table [AS name] [USING other] WHERE … [RETURNING …];", example: "DELETE FROM prices WHERE item = 'pen';"),
        StatementHelp(name: "TRUNCATE", form: "TRUNCATE TABLE table;", example: "TRUNCATE TABLE prices;"),
        StatementHelp(
            name: "PRINT", form: "PRINT topic [FROM BEGINNING] [INTERVAL n] [LIMIT n];", example: "PRINT visits FROM BEGINNING LIMIT 2;"),
        StatementHelp(
            name: "ASSERT VALUES",
            form: """
                ASSERT VALUES source (column, …) VALUES (value, …);
                ASSERT NULL VALUES source (key) KEY (value);
                ASSERT STREAM | TABLE name (column type, …) [WITH (…)];

                In the files of millrace test: the next record of the source, or what it is.
                """,
            example: "ASSERT VALUES visits (page, ms) VALUES ('/a', 812);"),
        StatementHelp(
            name: "ASSERT TOPIC", form: "ASSERT [NOT EXISTS] TOPIC name [TIMEOUT n SECONDS];\nASSERT [NOT EXISTS] SCHEMA [SUBJECT 'name'] [ID n] [TIMEOUT n SECONDS];",
            example: "ASSERT TOPIC `visits`;"),
        StatementHelp(
            name: "ASSERT SCHEMA",
            form: """
                ASSERT [NOT EXISTS] SCHEMA [SUBJECT 'name'] [ID n] [TIMEOUT n SECONDS];

                Waits until the registry has it, or has it no more.
                """,
            example: "ASSERT SCHEMA SUBJECT 'visits-value' TIMEOUT 5 SECONDS;"),
    ]
}
