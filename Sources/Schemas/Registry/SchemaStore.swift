// What a registry holds, as a value: which request leads to which changes, without any disk. Versions that are deleted softly stay, unseen;
// those that are deleted for good are gone, except for the schema, which records may name.

/// Whether versions that are deleted softly are seen.
package enum DeletedVersions: Hashable, Sendable {
    case without
    case with
    case only
}

/// What may be done with a registry or a subject.
package enum RegistryMode: String, Hashable, Sendable, CaseIterable {
    case readWrite = "READWRITE"
    case readOnly = "READONLY"
    /// Nothing may be changed in any subject, whatever its own mode.
    case readOnlyOverride = "READONLY_OVERRIDE"
    /// Schemas come with their numbers, from another registry.
    case importing = "IMPORT"
}

/// A change of what a registry holds. One is one record of the topic.
package enum RegistryChange: Hashable, Sendable {
    /// A version is there, seen or not.
    case version(SubjectVersion, isDeleted: Bool)
    /// A version is gone for good.
    case removedVersion(Int, of: String)
    /// The versions of a subject up to this one are deleted softly.
    case deletedSubject(String, upTo: Int)
    /// The level of a subject, or of all for nil; nil takes it back.
    case level(CompatibilityLevel?, of: String?)
    /// The mode of a subject, or of all for nil; nil takes it back.
    case mode(RegistryMode?, of: String?)
}

/// What a registry holds.
package struct SchemaStore: Hashable, Sendable {
    private struct Kept: Hashable, Sendable {
        var version: SubjectVersion
        var isDeleted: Bool
    }

    private var documents: [SchemaID: SchemaDocument] = [:]
    private var ids: [SchemaDocument: SchemaID] = [:]
    private var kept: [String: [Kept]] = [:]
    private var levels: [String?: CompatibilityLevel] = [:]
    private var modes: [String?: RegistryMode] = [:]
    private var nextID: Int32 = 1
    /// The level where nobody has set one.
    private let usualLevel: CompatibilityLevel

    /// An empty one. `level` is what new versions must be unless a change says otherwise; the usual one is that of Confluent's registry.
    package init(level: CompatibilityLevel = .backward) { usualLevel = level }

    // MARK: Looking

    /// The schema with that number.
    package func schema(_ id: SchemaID) -> SchemaDocument? { documents[id] }

    /// The largest number of a schema; 0 for none.
    package var largestID: Int32 { nextID - 1 }

    /// The versions of a subject, in order.
    package func versions(of subject: String, deleted: DeletedVersions = .without) -> [SubjectVersion] {
        (kept[subject] ?? []).filter { deleted == .with || $0.isDeleted == (deleted == .only) }.map(\.version)
    }

    /// All subjects that have such versions, sorted. `.only` are those of which all versions are deleted.
    package func subjects(deleted: DeletedVersions = .without) -> [String] {
        kept.filter { _, list in
            switch deleted {
            case .without: list.contains { !$0.isDeleted }
            case .with: true
            case .only: list.allSatisfy(\.isDeleted)
            }
        }.keys.sorted()
    }

    /// All versions of all subjects, in order.
    package func allVersions(deleted: DeletedVersions = .without) -> [SubjectVersion] {
        kept.keys.sorted().flatMap { versions(of: $0, deleted: deleted) }
    }

    /// The version of a subject that has this schema.
    package func lookUp(_ document: SchemaDocument, in subject: String, deleted: DeletedVersions = .without) -> SubjectVersion? {
        let canonical = document.canonical
        return versions(of: subject, deleted: deleted).last { $0.document == canonical.takingAdditions(of: $0.document) }
    }

    /// Versions that refer to one of these.
    package func referring(to subject: String, _ versions: Set<Int>) -> [SubjectVersion] {
        allVersions(deleted: .without).filter { other in
            other.document.references.contains { $0.subject == subject && versions.contains($0.version) }
        }
    }

    /// The level that was set for a subject, or for all of them for nil.
    package func ownLevel(of subject: String?) -> CompatibilityLevel? { levels[subject] }
    /// The level that counts for a subject, or for all that have none of their own.
    package func level(of subject: String?) -> CompatibilityLevel { levels[subject] ?? levels[nil] ?? usualLevel }
    /// The mode that was set for a subject, or for all of them for nil.
    package func ownMode(of subject: String?) -> RegistryMode? { modes[subject] }
    /// The mode that counts for a subject, or for all that have none of their own.
    package func mode(of subject: String?) -> RegistryMode {
        if modes[nil] == .readOnlyOverride { return .readOnlyOverride }
        return modes[subject] ?? modes[nil] ?? .readWrite
    }

    // MARK: Changing

    /// Takes a change in.
    package mutating func apply(_ change: RegistryChange) {
        switch change {
        case .version(let version, let isDeleted):
            documents[version.id] = version.document
            if ids[version.document] == nil { ids[version.document] = version.id }
            var own = (kept[version.subject] ?? []).filter { $0.version.version != version.version }
            own.append(Kept(version: version, isDeleted: isDeleted))
            kept[version.subject] = own.sorted { $0.version.version < $1.version.version }
            if version.id.number >= nextID, version.id.number < Int32.max { nextID = version.id.number + 1 }
        case .removedVersion(let version, let subject):
            let left = (kept[subject] ?? []).filter { $0.version.version != version }
            kept[subject] = left.isEmpty ? nil : left
        case .deletedSubject(let subject, let last):
            kept[subject] = kept[subject]?.map { Kept(version: $0.version, isDeleted: $0.isDeleted || $0.version.version <= last) }
        case .level(let level, let subject): levels[subject] = level
        case .mode(let mode, let subject): modes[subject] = mode
        }
    }

    /// Errors: the subject is not to be changed.
    package func checkWritable(_ subject: String) throws(RegistryError) {
        let mode = mode(of: subject)
        if mode == .readOnly || mode == .readOnlyOverride {
            throw RegistryError("Subject \(subject) is in read-only mode", .notPermitted)
        }
    }

    /// The version that registering this schema leads to. Equal schemas have one number in all subjects. Where the subject has the
    /// schema already, that version is given, and there is nothing to add. A number, and a version, may be given where schemas come from
    /// another registry. Errors: the numbers are used up, the subject is not to be changed, or the schema is not compatible with the
    /// versions before it.
    package func registering(
        _ document: SchemaDocument, as subject: String, id: SchemaID? = nil, version number: Int? = nil
    ) throws(RegistryError) -> (version: SubjectVersion, isNew: Bool) {
        try checkWritable(subject)
        let own = versions(of: subject)
        let document = document.canonical.takingAdditions(of: own.last?.document)
        if id == nil, let known = own.last(where: { $0.document == document }) { return (known, false) }
        guard nextID < Int32.max else { throw RegistryError("the numbers of schemas are used up") }
        if mode(of: subject) != .importing { try checkCompatible(document, with: own, of: subject) }
        let last = versions(of: subject, deleted: .with).last?.version ?? 0
        guard last < Int(Int32.max) - 1 else { throw RegistryError("the versions of \(subject) are used up") }
        let version = SubjectVersion(
            subject: subject, version: number ?? last + 1, id: id ?? ids[document] ?? SchemaID(nextID), document: document)
        return (version, true)
    }

    private func checkCompatible(_ document: SchemaDocument, with own: [SubjectVersion], of subject: String) throws(RegistryError) {
        let level = level(of: subject)
        let found: [(version: Int, problems: [SchemaIncompatibility])]
        do throws(SchemaError) { found = try document.incompatibilities(with: own, level: level) } catch {
            throw RegistryError(error.description, .invalidSchema)
        }
        if let first = found.first { throw .incompatible(subject, first.version, first.problems, level) }
    }

    /// What deleting a subject softly leads to. Errors: it is not there, not to be changed, or referred to.
    package func deleting(_ subject: String) throws(RegistryError) -> [RegistryChange] {
        try checkWritable(subject)
        let own = versions(of: subject)
        guard let last = own.last else {
            if kept[subject] == nil { throw .noSubject(subject) }
            throw RegistryError(
                "Subject '\(subject)' was soft deleted. Set permanent=true to delete permanently", .subjectDeletedSoftly)
        }
        try checkNotReferred(subject, own.map(\.version))
        return [.deletedSubject(subject, upTo: last.version)]
    }

    /// What deleting a subject for good leads to. Errors: it was not deleted softly before.
    package func purging(_ subject: String) throws(RegistryError) -> [RegistryChange] {
        try checkWritable(subject)
        guard kept[subject] != nil else { throw .noSubject(subject) }
        guard versions(of: subject).isEmpty else {
            throw RegistryError("Subject '\(subject)' was not deleted first before being permanently deleted", .subjectNotDeleted)
        }
        let own = versions(of: subject, deleted: .with)
        try checkNotReferred(subject, own.map(\.version))
        return own.map { .removedVersion($0.version, of: subject) } + [.level(nil, of: subject), .mode(nil, of: subject)].filter {
            switch $0 {
            case .level: levels[subject] != nil
            default: modes[subject] != nil
            }
        }
    }

    /// What deleting a version leads to, softly or for good. Errors: it is not there, or not deleted softly before, or referred to.
    package func deleting(_ version: SubjectVersion, forGood: Bool) throws(RegistryError) -> [RegistryChange] {
        let subject = version.subject
        try checkWritable(subject)
        let isDeleted = versions(of: subject, deleted: .only).contains { $0.version == version.version }
        try checkNotReferred(subject, [version.version])
        let name = "Subject '\(subject)' Version \(version.version)"
        switch (forGood, isDeleted) {
        case (false, false): return [.version(version, isDeleted: true)]
        case (false, true):
            throw RegistryError("\(name) was soft deleted. Set permanent=true to delete permanently", .versionDeletedSoftly)
        case (true, false):
            throw RegistryError("\(name) was not deleted first before being permanently deleted", .versionNotDeleted)
        case (true, true): return [.removedVersion(version.version, of: subject)]
        }
    }

    private func checkNotReferred(_ subject: String, _ versions: [Int]) throws(RegistryError) {
        guard let other = referring(to: subject, Set(versions)).first(where: { $0.subject != subject }) else { return }
        throw RegistryError(
            "One or more references exist to the schema of subject '\(subject)': '\(other.subject)' version \(other.version) refers to it",
            .referenced)
    }
}

extension RegistryError {
    /// There is no such subject.
    package static func noSubject(_ subject: String) -> RegistryError { RegistryError("Subject '\(subject)' not found.", .subjectNotFound) }

    /// A schema does not fit the versions before it.
    static func incompatible(
        _ subject: String, _ version: Int, _ problems: [SchemaIncompatibility], _ level: CompatibilityLevel
    ) -> RegistryError {
        RegistryError(
            "Schema being registered is incompatible with an earlier schema for subject \"\(subject)\" (version \(version), compatibility "
                + "\(level.rawValue)): " + problems.map(\.description).joined(separator: "; "), .incompatible)
    }
}

extension SchemaDocument {
    /// The same schema in the form that a registry keeps: JSON without blanks.
    package var canonical: SchemaDocument {
        guard kind != .protobuf, let value = jsonText else { return self }
        return SchemaDocument(kind, value, references: references, additions: additions)
    }
}
