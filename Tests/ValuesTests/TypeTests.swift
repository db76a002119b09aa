import Testing
import Values

@Suite struct TypeTests {
    private static let nested: SQLType = .structure([StructField("A", .array(.integer)), StructField("b c", .map(key: .string, value: .double))])

    @Test(arguments: [
        (SQLType.integer, "INTEGER"), (.decimal(precision: 9, scale: 2), "DECIMAL(9, 2)"), (.array(.string), "ARRAY<STRING>"),
        (.map(key: .string, value: .bigint), "MAP<STRING, BIGINT>"), (nested, "STRUCT<`A` ARRAY<INTEGER>, `b c` MAP<STRING, DOUBLE>>"),
    ])
    func typesPrintAsTheyAreWritten(type: SQLType, text: String) { #expect(type.description == text) }

    @Test func castsOfNumbersAndTexts() {
        let simple: [SQLType] = [.boolean, .integer, .bigint, .double, .decimal(precision: 4, scale: 1), .string, .time, .date, .timestamp, .bytes]
        for type in simple {
            #expect(type.canCast(to: type))
            #expect(type.canCast(to: .string) == (type != .bytes))
        }
        #expect(SQLType.integer.canCast(to: .decimal(precision: 4, scale: 1)))
        #expect(!SQLType.boolean.canCast(to: .integer))
        #expect(SQLType.date.canCast(to: .timestamp) && !SQLType.date.canCast(to: .time))
        #expect(SQLType.array(.integer).canCast(to: .array(.string)) && !SQLType.array(.boolean).canCast(to: .array(.integer)))
        #expect(Self.nested.containsMap && !SQLType.array(.integer).containsMap)
    }

    /// Precision and scale of arithmetic on decimals.
    @Test func shapesOfDecimalArithmetic() {
        #expect(SQLType.decimalSum((4, 2), (5, 1)) == .decimal(precision: 7, scale: 2))
        #expect(SQLType.decimalProduct((4, 2), (5, 1)) == .decimal(precision: 10, scale: 3))
        #expect(SQLType.decimalQuotient((4, 2), (5, 1)) == .decimal(precision: 11, scale: 8))
        #expect(SQLType.decimalRemainder((4, 2), (5, 1)) == .decimal(precision: 4, scale: 2))
    }

    /// Maps are equal whatever the order of their entries, and hash so.
    @Test func mapsAreSets() {
        let one = Value.map([MapEntry(.string("a"), .integer(1)), MapEntry(.string("b"), .integer(2))])
        let other = Value.map([MapEntry(.string("b"), .integer(2)), MapEntry(.string("a"), .integer(1))])
        #expect(one == other)
        #expect(one.hashValue == other.hashValue)
        #expect(one != .map([MapEntry(.string("a"), .integer(1))]))
    }
}
