// Views: questions with a name, which are written out wherever the name stands behind FROM.

/// A view as the catalog knows it. What columns it has is found out when it is read: those of its question then.
package struct ViewDefinition: Hashable, Sendable, Codable {
    package var name: String
    /// The canonical text of the statement that made it.
    package var statement: String
    /// The streams, tables and views that it reads, those of the views that it reads included, sorted.
    package var reads: [String]

    /// A view as given; the catalog does not check its statement.
    package init(name: String, statement: String, reads: [String]) {
        self.name = name
        self.statement = statement
        self.reads = reads
    }
}
