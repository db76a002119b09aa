// The types of SQL as users write them. A type is a value; two types are the same when all their parts are.

/// A field of a STRUCT: its name in the case that it was resolved to, and its type.
package struct StructField: Hashable, Sendable, Codable {
    package var name: String
    package var type: SQLType
    package init(_ name: String, _ type: SQLType) {
        self.name = name
        self.type = type
    }
}

/// A SQL type. `time` counts milliseconds of the day, `date` days since the epoch, `timestamp` milliseconds since the epoch (UTC).
package indirect enum SQLType: Hashable, Sendable, Codable {
    case boolean
    case integer
    case bigint
    case double
    /// `precision` counts all digits, `scale` those after the point.
    case decimal(precision: Int, scale: Int)
    case string
    case bytes
    case time
    case date
    case timestamp
    case array(SQLType)
    case map(key: SQLType, value: SQLType)
    case structure([StructField])
}

extension SQLType: CustomStringConvertible {
    /// The text of messages and schemas: `DECIMAL(4, 2)`, `MAP<STRING, BIGINT>`, ``STRUCT<`A` INTEGER>``.
    package var description: String {
        switch self {
        case .boolean: "BOOLEAN"
        case .integer: "INTEGER"
        case .bigint: "BIGINT"
        case .double: "DOUBLE"
        case .decimal(let precision, let scale): "DECIMAL(\(precision), \(scale))"
        case .string: "STRING"
        case .bytes: "BYTES"
        case .time: "TIME"
        case .date: "DATE"
        case .timestamp: "TIMESTAMP"
        case .array(let element): "ARRAY<\(element)>"
        case .map(let key, let value): "MAP<\(key), \(value)>"
        case .structure(let fields): "STRUCT<" + fields.map { "`\($0.name)` \($0.type)" }.joined(separator: ", ") + ">"
        }
    }
}

extension SQLType {
    /// INTEGER, BIGINT, DECIMAL and DOUBLE.
    package var isNumeric: Bool { numericRank != nil }

    /// The place in the order INTEGER < BIGINT < DECIMAL < DOUBLE; nil for all other types.
    package var numericRank: Int? {
        switch self {
        case .integer: 0
        case .bigint: 1
        case .decimal: 2
        case .double: 3
        case .boolean, .string, .bytes, .time, .date, .timestamp, .array, .map, .structure: nil
        }
    }

    /// ARRAY, MAP and STRUCT.
    package var isNested: Bool {
        switch self {
        case .array, .map, .structure: true
        case .boolean, .integer, .bigint, .double, .decimal, .string, .bytes, .time, .date, .timestamp: false
        }
    }

    /// TIME, DATE and TIMESTAMP.
    package var isTemporal: Bool { self == .time || self == .date || self == .timestamp }

    /// Whether a MAP occurs here or inside.
    package var containsMap: Bool {
        switch self {
        case .map: true
        case .array(let element): element.containsMap
        case .structure(let fields): fields.contains { $0.type.containsMap }
        case .boolean, .integer, .bigint, .double, .decimal, .string, .bytes, .time, .date, .timestamp: false
        }
    }

    /// The word that names the type's constructor alone: `DECIMAL`, `ARRAY`, `STRUCT`, …
    package var baseName: String {
        switch self {
        case .decimal: "DECIMAL"
        case .array: "ARRAY"
        case .map: "MAP"
        case .structure: "STRUCT"
        case .boolean, .integer, .bigint, .double, .string, .bytes, .time, .date, .timestamp: description
        }
    }

    /// The DECIMAL that holds every value of this exact number type: INTEGER needs (10, 0), BIGINT (19, 0). Nil for all others.
    package var asDecimal: (precision: Int, scale: Int)? {
        switch self {
        case .integer: (10, 0)
        case .bigint: (19, 0)
        case .decimal(let precision, let scale): (precision, scale)
        case .boolean, .double, .string, .bytes, .time, .date, .timestamp, .array, .map, .structure: nil
        }
    }
}
