// What a load says of its records, whose commits may be told of in any order.

@testable import Engine
import Quantities
import Sessions
import Testing

@Test func theOffsetsOfALoadAreThoseOfAllItsCommits() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let commits: [(partition: PartitionIndex, count: Int, base: Offset)] = [(0, 36, 100), (0, 4964, 136), (1, 5, 7)]
        var report = IngestReport()
        for place in order { report.add(commits[place].partition, commits[place].count, commits[place].base) }
        #expect(report.records == 5005)
        #expect(
            report.offsets == [
                IngestOffsets(partition: 0, first: 100, last: 5099), IngestOffsets(partition: 1, first: 7, last: 11),
            ])
    }
}
