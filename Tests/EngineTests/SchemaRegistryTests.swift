// The formats of the registry through statements: schemas are registered, columns come from them, rows go in and out, and a restart knows them.

import Bytes
import Engine
import LogStore
import Platform
import Schemas
import Testing

@Suite struct SchemaRegistryTests {
    @Test(arguments: ["AVRO", "PROTOBUF", "JSON_SR"])
    func rowsGoInAndOut(_ format: String) throws {
        let millrace = try Millrace()
        let made = millrace.run(
            """
            CREATE STREAM S (K INT KEY, A STRING, B DECIMAL(6, 2), C ARRAY<BIGINT>, D STRUCT<X DOUBLE, Y DATE>, E MAP<STRING, TIMESTAMP>)
              WITH (FORMAT='\(format)');
            INSERT INTO S VALUES (1, 'é', 12.34, ARRAY[1, 2], STRUCT(X := 0.5, Y := '2024-01-31'), MAP('m' := '2024-01-31T09:15:00'));
            CREATE STREAM T AS SELECT K, A, B, C, D->X AS X, E['m'] AS M FROM S;
            CREATE STREAM U WITH (KAFKA_TOPIC='T', FORMAT='\(format)');
            """)
        #expect(!made.contains { $0.hasPrefix("- ") }, "\(made)")
        let expected = #"[1,"é",12.34,[1,2],0.5,"2024-01-31T09:15:00.000"]"#
        for source in ["T", "U"] {
            let lines = millrace.run("SELECT * FROM \(source);")
            #expect(lines.contains { $0.contains(expected) }, "\(source): \(lines)")
        }
        let printed = millrace.run("PRINT 'T' FROM BEGINNING LIMIT 1;").joined(separator: "\n")
        #expect(printed.contains("Value format: \(format)") && printed.contains(#"value: {\"A\":\"é\",\"B\":12.34"#), "\(printed)")
        let schemas = millrace.run("SHOW SCHEMAS;").joined(separator: "\n")
        for subject in ["S-key", "S-value", "T-key", "T-value"] { #expect(schemas.contains("\"\(subject)\""), "\(schemas)") }
        #expect(millrace.run("DESCRIBE SCHEMA 'T-value';").joined().contains("X DOUBLE"))
        #expect(millrace.run("ASSERT SCHEMA SUBJECT 'T-value' TIMEOUT 1 SECOND;").joined().contains("Schema exists"))
        #expect(millrace.run("ASSERT NOT EXISTS SCHEMA SUBJECT 'T-value' TIMEOUT 0 SECONDS;").joined().contains("exists"))
    }

    /// PRINT names the schema of records, once for each that comes, and says which rules of it nobody carries out.
    @Test func schemasAreNamedAndTheirRulesAreNotPassedOverInSilence() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM S (K INT KEY, A STRING) WITH (KAFKA_TOPIC='S', VALUE_FORMAT='AVRO'); INSERT INTO S VALUES (1, 'a'); INSERT INTO S VALUES (2, 'b');")
        let printed = millrace.run("PRINT 'S' FROM BEGINNING LIMIT 2;").filter { $0.contains("Value schema") }
        #expect(printed.count == 1 && printed[0].contains("Value schema: 1 (io.confluent.ksql.avro_schemas.KsqlDataSourceSchema)"), "\(printed)")
        #expect(!millrace.run("DESCRIBE SCHEMA 'S-value';").joined().contains("Rules"))
        let rules = #"{"ruleSet":{"domainRules":[{"name":"positive","kind":"CONDITION"}],"migrationRules":[{"name":"renamed"}]}}"#
        let text = #"{"type":"record","name":"R","fields":[{"name":"A","type":"string"}]}"#
        _ = try millrace.engine.registry.register(SchemaDocument(.avro, text, additions: rules), as: "ruled-value")
        #expect(millrace.run("DESCRIBE SCHEMA 'ruled-value';").joined().contains("renamed, positive; Millrace does not carry them out"))
        let made = millrace.run("CREATE STREAM R WITH (KAFKA_TOPIC='ruled', VALUE_FORMAT='AVRO', PARTITIONS=1);")
        #expect(made.contains { $0.contains("has rules that Millrace does not carry out") && $0.contains("positive") }, "\(made)")
        millrace.close()
    }

    /// The topic of schemas may be written by others: numbers that no registry gives are none.
    @Test(arguments: [-1, 0, 1 << 31]) func aNumberThatIsNoneIsNotBelieved(_ number: Int) throws {
        let millrace = try Millrace()
        var records = OutgoingRecords()
        let value = #"{"subject":"s-value","version":1,"id":\#(number),"schema":"\"string\"","deleted":false}"#
        records.append(key: Array(#"{"keytype":"SCHEMA","subject":"s-value","version":1,"magic":1}"#.utf8), value: Array(value.utf8), timestamp: 1)
        let topic = try millrace.log.createTopic("_schemas", partitions: 1, config: .compacted).id
        _ = try millrace.log.commitAndWait(Commit([Append(topic: topic, partition: .first, records: records)]))
        #expect(millrace.run("SHOW SCHEMAS;").allSatisfy { !$0.contains("s-value") })
        millrace.close()
    }

    @Test func whatIsRefused() throws {
        let millrace = try Millrace()
        for (statement, message) in [
            ("CREATE STREAM A WITH (KAFKA_TOPIC='a', VALUE_FORMAT='AVRO');", "Schema for message values on topic 'a' does not exist"),
            ("CREATE STREAM A (X INT) WITH (VALUE_FORMAT='JSON', VALUE_SCHEMA_ID=1);", "VALUE_FORMAT should support schema inference"),
            ("CREATE STREAM A (X INT) WITH (VALUE_FORMAT='JSON', VALUE_SCHEMA_FULL_NAME='a.B');", "does not support the following configs"),
            ("CREATE STREAM A (X INT) WITH (VALUE_FORMAT='AVRO', VALUE_PROTOBUF_NULLABLE_REPRESENTATION='OPTIONAL');", "nullableRepresentation"),
            ("CREATE STREAM A (`1x` INT) WITH (VALUE_FORMAT='AVRO');", "Illegal initial character: 1x"),
            ("DESCRIBE SCHEMA 'none';", "has no subject"), ("ASSERT SCHEMA ID 7 TIMEOUT 0 SECONDS;", "Schema with id: 7 does not exist"),
        ] {
            let answer = millrace.run(statement).joined(separator: "\n")
            #expect(answer.contains(message), "\(statement): \(answer)")
        }
    }

    /// A new version that cannot read what is there is refused at CREATE, and says what is in the way.
    @Test func incompatibleSchemasAreRefusedAtCreate() throws {
        let millrace = try Millrace()
        let made = millrace.run(
            """
            CREATE STREAM S (K INT KEY, A INT, B STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON');
            CREATE STREAM T WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO') AS SELECT K, A FROM S;
            CREATE STREAM U WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO') AS SELECT K, A, B FROM S;
            """)
        // A field with a default may be added.
        #expect(!made.contains { $0.hasPrefix("- ") }, "\(made)")
        let refused = millrace.run("CREATE STREAM V WITH (KAFKA_TOPIC='t', VALUE_FORMAT='AVRO') AS SELECT K, B AS A FROM S;").joined(separator: "\n")
        #expect(refused.contains("incompatible with an earlier schema") && refused.contains("has no branch for int of the old schema"), "\(refused)")
        #expect(!millrace.run("SHOW STREAMS;").joined().contains("\"V\""))
    }

    @Test func columnsThatContradictTheSchemaAreTold() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM S (A INT, B STRING) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO', PARTITIONS=1);")
        let told = millrace.run("CREATE STREAM T (A STRING, B STRING, C INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO');").joined(separator: "\n")
        #expect(told.contains("has A as INTEGER, and the statement as VARCHAR") || told.contains("has A as INTEGER, and the statement as STRING"), "\(told)")
        #expect(told.contains("has no field C") && !told.contains("has B"), "\(told)")
    }

    @Test func subjectsGoWithTheirTopic() throws {
        let millrace = try Millrace()
        _ = millrace.run("CREATE STREAM S (K INT KEY, A INT) WITH (KAFKA_TOPIC='s', FORMAT='AVRO', PARTITIONS=1);")
        #expect(millrace.run("SHOW SCHEMAS;").joined().contains("s-key"))
        let dropped = millrace.run("DROP STREAM S DELETE TOPIC;").joined(separator: "\n")
        #expect(dropped.contains("was dropped") && !dropped.contains("registry"), "\(dropped)")
        let left = millrace.run("SHOW SCHEMAS;").joined()
        #expect(!left.contains("s-key") && !left.contains("s-value"), "\(left)")
        // Another schema may come then, as the next version.
        let again = millrace.run("CREATE STREAM S (K INT KEY, A STRING) WITH (KAFKA_TOPIC='s', FORMAT='AVRO', PARTITIONS=1);")
        #expect(!again.contains { $0.hasPrefix("- ") }, "\(again)")
        #expect(millrace.run("DESCRIBE SCHEMA 's-value';").joined().contains("Version              : 2"))
    }

    /// Levels, modes and deletions are in the topic, and a restart knows them.
    @Test func aRestartKnowsWhatWasChanged() throws {
        let files = MemoryFileSystem()
        func stored(_ body: (any KeptRegistry) throws -> Void) throws -> SchemaStore {
            let millrace = try Millrace(files: files, options: LogOptions())
            defer { millrace.close() }
            let registry = try #require(millrace.engine.registry as? any KeptRegistry)
            try body(registry)
            return try registry.contents()
        }
        func change(_ registry: any KeptRegistry, _ body: (SchemaStore) throws(RegistryError) -> [RegistryChange]) throws {
            try registry.change { store throws(RegistryError) in (try body(store), ()) }
        }
        let (int, long) = (SchemaDocument(.avro, #""int""#), SchemaDocument(.avro, #""long""#))
        let before = try stored { registry in
            for subject in ["kept", "soft", "gone", "one"] { _ = try registry.register(int, as: subject) }
            _ = try registry.register(long, as: "one")
            _ = try registry.register(SchemaDocument(.json, #"{"type":"object"}"#), as: "json")
            for subject in ["soft", "gone"] { try registry.delete(subject) }
            try change(registry) { store throws(RegistryError) in try store.purging("gone") }
            try change(registry) { store throws(RegistryError) in
                let first = SubjectVersion(subject: "one", version: 1, id: SchemaID(1), document: int)
                return try store.deleting(first, forGood: false)
            }
            try change(registry) { _ in
                [.level(.fullTransitive, of: "kept"), .level(.forward, of: nil), .mode(.readOnly, of: "kept"), .level(CompatibilityLevel.none, of: "one")]
            }
            try change(registry) { _ in [.level(nil, of: "one")] }
        }
        let after = try stored { _ in }
        #expect(after.subjects() == ["json", "kept", "one"] && after.subjects(deleted: .with) == ["json", "kept", "one", "soft"])
        #expect(after.versions(of: "one").map(\.version) == [2] && after.versions(of: "one", deleted: .only).map(\.version) == [1])
        #expect(after.ownLevel(of: "kept") == .fullTransitive && after.level(of: "one") == .forward && after.ownLevel(of: "one") == nil)
        #expect(after.mode(of: "kept") == .readOnly && after.mode(of: nil) == .readWrite)
        #expect(after == before)
    }
}
