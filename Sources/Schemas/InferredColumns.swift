// Columns from schemas: what a stream or table has whose statement names none.

package import Values

/// How columns are called after fields.
package enum FieldNaming: Hashable, Sendable {
    /// In upper case, as names in statements are unless they are quoted.
    case upperCased
    /// As they are written in the schema.
    case asWritten

    func name(_ field: String) -> String { self == .upperCased ? field.uppercased() : field }
}

/// The columns that a schema comes to.
package struct InferredColumns: Hashable, Sendable {
    /// The fields of the root; where that is no record, or is to be one column, the single column with the name that was asked for.
    package var columns: [ColumnDefinition]
    /// Fields without a type in SQL, each with the reason.
    package var dropped: [String]
    /// Whether the root is no record.
    package var isAnonymous: Bool
}

/// How a root that is not taken apart becomes a column.
package struct WholeColumn: Hashable, Sendable {
    /// The column's name.
    package var name: String
    /// Whether a record too stays whole.
    package var takesRecords: Bool

    package init(name: String, takesRecords: Bool) {
        self.name = name
        self.takesRecords = takesRecords
    }
}

/// A type in SQL, or why there is none.
enum InferredType {
    case type(SQLType)
    case none(String)
}

extension InferredColumns {
    /// The columns of a schema. `fullName` chooses a message of Protocol Buffers. Errors: the text is no schema, or has no such message.
    package init(_ document: SchemaDocument, fullName: String? = nil, naming: FieldNaming, whole: WholeColumn) throws(SchemaError) {
        let (root, fields): (InferredType, [(name: String, type: InferredType)]?)
        switch document.kind {
        case .avro: (root, fields) = try AvroInference(try AvroSchema(document), naming).root
        case .json: (root, fields) = try JSONSchemaInference(try JSONSchema(document), naming).root
        case .protobuf: (root, fields) = try ProtobufInference(try ProtobufSchema(document), naming).root(fullName)
        }
        columns = []
        dropped = []
        isAnonymous = fields == nil
        if let fields, !whole.takesRecords {
            for (name, type) in fields {
                switch type {
                case .type(let type): columns.append(ColumnDefinition(name, type))
                case .none(let reason): dropped.append("\(name): \(reason)")
                }
            }
        } else {
            switch root {
            case .type(let type): columns = [ColumnDefinition(whole.name, type)]
            case .none(let reason): dropped = [reason]
            }
        }
    }
}

/// How many types a schema may still unfold to. Types that are named several times stand in the columns as often.
final class InferenceBudget {
    private var left = SchemaLimits.types

    /// Whether there is room for one more.
    func take() -> Bool {
        left -= 1
        return left >= 0
    }

    /// What is said of a type for which there is none.
    static let spent = InferredType.none("the schema unfolds to more than \(SchemaLimits.types) types")
}

/// The STRUCT of fields, without those that have no type.
func structure(of fields: [(name: String, type: InferredType)]) -> InferredType {
    let known = fields.compactMap { field -> StructField? in
        if case .type(let type) = field.type { StructField(field.name, type) } else { nil }
    }
    return known.isEmpty ? .none("no field has a type that SQL knows") : .type(.structure(known))
}
