// Types as they are written in a statement. Custom type names are left as names: only the catalog knows them.

/// A type in the text of a statement.
package struct TypeName: Hashable, Sendable {
    /// The type itself.
    package let node: Node
    /// Where it was written.
    package let span: SourceSpan
    /// Levels of the type under and with this node; the parser keeps it at or below `SyntaxLimits.maximumDepth`.
    package let depth: Int

    package init(_ node: Node, span: SourceSpan = .none) {
        self.node = node
        self.span = span
        depth =
            switch node {
            case .primitive, .decimal, .custom: 1
            case .array(let element): element.depth + 1
            case .map(let key, let value): max(key.depth, value.depth) + 1
            case .structure(let fields): (fields.map(\.type.depth).max() ?? 0) + 1
            }
    }

    /// The forms of a type.
    package indirect enum Node: Hashable, Sendable {
        case primitive(Primitive)
        /// `DECIMAL(precision, scale)`; the parser does not judge the numbers.
        case decimal(precision: Int, scale: Int)
        case array(TypeName)
        case map(key: TypeName, value: TypeName)
        case structure([Field])
        /// A name that is no built-in type: a type registered with CREATE TYPE, or a mistake.
        case custom(Name)
    }

    /// The types without parameters, by the name that messages print.
    package enum Primitive: String, Hashable, Sendable, CaseIterable {
        case boolean = "BOOLEAN"
        case integer = "INTEGER"
        case bigint = "BIGINT"
        case double = "DOUBLE"
        case string = "STRING"
        case bytes = "BYTES"
        case time = "TIME"
        case date = "DATE"
        case timestamp = "TIMESTAMP"
    }

    /// A field of a STRUCT type.
    package struct Field: Hashable, Sendable {
        /// The field.
        package var name: Name
        /// Its type.
        package var type: TypeName

        package init(name: Name, type: TypeName) {
            self.name = name
            self.type = type
        }
    }
}
