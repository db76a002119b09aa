// `.proto` files from columns, as ksqlDB makes them: one message, with a nested one for each STRUCT.

import Values

/// A message that is made of columns, with the messages in it.
private struct MessagePlan {
    var name: String
    /// The declarations, without the semicolons.
    var fields: [String] = []
    var nested: [MessagePlan] = []
}

/// Makes the schema of some columns.
struct ProtobufGeneration {
    private let nulls: NullRepresentation?
    private let packageName: String
    private let rootName: String?
    private var imports: Set<String> = []
    private var count = 0

    init(_ shape: SchemaShape) {
        nulls = shape.nulls
        let parts = (shape.fullName ?? "").split(separator: ".").map(String.init)
        packageName = parts.dropLast().joined(separator: ".")
        rootName = parts.last
    }

    /// The text of the file. Errors: a name that the language does not have.
    func text(of columns: [ColumnDefinition]) throws(SchemaError) -> String {
        var generation = self
        let plan = try generation.message(columns.map { StructField($0.name, $0.type) })
        var text = "syntax = \"proto3\";\n"
        if !packageName.isEmpty { text += "package \(packageName);\n" }
        text += "\n"
        for name in generation.imports.sorted() { text += "import \"\(name)\";\n" }
        if !generation.imports.isEmpty { text += "\n" }
        return text + Self.text(of: plan, indent: "")
    }

    private static func text(of plan: MessagePlan, indent: String) -> String {
        var text = "\(indent)message \(plan.name) {\n"
        for field in plan.fields { text += "\(indent)  \(field);\n" }
        for nested in plan.nested { text += "\n" + self.text(of: nested, indent: indent + "  ") }
        return text + "\(indent)}\n"
    }

    private mutating func message(_ fields: [StructField]) throws(SchemaError) -> MessagePlan {
        count += 1
        var plan = MessagePlan(name: (count == 1 ? rootName : nil) ?? "ConnectDefault\(count)")
        for (index, field) in fields.enumerated() {
            let name = protobufFieldName(field.name)
            let isName = name.utf8.allSatisfy { $0 == 95 || $0 >= 48 && $0 <= 57 || $0 | 0x20 >= 97 && $0 | 0x20 <= 122 }
            guard isName, let first = name.utf8.first, first > 57 else {
                throw SchemaError("Schema is not compatible with Protobuf: \(field.name) is no name of a field")
            }
            let declaration = try declaration(field.type, &plan)
            plan.fields.append("\(declaration.name) \(name) = \(index + 1)\(declaration.options)")
        }
        return plan
    }

    /// The type of a field with its label, and the options behind its number.
    private mutating func declaration(_ type: SQLType, _ plan: inout MessagePlan) throws(SchemaError) -> (name: String, options: String) {
        switch type {
        case .array(let element):
            let (name, options) = try typeName(element, &plan)
            return ("repeated " + name, options)
        case .map(_, let value):
            let (name, options) = try typeName(value, &plan)
            return ("map<string, \(name)>", options)
        case .boolean, .integer, .bigint, .double, .string, .bytes:
            let (name, options) = try typeName(type, &plan)
            switch nulls {
            case nil: return (name, options)
            case .optional?: return ("optional " + name, options)
            case .wrapper?:
                imports.insert("google/protobuf/wrappers.proto")
                return ("google.protobuf.\(name.prefix(1).uppercased())\(name.dropFirst())Value", options)
            }
        case .decimal, .time, .date, .timestamp, .structure: return try typeName(type, &plan)
        }
    }

    private mutating func typeName(_ type: SQLType, _ plan: inout MessagePlan) throws(SchemaError) -> (name: String, options: String) {
        switch type {
        case .boolean: return ("bool", "")
        case .integer: return ("int32", "")
        case .bigint: return ("int64", "")
        case .double: return ("double", "")
        case .string: return ("string", "")
        case .bytes: return ("bytes", "")
        case .time:
            imports.insert("google/type/timeofday.proto")
            return ("google.type.TimeOfDay", "")
        case .date:
            imports.insert("google/type/date.proto")
            return ("google.type.Date", "")
        case .timestamp:
            imports.insert("google/protobuf/timestamp.proto")
            return ("google.protobuf.Timestamp", "")
        case .decimal(let precision, let scale):
            imports.formUnion(["confluent/meta.proto", "confluent/type/decimal.proto"])
            let parameters = [("precision", precision), ("scale", scale)].map { "{ key: \"\($0.0)\", value: \"\($0.1)\" }" }
            return ("confluent.type.Decimal", " [(confluent.field_meta) = { params: [\(parameters.joined(separator: ", "))] }]")
        case .structure(let fields):
            let nested = try message(fields)
            plan.nested.append(nested)
            return (nested.name, "")
        case .array, .map:
            // A list within a list stands in a message of its own.
            let nested = try message([StructField("value", type)])
            plan.nested.append(nested)
            return (nested.name, "")
        }
    }
}

/// The name of the field of a column: names of Protocol Buffers have letters, digits and `_` only.
package func protobufFieldName(_ column: String) -> String { column.replacing(".", with: "_") }
