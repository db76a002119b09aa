// Functions over numbers, choices, arrays and maps.

import Functions
import Operators
import Testing
import Values

@Suite struct FunctionsNumberTests {
    private func close(_ cell: Cell, _ expected: Double, _ tolerance: Double = 1e-12) -> Bool {
        guard case .double(let value) = cell.value else { return false }
        return abs(value - expected) <= tolerance * max(1, abs(expected))
    }

    @Test func rounding() {
        #expect(call("ROUND", 1.5) == big(2))
        #expect(call("ROUND", -1.5) == big(-1))
        #expect(call("ROUND", -12345.5) == big(-12345))
        #expect(call("ROUND", .init(floatLiteral: .nan)) == big(0))
        #expect(call("ROUND", 1e300) == big(.max))
        #expect(call("ROUND", 7) == big(7))
        #expect(call("ROUND", Cell(.null, .bigint)) == .failure)
        #expect(call("ROUND", Cell(.null, .double)) == nil)
        #expect(call("ROUND", 12345.678, -1) == 12350.0)
        #expect(call("ROUND", 12345.678, -2) == 12300.0)
        #expect(call("ROUND", -1.5, -1) == 0.0)
        #expect(call("ROUND", 2.675, 2) == 2.68)
        #expect(call("ROUND", .init(floatLiteral: .infinity), 1) == .failure)
        #expect(call("ROUND", decimal("12345678987654321.2345678987654321", 33, 16)) == decimal("12345678987654321", 17, 0))
        #expect(call("ROUND", decimal("12345678987654321.2345678987654321", 33, 16), 1) == decimal("12345678987654321.2", 33, 16))
        #expect(call("ROUND", decimal("12345678987654321.2345678987654321", 33, 16), -2) == decimal("12345678987654300", 33, 16))
        #expect(call("TRUNC", -1.7) == big(-1))
        #expect(call("TRUNC", 12345.678, -1) == 12340.0)
        #expect(call("TRUNC", decimal("-1.79", 4, 2), 1) == decimal("-1.7", 4, 2))
        #expect(call("TRUNC", 5) == big(5))
        #expect(call("FLOOR", decimal("-1.1", 2, 1)) == decimal("-2.0", 2, 1))
        #expect(call("CEIL", decimal("-1.7", 2, 1)) == decimal("-1.0", 2, 1))
        #expect(call("CEIL", 1.2) == 2.0)
        #expect(call("FLOOR", 3) == 3)
        #expect(call("ABS", .init(integerLiteral: .min)) == .failure)
        #expect(call("SIGN", -1.5) == -1)
        #expect(call("SIGN", .init(floatLiteral: .nan)) == 0)
        #expect(call("SIGN", big(9)) == 1)
    }

    @Test func mathematics() {
        #expect(close(call("LOG", 13.0), 2.5649493574615367))
        #expect(close(call("LOG", 15.0, 13.0), 0.9471572411831843))
        #expect(call("LOG", 0.0) == .init(floatLiteral: -.infinity))
        #expect(call("LOG", 1.0, 5.0) == .init(floatLiteral: .nan))
        #expect(call("LN", -1.0) == .init(floatLiteral: .nan))
        #expect(close(call("POWER", 15, 13), 1946195068359375.0))
        #expect(call("POWER", 0.0, 0.0) == 1.0)
        #expect(call("POWER", 15, -1) == 0.06666666666666667)
        #expect(call("SQRT", -1) == .init(floatLiteral: .nan))
        #expect(call("COT", 0) == .init(floatLiteral: .infinity))
        #expect(call("ATAN2", 0, -3) == 3.141592653589793)
        #expect(call("CBRT", -27) == -3.0)
        #expect(call("PI") == 3.141592653589793)
        #expect(call("DEGREES", -0.25) == -14.32394487827058)
        #expect(call("RADIANS", 180) == 3.141592653589793)
        for (name, expected) in [
            ("ACOS", 1.0471975511965979), ("ASIN", 0.5235987755982989), ("ATAN", 0.4636476090008061), ("COS", 0.8775825618903728),
            ("COSH", 1.1276259652063807), ("SIN", 0.479425538604203), ("SINH", 0.5210953054937474), ("TAN", 0.5463024898437905),
            ("TANH", 0.46211715726000973), ("EXP", 1.6487212707001282),
        ] { #expect(close(call(name, 0.5), expected), "\(name)") }
        #expect(call("RANDOM", environment: DataflowEnvironment(random: { 1 << 63 })) == 0.5)
    }

    @Test func distances() {
        #expect(close(call("GEO_DISTANCE", 37.4439, -122.1663, 51.5257, -0.1122), 8634.659796579544, 1e-6))
        #expect(close(call("GEO_DISTANCE", 37.4439, -122.1663, 51.5257, -0.1122, " Miles"), 5365.659729188262, 1e-6))
        #expect(call("GEO_DISTANCE", 91.0, 0.0, 0.0, 0.0) == .failure)
        #expect(call("GEO_DISTANCE", nil, 0.0, 0.0, 0.0) == .failure)
        #expect(call("GEO_DISTANCE", 1.0, 0.0, 0.0, 0.0, "feet") == .failure)
    }

    @Test func extremes() {
        #expect(call("GREATEST", 1, nil, 5, 3) == 5)
        #expect(call("LEAST", "b", "B", nil) == "B")
        #expect(call("GREATEST", 1.0, .init(floatLiteral: .nan)) == .init(floatLiteral: .nan))
        #expect(call("LEAST", 0.0, -0.0) == -0.0)
        #expect(call("GREATEST", bytes(0x80), bytes(0)) == bytes(0))
        #expect(call("GREATEST", decimal("2.50", 9, 2), decimal("1.123456", 7, 6)) == decimal("2.5", 13, 6))
        #expect(call("GREATEST", Cell(.null, .integer)) == nil)
        #expect(call("GREATEST", date(1), date(9)) == date(9))
    }

    @Test func choices() {
        #expect(call("COALESCE", nil, "a") == "a")
        #expect(call("IFNULL", Cell(.null, .integer), 10) == 10)
        #expect(call("NULLIF", [1, nil], [1, nil]) == nil)
        #expect(call("NULLIF", "a", "A") == "a")
        #expect(call("AS_VALUE", 7) == 7)
    }

    @Test func arraysAsSets() {
        #expect(call("ARRAY_CONCAT", [1, nil], [1]) == [1, nil, 1])
        #expect(call("ARRAY_CONCAT", Cell(.null, .array(.integer)), [1]) == [1])
        #expect(call("ARRAY_DISTINCT", ["a", nil, "a", nil, "b"]) == ["a", nil, "b"])
        #expect(call("ARRAY_EXCEPT", [0, 0, 1, 0, -1], [1, -2]) == [0, -1])
        #expect(call("ARRAY_INTERSECT", [0, 0, 1, 0, -1], [1, -2, 0]) == [0, 1])
        #expect(call("ARRAY_UNION", [1, 2, 2], [3, nil, 1]) == [1, 2, 3, nil])
        #expect(call("ARRAY_UNION", [1], Cell(.null, .array(.integer))) == nil)
        #expect(call("ARRAY_CONTAINS", [1, nil], nil) == true)
        #expect(call("ARRAY_CONTAINS", Cell(.null, .array(.integer)), 1) == false)
        #expect(call("ARRAY_CONTAINS", [["a": 1, "b": 2]], ["b": 2, "a": 1]) == true)
        #expect(call("ARRAY_REMOVE", [[1], [2], [1]], [1]) == [[2]])
        #expect(call("ARRAY_REMOVE", [1, nil, 1], nil) == [1, 1])
        let many = Cell(array: (0..<100).map { Cell(.integer(Int32($0 % 40)), .integer) })
        #expect(call("ARRAY_LENGTH", call("ARRAY_DISTINCT", many)) == 40)
    }

    /// What is the same is the same whether elements are few or so many that they are hashed, for values of every kind.
    @Test(arguments: [3, 15, 16, 17, 100, 5000]) func setsOfEachKind(count: Int) {
        let kinds: [(Int) -> Cell] = [
            { Cell(.bigint(Int64($0)), .bigint) },
            { Cell(.double($0 == 0 ? .nan : $0 == 1 ? -0.0 : $0 == 2 ? 0 : Double($0)), .double) },
            { Cell(.string("text number \($0)"), .string) },
            { Cell(array: [Cell(.integer(Int32($0)), .integer)]) },
            { $0 == 1 ? Cell(.null, .bigint) : Cell(.bigint(Int64($0)), .bigint) },
        ]
        for kind in kinds {
            let elements = (0..<count).map(kind)
            let twice = Cell(array: elements + elements.reversed())
            #expect(call("ARRAY_DISTINCT", twice) == Cell(array: elements))
            #expect(call("ARRAY_UNION", Cell(array: elements), twice) == Cell(array: elements))
            #expect(call("ARRAY_INTERSECT", twice, Cell(array: [elements[2], elements[1]])) == Cell(array: [elements[1], elements[2]]))
            #expect(call("ARRAY_EXCEPT", twice, Cell(array: Array(elements.dropFirst(2)))) == Cell(array: [elements[0], elements[1]]))
        }
    }

    @Test func arraysInOrder() {
        #expect(call("ARRAY_MAX", ["foo", "fo", "Food", "F", "food"]) == "food")
        #expect(call("ARRAY_MIN", ["foo", nil, "F"]) == "F")
        #expect(call("ARRAY_MAX", [true, false]) == true)
        #expect(call("ARRAY_MAX", Cell(array: [], of: .integer)) == nil)
        #expect(call("ARRAY_MAX", [[1]]) == .failure)
        #expect(call("ARRAY_SORT", [3, nil, 1, 2]) == [1, 2, 3, nil])
        #expect(call("ARRAY_SORT", [3, nil, 1, 2], "desc") == [3, 2, 1, nil])
        #expect(call("ARRAY_SORT", [3, 1], "up") == nil)
        #expect(call("ARRAY_JOIN", [true, nil, false]) == "true,null,false")
        #expect(call("ARRAY_JOIN", [true, nil, false], nil) == "truenullfalse")
        #expect(call("ARRAY_JOIN", [0.0, -23.42, 1e10], "; ") == "0.0; -23.42; 1.0E10")
        #expect(call("ARRAY_JOIN", [bytes(1)]) == .failure)
        #expect(call("ARRAY_JOIN", Cell(array: [], of: .integer)) == "")
        #expect(call("SLICE", ["a", "b", "c", "d"], 2, 3) == ["b", "c"])
        #expect(call("SLICE", ["a", "b"], nil, nil) == ["a", "b"])
        #expect(call("SLICE", ["a", "b"], 2, 1) == Cell(.array([]), nil))
        #expect(call("SLICE", ["a", "b"], 3, 1) == nil)
        #expect(call("SLICE", ["a", "b"], 0, 1) == nil)
        #expect(call("SLICE", ["a", "b"], 1, 3) == nil)
    }

    @Test func series() {
        #expect(call("GENERATE_SERIES", 1, 4) == [1, 2, 3, 4])
        #expect(call("GENERATE_SERIES", 2, 0) == [2, 1, 0])
        #expect(call("GENERATE_SERIES", 3, 3) == [3])
        #expect(call("GENERATE_SERIES", -2, 1, 2) == [-2, 0])
        #expect(call("GENERATE_SERIES", 1, -2, -2) == [1, -1])
        #expect(call("GENERATE_SERIES", big(1), big(5), 3) == [big(1), big(4)])
        #expect(call("GENERATE_SERIES", 1, 2, 0) == .failure)
        #expect(call("GENERATE_SERIES", 1, 2, -1) == .failure)
        #expect(call("GENERATE_SERIES", 1, nil) == .failure)
        #expect(call("GENERATE_SERIES", big(0), big(.max)) == .failure)
    }

    @Test func mapsAreWalkedByBucket() {
        #expect(call("MAP_KEYS", ["a": 1, "d": 2]) == ["d", "a"])
        #expect(call("MAP_VALUES", ["e": 1, "c": 2, "a": 3]) == [1, 3, 2])
        #expect(call("MAP_KEYS", ["yes, thanks": 1, "nope": 2, "sure, yeah": 3]) == ["yes, thanks", "sure, yeah", "nope"])
    }

    @Test func maps() {
        #expect(call("AS_MAP", ["a", "b", "a"], [1, 2, 3, 4]) == ["a": 3, "b": 2])
        #expect(call("AS_MAP", ["a", "b"], [1]) == ["a": 1, "b": nil])
        #expect(call("MAP_KEYS", ["a": 1, "b": nil]) == ["a", "b"])
        #expect(call("MAP_VALUES", ["a": 1, "b": nil]) == [1, nil])
        #expect(call("MAP_UNION", ["foo": 10, "x": 1], ["foo": nil, "y": 2]) == ["foo": nil, "x": 1, "y": 2])
        #expect(call("MAP_UNION", ["foo": 10], Cell(.null, .map(key: .string, value: .integer))) == ["foo": 10])
        #expect(
            call("ENTRIES", ["b": 1, "B": 2], true)
                == Cell(.array([.structure([.string("B"), .integer(2)]), .structure([.string("b"), .integer(1)])]), nil))
        #expect(call("ENTRIES", Cell(.null, .map(key: .string, value: .integer)), true) == nil)
        #expect(call("ENTRIES", ["b": 1], nil) == .failure)
        let keys = Cell(array: (0..<60).map { Cell(.string("k\($0 % 30)"), .string) })
        #expect(call("ARRAY_LENGTH", call("MAP_KEYS", call("AS_MAP", keys, [1]))) == 30)
    }
}
