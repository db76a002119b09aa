// The three languages of schemas: what is read, what columns it comes to, what is made of columns, and what is refused.

import Schemas
import Testing
import Values

private func columns(
    _ kind: SchemaKind, _ text: String, name: String? = nil, naming: FieldNaming = .upperCased, whole: Bool = false,
    references: [SchemaReference] = []
) throws -> String {
    let found = try InferredColumns(
        SchemaDocument(kind, text, references: references), fullName: name, naming: naming,
        whole: WholeColumn(name: "ROWVAL", takesRecords: whole))
    let dropped = found.dropped.map { "; without \($0)" }.joined()
    return found.columns.map { "\($0.name) \($0.type)" }.joined(separator: ", ") + dropped
}

private func reference(_ name: String, _ text: String, _ kind: SchemaKind) -> SchemaReference {
    SchemaReference(name: name, subject: name, version: 1, document: SchemaDocument(kind, text))
}

private let everything = [
    ColumnDefinition("B", .boolean), ColumnDefinition("I", .integer), ColumnDefinition("L", .bigint), ColumnDefinition("D", .double),
    ColumnDefinition("S", .string), ColumnDefinition("Y", .bytes), ColumnDefinition("P", .decimal(precision: 9, scale: 3)),
    ColumnDefinition("T", .time), ColumnDefinition("A", .date), ColumnDefinition("M", .timestamp),
    ColumnDefinition("R", .array(.structure([StructField("X", .bigint), StructField("Z", .array(.string))]))),
    ColumnDefinition("N", .map(key: .string, value: .structure([StructField("X", .integer)]))),
]

/// Numbers that look like chance, the same at every run.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

@Suite struct SchemaLanguageTests {
    @Test(arguments: SchemaKind.allCases, [nil, NullRepresentation.optional, .wrapper])
    func whatIsMadeOfColumnsComesBackAsThem(_ kind: SchemaKind, _ nulls: NullRepresentation?) throws {
        let document = try SchemaDocument(kind, of: everything, SchemaShape(nulls: nulls))
        let found = try InferredColumns(document, naming: .upperCased, whole: WholeColumn(name: "ROWVAL", takesRecords: false))
        #expect(found.columns == everything, "\(document.text)")
        #expect(found.dropped.isEmpty && !found.isAnonymous)
    }

    @Test func avroTypes() throws {
        let text = """
            {"type":"record","name":"R","namespace":"n","doc":"x","fields":[
             {"name":"a","type":["null","int"],"default":null}, {"name":"b","type":{"type":"enum","name":"E","symbols":["X","Y"]}},
             {"name":"c","type":{"type":"map","values":"float"}}, {"name":"d","type":["n.E","null"]},
             {"name":"e","type":{"type":"fixed","name":"F","size":4}}, {"name":"f","type":{"type":"long","logicalType":"timestamp-micros"}},
             {"name":"g","type":{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}},
             {"name":"h","type":["int","string",{"type":"record","name":"In","fields":[{"name":"x","type":"E"}]}]},
             {"name":"next","type":["null","R"]}, {"name":"n","type":"null"}]}
            """
        #expect(
            try columns(.avro, text) == """
                A INTEGER, B STRING, C MAP<STRING, DOUBLE>, D STRING, E BYTES, F BIGINT, G DECIMAL(5, 2), \
                H STRUCT<`INT` INTEGER, `STRING` STRING, `IN` STRUCT<`X` STRING>>; without NEXT: n.R contains itself\
                ; without N: null alone is no type
                """)
        #expect(try columns(.avro, "int") == "ROWVAL INTEGER")
        #expect(try columns(.avro, #""string""#) == "ROWVAL STRING")
        #expect(try columns(.avro, #"{"type":"record","name":"R","fields":[{"name":"f0","type":"int"}]}"#, whole: true) == "ROWVAL STRUCT<`F0` INTEGER>")
    }

    @Test func avroReferences() throws {
        let other = reference("n.Other", #"{"type":"record","name":"Other","namespace":"n","fields":[{"name":"x","type":"long"}]}"#, .avro)
        let text = #"{"type":"record","name":"R","namespace":"n","fields":[{"name":"o","type":"Other"}]}"#
        #expect(try columns(.avro, text, references: [other]) == "O STRUCT<`X` BIGINT>")
        #expect(throws: SchemaError("unknown type Other")) { try columns(.avro, text) }
    }

    @Test func protobufTypes() throws {
        let text = """
            // A comment.
            syntax = "proto3"; package p.q;
            import "google/protobuf/timestamp.proto"; import public "google/protobuf/wrappers.proto";
            option java_package = "x";
            message First { int32 a = 1; }
            message M {
              option deprecated = true; reserved 9, 11 to 13; reserved "old";
              enum E { ZERO = 0; ONE = 1 [deprecated = true]; }
              message In { repeated sint64 xs = 1 [packed = false]; M again = 2; }
              uint32 a = 1; fixed64 b = 2; E c = 3; map<int32, In> d = 4; repeated In e = 5;
              oneof pick { string f = 6; .p.q.First g = 7; }
              google.protobuf.Timestamp h = 8; google.protobuf.Int32Value i = 14; optional bytes j = 15; float k = 536870911;
            }
            service S { rpc Do (M) returns (stream M) { option x = "}"; } }
            """
        #expect(try columns(.protobuf, text) == "A INTEGER")
        #expect(
            try columns(.protobuf, text, name: "M") == """
                PICK_0 STRUCT<`F` STRING, `G` STRUCT<`A` INTEGER>>, A BIGINT, B BIGINT, C STRING, D MAP<STRING, STRUCT<`XS` ARRAY<BIGINT>>>, \
                E ARRAY<STRUCT<`XS` ARRAY<BIGINT>>>, H TIMESTAMP, I INTEGER, J BYTES, K DOUBLE
                """)
        #expect(try columns(.protobuf, text, name: "p.q.M.In", naming: .asWritten).hasPrefix("xs ARRAY<BIGINT>, again STRUCT<"))
        #expect(throws: SchemaError("the schema has no message X")) { try columns(.protobuf, text, name: "X") }
    }

    @Test func protobufImports() throws {
        let event = reference("event.proto", "syntax = \"proto3\";\n\nmessage Event {\n int64 timestamp = 1;\n}", .protobuf)
        let text = "syntax = \"proto3\";\n\nimport \"event.proto\"; \n\nmessage Logistics {\n Event event = 1;\n}"
        #expect(try columns(.protobuf, text, references: [event]) == "EVENT STRUCT<`TIMESTAMP` BIGINT>")
        #expect(throws: SchemaError("the import event.proto is not there")) { try columns(.protobuf, text) }
    }

    @Test func protobufText() throws {
        let fields = [
            ColumnDefinition("I", .integer), ColumnDefinition("S", .structure([StructField("F0", .array(.date))])),
            ColumnDefinition("M", .map(key: .string, value: .double)),
        ]
        #expect(
            try SchemaDocument(.protobuf, of: fields, SchemaShape(fullName: "a.b.C", nulls: .optional)).text == """
                syntax = "proto3";
                package a.b;

                import "google/type/date.proto";

                message C {
                  optional int32 I = 1;
                  ConnectDefault2 S = 2;
                  map<string, double> M = 3;

                  message ConnectDefault2 {
                    repeated google.type.Date F0 = 1;
                  }
                }

                """)
    }

    @Test func jsonSchemaTypes() throws {
        let text = """
            {"type":"object","properties":{"b":{"connect.index":1,"type":"integer"},"a":{"connect.index":0,"oneOf":[{"type":"null"},
             {"type":"integer","connect.type":"int32"}]},"c":{"$ref":"#/definitions/D"},"d":{"type":["null","string"]},
             "e":{"type":"array","items":{"type":"number"}},"f":{"type":"object","additionalProperties":{"type":"boolean"}},
             "g":{"$ref":"other.json"},"h":{"anyOf":[{"type":"string"},{"type":"integer"}]},"i":{"enum":["x"]}},
             "definitions":{"D":{"type":"object","properties":{"x":{"$ref":"#"}}}}}
            """
        let found = try columns(.json, text, references: [reference("other.json", #"{"type":"string"}"#, .json)])
        #expect(
            found.hasPrefix("A INTEGER, B BIGINT, C STRUCT<") && found.contains("D STRING, E ARRAY<DOUBLE>, F MAP<STRING, BOOLEAN>, G STRING, I STRING; without H"),
            "\(found)")
        #expect(try columns(.json, #"{"type":"integer"}"#) == "ROWVAL BIGINT")
    }

    @Test(arguments: [
        (SchemaKind.avro, "{"), (.avro, "Unknown"), (.avro, #"{"type":"record","name":"1","fields":[]}"#), (.avro, #"["int","int"]"#),
        (.avro, #"["null",["int"]]"#), (.avro, #"{"type":"record","name":"R"}"#), (.avro, #"{"type":"fixed","name":"F","size":-1}"#),
        (.avro, #"{"type":"enum","name":"E","symbols":[]}"#), (.avro, #"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#),
        (.avro, String(repeating: "[", count: 5000)), (.avro, String(repeating: #"{"type":"array","items":"#, count: 100) + "1"),
        (.protobuf, "message"), (.protobuf, "message M { X x = 1; }"), (.protobuf, "message M { int32 a = 0; }"),
        (.protobuf, "message M { int32 a = 1; int32 b = 1; }"), (.protobuf, "message M { map<bytes, int32> a = 1; }"),
        (.protobuf, "message M { int32 a = 99999999999999999999; }"), (.protobuf, "enum E {}"), (.protobuf, "/* no end"),
        (.protobuf, "message M { string s = 1 [default = \"no end ];\n }"), (.protobuf, "option x = {"), (.protobuf, ""),
        (.protobuf, String(repeating: "message M {", count: 1000)), (.json, "1"), (.json, "{"),
    ])
    func whatIsNoSchema(_ kind: SchemaKind, _ text: String) {
        #expect(throws: SchemaError.self) { _ = try columns(kind, text) }
    }

    /// Every schema above with pieces cut out and bytes changed: an answer or an error, never the end of the process.
    @Test func damagedSchemas() throws {
        var random = SeededGenerator(seed: 14)
        for kind in SchemaKind.allCases {
            let whole = Array(try SchemaDocument(kind, of: everything, SchemaShape(nulls: .wrapper)).text.utf8)
            for _ in 0..<2_000 {
                var bytes = whole
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: bytes.indices, using: &random)
                    if Bool.random(using: &random) {
                        bytes[place] = UInt8.random(in: 32...126, using: &random)
                    } else {
                        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &random)))
                    }
                }
                _ = try? columns(kind, String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}

@Suite struct SchemaStoreTests {
    @Test func equalSchemasHaveOneNumber() throws {
        let registry = MemoryRegistry()
        let int = SchemaDocument(.avro, #""int""#), long = SchemaDocument(.avro, #""long""#)
        #expect(try registry.register(int, as: "a-value").id == SchemaID(1))
        #expect(try registry.register(int, as: "a-value").version == 1)
        #expect(try registry.register(int, as: "b-value").id == SchemaID(1))
        #expect(try registry.register(long, as: "a-value") == SubjectVersion(subject: "a-value", version: 2, id: SchemaID(2), document: long))
        #expect(try registry.latest(of: "a-value")?.document == long)
        #expect(try registry.register(long, as: "c-value", id: SchemaID(100)).id == SchemaID(100))
        #expect(try registry.register(SchemaDocument(.avro, #""float""#), as: "d-value").id == SchemaID(101))
        #expect(try registry.subjects().map(\.subject) == ["a-value", "b-value", "c-value", "d-value"])
        #expect(registry.knownSchema(SchemaID(7)) == nil)
    }
}
