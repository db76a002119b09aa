// The limits of the parser, each with its reason.

package enum SyntaxLimits {
    /// Levels of nesting in expressions and types, and joins in one FROM. Trees are walked recursively by everything that follows, on
    /// threads with as little as 512 KiB of stack; a level costs the parser about 2 KiB there. People write fewer than twenty.
    package static let maximumDepth = 200

    /// Bytes of one statement. Generated lists of a hundred thousand values fit; a file of data sent by mistake does not.
    package static let maximumStatementBytes = 4 << 20

    /// Bytes of one submitted text, so that places in it fit the 32 bits that a token has for them.
    package static let maximumTextBytes = 1 << 30
}
