// Functions that ksqlDB does not have: those that people know from PostgreSQL, with the same meaning. Lengths and positions count UTF-16 units, as
// everywhere here.

extension FunctionTable {
    static let own: [FunctionFamily] = (ownTexts + ownTimes + ownNumbers + ownAggregates).map { family in
        var family = family
        family.isOwn = true
        return family
    }

    private static let ownTexts: [FunctionFamily] = [
        FunctionFamily("ascii", .string, "Code point of the first character, 0 of an empty text", ["(STRING str) INT"]),
        FunctionFamily(
            "btrim", .string, "Without blanks, or without any of the characters, at both ends",
            ["(STRING str) STRING", "(STRING str, STRING characters) STRING"]),
        FunctionFamily("ends_with", .string, "Whether the text ends so", ["(STRING str, STRING suffix) BOOLEAN"]),
        FunctionFamily("left", .string, "The first n characters; of a negative n all but the last -n", ["(STRING str, INT n) STRING"]),
        FunctionFamily(
            "ltrim", .string, "Without blanks, or without any of the characters, in front",
            ["(STRING str) STRING", "(STRING str, STRING characters) STRING"]),
        FunctionFamily("repeat", .string, "The text n times", ["(STRING str, INT n) STRING"]),
        FunctionFamily("reverse", .string, "The characters from the last to the first", ["(STRING str) STRING"]),
        FunctionFamily("right", .string, "The last n characters; of a negative n all but the first -n", ["(STRING str, INT n) STRING"]),
        FunctionFamily(
            "rtrim", .string, "Without blanks, or without any of the characters, at the end",
            ["(STRING str) STRING", "(STRING str, STRING characters) STRING"]),
        FunctionFamily(
            "glob", .regularExpression, "Whether the whole text has the form of a pattern of SQLite's GLOB", ["(STRING str, STRING pattern) BOOLEAN"]),
        FunctionFamily(
            "similar_to", .regularExpression, "Whether the whole text has the form of a pattern of SIMILAR TO",
            ["(STRING str, STRING pattern) BOOLEAN"]),
        FunctionFamily(
            "split_part", .string, "The n-th part between delimiters, from 1, or of a negative n from the end",
            ["(STRING str, STRING delimiter, INT n) STRING"]),
        FunctionFamily(
            "regexp_like", .regularExpression, "Whether a regular expression matches anywhere in the text", ["(STRING str, STRING pattern) BOOLEAN"]),
        FunctionFamily("starts_with", .string, "Whether the text begins so", ["(STRING str, STRING prefix) BOOLEAN"]),
        FunctionFamily(
            "translate", .string, "Each character that stands in the second text replaced by the one there in the third, or left out",
            ["(STRING str, STRING from, STRING to) STRING"]),
    ]

    private static let ownTimes: [FunctionFamily] = [
        FunctionFamily(
            "add_interval", .dateTime, "The time so many months and milliseconds later; x + INTERVAL '…' is this",
            [
                "(TIMESTAMP timestamp, INT months, BIGINT milliseconds) TIMESTAMP",
                "(TIME time, INT months, BIGINT milliseconds) TIME",
            ]),
        FunctionFamily("current_date", .dateTime, "Today, in UTC", ["() DATE"]),
        FunctionFamily("current_time", .dateTime, "The time of day, in UTC", ["() TIME"]),
        FunctionFamily(
            "date_part", .dateTime, "A part of a date or time as a whole number; EXTRACT (part FROM x) is this",
            ["(STRING part, TIMESTAMP timestamp) BIGINT", "(STRING part, DATE date) BIGINT", "(STRING part, TIME time) BIGINT"]),
        FunctionFamily(
            "date_trunc", .dateTime, "The beginning of the year, month, …, or second that a time is in",
            ["(STRING part, TIMESTAMP timestamp) TIMESTAMP", "(STRING part, DATE date) DATE"]),
        FunctionFamily("make_date", .dateTime, "The date of a year, a month and a day", ["(INT year, INT month, INT day) DATE"]),
        FunctionFamily("now", .dateTime, "The time of the server's clock", ["() TIMESTAMP"]),
        FunctionFamily(
            "to_char", .dateTime, "A date, a time or a number by a pattern of PostgreSQL, as in YYYY-MM-DD HH24:MI:SS and FM999,990.00",
            [
                "(TIMESTAMP timestamp, STRING pattern) STRING", "(DATE date, STRING pattern) STRING", "(TIME time, STRING pattern) STRING",
                "(INT number, STRING pattern) STRING", "(BIGINT number, STRING pattern) STRING", "(DOUBLE number, STRING pattern) STRING",
                "(DECIMAL number, STRING pattern) STRING",
            ]),
        FunctionFamily("to_date", .dateTime, "Text to date by a pattern of PostgreSQL", ["(STRING text, STRING pattern) DATE"]),
        FunctionFamily(
            "to_timestamp", .dateTime, "Seconds since 1970, or text by a pattern of PostgreSQL, to timestamp",
            ["(STRING text, STRING pattern) TIMESTAMP", "(INT seconds) TIMESTAMP", "(BIGINT seconds) TIMESTAMP", "(DOUBLE seconds) TIMESTAMP"]),
    ]

    private static let ownNumbers: [FunctionFamily] = [
        FunctionFamily("bitand", .mathematical, "Bits that both numbers have; a & b is this", bits("a", "b")),
        FunctionFamily("bitnot", .mathematical, "Bits that the number does not have; ~a is this", ["(INT a) INT", "(BIGINT a) BIGINT"]),
        FunctionFamily("bitor", .mathematical, "Bits that any of the numbers has; a | b is this", bits("a", "b")),
        FunctionFamily("bitxor", .mathematical, "Bits that one of the numbers has, and not both; a # b is this", bits("a", "b")),
        FunctionFamily(
            "shift_left", .mathematical, "The bits n places to the left; a << n is this, and an error where the number has no room for them", bits("a", "n")),
        FunctionFamily("shift_right", .mathematical, "The bits n places to the right, with the sign kept; a >> n is this", bits("a", "n")),
        FunctionFamily(
            "div", .mathematical, "Quotient without the part behind the point", ["(INT dividend, INT divisor) INT", "(BIGINT dividend, BIGINT divisor) BIGINT"]),
        FunctionFamily("to_int", .conversions, "A whole number as INT; one that INT has no room for is an error", ["(BIGINT number) INT"]),
        FunctionFamily("log10", .mathematical, "Logarithm to base 10", ["(DOUBLE value) DOUBLE"]),
        FunctionFamily("mod", .mathematical, "Remainder", ["(INT dividend, INT divisor) INT", "(BIGINT dividend, BIGINT divisor) BIGINT"]),
    ]

    private static let ownAggregates: [FunctionFamily] = [
        FunctionFamily("BOOL_AND", .aggregate, "Whether all values are true", undo: true, ["(BOOLEAN value) BOOLEAN"]),
        FunctionFamily("BOOL_OR", .aggregate, "Whether any value is true", undo: true, ["(BOOLEAN value) BOOLEAN"]),
        FunctionFamily("COVAR_POP", .aggregate, "Covariance of a whole population", undo: true, pairs),
        FunctionFamily("COVAR_SAMP", .aggregate, "Covariance of a sample", undo: true, pairs),
        FunctionFamily(
            "MAX_BY", .aggregate, "The value of the row with the largest key, of several of them the first; rows where either is NULL do not count",
            ordered.map { "(T value, \($0) key) T" }),
        FunctionFamily(
            "MIN_BY", .aggregate, "The value of the row with the smallest key, of several of them the first; rows where either is NULL do not count",
            ordered.map { "(T value, \($0) key) T" }),
        FunctionFamily("MEDIAN", .aggregate, "The middle value, between two of them their mean", undo: true, numbers("value")),
        FunctionFamily("MODE", .aggregate, "The most frequent value, of several the one that came first", undo: true, ["(T value) T"]),
        FunctionFamily(
            "PERCENTILE", .aggregate, "The value below which a fraction of all values lies, between two of them in proportion", undo: true,
            ["(DOUBLE value, DOUBLE literal fraction) DOUBLE"]),
        FunctionFamily(
            "PERCENTILE_DISC", .aggregate, "The first value, in their order, with a fraction of all values at most in front of it and itself", undo: true,
            ["(T value, DOUBLE literal fraction) T"]),
        FunctionFamily("STDDEV", .aggregate, "Standard deviation of a sample, NULL of fewer than two values", undo: true, numbers("value")),
        FunctionFamily("STDDEV_POP", .aggregate, "Standard deviation of a whole population", undo: true, numbers("value")),
        FunctionFamily(
            "STRING_AGG", .aggregate, "The texts in their order with a delimiter between", undo: true,
            ["(STRING value, STRING literal delimiter) STRING"]),
        FunctionFamily("VAR_POP", .aggregate, "Variance of a whole population", undo: true, numbers("value")),
        FunctionFamily("VAR_SAMP", .aggregate, "Variance of a sample, NULL of fewer than two values", undo: true, numbers("value")),
    ]

    private static func bits(_ a: String, _ b: String) -> [String] { ["INT", "BIGINT"].map { "(\($0) \(a), \($0) \(b)) \($0)" } }

    /// Types whose values have an order, in the form of signatures.
    private static let ordered = ["INT", "BIGINT", "DOUBLE", "DECIMAL", "STRING", "BYTES", "DATE", "TIME", "TIMESTAMP"]

    private static let pairs = ["(DOUBLE x, DOUBLE y) DOUBLE", "(INT x, INT y) DOUBLE", "(BIGINT x, BIGINT y) DOUBLE"]

    private static func numbers(_ name: String) -> [String] { ["BIGINT", "INT", "DOUBLE"].map { "(\($0) \(name)) DOUBLE" } }
}
