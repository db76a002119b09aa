// What is wrong with a literal argument of a function, found when the statement is analysed and not for each row.

/// A literal that the function cannot take.
package struct LiteralProblem: Hashable, Sendable {
    /// Its place among the arguments, from 0.
    package var argument: Int
    /// What is wrong, as a sentence without its end.
    package var message: String
    /// What may stand there instead, where that is a list of words.
    package var candidates: [String]
    /// What to do where no word is close.
    package var hint: String?

    package init(argument: Int, message: String, candidates: [String] = [], hint: String? = nil) {
        self.argument = argument
        self.message = message
        self.candidates = candidates
        self.hint = hint
    }
}
