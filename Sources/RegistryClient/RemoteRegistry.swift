// A schema registry outside, over the REST API of Confluent's. What a number or a version of a subject means never changes, so that it is
// asked for once; that there is no such schema is believed for a moment only. All of it waits for answers: workers call nothing here but
// `knownSchema`, which looks into memory.

package import HTTPClient
import JSONText
package import Platform
import Quantities
package import Schemas
import Synchronization

/// An outside registry.
package final class RemoteRegistry: SchemaRegistry {
    private struct SubjectKey: Hashable {
        var subject: String
        var version: Int
    }

    private struct Cache {
        var documents: [SchemaID: SchemaDocument] = [:]
        var versions: [SubjectKey: SubjectVersion] = [:]
        /// Until when (monotonic nanoseconds) it is believed that there is no schema with that number.
        var missing: [SchemaID: Int64] = [:]
    }

    private let calls: RegistryCalls
    private let clock: any TimeSource
    private let cache = Mutex(Cache())
    /// How long a miss is believed, in nanoseconds.
    private let missTime: Int64
    /// More misses than that are forgotten at once: numbers come from records, and may be any.
    private static let mostMissing = 10_000

    /// A registry that is asked through `http`; `scheduler` gives the pauses between attempts, `random` spreads them.
    package init(_ options: RegistryClientOptions, http: any HTTPAsking, scheduler: any Scheduler, random: any RandomSource) {
        calls = RegistryCalls(options, http, scheduler, random)
        clock = scheduler.time
        missTime = options.missTime.nanoseconds
    }

    package func knownSchema(_ id: SchemaID) -> SchemaDocument? { cache.withLock { $0.documents[id] } }

    package func schema(_ id: SchemaID) throws(RegistryError) -> SchemaDocument? {
        let now = clock.monotonicNanoseconds()
        let (known, isMissing) = cache.withLock { ($0.documents[id], $0.missing[id].map { now < $0 } ?? false) }
        if known != nil || isMissing { return known }
        guard let node = try calls.get("schemas", "ids", id.description) else {
            let until = clock.monotonicNanoseconds().addingSaturated(missTime)
            cache.withLock { cache in
                if cache.missing.count >= RemoteRegistry.mostMissing { cache.missing = [:] }
                cache.missing[id] = until
            }
            return nil
        }
        var references = ReferenceCount()
        let document = try document(node, depth: 0, &references)
        cache.withLock { cache in
            cache.documents[id] = document
            cache.missing[id] = nil
        }
        return document
    }

    package func latest(of subject: String) throws(RegistryError) -> SubjectVersion? {
        guard let node = try calls.get("subjects", subject, "versions", "latest") else { return nil }
        var references = ReferenceCount()
        return try keep(node, depth: 0, &references)
    }

    package func version(_ version: Int, of subject: String) throws(RegistryError) -> SubjectVersion? {
        var references = ReferenceCount()
        return try self.version(version, of: subject, depth: 0, &references)
    }

    package func subjects() throws(RegistryError) -> [(subject: String, versions: [Int])] {
        var found: [(subject: String, versions: [Int])] = []
        for subject in try subjectNames() {
            // It may have been deleted meanwhile.
            guard let versions = try calls.get("subjects", subject, "versions")?.arrayValue else { continue }
            found.append((subject, versions.compactMap(\.intValue)))
        }
        return found
    }

    package func subjectNames() throws(RegistryError) -> [String] {
        (try calls.get("subjects")?.arrayValue ?? []).compactMap(\.stringValue).sorted()
    }

    package func summaries() throws(RegistryError) -> [SubjectSummary] {
        // Thousands of subjects would be thousands of requests. Servers that do not know this one are asked for each.
        let answer: JSONValue?
        do throws(RegistryError) { answer = try calls.get("schemas", query: "latestOnly=true") } catch {
            if error.isNoAnswer { throw error }
            answer = nil
        }
        guard let list = answer?.arrayValue else { return try summariesOneByOne() }
        return list.compactMap { node in
            guard let subject = node["subject"]?.stringValue, let number = node["version"]?.intValue, let id = node.schemaID,
                let kind = SchemaKind(rawValue: node["schemaType"]?.stringValue ?? SchemaKind.avro.rawValue)
            else { return nil }
            return SubjectSummary(subject: subject, version: number, id: id, kind: kind)
        }.sorted { $0.subject < $1.subject }
    }

    package func register(_ document: SchemaDocument, as subject: String) throws(RegistryError) -> SubjectVersion {
        let body = JSONValue.object(document.requestMembers)
        guard let answer = try calls.post(body, "subjects", subject, "versions"), let id = answer.schemaID else {
            throw RegistryError("it gives no number for what was registered as \(subject)")
        }
        // Which version it is, it says when it is asked for the schema.
        guard let found = try calls.post(body, "subjects", subject), let number = found["version"]?.intValue else {
            throw RegistryError("it does not find what was just registered as \(subject)")
        }
        let version = SubjectVersion(subject: subject, version: number, id: id, document: document)
        cache.withLock { cache in
            cache.documents[id] = document
            cache.missing[id] = nil
            cache.versions[SubjectKey(subject: subject, version: number)] = version
        }
        return version
    }

    package func delete(_ subject: String) throws(RegistryError) { _ = try calls.delete("subjects", subject) }

    // MARK: Answers

    private func version(
        _ number: Int, of subject: String, depth: Int, _ references: inout ReferenceCount
    ) throws(RegistryError) -> SubjectVersion? {
        let key = SubjectKey(subject: subject, version: number)
        if let known = cache.withLock({ $0.versions[key] }) { return known }
        guard let node = try calls.get("subjects", subject, "versions", String(number)) else { return nil }
        return try keep(node, depth: depth, &references)
    }

    /// The version that an answer describes, which is remembered.
    private func keep(_ node: JSONValue, depth: Int, _ references: inout ReferenceCount) throws(RegistryError) -> SubjectVersion {
        guard let subject = node["subject"]?.stringValue, let number = node["version"]?.intValue, let id = node.schemaID else {
            throw RegistryError("its answer is no version of a subject")
        }
        let document = try document(node, depth: depth, &references)
        let version = SubjectVersion(subject: subject, version: number, id: id, document: document)
        cache.withLock { cache in
            cache.documents[id] = document
            cache.versions[SubjectKey(subject: subject, version: number)] = version
        }
        return version
    }

    /// The schema of an answer with all that it refers to.
    private func document(_ node: JSONValue, depth: Int, _ count: inout ReferenceCount) throws(RegistryError) -> SchemaDocument {
        guard let text = node["schema"]?.stringValue else { throw RegistryError("its answer has no schema") }
        let name = node["schemaType"]?.stringValue ?? SchemaKind.avro.rawValue
        guard let kind = SchemaKind(rawValue: name) else { throw RegistryError("it has a schema of the unknown type \(name)") }
        guard depth < SchemaLimits.depth, text.utf8.count <= SchemaLimits.textBytes else { throw RegistryError("its schema is too large") }
        var references: [SchemaReference] = []
        for reference in node["references"]?.arrayValue ?? [] {
            count.value += 1
            guard count.value <= SchemaLimits.references, let name = reference["name"]?.stringValue,
                let subject = reference["subject"]?.stringValue, let number = reference["version"]?.intValue
            else { throw RegistryError("its schema has too many references, or one that is none") }
            guard let found = try version(number, of: subject, depth: depth + 1, &count) else {
                throw RegistryError("it does not have version \(number) of \(subject), which one of its schemas refers to")
            }
            references.append(SchemaReference(name: name, subject: subject, version: number, document: found.document))
        }
        return SchemaDocument(kind, text, references: references)
    }
}

/// How many references one answer has led to so far.
private struct ReferenceCount {
    var value = 0
}

extension JSONValue {
    /// Nil for what is no number of a schema: those begin with 1.
    fileprivate var schemaID: SchemaID? { self["id"]?.intValue.flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? SchemaID($0) : nil } }
}

extension SchemaDocument {
    /// As the members of a request.
    fileprivate var requestMembers: [JSONValue.Member] {
        var members = [JSONValue.Member("schema", .string(text))]
        // What has no type is Avro, also to servers that know nothing else.
        if kind != .avro { members.append(.init("schemaType", .string(kind.rawValue))) }
        if !references.isEmpty { members.append(.init("references", referencesNode)) }
        return members
    }
}
