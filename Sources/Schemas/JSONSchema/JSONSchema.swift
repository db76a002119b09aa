// JSON Schema, draft 7, as far as it says what type a value has: which is what Kafka Connect looks at, and what columns follow from.

import Diagnostics
import JSONText
import Values

/// A schema with what it refers to. Records are read by their columns; of the schema only the types of properties matter.
package struct JSONSchema: Hashable, Sendable {
    let root: JSONValue
    /// The schemas of the references by their names.
    let others: [String: JSONValue]

    /// Reads a schema. Errors: the text is no JSON, or beyond the limits.
    package init(_ document: SchemaDocument) throws(SchemaError) {
        root = try Self.parsed(document.text)
        var others: [String: JSONValue] = [:]
        var waiting = document.references
        while let reference = waiting.popLast() {
            guard others.count < SchemaLimits.references else { throw SchemaError("more than \(SchemaLimits.references) references") }
            if others[reference.name] != nil { continue }
            others[reference.name] = try Self.parsed(reference.document.text)
            waiting += reference.document.references
        }
        self.others = others
    }

    private static func parsed(_ text: String) throws(SchemaError) -> JSONValue {
        guard text.utf8.count <= SchemaLimits.textBytes else { throw SchemaError("the schema is longer than \(SchemaLimits.textBytes) bytes") }
        let value: JSONValue
        do throws(Diagnostic) { value = try JSONValue(parsing: text, allowsComments: false) } catch {
            throw SchemaError("the schema is no JSON: \(error.message)")
        }
        guard value.objectValue != nil || value.booleanValue != nil else { throw SchemaError("a JSON Schema is an object, true or false") }
        return value
    }

    /// What a `$ref` names: another part of this schema, or another schema.
    func target(of reference: String) -> JSONValue? {
        let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        var node = parts[0].isEmpty ? root : others[String(parts[0])]
        guard parts.count == 2 else { return node }
        for step in parts[1].split(separator: "/") {
            let name = step.replacing("~1", with: "/").replacing("~0", with: "~")
            node = node?[String(name)] ?? Int(name).flatMap { node?[$0] }
        }
        return node
    }
}

/// The types of SQL for JSON Schema's.
struct JSONSchemaInference {
    private let schema: JSONSchema
    private let naming: FieldNaming
    private let budget = InferenceBudget()

    init(_ schema: JSONSchema, _ naming: FieldNaming) {
        self.schema = schema
        self.naming = naming
    }

    /// The type of the root, and its properties where it is an object with some.
    var root: (InferredType, [(name: String, type: InferredType)]?) {
        get throws(SchemaError) {
            let node = plain(schema.root)
            if let node, kind(of: node) == "object", node["properties"] != nil {
                let fields = fields(of: node, depth: 0)
                return (structure(of: fields), fields)
            }
            return (type(of: schema.root, depth: 0), nil)
        }
    }

    /// The node without `$ref` and without the choice between null and one type.
    private func plain(_ node: JSONValue) -> JSONValue? {
        var node = node
        for _ in 0..<SchemaLimits.depth {
            if let reference = node["$ref"]?.stringValue {
                guard let target = schema.target(of: reference) else { return nil }
                node = target
            } else if let choices = (node["oneOf"] ?? node["anyOf"] ?? node["allOf"])?.arrayValue {
                let others = choices.filter { $0["type"]?.stringValue != "null" }
                guard others.count == 1 else { return nil }
                node = others[0]
            } else {
                return node
            }
        }
        return nil
    }

    private func kind(of node: JSONValue) -> String? {
        if let kind = node["type"]?.stringValue { return kind }
        let kinds = (node["type"]?.arrayValue ?? []).compactMap(\.stringValue).filter { $0 != "null" }
        if kinds.count == 1 { return kinds[0] }
        if node["properties"] != nil { return "object" }
        return node["enum"]?.arrayValue?.allSatisfy { $0.stringValue != nil } == true ? "string" : nil
    }

    /// In the order that Kafka Connect has noted, else in that of the text.
    private func fields(of node: JSONValue, depth: Int) -> [(name: String, type: InferredType)] {
        let members = node["properties"]?.objectValue ?? []
        let ordered = members.enumerated().sorted {
            ($0.element.value["connect.index"]?.intValue ?? $0.offset, $0.offset)
                < ($1.element.value["connect.index"]?.intValue ?? $1.offset, $1.offset)
        }
        return ordered.map { (naming.name($0.element.name), type(of: $0.element.value, depth: depth + 1)) }
    }

    private func type(of written: JSONValue, depth: Int) -> InferredType {
        guard budget.take() else { return InferenceBudget.spent }
        guard depth < SchemaLimits.depth else { return .none("types are nested deeper than \(SchemaLimits.depth) levels, or without end") }
        guard let node = plain(written) else { return .none("several types, or none that is known") }
        let connect = node["connect.type"]?.stringValue
        if let logical = logicalType(node) { return logical }
        switch kind(of: node) {
        case "boolean"?: return .type(.boolean)
        case "integer"?: return .type(["int8", "int16", "int32"].contains(connect) ? .integer : .bigint)
        case "number"?: return .type(.double)
        case "string"?: return .type(connect == "bytes" ? .bytes : .string)
        case "array"?:
            guard let items = node["items"] else { return .none("an array without \"items\"") }
            if connect == "map", let value = plain(items)?["properties"]?["value"] { return map(type(of: value, depth: depth + 1)) }
            guard case .type(let element) = type(of: items, depth: depth + 1) else { return .none("an array of no known type") }
            return .type(.array(element))
        case "object"?:
            if node["properties"] != nil, connect != "map" { return structure(of: fields(of: node, depth: depth)) }
            guard let values = node["additionalProperties"], values.objectValue != nil else {
                return .none("an object without properties")
            }
            return map(type(of: values, depth: depth + 1))
        default: return .none("no known type")
        }
    }

    private func map(_ values: InferredType) -> InferredType {
        guard case .type(let value) = values else { return values }
        return .type(.map(key: .string, value: value))
    }

    private func logicalType(_ node: JSONValue) -> InferredType? {
        switch node["title"]?.stringValue {
        case "org.apache.kafka.connect.data.Decimal"?:
            func parameter(_ name: String) -> Int? { node["connect.parameters"]?[name]?.stringValue.flatMap { Int($0) } }
            guard let scale = parameter("scale"), (0...SQLType.mostDecimalDigits).contains(scale) else { return nil }
            let digits = parameter("connect.decimal.precision") ?? defaultDecimalPrecision
            return .type(.decimal(precision: min(max(digits, scale, 1), SQLType.mostDecimalDigits), scale: scale))
        case "org.apache.kafka.connect.data.Date"?: return .type(.date)
        case "org.apache.kafka.connect.data.Time"?: return .type(.time)
        case "org.apache.kafka.connect.data.Timestamp"?: return .type(.timestamp)
        default: return nil
        }
    }
}

/// The precision of decimals whose schema gives none.
let defaultDecimalPrecision = 64

/// Makes JSON Schemas of columns.
struct JSONSchemaGeneration {
    /// An object with these columns, or the single one.
    func schema(of columns: [ColumnDefinition], isUnwrapped: Bool) -> JSONValue {
        if isUnwrapped, columns.count == 1 { return nullable(columns[0].type, index: nil) }
        return object(columns.map { StructField($0.name, $0.type) })
    }

    private func object(_ fields: [StructField]) -> JSONValue {
        let properties = fields.enumerated().map { JSONValue.Member($0.element.name, nullable($0.element.type, index: $0.offset)) }
        return ["type": "object", "properties": .object(properties)]
    }

    private func nullable(_ type: SQLType, index: Int?) -> JSONValue {
        let choice = JSONValue.Member("oneOf", [["type": "null"], node(type)])
        return .object((index.map { [.init("connect.index", .integer($0))] } ?? []) + [choice])
    }

    private func plain(_ type: String, _ connect: String) -> JSONValue { ["type": .string(type), "connect.type": .string(connect)] }

    private func logical(_ type: String, _ connect: String, _ name: String) -> JSONValue {
        [
            "type": .string(type), "title": .string("org.apache.kafka.connect.data." + name), "connect.version": .integer(1),
            "connect.type": .string(connect),
        ]
    }

    private func node(_ type: SQLType) -> JSONValue {
        switch type {
        case .boolean: ["type": "boolean"]
        case .integer: plain("integer", "int32")
        case .bigint: plain("integer", "int64")
        case .double: plain("number", "float64")
        case .string: ["type": "string"]
        case .bytes: plain("string", "bytes")
        case .time: logical("integer", "int32", "Time")
        case .date: logical("integer", "int32", "Date")
        case .timestamp: logical("integer", "int64", "Timestamp")
        case .decimal(let precision, let scale):
            .object(
                (logical("number", "bytes", "Decimal").objectValue ?? []) + [
                    .init(
                        "connect.parameters",
                        ["scale": .string(String(scale)), "connect.decimal.precision": .string(String(precision))])
                ])
        case .array(let element): ["type": "array", "items": nullable(element, index: nil)]
        case .map(_, let value): ["type": "object", "connect.type": "map", "additionalProperties": nullable(value, index: nil)]
        case .structure(let fields): object(fields)
        }
    }
}
