// What `\h STATEMENT` shows of statements about the server, its queries and the session.

extension StatementHelp {
    /// Statements about the server, its queries and the session.
    static let ofServer: [StatementHelp] = [
        StatementHelp(
            name: "DESCRIBE",
            form: """
                DESCRIBE [VIEW] source [EXTENDED];
                DESCRIBE STREAMS | TABLES [EXTENDED];
                DESCRIBE FUNCTION name;
                DESCRIBE SCHEMA 'subject';
                DESCRIBE CONSUMER GROUP name;
                DESCRIBE CONNECTOR name;
                """,
            example: "DESCRIBE visits EXTENDED;"),
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
            name: "SET", form: "SET 'setting' = 'value';\nSHOW PROPERTIES; lists the settings.",
            example: "SET 'auto.offset.reset' = 'earliest';"),
        StatementHelp(
            name: "UNSET",
            form: "UNSET 'setting';   is as it was at the start of the session again",
            example: """
                SET 'auto.offset.reset' = 'earliest';
                UNSET 'auto.offset.reset';
                """),
        StatementHelp(
            name: "DEFINE", form: "DEFINE name = 'text';   ${name} stands for the text in later statements.",
            example: "DEFINE day = '2026-01-31';\nSELECT * FROM visits FROM TIMESTAMP '${day}';"),
        StatementHelp(
            name: "UNDEFINE",
            form: "UNDEFINE name;",
            example: """
                DEFINE day = '2026-01-31';
                UNDEFINE day;
                """),
        StatementHelp(name: "TERMINATE", form: "TERMINATE query_id | ALL;", example: "TERMINATE ALL;"),
        StatementHelp(name: "PAUSE", form: "PAUSE query_id | ALL;", example: "PAUSE ALL;"),
        StatementHelp(
            name: "RESUME",
            form: """
                RESUME query_id | ALL;
                RESUME query_id SKIP;   leaves out the record at which it has failed
                """,
            example: "RESUME ALL;"),
        StatementHelp(
            name: "RUN SCRIPT",
            form: """
                RUN SCRIPT 'file';

                The shell reads the file and carries its statements out, up to the first mistake.
                """,
            example: "RUN SCRIPT 'create.sql';"),
        StatementHelp(
            name: "BEGIN",
            form: """
                BEGIN [TRANSACTION];
                START TRANSACTION;
                COMMIT | END [TRANSACTION];

                Change nothing and say so: each statement is a commit of its own.
                """,
            example: """
                BEGIN;
                COMMIT;
                """),
        StatementHelp(
            name: "START",
            form: """
                START TRANSACTION;

                Changes nothing and says so: each statement is a commit of its own.
                """,
            example: "START TRANSACTION;"),
        StatementHelp(
            name: "COMMIT",
            form: """
                COMMIT | END [TRANSACTION];

                Changes nothing and says so: each statement is a commit of its own.
                """,
            example: "COMMIT;"),
        StatementHelp(
            name: "END",
            form: """
                END | COMMIT [TRANSACTION];

                Changes nothing and says so: each statement is a commit of its own.
                """,
            example: "END;"),
        StatementHelp(
            name: "VACUUM",
            form: """
                VACUUM [FULL] [ANALYZE] [source];
                ANALYZE [source];
                REINDEX [source];

                Change nothing and say so: the server keeps house by itself.
                """,
            example: "VACUUM;"),
        StatementHelp(
            name: "ANALYZE",
            form: """
                ANALYZE [source];

                Changes nothing and says so; EXPLAIN ANALYZE statement; carries one out and shows its steps.
                """,
            example: "ANALYZE visits;"),
        StatementHelp(
            name: "REINDEX",
            form: """
                REINDEX [source];

                Changes nothing and says so: there are no indexes.
                """,
            example: "REINDEX visits;"),
        StatementHelp(
            name: "PRAGMA",
            form: """
                PRAGMA name [= value];

                Changes nothing and says so: SET changes settings.
                """,
            example: "PRAGMA cache_size = 1000;"),
    ]
}
