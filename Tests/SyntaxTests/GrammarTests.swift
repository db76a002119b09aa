// The grammar as text and the parser say the same.

import Diagnostics
import Foundation
import Syntax
import Testing

@Suite struct GrammarTests {
    @Test func everyNameIsDefined() throws {
        #expect(try Grammar(contentsOf: "sql.ebnf").undefined.isEmpty)
    }

    /// Seeds and how many sentences of each; `MILLRACE_TEST_SEED` and `MILLRACE_TEST_ROUNDS` widen the search.
    static let seed = ProcessInfo.processInfo.environment["MILLRACE_TEST_SEED"].flatMap(UInt64.init) ?? 20
    static let rounds = ProcessInfo.processInfo.environment["MILLRACE_TEST_ROUNDS"].flatMap(Int.init) ?? 250

    @Test(arguments: ["statement", "query", "createSource", "testStatement", "clientStatement"])
    func everySentenceParsesAndPrintsBack(rule: String) throws {
        let grammar = try Grammar(contentsOf: "sql.ebnf")
        var random = SeededGenerator(seed: GrammarTests.seed)
        var options = ParserOptions()
        options.acceptsRunScript = true
        options.acceptsTestAssertions = true
        for round in 0..<GrammarTests.rounds {
            let sentence = grammar.sentence(rule, budget: 4 + round % 28, using: &random) + " ;"
            do {
                let statements = try parse(sentence, options: options)
                let printed = statements[0].statement.canonicalText
                let again = try parse(printed.hasSuffix(";") ? printed : printed + ";", options: options)
                try #require(again.map(\.statement) == statements.map(\.statement), "\(sentence)\n\(printed)")
            } catch let error as Diagnostic {
                Issue.record("\(error.rendered(source: sentence))\n\(sentence)")
                return
            }
        }
    }

    @Test func keywordsEqualTheirList() throws {
        let text = try String(contentsOf: Grammar.packageFolder.appendingPathComponent("grammar/keywords.txt"), encoding: .utf8)
        let listed = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        let known = Keyword.allCases.map { "\($0.rawValue) \($0.isReserved ? "reserved" : "free")" }.sorted()
        #expect(listed == known)
    }

    @Test func wordsOfTheGrammarAreKeywords() throws {
        let ofQuestions: Set<String> = [
            "ANY", "ASC", "IGNORE", "NO", "OTHERS", "RESPECT", "TIES", "CROSS", "CUBE", "CURRENT", "DESC", "EARLIEST", "EXCEPT", "EXCLUDE", "NATURAL", "SOME", "FETCH", "FILTER", "FIRST", "FOLLOWING",
            "GROUPING", "GROUPS", "INTERSECT", "LAST", "LATERAL", "LATEST", "NEXT", "NULLS", "OF", "OFFSET", "ONLY", "ORDER", "OVER",
            "PRECEDING", "QUALIFY", "RANGE", "RECURSIVE", "ROLLUP", "ROW", "ROWS", "SETS", "UNBOUNDED", "UNION", "UNTIL", "USING",
        ]
        let ofExpressions: Set<String> = [
            "ASYMMETRIC", "BOTH", "CHAR", "DEC", "DOUBLE", "GLOB", "LISTAGG", "OVERLAY", "PLACING", "SYMMETRIC", "EXTRACT", "FOR", "ILIKE", "LEADING", "NUMERIC", "POSITION", "PRECISION", "SIMILAR",
            "SUBSTRING", "TRAILING", "TRIM", "UNKNOWN", "VARCHAR", "WITHOUT",
        ]
        let ofWindows: Set<String> = ["ASOF", "LATE", "QUARTER", "QUARTERS", "WEEK", "WEEKS"]
        let ofStatements: Set<String> = ["AGGREGATE", "CASCADE", "COMMENT", "CONSUMER", "DEFAULT", "LIMITS", "PRODUCERS", "RETURNS", "SCHEMAS", "SKIP", "TRUNCATE", "UPDATE", "VIEWS", "WATERMARKS"]
        let ofOthers: Set<String> = ["BEGIN", "COMMIT", "CONFLICT", "DEFERRED", "DO", "NOTHING", "EXCLUSIVE", "IMMEDIATE", "INDEX", "PRAGMA", "REINDEX", "START", "TRANSACTION", "UNIQUE", "VACUUM", "WORK"]
        let contextual = ofQuestions.union(ofExpressions).union(ofWindows).union(ofStatements).union(ofOthers)
        let words = try Grammar(contentsOf: "sql.ebnf").words
        #expect(words.subtracting(Keyword.allCases.map(\.rawValue)) == contextual)
    }
}
