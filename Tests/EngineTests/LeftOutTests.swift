// Lines of a load that are no rows: how many there were is told exactly, in the report and in the stream of errors, however many they are
// and however they are decoded.

import Bytes
import Engine
import LogStore
import Pipelines
import Platform
import Sessions
import Testing

@Suite struct LeftOutTests {
    /// A way to load: what the source is, the format of the lines, a good line and a bad one.
    struct Way: CustomTestStringConvertible {
        let columns: String
        let valueFormat: String
        let format: IngestFormat
        let good: String
        let bad: String
        var testDescription: String { "\(format) into \(valueFormat) (\(columns))" }
    }

    private static let ways = [
        Way(columns: "STREAM s (v INT)", valueFormat: "JSON", format: .json, good: #"{"V":1}"#, bad: "{"),
        Way(columns: "STREAM s (k INT KEY, v INT)", valueFormat: "JSON", format: .json, good: #"{"K":1,"V":1}"#, bad: #"{"K":1,"V":"x"}"#),
        Way(columns: "STREAM s (v INT, w INT)", valueFormat: "DELIMITED", format: .csv, good: "1,2", bad: "1,x"),
        Way(columns: "STREAM s (v INT, w INT)", valueFormat: "JSON", format: .csv, good: "1,2", bad: "1,2,3"),
        Way(columns: "TABLE s (k INT PRIMARY KEY, v INT)", valueFormat: "JSON", format: .csv, good: "1,2", bad: ",2"),
        Way(columns: "STREAM s (k INT KEY, v INT)", valueFormat: "PROTOBUF", format: .message, good: "CAE=", bad: "CA!="),
        Way(columns: "STREAM s (v VARCHAR)", valueFormat: "JSON", format: .line, good: "a", bad: "\u{FF}"),
    ]

    @Test(arguments: ways, [1, 100, 101, 1_000, 1_001, 25_000])
    func everyLineIsCounted(way: Way, bad: Int) throws {
        let time = SimulatedTime(wall: 5_000)
        let millrace = try Millrace(time: time)
        _ = millrace.run("CREATE \(way.columns) WITH (kafka_topic='s', value_format='\(way.valueFormat)', partitions=1);")
        let ingest = try millrace.session.beginIngest(into: "s", format: way.format)
        // `line` takes any text; what is no text is bad.
        let wrong = way.format == .line ? [0xFF] : Array(way.bad.utf8)
        var left = bad
        var number = 1
        while left > 0 {
            var text: [UInt8] = []
            var lines: [ByteRange] = []
            for line in Array(repeating: wrong, count: min(left, 3_000)) + [Array(way.good.utf8)] {
                lines.append(ByteRange(start: Int32(text.count), length: Int32(line.count)))
                text += line
            }
            left -= min(left, 3_000)
            ingest.take(text, lines, firstLine: number)
            ingest.awaitRoom()
            number += lines.count
        }
        let result = Monitor<Bool?>(nil)
        ingest.finish { outcome in result.update { $0 = (try? outcome.get()) != nil } }
        #expect(result.wait(until: { $0 != nil }, then: { $0 }) == true)
        #expect(ingest.report.rejected == bad)
        #expect(ingest.report.records == (bad + 2_999) / 3_000)
        let told = millrace.run("SELECT COUNT(*), COUNT(source), SUM(left_out) FROM MILLRACE_ERRORS;").first { $0.hasPrefix(":") } ?? ""
        let numbers = told.dropFirst(3).dropLast().split(separator: ",").compactMap { Int($0) }
        // The samples, each with its source, and what they and the records without a row say is left out.
        #expect(numbers.count == 3 && numbers[1] == min(bad, 1_000) && numbers[1] + numbers[2] == bad, "\(told)")
        millrace.close()
    }
}
