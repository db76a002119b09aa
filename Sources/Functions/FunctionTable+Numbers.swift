// Functions over numbers, conversions and choices.

extension FunctionTable {
    static let numbers: [FunctionFamily] = [
        FunctionFamily(
            "Abs", .mathematical, "Absolute value",
            [
                "(INT val) INT",
                "(BIGINT val) BIGINT",
                "(DOUBLE val) DOUBLE",
                "(DECIMAL val) DECIMAL",
            ]),
        FunctionFamily(
            "acos", .mathematical, "Arc cosine in radians",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "asin", .mathematical, "Arc sine in radians",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily("AS_VALUE", .other, "Identity", ["(T key_column) T"]),
        FunctionFamily(
            "atan", .mathematical, "Arc tangent in radians",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "atan2", .mathematical, "Angle of the point (x, y), arguments in order y, x",
            [
                "(INT y, INT x) DOUBLE",
                "(BIGINT y, BIGINT x) DOUBLE",
                "(DOUBLE y, DOUBLE x) DOUBLE",
            ]),
        FunctionFamily(
            "bigint_from_bytes", .conversions, "Decode exactly 8 bytes as signed 64-bit",
            [
                "(BYTES value) BIGINT",
                "(BYTES value, STRING byte_order) BIGINT",
            ]),
        FunctionFamily("cbrt", .mathematical, "Cube root", ["(INT value) DOUBLE", "(BIGINT value) DOUBLE", "(DOUBLE value) DOUBLE"]),
        FunctionFamily(
            "Ceil", .mathematical, "Identity on integers",
            [
                "(INT val) INT",
                "(BIGINT val) BIGINT",
                "(DOUBLE val) DOUBLE",
                "(DECIMAL val) DECIMAL",
            ]),
        FunctionFamily("COALESCE", .conditional, "First non-NULL argument", ["(T first, T... others) T"]),
        FunctionFamily(
            "cos", .mathematical, "Cosine of radians",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "cosh", .mathematical, "Hyperbolic cosine",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "cot", .mathematical, "Cotangent of radians",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "degrees", .mathematical, "Radians to degrees",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "double_from_bytes", .conversions, "Decode exactly 8 bytes as IEEE-754 double",
            [
                "(BYTES value) DOUBLE",
                "(BYTES value, STRING byte_order) DOUBLE",
            ]),
        FunctionFamily(
            "exp", .mathematical, "e to the power x",
            [
                "(INT exponent) DOUBLE",
                "(BIGINT exponent) DOUBLE",
                "(DOUBLE exponent) DOUBLE",
            ]),
        FunctionFamily(
            "Floor", .mathematical, "Identity on integers",
            [
                "(INT val) INT",
                "(BIGINT val) BIGINT",
                "(DOUBLE val) DOUBLE",
                "(DECIMAL val) DECIMAL",
            ]),
        FunctionFamily(
            "geo_distance", .other, "Great-circle distance between two points in degrees",
            [
                "(DOUBLE lat1, DOUBLE lon1, DOUBLE lat2, DOUBLE lon2, STRING units) DOUBLE",
                "(DOUBLE lat1, DOUBLE lon1, DOUBLE lat2, DOUBLE lon2) DOUBLE",
            ]),
        FunctionFamily(
            "greatest", .mathematical, "Largest argument",
            [
                "(INT val, INT... vals) INT",
                "(BIGINT val, BIGINT... vals) BIGINT",
                "(DOUBLE val, DOUBLE... vals) DOUBLE",
                "(STRING val, STRING... vals) STRING",
                "(BYTES val, BYTES... vals) BYTES",
                "(DATE val, DATE... vals) DATE",
                "(TIME val, TIME... vals) TIME",
                "(TIMESTAMP val, TIMESTAMP... vals) TIMESTAMP",
                "(DECIMAL val, DECIMAL... vals) WIDEST_DECIMAL",
            ]),
        FunctionFamily("IFNULL", .conditional, "Replace NULL by an alternative", ["(T expression, T alt_value) T"]),
        FunctionFamily(
            "int_from_bytes", .conversions, "Decode exactly 4 bytes as signed 32-bit",
            [
                "(BYTES value) INT",
                "(BYTES value, STRING byte_order) INT",
            ]),
        FunctionFamily(
            "least", .mathematical, "Smallest argument",
            [
                "(INT val, INT... vals) INT",
                "(BIGINT val, BIGINT... vals) BIGINT",
                "(DOUBLE val, DOUBLE... vals) DOUBLE",
                "(STRING val, STRING... vals) STRING",
                "(BYTES val, BYTES... vals) BYTES",
                "(DATE val, DATE... vals) DATE",
                "(TIME val, TIME... vals) TIME",
                "(TIMESTAMP val, TIMESTAMP... vals) TIMESTAMP",
                "(DECIMAL val, DECIMAL... vals) WIDEST_DECIMAL",
            ]),
        FunctionFamily(
            "ln", .mathematical, "Natural logarithm",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "log", .mathematical, "Natural logarithm (NOT base 10, despite the name)",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
                "(INT base, INT value) DOUBLE",
                "(BIGINT base, BIGINT value) DOUBLE",
                "(DOUBLE base, DOUBLE value) DOUBLE",
            ]),
        FunctionFamily("NULLIF", .conditional, "NULL when both are equal, else first", ["(T expr1, T expr2) T"]),
        FunctionFamily("pi", .mathematical, "The constant pi as a double", ["() DOUBLE"]),
        FunctionFamily(
            "power", .mathematical, "base raised to exponent, in double arithmetic",
            [
                "(INT base, INT exponent) DOUBLE",
                "(BIGINT base, BIGINT exponent) DOUBLE",
                "(DOUBLE base, DOUBLE exponent) DOUBLE",
            ]),
        FunctionFamily(
            "radians", .mathematical, "Degrees to radians",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily("random", .mathematical, "Uniform double in [0,1)", ["() DOUBLE"]),
        FunctionFamily(
            "Round", .mathematical, "Widen to BIGINT unchanged",
            [
                "(BIGINT val) BIGINT",
                "(INT val) BIGINT",
                "(DOUBLE val) BIGINT",
                "(DOUBLE val, INT decimal_places) DOUBLE",
                "(DECIMAL val) WHOLE_DECIMAL",
                "(DECIMAL val, INT decimal_places) DECIMAL",
            ]),
        FunctionFamily("sign", .mathematical, "-1, 0 or 1", ["(INT value) INT", "(BIGINT value) INT", "(DOUBLE value) INT"]),
        FunctionFamily("sin", .mathematical, "Sine of radians", ["(INT value) DOUBLE", "(BIGINT value) DOUBLE", "(DOUBLE value) DOUBLE"]),
        FunctionFamily(
            "sinh", .mathematical, "Hyperbolic sine",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily("sqrt", .mathematical, "Square root", ["(INT value) DOUBLE", "(BIGINT value) DOUBLE", "(DOUBLE value) DOUBLE"]),
        FunctionFamily(
            "tan", .mathematical, "Tangent of radians",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "tanh", .mathematical, "Hyperbolic tangent",
            [
                "(INT value) DOUBLE",
                "(BIGINT value) DOUBLE",
                "(DOUBLE value) DOUBLE",
            ]),
        FunctionFamily(
            "trunc", .mathematical, "Widen to BIGINT unchanged",
            [
                "(BIGINT val) BIGINT",
                "(INT val) BIGINT",
                "(DOUBLE val) BIGINT",
                "(DOUBLE val, INT decimal_places) DOUBLE",
                "(DECIMAL val) WHOLE_DECIMAL",
                "(DECIMAL val, INT decimal_places) DECIMAL",
            ]),
    ]
}
