// swift-tools-version: 6.2
// The manifest is the architecture: one room, one target, one sentence, and the rooms it may look into.
import Foundation
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableExperimentalFeature("Lifetimes"),
]
let tests: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

/// A room of the house: its name, its one sentence, the rooms below that it may import, and the C libraries that it is linked with.
@MainActor func room(_ name: String, _ sentence: String, _ below: [String] = [], linking libraries: [LinkerSetting] = []) -> Target {
    .target(
        name: name, dependencies: below.map { .byName(name: $0) }, swiftSettings: strict + [.strictMemorySafety()],
        linkerSettings: libraries)
}

/// A C library inside the program where the system ships an archive of it (`lib<name>.a`, libuv's is `libuv_a.a` on some), so that the
/// program runs on machines that do not have the library; else the shared one.
@MainActor func archive(_ name: String) -> LinkerSetting {
    #if os(Linux)
        let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
        for file in ["lib\(name)_a.a", "lib\(name).a"] where folders.contains(where: { FileManager.default.fileExists(atPath: "\($0)/\(file)") }) {
            return .linkedLibrary(":" + file)
        }
    #endif
    return .linkedLibrary(name)
}

/// The tests of one room, which may also look into the rooms below it.
@MainActor func tests(of name: String, _ others: [String] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: ([name] + others + ["TestSupport"]).map { .byName(name: $0) }, swiftSettings: tests)
}

/// A C library of the system, seen through a module map.
@MainActor func library(_ name: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/System/\(name)", providers: [.apt([apt])])
}

let package = Package(
    name: "millrace",
    products: [
        .executable(name: "millrace", targets: ["millrace"]),
        .library(name: "MillraceClient", targets: ["MillraceClient"]),
        .library(name: "Millrace", targets: ["Millrace"]),
    ],
    targets: [
        library("CUV", apt: "libuv1-dev"),
        library("CEdit", apt: "libedit-dev"),
        library("CLZ4", apt: "liblz4-dev"),
        library("CZstd", apt: "libzstd-dev"),
        library("CSnappy", apt: "libsnappy-dev"),
        library("CZlib", apt: "zlib1g-dev"),
        library("CPCRE2", apt: "libpcre2-dev"),
        library("CHTTPParser", apt: "libhttp-parser-dev"),
        library("CCurl", apt: "libcurl4-openssl-dev"),
        library("CCrypto", apt: "libssl-dev"),
        library("CTLS", apt: "libssl-dev"),
        .target(name: "CHardware"),
        .target(name: "CPages"),

        room("Quantities", "numbers with units that saturate or fail and never trap: times, durations, sizes, places in topics"),
        room("Bytes", "reads and writes numbers, strings, records and checksums in byte buffers", ["Quantities", "CHardware"]),
        room("Platform", "files, threads, time, chance and sockets of the machine; all but sockets have a simulated twin", ["Quantities", "CHardware"]),
        room("Spill", "keeps what does not fit the memory in sorted runs and in files on disk, of which nothing outlives the process",
             ["Quantities", "Bytes", "Platform"]),
        room("Diagnostics", "errors as values: code, place in the text and hint, and how they are drawn"),
        room("Pages", "the reference pages of Sources/Documentation.docc, by topic, and how a terminal shows them", ["Diagnostics", "CPages"]),
        room("Settings", "the settings, declared once, and the files, variables and statements that set them", ["Quantities", "Diagnostics"]),
        room("JSONText", "reads and writes small JSON documents as values", ["Diagnostics"]),
        room("Sessions", "what a client of an engine needs: the session protocol, its events, bulk loads and their reports",
             ["Quantities", "Bytes", "Diagnostics"]),
        room("Values", "SQL types, schemas and values, with their order, text and casts", ["Quantities", "Bytes"]),
        room("LogStore", "keeps topics as append-only segments behind a commit journal and survives a crash",
             ["Quantities", "Bytes", "Platform", "CLZ4", "CZstd", "CSnappy", "CZlib"],
             linking: [archive("lz4"), archive("zstd"), archive("snappy"), .linkedLibrary("stdc++"), archive("z")]),
        room("Schemas", "the languages of schemas, their types in SQL and back, and the registry as a door", ["Quantities", "Bytes", "Diagnostics", "JSONText", "Values"]),
        room("Registry", "the REST API of Confluent's registry over a registry of ours, without sockets", ["Schemas", "Diagnostics", "JSONText"]),
        room("HTTPClient", "asks HTTP servers, within limits of time and size", ["Quantities", "CCurl"]),
        room("RegistryClient", "a registry of schemas outside, asked over Confluent's REST API and remembered",
             ["Quantities", "Platform", "Schemas", "HTTPClient", "Diagnostics", "JSONText"]),
        room("Formats", "which formats there are, what each can carry, and their properties", ["Quantities", "Schemas", "Values"]),
        room("Syntax", "turns SQL text into a syntax tree and back", ["Diagnostics"]),
        room("Functions", "every built-in function: its name, its signatures and which one a call means", ["Quantities", "Values"]),
        room("Plans", "typed expressions and logical and physical plans, as values with a text form and a stored one",
             ["Quantities", "Bytes", "Values", "Formats"]),
        room("Catalog", "what exists, as an immutable snapshot: sources, types, queries with their plans; and its changes, as values",
             ["Quantities", "Values", "Formats", "Plans", "JSONText"]),
        room("Analysis", "resolves every name, gives every expression a type, and reports what is wrong",
             ["Settings", "Quantities", "Syntax", "Catalog", "Plans", "Formats", "Functions", "Schemas", "Values", "Diagnostics"]),
        room("Planner", "turns a resolved statement into a logical plan and that into a physical one",
             ["Quantities", "Bytes", "Analysis", "Catalog", "Plans", "Formats", "Values", "Diagnostics"]),
        room("Operators", "the hot path: columns, codecs, hash tables, kernels and operators; batches in, batches out, no I/O",
             ["Quantities", "Bytes", "Spill", "Plans", "Formats", "Schemas", "JSONText", "Values", "CHardware", "CPCRE2"], linking: [archive("pcre2-8")]),
        room("Pipelines", "runs a query's pipelines over the log: fetches records, feeds operators, commits output, state and positions together",
             ["Quantities", "Operators", "LogStore", "Platform", "Bytes", "JSONText"]),
        room("Engine", "carries out statements and owns the running queries: what a program embeds",
             ["Settings", "Quantities", "Syntax", "Analysis", "Planner", "Catalog", "Plans", "Formats", "Functions", "Pipelines", "Operators",
              "Schemas", "LogStore", "Sessions", "Values", "Diagnostics", "Platform", "Bytes", "Spill", "JSONText"]),
        room("Conformance", "runs test cases, SQL or JSON, through an engine of their own",
             ["Quantities", "Engine", "Sessions", "Operators", "Pipelines", "Plans", "Catalog", "Syntax", "Analysis", "Functions", "Formats",
              "Schemas", "LogStore", "Values", "Diagnostics", "Platform", "Bytes", "JSONText"]),
        room("Credentials", "users, what is kept of their passwords, and the exchanges that check them",
             ["Bytes", "Platform", "CCrypto"], linking: [archive("crypto")]),
        room("TLS", "both sides of TLS as a machine without sockets, through OpenSSL's libssl, which is opened at first use", ["Platform", "CTLS"]),
        room("Kafka", "Kafka's protocol over the log: messages, one broker, consumer groups, without sockets",
             ["Quantities", "Credentials", "LogStore", "Platform", "Bytes"]),
        room("Wire", "the line protocol as state machines without sockets, for client and server",
             ["Quantities", "Sessions", "Bytes", "Syntax", "Diagnostics", "JSONText"]),
        room("Client", "a session at a remote server, through the line protocol",
             ["Quantities", "Credentials", "TLS", "Sessions", "Wire", "Diagnostics", "Platform", "Bytes", "JSONText"]),
        room("AsyncSessions", "sessions for programs in Swift: rows as asynchronous sequences, records in bulk, errors thrown",
             ["Sessions", "Diagnostics", "Platform", "Bytes", "JSONText"]),
        room("MillraceClient", "the client for programs in Swift: such a session at a server", ["AsyncSessions", "Client", "Sessions", "Settings", "Diagnostics", "Platform", "Quantities"]),
        room("Millrace", "the engine inside a program in Swift: over a directory, or in memory",
             ["AsyncSessions", "Engine", "LogStore", "Sessions", "Settings", "Diagnostics", "Platform", "Bytes"]),
        room("Server", "serves the line protocol, Kafka's, the registry's and the metrics page over sockets, within limits of size, number and time",
             ["Quantities", "Credentials", "Engine", "Kafka", "LogStore", "Registry", "Schemas", "Sessions", "TLS", "Wire", "Platform", "Diagnostics", "Bytes", "JSONText", "CUV", "CHTTPParser"],
             linking: [archive("uv"), archive("http_parser")]),
        room("Benchmark", "measures the whole product with the queries of Nexmark",
             ["Quantities", "Engine", "Pipelines", "LogStore", "Sessions", "Client", "Server", "Platform", "Diagnostics", "Bytes"]),
        room("CommandLineTable", "the subcommands and flags, declared once", ["Settings", "Quantities", "Diagnostics", "Pages"]),
        room("Shell", "the interactive prompt and the drawing of answers",
             ["Quantities", "Sessions", "Values", "Syntax", "Diagnostics", "Platform", "Bytes", "JSONText", "Pages", "CEdit"],
             linking: [archive("edit"), archive("tinfo"), archive("bsd"), archive("md")]),
        .executableTarget(
            name: "millrace",
            dependencies: ["CommandLineTable", "Pages", "Settings", "Syntax", "Shell", "Client", "Server", "Kafka", "Credentials", "TLS", "RegistryClient", "HTTPClient", "Conformance", "Benchmark", "Engine", "Sessions", "Pipelines", "LogStore", "Spill",
                           "Quantities", "Values", "Diagnostics", "Platform", "Bytes", "JSONText"],
            swiftSettings: strict),

        // The examples, built here as well so that the tests run them; each is also a package of its own.
        .executableTarget(name: "SwiftClientExample", dependencies: ["MillraceClient"], path: "examples/swift-client/Sources", swiftSettings: tests),
        .executableTarget(name: "EmbeddedExample", dependencies: ["Millrace"], path: "examples/embedded/Sources", swiftSettings: tests),

        .target(name: "TestSupport", dependencies: ["Quantities"], path: "Tests/TestSupport", swiftSettings: tests),
        tests(of: "Quantities"),
        tests(of: "Bytes", ["Quantities"]),
        tests(of: "Platform"),
        tests(of: "Spill", ["Bytes", "Platform"]),
        tests(of: "LogStore", ["Quantities", "Bytes", "Platform"]),
        tests(of: "Diagnostics"),
        tests(of: "Syntax", ["Diagnostics", "Shell"]),
        tests(of: "Values"),
        tests(of: "Functions", ["Values"]),
        tests(of: "Schemas", ["Values"]),
        tests(of: "Registry", ["Schemas", "JSONText"]),
        tests(of: "RegistryClient", ["HTTPClient", "Schemas", "Registry", "Platform", "Quantities", "Diagnostics", "JSONText"]),
        tests(of: "Planner", ["Analysis", "Catalog", "Plans", "Formats", "Functions", "Syntax", "Values", "Diagnostics", "JSONText"]),
        tests(of: "Operators", ["Quantities", "Bytes", "Spill", "Platform", "Functions", "Plans", "Formats", "Schemas", "Values"]),
        tests(of: "Pipelines", ["Quantities", "Spill", "Operators", "Plans", "Formats", "LogStore", "Platform", "Bytes", "Values"]),
        tests(of: "Engine", ["Quantities", "Spill", "Settings", "Schemas", "Sessions", "Syntax", "Analysis", "Planner", "Plans", "Catalog", "Functions", "Pipelines", "LogStore", "Platform", "Values", "Diagnostics", "Bytes"]),
        tests(of: "Server", ["Sessions", "Client", "Engine", "Wire", "LogStore", "Platform", "Diagnostics", "Bytes", "JSONText"]),
        .testTarget(
            name: "KafkaTests", dependencies: ["Kafka", "Credentials", "Quantities", "LogStore", "Platform", "Bytes", "TestSupport"], exclude: ["frames.txt"],
            swiftSettings: tests),
        tests(of: "Credentials", ["Bytes", "Platform"]),
        tests(of: "TLS", ["CTLS", "Platform"]),
        tests(of: "Wire", ["Sessions", "Bytes", "Syntax", "Diagnostics", "JSONText"]),
        tests(of: "Settings", ["Quantities", "Diagnostics"]),
        tests(of: "CommandLineTable", ["Settings", "Diagnostics"]),
        tests(of: "Pages", ["CommandLineTable", "Functions", "Settings", "Sessions", "Shell", "Syntax", "Diagnostics"]),
        tests(of: "Shell", ["Bytes", "Diagnostics", "Platform", "Quantities", "Sessions"]),
        tests(of: "Benchmark", ["Engine", "LogStore", "Platform", "Diagnostics", "Bytes", "JSONText"]),
        tests(of: "Conformance", ["Platform"]),
        tests(of: "MillraceClient", ["Millrace", "AsyncSessions", "Engine", "Server", "LogStore", "Platform"]),
        .testTarget(name: "HouseTests", dependencies: ["TestSupport"], swiftSettings: tests),
        .testTarget(
            name: "EndToEndTests", dependencies: ["millrace", "SwiftClientExample", "EmbeddedExample", "TestSupport"], exclude: ["WordCount.java", "avro_files.py", "bench.py", "conduct.py", "continuous.py", "crash.py", "dump.py", "figures.py", "kafka_clients.py", "kafka_differential.py", "kafka_tls.py", "kafka_transactions.py", "kafka_wire.py", "line_security.py", "load_members.py", "loading.py", "memory.py", "nexmark.py", "output.py", "outside_registry.py", "ports_and_files.py", "protocol_page.py", "pseudo_terminal.py", "python_asyncio.py", "python_client.py", "questions.py", "random_schemas.py", "registry_clients.py", "scale.py", "schemas.py", "serving.py", "shell.py", "terminal.py", "watching.py"], swiftSettings: tests),
    ]
)

// MILLRACE_TEST_ROOMS=Pipelines,Engine builds the tests of these rooms only: a full build of all tests takes minutes.
if let rooms = Context.environment["MILLRACE_TEST_ROOMS"] {
    let chosen = Set(rooms.split(separator: ",").map { String($0) + "Tests" })
    package.targets.removeAll { $0.type == .test && !chosen.contains($0.name) }
}
