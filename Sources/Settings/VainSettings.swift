// Settings that change nothing here, each with the reason, and settings that are refused, because a server that ignored them would be
// less safe than its operator believes.

extension SettingTable {
    private static func vain(_ scope: SettingEntry.Scope, _ reason: String, _ names: [String]) -> [SettingEntry] {
        names.map { SettingEntry($0, .possiblyEmptyText, scope, .noted(reason), "known from ksqlDB") }
    }

    private static func barred(_ reason: String, _ names: [String]) -> [SettingEntry] {
        names.map { SettingEntry($0, .possiblyEmptyText, .server, .refused(reason), "a security setting") }
    }

    /// What is taken for the sake of files and scripts that were written for ksqlDB.
    static let noted: [SettingEntry] = [
        vain(.session, "makes every query exact", ["processing.guarantee"]),
        vain(.session, "shares its worker threads among all queries", ["num.stream.threads", "ksql.runtime.feature.shared.enabled"]),
        vain(
            .session, "joins by event time, waits for what other queries are about to write to a side, and never for a side that has no rows",
            ["max.task.idle.ms"]),
        vain(.session, "keeps what EMIT FINAL holds back in the state of the query", ["ksql.suppress.buffer.size.bytes"]),
        vain(.session, "tries a write that failed again until it succeeds", ["ksql.fail.on.production.error"]),
        vain(.session, "always keeps the NULL of CAST(NULL AS STRING)", ["ksql.cast.strings.preserve.nulls"]),
        vain(
            .session, "always makes only the failing element of an ARRAY, MAP or STRUCT that is written out NULL",
            ["ksql.nested.error.set.null"]),
        vain(
            .session, "lets each push query read for itself",
            ["ksql.query.push.v2.enabled", "ksql.query.push.v2.registry.installed", "ksql.query.push.v2.max.catchup.consumers"]),
        vain(.session, "shows the last error of each query and keeps all of them in MILLRACE_ERRORS", ["ksql.query.error.max.queue.size"]),
        vain(.session, "lets ASSERT SCHEMA say by itself how long it waits", ["ksql.assert.schema.default.timeout.ms"]),
        vain(.session, "names internal topics by the id of their query alone", ["ksql.persistent.prefix"]),
        vain(.session, "plans queries in one way", ["ksql.new.query.planner.enabled", "topology.optimization"]),
        vain(.session, "takes event times from TIMESTAMP in WITH", ["default.timestamp.extractor"]),
        vain(.session, "emits results of EMIT FINAL when their windows close", ["__emit.interval.ms.kstreams.windowed.aggregation__"]),
        vain(.session, "reads only keys of session windows as they are written today", ["ksql.windowed.session.key.legacy"]),
        vain(.session, "compares numbers exactly", ["use.exact.numeric.comparison"]),
        vain(.session, "takes partitions from WITH or millrace.default.partitions", ["ksql.sink.partitions"]),
        vain(
            .session, "keeps one copy of each topic",
            [
                "ksql.sink.replicas", "ksql.internal.topic.replicas", "ksql.streams.replication.factor", "replication.factor",
                "ksql.streams.num.standby.replicas", "num.standby.replicas",
            ]),
        notedOnServers,
    ].flatMap { $0 }

    private static let notedOnServers: [SettingEntry] = [
        vain(.server, "has its log built in", ["bootstrap.servers"]),
        // Scripts for ksqlDB tune its clients of Kafka.
        vain(
            .session, "has its log built in, and no clients of Kafka to tune",
            [
                "producer.*", "consumer.*", "ksql.streams.producer.*", "ksql.streams.consumer.*", "max.poll.records", "metadata.max.age.ms",
                "fetch.min.bytes", "fetch.max.wait.ms", "linger.ms", "batch.size",
            ]),
        vain(.server, "reads certificates as PEM, whatever the type says", ["ksql.schema.registry.ssl.truststore.type"]),
        vain(.server, "has no such setting of the registry's client", ["ksql.schema.registry.*"]),
        vain(.server, "has no connectors", ["ksql.connect.*"]),
        vain(.server, "loads no user functions", ["ksql.extension.dir", "ksql.udfs.enabled", "ksql.udf.enable.security.manager"]),
        vain(.session, "has no settings of user functions", ["ksql.functions.*"]),
        vain(.server, "keeps state in millrace.data.dir", ["ksql.streams.state.dir", "state.dir"]),
        vain(
            .server, "runs on one machine",
            [
                "ksql.internal.listener", "ksql.advertised.listener", "ksql.heartbeat.*", "ksql.lag.reporting.*",
                "ksql.query.pull.enable.standby.reads", "ksql.query.pull.max.allowed.offset.lag",
            ]),
        vain(
            .server, "has limits of its own, which SHOW LIMITS tells",
            [
                "ksql.query.pull.max.qps", "ksql.query.pull.max.concurrent.requests", "ksql.query.pull.max.hourly.bandwidth.megabytes",
                "ksql.max.push.queries", "ksql.idle.connection.timeout.seconds", "ksql.server.command.response.timeout.ms",
                "ksql.query.cleanup.shutdown.timeout.ms", "ksql.verticle.instances", "ksql.worker.pool.size",
            ]),
        vain(.server, "keeps rejected rows in MILLRACE_ERRORS", ["ksql.logging.*"]),
        vain(.server, "does not hide topics, nor make them read-only", ["ksql.hidden.topics", "ksql.readonly.topics"]),
        vain(
            .server, "lets sessions change everything but what ksql.properties.overrides.denylist names",
            ["ksql.properties.overrides.allowlist"]),
        vain(.server, "checks every property when it is set", ["ksql.properties.overrides.validation.mode"]),
        vain(.server, "has no HTTP interface but that of the metrics", ["access.control.*", "ui.enabled", "ksql.server.error.messages"]),
        vain(.server, "is one program", ["ksql.server.install.dir"]),
    ].flatMap { $0 }

    /// Words in the names of security settings.
    private static let securityWords: Set<String> = [
        "acl", "acls", "auth", "authentication", "authenticator", "authorisation", "authorization", "authorizer",
        "ca", "cert", "certificate", "certificates", "certs", "cipher", "ciphers", "credential", "credentials",
        "encrypt", "encryption", "htpasswd", "https", "jaas", "jwt", "kerberos", "keystore", "keytab", "ldap",
        "login", "mtls", "oauth", "oauth2", "oauthbearer", "oidc", "passphrase", "passwd", "password", "passwords",
        "permission", "permissions", "privatekey", "rbac", "role", "roles", "sasl", "scram", "secret", "secrets",
        "secure", "security", "ssl", "tls", "token", "tokens", "truststore", "user", "username", "users",
    ]

    /// A security setting that is not known here, as an entry that refuses it; nil for names that sound of none.
    static func unknownSecuritySetting(_ name: String) -> SettingEntry? {
        let words = name.lowercased().split { $0 == "." || $0 == "_" || $0 == "-" }.map(String.init)
        guard words.contains(where: securityWords.contains) else { return nil }
        return SettingEntry(
            name, .possiblyEmptyText, .server,
            .refused("it sounds like a security setting, and none of that name is known here, so that it would protect nothing"),
            "a security setting")
    }

    /// What must not be ignored.
    static let refused: [SettingEntry] = [
        barred(
            "millrace.users names the file of those who may log in, and this would protect nothing",
            ["millrace.users.file", "authentication.*"]),
        barred(
            "millrace.tls.certificate and millrace.tls.key set TLS, and this would encrypt nothing",
            ["millrace.tls.*", "ssl.*"]),
        barred(
            "the registry's client proves who it is by a name and a password only, and knows only certificates of authorities",
            [
                "ksql.schema.registry.ssl.keystore.*", "ksql.schema.registry.ssl.key.*", "ksql.schema.registry.bearer.*",
                "ksql.schema.registry.sasl.*", "ksql.schema.registry.ssl.truststore.password",
            ]),
        barred("there are no brokers to log in to; millrace.kafka.users names who may log in here as a client of Kafka", ["sasl.*", "security.protocol"]),
        barred("there are no users whose rights could be checked", ["ksql.access.validator.*", "ksql.security.*", "ksql.authentication.*"]),
    ].flatMap { $0 }
}
