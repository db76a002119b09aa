// Avro's types in SQL, as Kafka Connect and ksqlDB see them.

import Values

struct AvroInference {
    private let schema: AvroSchema
    private let naming: FieldNaming
    private let budget = InferenceBudget()

    init(_ schema: AvroSchema, _ naming: FieldNaming) {
        self.schema = schema
        self.naming = naming
    }

    /// The type of the root, and its fields where it is a record.
    var root: (InferredType, [(name: String, type: InferredType)]?) {
        get throws(SchemaError) {
            var type = schema.resolved(schema.root)
            let (types, null) = type.branches
            if null != nil, types.count == 1 { type = schema.resolved(types[0]) }
            guard case .record(let record) = type else { return (self.type(of: type, within: []), nil) }
            let fields = fields(of: record, within: [record.name])
            return (structure(of: fields), fields)
        }
    }

    private func fields(of record: AvroRecord, within names: Set<String>) -> [(name: String, type: InferredType)] {
        record.fields.map { (naming.name($0.name), type(of: $0.type, within: names)) }
    }

    private func type(of written: AvroType, within names: Set<String>) -> InferredType {
        guard budget.take() else { return InferenceBudget.spent }
        switch schema.resolved(written) {
        case .null: return .none("null alone is no type")
        case .boolean: return .type(.boolean)
        case .int: return .type(.integer)
        case .long: return .type(.bigint)
        case .float, .double: return .type(.double)
        case .bytes, .fixed: return .type(.bytes)
        case .string, .enumeration: return .type(.string)
        case .date: return .type(.date)
        case .timeMillis: return .type(.time)
        case .timestampMillis: return .type(.timestamp)
        case .decimal(let precision, let scale, _):
            let digits = max(1, min(precision ?? defaultDecimalPrecision, SQLType.mostDecimalDigits))
            return scale <= digits ? .type(.decimal(precision: digits, scale: scale)) : .none("a decimal with scale \(scale)")
        case .array(let items):
            if case .record(let entry) = schema.resolved(items), entry.isMapEntry, let values = mapValues(entry) {
                return map(type(of: values, within: names))
            }
            let element = type(of: items, within: names)
            guard case .type(let type) = element else { return element }
            return .type(.array(type))
        case .map(let values): return map(type(of: values, within: names))
        case .record(let record):
            if names.contains(record.name) { return .none("\(record.name) contains itself") }
            return structure(of: fields(of: record, within: names.union([record.name])))
        case .union(let types): return union(types, within: names)
        case .reference(let name): return .none("unknown type \(name)")
        }
    }

    private func map(_ values: InferredType) -> InferredType {
        guard case .type(let value) = values else { return values }
        return .type(.map(key: .string, value: value))
    }

    /// The type of the values of a map that is written as entries with texts as keys.
    private func mapValues(_ entry: AvroRecord) -> AvroType? {
        guard let key = entry.fields.first(where: { $0.name == "key" }), let value = entry.fields.first(where: { $0.name == "value" }),
            key.type.branches.types.map({ schema.resolved($0) }) == [.string]
        else { return nil }
        return value.type
    }

    /// One type beside null is that type; several are a STRUCT with a field for each, of which one is not NULL.
    private func union(_ types: [AvroType], within names: Set<String>) -> InferredType {
        let others = types.filter { $0 != .null }
        if others.count == 1 { return type(of: others[0], within: names) }
        return structure(
            of: others.map { branch in
                let name = branch.branchName.split(separator: ".").last.map(String.init) ?? branch.branchName
                return (naming.name(name), type(of: branch, within: names))
            })
    }
}
