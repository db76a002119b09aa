// Names as the parser hands them on: already folded, with a note of how they were written.

/// An identifier: its text after folding (unquoted names are upper case), and whether it was quoted.
///
/// Two names are equal when their texts are: `"ID"` and `id` mean the same column.
package struct Name: Hashable, Sendable {
    /// The name as it is looked up.
    package var text: String
    /// Whether it stood in back-quotes or double quotes. Takes no part in equality.
    package var isQuoted: Bool
    /// Where it was written.
    package var span: SourceSpan
    /// What stood there, where the parser reads another name into it: EXTRACT for DATE_PART; empty for an operator. Takes no part in equality.
    package var typed: String?

    package init(_ text: String, isQuoted: Bool = false, span: SourceSpan = .none, typed: String? = nil) {
        self.text = text
        self.isQuoted = isQuoted
        self.span = span
        self.typed = typed
    }

    package static func == (left: Name, right: Name) -> Bool { left.text == right.text }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

/// One `KEY = literal` of a WITH clause.
package struct Property: Hashable, Sendable {
    /// The key in upper case, whether it was written as an identifier or as a string.
    package var name: Name
    /// The value as written.
    package var value: Literal
    /// The place of the value.
    package var valueSpan: SourceSpan = .none

    package init(name: Name, value: Literal, valueSpan: SourceSpan = .none) {
        self.name = name
        self.value = value
        self.valueSpan = valueSpan
    }
}

/// Whether a statement is about a stream or a table.
package enum SourceKind: String, Hashable, Sendable, CaseIterable {
    case stream = "STREAM"
    case table = "TABLE"
}
