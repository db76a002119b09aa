// A case of the JSON suites as a value, and how one node of a file becomes one or several cases. The format is ksqlDB's own
// query-validation-test format.

package import Diagnostics
import JSONText
import Schemas

/// A record of `inputs` or `outputs`.
struct CaseRecord: Sendable {
    var topic: String
    /// JSON null for a null key.
    var key: JSONValue
    var value: JSONValue
    var timestamp: Int64?
    var window: CaseWindow?
    /// Name and bytes of each header.
    var headers: [(name: String, value: [UInt8]?)]
}

/// The window of a windowed key.
struct CaseWindow: Hashable, Sendable {
    var start: Int64
    var end: Int64
    var isSession: Bool
}

/// A topic of a case's `topics` node.
struct CaseTopic: Sendable {
    var name: String
    var partitions: Int
    var key: CaseSchema?
    var value: CaseSchema?
}

/// The schema of one side of a topic, as a case lists it.
struct CaseSchema: Sendable {
    var document: SchemaDocument
    /// The number that it must have; nil for any.
    var id: SchemaID?
    /// What it refers to, registered first, under these names.
    var references: [SchemaReference]
}

/// What an `expectedException` node asks for.
struct ExpectedError: Sendable {
    var category: DiagnosticCategory?
    var message: String
}

/// One case, expanded.
package struct TestCase: Sendable {
    /// `<file stem> - <name>[ - <format>][ - <property>=<config>]`
    package var name: String
    package var statements: [String]
    var properties: [String: String]
    var inputs: [CaseRecord]
    var outputs: [CaseRecord]
    /// Topics of the `topics` node.
    var topics: [CaseTopic]
    var expectedError: ExpectedError?
    var post: JSONValue?
    /// The answers that a server case expects, one of `admin`, `query` and `queryProto` each.
    var responses: [JSONValue] = []
    /// A server case whose query is to run before the records are written.
    var startsQueryFirst = false
    /// Whether statements are sent to a server, and their answers compared, rather than the records of topics.
    var isServerCase = false
    /// What is wrong with the case itself.
    package var problem: String?
    /// Why the case is not run; nil when it is.
    package var skipReason: String?
}

/// Reads cases from a file's text.
package struct CaseFile: Sendable {
    /// All cases of the file, in order. Errors: the text is no JSON, or no test file.
    package static func cases(in text: [UInt8], stem: String) throws(Diagnostic) -> [TestCase] {
        let file = try JSONValue(parsing: text[...], allowsComments: true)
        guard let tests = file["tests"]?.arrayValue, !tests.isEmpty else {
            throw Diagnostic(.invalidJSON, "\(stem) is no test file: it has no array \"tests\" with cases in it", category: .general)
        }
        // A file is of one kind: where one case has answers, those without are server cases as well.
        let isServerFile = tests.contains { test in ["responses", "expectedError", "inputConditions"].contains { test[$0] != nil } }
        return tests.enumerated().flatMap { number, test in
            expand(test, stem: stem, number: number + 1).map { expanded in
                var test = expanded
                test.isServerCase = isServerFile || test.statements.contains { $0.hasPrefix("SELECT ") }
                return test
            }
        }
    }

    /// What is wrong with the shape of a case; nil when nothing is.
    private static func problem(_ node: JSONValue) -> String? {
        guard node.objectValue != nil else { return "it is no case: not an object" }
        guard let statements = node["statements"]?.arrayValue, !statements.isEmpty else {
            return "it is no case: it has no array \"statements\" with SQL in it"
        }
        guard statements.allSatisfy({ $0.stringValue != nil }) else { return "it is no case: a statement is no text" }
        for name in ["inputs", "outputs", "topics", "responses", "format", "config"] {
            if let value = node[name], value.arrayValue == nil { return "\"\(name)\" is no array" }
        }
        for name in ["inputs", "outputs"] {
            for record in node[name]?.arrayValue ?? [] where record["topic"]?.stringValue == nil {
                return "a record of \"\(name)\" has no topic"
            }
        }
        for topic in node["topics"]?.arrayValue ?? [] {
            guard let count = topic["partitions"] else { continue }
            guard let count = count.intValue, CaseLimits.partitions.contains(count) else {
                return
                    "a topic has \(count.text) partitions; \(CaseLimits.partitions.lowerBound) to \(CaseLimits.partitions.upperBound) can be had"
            }
        }
        return nil
    }

    private static func expand(_ node: JSONValue, stem: String, number: Int) -> [TestCase] {
        let formats = node["format"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let configs = node["config"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let name = node["name"]?.stringValue ?? "case \(number)"
        var result: [TestCase] = []
        for format in formats.isEmpty ? [nil] : formats.map(Optional.some) {
            for config in configs.isEmpty ? [nil] : configs.map(Optional.some) {
                var test = base(node)
                test.name = "\(stem) - \(name)" + (format.map { " - \($0)" } ?? "")
                if let format { test.statements = test.statements.map { $0.replacing("{FORMAT}", with: format) } }
                if let config, let property = test.properties.first(where: { $0.value.uppercased() == "{CONFIG}" })?.key {
                    test.properties[property] = config
                    test.name += " - \(property)=\(config)"
                }
                test.problem = problem(node)
                test.skipReason = skipReason(test, node)
                result.append(test)
            }
        }
        return result
    }

    private static func base(_ node: JSONValue) -> TestCase {
        var expected: ExpectedError?
        if let exception = node["expectedException"] ?? node["expectedError"] {
            let category: DiagnosticCategory? =
                switch exception["type"]?.stringValue?.split(separator: ".").last {
                case "ParseFailedException": .parseFailed
                case "KsqlStatementException": .statement
                case "KsqlException": .general
                case "StreamsException": .runtime
                default: nil
                }
            expected = ExpectedError(category: category, message: exception["message"]?.stringValue ?? "")
        }
        var test = TestCase(
            name: "", statements: (node["statements"]?.arrayValue ?? []).compactMap(\.stringValue),
            properties: Dictionary(
                (node["properties"]?.objectValue ?? []).map { ($0.name, $0.value.stringValue ?? $0.value.text) }, uniquingKeysWith: { $1 }),
            inputs: (node["inputs"]?.arrayValue ?? []).map(record), outputs: (node["outputs"]?.arrayValue ?? []).map(record),
            topics: (node["topics"]?.arrayValue ?? []).compactMap(topic),
            expectedError: expected, post: node["post"], skipReason: nil)
        test.responses = node["responses"]?.arrayValue ?? []
        test.startsQueryFirst = node["inputConditions"]?["waitForActivePushQuery"]?.booleanValue ?? false
        return test
    }

    private static func topic(_ node: JSONValue) -> CaseTopic? {
        guard let name = node["name"]?.stringValue else { return nil }
        return CaseTopic(
            name: name, partitions: node["partitions"]?.intValue ?? 1, key: schema(node, "key"), value: schema(node, "value"))
    }

    private static func schema(_ node: JSONValue, _ side: String) -> CaseSchema? {
        guard let schema = node[side + "Schema"], !schema.isNull else { return nil }
        let references = (node[side + "SchemaReferences"]?.arrayValue ?? []).compactMap { reference -> SchemaReference? in
            guard let name = reference["name"]?.stringValue, let schema = reference["schema"] else { return nil }
            return SchemaReference(name: name, subject: name, version: 1, document: parsed(schema, reference["format"]?.stringValue))
        }
        var document = parsed(schema, node[side + "Format"]?.stringValue)
        document.references = references
        let id = node[side + "SchemaId"]?.intValue.flatMap { Int32(exactly: $0) }.map { SchemaID($0) }
        return CaseSchema(document: document, id: id, references: references)
    }

    private static func parsed(_ schema: JSONValue, _ format: String?) -> SchemaDocument {
        switch format {
        case "PROTOBUF"?: SchemaDocument(.protobuf, schema.stringValue ?? schema.text)
        case "JSON"?, "JSON_SR"?: SchemaDocument(.json, schema.text)
        default: SchemaDocument(.avro, schema.text)
        }
    }

    private static func record(_ node: JSONValue) -> CaseRecord {
        let window = node["window"].flatMap { window -> CaseWindow? in
            guard let start = window["start"]?.intValue else { return nil }
            return CaseWindow(
                start: Int64(start), end: Int64(window["end"]?.intValue ?? 0),
                isSession: window["type"]?.stringValue?.lowercased() == "session")
        }
        let headers = (node["headers"]?.arrayValue ?? []).map { header in
            (name: header["KEY"]?.stringValue ?? "", value: header["VALUE"]?.stringValue.flatMap { decodedBase64($0) })
        }
        return CaseRecord(
            topic: node["topic"]?.stringValue ?? "", key: node["key"] ?? .null, value: node["value"] ?? .null,
            timestamp: node["timestamp"]?.intValue.map(Int64.init), window: window, headers: headers)
    }

    private static func skipReason(_ test: TestCase, _ node: JSONValue) -> String? {
        if node["enabled"]?.booleanValue == false { return "disabled in the suite" }
        if test.responses.contains(where: { $0["queryProto"] != nil }) { return "rows as Protocol Buffers are not served" }
        return nil
    }
}
