// What states are written as, byte by byte: a server reads what another version wrote as long as the fingerprint of the layout is the same.
// A change of one of these outputs raises the number of that kind or function in `StateLayout`, so that old state is built anew.

import Bytes
import Operators
import Plans
import TestSupport
import Testing
import Values

@Suite struct StateContractTests {
    private static let small = (ColumnDefinition("V", .integer), ["1", "null", "3", "1"])
    private static let real = (ColumnDefinition("V", .double), ["0.5", "null", "-2", "1e300"])
    private static let words = (ColumnDefinition("V", .string), [#""b""#, "null", #""a""#, #""b""#])
    private static let lists = (ColumnDefinition("V", .array(.integer)), ["[1,null,2]", "null", "[4]"])

    private static func grouped(
        _ input: (column: ColumnDefinition, values: [String]), _ function: String, _ result: SQLType, options: [Value] = [],
        window: WindowDescription.Shape? = nil
    ) -> (root: Step, values: [String]) {
        let windows = window.map { WindowDescription(shape: $0, grace: 100_000, retention: 200_000) }
        let calls = [call(function, [column(1, input.column.type)], result, options: options)]
        return (aggregate(.source(source([input.column])), calls, window: windows), input.values)
    }

    private static func cases() -> [String: (root: Step, values: [String])] {
        let many = (ColumnDefinition("V", .integer), (0..<400).map { "\($0)" })
        return [
            "COUNT": grouped(small, "COUNT", .bigint), "SUM INTEGER": grouped(small, "SUM", .integer),
            "SUM DOUBLE": grouped(real, "SUM", .double), "AVG": grouped(small, "AVG", .double), "MIN": grouped(small, "MIN", .integer),
            "MAX STRING": grouped(words, "MAX", .string), "STDDEV_SAMP": grouped(small, "STDDEV_SAMP", .double),
            "COLLECT_LIST": grouped(small, "COLLECT_LIST", .array(.integer)), "COLLECT_SET": grouped(words, "COLLECT_SET", .array(.string)),
            "TOPK": grouped(small, "TOPK", .array(.integer), options: [.integer(2)]),
            "TOPKDISTINCT": grouped(small, "TOPKDISTINCT", .array(.integer), options: [.integer(2)]),
            "LATEST_BY_OFFSET": grouped(words, "LATEST_BY_OFFSET", .string),
            "LATEST_BY_OFFSET 2": grouped(small, "LATEST_BY_OFFSET", .array(.integer), options: [.integer(2), .boolean(false)]),
            "EARLIEST_BY_OFFSET": grouped(words, "EARLIEST_BY_OFFSET", .string), "ATTR": grouped(small, "ATTR", .integer),
            "COUNT_DISTINCT": grouped(words, "COUNT_DISTINCT", .bigint), "COUNT_DISTINCT of many": grouped(many, "COUNT_DISTINCT", .bigint),
            "HISTOGRAM": grouped(words, "HISTOGRAM", .map(key: .string, value: .bigint)),
            "SUM_LIST": grouped(lists, "SUM_LIST", .integer),
            "TUMBLING": grouped(small, "COUNT", .bigint, window: .tumbling(size: 10)),
            "HOPPING": grouped(small, "COUNT", .bigint, window: .hopping(size: 10, advance: 5)),
            "SESSION": grouped(small, "SUM", .integer, window: .session(gap: 10)),
        ]
    }

    @Test func statesAreWrittenAsTheyWere() throws {
        let cases = Self.cases()
        var missing = Set(cases.keys)
        for mismatch in try goldenMismatches("Operators/states", { name in
            missing.remove(name)
            guard let form = cases[name] else { return "no such case" }
            do { return try Self.written(form.root, form.values) } catch { return "\(error)" }
        }) {
            Issue.record("\(mismatch)")
        }
        #expect(missing == [])
    }

    /// The changelog after the values have come, a millisecond apart, in hexadecimal; of long states the beginning and a sum.
    private static func written(_ root: Step, _ values: [String]) throws -> String {
        let dataflow = try Dataflow(root: root, destination: sink(kind: .table))
        _ = try feed(dataflow, values.enumerated().map { Line("k", #"{"V":\#($0.element)}"#, at: Int64($0.offset)) })
        return try dataflow.takeChangelog().flatMap { store, records in
            (0..<records.count).map { index in "\(hex(records, records.keys[index])) \(hex(records, records.values[index]))" }
        }.joined(separator: "\n")
    }

    private static func hex(_ records: OutgoingRecords, _ range: ByteRange) -> String {
        guard !range.isNull else { return "~" }
        let bytes = records.bytes[Int(range.start)..<Int(range.start + range.length)]
        let digits = bytes.prefix(200).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        guard bytes.count > 200 else { return digits }
        let sum = bytes.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        return "\(digits)… \(bytes.count) bytes, sum \(String(sum, radix: 16))"
    }
}
