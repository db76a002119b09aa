// What productions throw: a reference to a diagnostic. Every frame of a recursive parser keeps room for the error that may pass through
// it, and a diagnostic is large; a reference keeps the frames small and so the nesting deep.

import Diagnostics

/// A diagnostic on its way out of the parser.
struct ParseFailure: Error {
    private final class Box: Sendable {
        let diagnostic: Diagnostic
        init(_ diagnostic: Diagnostic) { self.diagnostic = diagnostic }
    }

    private let box: Box
    var diagnostic: Diagnostic { box.diagnostic }

    init(_ diagnostic: Diagnostic) {
        box = Box(diagnostic)
    }

    init(
        _ code: ErrorCode, _ message: String, category: DiagnosticCategory = .parseFailed, hint: String? = nil, at range: SourceRange?,
        expected: [String] = []
    ) {
        box = Box(Diagnostic(code, message, category: category, hint: hint, at: range, expected: expected))
    }
}
