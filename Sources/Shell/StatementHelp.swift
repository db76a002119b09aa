// What `help` and `\h STATEMENT` show: the commands of the shell, and of each statement its form and an example.

import Diagnostics
import Pages

/// The form of a statement and an example of it.
package struct StatementHelp {
    /// The words that it begins with.
    package let name: String
    /// Its syntax, in several lines where it has several forms.
    package let form: String
    /// Statements that can be carried out as they stand.
    package let example: String

    /// The page about statements, as Markdown.
    package static var reference: String {
        "# Statements\n\nThe form of each statement with an example, as `\\h STATEMENT` shows it in the shell; `grammar/sql.ebnf` has all of the grammar.\n"
            + (all + ShowHelp.all).map { "\n## \($0.name)\n\n```\n\($0.form)\n```\n\n```\n\($0.example)\n```\n" }.joined()
    }

    /// What there is to say about a statement or a topic, in lines of so many cells; a list of both where there is none of that name.
    static func text(about topic: String, width: Int) -> String {
        let topic = topic.hasPrefix("LIST") ? "SHOW" + topic.dropFirst(4) : topic
        let exact = (all + ShowHelp.all).filter { $0.name == topic || $0.name + " EXTENDED" == topic }
        let found = exact.isEmpty ? all.filter { $0.name.hasPrefix(topic + " ") } : exact
        if !found.isEmpty { return found.map { "\($0.form)\n\nfor example\n\n\($0.example)" }.joined(separator: "\n\n") }
        if let page = Page.about(topic) { return String(page.rendered(width: width).dropLast()) }
        let topics = Page.all.map { $0.topic.uppercased() }
        let near = closestMatch(to: topic, among: (all + ShowHelp.all).map(\.name) + topics).map { " Did you mean \($0)?" } ?? ""
        return "There is no help about \(topic.prefix(60)).\(near)\nThere is about: " + all.map(\.name).joined(separator: ", ")
            + ";\nand pages: " + Page.all.map(\.topic).joined(separator: ", ")
    }

    /// All statements, in the order of the page.
    package static let all: [StatementHelp] = [
        StatementHelp(
            name: "CREATE STREAM",
            form: """
                CREATE [OR REPLACE] STREAM [IF NOT EXISTS] name (column type [KEY], …)
                  WITH (KAFKA_TOPIC = 'topic', VALUE_FORMAT = 'JSON',
                        [PARTITIONS = n,] [TIMESTAMP = 'column'], …);
                CREATE [OR REPLACE] STREAM [IF NOT EXISTS] name [WITH (…)] AS SELECT …;
                """,
            example: """
                CREATE STREAM visits (visitor VARCHAR KEY, page VARCHAR, ms BIGINT)
                  WITH (KAFKA_TOPIC='visits', VALUE_FORMAT='JSON');
                CREATE STREAM slow AS SELECT * FROM visits WHERE ms > 800;
                """),
        StatementHelp(
            name: "CREATE TABLE",
            form: """
                CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name (column type [PRIMARY KEY] [NOT NULL] [DEFAULT value], …)
                  WITH (KAFKA_TOPIC = 'topic', VALUE_FORMAT = 'JSON', …);
                CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name [WITH (…)]
                  AS SELECT … FROM … [WINDOW …] GROUP BY …;
                """,
            example: """
                CREATE TABLE per_page AS
                  SELECT page, COUNT(*) AS visits, AVG(ms) AS average FROM visits GROUP BY page;
                """),
        StatementHelp(
            name: "CREATE TYPE", form: "CREATE TYPE [IF NOT EXISTS] name AS type;",
            example: "CREATE TYPE place AS STRUCT<lat DOUBLE, lon DOUBLE>;"),
        StatementHelp(
            name: "CREATE FUNCTION",
            form: """
                CREATE [OR REPLACE] FUNCTION [IF NOT EXISTS] name (parameter type, …) RETURNS type
                  AS expression;
                CREATE [OR REPLACE] AGGREGATE FUNCTION [IF NOT EXISTS] name (parameter type, …) RETURNS type
                  AS (first state, (state, value) => state, state => result [, (state, state) => state]);
                """,
            example: "CREATE FUNCTION twice(x BIGINT) RETURNS BIGINT AS x * 2;"),
        StatementHelp(
            name: "CREATE VIEW", form: "CREATE [OR REPLACE] VIEW [IF NOT EXISTS] name [(column, …)] AS SELECT …;",
            example: "CREATE VIEW slowest AS SELECT page, MAX(ms) AS most FROM visits GROUP BY page ORDER BY most DESC LIMIT 5;\nSELECT * FROM slowest;"),
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
            name: "INSERT",
            form: "INSERT INTO source [(column, …)] VALUES (value, …), …;\nINSERT INTO stream SELECT … FROM …;   goes on\n"
                + "INSERT INTO table SELECT …;   writes the rows once\nINSERT OR IGNORE INTO table …;  leaves out rows whose key is there",
            example: "INSERT INTO visits (visitor, page, ms) VALUES ('ann', '/a', 812), ('bob', '/b', 40);"),
        StatementHelp(
            name: "UPDATE", form: "UPDATE table SET column = expression, … [FROM other] WHERE …;",
            example: "CREATE TABLE prices (item VARCHAR PRIMARY KEY, price INT);\nUPDATE prices SET price = 3 WHERE item = 'pen';"),
        StatementHelp(name: "DELETE", form: "DELETE FROM table [USING other] WHERE …;", example: "DELETE FROM prices WHERE item = 'pen';"),
        StatementHelp(name: "TRUNCATE", form: "TRUNCATE TABLE table;", example: "TRUNCATE TABLE prices;"),
        StatementHelp(
            name: "ALTER", form: "ALTER STREAM | TABLE name ADD [COLUMN] column type, …;\nALTER STREAM | TABLE name RENAME TO name;",
            example: "ALTER STREAM visits ADD COLUMN country VARCHAR;"),
        StatementHelp(
            name: "COMMENT",
            form: "COMMENT ON STREAM | TABLE name IS 'text' | NULL;\nCOMMENT ON COLUMN source.column IS 'text' | NULL;\n"
                + "COMMENT ON FUNCTION name IS 'text' | NULL;",
            example: "COMMENT ON COLUMN visits.ms IS 'how long the answer took';"),
        StatementHelp(
            name: "DROP",
            form: "DROP STREAM | TABLE [IF EXISTS] name [DELETE TOPIC] [CASCADE];\nDROP VIEW [IF EXISTS] name [CASCADE];\n"
                + "DROP TYPE [IF EXISTS] name;\nDROP FUNCTION [IF EXISTS] name [CASCADE];",
            example: "DROP STREAM slow DELETE TOPIC;"),
        StatementHelp(
            name: "DESCRIBE", form: "DESCRIBE source [EXTENDED];\nDESCRIBE FUNCTION name;\nDESCRIBE CONSUMER GROUP name;", example: "DESCRIBE visits EXTENDED;"),
        StatementHelp(
            name: "SHOW",
            form: "SHOW STREAMS | TABLES | QUERIES | TOPICS [EXTENDED];\nSHOW VIEWS | FUNCTIONS | PROPERTIES | TYPES | VARIABLES | LIMITS | SCHEMAS;\n"
                + "SHOW CONSUMER GROUPS | PRODUCERS;\n"
                + "SHOW SYSTEM TABLES;   names what SELECT can ask about the server itself\nSHOW WATERMARKS;      how far the time of windows has come",
            example: "SHOW QUERIES EXTENDED;"),
        StatementHelp(
            name: "EXPLAIN", form: "EXPLAIN query_id;\nEXPLAIN statement;\nEXPLAIN ANALYZE statement;   carries it out, and shows rows and time by step",
            example: "EXPLAIN SELECT * FROM visits WHERE ms > 800 EMIT CHANGES;"),
        StatementHelp(
            name: "PRINT", form: "PRINT topic [FROM BEGINNING] [INTERVAL n] [LIMIT n];", example: "PRINT visits FROM BEGINNING LIMIT 2;"),
        StatementHelp(
            name: "SET", form: "SET 'setting' = 'value';\nUNSET 'setting';\nSHOW PROPERTIES; lists the settings.",
            example: "SET 'auto.offset.reset' = 'earliest';"),
        StatementHelp(
            name: "DEFINE", form: "DEFINE name = 'text';   ${name} stands for the text in later statements.\nUNDEFINE name;",
            example: "DEFINE day = '2026-01-31';\nSELECT * FROM visits FROM TIMESTAMP '${day}';"),
        StatementHelp(name: "TERMINATE", form: "TERMINATE query_id | ALL;", example: "TERMINATE ALL;"),
        StatementHelp(name: "PAUSE", form: "PAUSE query_id | ALL;\nRESUME query_id | ALL;", example: "PAUSE ALL;"),
        StatementHelp(
            name: "ASSERT", form: "ASSERT [NOT EXISTS] TOPIC name [TIMEOUT n SECONDS];\nASSERT [NOT EXISTS] SCHEMA [SUBJECT 'name'] [ID n] [TIMEOUT n SECONDS];",
            example: "ASSERT TOPIC `visits`;"),
    ]

    /// The commands of the shell.
    static let commands = """
        Statements end with ; and may span lines. Ctrl-C stops a running query, Ctrl-D
        leaves, Tab completes, Ctrl-R searches the history. \\h STATEMENT shows its form.

        A first stream, a row in it, and what is there:
          CREATE STREAM s (id INT KEY, name VARCHAR)
            WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');
          INSERT INTO s VALUES (1, 'ann');
          SELECT * FROM s;                what is there now
          SELECT * FROM s EMIT CHANGES;   rows as they arrive

        What there is (+ for more, patterns with * and ?)
          \\d[+] [NAME|PATTERN]     streams, tables and views, or one of them
          \\ds \\dt \\dv \\dq \\dT \\dS  streams, tables, views, queries, topics, system tables
          \\df [NAME|PATTERN]       functions
          \\conninfo, server [HOST:PORT], version
        Statements
          \\g [FILE], \\gx           carry out the statement, or the last one again
          \\watch [SECONDS]         repeat the statement before it, or the last one
          \\live [SELECT …]         draw its answer in place, again and again; q ends
          \\e [FILE]                edit it with $EDITOR
          \\p, \\r                   show, or forget, what is typed so far
          \\s, history              earlier entries
        Results
          output [FORM], \\pset format FORM
                                   table, vertical, csv, tsv, json, ndjson, markdown
          \\x [on|off|auto]         a line for each value
          \\pset null TEXT          what stands for NULL
          \\pset pager on|off       long results through $PAGER
          \\timing                  rows and time of answers
          \\o [FILE]                results into a file
          spool 'FILE', spool off  a copy of everything
        Files and the system
          \\i FILE, run script 'FILE'
          \\copy SOURCE FROM FILE, \\copy SOURCE TO FILE
          \\! COMMAND, clear
        help TOPIC shows a page: help tutorial, help functions, help operations ...
        Variables: \\set NAME VALUE, \\unset NAME; ${NAME} in a statement
        exit or \\q leaves.
        """
}
