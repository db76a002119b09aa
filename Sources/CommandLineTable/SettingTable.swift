// The settings: what a .properties file or the environment may say. The keys of ksqlDB's own server file are known, so that such a file
// can be used as it is; those that mean nothing here are accepted and named, never silently dropped.

/// A setting.
package struct SettingSpec: Hashable, Sendable {
    /// The key in a .properties file.
    package let key: String
    /// What its value may be.
    package let kind: ValueKind
    /// The default as text, when there is one.
    package let defaultText: String?
    /// What it decides.
    package let help: String
    /// False for keys of ksqlDB that have no meaning here.
    package let isHonoured: Bool
    /// Whether it may also be SET in a session.
    package let isSession: Bool
}

/// All settings.
package enum SettingTable {
    /// The environment name of a key: `millrace.log.level` is MILLRACE_LOG_LEVEL, and other keys get the same prefix.
    package static func environmentName(_ key: String) -> String {
        let name = key.hasPrefix("millrace.") ? String(key.dropFirst("millrace.".count)) : key
        return "MILLRACE_" + String(name.uppercased().map { $0 == "." || $0 == "-" ? "_" : $0 })
    }

    /// The setting of a key; the `ksql.streams.` prefix, which ksqlDB puts before properties of query runtimes, may be there.
    package static func setting(_ key: String) -> SettingSpec? {
        if let exact = byKey[key] { return exact }
        guard key.hasPrefix("ksql.streams.") else { return nil }
        return byKey[String(key.dropFirst("ksql.streams.".count))]
    }

    private static let byKey = [String: SettingSpec](settings.map { ($0.key, $0) }) { first, _ in first }

    /// All settings, ours first.
    package static let settings: [SettingSpec] = server + sessions + ignored

    private static let count = ValueKind.integer(0...Int.max)

    private static func own(_ key: String, _ kind: ValueKind, _ defaultText: String?, _ help: String) -> SettingSpec {
        SettingSpec(key: key, kind: kind, defaultText: defaultText, help: help, isHonoured: true, isSession: false)
    }

    private static func session(_ key: String, _ kind: ValueKind, _ defaultText: String?, _ help: String) -> SettingSpec {
        SettingSpec(key: key, kind: kind, defaultText: defaultText, help: help, isHonoured: true, isSession: true)
    }

    private static let server: [SettingSpec] = [
        own("millrace.data.dir", .directory, "./millrace-data", "where streams and state are kept"),
        own(
            "millrace.listen", .address(defaultPort: CommandTable.defaultPort, allowsZero: true), "127.0.0.1:\(CommandTable.defaultPort)",
            "the address of the line protocol"),
        own(
            "millrace.server", .address(defaultPort: CommandTable.defaultPort, allowsZero: false), nil,
            "the server that the other commands talk to"),
        own("millrace.socket", .file, nil, "a Unix socket to listen on as well"),
        own("millrace.metrics.listen", .address(defaultPort: nil, allowsZero: true), nil, "the address of the metrics"),
        own("millrace.queries.file", .file, nil, "a script to run; clients may then define nothing"),
        own("millrace.durability", .choice(["fsync", "os"]), "fsync", "when a record counts as durable"),
        own("millrace.threads", .integer(1...1_024), nil, "worker threads; one per core unless set"),
        own("millrace.insecure", .flag, "false", "listen beyond this machine without authentication"),
        own("millrace.log.level", .choice(["debug", "info", "warn", "error"]), "info", "the least important events that are logged"),
        own("millrace.users.file", .file, nil, "users and their SCRAM-SHA-256 verifiers"),
        own("millrace.tls.certificate", .file, nil, "the certificate chain of the server, as PEM"),
        own("millrace.tls.key", .file, nil, "the private key of the server, as PEM"),
        own("millrace.memory.limit", .byteCount, nil, "memory for state; half of the machine's unless set"),
        own("millrace.default.partitions", .integer(1...10_000), "1", "partitions of a new topic"),
        session(
            "millrace.bounded.queries", .choice(["full", "ksqldb"]), "full", "whether queries without EMIT may do more than ksqlDB allows"),
        own("ksql.service.id", .text, "default_", "the prefix of internal names"),
        own("ksql.queries.file", .file, nil, "as millrace.queries.file"),
        own("listeners", .text, nil, "as millrace.listen, as a list of URLs of which the first counts"),
    ]

    private static let sessions: [SettingSpec] = [
        session("auto.offset.reset", .choice(["earliest", "latest", "none"]), nil, "where new queries start"),
        session(
            "processing.guarantee", .choice(["at_least_once", "exactly_once", "exactly_once_v2"]), "exactly_once_v2",
            "accepted; every query is exact"),
        session("commit.interval.ms", .integer(1...3_600_000), "100", "the longest time between commits under load"),
        session(
            "cache.max.bytes.buffering", count, "10000000", "0 emits every change; otherwise changes of a key within a commit become one"),
        session("statestore.cache.max.bytes", count, "10000000", "as cache.max.bytes.buffering"),
        session("num.stream.threads", .integer(1...1_024), nil, "accepted; the server decides"),
        session("max.task.idle.ms", count, "0", "how long a join waits for its slower side"),
        session("ksql.output.topic.name.prefix", .text, nil, "the prefix of topics that queries create"),
        session("ksql.persistence.default.format.key", .text, "KAFKA", "the key format of sources that name none"),
        session("ksql.persistence.default.format.value", .text, nil, "the value format of sources that name none"),
        session("ksql.persistence.wrap.single.values", .flag, nil, "whether single values are wrapped in an object"),
        session("ksql.insert.into.values.enabled", .flag, "true", "whether INSERT … VALUES is allowed"),
        session("ksql.pull.queries.enable", .flag, "true", "whether pull queries are allowed"),
        session("ksql.query.pull.table.scan.enabled", .flag, "true", "whether pull queries may scan tables"),
        session("ksql.query.pull.range.scan.enabled", .flag, "true", "whether pull queries may scan key ranges"),
        session("ksql.query.pull.stream.enabled", .flag, "true", "whether pull queries may read streams"),
        session("ksql.query.pull.limit.clause.enabled", .flag, "true", "whether pull queries may have a LIMIT"),
        session("ksql.query.push.v2.enabled", .flag, "false", "whether push queries may share a running query"),
        session("ksql.query.push.v2.registry.installed", .flag, "false", "accepted"),
        session("ksql.suppress.enabled", .flag, "true", "whether EMIT FINAL is allowed"),
        session("ksql.suppress.buffer.size.bytes", .integer(-1...Int.max), "-1", "the memory of EMIT FINAL"),
        session("ksql.lambdas.enabled", .flag, "true", "whether lambdas are allowed"),
        session("ksql.create.or.replace.enabled", .flag, "true", "whether CREATE OR REPLACE is allowed"),
        session("ksql.source.table.materialization.enabled", .flag, "true", "whether SOURCE tables are materialised"),
        session("ksql.headers.columns.enabled", .flag, "true", "whether header columns are allowed"),
        session("ksql.variable.substitution.enable", .flag, "true", "whether ${name} is replaced"),
        session("ksql.timestamp.throw.on.invalid", .flag, "false", "whether a bad timestamp stops a query"),
        session("ksql.fail.on.deserialization.error", .flag, "false", "whether a bad record stops a query"),
        session("ksql.fail.on.production.error", .flag, "true", "whether a failed write stops a query"),
        session("ksql.cast.strings.preserve.nulls", .flag, "true", "whether CAST(NULL AS STRING) is NULL"),
        session("ksql.nested.error.set.null", .flag, "true", "whether an error inside an expression makes a part of it NULL"),
        session("ksql.functions.collect_list.limit", count, nil, "the most elements of COLLECT_LIST"),
        session("ksql.functions.collect_set.limit", count, nil, "the most elements of COLLECT_SET"),
        session("ksql.functions.substring.legacy.args", .flag, "false", "whether SUBSTRING counts from 0"),
        session("ksql.query.persistent.active.limit", count, nil, "the most persistent queries"),
        session("ksql.query.error.max.queue.size", count, "10", "errors kept for each query"),
        session("ksql.query.retry.backoff.initial.ms", count, "15000", "the first pause before a failed query is tried again"),
        session("ksql.query.retry.backoff.max.ms", count, "900000", "the longest such pause"),
        session("ksql.assert.topic.default.timeout.ms", count, "1000", "how long ASSERT TOPIC waits"),
        session("ksql.assert.schema.default.timeout.ms", count, "1000", "how long ASSERT SCHEMA waits"),
        session("ksql.transient.prefix", .text, "transient_", "the prefix of the ids of push queries"),
        session("ksql.persistent.prefix", .text, "query_", "the prefix of internal names of persistent queries"),
        session("ksql.properties.overrides.denylist", .text, nil, "settings that sessions may not change"),
    ]

    /// Keys of ksqlDB's server file that concern what does not exist here: a broker, a registry, a REST server, the JVM.
    private static let ignored: [SettingSpec] = [
        "bootstrap.servers", "ksql.schema.registry.url", "ksql.connect.url", "ksql.connect.worker.config", "ksql.extension.dir",
        "ksql.streams.state.dir", "ksql.streams.num.standby.replicas", "ksql.streams.replication.factor", "ksql.internal.topic.replicas",
        "ksql.internal.listener", "ksql.advertised.listener", "ksql.sink.partitions", "ksql.sink.replicas", "ksql.server.install.dir",
        "ksql.server.command.response.timeout.ms", "ui.enabled", "ksql.hidden.topics", "ksql.readonly.topics", "ksql.heartbeat.enable",
        "ksql.lag.reporting.enable", "ksql.query.pull.enable.standby.reads", "ksql.query.pull.max.allowed.offset.lag",
        "ksql.query.pull.max.qps", "ksql.query.pull.max.concurrent.requests", "ksql.query.pull.max.hourly.bandwidth.megabytes",
        "ksql.max.push.queries", "ksql.logging.processing.stream.auto.create", "ksql.logging.processing.topic.auto.create",
        "ksql.logging.processing.topic.name", "ksql.logging.processing.stream.name", "ksql.logging.processing.rows.include",
        "ksql.verticle.instances", "ksql.worker.pool.size", "ksql.idle.connection.timeout.seconds", "ksql.server.error.messages",
        "ksql.query.cleanup.shutdown.timeout.ms", "ksql.runtime.feature.shared.enabled", "ksql.properties.overrides.allowlist",
        "ksql.properties.overrides.validation.mode", "access.control.allow.origin", "access.control.allow.methods",
        "access.control.allow.headers", "authentication.method", "authentication.realm", "authentication.roles",
        "authentication.skip.paths", "ssl.keystore.location", "ssl.keystore.password", "ssl.key.password", "ssl.truststore.location",
        "ssl.truststore.password", "ssl.client.authentication",
    ].map { key in
        SettingSpec(
            key: key, kind: .text, defaultText: nil, help: "known from ksqlDB, without meaning here", isHonoured: false, isSession: false)
    }
}
