import Functions
import Testing
import Values

/// What a call of `name` with arguments of these types gives: the result type, or the word for what went wrong.
private func outcome(_ name: String, _ arguments: [ArgumentShape]) -> String {
    guard let family = FunctionTable.builtIn[name: name] else { return "unknown" }
    do throws(ResolutionFailure) { return try family.resolve(arguments).resultType?.description ?? "open" } catch {
        if case .ambiguous = error { return "ambiguous" }
        return "none"
    }
}

@Test(arguments: [
    ("GREATEST", [ArgumentShape.typed(.integer), .typed(.bigint)], "ambiguous"),
    ("GREATEST", [.typed(.integer), .typed(.bigint), .typed(.decimal(precision: 30, scale: 18)), .typed(.double), .null], "DOUBLE"),
    ("GREATEST", [.typed(.integer), .typed(.integer), .null, .typed(.integer)], "INTEGER"),
    ("GREATEST", [.typed(.date), .null, .typed(.string)], "DATE"),
    ("GREATEST", [.null, .null], "ambiguous"),
    ("GREATEST", [], "none"),
    ("GREATEST", [.typed(.string), .typed(.integer)], "none"),
    ("greatest", [.typed(.decimal(precision: 9, scale: 2)), .typed(.decimal(precision: 7, scale: 6))], "DECIMAL(13, 6)"),
    ("GEO_DISTANCE", [.typed(.double), .typed(.double), .typed(.bigint), .typed(.integer)], "DOUBLE"),
    ("LOG", [.typed(.integer), .typed(.double)], "DOUBLE"),
    ("LOG", [.typed(.integer), .typed(.bigint)], "ambiguous"),
    ("SQRT", [.typed(.decimal(precision: 4, scale: 2))], "DOUBLE"),
    ("LEN", [.null], "ambiguous"),
    ("COALESCE", [.typed(.bigint), .typed(.integer)], "none"),
    ("IFNULL", [.typed(.integer), .typed(.integer)], "INTEGER"),
    ("ROUND", [.typed(.decimal(precision: 33, scale: 16))], "DECIMAL(17, 0)"),
    ("ROUND", [.typed(.double), .typed(.bigint)], "none"),
    ("EXPLODE", [.typed(.array(.bigint))], "BIGINT"),
    ("SUM", [.typed(.decimal(precision: 5, scale: 1))], "DECIMAL(5, 1)"),
    ("AVG", [.typed(.decimal(precision: 5, scale: 1))], "none"),
    ("TOPK", [.typed(.integer), .typed(.integer)], "ARRAY<INTEGER>"),
    ("TOPK", [.typed(.integer), .typed(.string), .typed(.integer)], "ARRAY<STRUCT<`sort_col` INTEGER, `col0` STRING>>"),
    ("DATEADD", [.intervalUnit("DAYS"), .typed(.integer), .typed(.date)], "DATE"),
    ("DATEADD", [.typed(.date), .typed(.integer), .typed(.date)], "none"),
    ("CONCAT", [.typed(.bytes), .typed(.string)], "BYTES"),
])
func aCallMeansOneSignature(name: String, arguments: [ArgumentShape], expected: String) {
    #expect(outcome(name, arguments) == expected)
}

@Test func aLambdaBindsTheResult() throws {
    let family = try #require(FunctionTable.builtIn[name: "TRANSFORM"])
    var call = try family.resolve([.typed(.array(.integer)), .lambda(parameterCount: 1)])
    #expect(call.lambdaInputs(ofArgument: 1) == [.integer])
    #expect(call.resultType == nil)
    let bound = call.bindLambda(argument: 1, body: .string)
    #expect(bound && call.resultType == .array(.string))
}

@Test func everySignatureOfTheTableCanBeRead() {
    #expect(FunctionTable.builtIn.all.count > 140)
    for family in FunctionTable.builtIn.all { #expect(!family.signatures.isEmpty && !family.summary.isEmpty, "\(family.name)") }
}
