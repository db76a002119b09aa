// Errors as programs of others catch them: the diagnostic of the engine or the server, with its code, place and hint.

package import Diagnostics

/// What the engine, the server or the way to it refused.
///
/// The `code` is what a program branches on; `message`, `hint` and `place` are for people.
public struct MillraceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A place in the text of a statement.
    public struct Place: Hashable, Sendable {
        /// The line of the first byte, from 1.
        public let line: Int
        /// The column of the first byte, in Unicode scalars, from 1.
        public let column: Int
        /// The bytes of the text in UTF-8 that are meant, from 0.
        public let bytes: Range<Int>
    }

    /// Five characters, as SQLSTATE has them: `42601` is a mistake in the syntax. `millrace help codes` lists all of them.
    public let code: String
    /// What is wrong; it may have several lines.
    public let message: String
    /// What to try, as a sentence; nil where nothing helps.
    public let hint: String?
    /// Where in the text of the statement; nil where it is not about one place.
    public let place: Place?

    /// The error that a diagnostic of the engine is to others.
    package init(_ diagnostic: Diagnostic) {
        code = diagnostic.code.rawValue
        message = diagnostic.message
        hint = diagnostic.hint
        place = diagnostic.range.map { Place(line: $0.line, column: $0.column, bytes: $0.start..<max($0.start, $0.end)) }
    }

    /// The message with its code, place and hint: `42703: there is no column N (line 1, column 8)`.
    public var description: String {
        var text = "\(code): \(message)"
        if let place { text += " (line \(place.line), column \(place.column))" }
        if let hint { text += "\nhint: \(hint)" }
        return text
    }
}
