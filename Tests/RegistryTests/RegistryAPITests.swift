// The REST API against a registry in memory: what is answered to which request.

import JSONText
import Registry
import Schemas
import Testing

/// A registry with the requests that tests send.
private struct Client {
    let registry: MemoryRegistry
    let api: RegistryAPI

    init() {
        registry = MemoryRegistry()
        api = RegistryAPI(registry)
    }

    /// `GET /subjects?deleted=true` with a body; gives the status and the body of the answer.
    func ask(_ request: String, _ body: JSONValue? = nil) -> String {
        let words = request.split(separator: " ")
        let parts = words[1].split(separator: "?", maxSplits: 1)
        var query: [String: String] = [:]
        for pair in parts.dropFirst().first?.split(separator: "&") ?? [] {
            let sides = pair.split(separator: "=", maxSplits: 1)
            query[String(sides[0])] = String(sides[1])
        }
        let path = parts[0].split(separator: "/").map(String.init)
        let answer = api.answer(RegistryRequest(method: String(words[0]), path: path, query: query, body: body?.bytes ?? []))
        return "\(answer.status) \(answer.body.text)"
    }

    func register(_ subject: String, _ schema: String, _ kind: String = "AVRO", references: JSONValue = []) -> String {
        ask("POST /subjects/\(subject)/versions", ["schema": .string(schema), "schemaType": .string(kind), "references": references])
    }
}

private func record(_ fields: String) -> String { #"{"type":"record","name":"R","fields":[\#(fields)]}"# }
private let a = record(#"{"name":"a","type":"int"}"#)
private let ab = record(#"{"name":"a","type":"int"},{"name":"b","type":"string","default":""}"#)
private let abc = record(#"{"name":"a","type":"int"},{"name":"c","type":"string"}"#)

@Suite struct RegistryAPITests {
    @Test func versionsAndSchemas() {
        let client = Client()
        #expect(client.ask("GET /") == "200 {}")
        #expect(client.ask("GET /schemas/types") == #"200 ["JSON","PROTOBUF","AVRO"]"#)
        #expect(client.ask("GET /subjects") == "200 []")
        #expect(client.register("s", a).hasPrefix(#"200 {"subject":"s","version":1,"id":1"#))
        // The same again, with blanks, is the same.
        #expect(client.register("s", a.replacing(",", with: " , ")).contains(#""version":1,"id":1"#))
        #expect(client.register("s", ab).contains(#""version":2,"id":2"#))
        #expect(client.register("t", ab).contains(#""version":1,"id":2"#))
        #expect(client.ask("GET /subjects?subjectPrefix=t") == #"200 ["t"]"#)
        #expect(client.ask("GET /subjects/s/versions") == "200 [1,2]")
        #expect(client.ask("GET /subjects/s/versions/latest").contains(#""version":2,"id":2"#))
        #expect(client.ask("GET /subjects/s/versions/1/schema") == "200 \(a)")
        #expect(client.ask("GET /schemas/ids/1").hasPrefix(#"200 {"schema":"{\"type\""#))
        #expect(client.ask("GET /schemas/ids/1/schema") == "200 \(a)")
        #expect(client.ask("GET /schemas/ids/2/subjects") == #"200 ["s","t"]"#)
        #expect(client.ask("GET /schemas/ids/2/versions") == #"200 [{"subject":"s","version":2},{"subject":"t","version":1}]"#)
        #expect(client.ask("POST /subjects/s", ["schema": .string(a)]).contains(#""version":1,"id":1"#))
        #expect(client.ask("GET /schemas?latestOnly=true").contains(#""subject":"t""#))
    }

    @Test(arguments: [
        ("GET /subjects/x/versions", "404 {\"error_code\":40401"), ("GET /subjects/s/versions/9", "404 {\"error_code\":40402"),
        ("GET /subjects/s/versions/zero", "422 {\"error_code\":42202"), ("GET /schemas/ids/9", "404 {\"error_code\":40403"),
        ("POST /subjects/s {\"schema\":\"\\\"int\\\"\"}", "404 {\"error_code\":40403"), ("POST /subjects/s nonsense", "422 {\"error_code\":422"),
        ("POST /subjects/s/versions {\"schema\":\"{}\"}", "422 {\"error_code\":42201"),
        ("POST /subjects/s/versions {\"schema\":\"x\",\"schemaType\":\"XML\"}", "422 {\"error_code\":42201"),
        ("PUT /config {\"compatibility\":\"SOME\"}", "422 {\"error_code\":42203"), ("PUT /mode {\"mode\":\"SOME\"}", "422 {\"error_code\":42204"),
        ("GET /config/s", "404 {\"error_code\":40408"), ("GET /mode/s", "404 {\"error_code\":40409"),
        ("GET /nowhere", "404 {\"error_code\":404"), ("DELETE /subjects", "405 {\"error_code\":405"),
        ("DELETE /subjects/s?permanent=true", "404 {\"error_code\":40405"), ("DELETE /subjects/s/versions/1?permanent=true", "404 {\"error_code\":40407"),
    ])
    func refusals(_ request: String, _ answer: String) {
        let client = Client()
        _ = client.register("s", a)
        let words = request.split(separator: " ", maxSplits: 2)
        let body = words.count > 2 ? (try? JSONValue(parsing: String(words[2]))) ?? .string("nonsense") : nil
        #expect(client.ask("\(words[0]) \(words[1])", body).hasPrefix(answer))
    }

    @Test func compatibilityIsChecked() {
        let client = Client()
        _ = client.register("s", a)
        let refused = client.register("s", abc)
        #expect(refused.hasPrefix(#"409 {"error_code":409"#) && refused.contains("the field 'c' in the new schema has no default value"))
        let body: JSONValue = ["schema": .string(abc)]
        #expect(client.ask("POST /compatibility/subjects/s/versions/latest", body) == #"200 {"is_compatible":false}"#)
        let told = client.ask("POST /compatibility/subjects/s/versions?verbose=true", body)
        #expect(told.contains("READER_FIELD_MISSING_DEFAULT_VALUE") && told.contains("oldSchemaVersion: 1"))
        #expect(client.ask("PUT /config/s", ["compatibility": "none"]) == #"200 {"compatibility":"NONE"}"#)
        #expect(client.ask("GET /config/s") == #"200 {"compatibilityLevel":"NONE"}"#)
        #expect(client.ask("GET /config") == #"200 {"compatibilityLevel":"BACKWARD"}"#)
        #expect(client.register("s", abc).contains(#""version":2"#))
        #expect(client.ask("DELETE /config/s") == #"200 {"compatibilityLevel":"NONE"}"#)
        #expect(client.ask("GET /config/s?defaultToGlobal=true") == #"200 {"compatibilityLevel":"BACKWARD"}"#)
    }

    @Test func deletions() {
        let client = Client()
        for schema in [a, ab] { _ = client.register("s", schema) }
        #expect(client.ask("DELETE /subjects/s/versions/1") == "200 1")
        #expect(client.ask("GET /subjects/s/versions") == "200 [2]")
        #expect(client.ask("GET /subjects/s/versions?deleted=true") == "200 [1,2]")
        #expect(client.ask("DELETE /subjects/s/versions/1").hasPrefix(#"404 {"error_code":40406"#))
        #expect(client.ask("DELETE /subjects/s/versions/1?permanent=true") == "200 1")
        #expect(client.ask("DELETE /subjects/s") == "200 [2]")
        #expect(client.ask("DELETE /subjects/s").hasPrefix(#"404 {"error_code":40404"#))
        #expect(client.ask("GET /subjects") == "200 []")
        #expect(client.ask("GET /subjects?deletedOnly=true") == #"200 ["s"]"#)
        // Numbers go on, and what records name stays known.
        #expect(client.register("s", ab).contains(#""version":3,"id":2"#))
        #expect(client.ask("GET /schemas/ids/1").hasPrefix("200"))
        #expect(client.ask("DELETE /subjects/s") == "200 [3]")
        #expect(client.ask("DELETE /subjects/s?permanent=true") == "200 [2,3]")
        #expect(client.register("s", a).contains(#""version":1,"id":1"#))
    }

    @Test func references() {
        let client = Client()
        _ = client.register("inner", #"{"type":"record","name":"Inner","namespace":"n","fields":[{"name":"x","type":"int"}]}"#)
        let outer = #"{"type":"record","name":"Outer","fields":[{"name":"i","type":"n.Inner"}]}"#
        let list: JSONValue = [["name": "n.Inner", "subject": "inner", "version": .integer(1)]]
        #expect(client.register("outer", outer).hasPrefix("422"))
        #expect(client.register("outer", outer, references: list).contains(#""id":2"#))
        #expect(client.ask("GET /subjects/inner/versions/1/referencedby") == "200 [2]")
        #expect(client.ask("GET /schemas/ids/2").contains(#""references":[{"name":"n.Inner","subject":"inner","version":1}]"#))
        #expect(client.ask("DELETE /subjects/inner").hasPrefix(#"422 {"error_code":42206"#))
        _ = client.ask("DELETE /subjects/outer")
        #expect(client.ask("DELETE /subjects/inner") == "200 [1]")
    }

    @Test func modes() {
        let client = Client()
        #expect(client.ask("GET /mode") == #"200 {"mode":"READWRITE"}"#)
        #expect(client.ask("PUT /mode/s", ["mode": "READONLY"]) == #"200 {"mode":"READONLY"}"#)
        #expect(client.register("s", a).hasPrefix(#"422 {"error_code":42205"#))
        #expect(client.ask("PUT /mode/s", ["mode": "IMPORT"]) == #"200 {"mode":"IMPORT"}"#)
        let imported: JSONValue = ["schema": .string(ab), "id": .integer(77), "version": .integer(5)]
        #expect(client.ask("POST /subjects/s/versions", imported).contains(#""version":5,"id":77"#))
        #expect(client.ask("POST /subjects/s/versions", ["schema": .string(a), "id": .integer(77)]).hasPrefix(#"422 {"error_code":42207"#))
        #expect(client.register("t", abc).contains(#""id":78"#))
        #expect(client.ask("PUT /mode", ["mode": "IMPORT"]).hasPrefix(#"422 {"error_code":42205"#))
        #expect(client.ask("DELETE /mode/s") == #"200 {"mode":"IMPORT"}"#)
    }

    /// There is the default context only: it may stand before a subject, and is left out in answers.
    @Test func contexts() {
        let client = Client()
        #expect(client.ask("GET /contexts") == #"200 ["."]"#)
        #expect(client.register(":.:s", a).contains(#""subject":"s","version":1"#))
        for path in ["/subjects/s/versions", "/subjects/:.:s/versions", "/contexts/./subjects/s/versions", "/contexts/:.:/subjects/:.:s/versions"] {
            #expect(client.ask("GET \(path)") == "200 [1]", "\(path)")
        }
        #expect(client.ask("GET /subjects?subjectPrefix=:.:") == #"200 ["s"]"#)
        #expect(client.ask("PUT /config/:.:s", ["compatibility": "full"]).hasPrefix("200"))
        #expect(client.ask("GET /config/s").contains("FULL") && client.ask("GET /config/:.:").contains("BACKWARD"))
        let list: JSONValue = [["name": "R", "subject": ":.:s", "version": .integer(1)]]
        let outer = #"{"type":"record","name":"O","fields":[{"name":"i","type":"R"}]}"#
        #expect(client.register("t", outer, references: list).contains(#""id":2"#))
        for path in ["/subjects/:.other:s/versions", "/contexts/.other/subjects", "/config/:.other:"] {
            #expect(client.ask("GET \(path)").hasPrefix("422") && client.ask("GET \(path)").contains("default context"), "\(path)")
        }
        // A colon alone makes no context.
        #expect(client.register(":s", a).contains(#""subject":":s""#))
    }

    /// Metadata and rules are for the clients: they are kept and given back, and make a version of their own.
    @Test func metadataAndRules() throws {
        let client = Client()
        func ask(_ request: String, _ more: JSONValue.Member...) -> String {
            client.ask(request, .object([.init("schema", .string(a)), .init("schemaType", "AVRO")] + more))
        }
        let metadata = JSONValue.Member("metadata", ["properties": ["owner": "ann"], "sensitive": []])
        let rules = JSONValue.Member("ruleSet", ["domainRules": [["name": "r", "kind": "CONDITION", "expr": "true"]]])
        #expect(ask("POST /subjects/s/versions").contains(#""version":1,"id":1"#))
        #expect(ask("POST /subjects/s/versions", metadata, rules).contains(#""version":2,"id":2"#))
        #expect(ask("POST /subjects/s/versions", metadata, rules).contains(#""version":2,"id":2"#))
        let kept = #""metadata":{"properties":{"owner":"ann"},"sensitive":[]},"ruleSet":{"domainRules":[{"name":"r","kind":"CONDITION","expr":"true"}]}"#
        for request in ["GET /subjects/s/versions/latest", "GET /schemas/ids/2"] { #expect(client.ask(request).contains(kept)) }
        #expect(!client.ask("GET /schemas/ids/1").contains("metadata"))
        // Who says nothing about them means those that there are.
        #expect(ask("POST /subjects/s/versions").contains(#""version":2,"id":2"#))
        #expect(ask("POST /subjects/s").contains(#""version":2,"id":2"#))
        #expect(ask("POST /subjects/s/versions", .init("metadata", .null), .init("ruleSet", .null)).contains(#""version":2"#))
        #expect(client.ask("PUT /config/s", ["compatibility": "full", "alias": "t"]).contains("'alias' is not known here"))
        #expect(client.ask("PUT /config/s", ["compatibility": "full", "normalize": .boolean(false), "alias": .null]).hasPrefix("200"))
    }

    /// Clients send files as their compiler makes them, and ask for them so.
    @Test func descriptorsOfProtocolBuffers() throws {
        let client = Client()
        let text = """
            syntax = "proto3"; package p; import "google/protobuf/timestamp.proto"; message M { int32 a = 1; optional string b = 2; repeated N n = 3; \
            map<string, int64> m = 4; oneof o { bool x = 5; E e = 6; } google.protobuf.Timestamp t = 7; message N { double d = 1; } \
            enum E { Z = 0; Y = 1; } }
            """
        #expect(client.register("p", text, "PROTOBUF").contains(#""id":1"#))
        let answer = client.ask("GET /schemas/ids/1?format=serialized")
        let node = try JSONValue(parsing: String(answer.dropFirst(4)))
        let encoded = try #require(node["schema"]?.stringValue)
        #expect(client.register("q", encoded, "PROTOBUF").contains(#""id":2"#))
        let back = SchemaDocument(.protobuf, try #require(try ProtobufDescriptor.text(ofBase64: encoded)))
        let (first, second) = (try ProtobufSchema(SchemaDocument(.protobuf, text)), try ProtobufSchema(back))
        for name in ["p.M", "p.M.N"] {
            let (one, other) = (try #require(first.messages[name]), try #require(second.messages[name]))
            #expect(one.fields.sorted { $0.number < $1.number } == other.fields.sorted { $0.number < $1.number } && one.path == other.path)
        }
        #expect(first.enumerations == second.enumerations)
    }
}
