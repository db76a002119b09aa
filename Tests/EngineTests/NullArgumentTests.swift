// Every built-in function with NULL in the place of each argument: it gives a value, or is refused at its place before anything runs.

import Diagnostics
import Functions
import Testing
import Values

@Suite struct NullArgumentTests {
    /// A text of SQL for a value of a type.
    private func sample(_ type: SQLType) -> String {
        switch type {
        case .boolean: "TRUE"
        case .integer: "1"
        case .bigint, .double, .decimal: "CAST(1 AS \(type))"
        case .string: "'a'"
        case .bytes: "TO_BYTES('a', 'utf8')"
        case .date: "CAST('2020-01-02' AS DATE)"
        case .time: "CAST('10:11:12' AS TIME)"
        case .timestamp: "CAST('2020-01-02T10:11:12' AS TIMESTAMP)"
        case .array(let element): "ARRAY[\(sample(element))]"
        case .map(let key, let value): "MAP(\(sample(key)) := \(sample(value)))"
        case .structure(let fields): "STRUCT(" + fields.map { "\($0.name) := \(sample($0.type))" }.joined(separator: ", ") + ")"
        }
    }

    private func sample(_ pattern: TypePattern) -> String {
        switch pattern {
        case .exactly(let type): sample(type)
        case .anyDecimal, .wholeDecimal, .widestDecimal: "CAST(1 AS DECIMAL(4, 2))"
        case .variable, .any: "1"
        case .array(let element): "ARRAY[\(sample(element))]"
        case .map(let key, let value): "MAP(\(sample(key)) := \(sample(value)))"
        case .structure(let fields): "STRUCT(" + fields.map { "\($0.name) := \(sample($0.type))" }.joined(separator: ", ") + ")"
        case .intervalUnit: "DAYS"
        case .lambda(let inputs, let result):
            "(" + inputs.indices.map { "x\($0)" }.joined(separator: ", ") + ") => " + (result == .exactly(.boolean) ? "TRUE" : "x0")
        case .topEntries: "ARRAY[1]"
        }
    }

    /// Calls of a function with one NULL each, and with nothing but NULLs where values stand.
    private func calls(of family: FunctionFamily) -> Set<String> {
        var calls: Set<String> = []
        for signature in family.signatures {
            let parameters = signature.parameters.flatMap { $0.isVariadic ? [$0, $0] : [$0] }
            let samples = parameters.map { sample($0.type) }
            let places = parameters.indices.filter { index in
                switch parameters[index].type {
                case .intervalUnit, .lambda: false
                default: true
                }
            }
            for nulls in places.map({ [$0] }) + [places] where !nulls.isEmpty {
                let arguments = samples.indices.map { nulls.contains($0) ? "NULL" : samples[$0] }
                calls.insert("\(family.name)(\(arguments.joined(separator: ", ")))")
            }
        }
        return calls
    }

    @Test func everyFunctionTakesNullOrRefusesItAtItsPlace() throws {
        let millrace = try Millrace(workers: 1)
        #expect(millrace.error(of: "CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);") == nil)
        #expect(millrace.error(of: "INSERT INTO s VALUES (1);") == nil)
        var tried = 0
        for family in FunctionTable.builtIn.all {
            for call in calls(of: family).sorted() {
                tried += 1
                guard let error = millrace.error(of: "SELECT \(call) FROM s;") else { continue }
                #expect(error.range != nil, "\(call): \(error.message)")
            }
        }
        #expect(tried > 500)
        millrace.engine.close()
    }

    @Test(arguments: [
        "ARRAY_LENGTH(NULL)", "MAP_KEYS(NULL)", "SLICE(NULL, 1, 2)", "MAP_UNION(NULL, NULL)", "ARRAY_UNION(NULL, NULL)",
        "AS_MAP(NULL, NULL)",
        "ARRAY_MAX(NULL)", "ARRAY_UNION(ARRAY[1], NULL)",
    ])
    func aNullForAnArrayOrMapGivesNull(call: String) throws {
        let millrace = try Millrace(workers: 1)
        _ = millrace.run("CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1); INSERT INTO s VALUES (1);")
        #expect(millrace.run("SELECT \(call) AS c FROM s;").filter { $0.hasPrefix(":") || $0.hasPrefix("-") } == [": [null]"])
        millrace.engine.close()
    }
}
