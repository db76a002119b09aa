// Which arguments of functions are date-time patterns, so that a literal one is checked once, when the call is analysed.

import Values

extension FunctionFamily {
    /// Functions whose second argument is a pattern of Java's DateTimeFormatter.
    private static let formatters: Set<String> = [
        "FORMAT_DATE", "FORMAT_TIME", "FORMAT_TIMESTAMP", "TIMESTAMPTOSTRING", "DATETOSTRING", "PARSE_TIMESTAMP", "STRINGTOTIMESTAMP",
        "PARSE_TIME", "STRINGTODATE",
    ]

    /// What is wrong with an argument that is the literal text of a pattern; nil when nothing is. `literals` has an entry for each
    /// argument, nil for those that are no text literals.
    package func patternProblem(in literals: [String?]) -> (argument: Int, message: String)? {
        guard literals.count > 1, let pattern = literals[1] else { return nil }
        do throws(DatePatternError) {
            if FunctionFamily.formatters.contains(name) {
                _ = try DatePattern(pattern)
            } else if name == "PARSE_DATE" {
                _ = try CalendarPattern(pattern)
            }
            return nil
        } catch {
            return (1, error.message)
        }
    }
}
