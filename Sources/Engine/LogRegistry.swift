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
final class LogRegistry: KeptRegistry {
    /// The name that all registries give it.
    static let topicName = "_schemas"

    private struct State: Sendable {
        var store = SchemaStore()
        var isLoaded = false
    }

    private let log: any EventLog
    private let time: any TimeSource
    private let state = Mutex(State())
    /// Set while a change is written: the next one is made of what that has left.
    private let writing = Monitor(false)

    init(log: any EventLog, time: any TimeSource) {
        self.log = log
        self.time = time
    }

    // A query may run before any statement has asked.
    func knownSchema(_ id: SchemaID) -> SchemaDocument? { (try? loaded())?.schema(id) }

    func contents() throws(RegistryError) -> SchemaStore { try loaded() }

    func change<Result: Sendable>(
        _ body: (SchemaStore) throws(RegistryError) -> (changes: [RegistryChange], result: Result)
    ) throws(RegistryError) -> Result {
        writing.wait(until: { !$0 }) { $0 = true }
        defer { writing.update { $0 = false } }
        let (changes, result) = try body(try loaded())
        if changes.isEmpty { return result }
        try write(changes)
        state.withLock { state in
            for change in changes { state.store.apply(change) }
        }
        return result
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

    private func write(_ changes: [RegistryChange]) throws(RegistryError) {
        do throws(LogError) {
            let known = log.topicID(named: Self.topicName)
            let topic = if let known { known } else { try log.createTopic(Self.topicName, partitions: 1, config: .compacted).id }
            var records = OutgoingRecords()
            for change in changes {
                records.append(
                    key: SchemaRecords.key(change).bytes, value: SchemaRecords.value(change)?.bytes, timestamp: time.wallMilliseconds())
            }
            try log.commitAndWait(Commit([Append(topic: topic, partition: .first, records: records)]))
        } catch {
            throw RegistryError("the topic \(Self.topicName) cannot be written: \(error.message)")
        }
    }
}

/// The records of `_schemas`. Their keys are `{"keytype":"SCHEMA","subject":…,"version":…,"magic":1}` with a version as value, and of the
/// kinds `DELETE_SUBJECT`, `CONFIG` and `MODE` with a subject, which is null for what counts for all, and `"magic":0`. Keys of other kinds are
/// left as they are.
struct SchemaRecords {
    private struct Kept {
        var node: JSONValue
        var isDeleted: Bool
    }

    private var versions: [String: [Int: Kept]] = [:]
    private var settings: [RegistryChange] = []

    static func key(_ change: RegistryChange) -> JSONValue {
        func schema(_ subject: String, _ version: Int) -> JSONValue {
            ["keytype": "SCHEMA", "subject": .string(subject), "version": .integer(version), "magic": .integer(1)]
        }
        func other(_ kind: String, _ subject: String?) -> JSONValue {
            ["keytype": .string(kind), "subject": .optional(subject), "magic": .integer(0)]
        }
        switch change {
        case .version(let version, _): return schema(version.subject, version.version)
        case .removedVersion(let version, let subject): return schema(subject, version)
        case .deletedSubject(let subject, _): return other("DELETE_SUBJECT", subject)
        case .level(_, let subject): return other("CONFIG", subject)
        case .mode(_, let subject): return other("MODE", subject)
        }
    }

    /// Nil where the key has no value any more.
    static func value(_ change: RegistryChange) -> JSONValue? {
        switch change {
        case .version(let version, let isDeleted): return value(version, isDeleted: isDeleted)
        case .removedVersion: return nil
        case .deletedSubject(let subject, let last): return ["subject": .string(subject), "version": .integer(last)]
        case .level(let level?, let subject): return ["subject": .optional(subject), "compatibilityLevel": .string(level.rawValue)]
        case .mode(let mode?, let subject): return ["subject": .optional(subject), "mode": .string(mode.rawValue)]
        case .level(nil, _), .mode(nil, _): return nil
        }
    }

    private static func value(_ version: SubjectVersion, isDeleted: Bool) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("subject", .string(version.subject)), .init("version", .integer(version.version)), .init("id", .integer(version.id.number)),
        ]
        // A record without a type is Avro's.
        if version.document.kind != .avro { members.append(.init("schemaType", .string(version.document.kind.rawValue))) }
        if !version.document.references.isEmpty { members.append(.init("references", version.document.referencesNode)) }
        members += version.document.additionMembers
        return .object(members + [.init("schema", .string(version.document.text)), .init("deleted", .boolean(isDeleted))])
    }

    /// Takes a record in; without a value, what stands under the key is gone.
    mutating func take(key: [UInt8], value: [UInt8]?) {
        guard let key = try? JSONValue(parsing: key[...]) else { return }
        let subject = key["subject"]?.stringValue
        let node = value.flatMap { try? JSONValue(parsing: $0[...]) }
        switch (key["keytype"]?.stringValue, subject) {
        case ("SCHEMA"?, let subject?):
            guard let version = key["version"]?.intValue, (1..<Int(Int32.max)).contains(version) else { return }
            versions[subject, default: [:]][version] = node.map { Kept(node: $0, isDeleted: $0["deleted"]?.booleanValue == true) }
        case ("DELETE_SUBJECT"?, let subject?):
            guard let last = node?["version"]?.intValue else { return }
            for version in (versions[subject] ?? [:]).keys where version <= last { versions[subject]?[version]?.isDeleted = true }
        case ("CONFIG"?, let subject):
            settings.append(.level(node?["compatibilityLevel"]?.stringValue.flatMap { CompatibilityLevel(rawValue: $0) }, of: subject))
        case ("MODE"?, let subject): settings.append(.mode(node?["mode"]?.stringValue.flatMap { RegistryMode(rawValue: $0) }, of: subject))
        default: break
        }
    }

    /// What the records come to. Versions that refer to others which are not there are left out.
    var store: SchemaStore {
        var store = SchemaStore()
        for (subject, list) in versions.sorted(by: { $0.key < $1.key }) {
            for (number, kept) in list.sorted(by: { $0.key < $1.key }) {
                // A registry's numbers begin with 1; others write this topic, too.
                guard let id = kept.node["id"]?.intValue.flatMap({ Int32(exactly: $0) }), id > 0, let document = document(kept.node, depth: 0) else {
                    continue
                }
                let version = SubjectVersion(subject: subject, version: number, id: SchemaID(id), document: document)
                store.apply(.version(version, isDeleted: kept.isDeleted))
            }
        }
        for setting in settings { store.apply(setting) }
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
                let document = document(other.node, depth: depth + 1)
            else { return nil }
            references.append(SchemaReference(name: name, subject: subject, version: version, document: document))
        }
        return SchemaDocument(kind, text, references: references, additions: SchemaDocument.additions(in: node))
    }
}
