// Where a piece of a syntax tree came from. Trees are compared by meaning, so a span takes no part in equality or hashing.

package import Diagnostics

/// The place of a node in the submitted text, or nowhere for a node that was made by a program. All spans are equal.
package struct SourceSpan: Hashable, Sendable {
    /// The place, if there is one.
    package var range: SourceRange?

    package init(_ range: SourceRange? = nil) {
        self.range = range
    }

    /// The span of a node that no text stands behind.
    package static let none = SourceSpan()

    package static func == (left: SourceSpan, right: SourceSpan) -> Bool { true }
    package func hash(into hasher: inout Hasher) {}

    /// The span from the start of this one to the end of another.
    package func through(_ other: SourceSpan) -> SourceSpan {
        guard let range else { return other }
        guard let end = other.range else { return self }
        return SourceSpan(range.through(end))
    }
}
