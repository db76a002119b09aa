// The aggregate functions; those marked `undo` can also take back a row of a table.

extension FunctionTable {
    static let aggregates: [FunctionFamily] = [
        FunctionFamily("ATTR", .aggregate, "The single value of the group, NULL if several", undo: true, ["(T value) T"]),
        FunctionFamily(
            "avg", .aggregate, "Arithmetic mean", undo: true,
            [
                "(BIGINT value) DOUBLE",
                "(INT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "collect_list", .aggregate, "Values in arrival order up to a configured limit", undo: true,
            [
                "(T value) ARRAY<T>"
            ]),
        FunctionFamily(
            "collect_set", .aggregate, "Distinct values in first-arrival order up to a configured limit",
            [
                "(T value) ARRAY<T>"
            ]),
        FunctionFamily(
            "correlation", .aggregate, "Pearson correlation coefficient", undo: true,
            [
                "(DOUBLE x, DOUBLE y) DOUBLE",
                "(INT x, INT y) DOUBLE",
                "(BIGINT x, BIGINT y) DOUBLE",
            ]),
        FunctionFamily("COUNT", .aggregate, "Count of non-NULL inputs", undo: true, ["(T value) BIGINT"]),
        FunctionFamily("COUNT_DISTINCT", .aggregate, "Approximate distinct count (HyperLogLog)", ["(T value) BIGINT"]),
        FunctionFamily(
            "EARLIEST_BY_OFFSET", .aggregate, "The first processed value",
            [
                "(T value) T",
                "(T value, BOOLEAN literal ignore_nulls) T",
                "(T value, INT literal n) ARRAY<T>",
                "(T value, INT literal n, BOOLEAN literal ignore_nulls) ARRAY<T>",
            ]),
        FunctionFamily(
            "histogram", .aggregate, "Occurrences per distinct string, at most 1000 distinct", undo: true,
            [
                "(STRING value) MAP<STRING, BIGINT>"
            ]),
        FunctionFamily(
            "LATEST_BY_OFFSET", .aggregate, "The last processed value",
            [
                "(T value) T",
                "(T value, BOOLEAN literal ignore_nulls) T",
                "(T value, INT literal n) ARRAY<T>",
                "(T value, INT literal n, BOOLEAN literal ignore_nulls) ARRAY<T>",
            ]),
        FunctionFamily(
            "MAX", .aggregate, "Largest input in natural order",
            [
                "(INT value) INT",
                "(BIGINT value) BIGINT",
                "(DOUBLE value) DOUBLE",
                "(DECIMAL value) DECIMAL",
                "(DATE value) DATE",
                "(TIME value) TIME",
                "(TIMESTAMP value) TIMESTAMP",
                "(STRING value) STRING",
                "(BYTES value) BYTES",
            ]),
        FunctionFamily(
            "MIN", .aggregate, "Smallest input in natural order",
            [
                "(INT value) INT",
                "(BIGINT value) BIGINT",
                "(DOUBLE value) DOUBLE",
                "(DECIMAL value) DECIMAL",
                "(DATE value) DATE",
                "(TIME value) TIME",
                "(TIMESTAMP value) TIMESTAMP",
                "(STRING value) STRING",
                "(BYTES value) BYTES",
            ]),
        FunctionFamily(
            "STDDEV_SAMP", .aggregate, "Sample VARIANCE (no square root is taken)", undo: true,
            [
                "(BIGINT value) DOUBLE",
                "(INT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "STDDEV_SAMPLE", .aggregate, "Sample standard deviation", undo: true,
            [
                "(BIGINT value) DOUBLE",
                "(INT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "SUM", .aggregate, "Sum with precision check (a value that the sum has no room for is left out and is an error of its row)", undo: true,
            [
                "(DECIMAL value) DECIMAL",
                "(DOUBLE value) DOUBLE",
                "(BIGINT value) BIGINT",
                "(INT value) INT",
            ]),
        FunctionFamily(
            "sum_list", .aggregate, "Sum of all elements of all arrays", undo: true,
            [
                "(ARRAY<DOUBLE> values) DOUBLE",
                "(ARRAY<INT> values) INT",
                "(ARRAY<BIGINT> values) BIGINT",
            ]),
        FunctionFamily(
            "TOPK", .aggregate, "k largest values (duplicates kept), descending, optionally with companion columns",
            [
                "(INT sort_value, ANY... other, INT literal k) TOP_ENTRIES",
                "(BIGINT sort_value, ANY... other, INT literal k) TOP_ENTRIES",
                "(DOUBLE sort_value, ANY... other, INT literal k) TOP_ENTRIES",
                "(STRING sort_value, ANY... other, INT literal k) TOP_ENTRIES",
            ]),
        FunctionFamily(
            "TOPKDISTINCT", .aggregate, "k largest distinct values, descending",
            [
                "(INT value, INT literal k) ARRAY<INT>",
                "(BIGINT value, INT literal k) ARRAY<BIGINT>",
                "(DOUBLE value, INT literal k) ARRAY<DOUBLE>",
                "(STRING value, INT literal k) ARRAY<STRING>",
                "(DECIMAL value, INT literal k) ARRAY<DECIMAL>",
                "(DATE value, INT literal k) ARRAY<DATE>",
                "(TIME value, INT literal k) ARRAY<TIME>",
                "(TIMESTAMP value, INT literal k) ARRAY<TIMESTAMP>",
                "(BYTES value, INT literal k) ARRAY<BYTES>",
            ]),
    ]
}
