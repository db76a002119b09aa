// What a case says about the catalog and the topics after it has run.

import Catalog
import Diagnostics
import Formats
import JSONText
import LogStore
import Plans
import Quantities
import Schemas
import Values

struct PostConditionCheck {
    let test: TestCase
    let log: any EventLog
    let catalog: CatalogSnapshot
    let plans: [QueryPlan]
    let registry: any SchemaRegistry

    func perform() throws(CaseFailure) {
        guard let post = test.post else { return }
        for source in post["sources"]?.arrayValue ?? [] { try check(source: source) }
        if let pattern = post["topics"]?["blacklist"]?.stringValue {
            guard let expression = try? Regex(pattern) else { throw CaseFailure("unreadable pattern \(pattern)") }
            if let found = topicNames.first(where: { $0.contains(expression) }) { throw CaseFailure("the topic \(found) should not exist") }
        }
        for topic in post["topics"]?["topics"]?.arrayValue ?? [] { try check(topic: topic) }
    }

    // MARK: Sources

    private func check(source node: JSONValue) throws(CaseFailure) {
        let name = node["name"]?.stringValue ?? ""
        guard let source = catalog.sources[name] else { throw CaseFailure("post: there is no source \(name)") }
        if node["type"]?.stringValue?.uppercased() != source.kind.rawValue {
            throw CaseFailure("post: \(name) is a \(source.kind.rawValue)")
        }
        if let text = node["schema"]?.stringValue {
            let wanted = try schemaColumns(text)
            let actual = columns(of: source.schema)
            if wanted != actual {
                throw CaseFailure(
                    "post: \(name) has the schema \(actual.joined(separator: ", ")), expected \(wanted.joined(separator: ", "))")
            }
        }
        if let isSource = node["isSource"]?.booleanValue, isSource != source.isReadOnly {
            throw CaseFailure("post: \(name): isSource differs")
        }
        if let key = node["keyFormat"] { try check(keyFormat: key, of: source) }
        if let format = node["valueFormat"]?.stringValue, format.uppercased() != source.valueFormat.name.rawValue {
            throw CaseFailure("post: \(name) has the value format \(source.valueFormat.name.rawValue), expected \(format)")
        }
        if let features = node["keyFeatures"]?.arrayValue { try check(features, keyFeatures(source), "\(name) keyFeatures") }
        if let features = node["valueFeatures"]?.arrayValue { try check(features, valueFeatures(source), "\(name) valueFeatures") }
    }

    private func check(_ expected: [JSONValue], _ actual: Set<String>, _ what: String) throws(CaseFailure) {
        let wanted = Set(expected.compactMap(\.stringValue))
        if wanted != actual { throw CaseFailure("post: \(what): expected \(wanted.sorted()), got \(actual.sorted())") }
    }

    private func keyFeatures(_ source: SourceDefinition) -> Set<String> {
        source.schema.key.count == 1 && source.keyFormat.name.canWrap && source.keyFormat.name.canUnwrap ? ["UNWRAP_SINGLES"] : []
    }

    private func valueFeatures(_ source: SourceDefinition) -> Set<String> {
        guard source.schema.value.count == 1 else { return [] }
        if let wraps = source.wrapsSingleValue { return [wraps ? "WRAP_SINGLES" : "UNWRAP_SINGLES"] }
        guard let setting = test.properties["ksql.persistence.wrap.single.values"] else { return [] }
        let wraps = setting == "true"
        return (wraps ? source.valueFormat.name.canWrap : source.valueFormat.name.canUnwrap)
            ? [wraps ? "WRAP_SINGLES" : "UNWRAP_SINGLES"] : []
    }

    private func check(keyFormat node: JSONValue, of source: SourceDefinition) throws(CaseFailure) {
        if let format = node["format"]?.stringValue, format.uppercased() != source.keyFormat.name.rawValue {
            throw CaseFailure("post: \(source.name) has the key format \(source.keyFormat.name.rawValue), expected \(format)")
        }
        let (kind, size): (String?, Int64?) =
            switch source.window {
            case nil: (nil, nil)
            case .session: ("SESSION", nil)
            case .time(let kind, let size): (kind.rawValue, size.count)
            }
        if node["windowType"]?.stringValue?.uppercased() != kind || node["windowSize"]?.intValue.map(Int64.init) != size {
            throw CaseFailure("post: \(source.name) has the window \(kind ?? "none") \(size.map(String.init) ?? "")")
        }
    }

    // MARK: Topics

    private var internalTopics: [(name: String, key: FormatName, value: FormatName)] {
        plans.flatMap { plan -> [(String, FormatName, FormatName)] in
            var found: [(String, FormatName, FormatName)] = []
            func look(_ step: Step, _ value: FormatName) {
                switch step {
                case .source(let source):
                    if let store = source.store {
                        found.append((store.name + "-changelog", source.keyFormat.name, source.valueFormat.name))
                    }
                case .aggregate(let aggregate):
                    if let topic = aggregate.repartition { found.append((topic.name, topic.keyFormat.name, value)) }
                    found.append((aggregate.store.name + "-changelog", aggregate.keyFormat.name, value))
                case .join(let join):
                    for topic in [join.leftRepartition, join.rightRepartition].compactMap({ $0 }) {
                        found.append((topic.name, topic.keyFormat.name, value))
                    }
                    for store in join.stores { found.append((store.name + "-changelog", join.keyFormat.name, value)) }
                case .keyed(let keyed): found.append((keyed.store.name + "-changelog", .json, value))
                case .exchange, .filter, .project, .rekey, .explode: break
                }
                step.inputs.forEach { look($0, value) }
            }
            look(plan.root, plan.sources.first?.valueFormat.name ?? .json)
            return found
        }
    }

    private var topicNames: [String] { log.describeTopics().map(\.name) + internalTopics.map(\.name) }

    private func check(topic node: JSONValue) throws(CaseFailure) {
        let name = node["name"]?.stringValue ?? ""
        guard topicNames.contains(name) else { throw CaseFailure("post: there is no topic \(name)") }
        let own = internalTopics.first { $0.name == name }
        let source = catalog.sortedSources.first { $0.topic == name }
        guard let key = own?.key ?? source?.keyFormat.name, let value = own?.value ?? source?.valueFormat.name else { return }
        if let format = node["keyFormat"]?["format"]?.stringValue, format != key.rawValue {
            throw CaseFailure("post: the topic \(name) has the key format \(key.rawValue), expected \(format)")
        }
        if let format = node["valueFormat"]?["format"]?.stringValue, format != value.rawValue {
            throw CaseFailure("post: the topic \(name) has the value format \(value.rawValue), expected \(format)")
        }
        // Of a query's own topics no schemas are registered.
        guard own == nil else { return }
        try check(schema: node["keySchema"], subject: SchemaSubject.key(of: name))
        try check(schema: node["valueSchema"], subject: SchemaSubject.value(of: name))
    }

    private func check(schema: JSONValue?, subject: String) throws(CaseFailure) {
        guard let schema, !schema.isNull else { return }
        var found: SubjectVersion?
        do throws(RegistryError) { found = try registry.latest(of: subject) } catch { throw CaseFailure("post: \(error.message)") }
        guard let found else { throw CaseFailure("post: \(subject) has no schema") }
        let agrees =
            if found.document.kind == .protobuf {
                schema.stringValue == found.document.text
            } else {
                (try? JSONValue(parsing: found.document.text)).map { isSame(schema, $0) } ?? false
            }
        if !agrees { throw CaseFailure("post: \(subject) has the schema \(found.document.text), expected \(schema.text)") }
    }

    /// Equal whatever the order of members.
    private func isSame(_ a: JSONValue, _ b: JSONValue) -> Bool {
        switch (a, b) {
        case (.object(let left), .object(let right)):
            left.count == right.count && left.allSatisfy { member in b[member.name].map { isSame(member.value, $0) } ?? false }
        case (.array(let left), .array(let right)): left.count == right.count && zip(left, right).allSatisfy { isSame($0, $1) }
        default: a == b
        }
    }

    // MARK: Schemas

    private func columns(of schema: SourceSchema) -> [String] {
        schema.key.map { "`\($0.name)` \($0.type) KEY" }
            + (schema.value.map { "`\($0.name)` \($0.type)" }
            + schema.headers.map { "`\($0.name)` \($0.type) HEADER \($0.key ?? "")" }).sorted()
    }

    /// A column list as written in a case, as the texts that `columns` gives.
    private func schemaColumns(_ text: String) throws(CaseFailure) -> [String] {
        do throws(Diagnostic) {
            return columns(of: try SchemaText.schema(text, types: catalog))
        } catch {
            throw CaseFailure("post: unreadable schema \(text): \(error.message)")
        }
    }
}
