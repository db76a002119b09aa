// Functions of other databases that are expressions over those of the language: a call of one is read as its expression.

/// A function by the expression that it stands for.
package struct WrittenFunction: Sendable {
    /// How many arguments it takes; in the expression they are `A`, `B`, `C` and `D`.
    package let parameters: Int
    /// The expression, in SQL.
    package let expression: String
    package let category: FunctionCategory

    /// How it is called: `LOG2(A)`, `DATE_DIFF('year', B, C)`.
    package func call(of name: String) -> String {
        let words = name.split(separator: " ")
        let unit = words.count > 1 ? words[1].lowercased() : nil
        let parameters = WrittenFunction.letters.prefix(self.parameters).enumerated().map { $0.offset == 0 ? unit.map { "'\($0)'" } ?? $0.element : $0.element }
        return (words.first.map(String.init) ?? name) + "(" + parameters.joined(separator: ", ") + ")"
    }

    /// The names of parameters, in order.
    package static let letters = ["A", "B", "C", "D"]

    fileprivate init(_ parameters: Int, _ category: FunctionCategory, _ expression: String) {
        self.parameters = parameters
        self.expression = expression
        self.category = category
    }
}

extension FunctionTable {
    /// By their names. Those of DATE_DIFF have the unit behind a blank.
    package static let written: [String: WrittenFunction] = {
        var functions = expressions
        for (name, part) in timeParts { functions[name] = WrittenFunction(1, .dateTime, "DATE_PART('\(part)', A)") }
        for (unit, expression) in timeDifferences { functions["DATE_DIFF " + unit] = WrittenFunction(3, .dateTime, expression) }
        return functions
    }()

    private static let timeParts = [
        "YEAR": "year", "QUARTER": "quarter", "MONTH": "month", "WEEK": "week", "WEEKOFYEAR": "week", "DAY": "day", "DAYOFMONTH": "day",
        "DAYOFWEEK": "dow", "DAYOFYEAR": "doy", "HOUR": "hour", "MINUTE": "minute", "SECOND": "second",
    ]

    /// How many borders of the unit lie between two times.
    private static let timeDifferences: [String: String] = {
        let months = { (time: String) in "DATE_PART('year', \(time)) * 12 + DATE_PART('month', \(time))" }
        let quarters = { (time: String) in "DATE_PART('year', \(time)) * 4 + DATE_PART('quarter', \(time))" }
        let clock = { (unit: String, length: Int) in
            let begin = { (time: String) in "UNIX_TIMESTAMP(DATE_TRUNC('\(unit)', CAST(\(time) AS TIMESTAMP)))" }
            return "(\(begin("C")) - \(begin("B"))) / \(length)"
        }
        return [
            "YEAR": "DATE_PART('year', C) - DATE_PART('year', B)", "QUARTER": "(\(quarters("C"))) - (\(quarters("B")))",
            "MONTH": "(\(months("C"))) - (\(months("B")))", "DAY": "UNIX_DATE(CAST(C AS DATE)) - UNIX_DATE(CAST(B AS DATE))",
            "HOUR": clock("hour", 3_600_000), "MINUTE": clock("minute", 60_000), "SECOND": clock("second", 1000),
        ]
    }()

    private static let expressions: [String: WrittenFunction] = [
        "BIT_LENGTH": WrittenFunction(1, .string, "LEN(TO_BYTES(A, 'utf8')) * 8"),
        "CONTAINS": WrittenFunction(2, .string, "INSTR(A, B) > 0"),
        "OCTET_LENGTH": WrittenFunction(1, .string, "LEN(TO_BYTES(A, 'utf8'))"),
        "DATE_ADD": WrittenFunction(2, .dateTime, "A + B"),
        "DATE_SUB": WrittenFunction(2, .dateTime, "A - B"),
        "DAYNAME": WrittenFunction(1, .dateTime, "FORMAT_TIMESTAMP(CAST(A AS TIMESTAMP), 'EEEE')"),
        "MONTHNAME": WrittenFunction(1, .dateTime, "FORMAT_TIMESTAMP(CAST(A AS TIMESTAMP), 'MMMM')"),
        "LAST_DAY": WrittenFunction(
            1, .dateTime, "CAST(DATE_TRUNC('month', CAST(A AS TIMESTAMP)) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)"),
        "ACOSH": WrittenFunction(1, .mathematical, "LN(A + SQRT(CAST(A AS DOUBLE) * A - 1))"),
        "ARRAY_APPEND": WrittenFunction(2, .array, "ARRAY_CONCAT(A, ARRAY[B])"),
        "ARRAY_PREPEND": WrittenFunction(2, .array, "ARRAY_CONCAT(ARRAY[A], B)"),
        "ASINH": WrittenFunction(1, .mathematical, "SIGN(A) * LN(ABS(A) + SQRT(CAST(A AS DOUBLE) * A + 1))"),
        "ATANH": WrittenFunction(1, .mathematical, "LN((1.0E0 + A) / (1.0E0 - A)) / 2"),
        "CENTURY": WrittenFunction(1, .dateTime, "(DATE_PART('year', A) + 99) / 100"),
        "CHAR": WrittenFunction(1, .string, "CHR(A)"),
        "DECADE": WrittenFunction(1, .dateTime, "DATE_PART('year', A) / 10"),
        "EPOCH": WrittenFunction(1, .dateTime, "UNIX_TIMESTAMP(CAST(A AS TIMESTAMP)) / 1.0E3"),
        "EPOCH_MS": WrittenFunction(1, .dateTime, "UNIX_TIMESTAMP(CAST(A AS TIMESTAMP))"),
        "IF": WrittenFunction(3, .conditional, "CASE WHEN A THEN B ELSE C END"),
        "ISODOW": WrittenFunction(1, .dateTime, "CASE DATE_PART('dow', A) WHEN 0 THEN 7 ELSE DATE_PART('dow', A) END"),
        "LIST_APPEND": WrittenFunction(2, .array, "ARRAY_CONCAT(A, ARRAY[B])"),
        "LIST_PREPEND": WrittenFunction(2, .array, "ARRAY_CONCAT(ARRAY[A], B)"),
        "WEEKDAY": WrittenFunction(1, .dateTime, "DATE_PART('dow', A)"),
        "WIDTH_BUCKET": WrittenFunction(
            4, .mathematical, "CASE WHEN A < B THEN 0 WHEN A >= C THEN D + 1 ELSE CAST(FLOOR((CAST(A AS DOUBLE) - B) * D / (C - B)) AS INT) + 1 END"),
        "IIF": WrittenFunction(3, .conditional, "CASE WHEN A THEN B ELSE C END"),
        "LOG2": WrittenFunction(1, .mathematical, "LN(A) / LN(2)"),
        "NVL2": WrittenFunction(3, .conditional, "CASE WHEN A IS NOT NULL THEN B ELSE C END"),
    ]
}
