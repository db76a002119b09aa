// The properties that SET, UNSET and a server's configuration know: name, default, and who may change them.

package import Diagnostics

/// A property of queries and sessions.
package struct SettingDescription: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case text
        case boolean
        case integer
        case choice([String])
    }
    package var name: String
    package var kind: Kind
    /// nil: unset unless somebody sets it.
    package var defaultValue: String?
    /// Whether a session may change it.
    package var isSettable: Bool
    package var summary: String
}

/// All properties by name.
package enum SettingTable {
    private static func setting(
        _ name: String, _ kind: SettingDescription.Kind, _ value: String?, _ summary: String, settable: Bool = true
    ) -> SettingDescription {
        SettingDescription(name: name, kind: kind, defaultValue: value, isSettable: settable, summary: summary)
    }

    /// Every property that this server knows, sorted by name.
    package static let all: [SettingDescription] = [
        setting(
            "auto.offset.reset", .choice(["earliest", "latest"]), nil, "where new queries start; push queries of a shell or server: latest"),
        setting("bootstrap.servers", .text, nil, "Kafka's brokers; this log is built in", settable: false),
        setting(
            "cache.max.bytes.buffering", .integer, "10000000",
            "0 emits every change of a table; otherwise the changes of a key within a commit become one"),
        setting("commit.interval.ms", .integer, "100", "the longest time that output of a busy query waits for its commit"),
        setting("ksql.cast.strings.preserve.nulls", .boolean, "true", "CAST(NULL AS STRING) is NULL"),
        setting("ksql.create.or.replace.enabled", .boolean, "true", "CREATE OR REPLACE"),
        setting("ksql.extension.dir", .text, "ext", "user functions", settable: false),
        setting("ksql.fail.on.deserialization.error", .boolean, "false", "an unreadable record stops the query instead of being skipped"),
        setting("ksql.functions.collect_list.limit", .integer, nil, "the most elements that COLLECT_LIST keeps"),
        setting("ksql.functions.collect_set.limit", .integer, nil, "the most elements that COLLECT_SET keeps"),
        setting("ksql.headers.columns.enabled", .boolean, "true", "HEADERS columns", settable: false),
        setting("ksql.insert.into.values.enabled", .boolean, "true", "INSERT INTO … VALUES"),
        setting("ksql.lambdas.enabled", .boolean, "true", "lambdas in new queries"),
        setting("ksql.nested.error.set.null", .boolean, "true", "an error in a nested call becomes NULL of that call alone"),
        setting("ksql.output.topic.name.prefix", .text, "", "put before the names of sink topics"),
        setting("ksql.persistence.default.format.key", .text, "KAFKA", "key format of sources that name none"),
        setting("ksql.persistence.default.format.value", .text, nil, "value format of sources that name none"),
        setting("ksql.persistence.wrap.single.values", .boolean, nil, "whether a single value column is written as an object"),
        setting("ksql.pull.queries.enable", .boolean, "true", "bounded queries", settable: false),
        setting("ksql.query.pull.limit.clause.enabled", .boolean, "true", "LIMIT in bounded queries"),
        setting("ksql.query.pull.range.scan.enabled", .boolean, "true", "key ranges in bounded queries"),
        setting("ksql.query.pull.stream.enabled", .boolean, "true", "bounded queries over streams"),
        setting("ksql.query.pull.table.scan.enabled", .boolean, "true", "bounded queries that look at every row"),
        setting("ksql.service.id", .text, "default_", "prefix of internal topics", settable: false),
        setting("ksql.source.table.materialization.enabled", .boolean, "true", "CREATE SOURCE TABLE", settable: false),
        setting("ksql.suppress.enabled", .boolean, "true", "EMIT FINAL"),
        setting(
            "ksql.timestamp.throw.on.invalid", .boolean, "false", "a row without a valid timestamp stops the query instead of being skipped"
        ),
        setting("ksql.variable.substitution.enable", .boolean, "true", "${variables} in statements"),
        setting("max.task.idle.ms", .integer, "0", "how long a join waits for a side that has no rows"),
        setting("millrace.bounded.queries", .choice(["full", "ksqldb"]), "full", "whether ksqlDB's limits of pull queries apply"),
        setting("millrace.default.partitions", .integer, "1", "partitions of a new topic"),
        setting(
            "processing.guarantee", .choice(["at_least_once", "exactly_once", "exactly_once_v2"]), "exactly_once_v2",
            "always exactly once here"),
    ].sorted { $0.name < $1.name }

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    /// Names that ksqlDB knows and that change nothing here.
    private static let ignored: Set<String> = [
        "ksql.new.query.planner.enabled", "ksql.sink.partitions", "ksql.sink.replicas", "topology.optimization",
        "default.timestamp.extractor", "ksql.windowed.session.key.legacy", "use.exact.numeric.comparison",
        "__emit.interval.ms.kstreams.windowed.aggregation__", "ksql.functions.substring.legacy.args", "num.stream.threads",
        "statestore.cache.max.bytes", "ksql.query.push.v2.enabled", "ksql.query.push.v2.registry.installed",
        "ksql.query.push.v2.enabled", "ksql.query.error.max.queue.size", "ksql.internal.topic.replicas",
    ]

    /// The name without the prefix `ksql.streams.`, which may stand before the properties of the query runtime.
    package static func bareName(_ name: String) -> String {
        let prefix = "ksql.streams."
        return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }

    /// The property of that name, with or without prefix.
    package static subscript(_ name: String) -> SettingDescription? { byName[bareName(name)] }

    /// Checks that a session may set and unset a property at all.
    package static func checkSettable(_ name: String) throws(Diagnostic) { _ = try settable(name, bySession: true) }

    /// Checks a new value of a property; answers the bare name under which it is kept.
    package static func check(_ name: String, value: String, bySession: Bool) throws(Diagnostic) -> String {
        let bare = bareName(name)
        guard let setting = try settable(name, bySession: bySession) else { return bare }
        try check(value, of: setting)
        return bare
    }

    /// The property of that name; nil for one that is taken and changes nothing.
    private static func settable(_ name: String, bySession: Bool) throws(Diagnostic) -> SettingDescription? {
        let bare = bareName(name)
        if ignored.contains(bare) || bare.hasPrefix("ksql.functions.") { return nil }
        guard let setting = byName[bare] else {
            throw Diagnostic(
                .invalidSetting, "Not recognizable as ksql, streams, consumer, or producer property: '\(name)'",
                hint: closestMatch(to: bare, among: all.map(\.name)).map { "Did you mean '\($0)'?" })
        }
        if bySession && !setting.isSettable {
            throw Diagnostic(.invalidSetting, "Cannot override property '\(name)'", hint: "It belongs to the server's configuration.")
        }
        return setting
    }

    private static func check(_ value: String, of setting: SettingDescription) throws(Diagnostic) {
        switch setting.kind {
        case .text: break
        case .boolean:
            if value.lowercased() != "true" && value.lowercased() != "false" { throw invalid(setting, value, "true or false") }
        case .integer:
            if Int64(value) == nil { throw invalid(setting, value, "a whole number") }
        case .choice(let choices):
            if !choices.contains(value.lowercased()) { throw invalid(setting, value, choices.joined(separator: " or ")) }
        }
    }

    private static func invalid(_ setting: SettingDescription, _ value: String, _ expected: String) -> Diagnostic {
        Diagnostic(.invalidSetting, "invalid value '\(value)' for the property '\(setting.name)': expected \(expected)")
    }
}
