// The REST API that Confluent's registry speaks, as described in its public reference: a request in, an answer out. What it changes is durable
// when the answer is there.

import Diagnostics
import JSONText
package import Schemas

/// Answers requests out of a registry.
package struct RegistryAPI: Sendable {
    let registry: any KeptRegistry

    package init(_ registry: any KeptRegistry) { self.registry = registry }

    /// The answer to a request. It may wait for the disk.
    package func answer(_ request: RegistryRequest) -> RegistryResponse {
        do throws(RegistryError) {
            guard let resource = RegistryResource(try RegistryContext.stripped(request.path)) else { throw RegistryError("HTTP 404 Not Found", .notFound) }
            let method = request.method == "HEAD" ? "GET" : request.method
            guard resource.methods.contains(method) else {
                throw RegistryError("HTTP 405 Method Not Allowed: it takes \(resource.methods.joined(separator: ", "))", .notAllowed)
            }
            switch method {
            case "GET": return RegistryResponse(try look(at: resource, request))
            case "POST": return try post(resource, request)
            case "PUT": return try put(resource, request)
            default: return RegistryResponse(try delete(resource, request))
            }
        } catch {
            return RegistryResponse(error)
        }
    }

    // MARK: Looking

    private func look(at resource: RegistryResource, _ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        let store = try registry.contents()
        switch resource {
        case .root: return [:]
        case .types: return .array(["JSON", "PROTOBUF", "AVRO"])
        case .contexts: return .array(["."])
        case .schemas: return .array(request.page(schemas(store, request)).map(\.node))
        case .schema(let id): return try schema(id, store, request)
        case .schemaText(let id): return try textNode(try document(id, store), request)
        case .schemaSubjects(let id): return .array(unique(try uses(of: id, store, request).map(\.subject)).map { .string($0) })
        case .schemaVersions(let id):
            return .array(try uses(of: id, store, request).map { ["subject": .string($0.subject), "version": .integer($0.version)] })
        case .subjects:
            return .array(request.page(subjects(store, request)).map { .string($0) })
        case .versions(let subject):
            let found = store.versions(of: subject, deleted: request.deleted)
            if found.isEmpty { throw .noSubject(subject) }
            return .array(request.page(found).map { .integer($0.version) })
        case .version(let subject, let number):
            let found = try version(number, of: subject, store, request.deleted)
            return try found.node(format: request.query["format"])
        case .versionText(let subject, let number):
            return try textNode(try version(number, of: subject, store, request.deleted).document, request)
        case .referring(let subject, let number):
            let found = try version(number, of: subject, store, .with)
            return .array(unique(store.referring(to: subject, [found.version]).map(\.id.number)).map { .integer($0) })
        case .level(let subject): return try level(of: subject, store, request)
        case .mode(let subject): return try mode(of: subject, store, request)
        case .subject, .compatibility: throw RegistryError("HTTP 405 Method Not Allowed", .notAllowed)
        }
    }

    private func unique<Element: Hashable>(_ list: [Element]) -> [Element] {
        var seen: Set<Element> = []
        return list.filter { seen.insert($0).inserted }
    }

    /// The subjects that a request asks for. Confluent's clients write the context, which is always the only one, before the prefix.
    private func subjects(_ store: SchemaStore, _ request: RegistryRequest) -> [String] {
        let written = request.query["subjectPrefix"] ?? ""
        let prefix = RegistryContext.names.first { written.hasPrefix($0) }.map { String(written.dropFirst($0.count)) } ?? written
        return store.subjects(deleted: request.deleted).filter { $0.hasPrefix(prefix) }
    }

    private func schemas(_ store: SchemaStore, _ request: RegistryRequest) -> [SubjectVersion] {
        subjects(store, request).flatMap { subject in
            let versions = store.versions(of: subject, deleted: request.deleted)
            return request.isSet("latestOnly") ? Array(versions.suffix(1)) : versions
        }
    }

    private func document(_ id: String, _ store: SchemaStore) throws(RegistryError) -> SchemaDocument {
        guard let number = Int(id).flatMap({ Int32(exactly: $0) }) else { throw RegistryError("HTTP 404 Not Found: '\(id)' is no number of a schema", .notFound) }
        guard let document = store.schema(SchemaID(number)) else { throw RegistryError("Schema \(number) not found", .schemaNotFound) }
        return document
    }

    private func schema(_ id: String, _ store: SchemaStore, _ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        var node = JSONValue.object(try document(id, store).members(format: request.query["format"]))
        if request.isSet("fetchMaxId") { node = .object((node.objectValue ?? []) + [.init("maxId", .integer(store.largestID))]) }
        return node
    }

    /// The text as an answer: a JSON document stands for itself.
    private func textNode(_ document: SchemaDocument, _ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        let text = try document.text(format: request.query["format"])
        guard document.kind != .protobuf, let node = try? JSONValue(parsing: text) else { return .string(text) }
        return node
    }

    private func uses(of id: String, _ store: SchemaStore, _ request: RegistryRequest) throws(RegistryError) -> [SubjectVersion] {
        let schema = try document(id, store)
        return request.page(store.allVersions(deleted: request.deleted).filter { $0.document == schema && $0.id.description == id })
    }

    // MARK: Names in paths

    /// The version that a path names by a number or as the latest. Errors: there is none.
    func version(
        _ text: String, of subject: String, _ store: SchemaStore, _ deleted: DeletedVersions
    ) throws(RegistryError) -> SubjectVersion {
        let own = store.versions(of: subject, deleted: deleted)
        guard let number = try number(text) else {
            if let latest = own.last { return latest }
            throw .noSubject(subject)
        }
        if store.versions(of: subject, deleted: .with).isEmpty { throw .noSubject(subject) }
        if let found = own.first(where: { $0.version == number }) { return found }
        throw RegistryError("Version \(number) not found.", .versionNotFound)
    }

    /// Nil for the latest.
    private func number(_ text: String) throws(RegistryError) -> Int? {
        if text == "latest" || text == "-1" { return nil }
        guard let number = Int(text), (1...Int(Int32.max)).contains(number) else {
            throw RegistryError(
                "The specified version '\(text)' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"",
                .invalidVersion)
        }
        return number
    }
}

extension SchemaDocument {
    /// The text in the form that a request asks for. Errors: there is no such form of it.
    func text(format: String?) throws(RegistryError) -> String {
        guard kind == .protobuf, format == "serialized" else { return text }
        do throws(SchemaError) { return try ProtobufDescriptor.base64(of: self) } catch {
            throw RegistryError(error.description, .invalidSchema)
        }
    }

    /// As the members of an answer. The type is left out for Avro, as Confluent's registry does.
    func members(format: String? = nil) throws(RegistryError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if kind != .avro { members.append(.init("schemaType", .string(kind.rawValue))) }
        if !references.isEmpty { members.append(.init("references", referencesNode)) }
        members += additionMembers
        return members + [.init("schema", .string(try text(format: format)))]
    }
}

extension SubjectVersion {
    func node(format: String?) throws(RegistryError) -> JSONValue {
        let own: [JSONValue.Member] = [
            .init("subject", .string(subject)), .init("version", .integer(version)), .init("id", .integer(id.number)),
        ]
        return .object(own + (try document.members(format: format)))
    }

    /// With its text as it was registered.
    var node: JSONValue { (try? node(format: nil)) ?? .null }
}
