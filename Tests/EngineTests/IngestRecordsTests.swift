// Loads of records that are bytes: base64 a line, by the schema that the record names, or by that of the stream.

import Bytes
import Engine
import Platform
import Schemas
import Sessions
import Testing

@Suite struct IngestRecordsTests {
    private func load(_ lines: [[UInt8]?], _ format: IngestFormat, into stream: String, _ millrace: Millrace) throws -> IngestReport {
        var text: [UInt8] = []
        var places: [ByteRange] = []
        for line in lines {
            let start = text.count
            if let line { Base64.append(line, to: &text) } else { text += "~~~~".utf8 }
            places.append(ByteRange(start: Int32(start), length: Int32(text.count - start)))
        }
        let ingest = try millrace.session.beginIngest(into: stream, format: format)
        ingest.take(text, places, firstLine: 1)
        let result = Monitor<IngestReport?>(nil)
        ingest.finish { outcome in result.update { $0 = (try? outcome.get()) ?? IngestReport() } }
        return try #require(result.wait(until: { $0 != nil }, then: { $0 }))
    }

    /// The fields of the writer's schema go to the columns of their names, keys among them, whatever the format of the stream.
    @Test func recordsWithAHeaderAreReadByTheirSchemas() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM S (K INT KEY, A STRING, B INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);")
        let avro = try millrace.engine.registry.register(
            SchemaDocument(.avro, #"{"type":"record","name":"R","fields":[{"name":"A","type":"string"},{"name":"K","type":"int"}]}"#), as: "any")
        let proto = try millrace.engine.registry.register(
            SchemaDocument(.protobuf, "syntax = \"proto3\"; message R { string A = 7; int32 K = 2; }"), as: "any-proto")
        #expect(avro.id.number == 1 && proto.id.number == 2)
        let report = try load(
            [[0, 0, 0, 0, 1, 2, 0x78, 4], nil, [], [0, 0, 0, 0, 9, 2, 0x78, 4], [7]], .avro, into: "s", millrace)
        #expect(report.records == 1 && report.rejected == 3)
        #expect(report.firstProblem == IngestProblem(line: 2, reason: "the line is no base64"))
        let second = try load([[0, 0, 0, 0, 2, 0, 0x3A, 1, 0x79, 0x10, 5]], .protobuf, into: "s", millrace)
        #expect(second.records == 1 && second.rejected == 0, "\(second)")
        let third = try load([[0, 0, 0, 0, 1, 2, 0x78, 4]], .jsonSR, into: "s", millrace)
        #expect(third.rejected == 1 && third.firstProblem?.reason.contains("it is one of AVRO") == true, "\(third)")
        let rows = millrace.run("SELECT * FROM S;")
        #expect(rows.contains { $0.contains(#"[2,"x",null]"#) } && rows.contains { $0.contains(#"[5,"y",null]"#) }, "\(rows)")
    }

    @Test(arguments: ["PROTOBUF", "PROTOBUF_NOSR", "JSON"]) func bareMessagesAreOfTheStreamsSchema(format: String) throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM S (A INT, B STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='\(format)', PARTITIONS=1);")
        let report = try load([[8, 1, 0x12, 1, 0x78], [], [0x12]], .message, into: "s", millrace)
        #expect(report.records == 2 && report.rejected == 1 && report.firstProblem?.line == 3, "\(report)")
        let rows = millrace.run("SELECT * FROM S;")
        #expect(rows.contains { $0.contains(#"[1,"x"]"#) } && rows.contains { $0.contains(#"[0,""]"#) }, "\(rows)")
    }
}
