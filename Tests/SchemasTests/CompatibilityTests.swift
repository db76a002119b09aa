// Which schemas may follow each other, in the three languages: each case is an old schema, a new one, and what stands in the way of readers with
// the new one.

import Schemas
import Testing

private func kinds(_ kind: SchemaKind, _ old: String, _ new: String, _ level: CompatibilityLevel = .backward) throws -> [String] {
    let version = SubjectVersion(subject: "s", version: 1, id: SchemaID(1), document: SchemaDocument(kind, old))
    return try SchemaDocument(kind, new).incompatibilities(with: [version], level: level).flatMap(\.problems).map { "\($0.kind) \($0.path)" }
}

private func record(_ fields: String...) -> String {
    #"{"type":"record","name":"R","fields":[\#(fields.map { "{" + $0 + "}" }.joined(separator: ","))]}"#
}

@Suite struct AvroCompatibilityTests {
    @Test(arguments: [
        (record(#""name":"a","type":"int""#), record(#""name":"a","type":"long""#), ""),
        (record(#""name":"a","type":"long""#), record(#""name":"a","type":"int""#), "TYPE_MISMATCH /fields/0/type"),
        (record(#""name":"a","type":"int""#), record(#""name":"a","type":"int""#, #""name":"b","type":"int""#), "READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"),
        (record(#""name":"a","type":"int""#), record(#""name":"a","type":"int""#, #""name":"b","type":"int","default":1"#), ""),
        (record(#""name":"a","type":"int""#), record(#""name":"b","type":"int","aliases":["a"]"#), ""),
        (record(#""name":"a","type":"int""#), record(), ""),
        (record(#""name":"a","type":"int""#), record(#""name":"a","type":["null","int"]"#), ""),
        (record(#""name":"a","type":["null","int"]"#), record(#""name":"a","type":"int""#), "TYPE_MISMATCH /fields/0/type"),
        (record(#""name":"a","type":["null","int"]"#), record(#""name":"a","type":["null","string"]"#), "MISSING_UNION_BRANCH /fields/0/type"),
        (#"{"type":"enum","name":"E","symbols":["A","B"]}"#, #"{"type":"enum","name":"E","symbols":["A"]}"#, "MISSING_ENUM_SYMBOLS /symbols"),
        (#"{"type":"enum","name":"E","symbols":["A","B"]}"#, #"{"type":"enum","name":"E","symbols":["A"],"default":"A"}"#, ""),
        (#"{"type":"fixed","name":"F","size":2}"#, #"{"type":"fixed","name":"F","size":3}"#, "FIXED_SIZE_MISMATCH /size"),
        (#"{"type":"fixed","name":"F","size":2}"#, #"{"type":"fixed","name":"n.F","size":2}"#, ""),
        (#"{"type":"fixed","name":"F","size":2}"#, #"{"type":"fixed","name":"G","size":2}"#, "NAME_MISMATCH /name"),
        (#"{"type":"array","items":"int"}"#, #"{"type":"array","items":"string"}"#, "TYPE_MISMATCH /items"),
        (#"{"type":"map","values":"float"}"#, #"{"type":"map","values":"double"}"#, ""), (#""string""#, #""bytes""#, ""),
        // Types that contain themselves.
        (record(#""name":"next","type":["null","R"]"#), record(#""name":"next","type":["null","R"]"#, #""name":"x","type":"int""#), "MISSING"),
    ])
    func whatANewReaderReads(_ old: String, _ new: String, _ expected: String) throws {
        let found = try kinds(.avro, old, new).joined(separator: "; ")
        if expected == "MISSING" {
            #expect(found.contains("READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"))
        } else {
            #expect(found == expected)
        }
    }

    @Test func levels() throws {
        let (a, ab) = (record(#""name":"a","type":"int""#), record(#""name":"a","type":"int""#, #""name":"b","type":"int""#))
        #expect(try kinds(.avro, a, ab, .none).isEmpty && kinds(.avro, a, ab, .forward).isEmpty && kinds(.avro, ab, a, .backward).isEmpty)
        #expect(try !kinds(.avro, ab, a, .forward).isEmpty && !kinds(.avro, ab, a, .full).isEmpty && !kinds(.avro, a, ab, .full).isEmpty)
        let versions = [a, record()].enumerated().map {
            SubjectVersion(subject: "s", version: $0.offset + 1, id: SchemaID(Int32($0.offset + 1)), document: SchemaDocument(.avro, $0.element))
        }
        let new = SchemaDocument(.avro, record(#""name":"a","type":"string","default":"""#))
        #expect(try new.incompatibilities(with: versions, level: .backward).isEmpty)
        #expect(try new.incompatibilities(with: versions, level: .backwardTransitive).map(\.version) == [1])
        #expect(try SchemaDocument(.json, "{}").incompatibilities(with: versions, level: .backward).first?.problems.first?.kind == "SCHEMA_TYPE_CHANGED")
    }
}

@Suite struct ProtobufCompatibilityTests {
    @Test(arguments: [
        ("int32 a = 1;", "int64 a = 1;", ""), ("int32 a = 1;", "bool a = 1;", ""), ("string a = 1;", "bytes a = 1;", ""),
        ("int32 a = 1;", "sint32 a = 1;", "FIELD_SCALAR_KIND_CHANGED #/M/1"), ("int32 a = 1;", "string a = 1;", "FIELD_SCALAR_KIND_CHANGED #/M/1"),
        ("int32 a = 1;", "int32 b = 1; string c = 2;", ""), ("int32 a = 1; int32 b = 2;", "int32 a = 1;", ""),
        ("N a = 1; message N {}", "int32 a = 1; message N {}", "FIELD_KIND_CHANGED #/M/1"),
        ("N a = 1; message N {}", "O a = 1; message N {} message O {}", "FIELD_NAMED_TYPE_CHANGED #/M/1"),
        ("N a = 1; message N { int32 x = 1; }", "N a = 1; message N { double x = 1; }", "FIELD_SCALAR_KIND_CHANGED #/M.N/1"),
        ("message N {}", "", "MESSAGE_REMOVED #/M.N"), ("E a = 1; enum E { Z = 0; }", "int32 a = 1;", ""),
        ("map<string, int32> a = 1;", "map<string, string> a = 1;", "FIELD_SCALAR_KIND_CHANGED #/M/1"),
        ("int32 a = 1; int32 b = 2;", "oneof o { int32 a = 1; int32 b = 2; }", "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o"),
        ("int32 a = 1;", "oneof o { int32 a = 1; int32 c = 3; }", ""),
        ("int32 a = 1; oneof o { int32 b = 2; }", "oneof o { int32 a = 1; int32 b = 2; }", "FIELD_MOVED_TO_EXISTING_ONEOF #/M/1"),
        ("oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; }", "ONEOF_FIELD_REMOVED #/M/o/2"),
        ("optional int32 a = 1;", "repeated int32 a = 1;", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"), ("int32 a = 1;", "repeated int32 a = 1;", ""),
        ("repeated E a = 1; enum E { Z = 0; }", "optional E a = 1; enum E { Z = 0; }", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"),
        ("optional string a = 1;", "repeated string a = 1;", ""), ("int32 a = 1;", "optional int32 a = 1;", ""),
        ("optional int32 a = 1;", "oneof o { int32 a = 1; }", ""),
    ])
    func whatANewReaderReads(_ old: String, _ new: String, _ expected: String) throws {
        let head = "syntax = \"proto3\"; package p; message M { "
        #expect(try kinds(.protobuf, head + old + " }", head + new + " }").joined(separator: "; ") == expected)
    }

    @Test func requiredFieldsAndPackages() throws {
        let head = "syntax = \"proto2\"; message M { "
        #expect(try kinds(.protobuf, head + "}", head + "required int32 a = 1; }") == ["REQUIRED_FIELD_ADDED #/M/1"])
        #expect(try kinds(.protobuf, head + "required int32 a = 1; }", head + "}") == ["REQUIRED_FIELD_REMOVED #/M/1"])
        #expect(
            try kinds(.protobuf, head + "optional int32 a = 1; }", head + "required int32 a = 1; }") == ["FIELD_NUMERIC_LABEL_CHANGED #/M/1"])
        #expect(try kinds(.protobuf, "package p; message M {}", "package q; message M {}") == ["PACKAGE_CHANGED #/"])
    }

    /// Messages of imported files are compared as far as fields lead to them, each once, however many there are.
    @Test func importedMessages() throws {
        func document(last: String) -> SchemaDocument {
            let chain = (0..<500).map { "message N\($0) { N\($0 + 1) a = 1; N\($0 + 1) b = 2; }" }.joined(separator: " ")
            let file = SchemaDocument(.protobuf, "syntax = \"proto3\"; package q; \(chain) message N500 { \(last) x = 1; }")
            return SchemaDocument(
                .protobuf, "syntax = \"proto3\"; package p; import \"q.proto\"; message M { q.N0 a = 1; }",
                references: [SchemaReference(name: "q.proto", subject: "q", version: 1, document: file)])
        }
        let old = SubjectVersion(subject: "s", version: 1, id: SchemaID(1), document: document(last: "int32"))
        #expect(try document(last: "int64").incompatibilities(with: [old], level: .full).isEmpty)
        let problems = try document(last: "string").incompatibilities(with: [old], level: .backward).flatMap(\.problems).map { "\($0.kind) \($0.path)" }
        #expect(problems == [
            "FIELD_SCALAR_KIND_CHANGED #/q.N500/1", "FIELD_NAMED_TYPE_CHANGED #/q.N499/1", "FIELD_NAMED_TYPE_CHANGED #/q.N499/2",
        ])
    }
}

@Suite struct JSONSchemaCompatibilityTests {
    /// Definitions that refer twice to the next one are as many schemas as there are paths, and are compared once each.
    @Test func sharedDefinitionsAreComparedOnce() throws {
        func schema(last: String) -> String {
            let definitions = (0..<40).map { number in
                let next = ##"{"$ref":"#/$defs/d\##(number + 1)"}"##
                return ##""d\##(number)":{"type":"object","properties":{"a":\##(next),"b":\##(next)}}"##
            }
            return ##"{"$defs":{\##(definitions.joined(separator: ",")),"d40":{"type":"\##(last)"}},"$ref":"#/$defs/d0"}"##
        }
        let old = SubjectVersion(subject: "s", version: 1, id: SchemaID(1), document: SchemaDocument(.json, schema(last: "string")))
        #expect(try SchemaDocument(.json, schema(last: "string") + " ").incompatibilities(with: [old], level: .full).isEmpty)
        let problems = try SchemaDocument(.json, schema(last: "integer")).incompatibilities(with: [old], level: .backward).flatMap(\.problems)
        #expect(problems.first?.kind == "TYPE_CHANGED" && problems.count <= 50)
    }

    @Test(arguments: [
        (#"{"type":"integer"}"#, #"{"type":"number"}"#, ""), (#"{"type":"number"}"#, #"{"type":"integer"}"#, "TYPE_NARROWED #"),
        (#"{"type":"string"}"#, #"{"type":"boolean"}"#, "TYPE_CHANGED #"), (#"{"type":"string"}"#, "{}", ""),
        (#"{"type":"string","maxLength":5}"#, #"{"type":"string","maxLength":6}"#, ""),
        (#"{"type":"string"}"#, #"{"type":"string","maxLength":6}"#, "MAX_LENGTH_ADDED #/maxLength"),
        (#"{"type":"number","minimum":1}"#, #"{"type":"number","minimum":2}"#, "MINIMUM_INCREASED #/minimum"),
        (#"{"type":"number","multipleOf":4}"#, #"{"type":"number","multipleOf":2}"#, ""),
        (#"{"type":"number","multipleOf":2}"#, #"{"type":"number","multipleOf":4}"#, "MULTIPLE_OF_CHANGED #/multipleOf"),
        (#"{"enum":["a","b"]}"#, #"{"enum":["a","b","c"]}"#, ""), (#"{"enum":["a","b"]}"#, #"{"enum":["a"]}"#, "ENUM_ARRAY_NARROWED #/enum"),
        (#"{"type":"string"}"#, #"{"oneOf":[{"type":"null"},{"type":"string"}]}"#, ""),
        (#"{"oneOf":[{"type":"null"},{"type":"string"}]}"#, #"{"type":"string"}"#, "TYPE_CHANGED #"),
        (#"{"oneOf":[{"type":"null"},{"type":"string"}]}"#, #"{"oneOf":[{"type":"string"},{"type":"null"},{"type":"boolean"}]}"#, ""),
        (#"{"oneOf":[{"type":"null"},{"type":"string"}]}"#, #"{"oneOf":[{"type":"null"},{"type":"boolean"}]}"#, "COMBINED_TYPE_SUBSCHEMAS_CHANGED #"),
        (#"{"type":"array","items":{"type":"integer"}}"#, #"{"type":"array","items":{"type":"string"}}"#, "TYPE_CHANGED #/items"),
        // An open model may hold anything under a name that is new; a closed one may not.
        (#"{"type":"object","properties":{}}"#, #"{"type":"object","properties":{"a":{"type":"string"}}}"#, "PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a"),
        (#"{"type":"object","additionalProperties":false}"#, #"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string"}}}"#, ""),
        (
            #"{"type":"object","additionalProperties":false}"#,
            #"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string"}},"required":["a"]}"#,
            "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a"
        ),
        (#"{"type":"object","properties":{"a":{"type":"string"}}}"#, #"{"type":"object","properties":{}}"#, ""),
        (
            #"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#,
            #"{"type":"object","properties":{},"additionalProperties":false}"#, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/a"
        ),
        (
            #"{"type":"object","properties":{"a":{"type":"string"}}}"#, #"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#,
            "REQUIRED_ATTRIBUTE_ADDED #/required/a"
        ),
        (
            ##"{"properties":{"n":{"$ref":"#"}}}"##, ##"{"properties":{"n":{"$ref":"#"}},"required":["n"]}"##,
            "REQUIRED_ATTRIBUTE_ADDED #/required/n"
        ),
    ])
    func whatANewReaderTakes(_ old: String, _ new: String, _ expected: String) throws {
        #expect(try kinds(.json, old, new).joined(separator: "; ") == expected)
    }
}
