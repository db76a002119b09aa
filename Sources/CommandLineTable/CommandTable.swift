// The one table of commands and flags. Parsing, help, usage errors, completions and the reference all come from it.

package import Settings

/// A flag of some command.
package struct OptionSpec: Hashable, Sendable {
    /// The long name.
    package let name: OptionName
    /// The letter behind a single dash, if it has one.
    package let short: Character?
    /// What its value may be.
    package let kind: ValueKind
    /// Whether every occurrence counts, not only the last.
    package let repeats: Bool
    /// What stands in help texts behind the flag.
    package let help: String
    /// The default as text, when there is one.
    package let defaultText: String?
    /// The setting that the flag stands for, which may also come from the environment or a file.
    package let setting: String?

    init(
        _ name: OptionName, _ short: Character? = nil, _ kind: ValueKind, _ help: String, repeats: Bool = false,
        default defaultText: String? = nil, setting: String? = nil
    ) {
        self.name = name
        self.short = short
        self.kind = kind
        self.repeats = repeats
        self.help = help
        self.defaultText = defaultText
        self.setting = setting
    }
}

/// The flags, by their long names.
package enum OptionName: String, Hashable, Sendable, CaseIterable {
    case data, server, command, file, output, define, listen, socket, metrics, kafka, registry, config, queries, paused, durability, threads, insecure
    case schemaRegistry = "schema-registry"
    case logLevel = "log-level"
    case memoryLimit = "memory-limit"
    case users, user
    case passwordFile = "password-file"
    case tlsCert = "tls-cert"
    case tlsKey = "tls-key"
    case tlsCa = "tls-ca"
    case kafkaUsers = "kafka-users"
    case kafkaTlsCert = "kafka-tls-cert"
    case kafkaTlsKey = "kafka-tls-key"
    case kafkaTlsCa = "kafka-tls-ca"
    case batch, passing, verbose, format
    case delimiter, null, create, follow, strict, resume
    case maxErrors = "max-errors"
    case fromBeginning = "from-beginning"
    case logSize = "log-size"
    case interval, once
    case limit, partition, rows, runs, groups, partitions, rate, duration, steady, json, plot, against, compare, help, version
}

/// What a command takes besides flags.
package struct OperandSpec: Hashable, Sendable {
    /// The word that stands for it in help texts.
    package let name: String
    /// What it may be.
    package let kind: ValueKind
    /// How many of it there may be.
    package let count: ClosedRange<Int>
    /// What stands in help texts beside it.
    package let help: String
}

/// The commands.
package enum CommandName: String, Hashable, Sendable, CaseIterable {
    case shell, serve, run, test, load, tail, topics, top, doctor, user, bench, completions
}

/// A command with everything that it takes.
package struct CommandSpec: Hashable, Sendable {
    /// The word on the command line.
    package let name: CommandName
    /// What it does, as the end of a sentence.
    package let summary: String
    /// What it takes besides flags, in order.
    package let operands: [OperandSpec]
    /// Its own flags.
    package let options: [OptionSpec]

    /// The flags of the command, with those that every command has.
    package var allOptions: [OptionSpec] { options + [CommandTable.help] }

    /// The fewest operands that it can do with.
    package var leastOperands: Int { operands.map(\.count.lowerBound).reduce(0, +) }
    /// The most operands that it takes.
    package var mostOperands: Int {
        operands.map(\.count.upperBound).reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
    }
}

/// The commands and what they share.
package enum CommandTable {
    /// The name of the program.
    package static let program = "millrace"
    /// The ways to draw results.
    package static let outputs = ["table", "vertical", "csv", "tsv", "json", "ndjson", "markdown"]

    static let help = OptionSpec(.help, "h", .flag, "show this help")
    static let version = OptionSpec(.version, nil, .flag, "show the version")

    /// A flag that stands for a setting, of whose kind, default and meaning it is.
    private static func option<Value>(_ name: OptionName, _ key: SettingKey<Value>) -> OptionSpec {
        // Every key has its entry; a test makes sure.
        let entry = SettingTable.entry(key.name)
        let isFlag = entry?.kind == .flag
        return OptionSpec(
            name, nil, entry?.kind ?? .text, entry?.summary ?? "", default: isFlag ? nil : entry?.defaultText, setting: key.name)
    }

    private static let data = OptionSpec(
        .data, nil, .directory, "keep streams and state in this directory", setting: SettingKey<String?>.dataDirectory.name)
    private static let server = OptionSpec(
        .server, nil, .server(defaultPort: SettingTable.defaultPort), "talk to this server instead of an engine of its own",
        setting: SettingKey<NetworkAddress?>.server.name)
    /// How a server is reached.
    private static let login = [
        OptionSpec(.user, nil, .text, "log in there as this user; the password is asked for, or stands in MILLRACE_PASSWORD"),
        OptionSpec(.passwordFile, nil, .file, "the file whose first line is the password of --user"),
        OptionSpec(.tlsCa, nil, .file, "the authorities (PEM) that vouch for a server at tls://HOST:PORT; those that the system trusts unless set"),
    ]
    private static let command = OptionSpec(.command, "c", .sql, "execute these statements", repeats: true)
    private static let file = OptionSpec(.file, "f", .file, "execute the statements of this file, - for standard input", repeats: true)
    private static let output = OptionSpec(.output, nil, .choice(outputs), "how results are drawn", default: "table")
    private static let define = OptionSpec(.define, "d", .definition, "define a variable for ${NAME}", repeats: true)
    private static let durability = option(.durability, .durability)
    private static let threads = option(.threads, .threads)
    private static let configuration = OptionSpec(.config, nil, .file, "read settings from this .properties file")

    /// All commands, in the order of help texts.
    package static let commands = specs.map { spec in
        guard spec.options.contains(where: { $0.name == .server }) else { return spec }
        return CommandSpec(name: spec.name, summary: spec.summary, operands: spec.operands, options: spec.options + login)
    }

    private static let specs: [CommandSpec] = [
        CommandSpec(
            name: .shell, summary: "an interactive SQL shell, in memory unless told otherwise", operands: [],
            options: [
                data, server, command, file, output, define, configuration,
            ]),
        CommandSpec(
            name: .serve, summary: "the server", operands: [],
            options: [
                option(.data, .dataDirectory), option(.listen, .listen), option(.users, .users), option(.tlsCert, .certificate),
                option(.tlsKey, .key), option(.tlsCa, .authorities), option(.socket, .socket), option(.metrics, .metricsListen),
                option(.kafka, .kafkaListen), option(.kafkaUsers, .kafkaUsers), option(.kafkaTlsCert, .kafkaCertificate),
                option(.kafkaTlsKey, .kafkaKey), option(.kafkaTlsCa, .kafkaAuthorities), option(.registry, .registryListen),
                option(.schemaRegistry, .schemaRegistry),
                configuration, option(.queries, .queriesFile),
                OptionSpec(.paused, nil, .flag, "bring up all queries paused; RESUME starts them"),
                durability, threads, option(.memoryLimit, .memoryLimit), option(.insecure, .insecure), option(.logLevel, .logLevel),
            ]),
        CommandSpec(
            name: .run, summary: "executes scripts and stops at the first error",
            operands: [OperandSpec(name: "FILE", kind: .file, count: 0...Int.max, help: "scripts, or - for standard input")],
            options: [command, file, data, server, output, define, configuration]),
        CommandSpec(
            name: .test, summary: "runs SQL tests and JSON conformance cases",
            operands: [OperandSpec(name: "PATH", kind: .file, count: 1...Int.max, help: "files, or folders of them")],
            options: [
                OptionSpec(.batch, nil, .integer(1...1_048_576), "records in a micro-batch", default: "4096"),
                OptionSpec(.passing, nil, .file, "the names of cases that must pass; others may fail"),
                OptionSpec(.verbose, "v", .flag, "print a line for each case"),
            ]),
        CommandSpec(
            name: .load, summary: "loads records into a stream",
            operands: [
                OperandSpec(name: "STREAM", kind: .text, count: 1...1, help: "the stream or table"),
                OperandSpec(
                    name: "FILE", kind: .file, count: 0...Int.max,
                    help: "the records, also compressed with gzip, zstd or lz4; standard input unless given"),
            ],
            options: [
                OptionSpec(
                    .format, nil, .choice(["json", "csv", "tsv", "line", "avro", "protobuf"]),
                    "how a record is written; avro: whole container files; protobuf: messages, each behind its length; unless given as the first file is named, or json"),
                OptionSpec(.create, nil, .flag, "make the stream first, as the first 10000 records of the first file are, and print the statement"),
                OptionSpec(.follow, nil, .flag, "wait for more at the end of the last file, also when another one takes its name; Ctrl-C ends that"),
                OptionSpec(
                    .resume, nil, .flag, "pass over the lines that an earlier load of these paths with --resume has taken, where they are the same; keep how far this is"),
                OptionSpec(.strict, nil, .flag, "take no line with a member that no column takes, instead of leaving the member out and saying so"),
                OptionSpec(.delimiter, nil, .text, "what stands between two fields of csv, instead of a comma"),
                OptionSpec(.null, nil, .possiblyEmptyText, "what stands for NULL in csv, besides nothing at all, and in tsv"),
                OptionSpec(
                    .maxErrors, nil, .countOrShare, "how many lines, or which share of them, may be no records without the exit code being 1",
                    default: "0"), data, server, durability,
            ]),
        CommandSpec(
            name: .tail, summary: "prints the records of a stream as they come, or, of a data directory, those that are there",
            operands: [OperandSpec(name: "STREAM", kind: .text, count: 1...1, help: "the stream, table or topic")],
            options: [
                OptionSpec(.fromBeginning, nil, .flag, "start with the oldest record"),
                OptionSpec(.limit, nil, .integer(0...Int.max), "stop after so many records"), data, server, output,
            ]),
        CommandSpec(
            name: .topics, summary: "looks at raw topics",
            operands: [
                OperandSpec(
                    name: "ACTION", kind: .choice(["list", "describe", "verify", "dump"]), count: 1...1,
                    help: "list, describe, verify or dump; dump ends with the last record, millrace tail waits for more"),
                OperandSpec(name: "TOPIC", kind: .text, count: 0...1, help: "the topic; all of them unless given"),
            ],
            options: [
                data, server, OptionSpec(.partition, nil, .integer(0...Int(Int32.max)), "only this partition"),
                OptionSpec(.limit, nil, .integer(0...Int.max), "stop after so many records"), output,
            ]),
        CommandSpec(
            name: .top, summary: "shows the queries of a server, redrawn on a terminal", operands: [],
            options: [
                server, OptionSpec(.interval, nil, .integer(1...3_600), "seconds between two looks", default: "2"),
                OptionSpec(.once, nil, .flag, "look once, as also without a terminal"), output,
            ]),
        CommandSpec(
            name: .doctor, summary: "checks whether this machine suits a server", operands: [],
            options: [
                option(.data, .dataDirectory), option(.listen, .listen), option(.metrics, .metricsListen), option(.kafka, .kafkaListen),
                option(.registry, .registryListen), output,
            ]),
        CommandSpec(
            name: .user, summary: "changes the file of those who may log in",
            operands: [
                OperandSpec(
                    name: "ACTION", kind: .choice(["add", "delete", "list"]), count: 1...1,
                    help: "add, which asks for the password or reads it as a line of standard input, delete, or list"),
                OperandSpec(name: "NAME", kind: .text, count: 0...1, help: "the user; one who is there gets another password"),
            ],
            options: [option(.users, .users), option(.kafkaUsers, .kafkaUsers)]),
        CommandSpec(
            name: .bench, summary: "the benchmark suite",
            operands: [
                OperandSpec(
                    name: "QUERY", kind: .text, count: 0...Int.max,
                    help: "benchmarks by name; unless given all, or where flags ask for some only these")
            ],
            options: [
                OptionSpec(.rows, nil, .integer(1...1_000_000_000), "bids of a run; people and auctions come to them", default: "2000000"),
                OptionSpec(.runs, nil, .integer(1...1_000), "runs, of which the median counts", default: "3"),
                OptionSpec(
                    .partitions, nil, .integer(1...1_000), "partitions of the topics that queries read; of several, a GROUP BY over each",
                    repeats: true, default: "1"),
                OptionSpec(
                    .groups, nil, .integer(1...1_000_000_000), "also a GROUP BY with so many groups, its pauses, and a restart over them",
                    repeats: true),
                OptionSpec(.queries, nil, .integer(1...100_000), "also so many filters on one stream", repeats: true),
                OptionSpec(
                    .logSize, nil, .bytes(1_048_576...(1 << 50)), "also a GROUP BY at the end of a log of so many bytes", repeats: true),
                OptionSpec(.rate, nil, .integer(1...1_000_000), "also the latency of so many rows a second"),
                OptionSpec(.duration, nil, .integer(1...3_600), "seconds of --rate", default: "10"),
                OptionSpec(
                    .steady, nil, .flag, "let the engine's clock stand still, so that instructions can be counted"),
                OptionSpec(.data, nil, .directory, "make the data directories of the runs in this one"), threads, durability,
                OptionSpec(.json, nil, .flag, "print all figures as one JSON document"),
                OptionSpec(.plot, nil, .file, "also draw how the cost of a row grows, as SVG into this file"),
                OptionSpec(
                    .against, nil, .choice(["duckdb", "flink", "kafka"]),
                    "run the queries in turn with the peer's scripts, in peers/ of the folder that MILLRACE_SHARED names"),
                OptionSpec(.compare, nil, .file, "also print ratios to the figures of this earlier document"), output,
            ]),
        CommandSpec(
            name: .completions, summary: "prints the completion script of a shell",
            operands: [
                OperandSpec(name: "SHELL", kind: .choice(["bash", "zsh", "fish"]), count: 1...1, help: "bash, zsh or fish")
            ],
            options: []),
    ]

    /// The entry of a command.
    package static subscript(_ name: CommandName) -> CommandSpec {
        // Every name has its entry; a test makes sure.
        commands.first { $0.name == name } ?? commands[0]
    }
}
