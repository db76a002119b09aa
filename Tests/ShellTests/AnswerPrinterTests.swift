// The lines behind an answer.

import Bytes
import Sessions
import Shell
import Synchronization
import Testing

@Suite struct AnswerPrinterTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private func lines(_ summary: AnswerSummary) -> [String] {
        let lines = Lines()
        let printer = AnswerPrinter(
            "", options: PrinterOptions(showsTiming: true, out: { line in lines.all.withLock { $0.append(line) } }, err: { _ in }))
        printer.emit(.done(summary))
        return lines.all.withLock { $0 }
    }

    @Test func whatAQuestionHasRead() {
        var summary = AnswerSummary(rows: 1, nanoseconds: 1_500_000)
        summary.readings = [
            SourceReading(source: "S", partition: 0, offsets: 5..<9, records: 4, times: 1000...2000),
            SourceReading(source: "S", partition: 1, offsets: 7..<7, records: 0), SourceReading(source: "T", records: 1),
        ]
        #expect(
            lines(summary) == [
                "1 row in 1.5 ms",
                "read 4 records of S: offsets 5 to 8 of partition 0, nothing of partition 1, times 1970-01-01T00:00:01.000 to "
                    + "1970-01-01T00:00:02.000", "read 1 record of T",
            ])
        summary.readings = (0..<5).map { SourceReading(source: "S", partition: $0, offsets: 0..<2, records: 2) }
        #expect(lines(summary).last == "read 10 records of S: 5 partitions")
    }

    /// The lines of a result in a form.
    private func drawn(_ columns: [ResultColumn], _ rows: [String], _ drawing: Drawing, _ kind: ResultKind = .rows) -> [String] {
        let lines = Lines()
        let printer = AnswerPrinter(
            "", options: PrinterOptions(drawing: drawing, isQuiet: true, out: { text in lines.all.withLock { $0.append(text) } }, err: { _ in }))
        printer.emit(.columns(columns, kind))
        var block = RowBlock()
        for row in rows {
            if let place = ByteRange(exactly: block.bytes.count, count: row.utf8.count) { block.rows.append(place) }
            block.bytes += row.utf8
        }
        printer.emit(.rows(block))
        printer.emit(.done(AnswerSummary(rows: rows.count)))
        return lines.all.withLock { $0 }.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
    }

    /// A number that is wider than its column is shown whole, in the room of the cells behind it.
    @Test func wideNumbersOfEndlessAnswers() {
        let columns = [ResultColumn("ID", "STRING"), ResultColumn("AT", "BIGINT"), ResultColumn("PLACE", "STRING")]
        let lines = drawn(columns, [#"["a",1700000000000,"x"]"#, #"["zz",9223372036854775807,"abc"]"#], Drawing(width: 80), .changes)
        #expect(Set(lines.map(\.count)).count == 1, "\(lines)")
        #expect(lines.contains { $0.contains("| 9223372036854775807 | abc ") } && lines.contains { $0.contains("| 1700000000000 | x ") }, "\(lines)")
    }

    private let columns = [ResultColumn("ID", "INTEGER"), ResultColumn("NAME", "STRING"), ResultColumn("TAGS", "ARRAY<STRING>")]
    private let rows = [#"[1,"a|b\n\"q\"",["x,y","]"]]"#, #"[-23,null,null]"#, #"[null,"null",[]]"#]

    @Test func everyFormHasEveryValue() {
        #expect(
            drawn(columns, rows, Drawing(format: .json)) == [
                #"[{"ID":1,"NAME":"a|b\n\"q\"","TAGS":["x,y","]"]}"#, #",{"ID":-23,"NAME":null,"TAGS":null}"#,
                #",{"ID":null,"NAME":"null","TAGS":[]}"#, "]",
            ])
        #expect(drawn(columns, [], Drawing(format: .json)) == ["[]"])
        #expect(drawn(columns, [rows[1]], Drawing(format: .ndjson)) == [#"{"ID":-23,"NAME":null,"TAGS":null}"#])
        #expect(
            drawn(columns, rows, Drawing(format: .csv)).joined(separator: "\n")
                == "ID,NAME,TAGS\n1,\"a|b\n\"\"q\"\"\",\"[\"\"x,y\"\",\"\"]\"\"]\"\n-23,,\n,null,[]")
        #expect(
            drawn(columns, rows, Drawing(format: .tsv)) == [
                "ID\tNAME\tTAGS", #"1\#u{9}a|b\n"q"\#u{9}["x,y","]"]"#, "-23\t\\N\t\\N", "\\N\tnull\t[]",
            ])
        #expect(
            drawn(columns, [rows[0]], Drawing(format: .markdown)) == [
                "| ID | NAME | TAGS |", "|---:|---|---|", #"| 1 | a\|b\n"q" | ["x,y","]"] |"#,
            ])
        #expect(
            drawn(columns, rows, Drawing()) == [
                "+------+----------+-------------+", "|   ID | NAME     | TAGS        |", "+------+----------+-------------+",
                #"|    1 | a|b\n"q" | ["x,y","]"] |"#, "|  -23 | null     | null        |", #"| null | "null"   | []          |"#,
                "+------+----------+-------------+",
            ])
    }

    /// Texts are cut to what can be read, numbers never; where that does not fit, each value gets a line.
    @Test func aTableFitsTheTerminal() {
        let wide = [ResultColumn("N", "BIGINT"), ResultColumn("TEXT", "STRING"), ResultColumn("OTHER", "STRING")]
        let row = #"[123456789012,"abcdefghijklmnopqrstuvwxyz","ABCDEFGHIJKLMNOPQRSTUVWXYZ"]"#
        for width in [40, 60, 80] {
            let lines = drawn(wide, [row], Drawing(width: width))
            #expect(lines.allSatisfy { $0.count <= width } && lines[3].contains("| 123456789012 |") && lines[0].hasPrefix("+--"), "\(lines)")
        }
        #expect(drawn(wide, [row], Drawing(width: 60))[3] == "| 123456789012 | abcdefghijklmnopqr… | ABCDEFGHIJKLMNOPQR… |")
        #expect(drawn(wide, [row], Drawing(width: 30)).first == "-[ row 1 ]--------------------")
        var off = Drawing(width: 30)
        off.expansion = .off
        #expect(drawn(wide, [row], off)[3] == "| 123456789012 | abc… | ABC… |")
        var on = Drawing()
        on.expansion = .on
        #expect(drawn(wide, [row], on)[1] == "N     | 123456789012")
        #expect(drawn(wide, [row], Drawing(width: 60), .changes)[0].count <= 60)
    }

    /// Where names and sentences would both be cut, each row is a name with its sentence.
    @Test func whatIsExplainedIsAListWhereItDoesNotFit() {
        let columns = ["Property", "Default override", "Effective Value", "Meaning"].map { ResultColumn($0, "STRING") }
        let rows = [#"["ksql.a.rather.long.name","","NULL","what it decides, in more words than fit"]"#, #"["b","SERVER","7","short"]"#]
        #expect(
            drawn(columns, rows, Drawing(width: 40)) == [
                "ksql.a.rather.long.name  Effective Value", "NULL", "    what it decides, in more words than", "    fit", "b  Default override SERVER  Effective",
                "Value 7", "    short",
            ])
        #expect(drawn(columns, rows, Drawing(width: 140))[0].hasPrefix("+--") && drawn(columns, [], Drawing(width: 60))[0].hasPrefix("+--"))
        #expect(drawn(columns, rows, Drawing())[0].hasPrefix("+--"))
    }

    @Test func widePicturesAreWide() {
        let lines = drawn([ResultColumn("A", "STRING")], [#"["☕⭐✅⚡🇩🇪नि👨‍👩‍👧é"]"#], Drawing())
        #expect(lines[0] == "+" + String(repeating: "-", count: 2 + 4 * 2 + 2 + 2 + 2 + 1) + "+", "\(lines)")
    }

    @Test func noRowHasAReason() {
        let lines = Lines()
        var options = PrinterOptions(out: { text in lines.all.withLock { $0.append(text) } }, err: { _ in })
        options.showsCounts = true
        let printer = AnswerPrinter("", options: options)
        for records in [0, 3] {
            printer.emit(.columns([ResultColumn("A", "STRING")], .rows))
            var summary = AnswerSummary()
            summary.readings = [SourceReading(source: "S", partition: 0, offsets: 0..<Int64(records), records: records)]
            printer.emit(.done(summary))
        }
        #expect(
            lines.all.withLock { $0 }.filter { $0.hasPrefix("(") } == [
                "(0 rows: nothing of S was there to be read)", "(0 rows: 3 rows of S read, and none is left)",
            ])
    }
}
