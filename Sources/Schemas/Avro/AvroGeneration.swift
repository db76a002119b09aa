// Avro schemas from columns, as ksqlDB makes them: every field may be null, maps are lists of entries, records within records are named by
// their place.

import JSONText
import Values

/// Makes the schema of some columns.
struct AvroGeneration {
    /// The namespace of names that nobody has chosen.
    static let namespace = "io.confluent.ksql.avro_schemas"

    private let namespace: String
    private let name: String

    /// For a root with that full name.
    init(fullName: String) {
        let parts = fullName.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        namespace = parts.dropLast().joined(separator: ".")
        name = parts.last ?? ""
    }

    /// A record of these columns, or the type of the single one.
    func schema(of columns: [ColumnDefinition], isUnwrapped: Bool) throws(SchemaError) -> JSONValue {
        if isUnwrapped, columns.count == 1 { return try type(columns[0].type, [name]) }
        return try record(columns.map { StructField($0.name, $0.type) }, [name])
    }

    private func record(_ fields: [StructField], _ path: [String]) throws(SchemaError) -> JSONValue {
        var list: [JSONValue] = []
        for field in fields {
            let fieldName = avroFieldName(field.name)
            if let problem = AvroNames.problem(of: fieldName) { throw SchemaError("Schema is not compatible with Avro: \(problem)") }
            list.append(
                ["name": .string(fieldName), "type": ["null", try type(field.type, path + [fieldName])], "default": .null])
        }
        return named("record", path, [.init("fields", .array(list)), .init("connect.name", .string(fullName(path)))])
    }

    private func fullName(_ path: [String]) -> String { (namespace.isEmpty ? "" : namespace + ".") + path.joined(separator: "_") }

    private func named(_ kind: String, _ path: [String], _ members: [JSONValue.Member]) -> JSONValue {
        var all: [JSONValue.Member] = [.init("type", .string(kind)), .init("name", .string(path.joined(separator: "_")))]
        if !namespace.isEmpty { all.append(.init("namespace", .string(namespace))) }
        return .object(all + members)
    }

    private func connect(_ type: String, _ name: String, logical: String, _ more: [JSONValue.Member] = []) -> JSONValue {
        .object(
            [.init("type", .string(type))] + more + [
                .init("connect.version", .integer(1)), .init("connect.name", .string("org.apache.kafka.connect.data." + name)),
                .init("logicalType", .string(logical)),
            ])
    }

    private func type(_ type: SQLType, _ path: [String]) throws(SchemaError) -> JSONValue {
        switch type {
        case .boolean: return "boolean"
        case .integer: return "int"
        case .bigint: return "long"
        case .double: return "double"
        case .string: return "string"
        case .bytes: return "bytes"
        case .time: return connect("int", "Time", logical: "time-millis")
        case .date: return connect("int", "Date", logical: "date")
        case .timestamp: return connect("long", "Timestamp", logical: "timestamp-millis")
        case .decimal(let precision, let scale):
            return connect(
                "bytes", "Decimal", logical: "decimal",
                [
                    .init("scale", .integer(scale)), .init("precision", .integer(precision)),
                    .init("connect.parameters", ["scale": .string(String(scale)), "connect.decimal.precision": .string(String(precision))]),
                ])
        case .array(let element): return ["type": "array", "items": ["null", try self.type(element, path)]]
        case .map(_, let value):
            let fields: JSONValue = [
                ["name": "key", "type": ["null", "string"], "default": .null],
                ["name": "value", "type": ["null", try self.type(value, path + ["MapValue"])], "default": .null],
            ]
            let entry = named("record", path, [.init("fields", fields), .init("connect.internal.type", "MapEntry")])
            return ["type": "array", "items": entry, "connect.internal.type": "Map"]
        case .structure(let fields): return try record(fields, path)
        }
    }
}

/// The name of the field of a column: Avro's names have no dots.
package func avroFieldName(_ column: String) -> String { column.replacing(".", with: "_") }
