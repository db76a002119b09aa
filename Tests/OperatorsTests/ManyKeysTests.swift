// Far more keys than the tables hold in their first partition: each keeps its group, across every growth and the split.

import Operators
import Plans
import Testing
import Values

@Suite struct ManyKeysTests {
    /// Counts 100,000 keys, each twice: all of them, then all of them again. The first time round each count is 1, the second time 2.
    private func check(grouping: TypedExpression) throws {
        let keys = 100_000
        let lines = try output(aggregate(events, by: [grouping], [countAll]), (0..<2 * keys).map { Line("k", #"{"V":\#($0 % keys)}"#) })
        #expect(lines.count == 2 * keys)
        #expect(lines.prefix(keys).allSatisfy { $0.contains(#"{"A0":1}"#) })
        #expect(lines.dropFirst(keys).allSatisfy { $0.contains(#"{"A0":2}"#) })
    }

    @Test(.timeLimit(.minutes(20))) func numbers() throws { try check(grouping: column(1, big)) }

    @Test(.timeLimit(.minutes(20))) func texts() throws { try check(grouping: TypedExpression(.cast(column(1, big)), .string)) }

    /// Keys with escapes in one batch: none is looked for among those of other rows.
    @Test(.timeLimit(.minutes(20))) func textsWithEscapes() throws {
        let count = 100_000
        let texts = Step.source(source([ColumnDefinition("V", .string)]))
        let lines = (0..<count).map { Line("k", #"{"V":"first\n","V":"\"\#($0)"}"#) }
        let found = try output(project(texts, [("K", column(0, text)), ("V", column(1, text))]), lines, batch: count)
        #expect(found.count == count)
        #expect(found.last == #"k|{"V":"\"\#(count - 1)"}@0"#)
    }
}
