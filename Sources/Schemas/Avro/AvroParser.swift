// From Avro's JSON to types. The text is read by the JSON room; here are the rules of names, and the limits.

import Diagnostics
import JSONText

extension AvroSchema {
    /// Reads a schema with what it refers to. Errors: it is none, or beyond the limits.
    package init(_ document: SchemaDocument) throws(SchemaError) {
        var parser = AvroParser()
        try parser.addReferences(document, depth: 0)
        root = try parser.parse(document.text)
        named = parser.named
        aliases = parser.aliases
        defaultedEnumerations = parser.defaultedEnumerations
    }
}

private struct AvroParser {
    var named: [String: AvroType] = [:]
    var aliases: [String: [String]] = [:]
    var defaultedEnumerations: Set<String> = []
    private var references = 0

    mutating func addReferences(_ document: SchemaDocument, depth: Int) throws(SchemaError) {
        guard depth < SchemaLimits.depth else { throw SchemaError("schemas refer to each other without end") }
        for reference in document.references {
            references += 1
            guard references <= SchemaLimits.references else { throw SchemaError("more than \(SchemaLimits.references) references") }
            try addReferences(reference.document, depth: depth + 1)
            _ = try parse(reference.document.text)
        }
    }

    static func json(_ text: String) throws(SchemaError) -> JSONValue {
        guard text.utf8.count <= SchemaLimits.textBytes else { throw SchemaError("the schema is longer than \(SchemaLimits.textBytes) bytes") }
        do throws(Diagnostic) { return try JSONValue(parsing: text) } catch {
            // A primitive type may stand as a bare word.
            if !text.isEmpty, text.utf8.allSatisfy({ $0 >= 97 && $0 <= 122 }) { return .string(text) }
            throw SchemaError("the schema is no JSON: \(error.message)")
        }
    }

    mutating func parse(_ text: String) throws(SchemaError) -> AvroType {
        try type(try Self.json(text), namespace: "", depth: 0)
    }

    private mutating func type(_ node: JSONValue, namespace: String, depth: Int) throws(SchemaError) -> AvroType {
        guard depth < SchemaLimits.depth else { throw SchemaError("types are nested deeper than \(SchemaLimits.depth) levels") }
        switch node {
        case .string(let name): return try typeNamed(name, namespace)
        case .array(let branches):
            guard branches.count <= SchemaLimits.fields else { throw SchemaError("a union of more than \(SchemaLimits.fields) types") }
            var types: [AvroType] = []
            var names: Set<String> = []
            for branch in branches {
                let type = try type(branch, namespace: namespace, depth: depth + 1)
                if case .union = type { throw SchemaError("a union directly within a union") }
                guard names.insert(type.branchName).inserted else { throw SchemaError("a union has \(type.branchName) twice") }
                types.append(type)
            }
            return .union(types)
        case .object:
            guard let kind = node["type"] else { throw SchemaError("an object without \"type\"") }
            guard case .string(let word) = kind else { return try type(kind, namespace: namespace, depth: depth + 1) }
            return try complexType(word, node, namespace: namespace, depth: depth)
        case .null, .boolean, .number: throw SchemaError("\(node.text) is no type")
        }
    }

    private func typeNamed(_ name: String, _ namespace: String) throws(SchemaError) -> AvroType {
        if let primitive = Self.primitive(name) { return primitive }
        for full in [Self.fullName(name, namespace), name] where named[full] != nil { return .reference(full) }
        throw SchemaError("unknown type \(name)")
    }

    private static func primitive(_ name: String) -> AvroType? {
        switch name {
        case "null": .null
        case "boolean": .boolean
        case "int": .int
        case "long": .long
        case "float": .float
        case "double": .double
        case "bytes": .bytes
        case "string": .string
        default: nil
        }
    }

    private static func fullName(_ name: String, _ namespace: String) -> String {
        name.contains(".") || namespace.isEmpty ? name : namespace + "." + name
    }

    private mutating func complexType(_ word: String, _ node: JSONValue, namespace: String, depth: Int) throws(SchemaError) -> AvroType {
        switch word {
        case "array":
            guard let items = node["items"] else { throw SchemaError("an array without \"items\"") }
            return .array(try type(items, namespace: namespace, depth: depth + 1))
        case "map":
            guard let values = node["values"] else { throw SchemaError("a map without \"values\"") }
            return .map(try type(values, namespace: namespace, depth: depth + 1))
        case "record", "error": return try record(node, namespace: namespace, depth: depth)
        case "enum":
            let name = try declaredName(node, namespace)
            let symbols = (node["symbols"]?.arrayValue ?? []).compactMap(\.stringValue)
            guard !symbols.isEmpty, symbols.count <= SchemaLimits.fields, Set(symbols).count == symbols.count else {
                throw SchemaError("the enum \(name) has no symbols, too many, or one twice")
            }
            if let usual = node["default"]?.stringValue, symbols.contains(usual) { defaultedEnumerations.insert(name) }
            return declare(.enumeration(name: name, symbols: symbols), name)
        case "fixed":
            let name = try declaredName(node, namespace)
            guard let size = node["size"]?.intValue, (0...SchemaLimits.textBytes).contains(size) else {
                throw SchemaError("the fixed type \(name) has no size, or one beyond \(SchemaLimits.textBytes) bytes")
            }
            _ = declare(.fixed(name: name, size: size), name)
            return logical(.fixed(name: name, size: size), node)
        default: return logical(try typeNamed(word, namespace), node)
        }
    }

    private mutating func declare(_ type: AvroType, _ name: String) -> AvroType {
        named[name] = type
        return type
    }

    /// The type with its logical type, where that is one that Kafka Connect knows.
    private func logical(_ type: AvroType, _ node: JSONValue) -> AvroType {
        switch (type, node["logicalType"]?.stringValue) {
        case (.int, "date"?): return .date
        case (.int, "time-millis"?): return .timeMillis
        case (.long, "timestamp-millis"?): return .timestampMillis
        case (.bytes, "decimal"?), (.fixed, "decimal"?):
            let scale = node["scale"]?.intValue ?? 0
            let precision = node["precision"]?.intValue
            // A logical type that makes no sense is ignored, as the specification demands.
            guard scale >= 0, scale <= 10_000, (precision ?? 1) >= 1, (precision ?? 1) <= 10_000 else { return type }
            if case .fixed(_, let size) = type { return .decimal(precision: precision, scale: scale, size: size) }
            return .decimal(precision: precision, scale: scale, size: nil)
        default: return type
        }
    }

    private mutating func declaredName(_ node: JSONValue, _ namespace: String) throws(SchemaError) -> String {
        guard let name = node["name"]?.stringValue, !name.isEmpty else { throw SchemaError("a named type without \"name\"") }
        let full = Self.fullName(name, node["namespace"]?.stringValue ?? namespace)
        if let problem = AvroNames.problem(of: full) { throw SchemaError(problem) }
        if named[full] != nil { throw SchemaError("the name \(full) is declared twice") }
        let others = (node["aliases"]?.arrayValue ?? []).compactMap(\.stringValue)
        let inner = full.split(separator: ".").dropLast().joined(separator: ".")
        if !others.isEmpty { aliases[full] = others.map { Self.fullName($0, inner) } }
        return full
    }

    private mutating func record(_ node: JSONValue, namespace: String, depth: Int) throws(SchemaError) -> AvroType {
        let name = try declaredName(node, namespace)
        guard let list = node["fields"]?.arrayValue, list.count <= SchemaLimits.fields else {
            throw SchemaError("the record \(name) has no fields, or more than \(SchemaLimits.fields)")
        }
        let inner = name.split(separator: ".").dropLast().joined(separator: ".")
        // Its own fields may be of this type.
        named[name] = .record(AvroRecord(name: name, fields: [], isMapEntry: false))
        var fields: [AvroField] = []
        var names: Set<String> = []
        for field in list {
            guard let fieldName = field["name"]?.stringValue, let node = field["type"] else {
                throw SchemaError("a field of \(name) has no name or no type")
            }
            if let problem = AvroNames.problem(of: fieldName) { throw SchemaError(problem) }
            guard names.insert(fieldName).inserted else { throw SchemaError("the record \(name) has the field \(fieldName) twice") }
            let type = try type(node, namespace: inner, depth: depth + 1)
            let others = (field["aliases"]?.arrayValue ?? []).compactMap(\.stringValue)
            fields.append(AvroField(name: fieldName, type: type, defaultValue: field["default"], aliases: others))
        }
        let isEntry = node["connect.internal.type"]?.stringValue == "MapEntry" || name == "io.confluent.connect.avro.ConnectMapEntry"
        return declare(.record(AvroRecord(name: name, fields: fields, isMapEntry: isEntry)), name)
    }
}

/// The rules of names in Avro.
package enum AvroNames {
    /// What is wrong with a name, in the words of Avro's own library; nil when nothing is. Dots part the components of full names.
    package static func problem(of name: String) -> String? {
        func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 97 && byte | 0x20 <= 122 || byte == 95 }
        for part in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard let first = part.utf8.first else { return "Empty name" }
            if !isLetter(first) { return "Illegal initial character: \(part)" }
            if !part.utf8.allSatisfy({ isLetter($0) || $0 >= 48 && $0 <= 57 }) { return "Illegal character in: \(part)" }
        }
        return nil
    }
}

extension SchemaDocument {
    /// The text of JSON without blanks; nil where it is none.
    var jsonText: String? {
        if kind == .avro { return (try? AvroParser.json(text))?.text }
        return (try? JSONValue(parsing: text))?.text
    }

    /// Errors: the text is no schema of its language, or beyond the limits.
    package func check() throws(SchemaError) {
        switch kind {
        case .avro: _ = try AvroSchema(self)
        case .protobuf: _ = try ProtobufSchema(self)
        case .json: _ = try JSONSchema(self)
        }
    }
}
