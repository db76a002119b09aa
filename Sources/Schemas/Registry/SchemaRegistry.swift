// The registry as the rest of the house sees it: schemas by number, and by subject and version. `SchemaStore` is the state machine behind
// every registry of ours: a registry on disk writes down the changes that it leads to, and applies them again when it starts.

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

/// The kinds of errors of a registry, with the numbers that Confluent's REST API gives them.
package enum RegistryErrorCode: Int, Hashable, Sendable {
    case notFound = 404
    case notAllowed = 405
    case incompatible = 409
    case unprocessable = 422
    case subjectNotFound = 40401
    case versionNotFound = 40402
    case schemaNotFound = 40403
    case subjectDeletedSoftly = 40404
    case subjectNotDeleted = 40405
    case versionDeletedSoftly = 40406
    case versionNotDeleted = 40407
    case noLevelOfSubject = 40408
    case noModeOfSubject = 40409
    case invalidSchema = 42201
    case invalidVersion = 42202
    case invalidLevel = 42203
    case invalidMode = 42204
    case notPermitted = 42205
    case referenced = 42206
    case idConflict = 42207
    case backend = 50001

    /// The status of HTTP.
    package var status: Int { rawValue > 1_000 ? rawValue / 100 : rawValue }
}

/// Why the registry does not answer, or refuses.
package struct RegistryError: Error, Hashable, Sendable {
    /// A clause without a full stop.
    package var message: String
    /// What kind of error it is.
    package var code: RegistryErrorCode
    /// Nobody has answered, which may pass.
    package var isNoAnswer: Bool

    package init(_ message: String, _ code: RegistryErrorCode = .backend, isNoAnswer: Bool = false) {
        self.message = message
        self.code = code
        self.isNoAnswer = isNoAnswer
    }
}

/// What is known of a schema that a record names.
package enum SchemaStanding: Hashable, Sendable {
    /// `knownSchema` gives it.
    case known
    /// The registry is being asked for it. The text is what it has said so far: a clause without a full stop.
    case awaited(String)
    /// It has been waited for long enough: records that name it cannot be read.
    case missing
}

/// Gives the schemas that records name. Called by the threads that run queries: an implementation answers from
/// memory; the engine's own reads its topic when it is first asked.
package protocol SchemaLookup: AnyObject, Sendable {
    /// The schema with that number, as far as it is known now.
    func knownSchema(_ id: SchemaID) -> SchemaDocument?
    /// Whether a record that names the schema is to be read now. While the schema is awaited, `call` is called once, from any thread, when that
    /// may have changed.
    func standing(of id: SchemaID, orCall call: @escaping @Sendable () -> Void) -> SchemaStanding
    /// Why the schema is not known: a clause without a full stop.
    func absence(of id: SchemaID) -> String
}

extension SchemaLookup {
    package func standing(of id: SchemaID, orCall call: @escaping @Sendable () -> Void) -> SchemaStanding {
        knownSchema(id) == nil ? .missing : .known
    }

    package func absence(of id: SchemaID) -> String { "the schema with number \(id) is not known" }
}

/// A registry of schemas. Statements call it, on threads that may wait.
package protocol SchemaRegistry: SchemaLookup {
    /// The schema with that number; nil when there is none. Errors: the registry does not answer.
    func schema(_ id: SchemaID) throws(RegistryError) -> SchemaDocument?
    /// The latest version of a subject; nil when there is none.
    func latest(of subject: String) throws(RegistryError) -> SubjectVersion?
    /// Version `version` of a subject; nil when there is none.
    func version(_ version: Int, of subject: String) throws(RegistryError) -> SubjectVersion?
    /// The names of all subjects, in order.
    func subjectNames() throws(RegistryError) -> [String]
    /// All subjects with their versions, in the order of their names.
    func subjects() throws(RegistryError) -> [(subject: String, versions: [Int])]
    /// The latest version of each subject, in the order of their names, without its schema. Errors: the registry does not answer.
    func summaries() throws(RegistryError) -> [SubjectSummary]
    /// Makes a schema the latest version of a subject, unless that has it already, in whatever version: then that one is given. Errors: it is
    /// refused, for example because it is not compatible with the versions before.
    func register(_ document: SchemaDocument, as subject: String) throws(RegistryError) -> SubjectVersion
    /// Deletes a subject softly: its versions are not found any more, except by their numbers. One that is not there is none to delete.
    func delete(_ subject: String) throws(RegistryError)
}

/// What a listing says of a subject.
package struct SubjectSummary: Hashable, Sendable {
    /// Its name.
    package var subject: String
    /// The number of its latest version, from 1.
    package var version: Int
    /// The number of the schema.
    package var id: SchemaID
    /// The language of the schema.
    package var kind: SchemaKind

    /// What is known of a subject.
    package init(subject: String, version: Int, id: SchemaID, kind: SchemaKind) {
        (self.subject, self.version, self.id, self.kind) = (subject, version, id, kind)
    }
}

extension SchemaRegistry {
    package func summaries() throws(RegistryError) -> [SubjectSummary] { try summariesOneByOne() }

    /// The same, asked for one subject after the other.
    package func summariesOneByOne() throws(RegistryError) -> [SubjectSummary] {
        var found: [SubjectSummary] = []
        for subject in try subjectNames() {
            // It may have been deleted meanwhile.
            guard let latest = try latest(of: subject) else { continue }
            found.append(SubjectSummary(subject: subject, version: latest.version, id: latest.id, kind: latest.document.kind))
        }
        return found
    }
}

/// A registry that is ours to change: its contents are a value.
package protocol KeptRegistry: SchemaRegistry {
    /// What it holds now. Errors: it cannot be read.
    func contents() throws(RegistryError) -> SchemaStore
    /// Changes what it holds, durably. `body` says how, from what is there; nothing else is changed meanwhile. Errors: those of `body`, and it
    /// cannot be written.
    func change<Result: Sendable>(
        _ body: (SchemaStore) throws(RegistryError) -> (changes: [RegistryChange], result: Result)
    ) throws(RegistryError) -> Result
}

extension KeptRegistry {
    package func schema(_ id: SchemaID) throws(RegistryError) -> SchemaDocument? { try contents().schema(id) }
    package func latest(of subject: String) throws(RegistryError) -> SubjectVersion? { try contents().versions(of: subject).last }
    package func version(_ version: Int, of subject: String) throws(RegistryError) -> SubjectVersion? {
        try contents().versions(of: subject).first { $0.version == version }
    }

    package func subjectNames() throws(RegistryError) -> [String] { try contents().subjects() }

    package func subjects() throws(RegistryError) -> [(subject: String, versions: [Int])] {
        let store = try contents()
        return store.subjects().map { subject in (subject, store.versions(of: subject).map(\.version)) }
    }

    package func register(_ document: SchemaDocument, as subject: String) throws(RegistryError) -> SubjectVersion {
        try change { store throws(RegistryError) in
            let (version, isNew) = try store.registering(document, as: subject)
            return (isNew ? [.version(version, isDeleted: false)] : [], version)
        }
    }

    package func delete(_ subject: String) throws(RegistryError) {
        try change { store throws(RegistryError) in
            if store.versions(of: subject).isEmpty { return ([], ()) }
            return (try store.deleting(subject), ())
        }
    }
}

/// The subjects of a topic.
package enum SchemaSubject {
    /// `<topic>-key`.
    package static func key(of topic: String) -> String { topic + "-key" }
    /// `<topic>-value`.
    package static func value(of topic: String) -> String { topic + "-value" }
}

/// A registry that lives as long as its process: for tests and conformance cases.
package final class MemoryRegistry: KeptRegistry {
    private let store: Mutex<SchemaStore>

    /// `level` is what new versions must be unless a change says otherwise.
    package init(level: CompatibilityLevel = .backward) { store = Mutex(SchemaStore(level: level)) }

    package func knownSchema(_ id: SchemaID) -> SchemaDocument? { store.withLock { $0.schema(id) } }
    package func contents() throws(RegistryError) -> SchemaStore { store.withLock { $0 } }

    package func change<Result: Sendable>(
        _ body: (SchemaStore) throws(RegistryError) -> (changes: [RegistryChange], result: Result)
    ) throws(RegistryError) -> Result {
        try store.withLock { store throws(RegistryError) in
            let (changes, result) = try body(store)
            for change in changes { store.apply(change) }
            return result
        }
    }

    /// Registers a schema, under this number if there is one. Errors: it is refused.
    @discardableResult
    package func register(_ document: SchemaDocument, as subject: String, id: SchemaID?) throws(RegistryError) -> SubjectVersion {
        try change { store throws(RegistryError) in
            let (version, isNew) = try store.registering(document, as: subject, id: id)
            return (isNew ? [.version(version, isDeleted: false)] : [], version)
        }
    }
}
