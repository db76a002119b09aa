// Recursions that never end by themselves.

import Bytes
import Operators
import Plans
import Quantities
import Testing
import Values

@Suite struct RecursionTests {
    /// Records of no source.
    private final class NoRecords: QuestionRecords {
        func rows(ofSystemTable name: String) throws(DataflowError) -> [[Value]] { [] }
        func input(of scan: RelationalScan) throws(DataflowError) -> QuestionScanInput { throw DataflowError("no source") }
        func read(
            _ scan: RelationalScan, _ take: (RecordRun, Range<Int>, PartitionIndex) throws(DataflowError) -> Bool
        ) throws(DataflowError) {}
    }

    /// `SELECT 1 UNION … SELECT n % modulus + 1 FROM r`
    private func plan(modulus: Int64, isAll: Bool) -> RelationalStep {
        let one = TypedExpression.literal(.bigint(1), .bigint)
        let rest = TypedExpression(.arithmetic(.modulo, .column(0, .bigint), .literal(.bigint(modulus), .bigint)), .bigint)
        let next = TypedExpression(.arithmetic(.add, rest, one), .bigint)
        let step = RelationalStep.project(.working(1, types: [.bigint]), [next])
        return .recursive(RelationalRecursion(name: "R", number: 1, base: .rows([[one]], types: [.bigint]), step: step, isAll: isAll))
    }

    private func answer(_ step: RelationalStep) throws(DataflowError) -> QuestionAnswer {
        let records = NoRecords()
        let run = QuestionRun(
            records, options: DataflowOptions(hashSeed: 1), environment: DataflowEnvironment(), cancel: CancelFlag(), mostRounds: 1000
        ) { _ in }
        return try run.answer(step)
    }

    @Test func anEndlessOneIsRefused() {
        #expect(throws: DataflowError("R still gives rows after 1000 rounds; a condition in its second SELECT must end it")) {
            try answer(plan(modulus: 7, isAll: true))
        }
    }

    @Test func oneThatGivesNothingNewEnds() throws {
        #expect(try answer(plan(modulus: 7, isAll: false)).rowCount == 7)
        #expect(try answer(.limit(plan(modulus: 7, isAll: true), offset: 0, limit: 20)).rowCount == 20)
    }
}
