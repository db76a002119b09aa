import Diagnostics
import Engine
import Testing

/// A file of two blocks as specification 1.11 of Avro describes it, written by hand.
private struct Container {
    static let schema = #"{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"s","type":["null","string"]}]}"#
    static let marker = [UInt8](0..<16)

    static func long(_ value: Int) -> [UInt8] {
        var rest = UInt64(bitPattern: Int64(value << 1 ^ value >> 63))
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func text(_ text: String) -> [UInt8] { long(text.utf8.count) + text.utf8 }

    static func header(codec: String = "null", schema: String = schema) -> [UInt8] {
        [0x4F, 0x62, 0x6A, 0x01] + long(2) + text("avro.schema") + text(schema) + text("avro.codec") + text(codec) + long(0) + marker
    }

    static func block(_ count: Int, _ content: [UInt8], size: Int? = nil) -> [UInt8] {
        long(count) + long(size ?? content.count) + content + marker
    }

    static let first = block(2, long(1) + long(1) + text("a\n") + long(2) + long(0))
    static let second = block(1, long(-3) + long(1) + text("é"))
    static let lines = #"{"id":1,"s":"a\n"}"# + "\n" + #"{"id":2,"s":null}"# + "\n" + #"{"id":-3,"s":"é"}"# + "\n"
}

/// The lines that a file comes to, and why there are no more.
private func read(_ bytes: [UInt8], pieces: Int = .max) -> (lines: String, problem: String?, dropped: [String]) {
    let records = AvroLines()
    var lines: [UInt8] = []
    do throws(Diagnostic) {
        for start in stride(from: 0, to: bytes.count, by: min(pieces, max(1, bytes.count))) {
            try records.take(Array(bytes[start...].prefix(pieces)), into: &lines)
        }
        try records.finish()
    } catch {
        return (String(decoding: lines, as: UTF8.self), error.message, records.dropped)
    }
    return (String(decoding: lines, as: UTF8.self), nil, records.dropped)
}

@Suite struct AvroLinesTests {
    @Test(arguments: [1, 7, Int.max]) func recordsBecomeLines(pieces: Int) {
        let found = read(Container.header() + Container.first + Container.second, pieces: pieces)
        #expect(found.lines == Container.lines && found.problem == nil)
        // No block is no fault.
        #expect(read(Container.header(), pieces: pieces) == ("", nil, []))
    }

    /// Wherever it is cut off but behind a block, the file says so, and the whole blocks before count.
    @Test func aFileThatIsCutOffSaysWhere() {
        let whole = Container.header() + Container.first + Container.second
        let ends = [Container.header().count, whole.count - Container.second.count, whole.count]
        for cut in 0..<whole.count {
            let found = read(Array(whole[..<cut]))
            #expect(Container.lines.hasPrefix(found.lines) && found.lines.isEmpty == (cut < ends[1]), "\(cut)")
            #expect((found.problem == nil) == ends.contains(cut), "\(cut)")
            if let problem = found.problem { #expect(problem.contains("it ends at byte \(cut)"), "\(problem)") }
        }
    }

    @Test func damageIsToldWithItsPlace() {
        let start = Container.header().count
        let cases: [(block: [UInt8], expected: String)] = [
            (Container.block(2, Container.long(1) + Container.long(1) + Container.text("a")), "behind record 0, is damaged: the record ends too soon"),
            (Container.block(1, Container.long(1) + Container.long(0) + [0]), "bytes follow behind the last of 1 records, at byte 2"),
            (Container.block(1, Container.long(1) + Container.long(2)), "a union has no branch 2, at byte 0"),
            (Container.block(1, Container.long(1) + Container.long(1) + [2, 0xFF]), "record 1, in the block at byte \(start): a text is not UTF-8"),
            (Container.block(1 << 40, [0]), "it counts 1099511627776 records in 1 bytes"),
            (Container.block(-1, [0]), "claims -1 records"),
            (Container.block(1, [0], size: 1 << 60), "records in 1152921504606846976 bytes"),
            (Container.block(1, [0], size: -1), "records in -1 bytes"),
            ([UInt8](repeating: 0xFF, count: 40), "a number of more than 64 bits"),
            (Array(Container.first.dropLast()) + [0], "does not end with the marker"),
        ]
        for (block, expected) in cases {
            let problem = read(Container.header() + block).problem ?? "none"
            #expect(problem.contains(expected) && problem.contains("block at byte \(start)"), "\(problem)")
        }
        // What stands before the damage counts.
        let behind = read(Container.header() + Container.first + Container.block(2, Container.long(4) + [0] + Container.long(5) + [2, 2, 0xFF]))
        #expect(behind.lines.hasSuffix("{\"id\":4,\"s\":null}\n") && behind.problem?.contains("record 4") == true)
    }

    @Test func headersThatSayTooLittle() {
        let cases: [(file: [UInt8], expected: String)] = [
            ([], "it ends at byte 0, within the header"), (Array("{\"id\":1}\n".utf8), "does not begin as Avro's object container files"),
            (Container.header(codec: "bzip2") + Container.first, "its blocks are compressed by bzip2"),
            (Container.header(codec: "deflate") + Container.first, "is not what deflate writes"),
            (Container.header(codec: "snappy") + Container.first, "is not what snappy writes"),
            (Container.header(codec: "zstandard") + Container.first, "is not what zstandard writes"),
            (Container.header(schema: "{") + Container.first, "the schema is no JSON"),
            (Container.header(schema: "\"string\"") + Container.first, "its schema is no record"),
            (Array(Container.header().prefix(4)) + [0] + Container.marker + Container.first, "has no avro.schema"),
            (Array(Container.header().prefix(4)) + Container.long(1) + Container.long(1 << 40), "an entry of 1099511627776 bytes"),
        ]
        for (file, expected) in cases {
            let problem = read(file).problem ?? "none"
            #expect(problem.contains(expected), "\(problem)")
        }
    }

    @Test func fieldsWithoutATypeAreNamed() {
        let schema = #"{"type":"record","name":"R","fields":[{"name":"id","type":"long"},{"name":"next","type":["null","R"]}]}"#
        let found = read(Container.header(schema: schema) + Container.block(1, Container.long(5) + Container.long(0)))
        #expect(found.lines == "{\"id\":5}\n" && found.problem == nil)
        #expect(found.dropped.count == 1 && found.dropped.first?.hasPrefix("next: ") == true)
    }
}
