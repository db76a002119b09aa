import Bytes
import LogStore
import Pipelines
import Quantities
import TestSupport
import Testing

private func input(end: Offset? = nil) -> TaskInput {
    TaskInput(index: 0, partition: PartitionKey(topic: TopicID(high: 1, low: 1), partition: 0), topicName: "t", position: 5, end: end)
}

private func input(_ name: Int, times: [Int64]) -> TaskInput {
    let partition = PartitionKey(topic: TopicID(high: 1, low: 1), partition: PartitionIndex(index: name))
    var input = TaskInput(index: name, partition: partition, topicName: "t", position: 0)
    var records = OutgoingRecords()
    for time in times { records.append(key: nil, value: [1], timestamp: time) }
    input.take(records.asRun)
    return input
}

@Test func anInputWithoutRecordsHasNothingToChoose() {
    var chooser = OldestFirst()
    #expect(chooser.choose(among: [input()], atMost: 10) == nil)
    #expect(!input().isFinished)
    #expect(input(end: 5).isFinished)
}

/// One side goes on as long as it is the oldest, so that interleaved inputs do not shrink batches more than they must.
@Test func theOldestInputComesFirst() throws {
    var chooser = OldestFirst()
    let found = chooser.choose(among: [input(0, times: [10, 30]), input(1, times: [1, 5, 10, 11])], atMost: 10)
    let choice = try #require(found)
    #expect(choice.input == 1)
    #expect(choice.count == 3)
    let only = chooser.choose(among: [input(0, times: [3, 1, 2])], atMost: 2)
    #expect(only?.count == 2)
}
