// The forms in which results are shown.

/// A form of results.
package enum OutputFormat: String, Hashable, Sendable, CaseIterable {
    /// Lines between borders; rows one under the other where that does not fit the terminal.
    case table
    /// A line for each value.
    case vertical
    case csv, tsv
    /// One array of objects.
    case json
    /// An object a line.
    case ndjson
    /// A table for Markdown texts.
    case markdown

    /// A form by its name, or by the name that ksqlDB has for it; nil for other names.
    package init?(name: String) {
        self.init(rawValue: name.lowercased() == "tabular" ? "table" : name.lowercased())
    }

    /// Whether the form is for programs, so that nothing but rows belongs into it.
    package var isForPrograms: Bool { self != .table && self != .vertical }

    /// A cell of `tsv`: what would end it, or move the cursor, is written as an escape.
    package static func tsv(_ text: String) -> String { Cells.printable(text, escapesBackslash: true) }

    /// A cell of `csv`, in quotes where it needs them: also where it is empty, because an empty cell without quotes is NULL.
    package static func csv(_ text: String) -> String {
        let isPlain = !text.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 10 || $0 == 13 }
        return isPlain && !text.isEmpty
            ? text : "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// A cell of `markdown`.
    package static func markdown(_ text: String) -> String {
        Cells.printable(text).split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}

/// How wide results are drawn and what stands for NULL.
package struct Drawing: Hashable, Sendable {
    /// Whether each value of a table gets a line of its own.
    package enum Expansion: String, Hashable, Sendable, CaseIterable {
        case off, on
        /// Where the table does not fit the terminal.
        case auto
    }

    package var format: OutputFormat
    /// Columns of the terminal; nil when the output is none: nothing is cut then.
    package var width: Int?
    package var expansion = Expansion.auto
    /// What tables show for NULL.
    package var null = "null"

    package init(format: OutputFormat = .table, width: Int? = nil) {
        self.format = format
        self.width = width
    }
}
