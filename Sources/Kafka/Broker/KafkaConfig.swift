// The configurations of topics and of the broker as clients see them: each with its value, its type and where the value comes from.

import LogStore

/// Where a value comes from, by Kafka's numbers.
enum ConfigSource: Int8 {
    case topic = 1
    case broker = 4
    case standard = 5
}

/// One configuration.
struct KafkaConfig {
    /// Kafka's numbers of types.
    private enum Kind: Int8 {
        case boolean = 1
        case string = 2
        case integer = 3
        case long = 5
        case double = 6
        case list = 7
    }

    let name: String
    let value: String
    let source: ConfigSource

    /// The documented configurations of topics that have one value here.
    static let fixed = [
        "file.delete.delay.ms": "60000", "flush.messages": "9223372036854775807", "flush.ms": "9223372036854775807",
        "follower.replication.throttled.replicas": "", "index.interval.bytes": "4096", "leader.replication.throttled.replicas": "",
        "local.retention.bytes": "-2", "local.retention.ms": "-2", "message.timestamp.after.max.ms": "9223372036854775807",
        "message.timestamp.before.max.ms": "9223372036854775807", "min.cleanable.dirty.ratio": "0.5", "min.insync.replicas": "1",
        "preallocate": "false", "remote.storage.enable": "false",
        "segment.index.bytes": "10485760", "segment.jitter.ms": "0", "unclean.leader.election.enable": "false",
    ]

    /// The properties of a topic in Kafka's words. Batches stay as their producers compress them, which Kafka calls `producer`; the topic's codec
    /// is that of what statements and queries write.
    static func properties(of config: TopicConfig) -> [(name: String, value: String)] {
        config.properties.map { $0.name == "compression.type" && $0.value == Compression.none.name ? ($0.name, "producer") : $0 }
    }

    /// The value of a property as the log writes it.
    static func logValue(_ name: String, _ value: String) -> String {
        name == "compression.type" && ["producer", "uncompressed"].contains(value) ? Compression.none.name : value
    }

    /// Those of a topic, by name.
    static func of(_ config: TopicConfig) -> [KafkaConfig] {
        let standard = Dictionary(properties(of: TopicConfig()).map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        let own = properties(of: config).map { KafkaConfig(name: $0.name, value: $0.value, source: standard[$0.name] == $0.value ? .standard : .topic) }
        return (own + fixed.map { KafkaConfig(name: $0.key, value: $0.value, source: .standard) }).sorted { $0.name < $1.name }
    }

    /// Those of the broker that clients ask for.
    static func ofBroker(_ options: KafkaOptions) -> [KafkaConfig] {
        [
            ("auto.create.topics.enable", "\(options.createsTopics)"), ("broker.id", "\(KafkaBroker.node)"), ("default.replication.factor", "1"),
            ("log.cleanup.policy", "delete"), ("min.insync.replicas", "1"), ("num.partitions", "\(options.partitions)"),
            ("offsets.topic.replication.factor", "1"), ("transaction.state.log.replication.factor", "1"),
        ].map { KafkaConfig(name: $0.0, value: $0.1, source: .broker) }
    }

    /// Whether its value is words with commas between them.
    var isList: Bool { kind == .list }

    private var kind: Kind {
        if value == "true" || value == "false" { return .boolean }
        if name.hasSuffix(".replicas") || name == "cleanup.policy" { return .list }
        // Kafka has this one of its sizes as a long, and the others as integers.
        if Int64(value) != nil { return name.hasSuffix(".ms") || name == "retention.bytes" ? .long : .integer }
        return Double(value) != nil ? .double : .string
    }

    func entry(withSynonyms: Bool) -> DescribeConfigsResponse.Result.Config {
        var entry = DescribeConfigsResponse.Result.Config()
        (entry.name, entry.value, entry.configSource, entry.configType, entry.documentation) = (name, value, source.rawValue, kind.rawValue, nil)
        entry.readOnly = source == .broker
        guard withSynonyms else { return entry }
        var synonym = DescribeConfigsResponse.Result.Config.Synonym()
        (synonym.name, synonym.value, synonym.source) = (name, value, source.rawValue)
        entry.synonyms = [synonym]
        return entry
    }
}
