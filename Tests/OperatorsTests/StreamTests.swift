// Source, filter, projection and sink of streams.

import Bytes
import Formats
import Operators
import Plans
import Testing
import Values

@Suite struct StreamTests {
    let columns = [ColumnDefinition("A", .integer), ColumnDefinition("B", .string), ColumnDefinition("D", .double)]

    @Test func passThrough() throws {
        let out = try output(
            .source(source(columns)),
            [
                Line("k", #"{"a": 1, "b": "x\n\u00e9", "d": 1.5}"#, at: 7), Line("k2", #"{"D":10,"B":null,"A":2}"#, at: 8),
                Line("k3", nil, at: 9), Line(nil, #"{"A":3,"extra":[1,{"x":"]"}]}"#, at: 10),
            ])
        #expect(
            out == [
                #"k|{"A":1,"B":"x\né","D":1.5}@7"#, #"k2|{"A":2,"B":null,"D":10.0}@8"#, "k3|~@9", #"~|{"A":3,"B":null,"D":null}@10"#,
            ])
    }

    @Test func filterAndProject() throws {
        let filter = Step.filter(
            FilterStep(
                input: .source(source(columns)), predicate: TypedExpression(.compare(.greater, column(1, int), number(1)), .boolean),
                isTable: false))
        let root = project(
            filter,
            [
                ("K", column(0, text)), ("X", TypedExpression(.arithmetic(.add, column(1, int), number(10)), int)),
                ("U", TypedExpression(.call("UCASE", [column(2, text)]), text)),
            ])
        let lines = [
            Line("k", #"{"A":1,"B":"x"}"#), Line("k", #"{"A":2,"B":"xyz"}"#), Line("k", #"{"A":null}"#), Line("k", nil),
            Line("k", #"{"A":5}"#),
        ]
        let expected = [#"k|{"X":12,"U":"XYZ"}@0"#, #"k|{"X":15,"U":null}@0"#]
        #expect(try output(root, lines) == expected)
        #expect(try output(root, lines, batch: 1) == expected)
    }
}

func output(_ root: Step, _ lines: [Line], batch size: Int = 4096) throws -> [String] { try output(root, sink(), lines, batch: size) }
