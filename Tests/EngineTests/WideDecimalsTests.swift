// Decimals of many digits beside whole numbers and other decimals.

import Testing

/// Whole numbers beside decimals of many digits: the value, or an error, and never another number.
@Suite struct WideDecimalsTests {
    private static let setup = """
        CREATE STREAM s (b BIGINT, x DECIMAL(38,20)) WITH (partitions = 1);
        INSERT INTO s VALUES (2000000000000000000, 1.5);
        """

    private func rows(_ statement: String) throws -> [String] {
        let millrace = try Millrace()
        defer { millrace.engine.close() }
        return millrace.run(Self.setup + statement).filter { $0.hasPrefix(":") }
    }

    @Test(arguments: [
        "COALESCE(b, x)", "CASE WHEN TRUE THEN b ELSE x END", "ARRAY[b, x]", "GREATEST(b, x)", "LEAST(x, b)", "IFNULL(b, x)", "NULLIF(b, x)",
        "MAP('a' := b, 'b' := x)", "STRUCT(a := ARRAY[b, x])",
    ])
    func whatDoesNotFitIsNoOtherNumber(expression: String) throws {
        let found = try rows("SELECT \(expression) AS v FROM s;")
        // What does not fit is NULL, and counted as an error; no other value takes its place.
        #expect(found == [": [null]"], "\(expression): \(found)")
    }

    @Test func whatFitsComes() throws {
        let row = try rows("SELECT COALESCE(b / 100, x) AS v FROM s;")
        #expect(row == [": [20000000000000000.00000000000000000000]"])
        #expect(try rows("SELECT b AS v FROM s UNION ALL SELECT x FROM s;").allSatisfy { !$0.contains("-") && !$0.contains("[2") })
        #expect(try rows("SELECT COALESCE(9223372036854775807, 1.00000000000000000000) AS v;").allSatisfy { !$0.contains("-") })
    }

    @Test func decimalsThatNoTypeHoldsAreRefused() throws {
        for form in ["COALESCE(p, q)", "CASE WHEN TRUE THEN p ELSE q END", "ARRAY[p, q]", "GREATEST(p, q)"] {
            let millrace = try Millrace()
            defer { millrace.engine.close() }
            let answer = millrace.run(
                "CREATE STREAM t (p DECIMAL(38,2), q DECIMAL(20,10)) WITH (partitions = 1); SELECT \(form) AS v FROM t;")
            #expect(answer.last?.hasPrefix("-") == true, "\(form): \(answer)")
        }
    }
}
