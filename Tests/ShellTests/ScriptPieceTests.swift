// A script cut into statements, each with the line on which it begins.

import Shell
import Testing

@Suite struct ScriptPieceTests {
    private func pieces(_ text: String) -> [Script.Piece] { Script(name: "s.sql", text: text).pieces }

    @Test func statementsKnowTheirLines() {
        let found = pieces(
            "-- a remark;\n\nCREATE STREAM s\n  (id INT);  /* two\nlines; */ SHOW\n STREAMS; ; -- no more;\n;\n\n  SELECT ';' -- last")
        #expect(found.map(\.line) == [3, 5, 9])
        #expect(found.map(\.text) == ["CREATE STREAM s\n  (id INT);", "SHOW\n STREAMS;", "SELECT ';' -- last\n;"])
    }

    /// Lines that begin with a mark of the wire protocol, and long ones, are statements like others.
    @Test func nothingIsLeftOut() {
        let long = String(repeating: "x", count: 3_000_000)
        #expect(pieces(".ping\n;#a SHOW STREAMS;\nINSERT INTO s VALUES ('\(long)');").map(\.line) == [1, 2, 3])
        #expect(pieces("").isEmpty && pieces(" \n-- x\n/* y */ ;; ").isEmpty)
        #expect(pieces("- 1;/ 2;\n--3\n-4").map(\.line) == [1, 1, 3])
    }
}
