// What one task has fetched is what the others of its worker get.

import Bytes
import LogStore
import Pipelines
import Quantities
import TestSupport
import Testing

private let stream = PartitionKey(topic: TopicID(high: 0, low: 1), partition: 0)

/// A run of so many records of a KiB each.
private func records(_ count: Int, from offset: Offset) -> RecordRun {
    RecordRun(
        bytes: [UInt8](repeating: 0, count: count << 10), keys: Array(repeating: .null, count: count),
        values: Array(repeating: .null, count: count), headers: [], timestamps: Array(repeating: 0, count: count),
        offsets: (0..<Int64(count)).map { offset.count + $0 }, nextOffset: offset + Int64(count), isAtEnd: false)
}

/// Readers of a partition, and how often they have asked the log.
private final class Readers {
    let runs = SharedRuns(byteLimit: 64 << 10)
    private(set) var fetches = 0

    init(_ count: Int) { for _ in 0..<count { runs.join([stream]) } }

    func read(_ position: Offset, _ count: Int = 10, moment: LogMoment = .appended, generation: UInt64 = 1) throws -> RecordRun {
        try runs.run(of: stream, from: position, upTo: moment, generation: generation) {
            fetches += 1
            return records(count, from: position)
        }
    }
}

struct SharedRunsTests {
    @Test func whatOneHasFetchedTheOthersGet() throws {
        let readers = Readers(2)
        let first = try readers.read(0)
        #expect(try readers.read(0) === first && readers.fetches == 1)
        #expect(try readers.read(10) !== first && readers.fetches == 2)
    }

    /// While the log grows, runs end where its end just was: readers that stand inside a run take it, and come to the same runs again.
    @Test func whoStandsInsideARunTakesTheRest() throws {
        let readers = Readers(2)
        _ = try readers.read(0, 5)
        let longer = try readers.read(5, 20)
        #expect(try readers.read(7) === longer && readers.fetches == 2)
        #expect(try readers.read(24) === longer && readers.fetches == 2)
        #expect(try readers.read(25) !== longer && readers.fetches == 3)
    }

    /// Of a compacted topic records are missing where a fetch begins, and where it ends.
    @Test func recordsThatAreMissingBelongToTheFetchThatPassedThem() throws {
        let readers = Readers(2)
        let run = try readers.runs.run(of: stream, from: 3, upTo: .appended, generation: 1) { records(10, from: 7) }
        #expect(try readers.read(5) === run && readers.fetches == 0)
        #expect(try readers.read(2) !== run && readers.fetches == 1)
    }

    /// Each reader that fetches looks through what is kept, so there are not many, however small they are.
    @Test func fewRunsAreKept() throws {
        let runs = SharedRuns(byteLimit: 1 << 30)
        for _ in 0..<2 { runs.join([stream]) }
        var fetches = 0
        for position in (Array(0..<500) + [0, 499]).map({ Offset(clamping: $0) }) {
            _ = try runs.run(of: stream, from: position, upTo: .appended, generation: 1) {
                fetches += 1
                return records(1, from: position)
            }
        }
        #expect(fetches == 501)
    }

    @Test func oneReaderAloneKeepsNothing() throws {
        let readers = Readers(2)
        readers.runs.leave([stream])
        let first = try readers.read(0)
        #expect(try readers.read(0) !== first && readers.fetches == 2)
    }

    /// What may have been withdrawn is fetched again, and so is what a reader of durable records may not see.
    @Test func runsOfOtherKindsAreNotMixed() throws {
        let readers = Readers(2)
        let first = try readers.read(0)
        #expect(try readers.read(0, generation: 2) !== first)
        #expect(try readers.read(0, moment: .durable, generation: 2) !== first)
        #expect(readers.fetches == 3)
    }

    /// An empty run says where the end was, which moves.
    @Test func anEndIsAskedForEachTime() throws {
        let readers = Readers(2)
        _ = try readers.read(0, 0)
        _ = try readers.read(0, 0)
        #expect(readers.fetches == 2)
    }

    /// Of three runs of 20 KiB, all fit 64 KiB; with a fourth, the one that was used longest ago goes.
    @Test func whatWasUsedLongestAgoGoes() throws {
        let readers = Readers(2)
        let (first, second) = (try readers.read(0, 20), try readers.read(20, 20))
        _ = try readers.read(40, 20)
        #expect(try readers.read(0, 20) === first && readers.fetches == 3)
        _ = try readers.read(60, 20)
        #expect(try readers.read(0, 20) === first && readers.fetches == 4)
        #expect(try readers.read(20, 20) !== second && readers.fetches == 5)
    }

    @Test func nothingIsKeptWhenNobodyHasWork() throws {
        let readers = Readers(2)
        let first = try readers.read(0)
        readers.runs.releaseAll()
        #expect(try readers.read(0) !== first)
    }
}
