// Functions that users define, and comments on what exists.

package import Values

/// A function that a user has defined: an expression over its parameters, which takes the place of each call, or an aggregate.
package struct UserFunction: Hashable, Sendable, Codable {
    /// In the case in which calls name it.
    package var name: String
    package var parameters: [ColumnDefinition]
    package var result: SQLType
    package var isAggregate: Bool
    /// The canonical text of the statement that made it.
    package var statement: String
    /// The names of the functions of users that it calls.
    package var calls: [String]

    /// A function as given; the catalog does not check it.
    package init(name: String, parameters: [ColumnDefinition], result: SQLType, isAggregate: Bool, statement: String, calls: [String]) {
        self.isAggregate = isAggregate
        self.name = name
        self.parameters = parameters
        self.result = result
        self.statement = statement
        self.calls = calls
    }
}

/// What COMMENT ON said.
package struct CatalogComment: Hashable, Sendable, Codable {
    /// What has it, as the functions `subject` below write it.
    package var subject: String
    package var text: String

    /// A comment as given.
    package init(subject: String, text: String) {
        self.subject = subject
        self.text = text
    }

    /// Of a source, or of one of its columns. A source's name has no `/`.
    package static func subject(source: String, column: String? = nil) -> String {
        "source/" + source + (column.map { "/" + $0 } ?? "")
    }

    /// Of a function.
    package static func subject(function: String) -> String { "function/" + function }
}
