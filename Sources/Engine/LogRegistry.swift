// The registry that an engine brings along: the topic `_schemas`, in the records of Confluent's registry (and of Karapace), read into memory
// when it is first asked for. One record is one version of a subject; the last one for its key counts, so that the topic is compacted.

import Bytes
import Diagnostics
import JSONText
import LogStore
import Pipelines
import Platform
import Quantities
import Schemas
import Synchronization

/// A registry in a topic of the log.
final class LogRegistry: SchemaRegistry {
    /// The name that all registries give it.
    static let topicName = "_schemas"

    private struct State: Sendable {
        var store = SchemaStore()
        var isLoaded = false
    }

    private let log: any EventLog
    private let time: any TimeSource
    private let state = Mutex(State())
    /// Set while a version is written: the next one is made of what that has left.
    private let writing = Monitor(false)

    init(log: any EventLog, time: any TimeSource) {
        self.log = log
        self.time = time
    }

    // A query may run before any statement has asked.
    func knownSchema(_ id: SchemaID) -> SchemaDocument? { (try? loaded())?.schema(id) }

    func schema(_ id: SchemaID) throws(RegistryError) -> SchemaDocument? { try loaded().schema(id) }
    func latest(of subject: String) throws(RegistryError) -> SubjectVersion? { try loaded().versions(of: subject).last }
    func version(_ version: Int, of subject: String) throws(RegistryError) -> SubjectVersion? {
        try loaded().versions(of: subject).first { $0.version == version }
    }

    func subjects() throws(RegistryError) -> [(subject: String, versions: [Int])] {
        let store = try loaded()
        return store.subjects.map { ($0, store.versions(of: $0).map(\.version)) }
    }

    func register(_ document: SchemaDocument, as subject: String) throws(RegistryError) -> SubjectVersion {
        writing.wait(until: { !$0 }) { $0 = true }
        defer { writing.update { $0 = false } }
        let (version, isNew) = try loaded().registering(document, as: subject)
        guard isNew else { return version }
        try write(version)
        state.withLock { $0.store.add(version) }
        return version
    }

    // MARK: The topic

    private func loaded() throws(RegistryError) -> SchemaStore {
        if !state.withLock({ $0.isLoaded }) { try load() }
        return state.withLock { $0.store }
    }

    private func load() throws(RegistryError) {
        var records = SchemaRecords()
        if let topic = log.describeTopic(named: Self.topicName) {
            do throws(LogError) {
                for partition in topic.partitionIndexes {
                    try readAll(of: log, PartitionKey(topic: topic.id, partition: partition)) { run in
                        for index in 0..<run.count {
                            guard let key = run.bytes(of: run.keys[index]) else { continue }
                            records.take(key: key, value: run.bytes(of: run.values[index]))
                        }
                    }
                }
            } catch {
                throw RegistryError("the topic \(Self.topicName) cannot be read: \(error.message)")
            }
        }
        let store = records.store
        state.withLock { state in
            if !state.isLoaded { state = State(store: store, isLoaded: true) }
        }
    }

    private func write(_ version: SubjectVersion) throws(RegistryError) {
        do throws(LogError) {
            let known = log.topicID(named: Self.topicName)
            let topic = if let known { known } else { try log.createTopic(Self.topicName, partitions: 1, config: .compacted).id }
            var records = OutgoingRecords()
            records.append(
                key: SchemaRecords.key(version).bytes, value: SchemaRecords.value(version).bytes, timestamp: time.wallMilliseconds())
            try log.commitAndWait(Commit([Append(topic: topic, partition: .first, records: records)]))
        } catch {
            throw RegistryError("the topic \(Self.topicName) cannot be written: \(error.message)")
        }
    }
}

/// The records of `_schemas`: `{"keytype":"SCHEMA","subject":…,"version":…,"magic":1}` with the schema as value. Keys of other kinds, such
/// as settings of compatibility, are left as they are.
struct SchemaRecords {
    private var versions: [String: [Int: JSONValue]] = [:]

    static func key(_ version: SubjectVersion) -> JSONValue {
        [
            "keytype": "SCHEMA", "subject": .string(version.subject), "version": .integer(version.version), "magic": .integer(1),
        ]
    }

    static func value(_ version: SubjectVersion) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("subject", .string(version.subject)), .init("version", .integer(version.version)), .init("id", .integer(version.id.number)),
        ]
        // A record without a type is Avro's.
        if version.document.kind != .avro { members.append(.init("schemaType", .string(version.document.kind.rawValue))) }
        if !version.document.references.isEmpty {
            let references = version.document.references.map { reference -> JSONValue in
                ["name": .string(reference.name), "subject": .string(reference.subject), "version": .integer(reference.version)]
            }
            members.append(.init("references", .array(references)))
        }
        return .object(members + [.init("schema", .string(version.document.text)), .init("deleted", .boolean(false))])
    }

    /// Takes a record in; without a value, what stands under the key is gone.
    mutating func take(key: [UInt8], value: [UInt8]?) {
        guard let key = try? JSONValue(parsing: key[...]), let subject = key["subject"]?.stringValue else { return }
        switch key["keytype"]?.stringValue {
        case "SCHEMA"?:
            guard let version = key["version"]?.intValue, (1..<Int(Int32.max)).contains(version) else { return }
            versions[subject, default: [:]][version] = value.flatMap { try? JSONValue(parsing: $0[...]) }
        case "DELETE_SUBJECT"?:
            guard let value, let node = try? JSONValue(parsing: value[...]), let last = node["version"]?.intValue else { return }
            versions[subject] = versions[subject]?.filter { $0.key > last }
        default: break
        }
    }

    /// What the records come to. Versions that refer to others which are not there are left out.
    var store: SchemaStore {
        var store = SchemaStore()
        for (subject, list) in versions.sorted(by: { $0.key < $1.key }) {
            for (number, node) in list.sorted(by: { $0.key < $1.key }) {
                guard let id = node["id"]?.intValue.flatMap({ Int32(exactly: $0) }), let document = document(node, depth: 0) else { continue }
                let version = SubjectVersion(subject: subject, version: number, id: SchemaID(id), document: document)
                store.add(version)
                if node["deleted"]?.booleanValue == true { store.remove(number, of: subject) }
            }
        }
        return store
    }

    private func document(_ node: JSONValue, depth: Int) -> SchemaDocument? {
        guard depth < SchemaLimits.depth, let text = node["schema"]?.stringValue,
            let kind = SchemaKind(rawValue: node["schemaType"]?.stringValue ?? SchemaKind.avro.rawValue)
        else { return nil }
        var references: [SchemaReference] = []
        for reference in node["references"]?.arrayValue ?? [] {
            guard let name = reference["name"]?.stringValue, let subject = reference["subject"]?.stringValue,
                let version = reference["version"]?.intValue, let other = versions[subject]?[version],
                let document = document(other, depth: depth + 1)
            else { return nil }
            references.append(SchemaReference(name: name, subject: subject, version: version, document: document))
        }
        return SchemaDocument(kind, text, references: references)
    }
}
