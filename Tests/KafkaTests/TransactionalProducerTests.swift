// Transactional producers at the broker: what they may do when, what becomes of it for consumers and groups, and at whatever operation of the file
// system the power is cut.

import Bytes
import LogStore
import Platform
import Quantities
import Testing

@testable import Kafka

/// A producer with a transactional id.
private struct TransactionalProducer {
    let client: KafkaClient
    let name: String
    var id: Int64 = -1
    var epoch: Int16 = -1
    var sequences: [NamedPartition: Int32] = [:]

    init(_ client: KafkaClient, _ name: String) {
        (self.client, self.name) = (client, name)
    }

    mutating func begin(timeout: Int32 = 60_000) throws -> KafkaError? {
        var request = InitProducerIdRequest()
        (request.transactionalId, request.transactionTimeoutMs) = (name, timeout)
        let answered = try client.ask(request, as: InitProducerIdResponse.self)
        (id, epoch, sequences) = (answered.producerId, answered.producerEpoch, [:])
        return KafkaError(rawValue: answered.errorCode)
    }

    func add(_ topic: String, _ partition: Int32 = 0, version: Int16 = 3) throws -> KafkaError? {
        var request = AddPartitionsToTxnRequest()
        (request.transactionalId, request.producerId, request.producerEpoch) = (name, id, epoch)
        var wanted = AddPartitionsToTxnRequest.Topic()
        (wanted.name, wanted.partitions) = (topic, [partition])
        request.topics = [wanted]
        let answered = try client.ask(request, as: AddPartitionsToTxnResponse.self, version: version)
        return KafkaError(rawValue: answered.resultsByTopic[0].resultsByPartition[0].partitionErrorCode)
    }

    mutating func write(_ topic: String, _ value: String) throws -> KafkaError? {
        let place = NamedPartition(topic: topic, partition: 0)
        let sequence = sequences[place] ?? 0
        sequences[place] = sequence + 1
        let stamp = BatchProducer(id: id, epoch: epoch, baseSequence: sequence)
        return try client.produce(
            topic, KafkaClient.batch([("k", value)], producer: stamp, isTransactional: true), transaction: name
        ).error
    }

    func addOffsets(_ group: String) throws -> KafkaError? {
        var request = AddOffsetsToTxnRequest()
        (request.transactionalId, request.producerId, request.producerEpoch, request.groupId) = (name, id, epoch, group)
        return KafkaError(rawValue: try client.ask(request, as: AddOffsetsToTxnResponse.self).errorCode)
    }

    func commit(_ offset: Int64, of topic: String, _ group: String) throws -> KafkaError? {
        var request = TxnOffsetCommitRequest()
        (request.transactionalId, request.producerId, request.producerEpoch, request.groupId) = (name, id, epoch, group)
        var (wanted, place) = (TxnOffsetCommitRequest.Topic(), TxnOffsetCommitRequest.Topic.Partition())
        (wanted.name, place.committedOffset) = (topic, offset)
        wanted.partitions = [place]
        request.topics = [wanted]
        return KafkaError(rawValue: try client.ask(request, as: TxnOffsetCommitResponse.self).topics[0].partitions[0].errorCode)
    }

    func end(isCommit: Bool, version: Int16 = 3) throws -> KafkaError? {
        var request = EndTxnRequest()
        (request.transactionalId, request.producerId, request.producerEpoch, request.committed) = (name, id, epoch, isCommit)
        return KafkaError(rawValue: try client.ask(request, as: EndTxnResponse.self, version: version).errorCode)
    }
}

extension KafkaClient {
    fileprivate func offset(_ group: String, of topic: String, isStable: Bool = false) throws -> (offset: Int64, error: KafkaError?) {
        var request = OffsetFetchRequest()
        request.requireStable = isStable
        var (wanted, place) = (OffsetFetchRequest.Group(), OffsetFetchRequest.Group.Topic())
        (wanted.groupId, place.name, place.partitionIndexes) = (group, topic, [0])
        wanted.topics = [place]
        request.groups = [wanted]
        let found = try ask(request, as: OffsetFetchResponse.self).groups[0].topics[0].partitions[0]
        return (found.committedOffset, KafkaError(rawValue: found.errorCode))
    }
}

private func openBroker(_ files: any FileSystem, clock: any TimeSource = SystemTime()) throws -> (SegmentedLog, KafkaClient) {
    var options = LogOptions()
    options.journalBytes = ByteCount(length: 4000)
    let log = try SegmentedLog(directory: "/data", files: files, clock: clock, random: SeededRandom(seed: 1), options: options)
    var own = KafkaOptions(host: "localhost", port: 9092)
    own.isReserved = { $0.hasPrefix("__") }
    own.isReservedGroup = { $0 == "QUERY_1" }
    let broker = try KafkaBroker(log, own, clock: clock, random: SeededRandom(seed: UInt64(log.describeTopics().count) + 5), scheduler: HostScheduler())
    return (log, KafkaClient(broker: broker))
}

private func values(_ log: any EventLog, _ topic: String) throws -> [String] {
    guard let id = log.topicID(named: topic) else { return [] }
    var found: [String] = []
    try readAll(of: log, PartitionKey(topic: id, partition: .first)) { run in
        for range in run.values { found.append(String(decoding: run.bytes(of: range) ?? [], as: UTF8.self)) }
    }
    return found
}

@Suite struct TransactionalProducerTests {
    private let log: SegmentedLog
    private let client: KafkaClient

    init() throws {
        (log, client) = try openBroker(MemoryFileSystem())
        #expect(try client.create("t").errorCode == 0)
    }

    @Test func whatConsumersSee() throws {
        var producer = TransactionalProducer(client, "x")
        #expect(try producer.begin() == KafkaError.none)
        #expect(try producer.write("t", "0") == .invalidTransactionState)
        producer.sequences = [:]
        #expect(try producer.add("t") == KafkaError.none)
        #expect(try producer.write("t", "1") == KafkaError.none)
        let open = try client.fetch("t", from: 0, isolation: 1)
        #expect(open.lastStableOffset == 0 && open.highWatermark == 1 && open.records?.isEmpty ?? true)
        #expect(try client.fetch("t", from: 0).records?.isEmpty == false)
        #expect(try producer.end(isCommit: false) == KafkaError.none)
        // The same again is no error, the other end is one.
        #expect(try producer.end(isCommit: false) == KafkaError.none)
        #expect(try producer.end(isCommit: true) == .invalidTransactionState)
        let aborted = try client.fetch("t", from: 0, isolation: 1)
        #expect(aborted.lastStableOffset == 2 && aborted.abortedTransactions?.map(\.firstOffset) == [0])
        #expect(try client.fetch("t", from: 0).abortedTransactions == nil)
        #expect(try producer.add("t") == KafkaError.none)
        #expect(try producer.write("t", "2") == KafkaError.none)
        #expect(try producer.end(isCommit: true) == KafkaError.none)
        #expect(try values(log, "t") == ["2"])
    }

    /// The offset of the first record at or after a time.
    private func offset(at timestamp: Int64, isolation: Int8) throws -> Int64 {
        var request = ListOffsetsRequest()
        var (topic, place) = (ListOffsetsRequest.Topic(), ListOffsetsRequest.Topic.Partition())
        place.timestamp = timestamp
        (topic.name, topic.partitions) = ("t", [place])
        (request.topics, request.isolationLevel) = ([topic], isolation)
        return try client.ask(request, as: ListOffsetsResponse.self, version: 7).topics[0].partitions[0].offset
    }

    /// Whom a search by time tells of an open transaction, and that it tells everyone of an aborted one, as Kafka does.
    @Test func timesInTransactions() throws {
        var producer = TransactionalProducer(client, "x")
        #expect(try producer.begin() == KafkaError.none)
        #expect(try producer.add("t") == KafkaError.none)
        #expect(try producer.write("t", "1") == KafkaError.none)
        for timestamp in [0, 1000, -3] as [Int64] {
            #expect(try offset(at: timestamp, isolation: 0) == 0 && offset(at: timestamp, isolation: 1) == -1, "\(timestamp)")
        }
        #expect(try producer.end(isCommit: false) == KafkaError.none)
        #expect(try offset(at: 0, isolation: 0) == 0 && offset(at: 1000, isolation: 1) == 0)
        #expect(try values(log, "t") == [])
    }

    /// A consumer who waits behind an open transaction is answered when that ends.
    @Test func theEndWakesConsumers() throws {
        var producer = TransactionalProducer(client, "x")
        #expect(try producer.begin() == KafkaError.none)
        #expect(try producer.add("t") == KafkaError.none)
        #expect(try producer.write("t", "1") == KafkaError.none)
        let answer = Monitor<KafkaReply?>(nil)
        client.broker.answer(KafkaClient.frame(KafkaClient.fetching("t", from: 0, wait: 60_000, isolation: 1), 12)) { reply in
            answer.update { $0 = reply }
        }
        #expect(answer.withLock { $0 == nil })
        #expect(try producer.end(isCommit: true) == KafkaError.none)
        guard case .frame(let bytes) = answer.wait(until: { $0 != nil }, then: { $0 }) else { throw MessageError(reason: "there is no answer") }
        let response: FetchResponse = try KafkaClient.read(bytes, version: 12)
        #expect(response.responses[0].partitions[0].lastStableOffset == 2)
    }

    @Test func producersAreShutOut() throws {
        var old = TransactionalProducer(client, "x")
        #expect(try old.begin() == KafkaError.none)
        #expect(try old.add("t") == KafkaError.none)
        #expect(try old.write("t", "1") == KafkaError.none)
        var new = TransactionalProducer(client, "x")
        #expect(try new.begin() == KafkaError.none)
        #expect(new.id == old.id && new.epoch == old.epoch + 1)
        #expect(try old.write("t", "2") == .invalidProducerEpoch)
        #expect(try old.add("t") == .producerFenced)
        #expect(try old.add("t", version: 1) == .invalidProducerEpoch)
        #expect(try old.end(isCommit: true) == .producerFenced)
        #expect(try old.end(isCommit: true, version: 1) == .invalidProducerEpoch)
        #expect(try new.add("t") == KafkaError.none)
        #expect(try new.write("t", "3") == KafkaError.none)
        #expect(try new.end(isCommit: true) == KafkaError.none)
        #expect(try values(log, "t") == ["3"])
        var stranger = new
        stranger.id += 1
        #expect(try stranger.add("t") == .invalidProducerIDMapping)
    }

    @Test func whatIsRefused() throws {
        var producer = TransactionalProducer(client, "")
        #expect(try producer.begin() == .invalidRequest)
        producer = TransactionalProducer(client, "x")
        #expect(try producer.begin(timeout: 0) == .invalidTransactionTimeout)
        #expect(try producer.begin(timeout: 900_001) == .invalidTransactionTimeout)
        #expect(try producer.begin() == KafkaError.none)
        #expect(try producer.end(isCommit: true) == .invalidTransactionState)
        #expect(try producer.add("none") == .unknownTopicOrPartition)
        #expect(try producer.add("t", 7) == .unknownTopicOrPartition)
        #expect(try producer.add("__transaction_state") == .topicAuthorizationFailed)
        #expect(try producer.addOffsets("QUERY_1") == .groupAuthorizationFailed)
        #expect(try producer.commit(1, of: "t", "g") == .invalidTransactionState)
        // A batch of a transaction in a request that names none.
        let stamp = BatchProducer(id: producer.id, epoch: producer.epoch, baseSequence: 0)
        #expect(try client.produce("t", KafkaClient.batch([("k", "v")], producer: stamp, isTransactional: true)).error == .invalidRequest)
        #expect(try client.produce("t", KafkaClient.batch([("k", "v")], isTransactional: true), transaction: "x").error == .invalidRecord)
    }

    @Test func offsetsAreCommittedWithTheRecords() throws {
        var producer = TransactionalProducer(client, "x")
        #expect(try producer.begin() == KafkaError.none)
        for (isCommit, expected) in [(false, -1), (true, 6)] as [(Bool, Int64)] {
            #expect(try producer.addOffsets("g") == KafkaError.none)
            #expect(try producer.commit(isCommit ? 6 : 5, of: "t", "g") == KafkaError.none)
            #expect(try client.offset("g", of: "t").offset == -1)
            #expect(try client.offset("g", of: "t", isStable: true).error == .unstableOffsetCommit)
            #expect(try producer.end(isCommit: isCommit) == KafkaError.none)
            #expect(try client.offset("g", of: "t", isStable: true) == (expected, KafkaError.none))
        }
    }

    /// A group that a transaction has committed offsets of is there until somebody deletes it, also where nothing has come of them.
    @Test func aGroupOfAnAbortedTransactionIsThere() throws {
        func delete(_ group: String) throws -> KafkaError? {
            var request = DeleteGroupsRequest()
            request.groupsNames = [group]
            return KafkaError(rawValue: try client.ask(request, as: DeleteGroupsResponse.self).results[0].errorCode)
        }
        func state(_ group: String) throws -> String {
            var request = DescribeGroupsRequest()
            request.groups = [group]
            return try client.ask(request, as: DescribeGroupsResponse.self).groups[0].groupState
        }
        #expect(try client.create("gone").errorCode == 0)
        var producer = TransactionalProducer(client, "x")
        #expect(try producer.begin() == KafkaError.none)
        #expect(try producer.addOffsets("g") == KafkaError.none)
        #expect(try state("g") == "Dead" && delete("g") == .groupIDNotFound)
        #expect(try producer.commit(5, of: "gone", "g") == KafkaError.none)
        var removal = DeleteTopicsRequest()
        removal.topicNames = ["gone"]
        #expect(try client.ask(removal, as: DeleteTopicsResponse.self, version: 3).responses[0].errorCode == 0)
        #expect(try producer.end(isCommit: false) == KafkaError.none)
        #expect(try state("g") == "Empty" && delete("g") == KafkaError.none)
        #expect(try state("g") == "Dead" && delete("g") == .groupIDNotFound)
    }

    @Test func whatIsOpenTooLongIsAborted() throws {
        let clock = SimulatedTime(wall: 1_000_000)
        let (log, client) = try openBroker(MemoryFileSystem(), clock: clock)
        _ = try client.create("t")
        var producer = TransactionalProducer(client, "x")
        #expect(try producer.begin(timeout: 1000) == KafkaError.none)
        #expect(try producer.add("t") == KafkaError.none)
        #expect(try producer.write("t", "1") == KafkaError.none)
        clock.advance(milliseconds: 2000)
        let news = Monitor(false)
        let subscription = log.subscribe { _ in news.update { $0 = true } }
        while client.broker.transactions.state("x")?.phase != .completeAbort {
            _ = client.broker.transactions.tick()
            // The log tells of the end a moment before the coordinator knows it, and nothing tells of that.
            news.wait(nanoseconds: 10_000_000, until: { $0 }, then: { $0 = false })
        }
        log.unsubscribe(subscription)
        #expect(try producer.end(isCommit: true) == .producerFenced)
        #expect(try client.fetch("t", from: 0, isolation: 1).lastStableOffset == 2)
    }

    @Test func theyAreDescribed() throws {
        var producer = TransactionalProducer(client, "x")
        #expect(try producer.begin() == KafkaError.none)
        #expect(try producer.add("t") == KafkaError.none)
        #expect(try producer.write("t", "1") == KafkaError.none)
        var describe = DescribeTransactionsRequest()
        describe.transactionalIds = ["x", "y"]
        let states = try client.ask(describe, as: DescribeTransactionsResponse.self).transactionStates
        #expect(states[0].transactionState == "Ongoing" && states[0].topics.map(\.topic) == ["t"] && states[0].producerId == producer.id)
        #expect(states[1].errorCode == KafkaError.transactionalIDNotFound.rawValue)
        var list = ListTransactionsRequest()
        (list.stateFilters, list.durationFilter) = (["Ongoing", "Odd"], -1)
        let listed = try client.ask(list, as: ListTransactionsResponse.self)
        #expect(listed.transactionStates.map(\.transactionalId) == ["x"] && listed.unknownStateFilters == ["Odd"])
        list.durationFilter = 3_600_000
        #expect(try client.ask(list, as: ListTransactionsResponse.self).transactionStates.isEmpty)
        var producers = DescribeProducersRequest()
        var topic = DescribeProducersRequest.Topic()
        (topic.name, topic.partitionIndexes) = ("t", [0, 1])
        producers.topics = [topic]
        let partitions = try client.ask(producers, as: DescribeProducersResponse.self).topics[0].partitions
        #expect(partitions[0].activeProducers.map(\.currentTxnStartOffset) == [0] && partitions[0].activeProducers.map(\.lastSequence) == [0])
        #expect(partitions[1].errorCode == KafkaError.unknownTopicOrPartition.rawValue)
    }

    /// The record of a state as Kafka's own classes write it (`TransactionLogValue` of 4.2, version 0 and 1), and back.
    @Test func records() throws {
        var state = TransactionState(producer: 77, epoch: 3, timeout: 60_000, phase: .ongoing, updatedAt: 1000)
        (state.startedAt, state.partitions) = (900, [NamedPartition(topic: "ab", partition: 1), NamedPartition(topic: "ab", partition: 0)])
        let bytes = TransactionRecords.value(state)
        let expected =
            "0001000000000000004d00030000ea60010203616203000000000000000100" + "00000000000003e8" + "0000000000000384" + "00"
        #expect(bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == expected)
        #expect(TransactionRecords.state(bytes) == state)
        state.offsets = ["g": [NamedPartition(topic: "in", partition: 2): CommittedOffset(offset: 5, metadata: "m")], "h": [:]]
        #expect(TransactionRecords.state(TransactionRecords.value(state)) == state)
        for length in 0..<bytes.count { #expect(TransactionRecords.state(Array(bytes[..<length])) == nil) }
        #expect(TransactionRecords.id(TransactionRecords.key("x")) == "x")
    }

    // MARK: Crashes

    /// Transactions that write number i and move a group to i + 1, with aborted ones in between; stops at the first error.
    private func work(_ files: any FileSystem) {
        guard let (log, client) = try? openBroker(files) else { return }
        defer {
            client.broker.close()
            log.close()
        }
        _ = try? client.create("in")
        guard let made = try? client.create("out"), made.errorCode == 0 || made.errorCode == 36 else { return }
        var producer = TransactionalProducer(client, "x")
        guard (try? producer.begin()) == KafkaError.none else { return }
        for number in 0..<4 {
            for isCommit in [false, true] {
                let value = isCommit ? "\(number)" : "never"
                guard (try? producer.add("out")) == KafkaError.none, (try? producer.write("out", value)) == KafkaError.none,
                    (try? producer.addOffsets("g")) == KafkaError.none,
                    (try? producer.commit(isCommit ? Int64(number) + 1 : 99, of: "in", "g")) == KafkaError.none,
                    (try? producer.end(isCommit: isCommit)) == KafkaError.none
                else { return }
            }
        }
    }

    @Test func powerCutsLeaveAllOrNothing() throws {
        let dry = FaultyFileSystem(MemoryFileSystem(simulatingPowerCuts: true))
        work(dry)
        #expect(dry.operationCount > 60)
        for number in 0..<dry.operationCount {
            let memory = MemoryFileSystem(simulatingPowerCuts: true)
            work(FaultyFileSystem(memory) { $0.number == number ? .powerCut : nil })
            let (log, client) = try openBroker(memory.afterPowerCut(keepingByChance: SeededRandom(seed: UInt64(number))))
            defer {
                client.broker.close()
                log.close()
            }
            let seen = try values(log, "out")
            #expect(seen == (0..<seen.count).map { "\($0)" }, "cut at \(number)")
            if log.topicID(named: "in") != nil {
                let offset = try client.offset("g", of: "in").offset
                #expect(offset == (seen.isEmpty ? -1 : Int64(seen.count)), "cut at \(number)")
            }
            // The next life ends what was open, and goes on.
            guard log.topicID(named: "out") != nil else { continue }
            var next = TransactionalProducer(client, "x")
            #expect(try next.begin() == KafkaError.none, "cut at \(number)")
            #expect(try next.add("out") == KafkaError.none)
            #expect(try next.write("out", "next") == KafkaError.none, "cut at \(number)")
            #expect(try next.end(isCommit: true) == KafkaError.none)
            #expect(try values(log, "out") == seen + ["next"], "cut at \(number)")
        }
    }
}
