// The limits of the parser, each with its reason.

/// What the parser refuses to go beyond.
package enum SyntaxLimits {
    /// Brackets, calls, CASEs and types inside each other. The parser recurses on them, at up to 7 KiB of stack a level (measured, with
    /// optimisation), and has to fit threads of 512 KiB. People write fewer than ten.
    package static let maximumNesting = 64

    /// Levels of a tree: of operators in one expression, or joins in one FROM. Chains such as `a OR b OR c` make a level an operator
    /// without recursion in the parser, but everything that walks the tree afterwards recurses.
    package static let maximumDepth = 200

    /// Operands in a row of AND, OR, || or UNION that still make a tree that leans to the left, which is more than anybody writes by hand. Of
    /// longer rows the parts stand beside each other: it does not matter how these are bracketed.
    package static let longestLeaning = 32

    /// Columns of a stream or table.
    package static let mostColumns = 4_096

    /// Views that read each other in a row: each of them is a subquery of the one above.
    package static let mostViews = 32

    /// Milliseconds of a duration such as `5 MINUTES`: 10,000 years of the Gregorian calendar, as long as event times reach.
    package static let longestDuration: Int64 = 3_652_425 * 86_400_000

    /// Bytes of one statement. Generated lists of a hundred thousand values fit; a file of data sent by mistake does not.
    package static let maximumStatementBytes = 4 << 20

    /// Bytes of one submitted text, so that places in it fit the 32 bits that a token has for them.
    package static let maximumTextBytes = 1 << 30
}
