// The one table of settings: what flags, the environment, a .properties file and SET may say. Every entry is either read by code, through
// its key, or says why it is not.

/// All settings.
package enum SettingTable {
    /// The port of the line protocol.
    package static let defaultPort = 6455

    /// All settings: those of the server, those that sessions may change, those that change nothing, those that are refused.
    package static let entries: [SettingEntry] = [server, sessions, noted, refused].flatMap { $0 }

    private static let byName = [String: SettingEntry](entries.map { ($0.name, $0) }) { first, _ in first }
    /// The defaults of the settings that code reads, by name.
    package static let defaultTexts = [String: String](
        entries.filter(\.isRead).compactMap { entry in entry.defaultText.map { (entry.name, $0) } }
    ) { first, _ in first }

    private static let families = entries.filter { $0.name.hasSuffix("*") }

    /// Names that mean the same as another.
    package static let aliases = [
        "ksql.queries.file": "millrace.queries.file",
        "statestore.cache.max.bytes": "cache.max.bytes.buffering",
    ]

    /// The name without the prefix `ksql.streams.`, which may stand before the settings of the query runtime.
    package static func bareName(_ name: String) -> String {
        let prefix = "ksql.streams."
        return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }

    /// The name under which a setting is kept, whatever name it was given by.
    package static func keptName(_ name: String) -> String {
        let bare = bareName(name)
        return aliases[bare] ?? bare
    }

    /// The setting of that name, with or without prefix.
    package static func entry(_ name: String) -> SettingEntry? {
        if let exact = byName[name] ?? byName[keptName(name)] { return exact }
        // Of families within families the smaller one.
        return families.filter { family in
            let beginning = family.name.dropLast()
            return name.hasPrefix(beginning) || bareName(name).hasPrefix(beginning)
        }.max { $0.name.utf8.count < $1.name.utf8.count }
    }

    /// The environment name of a setting: `millrace.log.level` is MILLRACE_LOG_LEVEL, and other names get the same prefix.
    package static func environmentName(_ name: String) -> String {
        let rest = name.hasPrefix("millrace.") ? String(name.dropFirst("millrace.".count)) : name
        return "MILLRACE_" + String(rest.uppercased().map { $0 == "." || $0 == "-" ? "_" : $0 })
    }

    // MARK: Entries

    private static func ofServer<Value>(
        _ key: SettingKey<Value>, _ kind: ValueKind, default text: String? = nil, _ summary: String
    ) -> SettingEntry {
        SettingEntry(key.name, kind, default: text, .server, .read, summary)
    }

    private static func ofSession<Value>(
        _ key: SettingKey<Value>, _ kind: ValueKind, default text: String? = nil, _ summary: String
    ) -> SettingEntry {
        SettingEntry(key.name, kind, default: text, .session, .read, summary)
    }

    private static let server: [SettingEntry] = [
        ofServer(.dataDirectory, .directory, default: "./millrace-data", "where streams and state are kept"),
        ofServer(
            .listen, .address(defaultPort: defaultPort, allowsZero: true), default: "127.0.0.1:\(defaultPort)",
            "the address of the line protocol"),
        ofServer(.listeners, .text, "as millrace.listen, as a list of URLs, whose scheme is http"),
        ofServer(
            .server, .server(defaultPort: defaultPort), "the server that the commands other than serve talk to"),
        ofServer(
            .users, .file,
            "the users whom clients of the line protocol have to log in as, in a file that `millrace user` writes; not at the Unix socket"),
        ofServer(
            .certificate, .file,
            "the certificate (PEM), with those between it and its authority, by which clients know this server: the line protocol then speaks TLS"),
        ofServer(.key, .file, "the private key (PEM) of that certificate, in a file that its owner alone may read"),
        ofServer(
            .authorities, .file,
            "the certificates (PEM) of the authorities one of which vouches for each client; clients need no certificate unless set"),
        ofServer(.socket, .file, "a Unix socket to listen on as well"),
        ofServer(.metricsListen, .address(defaultPort: nil, allowsZero: true), "the address of the metrics"),
        ofServer(
            .registryListen, .address(defaultPort: 8081, allowsZero: true), "the address of the schema registry's REST API"),
        ofServer(
            .schemaRegistry, .text,
            "the addresses of a schema registry outside, as URLs with commas between them; the server keeps schemas itself unless set"),
        ofServer(
            .schemaRegistryCredentials, .text, "where the login of that registry comes from: URL, or USER_INFO for ….basic.auth.user.info"),
        ofServer(.schemaRegistryUser, .text, "the login of that registry, as name:password"),
        ofServer(
            .schemaRegistryAuthorities, .file,
            "the certificates (PEM) of the authorities that vouch for that registry; those that the system trusts unless set"),
        ofServer(
            .schemaWait, .milliseconds(0...3_600_000), default: "30000",
            "how long a query waits for a schema that a record names and nobody has registered yet; then the record is an error row"),
        ofServer(.kafkaListen, .address(defaultPort: 9092, allowsZero: true), "the address where Kafka's clients are served"),
        ofServer(
            .kafkaAdvertised, .address(defaultPort: 9092, allowsZero: false),
            "the address that Kafka's clients are told to connect to; that of millrace.kafka.listen unless set"),
        ofServer(.kafkaCreatesTopics, .flag, default: "true", "whether a topic that a Kafka client asks for is made"),
        ofServer(.kafkaUsers, .file, "the users whom Kafka's clients have to log in as, in a file that `millrace user` writes"),
        ofServer(
            .kafkaCertificate, .file,
            "the certificate (PEM), with those between it and its authority, by which Kafka's clients know this server: they then speak TLS"),
        ofServer(.kafkaKey, .file, "the private key (PEM) of that certificate, in a file that its owner alone may read"),
        ofServer(
            .kafkaAuthorities, .file,
            "the certificates (PEM) of the authorities one of which vouches for each of Kafka's clients; clients need no certificate unless set"),
        ofServer(.queriesFile, .file, "a script to run; clients may then define nothing"),
        ofServer(.durability, .choice(["fsync", "os"]), default: "fsync", "when a record counts as durable"),
        ofServer(.threads, .integer(1...1_024), "worker threads; one per core unless set"),
        ofServer(
            .memoryLimit, .bytes(-1...(1 << 50)),
            "the most memory for the state of all queries, such as 4G: who would pass it is paused; three quarters of the machine's unless set, "
                + "0 or -1 for no limit"),
        ofServer(
            .questionMemory, .bytes(0...(1 << 50)),
            "the memory that each question may hold before it puts rows on disk, such as 64M; an eighth of the limit for all unless set, at most 512M"),
        ofServer(.insecure, .flag, default: "false", "listen beyond this machine without authentication"),
        ofServer(.logLevel, .choice(["debug", "info", "warn", "error"]), default: "info", "the least important events that are logged"),
        ofServer(
            .slowStatement, .milliseconds(0...86_400_000), default: "0",
            "how long a statement that ends by itself may take before it is logged as a slow one; with 0 none is"),
        ofServer(.serviceID, .text, default: "default_", "the prefix of internal names"),
        ofServer(.pullQueries, .flag, default: "true", "whether bounded queries are allowed"),
        ofServer(.headerColumns, .flag, default: "true", "whether HEADERS columns are allowed"),
        ofServer(.sourceTables, .flag, default: "true", "whether CREATE SOURCE TABLE is allowed"),
        ofServer(.persistentQueries, .integer(0...1_000_000), "the most persistent queries at once"),
        ofServer(.transientPrefix, .text, default: "transient_", "the prefix of the ids of push queries and questions"),
        ofServer(.deniedOverrides, .possiblyEmptyText, default: "", "settings that sessions may not change, with commas between them"),
    ]

    private static let formats = ["kafka", "json", "delimited", "none", "avro", "protobuf", "protobuf_nosr", "json_sr"]

    private static let sessions: [SettingEntry] = [
        ofSession(.offsetReset, .choice(["earliest", "latest"]), "where new queries start; push queries of a shell or server: latest"),
        ofSession(
            .commitInterval, .milliseconds(1...3_600_000), default: "100",
            "the longest time that output of a busy query waits for its commit"),
        ofSession(
            .mostFuture, .milliseconds(0...315_360_000_000), default: "86400000",
            "how far beyond the clock the time of a row may be that goes into a window or a join of streams; 0 for any time"),
        ofSession(
            .cacheBytes, .integer(0...(1 << 50)), default: "10000000",
            "0 emits every change of a table; otherwise the changes of a key within a commit become one"),
        ofSession(.defaultPartitions, .integer(1...10_000), default: "1", "partitions of a new topic"),
        ofSession(.boundedQueries, .choice(["full", "ksqldb"]), default: "full", "whether ksqlDB's limits of pull queries apply"),
        ofSession(
            .dialect, .choice(["full", "ksqldb"]), default: "full",
            "ksqldb refuses what ksqlDB refuses: CREATE without WITH, CASE with an operand or with branches of several number types"),
        ofSession(.sinkTopicPrefix, .possiblyEmptyText, default: "", "put before the names of sink topics"),
        ofSession(.defaultKeyFormat, .choice(formats), default: "KAFKA", "key format of sources that name none"),
        ofSession(.defaultValueFormat, .choice(formats), "value format of sources that name none"),
        ofSession(.wrapsSingleValues, .flag, "whether a single value column is written as an object"),
        ofSession(.insertsValues, .flag, default: "true", "whether INSERT INTO … VALUES is allowed"),
        ofSession(.pullTableScans, .flag, default: "true", "whether bounded queries may look at every row of a table"),
        ofSession(.pullRangeScans, .flag, default: "true", "whether bounded queries may look at ranges of keys"),
        ofSession(.pullStreams, .flag, default: "true", "whether bounded queries may read streams"),
        ofSession(.pullLimitClause, .flag, default: "true", "whether bounded queries may have a LIMIT"),
        ofSession(.emitFinal, .flag, default: "true", "whether EMIT FINAL is allowed"),
        ofSession(.lambdas, .flag, default: "true", "whether new queries may have lambdas"),
        ofSession(.createOrReplace, .flag, default: "true", "whether CREATE OR REPLACE replaces what exists"),
        ofSession(.followsTopics, .flag, default: "true", "whether PRINT waits for more when it has printed what there was"),
        ofSession(
            .printsColumns, .flag, default: "false", "whether PRINT gives rows with columns, for programs, instead of lines for people"),
        ofSession(
            .loadName, .possiblyEmptyText, default: "",
            "the name under which loads keep how far they are: one of the same name passes over the lines that were taken"),
        ofSession(.variableSubstitution, .flag, default: "true", "whether ${name} in statements is replaced"),
        ofSession(
            .failsOnInvalidTimestamp, .flag, default: "false",
            "whether a row without a valid timestamp stops the query instead of being skipped"),
        ofSession(
            .failsOnUnreadableRecord, .flag, default: "false", "whether an unreadable record stops the query instead of being skipped"),
        ofSession(
            .legacySubstring, .flag, default: "false",
            "whether SUBSTRING in new queries counts from 0 and takes the end for its length"),
        ofSession(.collectListLimit, .integer(0...1_000_000_000), "the most elements that COLLECT_LIST keeps"),
        ofSession(.collectSetLimit, .integer(0...1_000_000_000), "the most elements that COLLECT_SET keeps"),
        ofSession(
            .retryBackoff, .milliseconds(1...86_400_000), default: "20",
            "the first pause before a query whose commit was refused is tried again"),
        ofSession(.longestRetryBackoff, .milliseconds(1...86_400_000), default: "2000", "the longest such pause"),
        ofSession(.assertTopicTimeout, .milliseconds(0...86_400_000), default: "1000", "how long ASSERT TOPIC waits unless it says so"),
    ]
}
