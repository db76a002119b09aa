// Requests that register, look up and compare schemas, and those that delete and set.

import Diagnostics
import JSONText
import Schemas

extension RegistryAPI {
    // MARK: POST

    func post(_ resource: RegistryResource, _ request: RegistryRequest) throws(RegistryError) -> RegistryResponse {
        let body = try object(request)
        switch resource {
        case .subject(let subject): return RegistryResponse(try lookUp(body, in: subject, request))
        case .versions(let subject): return RegistryResponse(try register(body, as: subject))
        case .compatibility(let subject, let version):
            return RegistryResponse(try compare(body, subject, version, isVerbose: request.isSet("verbose")))
        default: throw RegistryError("HTTP 405 Method Not Allowed", .notAllowed)
        }
    }

    private func object(_ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        do throws(Diagnostic) {
            let value = try JSONValue(parsing: request.body[...])
            if value.objectValue != nil { return value }
        } catch {
            throw RegistryError("the body is no JSON: \(error.message)", .unprocessable)
        }
        throw RegistryError("the body is no JSON object", .unprocessable)
    }

    /// The schema of a body, with what it refers to. Errors: it is none.
    private func document(_ body: JSONValue, _ store: SchemaStore) throws(RegistryError) -> SchemaDocument {
        guard let text = body["schema"]?.stringValue, !text.isEmpty else { throw RegistryError("Empty schema", .invalidSchema) }
        let name = body["schemaType"]?.stringValue ?? SchemaKind.avro.rawValue
        guard let kind = SchemaKind(rawValue: name.uppercased()) else {
            throw RegistryError("Invalid schema: there is no type '\(name)'; the types are AVRO, PROTOBUF and JSON", .invalidSchema)
        }
        var references: [SchemaReference] = []
        for node in body["references"]?.arrayValue ?? [] {
            guard references.count < SchemaLimits.references, let name = node["name"]?.stringValue, let written = node["subject"]?.stringValue,
                let number = node["version"]?.intValue
            else { throw RegistryError("Invalid schema: a reference needs a name, a subject and a version", .invalidSchema) }
            let subject = try RegistryContext.subject(written) ?? ""
            let own = store.versions(of: subject)
            guard let found = number == -1 ? own.last : own.first(where: { $0.version == number }) else {
                throw RegistryError("Invalid schema: no schema reference found for subject \"\(subject)\" and version \(number)", .invalidSchema)
            }
            references.append(SchemaReference(name: name, subject: subject, version: found.version, document: found.document))
        }
        do throws(SchemaError) {
            // Clients of other languages send files of Protocol Buffers as their compiler makes them.
            let plain = kind == .protobuf ? try ProtobufDescriptor.text(ofBase64: text) ?? text : text
            let additions = SchemaDocument.additions(in: body)
            guard (additions ?? "").utf8.count <= SchemaLimits.textBytes else { throw SchemaError("its metadata and rules are too long") }
            let document = SchemaDocument(kind, plain, references: references, additions: additions).canonical
            try document.check()
            return document
        } catch {
            throw RegistryError("Invalid schema of type \(kind.rawValue): \(error.description)", .invalidSchema)
        }
    }

    private func lookUp(_ body: JSONValue, in subject: String, _ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        let store = try registry.contents()
        if store.versions(of: subject, deleted: request.deleted).isEmpty { throw .noSubject(subject) }
        guard let found = store.lookUp(try document(body, store), in: subject, deleted: request.deleted) else {
            throw RegistryError("Schema not found", .schemaNotFound)
        }
        return try found.node(format: request.query["format"])
    }

    private func register(_ body: JSONValue, as subject: String) throws(RegistryError) -> JSONValue {
        let id = body["id"]?.intValue.flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? SchemaID($0) : nil }
        let number = body["version"]?.intValue.flatMap { (1..<Int(Int32.max)).contains($0) ? $0 : nil }
        let version = try registry.change { store throws(RegistryError) in
            let document = try document(body, store)
            try store.checkWritable(subject)
            let isImporting = store.mode(of: subject) == .importing
            if !isImporting, let id {
                // Clients may send what they were told before.
                if let known = store.lookUp(document, in: subject), known.id == id { return ([], known) }
                throw RegistryError("Subject \(subject) is not in import mode", .notPermitted)
            }
            if isImporting, let id, let known = store.schema(id), known != document {
                throw RegistryError("Overwrite new schema with id \(id) is not permitted.", .idConflict)
            }
            let (version, isNew) = try store.registering(document, as: subject, id: id, version: isImporting ? number : nil)
            return (isNew ? [.version(version, isDeleted: false)] : [], version)
        }
        // Not the text: clients would take it for what they have sent, which may be a descriptor.
        return ["subject": .string(version.subject), "version": .integer(version.version), "id": .integer(version.id.number)]
    }

    private func compare(_ body: JSONValue, _ subject: String, _ number: String?, isVerbose: Bool) throws(RegistryError) -> JSONValue {
        let store = try registry.contents()
        var earlier = store.versions(of: subject)
        var level = store.level(of: subject)
        if let number {
            earlier = [try version(number, of: subject, store, .without)]
            // One version is compared, however far the level reaches.
            level = CompatibilityLevel(rawValue: level.rawValue.replacing("_TRANSITIVE", with: "")) ?? level
        }
        let document = try document(body, store)
        let found: [(version: Int, problems: [SchemaIncompatibility])]
        do throws(SchemaError) { found = try document.incompatibilities(with: earlier, level: level) } catch {
            throw RegistryError(error.description, .invalidSchema)
        }
        var members: [JSONValue.Member] = [.init("is_compatible", .boolean(found.isEmpty))]
        if isVerbose {
            var messages: [JSONValue] = []
            for (version, problems) in found {
                messages += problems.map { problem in
                    .string("{errorType:'\(problem.kind)', description:'\(problem.message), at path '\(problem.path)''}")
                }
                messages += [.string("{oldSchemaVersion: \(version)}"), .string("{compatibility: '\(level.rawValue)'}")]
            }
            members.append(.init("messages", .array(messages)))
        }
        return .object(members)
    }

    // MARK: DELETE

    func delete(_ resource: RegistryResource, _ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        let isForGood = request.isSet("permanent")
        switch resource {
        case .subject(let subject):
            return try registry.change { store throws(RegistryError) in
                let own = store.versions(of: subject, deleted: isForGood ? .with : .without)
                let changes = try isForGood ? store.purging(subject) : store.deleting(subject)
                return (changes, .array(own.map { .integer($0.version) }))
            }
        case .version(let subject, let number):
            return try registry.change { store throws(RegistryError) in
                let found = try version(number, of: subject, store, .with)
                return (try store.deleting(found, forGood: isForGood), .integer(found.version))
            }
        case .level(let subject):
            return try registry.change { store throws(RegistryError) in
                guard let level = store.ownLevel(of: subject) ?? (subject == nil ? store.level(of: nil) : nil) else { throw noLevel(subject) }
                return ([.level(nil, of: subject)], ["compatibilityLevel": .string(level.rawValue)])
            }
        case .mode(let subject):
            return try registry.change { store throws(RegistryError) in
                guard let mode = store.ownMode(of: subject) ?? (subject == nil ? store.mode(of: nil) : nil) else { throw noMode(subject) }
                return ([.mode(nil, of: subject)], ["mode": .string(mode.rawValue)])
            }
        default: throw RegistryError("HTTP 405 Method Not Allowed", .notAllowed)
        }
    }

    // MARK: Levels and modes

    func level(of subject: String?, _ store: SchemaStore, _ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        guard let subject else { return ["compatibilityLevel": .string(store.level(of: nil).rawValue)] }
        guard let level = store.ownLevel(of: subject) ?? (request.isSet("defaultToGlobal") ? store.level(of: nil) : nil) else {
            throw noLevel(subject)
        }
        return ["compatibilityLevel": .string(level.rawValue)]
    }

    func mode(of subject: String?, _ store: SchemaStore, _ request: RegistryRequest) throws(RegistryError) -> JSONValue {
        guard let subject else { return ["mode": .string(store.mode(of: nil).rawValue)] }
        guard let mode = store.ownMode(of: subject) ?? (request.isSet("defaultToGlobal") ? store.mode(of: nil) : nil) else {
            throw noMode(subject)
        }
        return ["mode": .string(mode.rawValue)]
    }

    /// What newer registries can be told beside the level. `false` and nothing ask for what is done anyway.
    private static func unknownSetting(in body: JSONValue) -> String? {
        let known: Set<String> = ["compatibility", "compatibilityLevel"]
        return body.objectValue?.first { !known.contains($0.name) && !$0.value.isNull && $0.value.booleanValue != false }?.name
    }

    private func noLevel(_ subject: String?) -> RegistryError {
        RegistryError("Subject '\(subject ?? "")' does not have subject-level compatibility configured", .noLevelOfSubject)
    }

    private func noMode(_ subject: String?) -> RegistryError {
        RegistryError("Subject '\(subject ?? "")' does not have subject-level mode configured", .noModeOfSubject)
    }

    func put(_ resource: RegistryResource, _ request: RegistryRequest) throws(RegistryError) -> RegistryResponse {
        let body = try object(request)
        switch resource {
        case .level(let subject):
            if let name = RegistryAPI.unknownSetting(in: body) {
                throw RegistryError("The setting '\(name)' is not known here; there is the compatibility only", .unprocessable)
            }
            guard let text = body["compatibility"]?.stringValue, let level = CompatibilityLevel(rawValue: text.uppercased()) else {
                let names = CompatibilityLevel.allCases.map { $0.rawValue.lowercased() }.joined(separator: ", ")
                throw RegistryError("Invalid compatibility level. Valid values are \(names)", .invalidLevel)
            }
            try registry.change { store throws(RegistryError) in
                if let subject { try store.checkWritable(subject) }
                return ([.level(level, of: subject)], ())
            }
            return RegistryResponse(["compatibility": .string(level.rawValue)])
        case .mode(let subject):
            guard let text = body["mode"]?.stringValue, let mode = RegistryMode(rawValue: text.uppercased()) else {
                let names = RegistryMode.allCases.map(\.rawValue).joined(separator: ", ")
                throw RegistryError("Invalid mode. Valid values are \(names)", .invalidMode)
            }
            try registry.change { store throws(RegistryError) in
                let isTaken = subject.map { !store.versions(of: $0).isEmpty } ?? !store.subjects().isEmpty
                if mode == .importing, isTaken, !request.isSet("force"), store.mode(of: subject) != .importing {
                    throw RegistryError("Cannot import since found existing subjects", .notPermitted)
                }
                return ([.mode(mode, of: subject)], ())
            }
            return RegistryResponse(["mode": .string(mode.rawValue)])
        default: throw RegistryError("HTTP 405 Method Not Allowed", .notAllowed)
        }
    }
}
