// Functions over arrays and maps, with lambdas, and the table functions.

extension FunctionTable {
    static let collections: [FunctionFamily] = [
        FunctionFamily(
            "array_concat", .array, "Append second array to first, keeping duplicates",
            [
                "(ARRAY<T> left, ARRAY<T> right) ARRAY<T>"
            ]),
        FunctionFamily("ARRAY_CONTAINS", .array, "Membership test by value equality", ["(ARRAY<T> array, T val) BOOLEAN"]),
        FunctionFamily("array_distinct", .array, "Remove duplicates keeping first occurrence order", ["(ARRAY<T> input) ARRAY<T>"]),
        FunctionFamily(
            "array_except", .array, "Distinct elements of first array absent from second, first-array order",
            [
                "(ARRAY<T> left, ARRAY<T> right) ARRAY<T>"
            ]),
        FunctionFamily(
            "array_intersect", .array, "Distinct elements present in both, first-array order",
            [
                "(ARRAY<T> left, ARRAY<T> right) ARRAY<T>"
            ]),
        FunctionFamily(
            "ARRAY_JOIN", .array, "Concatenate printed elements with commas",
            [
                "(ARRAY<T> array) STRING",
                "(ARRAY<T> array, STRING delimiter) STRING",
            ]),
        FunctionFamily("ARRAY_LENGTH", .array, "Element count", ["(ARRAY<T> array) INT"]),
        FunctionFamily("array_max", .array, "Largest element in natural order", ["(ARRAY<T> input) T"]),
        FunctionFamily("array_min", .array, "Smallest element in natural order", ["(ARRAY<T> input) T"]),
        FunctionFamily("array_remove", .array, "Drop every element equal to the value", ["(ARRAY<T> array, T value) ARRAY<T>"]),
        FunctionFamily(
            "array_sort", .array, "Sort ascending by natural order",
            [
                "(ARRAY<T> input) ARRAY<T>",
                "(ARRAY<T> input, STRING direction) ARRAY<T>",
            ]),
        FunctionFamily(
            "array_union", .array, "Distinct elements of both arrays in encounter order",
            [
                "(ARRAY<T> left, ARRAY<T> right) ARRAY<T>"
            ]),
        FunctionFamily(
            "AS_MAP", .map, "Zip a key array and a value array into a map",
            [
                "(ARRAY<STRING> keys, ARRAY<T> values) MAP<STRING, T>"
            ]),
        FunctionFamily(
            "ENTRIES", .map, "Map to array of key/value structs, optionally key-sorted",
            [
                "(MAP<STRING, INT> map, BOOLEAN sorted) ARRAY<STRUCT<K STRING, V INT>>",
                "(MAP<STRING, BIGINT> map, BOOLEAN sorted) ARRAY<STRUCT<K STRING, V BIGINT>>",
                "(MAP<STRING, DOUBLE> map, BOOLEAN sorted) ARRAY<STRUCT<K STRING, V DOUBLE>>",
                "(MAP<STRING, BOOLEAN> map, BOOLEAN sorted) ARRAY<STRUCT<K STRING, V BOOLEAN>>",
                "(MAP<STRING, STRING> map, BOOLEAN sorted) ARRAY<STRUCT<K STRING, V STRING>>",
            ]),
        FunctionFamily(
            "filter", .lambda, "Keep elements for which the lambda is true",
            [
                "(ARRAY<T> array, LAMBDA(T) => BOOLEAN f) ARRAY<T>",
                "(MAP<K, V> map, LAMBDA(K, V) => BOOLEAN f) MAP<K, V>",
            ]),
        FunctionFamily(
            "GENERATE_SERIES", .array, "Inclusive arithmetic sequence from start towards end",
            [
                "(INT start, INT end) ARRAY<INT>",
                "(INT start, INT end, INT step) ARRAY<INT>",
                "(BIGINT start, BIGINT end) ARRAY<BIGINT>",
                "(BIGINT start, BIGINT end, INT step) ARRAY<BIGINT>",
            ]),
        FunctionFamily("map_keys", .map, "Keys of a map", ["(MAP<STRING, T> input) ARRAY<STRING>"]),
        FunctionFamily("map_union", .map, "Merge two maps, second wins", ["(MAP<STRING, T> map1, MAP<STRING, T> map2) MAP<STRING, T>"]),
        FunctionFamily("map_values", .map, "Values of a map", ["(MAP<STRING, T> input) ARRAY<T>"]),
        FunctionFamily(
            "reduce", .lambda, "Fold a collection into a state value",
            [
                "(ARRAY<T> list, S initial_state, LAMBDA(S, T) => S reducer) S",
                "(MAP<K, V> map, S initial_state, LAMBDA(S, K, V) => S reducer) S",
            ]),
        FunctionFamily("slice", .array, "1-based inclusive sub-array", ["(ARRAY<T> in, INT from, INT to) ARRAY<T>"]),
        FunctionFamily(
            "transform", .lambda, "Map every array element",
            [
                "(ARRAY<T> array, LAMBDA(T) => R f) ARRAY<R>",
                "(MAP<K, V> map, LAMBDA(K, V) => R key_f, LAMBDA(K, V) => T value_f) MAP<R, T>",
            ]),
        FunctionFamily(
            "cube_explode", .table, "One row per combination of keeping or nulling each element (max 20 elements)",
            [
                "(ARRAY<T> columns) ARRAY<T>"
            ]),
        FunctionFamily("explode", .table, "One row per array element", ["(ARRAY<T> list) T", "(ARRAY<DECIMAL> input) DECIMAL"]),
    ]
}
