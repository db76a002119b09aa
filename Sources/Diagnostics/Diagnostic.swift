// The errors that users see. A diagnostic is a value: what went wrong, where in the submitted text, whose fault it is
// and what to try. It is made near the cause and rendered at the edge (`Diagnostic+Rendering.swift`); nothing here prints.

/// A place in a submitted text: a byte range, and the line and column of its first byte, both counted from 1.
///
/// Columns count Unicode scalars, as editors and ksqlDB do. Lines count over the whole submitted text, not over one statement of it.
package struct SourceRange: Hashable, Sendable {
    /// Offset of the first byte, in UTF-8 bytes from the start of the submitted text.
    package var start: Int
    /// Offset behind the last byte; equal to `start` for a place between two bytes.
    package var end: Int
    /// The line of the first byte, from 1.
    package var line: Int
    /// The column of the first byte, from 1, in Unicode scalars.
    package var column: Int

    package init(start: Int, end: Int, line: Int, column: Int) {
        self.start = start
        self.end = end
        self.line = line
        self.column = column
    }

    /// The range from the start of this one to the end of another.
    package func through(_ other: SourceRange) -> SourceRange {
        SourceRange(start: start, end: max(end, other.end), line: line, column: column)
    }
}

/// How a complaint came about, in the four kinds that ksqlDB's test cases tell apart.
package enum DiagnosticCategory: String, Hashable, Sendable, CaseIterable {
    /// The text is not a statement, or a property, name or literal in it is malformed. Also counts as `statement` and `general`.
    case parseFailed
    /// The statement is well formed but cannot be carried out as it stands. Also counts as `general`.
    case statement
    /// Something else about the request or its surroundings.
    case general
    /// A running query met a record that it cannot go on from. Counts as nothing else.
    case runtime

    /// Whether an error of this category also is one of `other`, as a subclass is a member of its superclass.
    package func isKind(of other: DiagnosticCategory) -> Bool {
        switch (self, other) {
        case (.parseFailed, .parseFailed), (.parseFailed, .statement), (.parseFailed, .general): true
        case (.statement, .statement), (.statement, .general): true
        case (.general, .general): true
        case (.runtime, .runtime): true
        default: false
        }
    }
}

/// A complaint to the user, as a value and as the error that the doors of the SQL rooms throw.
package struct Diagnostic: Error, Hashable, Sendable {
    /// The code by which clients tell errors apart.
    package var code: ErrorCode
    /// The kind, as ksqlDB's test cases tell them apart.
    package var category: DiagnosticCategory
    /// What is wrong. May have several lines; no final full stop, except where a test case of ksqlDB pins the wording.
    package var message: String
    /// A whole sentence with what to try, if there is something.
    package var hint: String?
    /// Where in the submitted text.
    package var range: SourceRange?
    /// The statement that failed: its original text, or its canonical text where the rules of canonical text say so.
    package var statement: String?
    /// What would have been accepted at `range`, in the spelling of the grammar; at most three are ever shown.
    package var expected: [String]

    package init(
        _ code: ErrorCode, _ message: String, category: DiagnosticCategory = .statement, hint: String? = nil,
        at range: SourceRange? = nil, statement: String? = nil, expected: [String] = []
    ) {
        self.code = code
        self.category = category
        self.message = message
        self.hint = hint
        self.range = range
        self.statement = statement
        self.expected = expected
    }

    /// The same, with a place where it has none.
    package func placed(at place: SourceRange?) -> Diagnostic {
        var copy = self
        copy.range = range ?? place
        return copy
    }

    /// The message followed by the statement it is about, as ksqlDB writes it and as its test cases compare it.
    package var fullMessage: String {
        guard let statement else { return message }
        return message + "\nStatement: " + statement
    }

    /// The same complaint, about this statement unless it already names one.
    package func about(statement text: String) -> Diagnostic {
        var copy = self
        if copy.statement == nil { copy.statement = text }
        return copy
    }
}
