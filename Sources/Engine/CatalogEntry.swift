// Entries of the catalog topic. Key `kind/name`, value a versioned JSON document; a tombstone removes the object.
//
// An entry holds the statement and the settings it was made under, so that replaying it in order of `sequence` makes the same object
// again; the resolved schema and the layout of state stand beside them as a contract: an entry whose replay comes to another schema, or
// whose plan keeps its state otherwise, is not brought back silently but reported.

import Catalog
import Diagnostics
import JSONText
import Planner
import Plans
import Values

/// One object of the catalog topic.
enum CatalogEntry: Sendable {
    /// `expanded` is the statement with its stars and custom types written out: it makes the same object when those have changed since.
    case source(SourceDefinition, properties: [String: String], expanded: String?)
    case query(id: String, statement: String, properties: [String: String], expanded: String?)
    case type(name: String, statement: String)
    /// A query that somebody has paused.
    case pause(queryID: String)
    /// The number that the next query id gets. Numbers are kept apart from the queries, because they outlive them.
    case numbers(next: Int64)

    var key: String {
        switch self {
        case .source(let source, _, _): "source/\(source.name)"
        case .query(let id, _, _, _): "query/\(id)"
        case .type(let name, _): "type/\(name)"
        case .pause(let id): Self.pausePrefix + id
        case .numbers: Self.numbersKey
        }
    }

    static let version = 1
    static let pausePrefix = "paused/"
    static let numbersKey = "numbers/query"

    /// The record's value.
    func encoded(sequence: Int64) -> [UInt8] {
        var members: [JSONValue.Member] = [.init("version", .integer(Self.version)), .init("sequence", .integer(sequence))]
        switch self {
        case .source(let source, let properties, let expanded):
            members.append(.init("statement", .string(source.statement)))
            members.append(.init("properties", Self.object(properties)))
            if let id = source.queryID { members.append(.init("query", .string(id))) }
            members.append(.init("schema", .string(source.schema.description)))
            members.append(.init("topic", .string(source.topic)))
            if let expanded { members.append(.init("expanded", .string(expanded))) }
            if let origin = source.origin {
                members.append(.init("origin", ["topic": .string(origin.topicID), "offsets": .array(origin.offsets.map { .integer($0) })]))
            }
        case .query(let id, let statement, let properties, let expanded):
            members.append(.init("statement", .string(statement)))
            members.append(.init("properties", Self.object(properties)))
            members.append(.init("query", .string(id)))
            if let expanded { members.append(.init("expanded", .string(expanded))) }
        case .pause(let id):
            members.append(.init("statement", .string("")))
            members.append(.init("query", .string(id)))
        case .type(_, let statement):
            members.append(.init("statement", .string(statement)))
        case .numbers(let next):
            members.append(.init("statement", .string("")))
            members.append(.init("next", .integer(next)))
        }
        return JSONValue.object(members).bytes
    }

    private static func object(_ properties: [String: String]) -> JSONValue {
        .object(properties.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })
    }
}

/// An entry as read back.
struct StoredEntry: Sendable {
    var key: String
    var sequence: Int64
    var statement: String
    var properties: [String: String]
    var queryID: String?
    var schema: String?
    var expanded: String?
    var origin: SourceOrigin?
    var nextNumber: Int64?

    /// Reads a record of the catalog topic; nil when it is no entry of a version that this server knows.
    init?(key: [UInt8], value: [UInt8]) {
        guard let json = try? JSONValue(parsing: value[...]), json["version"]?.intValue == CatalogEntry.version,
            let sequence = json["sequence"]?.intValue, sequence >= 0, sequence < QueryIDs.numbersEnd, let statement = json["statement"]?.stringValue
        else { return nil }
        self.key = String(decoding: key, as: UTF8.self)
        self.sequence = Int64(sequence)
        self.statement = statement
        properties = Dictionary(
            (json["properties"]?.objectValue ?? []).compactMap { member in member.value.stringValue.map { (member.name, $0) } },
            uniquingKeysWith: { _, last in last })
        queryID = json["query"]?.stringValue
        schema = json["schema"]?.stringValue
        expanded = json["expanded"]?.stringValue
        origin = json["origin"].flatMap { origin in
            origin["topic"]?.stringValue.map { topic in
                SourceOrigin(topicID: topic, offsets: (origin["offsets"]?.arrayValue ?? []).map { Int64($0.intValue ?? 0) })
            }
        }
        nextNumber = json["next"]?.intValue.map { Int64($0) }
    }
}
