// What the broker counts, and what it tells the log of its clients.

import LogStore
import Platform
import Synchronization
import Testing

@testable import Kafka

@Suite struct BrokerLinesTests {
    private let log: SegmentedLog
    private let client: KafkaClient
    private let said = Monitor<[String]>([])

    init() throws {
        log = try SegmentedLog(
            directory: "/data", files: MemoryFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 1), options: .inMemory)
        var options = KafkaOptions(host: "localhost", port: 9092)
        options.report = { [said] line, event, reason in said.update { $0.append("\(line) \(event) \(reason)") } }
        client = KafkaClient(
            broker: try KafkaBroker(log, options, clock: SimulatedTime(wall: 0), random: SeededRandom(seed: 2), scheduler: HostScheduler()))
    }

    private func lines(of event: String) -> [String] { said.withLock { $0.filter { $0.contains(" \(event) ") } } }

    @Test func linesOfOneKindAreBounded() {
        var allowance = LineAllowance()
        let first = (0..<8).map { _ in allowance.admit("a", now: 0) }
        #expect(first == [0, 0, 0, 0, 0, nil, nil, nil])
        #expect(allowance.admit("b", now: 0) == 0)
        #expect(allowance.admit("a", now: LineAllowance.milliseconds - 1) == nil)
        #expect(allowance.admit("a", now: LineAllowance.milliseconds) == 4)
        #expect(allowance.admit("a", now: LineAllowance.milliseconds) == 0)
        // Kinds that clients make up take no memory: beyond so many they are one.
        for number in 0..<2 * LineAllowance.mostKinds { _ = allowance.admit("kind \(number)", now: LineAllowance.milliseconds) }
        #expect(allowance.admit("another", now: LineAllowance.milliseconds) == nil)
    }

    /// Trap 21: whatever a client says of itself is taken, and told.
    @Test func clientsAreNamed() throws {
        var request = ApiVersionsRequest()
        (request.clientSoftwareName, request.clientSoftwareVersion) = ("-no name!", "§")
        #expect(try client.ask(request, as: ApiVersionsResponse.self).errorCode == 0)
        #expect(lines(of: "kafka_client") == ["information kafka_client 'test' is -no name! §"])
    }

    @Test func versionsWithoutOverlapAreNamed() throws {
        for _ in 0..<20 {
            guard case .frame = client.reply(KafkaClient.frame(FetchRequest(), 3)) else { throw MessageError(reason: "there is no answer") }
        }
        let told = lines(of: "kafka_version_refused")
        #expect(told.count == LineAllowance.lines)
        #expect(told.first?.contains("'test' asks for version 3 of Fetch, and versions 4 to 12 are served: the client is too old") == true)
    }

    @Test func requestsAreCounted() throws {
        _ = try client.create("t")
        #expect(try client.produce("none", KafkaClient.batch([("a", "1")])).error == .unknownTopicOrPartition)
        #expect(try client.produce("t", KafkaClient.batch([("a", "1")])).error == KafkaError.none)
        let counts = Dictionary(uniqueKeysWithValues: client.broker.statistics.byAPI.map { ($0.name, $0.counts) })
        #expect(counts["CreateTopics"]?.requests == 1 && counts["CreateTopics"]?.errors == 0)
        #expect(counts["Produce"]?.requests == 2 && counts["Produce"]?.errors == 1)
        #expect(counts["Produce"]?.receivedBytes ?? 0 > 100 && counts["Produce"]?.sentBytes ?? 0 > 40)
        #expect(client.broker.statistics.byClient.map(\.name) == ["test"])
        // A client cannot make the broker remember more than so many names.
        for number in 0..<300 {
            var header = MessageWriter(isFlexible: false)
            header.put(int16: ApiVersionsRequest.key)
            header.put(int16: 0)
            header.put(int32: 77)
            header.put(string: "client \(number)", isNullable: true)
            _ = client.reply(header.bytes)
        }
        let named = client.broker.statistics.byClient
        #expect(named.count == 201 && named.first { $0.name == "(other)" }?.counts.requests == 101)
    }

    private func join(_ id: String, _ group: String = "g") throws -> JoinGroupResponse {
        var request = JoinGroupRequest()
        (request.groupId, request.memberId, request.protocolType) = (group, id, "consumer")
        (request.sessionTimeoutMs, request.rebalanceTimeoutMs) = (10_000, 30_000)
        var offered = JoinGroupRequest.OfferedProtocol()
        offered.name = "range"
        request.protocols = [offered]
        return try client.ask(request, as: JoinGroupResponse.self)
    }

    @Test func rebalancesAreExplained() throws {
        let member = try join("").memberId
        #expect(try join(member).generationId == 1)
        let told = lines(of: "kafka_group")
        #expect(told.count == 2)
        #expect(told.first?.hasSuffix("'g': a rebalance begins behind generation 0, with 1 members: '\(member)' joins") == true, "\(told)")
        #expect(told.last?.hasSuffix("'g': generation 1 has 1 members, and assigns by 'range': '\(member)'") == true, "\(told)")
        var assignment = MessageWriter(isFlexible: false)
        assignment.put(int16: 1)
        assignment.put([("t", [0, 2] as [Int32])]) { topic, writer in
            writer.put(string: topic.0)
            writer.put(topic.1) { $1.put(int32: $0) }
        }
        assignment.put(bytes: [])
        var request = SyncGroupRequest()
        (request.groupId, request.memberId, request.generationId) = ("g", member, 1)
        var planned = SyncGroupRequest.Assignment()
        (planned.memberId, planned.assignment) = (member, assignment.bytes)
        request.assignments = [planned]
        #expect(try client.ask(request, as: SyncGroupResponse.self).errorCode == 0)
        let overview = client.broker.groupOverviews
        #expect(overview.map(\.name) == ["g"] && overview.first?.state == "Stable" && overview.first?.generation == 1)
        #expect(overview.first?.members.first?.client == "test")
        #expect(overview.first?.members.first?.partitions.map { "\($0.topic)-\($0.partition)" } == ["t-0", "t-2"])
        for length in 0..<assignment.bytes.count {
            _ = KafkaBroker.partitions(ofAssignment: Array(assignment.bytes[..<length]))
        }
    }
}
