// The typed keys of all settings that code reads. What each decides, its range and its default stand in `SettingTable.swift`.

package import Quantities

/// How durable a record is when it counts as durable.
package enum DurabilityLevel: String, SettingConvertible {
    case fsync, os
    package init(setting: SettingContent?) { self = setting?.text.flatMap(DurabilityLevel.init(rawValue:)) ?? .fsync }
}

/// Where a new query begins to read.
package enum OffsetReset: String, SettingConvertible {
    case earliest, latest
    package init(setting: SettingContent?) { self = setting?.text.flatMap(OffsetReset.init(rawValue:)) ?? .earliest }
}

/// How much bounded queries may do.
package enum BoundedQueryLimits: String, SettingConvertible {
    case full, ksqldb
    package init(setting: SettingContent?) { self = setting?.text.flatMap(BoundedQueryLimits.init(rawValue:)) ?? .full }
}

/// Which rules of the language hold.
package enum Dialect: String, SettingConvertible {
    /// ksqlDB's, and what people expect beside them.
    case full
    /// ksqlDB's alone, refusals included.
    case ksqldb
    package init(setting: SettingContent?) { self = setting?.text.flatMap(Dialect.init(rawValue:)) ?? .full }
}

extension SettingKey where Value == String? {
    package static var dataDirectory: Self { Self("millrace.data.dir") }
    package static var socket: Self { Self("millrace.socket") }
    package static var queriesFile: Self { Self("millrace.queries.file") }
    package static var listeners: Self { Self("listeners") }
    package static var schemaRegistry: Self { Self("ksql.schema.registry.url") }
    package static var schemaRegistryCredentials: Self { Self("ksql.schema.registry.basic.auth.credentials.source") }
    package static var schemaRegistryUser: Self { Self("ksql.schema.registry.basic.auth.user.info") }
    package static var schemaRegistryAuthorities: Self { Self("ksql.schema.registry.ssl.truststore.location") }
    package static var users: Self { Self("millrace.users") }
    package static var certificate: Self { Self("millrace.tls.certificate") }
    package static var key: Self { Self("millrace.tls.key") }
    package static var authorities: Self { Self("millrace.tls.authorities") }
    package static var kafkaUsers: Self { Self("millrace.kafka.users") }
    package static var kafkaCertificate: Self { Self("millrace.kafka.tls.certificate") }
    package static var kafkaKey: Self { Self("millrace.kafka.tls.key") }
    package static var kafkaAuthorities: Self { Self("millrace.kafka.tls.authorities") }
    package static var defaultValueFormat: Self { Self("ksql.persistence.default.format.value") }
}

extension SettingKey where Value == String {
    package static var logLevel: Self { Self("millrace.log.level") }
    package static var serviceID: Self { Self("ksql.service.id") }
    package static var transientPrefix: Self { Self("ksql.transient.prefix") }
    package static var deniedOverrides: Self { Self("ksql.properties.overrides.denylist") }
    package static var loadName: Self { Self("millrace.load.name") }
    package static var sinkTopicPrefix: Self { Self("ksql.output.topic.name.prefix") }
    package static var defaultKeyFormat: Self { Self("ksql.persistence.default.format.key") }
}

extension SettingKey where Value == NetworkAddress? {
    package static var server: Self { Self("millrace.server") }
    package static var listen: Self { Self("millrace.listen") }
    package static var metricsListen: Self { Self("millrace.metrics.listen") }
    package static var kafkaListen: Self { Self("millrace.kafka.listen") }
    package static var registryListen: Self { Self("millrace.registry.listen") }
    package static var kafkaAdvertised: Self { Self("millrace.kafka.advertised") }
}

extension SettingKey where Value == DurabilityLevel {
    package static var durability: Self { Self("millrace.durability") }
}

extension SettingKey where Value == OffsetReset? {
    package static var offsetReset: Self { Self("auto.offset.reset") }
}

extension SettingKey where Value == BoundedQueryLimits {
    package static var boundedQueries: Self { Self("millrace.bounded.queries") }
}

extension SettingKey where Value == Dialect {
    package static var dialect: Self { Self("millrace.dialect") }
}

extension SettingKey where Value == Int? {
    package static var threads: Self { Self("millrace.threads") }
    package static var memoryLimit: Self { Self("millrace.memory.limit") }
    package static var questionMemory: Self { Self("millrace.question.memory") }
    package static var collectListLimit: Self { Self("ksql.functions.collect_list.limit") }
    package static var collectSetLimit: Self { Self("ksql.functions.collect_set.limit") }
    package static var persistentQueries: Self { Self("ksql.query.persistent.active.limit") }
}

extension SettingKey where Value == Int {
    package static var defaultPartitions: Self { Self("millrace.default.partitions") }
    package static var cacheBytes: Self { Self("cache.max.bytes.buffering") }
}

extension SettingKey where Value == Milliseconds {
    package static var commitInterval: SettingKey<Milliseconds> { Self("commit.interval.ms") }
    package static var slowStatement: SettingKey<Milliseconds> { Self("millrace.log.slow.statement.ms") }
    package static var mostFuture: SettingKey<Milliseconds> { Self("millrace.max.future.ms") }
    package static var retryBackoff: SettingKey<Milliseconds> { Self("ksql.query.retry.backoff.initial.ms") }
    package static var longestRetryBackoff: SettingKey<Milliseconds> { Self("ksql.query.retry.backoff.max.ms") }
    package static var schemaWait: SettingKey<Milliseconds> { Self("millrace.schema.wait.ms") }
    package static var assertTopicTimeout: SettingKey<Milliseconds> { Self("ksql.assert.topic.default.timeout.ms") }
}

extension SettingKey where Value == Bool? {
    package static var wrapsSingleValues: Self { Self("ksql.persistence.wrap.single.values") }
}

extension SettingKey where Value == Bool {
    package static var insecure: Self { Self("millrace.insecure") }
    package static var kafkaCreatesTopics: Self { Self("millrace.kafka.auto.create.topics") }
    package static var insertsValues: Self { Self("ksql.insert.into.values.enabled") }
    package static var pullQueries: Self { Self("ksql.pull.queries.enable") }
    package static var pullTableScans: Self { Self("ksql.query.pull.table.scan.enabled") }
    package static var pullRangeScans: Self { Self("ksql.query.pull.range.scan.enabled") }
    package static var pullStreams: Self { Self("ksql.query.pull.stream.enabled") }
    package static var pullLimitClause: Self { Self("ksql.query.pull.limit.clause.enabled") }
    package static var emitFinal: Self { Self("ksql.suppress.enabled") }
    package static var lambdas: Self { Self("ksql.lambdas.enabled") }
    package static var createOrReplace: Self { Self("ksql.create.or.replace.enabled") }
    package static var followsTopics: Self { Self("millrace.print.follow") }
    package static var printsColumns: Self { Self("millrace.print.columns") }
    package static var sourceTables: Self { Self("ksql.source.table.materialization.enabled") }
    package static var headerColumns: Self { Self("ksql.headers.columns.enabled") }
    package static var variableSubstitution: Self { Self("ksql.variable.substitution.enable") }
    package static var failsOnInvalidTimestamp: Self { Self("ksql.timestamp.throw.on.invalid") }
    package static var failsOnUnreadableRecord: Self { Self("ksql.fail.on.deserialization.error") }
    package static var legacySubstring: Self { Self("ksql.functions.substring.legacy.args") }
}
