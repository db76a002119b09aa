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

/// What `merge` gives for these inputs is what taking the oldest record again and again gives, table records first among equals.
@Test(arguments: [2, 3], [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64]) func mergesAsOneByOne(count: Int, seed: UInt64) throws {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func below(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % bound
    }
    let tables = (0..<count).map { _ in below(2) == 0 }
    var times = (0..<count).map { _ in (0..<1 + below(60)).map { _ in Int64(below(40)) } }
    func inputs() -> [TaskInput] {
        (0..<count).map { name in
            var made = input(name, times: times[name])
            made.isTable = tables[name]
            return made
        }
    }
    let limit = 1 + below(100)
    var chooser = OldestFirst()
    let merged = chooser.merge(inputs(), atMost: limit)
    let choice = try #require(merged)
    var order: [Int32] = []
    // One input goes on until another one's record comes before its own.
    while order.count < limit, times.allSatisfy({ !$0.isEmpty }) {
        let chosen = chooser.choose(among: inputs(), atMost: limit - order.count)
        let next = try #require(chosen)
        order += Array(repeating: Int32(next.input), count: next.count)
        times[next.input].removeFirst(next.count)
    }
    #expect(choice.order == order)
    #expect(choice.parts.map(\.count) == (0..<count).map { part in order.filter { $0 == part }.count })
}

/// Records go to the partitions of their keys, in order, with their headers; those without a key to the one that is named.
@Test func appendsKeepRecordsWhole() {
    var records = OutgoingRecords()
    for number in 0..<100 {
        let key: [UInt8]? = number % 7 == 0 ? nil : Array("key \(number % 13)".utf8)
        records.append(
            key: key, value: number % 5 == 0 ? nil : Array("\(number)".utf8), timestamp: Int64(number),
            headers: number % 11 == 0 ? [0, UInt8(number)] : nil)
    }
    let topic = OutputTopic(topic: TopicID(high: 1, low: 1), partitions: 3)
    let appends = topic.appends(of: records, keyless: 2)
    #expect(appends.reduce(0) { $0 + $1.records.count } == 100)
    func piece(_ records: OutgoingRecords, _ range: ByteRange) -> [UInt8]? { range.isNull ? nil : Array(records.bytes[range.indexes]) }
    for append in appends {
        let part = append.records
        #expect(part.timestamps == part.timestamps.sorted())
        for index in 0..<part.count {
            let number = Int(part.timestamps[index])
            let key = piece(part, part.keys[index])
            #expect(key == piece(records, records.keys[number]))
            #expect(piece(part, part.values[index]) == piece(records, records.values[number]))
            let header = part.headers.isEmpty ? nil : piece(part, part.headers[index])
            #expect(header == piece(records, records.headers[number]))
            let target = key.map { Bytes.partition(ofKey: $0, 0..<$0.count, among: 3) } ?? 2
            #expect(append.partition == PartitionIndex(index: target))
        }
    }
}
