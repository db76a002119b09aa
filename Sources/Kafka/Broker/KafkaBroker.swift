// One broker, number 1, over the log: takes the frames of clients and gives each its answer. It knows no sockets, and it waits for nothing: where
// an answer has to wait (for a commit, for records, for other members of a group), it comes by a callback.
//
// The protocol: kafka.apache.org/protocol.

package import Credentials
package import LogStore
package import Platform
import Quantities
import Synchronization

/// How a broker presents itself.
package struct KafkaOptions: Sendable {
    /// The address that clients are told to connect to.
    package var host: String
    /// Its port.
    package var port: Int
    /// Whether a topic that a client asks for, and may have made, is made.
    package var createsTopics = true
    /// Partitions of a topic that is made without a number.
    package var partitions = 1
    /// Whether a name belongs to Millrace: such a topic is read, and not written, changed or removed.
    package var isReserved: @Sendable (_ topic: String) -> Bool = { _ in false }
    /// Whether a group is a query of Millrace: its position is shown, and nobody else's to move.
    package var isReservedGroup: @Sendable (_ group: String) -> Bool = { _ in false }
    /// Why a topic cannot be removed; nil where it can.
    package var obstacle: @Sendable (_ topic: String) -> String? = { _ in nil }
    /// Who may come; nil where nobody has to say who they are.
    package var users: UserFile?
    /// Whether passwords may come as they are (the mechanism PLAIN): not where others can read them on their way.
    package var takesPlainPasswords = false
    /// Receives lines for the server's log.
    package var report: @Sendable (_ line: BrokerLine, _ event: String, _ reason: String) -> Void = { _, _, _ in }

    /// At an address.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

/// What becomes of a frame.
package enum KafkaReply: Sendable {
    /// Bytes for the client.
    case frame([UInt8])
    /// The client wants no answer.
    case nothing
    /// The connection ends, for this reason.
    case close(String)
    /// Bytes for the client, and then the connection ends for a reason.
    case last([UInt8], String)
}

/// The broker. All calls may come from any thread.
package final class KafkaBroker: Sendable {
    /// Its number, which clients also find as coordinator and controller.
    static let node: Int32 = 1

    let log: any EventLog
    let clock: any TimeSource
    let options: KafkaOptions
    let lines: BrokerLines
    /// What it counts.
    package let statistics = BrokerStatistics()
    let groups: GroupCoordinator
    let transactions: TransactionCoordinator
    let waiting: WaitingFetches
    private let threads: ThreadPool
    let timer = BrokerTimer()
    /// The same for the life of a data directory: the identity of the topic of offsets.
    let cluster: String

    /// A broker over a log, which it does not close. Errors: those of reading the offsets of groups.
    package init(
        _ log: any EventLog, _ options: KafkaOptions, clock: any TimeSource, random: any RandomSource, scheduler: any Scheduler
    ) throws(LogError) {
        self.log = log
        self.clock = clock
        self.options = options
        let threads = ThreadPool("kafka", limit: max(2, processorCount()), scheduler: scheduler)
        self.threads = threads
        lines = BrokerLines(clock, options.report)
        let offsets = try GroupOffsets(log, clock)
        groups = GroupCoordinator(offsets, clock: clock, random: random, lines: lines)
        transactions = try TransactionCoordinator(log, offsets, clock: clock, random: random, lines: lines)
        // A fetch that begins to wait while the broker stops has its answer as well, on whatever thread that is.
        waiting = WaitingFetches(log, clock) { work in if !threads.run(work) { work() } }
        cluster = offsets.topic.description
        timer.start(scheduler) { [groups, waiting, transactions] in
            let (hasMembers, hasFetches, hasTransactions) = (groups.tick(), waiting.tick(), transactions.tick())
            return hasMembers || hasFetches || hasTransactions
        }
        // Transactions that an earlier start has left open have a deadline.
        timer.wake()
    }

    /// Ends what waits, and its threads.
    package func close() {
        timer.stop()
        waiting.close()
        groups.close()
        threads.close()
    }

    /// Answers a frame, which has no length in front; `reply` is called once, from any thread. A connection's next frame is handed over
    /// behind that, as Kafka's own broker does.
    package func answer(_ frame: [UInt8], reply: @escaping @Sendable (KafkaReply) -> Void) {
        perform({ [self] in process(frame, reply) }, orElse: reply)
    }

    /// Does something on one of the broker's threads; where the broker has ended, says that instead.
    func perform(_ body: @escaping @Sendable () -> Void, orElse reply: @escaping @Sendable (KafkaReply) -> Void) {
        if !threads.run(body) { reply(.close("the server stops")) }
    }

    func process(_ frame: [UInt8], _ reply: @escaping @Sendable (KafkaReply) -> Void) {
        do throws(MessageError) {
            let header = try APIs.header(of: frame)
            guard let api = APIs.all[header.key] else {
                return reply(.close("API \(header.key), which is not served, from \(header.client ?? "a client")"))
            }
            let began = clock.monotonicNanoseconds()
            let answered: APIs.Reply = { [self] response in
                // With its length, which is not in the frame.
                statistics.note(header, received: frame.count + 4, response, nanoseconds: clock.monotonicNanoseconds() - began)
                reply(response.map { .frame($0.bytes) } ?? .nothing)
            }
            guard api.versions.contains(header.version) else { return answered(refusal(header, api)) }
            try api.answer(self, frame, header, answered)
        } catch {
            reply(.close("a request cannot be read: \(error.reason)"))
        }
    }

    /// A version that is not served. A client that asks what there is gets the answer in the oldest form, which all of them read, with an
    /// error and what is served; other clients would take silence for a broken network.
    private func refusal(_ header: RequestHeader, _ api: APIs.Entry) -> ResponseFrame {
        if header.key == ApiVersionsRequest.key {
            var response = APIs.versions
            response.errorCode = KafkaError.unsupportedVersion.rawValue
            return response.frame(correlation: header.correlation, version: 0)
        }
        lines.warn(
            "kafka_version_refused", kind: "\(header.key) \(header.version)",
            "\(header.client.map { "'\($0)'" } ?? "a client") asks for version \(header.version) of \(api.name), and versions "
                + "\(api.versions.lowerBound) to \(api.versions.upperBound) are served: "
                + (header.version < api.versions.lowerBound ? "the client is too old" : "the client does not look at what is served"))
        return api.refusal(header)
    }

    /// What is served. What the client says of itself is of use to who reads the log, whatever it is.
    func versions(_ request: ApiVersionsRequest, _ header: RequestHeader) -> ApiVersionsResponse {
        if !request.clientSoftwareName.isEmpty {
            let software = "\(request.clientSoftwareName.prefix(60)) \(request.clientSoftwareVersion.prefix(60))"
            lines.inform("kafka_client", kind: software, "'\((header.client ?? "").prefix(100))' is \(software)")
        }
        return APIs.versions
    }

    /// Whether a partition is there.
    func exists(_ place: NamedPartition) -> Bool {
        let count = log.topicID(named: place.topic).flatMap { log.partitionCount(of: $0) } ?? 0
        return (0..<count).contains(Int(place.partition))
    }

    /// A partition as a client names it. Errors: there is none such.
    func place(_ topic: TopicID?, _ index: Int32) throws(LogError) -> PartitionKey {
        guard let topic, let partition = PartitionIndex(exactly: Int64(index)) else {
            throw LogError(.unknownPartition, "there is no such partition")
        }
        return PartitionKey(topic: topic, partition: partition)
    }
}
