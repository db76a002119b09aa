// What `\h STATEMENT` shows of statements that make, change and drop what there is.

extension StatementHelp {
    /// Statements that make, change and drop what there is.
    static let definitions: [StatementHelp] = [
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
                CREATE [OR REPLACE] [TEMP | TEMPORARY] TABLE [IF NOT EXISTS] name (column type [PRIMARY KEY] [NOT NULL] [DEFAULT value], …)
                  WITH (KAFKA_TOPIC = 'topic', VALUE_FORMAT = 'JSON', …);
                CREATE [OR REPLACE] TABLE [IF NOT EXISTS] name [WITH (…)]
                  AS SELECT … FROM … [WINDOW …] GROUP BY …;
                """,
            example: """
                CREATE TABLE per_page AS
                  SELECT page, COUNT(*) AS visits, AVG(ms) AS average FROM visits GROUP BY page;
                """),
        StatementHelp(
            name: "CREATE SOURCE STREAM",
            form: """
                CREATE SOURCE STREAM [IF NOT EXISTS] name (column type [KEY], …) WITH (…);
                CREATE SOURCE TABLE [IF NOT EXISTS] name (column type [PRIMARY KEY], …) WITH (…);

                To be read only: INSERT into it and DROP … DELETE TOPIC are refused, and a table can be
                asked without a query of its own.
                """,
            example: """
                CREATE SOURCE STREAM clicks (page VARCHAR)
                  WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON', PARTITIONS=1);
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
            name: "CREATE CONNECTOR",
            form: """
                CREATE SOURCE | SINK CONNECTOR [IF NOT EXISTS] name WITH (property = value, …);
                DROP CONNECTOR IF EXISTS name;
                SHOW CONNECTORS;

                Makes none and says so: Millrace runs no connectors. millrace load brings in files, and
                Kafka Connect works with serve --kafka HOST:PORT.
                """,
            example: "CREATE SOURCE CONNECTOR lines WITH ('connector.class'='FileStreamSource');"),
        StatementHelp(
            name: "CREATE INDEX",
            form: """
                CREATE [UNIQUE] INDEX [IF NOT EXISTS] [name] ON source (column, …) [WHERE …];
                DROP INDEX [IF EXISTS] name;

                Changes nothing and says so: a table is found by its key.
                """,
            example: "CREATE INDEX by_page ON visits (page);"),
        StatementHelp(
            name: "ALTER STREAM",
            form: """
                ALTER STREAM name ADD [COLUMN] column type, ADD …;
                ALTER STREAM name RENAME TO name;
                """,
            example: "ALTER STREAM visits ADD COLUMN country VARCHAR;"),
        StatementHelp(
            name: "ALTER TABLE",
            form: """
                ALTER TABLE name ADD [COLUMN] column type, ADD …;
                ALTER TABLE name RENAME TO name;
                """,
            example: "ALTER TABLE per_page RENAME TO visits_by_page;"),
        StatementHelp(
            name: "ALTER SYSTEM",
            form: """
                ALTER SYSTEM 'setting' = 'value';

                Is refused: what a server is set to stands in its flags and in the file of --config.
                SET changes settings of a session.
                """,
            example: "ALTER SYSTEM 'ksql.streams.auto.offset.reset' = 'earliest';"),
        StatementHelp(
            name: "COMMENT ON",
            form: "COMMENT ON STREAM | TABLE name IS 'text' | NULL;\nCOMMENT ON COLUMN source.column IS 'text' | NULL;\n"
                + "COMMENT ON FUNCTION name IS 'text' | NULL;",
            example: "COMMENT ON COLUMN visits.ms IS 'how long the answer took';"),
        dropOfSource("STREAM", example: "DROP STREAM slow DELETE TOPIC;"),
        dropOfSource("TABLE", example: "DROP TABLE IF EXISTS per_page CASCADE;"),
        StatementHelp(
            name: "DROP VIEW",
            form: "DROP VIEW [IF EXISTS] name [CASCADE];",
            example: "DROP VIEW slowest;"),
        StatementHelp(
            name: "DROP TYPE",
            form: "DROP TYPE [IF EXISTS] name;",
            example: "DROP TYPE IF EXISTS place;"),
        StatementHelp(
            name: "DROP FUNCTION",
            form: "DROP FUNCTION [IF EXISTS] name [CASCADE];",
            example: "DROP FUNCTION twice;"),
        StatementHelp(
            name: "DROP CONNECTOR",
            form: """
                DROP CONNECTOR IF EXISTS name;

                Changes nothing and says so: Millrace runs no connectors.
                """,
            example: "DROP CONNECTOR IF EXISTS lines;"),
        StatementHelp(
            name: "DROP INDEX",
            form: """
                DROP INDEX [IF EXISTS] name;

                Changes nothing and says so: there are no indexes.
                """,
            example: "DROP INDEX by_page;"),
    ]

    private static func dropOfSource(_ kind: String, example: String) -> StatementHelp {
        StatementHelp(
            name: "DROP \(kind)",
            form: """
                DROP \(kind) [IF EXISTS] name, … [DELETE TOPIC] [CASCADE];

                DELETE TOPIC deletes the records as well; CASCADE drops what reads from it, too.
                """,
            example: example)
    }
}
