// Functions over dates, times and timestamps.

extension FunctionTable {
    static let time: [FunctionFamily] = [
        FunctionFamily(
            "convert_tz", .dateTime, "Shift a timestamp by the difference of two zone offsets",
            [
                "(TIMESTAMP timestamp, STRING from_time_zone, STRING to_time_zone) TIMESTAMP"
            ]),
        FunctionFamily(
            "dateadd", .dateTime, "Add n units to a date, truncating to whole days",
            [
                "(UNIT unit, INT interval, DATE date) DATE"
            ]),
        FunctionFamily(
            "datesub", .dateTime, "Subtract n units from a date, truncating to whole days",
            [
                "(UNIT unit, INT interval, DATE date) DATE"
            ]),
        FunctionFamily(
            "datetostring", .dateTime, "Deprecated: format an epoch-day integer",
            [
                "(INT epoch_days, STRING format_pattern) STRING"
            ]),
        FunctionFamily("format_date", .dateTime, "Format a date with a pattern", ["(DATE date, STRING format_pattern) STRING"]),
        FunctionFamily("format_time", .dateTime, "Format a time with a pattern", ["(TIME time, STRING format_pattern) STRING"]),
        FunctionFamily(
            "format_timestamp", .dateTime, "Format a timestamp with a pattern",
            [
                "(TIMESTAMP timestamp, STRING format_pattern) STRING",
                "(TIMESTAMP timestamp, STRING format_pattern, STRING time_zone) STRING",
            ]),
        FunctionFamily("from_days", .dateTime, "Epoch-day integer to date", ["(INT days) DATE"]),
        FunctionFamily("from_unixtime", .dateTime, "Epoch milliseconds to timestamp", ["(BIGINT epoch_milli) TIMESTAMP"]),
        FunctionFamily(
            "parse_date", .dateTime, "Parse text to date (lenient calendar parser)",
            [
                "(STRING formatted_date, STRING format_pattern) DATE"
            ]),
        FunctionFamily("parse_time", .dateTime, "Parse text to time", ["(STRING formatted_time, STRING format_pattern) TIME"]),
        FunctionFamily(
            "parse_timestamp", .dateTime, "Parse text to timestamp",
            [
                "(STRING formatted_timestamp, STRING format_pattern) TIMESTAMP",
                "(STRING formatted_timestamp, STRING format_pattern, STRING time_zone) TIMESTAMP",
            ]),
        FunctionFamily(
            "stringtodate", .dateTime, "Deprecated: parse text to epoch-day integer",
            [
                "(STRING formatted_date, STRING format_pattern) INT"
            ]),
        FunctionFamily(
            "stringtotimestamp", .dateTime, "Deprecated: parse text to epoch milliseconds",
            [
                "(STRING formatted_timestamp, STRING format_pattern) BIGINT",
                "(STRING formatted_timestamp, STRING format_pattern, STRING time_zone) BIGINT",
            ]),
        FunctionFamily(
            "timeadd", .dateTime, "Add n units to a time, wrapping at midnight",
            [
                "(UNIT unit, INT interval, TIME time) TIME"
            ]),
        FunctionFamily(
            "timestampadd", .dateTime, "Add n units to a timestamp",
            [
                "(UNIT unit, INT interval, TIMESTAMP timestamp) TIMESTAMP"
            ]),
        FunctionFamily(
            "timestampsub", .dateTime, "Subtract n units from a timestamp",
            [
                "(UNIT unit, INT interval, TIMESTAMP timestamp) TIMESTAMP"
            ]),
        FunctionFamily(
            "timestamptostring", .dateTime, "Deprecated: format epoch milliseconds",
            [
                "(BIGINT epoch_milli, STRING format_pattern) STRING",
                "(BIGINT epoch_milli, STRING format_pattern, STRING time_zone) STRING",
            ]),
        FunctionFamily(
            "timesub", .dateTime, "Subtract n units from a time, wrapping at midnight",
            [
                "(UNIT unit, INT interval, TIME time) TIME"
            ]),
        FunctionFamily("unix_date", .dateTime, "Current epoch day in the server zone", ["() INT", "(DATE date) INT"]),
        FunctionFamily(
            "unix_timestamp", .dateTime, "Current epoch milliseconds (wall clock)",
            [
                "() BIGINT",
                "(TIMESTAMP timestamp) BIGINT",
            ]),
    ]
}
