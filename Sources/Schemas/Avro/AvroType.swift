// Avro's types as a tree. Names are resolved to full ones; a type that was named before stands as a reference, so that types may contain
// themselves.

package import JSONText

/// A field of a record.
package struct AvroField: Hashable, Sendable {
    /// Its name, without namespace.
    package var name: String
    /// Its type.
    package var type: AvroType
    /// The value for readers of records that do not have the field, and for writers of rows that do not; nil for none.
    package var defaultValue: JSONValue?
    /// Names that it had, or has elsewhere.
    package var aliases: [String] = []
}

/// A record type.
package struct AvroRecord: Hashable, Sendable {
    /// The full name.
    package var name: String
    /// The fields in the order in which they are written.
    package var fields: [AvroField]
    /// Whether it stands for an entry of a map, as Kafka Connect writes maps whose keys may be null.
    package var isMapEntry: Bool
}

/// A type of the Avro specification 1.11, with those logical types that Kafka Connect knows; others are their plain types.
package indirect enum AvroType: Hashable, Sendable {
    case null
    case boolean
    case int
    case long
    case float
    case double
    case bytes
    case string
    /// Days since the epoch, an int.
    case date
    /// Milliseconds of the day, an int.
    case timeMillis
    /// Milliseconds since the epoch, a long.
    case timestampMillis
    /// A two's complement number in big-endian bytes; `size` bytes where it is a fixed type. The precision is nil where none is given.
    case decimal(precision: Int?, scale: Int, size: Int?)
    case fixed(name: String, size: Int)
    case enumeration(name: String, symbols: [String])
    case array(AvroType)
    case map(AvroType)
    case record(AvroRecord)
    case union([AvroType])
    /// A named type from elsewhere in the schema.
    case reference(String)
}

/// A schema: its root, and every named type in it and in what it refers to.
package struct AvroSchema: Hashable, Sendable {
    package var root: AvroType
    /// Records, enumerations and fixed types by full name.
    package var named: [String: AvroType]
    /// Other full names of named types, by their full name.
    package var aliases: [String: [String]]
    /// Full names of enumerations that have a default for symbols that they do not know.
    package var defaultedEnumerations: Set<String>

    /// The type behind a reference.
    package func resolved(_ type: AvroType) -> AvroType {
        if case .reference(let name) = type, let found = named[name] { return found }
        return type
    }
}

extension AvroType {
    /// The types beside null, and the place of null among the branches; the type alone where it is no union.
    package var branches: (types: [AvroType], null: Int?) {
        guard case .union(let types) = self else { return ([self], nil) }
        return (types.filter { $0 != .null }, types.firstIndex(of: .null))
    }

    /// What a union calls its branch of this type: its full name, or the name of the primitive type.
    package var branchName: String {
        switch self {
        case .null: "null"
        case .boolean: "boolean"
        case .int, .date, .timeMillis: "int"
        case .long, .timestampMillis: "long"
        case .float: "float"
        case .double: "double"
        case .bytes, .decimal: "bytes"
        case .string: "string"
        case .fixed(let name, _), .enumeration(let name, _), .reference(let name): name
        case .record(let record): record.name
        case .array: "array"
        case .map: "map"
        case .union: "union"
        }
    }
}
