// Requests and answers of the REST API, without the bytes of HTTP around them.

package import JSONText
package import Schemas

/// A request.
package struct RegistryRequest: Sendable {
    /// `GET` and so on.
    package var method: String
    /// The steps of the path, decoded.
    package var path: [String]
    /// The parameters behind `?`, decoded.
    package var query: [String: String]
    package var body: [UInt8]

    package init(method: String, path: [String], query: [String: String] = [:], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    /// Whether a parameter says `true`.
    func isSet(_ name: String) -> Bool { query[name]?.lowercased() == "true" }

    /// Whether versions that are deleted softly are asked for too.
    var deleted: DeletedVersions { isSet("deletedOnly") ? .only : isSet("deleted") ? .with : .without }

    /// A part of a list, as `offset` and `limit` say.
    func page<Element>(_ list: [Element]) -> [Element] {
        let start = max(0, query["offset"].flatMap { Int($0) } ?? 0)
        let limit = query["limit"].flatMap { Int($0) } ?? -1
        let rest = list.dropFirst(start)
        return Array(limit < 0 ? rest : rest.prefix(limit))
    }
}

/// An answer: a status of HTTP, and JSON.
package struct RegistryResponse: Sendable {
    /// The type of all bodies.
    package static let contentType = "application/vnd.schemaregistry.v1+json"

    /// The status of HTTP.
    package var status: Int
    package var body: JSONValue

    package init(_ body: JSONValue, status: Int = 200) {
        self.status = status
        self.body = body
    }

    /// The answer to a request that is refused.
    package init(_ error: RegistryError) {
        status = error.code.status
        body = ["error_code": .integer(error.code.rawValue), "message": .string(error.message)]
    }
}

/// What a path names.
enum RegistryResource: Equatable {
    case root
    case types
    case schemas
    case schema(String)
    case schemaText(String)
    case schemaSubjects(String)
    case schemaVersions(String)
    case subjects
    case subject(String)
    case versions(String)
    case version(String, String)
    case versionText(String, String)
    case referring(String, String)
    case compatibility(String, String?)
    case level(String?)
    case mode(String?)
    case contexts

    /// Nil for a path that names nothing.
    init?(_ path: [String]) {
        let first = path.first ?? ""
        let rest = path.dropFirst().map(\.self)
        switch (first, rest.count) {
        case ("", 0): self = .root
        case ("contexts", 0): self = .contexts
        case ("config", 0): self = .level(nil)
        case ("config", 1): self = .level(rest[0])
        case ("mode", 0): self = .mode(nil)
        case ("mode", 1): self = .mode(rest[0])
        case ("schemas", _): self.init(schemas: rest)
        case ("subjects", _): self.init(subjects: rest)
        case ("compatibility", 3) where rest[0] == "subjects" && rest[2] == "versions": self = .compatibility(rest[1], nil)
        case ("compatibility", 4) where rest[0] == "subjects" && rest[2] == "versions": self = .compatibility(rest[1], rest[3])
        default: return nil
        }
    }

    private init?(schemas path: [String]) {
        switch (path.count, path.first, path.last) {
        case (0, _, _): self = .schemas
        case (1, "types"?, _): self = .types
        case (2, "ids"?, let id?): self = .schema(id)
        case (3, "ids"?, "schema"?): self = .schemaText(path[1])
        case (3, "ids"?, "subjects"?): self = .schemaSubjects(path[1])
        case (3, "ids"?, "versions"?): self = .schemaVersions(path[1])
        default: return nil
        }
    }

    private init?(subjects path: [String]) {
        switch (path.count, path.last) {
        case (0, _): self = .subjects
        case (1, let subject?): self = .subject(subject)
        case (2, "versions"?): self = .versions(path[0])
        case (3, let version?) where path[1] == "versions": self = .version(path[0], version)
        case (4, "schema"?) where path[1] == "versions": self = .versionText(path[0], path[2])
        case (4, "referencedby"?) where path[1] == "versions": self = .referring(path[0], path[2])
        default: return nil
        }
    }

    /// What may be asked of it.
    var methods: [String] {
        switch self {
        case .root, .types, .schemas, .schema, .schemaText, .schemaSubjects, .schemaVersions, .subjects, .versionText, .referring, .contexts:
            ["GET"]
        case .subject: ["POST", "DELETE"]
        case .versions: ["GET", "POST"]
        case .version: ["GET", "DELETE"]
        case .compatibility: ["POST"]
        case .level, .mode: ["GET", "PUT", "DELETE"]
        }
    }
}
