// The grammar as text and the parser say the same.

import Diagnostics
import Foundation
import Shell
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

    /// What a statement of the grammar begins with has its help, with an example that is a statement.
    @Test(arguments: ["statement", "clientStatement", "testStatement"])
    func everyStatementHasItsHelp(rule: String) throws {
        var options = ParserOptions()
        options.acceptsRunScript = true
        options.acceptsTestAssertions = true
        // What these are about is their second word, but for those that may stand in between.
        let verbs: Set = ["CREATE", "DROP", "ALTER", "DESCRIBE", "ASSERT", "COMMENT", "SHOW", "RUN", "INSERT"]
        let between: Set = ["OR", "UNIQUE", "EXTENDED", "NOT", "ALL", "SOURCE", "SINK", "NULL", "CONNECTOR"]
        let openings = try Grammar(contentsOf: "sql.ebnf").openings(of: rule)
        #expect(rule != "statement" || openings.count > 60)
        for opening in openings where opening[0].allSatisfy(\.isLetter) {
            let opening = opening.map { $0 == "LIST" ? "SHOW" : $0 }
            let about = StatementHelp.about(opening.joined(separator: " "))
            let found = about.isEmpty ? StatementHelp.about(opening[0]) : about
            #expect(!found.isEmpty, "\(opening) has no help")
            let words = Set(found.flatMap { $0.form.split { !$0.isLetter } }.map(String.init))
            let wanted = verbs.contains(opening[0]) ? opening : [opening[0]]
            for word in wanted where !between.contains(word) && word.allSatisfy(\.isLetter) {
                #expect(words.contains(word), "\(opening): the help does not name \(word)")
            }
            for help in found { #expect(throws: Never.self, "\(help.name)") { try parse(help.example, options: options) } }
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
        let ofOthers: Set<String> = ["ACTION", "BINARY", "C", "CHECK", "COLLATE", "CONSTRAINT", "FOREIGN", "REFERENCES", "RESTRICT", "ROWID", "STRICT", "TEMP", "TEMPORARY", "ISNULL", "NOTNULL", "RETURNING", "BEGIN", "COMMIT", "CONFLICT", "DEFERRED", "DO", "NOTHING", "EXCLUSIVE", "IMMEDIATE", "INDEX", "PRAGMA", "REINDEX", "START", "TRANSACTION", "UNIQUE", "VACUUM", "WORK"]
        let contextual = ofQuestions.union(ofExpressions).union(ofWindows).union(ofStatements).union(ofOthers)
        let words = try Grammar(contentsOf: "sql.ebnf").words
        #expect(words.subtracting(Keyword.allCases.map(\.rawValue)) == contextual)
    }
}
