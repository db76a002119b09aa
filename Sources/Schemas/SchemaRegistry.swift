// The registry as the rest of the house sees it: schemas by number, and by subject and version. `SchemaStore` is the state machine behind
// every registry of ours: a registry on disk writes down what `registering` gives, and adds it again when it starts.

import Synchronization

/// A version of a subject.
package struct SubjectVersion: Hashable, Sendable {
    /// Usually `<topic>-key` or `<topic>-value`.
    package var subject: String
    /// From 1.
    package var version: Int
    /// The number of the schema.
    package var id: SchemaID
    /// The schema.
    package var document: SchemaDocument

    package init(subject: String, version: Int, id: SchemaID, document: SchemaDocument) {
        self.subject = subject
        self.version = version
        self.id = id
        self.document = document
    }
}

/// Why the registry does not answer, or refuses.
package struct RegistryError: Error, Hashable, Sendable {
    /// A clause, lower case, without a full stop.
    package var message: String

    package init(_ message: String) { self.message = message }
}

/// Gives the schemas that records name. Called by the threads that run queries: an implementation answers from
/// memory; the engine's own reads its topic when it is first asked.
package protocol SchemaLookup: AnyObject, Sendable {
    /// The schema with that number, as far as it is known now.
    func knownSchema(_ id: SchemaID) -> SchemaDocument?
}

/// A registry of schemas. Statements call it, on threads that may wait.
package protocol SchemaRegistry: SchemaLookup {
    /// The schema with that number; nil when there is none. Errors: the registry does not answer.
    func schema(_ id: SchemaID) throws(RegistryError) -> SchemaDocument?
    /// The latest version of a subject; nil when there is none.
    func latest(of subject: String) throws(RegistryError) -> SubjectVersion?
    /// Version `version` of a subject; nil when there is none.
    func version(_ version: Int, of subject: String) throws(RegistryError) -> SubjectVersion?
    /// All subjects with their versions, in the order of their names.
    func subjects() throws(RegistryError) -> [(subject: String, versions: [Int])]
    /// Makes a schema the latest version of a subject, unless that has it already, in whatever version: then that one is given. Errors: it is
    /// refused.
    func register(_ document: SchemaDocument, as subject: String) throws(RegistryError) -> SubjectVersion
}

/// The subjects of a topic.
package enum SchemaSubject {
    /// `<topic>-key`.
    package static func key(of topic: String) -> String { topic + "-key" }
    /// `<topic>-value`.
    package static func value(of topic: String) -> String { topic + "-value" }
}

/// What a registry holds, as a value: which change leads where, without any disk.
package struct SchemaStore: Hashable, Sendable {
    private var documents: [SchemaID: SchemaDocument] = [:]
    private var ids: [SchemaDocument: SchemaID] = [:]
    private var versions: [String: [SubjectVersion]] = [:]
    private var nextID: Int32 = 1

    package init() {}

    /// The schema with that number.
    package func schema(_ id: SchemaID) -> SchemaDocument? { documents[id] }
    /// The versions of a subject, in order.
    package func versions(of subject: String) -> [SubjectVersion] { versions[subject] ?? [] }
    /// All subjects, sorted.
    package var subjects: [String] { versions.keys.sorted() }

    /// The version that registering this schema leads to. Equal schemas have one number in all subjects. Where the subject has the
    /// schema already, that version is given, and there is nothing to add. Errors: the numbers are used up.
    package func registering(_ document: SchemaDocument, as subject: String, id: SchemaID? = nil) throws(RegistryError) -> (
        version: SubjectVersion, isNew: Bool
    ) {
        let own = versions(of: subject)
        if id == nil, let known = own.last(where: { $0.document == document }) { return (known, false) }
        guard nextID < Int32.max else { throw RegistryError("the numbers of schemas are used up") }
        let number = id ?? ids[document] ?? SchemaID(nextID)
        let version = SubjectVersion(subject: subject, version: (own.last?.version ?? 0) + 1, id: number, document: document)
        return (version, true)
    }

    /// Takes a version in. One that is there is replaced.
    package mutating func add(_ version: SubjectVersion) {
        documents[version.id] = version.document
        if ids[version.document] == nil { ids[version.document] = version.id }
        var own = versions(of: version.subject).filter { $0.version != version.version }
        own.append(version)
        versions[version.subject] = own.sorted { $0.version < $1.version }
        if version.id.number >= nextID, version.id.number < Int32.max { nextID = version.id.number + 1 }
    }

    /// Takes a version out; its number stays known, because records name it.
    package mutating func remove(_ version: Int, of subject: String) {
        let left = versions(of: subject).filter { $0.version != version }
        versions[subject] = left.isEmpty ? nil : left
    }
}

/// A registry that lives as long as its process: for tests and conformance cases.
package final class MemoryRegistry: SchemaRegistry {
    private let store = Mutex(SchemaStore())

    package init() {}

    package func knownSchema(_ id: SchemaID) -> SchemaDocument? { store.withLock { $0.schema(id) } }
    package func schema(_ id: SchemaID) throws(RegistryError) -> SchemaDocument? { knownSchema(id) }
    package func latest(of subject: String) throws(RegistryError) -> SubjectVersion? { store.withLock { $0.versions(of: subject).last } }
    package func version(_ version: Int, of subject: String) throws(RegistryError) -> SubjectVersion? {
        store.withLock { $0.versions(of: subject).first { $0.version == version } }
    }

    package func subjects() throws(RegistryError) -> [(subject: String, versions: [Int])] {
        store.withLock { store in store.subjects.map { ($0, store.versions(of: $0).map(\.version)) } }
    }

    package func register(_ document: SchemaDocument, as subject: String) throws(RegistryError) -> SubjectVersion {
        try register(document, as: subject, id: nil)
    }

    /// Registers a schema, under this number if there is one. Errors: the numbers are used up.
    @discardableResult
    package func register(_ document: SchemaDocument, as subject: String, id: SchemaID?) throws(RegistryError) -> SubjectVersion {
        try store.withLock { store throws(RegistryError) in
            let (version, isNew) = try store.registering(document, as: subject, id: id)
            if isNew { store.add(version) }
            return version
        }
    }
}
