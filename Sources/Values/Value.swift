// One SQL value in a box: literals, keys of pull queries, arguments of rare functions, tests. Rows never travel as boxes.

/// A SQL value of any type. Equality is deep and by value: NULL equals NULL, NaN equals NaN, decimals compare with their scale.
package indirect enum Value: Hashable, Sendable, Codable {
    case null
    case boolean(Bool)
    case integer(Int32)
    case bigint(Int64)
    case double(Double)
    case decimal(Decimal)
    case string(String)
    case bytes([UInt8])
    /// Milliseconds of the day.
    case time(Int32)
    /// Days since the epoch.
    case date(Int32)
    /// Milliseconds since the epoch.
    case timestamp(Int64)
    case array([Value])
    /// Entries in insertion order; keys are unique.
    case map([MapEntry])
    /// Field values in the order of the type's fields.
    case structure([Value])

    package var isNull: Bool { self == .null }
}

/// One entry of a MAP value.
package struct MapEntry: Hashable, Sendable, Codable {
    package var key: Value
    package var value: Value
    package init(_ key: Value, _ value: Value) {
        self.key = key
        self.value = value
    }
}

extension Value {
    package static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.boolean(let a), .boolean(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.bigint(let a), .bigint(let b)): a == b
        case (.double(let a), .double(let b)): a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
        case (.decimal(let a), .decimal(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.bytes(let a), .bytes(let b)): a == b
        case (.time(let a), .time(let b)), (.date(let a), .date(let b)): a == b
        case (.timestamp(let a), .timestamp(let b)): a == b
        case (.array(let a), .array(let b)), (.structure(let a), .structure(let b)): a == b
        case (.map(let a), .map(let b)): Set(a) == Set(b)
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .boolean(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .bigint(let value): hasher.combine(value)
        case .double(let value): hasher.combine(value.isNaN ? 1 : value.bitPattern)
        case .decimal(let value): hasher.combine(value)
        case .string(let value): hasher.combine(Array(value.utf8))
        case .bytes(let value): hasher.combine(value)
        case .time(let value), .date(let value): hasher.combine(value)
        case .timestamp(let value): hasher.combine(value)
        case .array(let values), .structure(let values): hasher.combine(values)
        case .map(let entries): hasher.combine(Set(entries))
        }
    }
}
