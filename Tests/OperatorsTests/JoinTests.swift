// Joins: of streams in a window, of streams with tables, of tables by primary and by foreign key; one record at a time and merged.

import Operators
import Plans
import Testing
import Values

@Suite struct JoinTests {
    let window = JoinWindow(before: 10_000, after: 10_000, grace: 86_380_000, hasGrace: false)

    @Test func streamsInner() throws {
        let arrivals = [
            fromLeft("k", #"{"A":"a1"}"#, at: 0), fromRight("k", #"{"B":"b1"}"#, at: 5000), fromRight("x", #"{"B":"b2"}"#, at: 5000),
            fromLeft("k", #"{"A":"a2"}"#, at: 15_000), fromLeft("k", #"{"A":"a3"}"#, at: 15_001), fromRight("k", nil, at: 1),
            fromLeft(nil, #"{"A":"a4"}"#, at: 1), fromRight("k", #"{"B":"b3"}"#, at: 7000),
        ]
        #expect(
            try joined(joinStep(.inner, .streamStream(window)), arrivals) == [
                #"k|{"A":"a1","B":"b1"}@5000"#, #"k|{"A":"a2","B":"b1"}@15000"#, #"k|{"A":"a1","B":"b3"}@7000"#,
                #"k|{"A":"a2","B":"b3"}@15000"#,
                #"k|{"A":"a3","B":"b3"}@15001"#,
            ])
    }

    /// Worked examples of all join types.
    @Test func streamsOuter() throws {
        let arrivals = [
            fromLeft("k", #"{"A":"a1"}"#, at: 0), fromRight("k", #"{"B":"b1"}"#, at: 5000), fromLeft("k", #"{"A":"a2"}"#, at: 20_000),
            fromLeft("k", #"{"A":"a3"}"#, at: 40_000),
        ]
        #expect(
            try joined(joinStep(.left, .streamStream(window)), arrivals) == [
                #"k|{"A":"a1","B":null}@0"#, #"k|{"A":"a1","B":"b1"}@5000"#, #"k|{"A":"a2","B":null}@20000"#,
                #"k|{"A":"a3","B":null}@40000"#,
            ])
        let patient = JoinWindow(before: 10_000, after: 10_000, grace: 0, hasGrace: true)
        #expect(
            try joined(joinStep(.left, .streamStream(patient)), arrivals) == [
                #"k|{"A":"a1","B":"b1"}@5000"#, #"k|{"A":"a2","B":null}@20000"#,
            ])
        let crossed = [fromRight("k", #"{"B":"b1"}"#, at: 3), fromLeft("k", #"{"A":"a1"}"#, at: 4)]
        #expect(
            try joined(joinStep(.full, .streamStream(window)), crossed) == [
                #"k|{"A":null,"B":"b1"}@3"#, #"k|{"A":"a1","B":"b1"}@4"#,
            ])
        let skewed = JoinWindow(before: 0, after: 10, grace: 100, hasGrace: false)
        let pair = [fromLeft("k", #"{"A":"a"}"#, at: 0), fromRight("k", #"{"B":"b"}"#, at: 5)]
        #expect(try joined(joinStep(.left, .streamStream(skewed)), pair).last == #"k|{"A":"a","B":"b"}@5"#)
        // RIGHT joins measure from the right record.
        #expect(try joined(joinStep(.right, .streamStream(skewed)), pair) == [#"k|{"A":null,"B":"b"}@5"#])
    }

    /// Rows without a key find no partner: an outer side lets them out at once, without it they are dropped.
    @Test func rowsWithoutKeys() throws {
        let arrivals = [fromLeft(nil, #"{"A":"a1"}"#, at: 1), fromRight(nil, #"{"B":"b1"}"#, at: 2)]
        let patient = JoinWindow(before: 10_000, after: 10_000, grace: 0, hasGrace: true)
        #expect(try joined(joinStep(.inner, .streamStream(patient)), arrivals) == [])
        #expect(try joined(joinStep(.left, .streamStream(patient)), arrivals) == [#"~|{"A":"a1","B":null}@1"#])
        #expect(
            try joined(joinStep(.full, .streamStream(patient)), arrivals) == [#"~|{"A":"a1","B":null}@1"#, #"~|{"A":null,"B":"b1"}@2"#])
        #expect(try joined(joinStep(.left, .streamTable, rightKind: .table), [arrivals[0]]) == [#"~|{"A":"a1","B":null}@1"#])
    }

    /// Deletions alone give nothing where neither side has a row.
    @Test func deletionsOfNothing() throws {
        let arrivals = [
            fromLeft("k", nil, at: 1), fromRight("k", nil, at: 2), fromRight("k", #"{"B":"b"}"#, at: 3), fromLeft("k", nil, at: 4),
        ]
        func results(_ type: JoinType) throws -> [String] {
            try joined(joinStep(type, .tableTable, leftKind: .table, rightKind: .table), arrivals, isTable: true)
        }
        #expect(try results(.inner) == ["k|~@4"])
        #expect(try results(.left) == ["k|~@4"])
        #expect(try results(.full) == [#"k|{"A":null,"B":"b"}@3"#, #"k|{"A":null,"B":"b"}@4"#])
    }

    @Test func streamWithTable() throws {
        let arrivals = [
            fromLeft("k", #"{"A":"a1"}"#, at: 9), fromRight("k", #"{"B":"b1"}"#, at: 20), fromLeft("k", #"{"A":"a2"}"#, at: 10),
            fromRight("k", nil, at: 30), fromLeft("k", #"{"A":"a3"}"#, at: 11), fromLeft("k", nil, at: 12),
        ]
        #expect(
            try joined(joinStep(.left, .streamTable, rightKind: .table), arrivals) == [
                #"k|{"A":"a1","B":null}@9"#, #"k|{"A":"a2","B":"b1"}@10"#, #"k|{"A":"a3","B":null}@11"#,
            ])
        #expect(try joined(joinStep(.inner, .streamTable, rightKind: .table), arrivals) == [#"k|{"A":"a2","B":"b1"}@10"#])
    }

    @Test func tables() throws {
        let arrivals = [
            fromLeft("k", #"{"A":"a1"}"#, at: 1), fromRight("k", #"{"B":"b1"}"#, at: 5), fromLeft("k", #"{"A":"a2"}"#, at: 3),
            fromRight("k", nil, at: 6), fromRight("k", nil, at: 7), fromLeft("k", nil, at: 8), fromRight("z", #"{"B":"b2"}"#, at: 9),
        ]
        func results(_ type: JoinType) throws -> [String] {
            try joined(joinStep(type, .tableTable, leftKind: .table, rightKind: .table), arrivals, isTable: true)
        }
        // A deletion of what is gone already is passed on while the other side has a row.
        #expect(try results(.inner) == [#"k|{"A":"a1","B":"b1"}@5"#, #"k|{"A":"a2","B":"b1"}@5"#, "k|~@6", "k|~@7"])
        #expect(
            try results(.left) == [
                #"k|{"A":"a1","B":null}@1"#, #"k|{"A":"a1","B":"b1"}@5"#, #"k|{"A":"a2","B":"b1"}@5"#, #"k|{"A":"a2","B":null}@6"#,
                #"k|{"A":"a2","B":null}@7"#, "k|~@8",
            ])
        #expect(
            try results(.right) == [
                #"k|{"A":"a1","B":"b1"}@5"#, #"k|{"A":"a2","B":"b1"}@5"#, "k|~@6", "k|~@7", #"z|{"A":null,"B":"b2"}@9"#,
            ])
        #expect(try results(.full).suffix(2) == ["k|~@8", #"z|{"A":null,"B":"b2"}@9"#])
    }

    @Test func foreignKeys() throws {
        let key = TypedExpression.column(1, .string)
        let arrivals = [
            fromLeft("2", #"{"A":"x"}"#, at: 1), fromLeft("1", #"{"A":"x"}"#, at: 2), fromRight("x", #"{"B":"b1"}"#, at: 3),
            fromLeft("3", "{}", at: 4), fromLeft("1", #"{"A":"y"}"#, at: 5), fromRight("x", #"{"B":"b2"}"#, at: 6),
            fromRight("x", nil, at: 7), fromLeft("2", nil, at: 8), fromLeft("1", nil, at: 9),
        ]
        func results(_ type: JoinType) throws -> [String] {
            try joined(joinStep(type, .foreignKey(key), leftKind: .table, rightKind: .table), arrivals, isTable: true)
        }
        #expect(
            try results(.inner) == [
                #"1|{"A":"x","B":"b1"}@3"#, #"2|{"A":"x","B":"b1"}@3"#, "1|~@5", #"2|{"A":"x","B":"b2"}@6"#, "2|~@7",
                // What a left row named is taken back, whether or not it was there.
                "2|~@8", "1|~@9",
            ])
        #expect(
            try results(.left) == [
                #"2|{"A":"x","B":null}@1"#, #"1|{"A":"x","B":null}@2"#, #"1|{"A":"x","B":"b1"}@3"#, #"2|{"A":"x","B":"b1"}@3"#,
                #"3|{"A":null,"B":null}@4"#, #"1|{"A":"y","B":null}@5"#, #"2|{"A":"x","B":"b2"}@6"#, #"2|{"A":"x","B":null}@7"#, "2|~@8",
                "1|~@9",
            ])
    }
}
