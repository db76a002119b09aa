// What Tab offers: what can stand where the cursor is, and nothing else.

import Bytes
import Diagnostics
import Platform
import Sessions
import Shell
import Testing

/// An engine with a few sources, which answers listings only.
private final class ListingSession: StatementSession {
    private final class Ended: RunningRequest { func cancel() {} }

    private static let answers: [String: [String]] = [
        "SHOW STREAMS;": ["VISITS", "CLICKS"], "SHOW TABLES;": ["PRICES"], "SHOW VIEWS;": ["SLOWEST"], "SHOW FUNCTIONS;": ["ABS", "COUNT", "UCASE"],
        "SHOW SYSTEM TABLES;": ["millrace.queries"], "DESCRIBE `VISITS`;": ["PAGE", "MS", "COUNTRY"], "DESCRIBE `PRICES`;": ["ITEM", "PRICE"],
        "DESCRIBE `CLICKS`;": ["TARGET"], "DESCRIBE `SLOWEST`;": ["PAGE", "MOST"], "DESCRIBE MILLRACE.QUERIES;": ["ID", "KIND"],
        "DESCRIBE FUNCTION ABS;": ["  ABS(value DOUBLE)"],
    ]

    func submit(
        _ text: String, positions: PositionWish, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest {
        var block = RowBlock()
        for name in ListingSession.answers[text] ?? [] {
            let row = Array("[\"\(name)\"]".utf8)
            if let place = ByteRange(exactly: block.bytes.count, count: row.count) { block.rows.append(place) }
            block.bytes += row
        }
        if !block.isEmpty { sink.emit(.rows(block)) }
        sink.emit(.done(AnswerSummary(rows: block.count)))
        whenFinished(true)
        return Ended()
    }
}

@Suite struct CompletionTests {
    private func choices(_ line: String, before rest: String = "") -> [String] {
        let completer = Completer(runner: StatementRunner(session: ListingSession(), interrupts: nil), files: MemoryFileSystem())
        return completer.completion(of: line, before: rest).choices
    }

    private let columns = ["COUNTRY", "MS", "PAGE"]
    private let functions = ["ABS(", "COUNT(", "UCASE("]
    /// What belongs to clauses that have another place.
    private let clauses: Set = ["WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "EMIT CHANGES", "JOIN", "FROM", "WINDOW", "AS", "ASC", "DESC"]

    @Test(arguments: [
        "SELECT page FROM visits WHERE ", "SELECT page FROM visits WHERE ms > 1 AND ", "SELECT page FROM visits GROUP BY ", "SELECT page FROM visits GROUP BY page, ",
        "SELECT page FROM visits GROUP BY page HAVING ", "SELECT page FROM visits ORDER BY ", "SELECT UCASE(page) FROM visits WHERE UCASE(", "UPDATE visits SET ms = ",
        "DELETE FROM visits WHERE ", "SELECT CASE WHEN ms > 1 THEN page ELSE ", "SELECT page FROM visits WHERE ms IN (1, ", "SELECT page FROM visits WHERE ms BETWEEN ",
    ])
    func aValueComes(line: String) {
        let found = choices(line + "a", before: "") + choices(line + "c") + choices(line + "m") + choices(line + "p") + choices(line + "u") + choices(line)
        let upper = Set(found.map { $0.uppercased() })
        let isOpen = line.hasPrefix("SELECT CASE")
        for column in columns where !isOpen { #expect(upper.contains(column), "\(line): \(column) is missing in \(upper)") }
        for function in functions where !line.hasSuffix("UCASE(") { #expect(upper.contains(function), "\(line): \(function) is missing") }
        #expect(upper.isDisjoint(with: clauses) && upper.isDisjoint(with: ["AND", "OR", "IN (", "LIKE"]), "\(line): \(upper)")
        #expect(upper.isDisjoint(with: ["TARGET", "ITEM", "PRICE", "VISITS", "PRICES"]), "\(line): names of other sources in \(upper)")
    }

    @Test(arguments: [
        ("SELECT page FROM visits WHERE ms > 1 ", ["AND", "GROUP BY", "ORDER BY"], ["FROM", "WHERE", "ASC"]), ("SELECT page ", ["FROM", "AS"], ["WHERE", "DESC"]),
        ("SELECT page FROM visits GROUP BY page ", ["HAVING", "LIMIT"], ["AND", "WHERE", "FROM"]), ("SELECT page FROM visits ORDER BY page ", ["ASC", "DESC", "LIMIT"], ["WHERE", "AND"]),
        ("SELECT page FROM visits ", ["WHERE", "JOIN", "GROUP BY"], ["FROM", "AND"]), ("SELECT page FROM visits v JOIN prices p ON v.page = p.item ", ["AND", "WHERE"], ["ON", "ASC"]),
        ("UPDATE prices ", ["SET"], ["WHERE"]), ("UPDATE prices SET price = 3 ", ["WHERE", "FROM"], ["SET", "GROUP BY"]), ("DELETE FROM prices ", ["WHERE"], ["SET"]),
        ("SELECT page FROM visits WHERE UCASE(page ", ["AND"], ["WHERE", "LIMIT", "GROUP BY"]), ("SELECT CASE WHEN ms > 1 ", ["THEN", "AND"], ["FROM"]),
        ("SELECT CAST(ms ", ["AS"], ["FROM"]), ("SELECT page FROM visits WHERE ms NOT ", ["IN (", "LIKE"], ["AND"]), ("SELECT * ", ["FROM"], ["WHERE"]),
        ("INSERT INTO prices ", ["VALUES (", "SELECT"], ["WHERE"]), ("INSERT INTO prices (item, price) ", ["VALUES ("], ["FROM"]),
        ("SELECT ms, ROW_NUMBER() OVER (", ["PARTITION BY", "ORDER BY"], ["FROM"]), ("SELECT page FROM (", ["SELECT"], ["WHERE"]),
    ])
    func somethingComesBehindAValue(line: String, wanted: [String], unwanted: [String]) {
        let found = Set(choices(line).map { $0.uppercased() })
        for word in wanted { #expect(found.contains(word), "\(line): \(word) is missing in \(found.sorted())") }
        for word in unwanted { #expect(!found.contains(word), "\(line): \(word) cannot come") }
        for column in columns + functions where !line.hasSuffix("OVER (") { #expect(!found.contains(column), "\(line): \(column) cannot come") }
    }

    @Test func columnsAreThoseOfTheStatement() {
        #expect(choices("UPDATE prices SET ") == ["ITEM", "PRICE"] || choices("UPDATE prices SET ") == ["item", "price"])
        #expect(choices("UPDATE prices SET price = 1, i") == ["item"])
        #expect(choices("INSERT INTO prices (") == ["ITEM", "PRICE"] && choices("insert into prices (item, p") == ["price"])
        #expect(choices("SELECT P", before: " FROM prices") == ["PRICE"] && choices("SELECT P") == [])
        #expect(choices("SELECT page FROM visits v JOIN prices p ON v.pa") == ["v.page"] || choices("SELECT page FROM visits v JOIN prices p ON v.pa") == ["V.PAGE"])
        #expect(choices("SELECT page FROM visits v JOIN prices p ON V.PAGE = P.").map { $0.uppercased() } == ["P.ITEM", "P.PRICE"])
        #expect(choices("SELECT id FROM millrace.queries WHERE K") == ["KIND"])
        #expect(choices("SELECT page FROM slowest WHERE M") == ["MAP(", "MOST"])
        // A value of VALUES is none of a column.
        let value = choices("INSERT INTO prices VALUES (").map { $0.uppercased() }
        #expect(value.contains("NULL") && value.contains("ABS(") && !value.contains("ITEM"))
        #expect(choices("SELECT 'page WHERE ") == [] && choices("SELECT 1 -- WHERE ") == [])
    }
}
