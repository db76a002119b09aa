// The lines behind an answer.

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
}
