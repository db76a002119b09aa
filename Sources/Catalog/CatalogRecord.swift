// Records of the catalog topic. The key is `kind/name`; the value is a JSON document with a version and the sequence of
// the change, and with the object as it is: nothing is found out again by reading a statement. A tombstone removes the
// object.
//
// Version 1, of servers before this one, kept statements only; such records are left to the caller (`StatementRecord`).

import Formats
package import JSONText
import Plans
import Quantities
import Values

/// A record of the catalog topic as it is read back.
package enum CatalogRecord: Sendable {
    /// An object, and the sequence of the change that set it.
    case object(CatalogObject, sequence: Int64)
    /// A query whose plan is of a version that this server does not know, or is not whole; its plan in `definition` is
    /// empty.
    case queryWithoutPlan(QueryDefinition, sequence: Int64, reason: String)
    /// A record of version 1.
    case statement(StatementRecord)
    /// What cannot be understood, with the reason.
    case unreadable(String)

    /// The version that this server writes.
    package static let version = 2
    /// The version of plans that this server writes. It goes up whenever a plan of before would be read as another
    /// plan.
    package static let planVersion = 1
    /// Sequences lie below; far from where counting on would overflow.
    package static let sequencesEnd: Int64 = 1 << 53

    /// Reads a record.
    package init(key: String, value: [UInt8]) {
        guard let document = try? JSONValue(parsing: value[...], depth: JSONValue.codedDepth), let version = document["version"]?.intValue,
            let sequence = document["sequence"]?.intValue.map({ Int64($0) }), (0..<Self.sequencesEnd).contains(sequence)
        else {
            self = .unreadable("the entry is damaged")
            return
        }
        switch version {
        case 1: self = StatementRecord(key: key, sequence: sequence, document).map { .statement($0) } ?? .unreadable("the entry is damaged")
        case Self.version: self = Self.read(key, sequence, document)
        default: self = .unreadable("the entry is of version \(version), which this server does not know")
        }
    }

    private static func read(_ key: String, _ sequence: Int64, _ document: JSONValue) -> CatalogRecord {
        do throws(JSONCodingError) {
            let body = document["object"] ?? .null
            switch CatalogKey(key) {
            case .source?: return .object(.source(try body.decoded(as: SourceDefinition.self)), sequence: sequence)
            case .type?: return .object(.type(try body.decoded(as: CustomType.self)), sequence: sequence)
            case .function?: return .object(.function(try body.decoded(as: UserFunction.self)), sequence: sequence)
            case .view?: return .object(.view(try body.decoded(as: ViewDefinition.self)), sequence: sequence)
            case .comment?: return .object(.comment(try body.decoded(as: CatalogComment.self)), sequence: sequence)
            case .query?: return query(try body.decoded(as: StoredQuery.self), document["plan"] ?? .null, sequence)
            case .pause(let id)?: return .object(.pause(id), sequence: sequence)
            case .memoryPause(let id)?: return .object(.memoryPause(id), sequence: sequence)
            case .removedTopic?: return .object(.removedTopic(try body.decoded(as: RemovedTopic.self)), sequence: sequence)
            case .scriptMark(let mark)?: return .object(.scriptMark(mark), sequence: sequence)
            case .numbers?: return .object(.numbers(next: max(0, try body.decoded(as: Int64.self))), sequence: sequence)
            case nil: return .unreadable("the entry is of a kind that this server does not know")
            }
        } catch {
            return .unreadable("the entry cannot be read: \(error)")
        }
    }

    private static func query(_ stored: StoredQuery, _ plan: JSONValue, _ sequence: Int64) -> CatalogRecord {
        var definition = stored.definition
        definition.version = sequence
        guard plan["version"]?.intValue == planVersion else {
            let version = plan["version"]?.numberText ?? "none"
            let reason = "its plan is of version \(version), this server writes \(planVersion)"
            return .queryWithoutPlan(definition, sequence: sequence, reason: reason)
        }
        do throws(JSONCodingError) {
            definition.plan = try (plan["plan"] ?? .null).decoded(as: QueryPlan.self)
        } catch {
            return .queryWithoutPlan(definition, sequence: sequence, reason: "its plan cannot be read: \(error)")
        }
        return .object(.query(definition), sequence: sequence)
    }
}

extension CatalogObject {
    /// The value of the record that sets the object. Errors: a plan that is nested too deep.
    package func record(sequence: Int64) throws(JSONCodingError) -> [UInt8] {
        var members: [JSONValue.Member] = [.init("version", .integer(CatalogRecord.version)), .init("sequence", .integer(sequence))]
        switch self {
        case .source(let source): members.append(.init("object", try JSONValue(encoding: source)))
        case .type(let type): members.append(.init("object", try JSONValue(encoding: type)))
        case .function(let function): members.append(.init("object", try JSONValue(encoding: function)))
        case .view(let view): members.append(.init("object", try JSONValue(encoding: view)))
        case .comment(let comment): members.append(.init("object", try JSONValue(encoding: comment)))
        case .query(let query):
            members.append(.init("object", try JSONValue(encoding: StoredQuery(query))))
            members.append(
                .init("plan", ["version": .integer(CatalogRecord.planVersion), "plan": try JSONValue(encoding: query.plan)]))
        case .removedTopic(let topic): members.append(.init("object", try JSONValue(encoding: topic)))
        case .numbers(let next): members.append(.init("object", .integer(next)))
        case .pause, .memoryPause, .scriptMark: break
        }
        return JSONValue.object(members).bytes
    }
}

/// The parts of a query that stand beside its plan, which has a version of its own.
private struct StoredQuery: Codable {
    var id: String
    var statement: String
    var expanded: String?
    var properties: [String: String]
    var reads: [String]
    var writes: String?
    var layouts: [String: String]
    var starts: [StartPosition]
    var order: Int64

    init(_ query: QueryDefinition) {
        id = query.id
        statement = query.statement
        expanded = query.expanded
        properties = query.properties
        reads = query.reads
        writes = query.writes
        layouts = query.layouts
        starts = query.starts
        order = query.order
    }

    /// The query, with an empty plan.
    var definition: QueryDefinition {
        let nothing = ExchangeStep(
            topic: InternalTopic(name: "", keyFormat: .init(.none)), output: RowSchema(columns: [], keyCount: 0), isTable: false)
        let plan = QueryPlan(id: id, root: .exchange(nothing), destination: .client(limit: 0, order: []), resultKind: .stream)
        var query = QueryDefinition(
            id: id, statement: statement, expanded: expanded, properties: properties, reads: reads, writes: writes, plan: plan,
            layouts: layouts, starts: starts)
        query.order = order
        return query
    }
}

/// A record of version 1: the statement that made an object, and the settings that it was made under.
package struct StatementRecord: Hashable, Sendable {
    package var key: String
    package var sequence: Int64
    package var statement: String
    package var properties: [String: String]
    package var queryID: String?
    /// The columns that the statement came to; nil for objects without any.
    package var schema: String?
    /// The statement with its stars and custom types written out.
    package var expanded: String?
    /// Where a table begins in its topic.
    package var origin: SourceOrigin?
    /// The number that the next query id gets, in the record of that alone.
    package var nextNumber: Int64?

    init?(key: String, sequence: Int64, _ document: JSONValue) {
        guard let statement = document["statement"]?.stringValue else { return nil }
        self.key = key
        self.sequence = sequence
        self.statement = statement
        properties = Dictionary(
            (document["properties"]?.objectValue ?? []).compactMap { member in member.value.stringValue.map { (member.name, $0) } },
            uniquingKeysWith: { _, last in last })
        queryID = document["query"]?.stringValue
        schema = document["schema"]?.stringValue
        expanded = document["expanded"]?.stringValue
        origin = document["origin"].flatMap { origin in
            origin["topic"]?.stringValue.map { topic in
                let offsets = origin["offsets"]?.arrayValue ?? []
                return SourceOrigin(
                    topicID: topic, offsets: offsets.map { $0.intValue.flatMap { Offset(exactly: Int64($0)) } ?? .first })
            }
        }
        nextNumber = document["next"]?.intValue.map { Int64($0) }
    }
}
