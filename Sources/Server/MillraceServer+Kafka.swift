// The broker behind the server's listener for Kafka's clients: an engine's log with what the engine lets them do.

import Diagnostics
import Engine
import Kafka
import LogStore
import Platform
import Quantities

extension MillraceServer {
    /// A broker over the engine's log, at the port that the listener got where that is the one that clients are told; nil without a listener.
    static func broker(_ options: KafkaOptions, _ address: SocketAddress?, _ engine: MillraceEngine) throws(Diagnostic) -> KafkaBroker? {
        guard case .network(_, let port)? = address else { return nil }
        var options = options
        if options.port == 0 { options.port = port }
        options.isReserved = { engine.isReserved(topic: $0) }
        options.isReservedGroup = { engine.isQuery(group: $0) }
        options.obstacle = { engine.obstacle(toRemovalOf: $0) }
        options.report = { line, event, reason in
            let level: LogLevel =
                switch line {
                case .information: .info
                case .warning: .warning
                }
            engine.report(level, logText(event, ["reason": reason]))
        }
        do throws(LogError) {
            let broker = try KafkaBroker(engine.eventLog, options, clock: engine.clock, random: SystemRandom(), scheduler: engine.scheduler)
            engine.setForeignClients(ForeignClients(of: broker))
            return broker
        } catch {
            throw Diagnostic(.ioError, error.message, category: .general, hint: error.hint)
        }
    }
}

extension ForeignClients {
    /// The clients of a broker, as long as that is there.
    fileprivate init(of broker: KafkaBroker) {
        self.init(
            groups: { [weak broker] in
                (broker?.groupOverviews ?? []).map { group in
                    Group(
                        name: group.name, state: group.state, generation: group.generation,
                        members: group.members.map { Member(id: $0.id, client: $0.client, partitions: $0.partitions) })
                }
            },
            transactions: { [weak broker] in
                (broker?.transactionOverviews ?? []).map { Transaction(id: $0.id, producer: $0.producer, state: $0.state) }
            })
    }
}
