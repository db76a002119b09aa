// Records whose schemas are not there yet: their query waits and says so, others go on; when the time is over they are error rows.

import Bytes
import Engine
import LogStore
import Pipelines
import Platform
import Quantities
import Schemas
import Testing

/// A registry that another process fills: what it has is known here only once it has been asked.
private final class DistantRegistry: SchemaRegistry {
    struct State {
        var isAway = false
        var known: [SchemaID: SchemaDocument] = [:]
        var questions = 0
    }

    let distant = MemoryRegistry()
    let state = Monitor(State())

    private func asking<Result>(_ body: () throws(RegistryError) -> Result) throws(RegistryError) -> Result {
        if state.update({ state in
            state.questions += 1
            return state.isAway
        }) { throw RegistryError("connection refused") }
        return try body()
    }

    func knownSchema(_ id: SchemaID) -> SchemaDocument? { state.withLock { $0.known[id] } }
    func schema(_ id: SchemaID) throws(RegistryError) -> SchemaDocument? {
        let found = try asking { () throws(RegistryError) in try distant.schema(id) }
        if let found { state.update { $0.known[id] = found } }
        return found
    }
    func latest(of subject: String) throws(RegistryError) -> SubjectVersion? {
        try asking { () throws(RegistryError) in try distant.latest(of: subject) }
    }
    func version(_ version: Int, of subject: String) throws(RegistryError) -> SubjectVersion? {
        try asking { () throws(RegistryError) in try distant.version(version, of: subject) }
    }
    func subjectNames() throws(RegistryError) -> [String] { try asking { () throws(RegistryError) in try distant.subjectNames() } }
    func subjects() throws(RegistryError) -> [(subject: String, versions: [Int])] {
        try asking { () throws(RegistryError) in try distant.subjects() }
    }
    func register(_ document: SchemaDocument, as subject: String) throws(RegistryError) -> SubjectVersion {
        try asking { () throws(RegistryError) in try distant.register(document, as: subject) }
    }
    func delete(_ subject: String) throws(RegistryError) { try asking { () throws(RegistryError) in try distant.delete(subject) } }
}

private let evolved = SchemaDocument(
    .avro, #"{"type":"record","name":"P","fields":[{"name":"A","type":"int"},{"name":"MORE","type":"string","default":""}]}"#)

@Suite struct SchemaWaitTests {
    /// Records of two streams: those of `s` name a schema that nobody knows yet, `t` is JSON.
    private func prepare(_ registry: DistantRegistry, wait: String) throws -> Millrace {
        let millrace = try Millrace(properties: ["millrace.schema.wait.ms": wait], registry: registry)
        let made = millrace.run(
            """
            CREATE STREAM S (A INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO', PARTITIONS=1);
            CREATE STREAM T (A INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=1);
            CREATE STREAM SO WITH (VALUE_FORMAT='JSON') AS SELECT A FROM S;
            CREATE STREAM T_O WITH (VALUE_FORMAT='JSON') AS SELECT A FROM T;
            """)
        #expect(!made.contains { $0.hasPrefix("- ") }, "\(made)")
        return millrace
    }

    /// Appends `[0][id]` and the number as an Avro int with an empty string behind it.
    private func append(_ millrace: Millrace, id: UInt8, _ number: UInt8) throws {
        var records = OutgoingRecords()
        records.append(key: nil, value: [0, 0, 0, 0, id, number * 2, 0], timestamp: 1)
        let topic = try #require(millrace.log.topicID(named: "s"))
        try millrace.log.commitAndWait(Commit([Append(topic: topic, partition: .first, records: records)]))
    }

    /// Waits until `holds` is true of what the query that writes to `sink` says of itself.
    private func wait(_ millrace: Millrace, for sink: String, until holds: (borrowing QueryStatus.Content) -> Bool) throws {
        let status = try #require(millrace.engine.queryStatuses.first { $0.queryID.contains("_\(sink)_") })
        let isTrue = status.content.wait(nanoseconds: 30_000_000_000, until: holds) { holds($0) }
        try #require(isTrue, "\(status.content.withLock { $0 })")
    }

    private func waits(_ content: borrowing QueryStatus.Content, _ reason: String) -> Bool {
        content.awaitedSchemas.values.contains { $0.contains(reason) }
    }

    @Test func aQueryWaitsAndOthersGoOn() throws {
        let registry = DistantRegistry()
        let millrace = try prepare(registry, wait: "600000")
        defer { millrace.close() }
        registry.state.update { $0.isAway = true }
        try append(millrace, id: 2, 7)
        try wait(millrace, for: "SO") { waits($0, "the registry does not answer: connection refused") }
        #expect(millrace.run("SHOW QUERIES;").joined().contains("waits for a schema"))
        let shown = millrace.run("DESCRIBE SO EXTENDED;").joined(separator: "\n")
        #expect(shown.contains("number 2") && shown.contains("(topic s, partition 0, offset 0)"), "\(shown)")
        #expect(millrace.run("INSERT INTO T VALUES (5); SELECT A FROM T_O;").joined().contains("[5]"))

        registry.state.update { $0.isAway = false }
        _ = try registry.distant.register(evolved, as: "others")
        try wait(millrace, for: "SO") { $0.counters.recordsWritten == 1 }
        #expect(millrace.run("SELECT A FROM SO;").joined().contains("[7]"))
        #expect(!millrace.run("SHOW QUERIES;").joined().contains("waits for a schema"))
        #expect(!millrace.run("SELECT REASON FROM MILLRACE_ERRORS;").joined().contains("number 2"))
    }

    @Test func afterItsTimeTheRecordIsAnErrorRow() throws {
        let registry = DistantRegistry()
        let millrace = try prepare(registry, wait: "1")
        defer { millrace.close() }
        try append(millrace, id: 9, 7)
        try wait(millrace, for: "SO") { $0.counters.skipped == 1 }
        #expect(millrace.run("SELECT REASON FROM MILLRACE_ERRORS;").joined().contains("number 9 is not known"))
        // The next record with the same number holds up nothing, and those that can be read are read.
        try append(millrace, id: 9, 8)
        _ = millrace.run("INSERT INTO S VALUES (6);")
        try wait(millrace, for: "SO") { $0.counters.recordsWritten == 1 && $0.counters.skipped == 2 }
        #expect(millrace.run("SELECT A FROM SO;").joined().contains("[6]"))
    }

    /// In the registry of the engine itself a schema is found as soon as it is registered.
    @Test func theOwnRegistryIsWaitedForToo() throws {
        let millrace = try Millrace(properties: ["millrace.schema.wait.ms": "600000"])
        defer { millrace.close() }
        _ = millrace.run(
            """
            CREATE STREAM S (A INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO', PARTITIONS=1);
            CREATE STREAM SO WITH (VALUE_FORMAT='JSON') AS SELECT A FROM S;
            """)
        try append(millrace, id: 2, 7)
        try wait(millrace, for: "SO") { waits($0, "number 2 is not known") }
        _ = try millrace.engine.registry.register(evolved, as: "others")
        try wait(millrace, for: "SO") { $0.counters.recordsWritten == 1 }
        #expect(millrace.run("SELECT A FROM SO;").joined().contains("[7]"))
    }
}
