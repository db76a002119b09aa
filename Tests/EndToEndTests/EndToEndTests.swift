import Foundation
import TestSupport
import Testing

private let root = Surroundings.root

/// The program that was built with these tests: it lies beside the test runner.
let millrace = built("millrace")

/// A program of this package that was built with these tests.
func built(_ name: String) -> String {
    var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    for _ in 0..<4 {
        let candidate = folder.appending(path: name).path
        if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        folder.deleteLastPathComponent()
    }
    return root + "/.build/debug/" + name
}

/// What a program printed and how it ended. Its environment names the program that was built, unless `givesProgram` is false.
func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], givesProgram: Bool = true
) throws -> (output: String, status: Int32) {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.merging(givesProgram ? ["MILLRACE": millrace] : [:]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (text, process.terminationStatus)
}

func python(_ script: String, _ arguments: [String]) throws -> (output: String, status: Int32) {
    try run("/usr/bin/env", ["python3", root + "/Tests/EndToEndTests/" + script] + arguments)
}

/// Whether Python has Confluent's client of registries, with all of its formats.
private let hasRegistryClient =
    (try? run(
        "/usr/bin/env",
        [
            "python3", "-c",
            "from confluent_kafka.schema_registry import avro, json_schema, protobuf",
        ]).status) == 0

/// Whether Python has what judges the bytes of records with schemas.
private let hasSchemaJudges =
    (try? run("/usr/bin/env", ["python3", "-c", "import fastavro, jsonschema, google.protobuf"]).status) == 0

@Suite(.serialized) struct EndToEnd {
    /// The example that needs nothing prints what it printed before. `MILLRACE_UPDATE_GOLDEN=1` rewrites the expectations.
    @Test func theOrdersExampleRuns() throws { try checkExample("orders") }

    @Test(.enabled(if: Surroundings.has("data/access.log"), "shared/data/access.log is not beside the project"))
    func theAccessLogExampleRuns() throws { try checkExample("access-log", over: "access.log") }

    @Test(.enabled(if: Surroundings.has("data/earthquakes.jsonl"), "shared/data/earthquakes.jsonl is not beside the project"))
    func theEarthquakesExampleRuns() throws { try checkExample("earthquakes", over: "earthquakes.jsonl") }

    @Test(.enabled(if: Surroundings.has("data/flights.jsonl"), "shared/data/flights.jsonl is not beside the project"))
    func theFlightsExampleRuns() throws { try checkExample("flights", over: "flights.jsonl") }

    /// What an example prints is what it printed before, and, over real input, what is computed by other means.
    private func checkExample(_ name: String, over file: String? = nil) throws {
        let input = file.map { [Surroundings.shared + "/data/" + $0] } ?? []
        let (output, status) = try run("/bin/bash", [root + "/examples/\(name)/run"] + input)
        #expect(status == 0, "\(output)")
        let expected = URL(filePath: root + "/examples/\(name)/expected.txt")
        if Surroundings.updatesGolden { try output.write(to: expected, atomically: true, encoding: .utf8) }
        #expect(output == (try String(contentsOf: expected, encoding: .utf8)))
        guard !input.isEmpty, Surroundings.hasProgram("python3") else { return }
        let figures = try python("figures.py", [name] + input)
        #expect(figures.status == 0, "\(figures.output)")
        #expect(output == figures.output)
    }

    /// The example over a package log counts as many actions as the log has lines.
    @Test func thePackageLogExampleCounts() throws {
        let log = FileManager.default.temporaryDirectory.appending(path: "dpkg-\(UUID().uuidString).log")
        defer { try? FileManager.default.removeItem(at: log) }
        var lines: [String] = []
        for number in 0..<500 {
            let time = "2026-03-\(10 + number / 100) \(10 + number % 7):\(10 + number % 50):07"
            switch number % 3 {
            case 0: lines.append("\(time) startup archives unpack")
            case 1: lines.append("\(time) install lib\(number):amd64 <none> 1.\(number)-1")
            default: lines.append("\(time) status half-configured lib\(number):amd64 1.\(number)-1")
            }
        }
        try (lines.joined(separator: "\n") + "\n").write(to: log, atomically: true, encoding: .utf8)
        let (output, status) = try run("/bin/bash", [root + "/examples/packages/run", log.path])
        #expect(status == 0, "\(output)")
        let counted = output.split(separator: "\n").dropFirst().reduce(0) { $0 + (Int($1.split(separator: ",").last ?? "") ?? 0) }
        #expect(counted == lines.count, "\(output.prefix(2000))")
    }

    @Test func theQuickstartRuns() throws {
        let (output, status) = try run("/bin/bash", [root + "/examples/quickstart"])
        #expect(status == 0, "\(output)")
        #expect(output.contains("Limit Reached"))
        // The table before and after the restart.
        #expect(output.components(separatedBy: "| /a ").count > 2, "\(output)")
    }

    /// The program can be copied to a machine that has none of the C libraries it was built with. (A release build has Swift's own
    /// libraries inside, too.)
    @Test func nothingMustBeInstalledBesideIt() throws {
        let (output, status) = try run("/usr/bin/ldd", [millrace])
        #expect(status == 0, "\(output)")
        let swift = try Regex("libswift.*|lib_?dispatch|libBlocksRuntime|lib_.*Regex.*")
        let expected: Set<Substring> = ["linux-vdso", "libc", "libm", "libstdc++", "libgcc_s", "ld-linux-x86-64", "ld-linux-aarch64"]
        let needed = output.split(separator: "\n").compactMap { line -> Substring? in
            let file = line.drop { $0 == "\t" || $0 == " " }.prefix { $0 != " " }.split(separator: "/").last ?? ""
            let name = file.components(separatedBy: ".so")[0][...]
            return expected.contains(name) || (try? swift.wholeMatch(in: name)) != nil ? nil : name
        }
        #expect(needed.isEmpty, "shared libraries: \(needed)")
    }

    /// `-c`, `-f` and files are all carried out, in the order in which they were given, by `run` and by the shell.
    @Test(arguments: ["run", "shell"])
    func everyScriptIsCarriedOut(command: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "scripts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "insert.sql")
        // As some editors and all executables begin.
        try (Data([0xEF, 0xBB, 0xBF]) + Data("#!/usr/bin/env -S millrace run\nINSERT INTO s VALUES (1, '${a}');\n".utf8)).write(to: file)
        let (output, status) = try run(
            millrace,
            [
                command, "--output", "csv", "-d", "a=it's", "-c",
                "CREATE STREAM s (id INT KEY, b STRING) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');", "-f", file.path, "-c",
                "SELECT * FROM s;",
            ])
        #expect(status == 0 && output == "ID,B\n1,it's\n", "\(output)")
    }

    @Test func anErrorInAScriptNamesTheFile() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "wrong-\(UUID().uuidString).sql")
        defer { try? FileManager.default.removeItem(at: file) }
        try "#!/usr/bin/env -S millrace run\n\nSELEC 1;\n".write(to: file, atomically: true, encoding: .utf8)
        let (output, status) = try run(millrace, ["run", file.path])
        #expect(status == 1 && output.hasPrefix("\(file.path):3: error "), "\(output)")
    }

    /// `--config` of a command with an engine of its own sets what SET sets.
    @Test func aFileOfSettingsIsRead() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString).properties")
        defer { try? FileManager.default.removeItem(at: file) }
        try "ksql.output.topic.name.prefix=made-\n".write(to: file, atomically: true, encoding: .utf8)
        let statements = [
            "CREATE STREAM s (id INT KEY, b STRING) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');",
            "CREATE STREAM t AS SELECT * FROM s;", "SHOW TOPICS;",
        ]
        let (output, status) = try run(millrace, ["run", "--config", file.path] + statements.flatMap { ["-c", $0] })
        #expect(status == 0 && output.contains("made-T"), "\(output)")
    }

    /// A server that cannot keep what its configuration promises does not start, and says why.
    @Test(arguments: [
        ("millrace.users.file=users.txt\n", [:], "millrace.users.file cannot be honoured"),
        ("millrace.tls.certificate=nope.pem\n", [:], "TLS needs both --tls-cert and --tls-key"),
        ("millrace.tls.keystore=nope.p12\n", [:], "millrace.tls.keystore cannot be honoured"),
        ("ssl.keystore.location=/nope\n", [:], "ssl.keystore.location cannot be honoured"),
        ("", ["MILLRACE_TLS_KEY": "nope.key"], "TLS needs both --tls-cert and --tls-key"),
        ("", ["MILLRACE_PASSWORD": "secret"], "MILLRACE_PASSWORD cannot be honoured"),
        ("millrace.acl.file=acls.txt\n", [:], "millrace.acl.file cannot be honoured"),
        ("listeners=https://127.0.0.1:0\n", [:], "no URL makes TLS"),
        ("listeners=http://0.0.0.0:7997\n", [:], "listening on 0.0.0.0:7997 lets other machines in"),
        ("millrace.metrics.listen=0.0.0.0:7997\n", [:], "metrics at 0.0.0.0:7997"),
        ("commit.interval.ms=10000000000000\n", [:], "line 1: commit.interval.ms takes a number from 1 to 3600000 ms"),
    ])
    func aServerThatCannotKeepItsPromisesDoesNotStart(file: String, environment: [String: String], reason: String) throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "server-\(UUID().uuidString).properties")
        defer { try? FileManager.default.removeItem(at: place) }
        try file.write(to: place, atomically: true, encoding: .utf8)
        let (output, status) = try run(
            millrace, ["serve", "--config", place.path, "--data", place.path + ".data"], environment: environment)
        #expect(status == 2 && output.contains(reason), "\(output)")
    }

    /// A flag counts before the file; what the file says of TLS is refused all the same, because it is meant.
    @Test func aFlagDoesNotHideWhatCannotBeHonoured() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "server-\(UUID().uuidString).properties")
        defer { try? FileManager.default.removeItem(at: place) }
        try "listeners=https://127.0.0.1:0\n".write(to: place, atomically: true, encoding: .utf8)
        let (output, status) = try run(
            millrace, ["serve", "--listen", "127.0.0.1:0", "--config", place.path, "--data", place.path + ".data"])
        #expect(status == 2 && output.contains("no URL makes TLS"), "\(output)")
    }

    /// A script that no longer makes what an earlier start has made: the message names the place, and what to do.
    @Test func aScriptThatWasChangedIsRefusedWithItsPlace() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "changed-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "queries.sql")
        let data = folder.appending(path: "data").path
        func script(_ columns: String, _ filter: String) -> String {
            """
            -- the orders; all of them
            CREATE STREAM s (\(columns))
              WITH (kafka_topic='s', value_format='JSON', partitions=1);

            CREATE STREAM o AS SELECT * FROM s\(filter);
            """
        }
        try script("id INT", "").write(to: file, atomically: true, encoding: .utf8)
        #expect(try run(millrace, ["run", "--data", data, file.path]).status == 0)
        let serve = ["serve", "--data", data, "--listen", "127.0.0.1:0", "--queries", file.path]
        for (text, line, name) in [(script("id INT, x INT", ""), 2, "S"), (script("id INT", " WHERE id > 1"), 5, "O")] {
            try text.write(to: file, atomically: true, encoding: .utf8)
            let (output, status) = try run(millrace, serve)
            #expect(status == 1 && output.contains("\(file.path):\(line): Cannot add stream '\(name)'"), "\(output)")
            #expect(output.contains("hint: The data directory has it from an earlier start") && output.contains("write CREATE OR REPLACE"))
        }
        let longer = script("id INT", "") + "\n\nCREATE STREAM\n  p AS SELECT nothing FROM s;\n"
        try longer.write(to: file, atomically: true, encoding: .utf8)
        let (output, status) = try run(millrace, serve)
        #expect(status == 1 && output.contains("\(file.path):8: "), "\(output)")
        // A mistake in the last line is found before the first one is carried out.
        let dropping = "DROP STREAM o;\nDROP STREAM s DELETE TOPIC;\n" + script("id INT, x INT", "") + "\n\nCREATE TABEL x;\n"
        try dropping.write(to: file, atomically: true, encoding: .utf8)
        let (refusal, code) = try run(millrace, serve)
        #expect(code == 1 && refusal.contains("\(file.path):9: Syntax Error"), "\(refusal)")
        let (streams, _) = try run(millrace, ["run", "--data", data, "--output", "tsv", "-c", "SHOW STREAMS;"])
        #expect(streams.contains("O\t") && streams.contains("S\t"), "\(streams)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "python3 is not installed")) func aDumpEndsWithTheTopic() throws {
        let (output, status) = try python("dump.py", [millrace])
        #expect(status == 0, "\(output)")
    }

    @Test(.enabled(if: hasSchemaJudges, "fastavro, protobuf or jsonschema is not installed")) func othersReadAndWriteTheRecordsOfSchemas() throws {
        let (output, status) = try python("schemas.py", [millrace])
        #expect(status == 0, "\(output)")
    }

    /// 10,000 of them take minutes.
    @Test(.enabled(if: hasSchemaJudges, "fastavro, protobuf or jsonschema is not installed")) func othersJudgeRandomSchemas() throws {
        let (output, status) = try python("random_schemas.py", [millrace, Surroundings.isLong ? "10000" : "240"])
        #expect(status == 0, "\(output)")
    }

    @Test(.enabled(if: hasSchemaJudges, "fastavro, protobuf or jsonschema is not installed")) func filesOfAvroAreLoaded() throws {
        let (output, status) = try python("avro_files.py", [millrace])
        #expect(status == 0, "\(output)")
    }

    @Test(.enabled(if: hasRegistryClient, "confluent-kafka's client of registries is not installed")) func confluentsClientUsesTheRegistry() throws {
        let (output, status) = try python("registry_clients.py", [millrace])
        #expect(status == 0, "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "python3 is not installed")) func aRegistryOutsideIsUsed() throws {
        let (output, status) = try python("outside_registry.py", [millrace])
        #expect(status == 0, "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "python3 is not installed")) func benchmarksLeaveNothingBehind() throws {
        let (output, status) = try python("bench.py", [millrace])
        #expect(status == 0, "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "python3 is not installed")) func outputThatCannotBeWrittenIsAnError() throws {
        let (output, status) = try python("output.py", [millrace])
        #expect(status == 0, "\(output)")
    }

    /// SHOW PROPERTIES shows what a flag decided.
    @Test func flagsAreShownAsProperties() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "properties-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: place) }
        let (output, status) = try run(millrace, ["run", "--data", place, "--output", "tsv", "-c", "SHOW PROPERTIES;"])
        #expect(status == 0 && output.contains("millrace.data.dir\tSERVER\t\(place)\t"), "\(output)")
    }

    /// Lines that are no records are no success, unless so many of them are expected.
    @Test(arguments: [([], 1), (["--max-errors", "1"], 0), (["--max-errors", "49%"], 1), (["--max-errors", "50%"], 0)] as [([String], Int32)])
    func linesThatAreRejected(options: [String], status: Int32) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rejected-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (data, lines) = (folder.appending(path: "data").path, folder.appending(path: "lines.json"))
        #expect(try run(millrace, ["run", "--data", data, "-c", "CREATE STREAM s (v INT) WITH (partitions=1);"]).status == 0)
        try "{\"V\":1}\n{\"V\":\"x\"}\n".write(to: lines, atomically: true, encoding: .utf8)
        let loaded = try run(millrace, ["load", "s", lines.path, "--data", data] + options)
        #expect(loaded.status == status && loaded.output.hasPrefix("1 record, 1 line rejected"), "\(loaded.output)")
        #expect(loaded.output.contains("--max-errors") == (status == 1), "\(loaded.output)")
        #expect(try run(millrace, ["load", "s", lines.path, "--data", data, "--max-errors", "-1"]).status == 2)
    }

    /// Some editors write a byte order mark in front of a text: it is no part of it, in whatever file it stands. A text in an
    /// encoding that is not read here is refused in so many words, with nothing done.
    @Test(arguments: ["config", "run", "input", "shell", "serve", "test", "case", "load"])
    func marksOfEditorsAreNoPartOfATextFile(kind: String) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "marks-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let stream = "CREATE STREAM s (v INT) WITH (kafka_topic='s', value_format='JSON', partitions=1);\n"
        let place = folder.appending(path: kind == "test" ? "a.sql" : kind == "case" ? "a.json" : "a.txt")
        let data = folder.appending(path: "data").path
        if kind == "load" { #expect(try run(millrace, ["run", "--data", data, "-c", stream]).status == 0) }
        let (text, arguments, expected) = switch kind {
        case "config": ("ksql.service.id=marked_\n", ["run", "--config", place.path, "-c", "SHOW PROPERTIES;"], "marked_")
        case "run": (stream, ["run", place.path], "Stream created")
        case "input": (stream, ["-c", "\"$MILLRACE\" run - < \(place.path)"], "Stream created")
        case "shell": (stream, ["-c", "\"$MILLRACE\" < \(place.path)"], "Stream created")
        // It carries out its script before it finds that it cannot listen there.
        case "serve": (stream, ["serve", "--data", data, "--insecure", "--listen", "192.0.2.1:1", "--queries", place.path], "Stream created")
        case "test": ("--@test: one\n" + stream + "--@test: two\n" + stream, ["test", place.path], "2 passed")
        case "case":
            (#"{"tests": [{"name": "one", "statements": ["CREATE STREAM a (v INT) WITH (kafka_topic='a', value_format='JSON');", "#
                + #""CREATE STREAM b AS SELECT v FROM a;"], "inputs": [{"topic": "a", "value": {"v": 1}, "timestamp": 5}], "#
                + #""outputs": [{"topic": "B", "value": {"V": 1}, "timestamp": 5}]}]}"#, ["test", place.path], "1 passed")
        default: ("{\"V\":1}\n", ["load", "s", place.path, "--data", data], "1 record,")
        }
        try (Data([0xEF, 0xBB, 0xBF]) + Data(text.utf8)).write(to: place)
        let program = arguments[0] == "-c" ? "/bin/bash" : millrace
        // The shell reads its input by lines of text, which shows only that it is none.
        let reason = kind == "shell" ? "it is not UTF-8" : "it is UTF-16 text; save it as UTF-8"
        let marked = try run(program, arguments)
        #expect(marked.output.contains(expected), "\(marked.output)")
        let others: [([UInt8], String.Encoding)] = [([0xFF, 0xFE], .utf16LittleEndian), ([0xFE, 0xFF], .utf16BigEndian)]
        for (mark, encoding) in others {
            try (Data(mark) + #require(text.data(using: encoding))).write(to: place)
            let other = try run(program, arguments)
            #expect(other.status != 0 && other.output.contains(reason), "\(other.output)")
            #expect(!other.output.contains(expected), "\(other.output)")
        }
    }

    /// `topics verify` says what is damaged and changes no byte, also where a start would repair it.
    @Test func verifyingADirectoryChangesNothing() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "verified-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: place) }
        let made = try run(
            millrace,
            [
                "run", "--data", place, "-c",
                "CREATE STREAM s (id INT KEY, b STRING) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');", "-c",
                "INSERT INTO s VALUES (1, 'a');",
            ])
        #expect(made.status == 0, "\(made.output)")
        func contents() throws -> [String: Data] {
            let names = try FileManager.default.subpathsOfDirectory(atPath: place)
            return Dictionary(uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: place + "/" + $0) ?? Data()) })
        }
        #expect(try run(millrace, ["topics", "verify", "--data", place]).status == 0)
        let journals = place + "/journal"
        let journal = try #require(FileManager.default.contentsOfDirectory(atPath: journals).first)
        try Data().write(to: URL(filePath: journals + "/" + journal))
        for path in ["s.topic", "s.topic.copy"] { try FileManager.default.removeItem(atPath: place + "/topics/" + path) }
        // What a server that was killed leaves.
        try Data("127.0.0.1:1\n".utf8).write(to: URL(filePath: place + "/address"))
        let before = try contents()
        for action in [["verify"], ["verify", "__millrace_catalog"], ["list"], ["dump", "__millrace_catalog"]] {
            let (output, status) = try run(millrace, ["topics"] + action + ["--data", place])
            #expect(status == (action[0] == "verify" ? 1 : 0) && output.contains("nothing of the journal"), "\(action): \(output)")
            #expect(action != ["verify"] || output.contains("s-0") && output.contains("there is no topic of this name"), "\(output)")
            #expect(try contents() == before, "\(action)")
        }
    }

    /// A partition that a topic does not have is an error that says which it has, whatever is asked of it.
    @Test func aPartitionThatIsNotThere() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "partitions-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: place) }
        let statements = ["one", "three"].map { "CREATE STREAM \($0) (v INT) WITH (KAFKA_TOPIC='\($0)', VALUE_FORMAT='JSON', PARTITIONS=\($0 == "one" ? 1 : 3));" }
        #expect(try run(millrace, ["run", "--data", place, "-c", statements.joined()]).status == 0)
        for action in ["dump", "describe", "verify"] {
            for (topic, partition, hint) in [("one", "7", "one partition, 0"), ("three", "3", "3 partitions, 0 to 2"), ("three", "2147483647", "0 to 2")] {
                let (output, status) = try run(millrace, ["topics", action, topic, "--partition", partition, "--data", place])
                #expect(status == 1 && output.contains("has no partition \(partition)") && output.contains(hint), "\(action): \(output)")
            }
            #expect(try run(millrace, ["topics", action, "three", "--partition", "2", "--data", place]).status == 0, "\(action)")
        }
    }

    /// A data directory in use names the port of the server that has it; tail, topics and load go by their flags.
    @Test func aServerIsFoundThroughItsDirectory() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "data-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = Process()
        server.executableURL = URL(filePath: millrace)
        server.arguments = ["serve", "--data", folder.path, "--listen", "127.0.0.1:0"]
        let log = Pipe()
        server.standardError = log
        try server.run()
        defer {
            server.terminate()
            server.waitUntilExit()
        }
        var seen = ""
        while !seen.contains("event=listening") || !seen.hasSuffix("\n") {
            let piece = log.fileHandleForReading.availableData
            guard !piece.isEmpty else { break }
            seen += String(decoding: piece, as: UTF8.self)
        }
        let address = try #require(seen.firstMatch(of: /address=(127\.0\.0\.1:\d+)/)).1
        // The file is written when the server listens already.
        let place = folder.appending(path: "address")
        while (try? String(contentsOf: place, encoding: .utf8))?.hasSuffix("\n") != true { sched_yield() }
        let refused = try run(millrace, ["run", "--data", folder.path, "-c", "SHOW STREAMS;"])
        #expect(refused.status == 3 && refused.output.contains("--server \(address)"), "\(refused.output)")

        let through = ["--server", String(address)]
        let made = try run(
            millrace, ["run"] + through + ["-d", "a=5", "-c",
                "CREATE STREAM s (id INT KEY, b STRING) WITH (KAFKA_TOPIC='s', PARTITIONS=1, VALUE_FORMAT='JSON');", "-c",
                "INSERT INTO s VALUES (${a}, 'x');",
            ])
        #expect(made.status == 0, "\(made.output)")
        let tail = try run(millrace, ["tail", "s", "--from-beginning", "--limit", "1", "--output", "json"], environment: ["MILLRACE_SERVER": String(address)])
        #expect(tail.status == 0 && tail.output.contains(#""key":"5","value":"{\"B\":\"x\"}""#), "\(tail.output)")
        let records = folder.appending(path: "records.jsonl")
        try (Data([0xEF, 0xBB, 0xBF]) + Data("{\"ID\":6,\"B\":\"y\"}".utf8)).write(to: records)
        let loaded = try run(millrace, ["load", "S", records.path] + through)
        #expect(loaded.status == 0 && loaded.output.hasPrefix("1 record,"), "\(loaded.output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func aPersonUsesTheShell() throws {
        let (output, status) = try python("terminal.py", [millrace])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    /// On terminals of several widths, by people who know other shells.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func peopleUseTheShell() throws {
        let (output, status) = try python("shell.py", [millrace])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func operatorsWatchAServer() throws {
        let (output, status) = try python("watching.py", [millrace])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func filesAreLoadedAsPeopleHaveThem() throws {
        let (output, status) = try python("loading.py", [millrace])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func otherFilesAndPortsAreNamed() throws {
        let (output, status) = try python("ports_and_files.py", [millrace])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func whatNoColumnTakesIsSaid() throws {
        let (output, status) = try python("load_members.py", [millrace])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func theClientForPythonDoesWhatItsStandardSays() throws {
        let (output, status) = try python("python_client.py", [millrace, root + "/examples/python"])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    /// What stands first on the first page can be pasted.
    @Test func theFirstExampleShowsRows() throws {
        let page = try String(contentsOfFile: root + "/README.md", encoding: .utf8)
        let blocks = page.components(separatedBy: "```")
        let sql = try #require(blocks.first { $0.hasPrefix("sql\n") }).dropFirst(4)
        let (output, status) = try run(millrace, ["run", "-c", String(sql)])
        #expect(status == 0, "\(output)")
        let shown = try #require(blocks.first { $0.hasPrefix("\n+--") }).split(separator: "\n")
        // The last table is as wide as the terminal.
        #expect(shown.prefix(10).allSatisfy { output.contains($0) } && output.contains("| ann    "), "\(output)")
    }

    /// The suite runs; its figures are for release builds.
    @Test func theBenchmarksRun() throws {
        let (output, status) = try run(millrace, ["bench", "--rows", "3000", "--runs", "1", "--durability", "os", "--output", "csv"])
        #expect(status == 0, "\(output)")
        let rows = output.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        let queries = ["q0", "q1", "q2", "q3", "q5", "q7", "q8", "q11", "q12", "q13", "q17", "q20", "q22"]
        let around = ["cold", "start", "latency", "latency-tcp", "sync", "append", "scan", "load", "load-tcp"]
        // A busy machine may take long for a part of a turn that others do not have at all.
        let parts = rows.map { $0[0] }.filter { $0.hasPrefix("pauses") }
        #expect(parts.starts(with: ["pauses", "pauses-cpu"]))
        #expect(rows.map { $0[0] } == ["benchmark"] + around + queries + parts + ["restart"])
        #expect(rows.dropFirst().allSatisfy { Int($0[3]).map { $0 > 0 } ?? false }, "\(output)")
        #expect(rows.allSatisfy { $0.count == 15 } && rows.allSatisfy { queries.contains($0[0]) == ($0[14].count == 16) }, "\(output)")
    }

    /// The document of one run is what another is compared with; the rows that a query makes are the same in both.
    @Test func benchmarksAreComparedWithEarlierOnes() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "millrace-figures-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let arguments = ["bench", "q2", "q12", "--rows", "2000", "--runs", "1", "--durability", "os"]
        let (document, first) = try run(millrace, arguments + ["--json"])
        #expect(first == 0, "\(document)")
        try document.write(to: file, atomically: true, encoding: .utf8)
        let (output, status) = try run(millrace, arguments + ["--output", "csv", "--compare", file.path])
        #expect(status == 0, "\(output)")
        let compared = output.components(separatedBy: "\n\n").last ?? ""
        #expect(compared.split(separator: "\n").map { $0.split(separator: ",").first } == ["benchmark", "q2", "q12"], "\(output)")
        #expect(compared.split(separator: "\n").dropFirst().allSatisfy { $0.hasSuffix(",same") }, "\(output)")
        let (refusal, refused) = try run(millrace, arguments + ["--compare", root + "/Package.swift"])
        #expect(refused == 2 && refusal.contains("holds no figures"), "\(refusal)")
    }

    /// The rows of the benchmark's queries are what SQLite computes from the same events.
    @Test(
        .enabled(if: Surroundings.has("nexmark/generate.py"), "shared/nexmark/generate.py is not beside the project"),
        .enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func theQueriesOfNexmarkAreRight() throws {
        let (output, status) = try python("nexmark.py", [millrace, Surroundings.shared + "/nexmark/generate.py"])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    /// Killed under load again and again; the long run makes fifty cycles.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"), arguments: [["fsync"], ["os"], ["os", "1", "200K"]])
    func nothingAcknowledgedIsLost(how: [String]) throws {
        let (output, status) = try python("crash.py", [millrace, Surroundings.isLong ? "50" : "6"] + how)
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Many rows, keys, windows and queries, compared with what Python computes, across kills and restarts.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func muchIsAsRightAsLittle() throws {
        let (output, status) = try python("scale.py", [millrace, Surroundings.isLong ? "60000" : "600"])
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// How a server treats one client while another asks for much.
    @Test(
        .enabled(if: Surroundings.hasProgram("python3"), "there is no Python"),
        arguments: ["asserts", "resumes", "cancels", "ending", "crashes", "budget"])
    func nobodyWaitsForAStranger(scene: String) throws {
        let (output, status) = try python("conduct.py", [millrace, scene])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    /// Random questions, each asked of SQLite, and of DuckDB where Python has it, over the same rows. The long run prints a new seed each time;
    /// in the usual one the questions are always the same, so that a change that breaks one is told from chance.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func questionsAreAnsweredAsByOtherDatabases() throws {
        let (output, status) = try python("questions.py", [millrace] + (Surroundings.isLong ? ["--count", "20000"] : ["--count", "5000", "--seed", "1"]))
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Continuous queries that ksqlDB does not have, each compared with the bounded one over the same input, across kills. The seed is printed.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func continuousQueriesEqualBoundedOnes() throws {
        let (output, status) = try python("continuous.py", [millrace, "--kills", Surroundings.isLong ? "30" : "4"])
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Kafka's clients against the listener; those that are not there are named.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func kafkaClientsAreServed() throws {
        let (output, status) = try python("kafka_clients.py", [millrace])
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Kafka's clients over TLS, with logins and certificates.
    @Test(.enabled(if: Surroundings.hasProgram("python3") && Surroundings.hasProgram("openssl"), "there is no Python, or no openssl"))
    func kafkaClientsSpeakTLS() throws {
        let (output, status) = try python("kafka_tls.py", [millrace])
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Kafka's transactions by its own clients, and kills under them.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func kafkaTransactionsAreWhole() throws {
        let (output, status) = try python("kafka_transactions.py", [millrace, "--kills", Surroundings.isLong ? "200" : "6"])
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Random requests of Kafka's protocol, each to the server and to a real Kafka. Seeds are printed.
    @Test(
        .enabled(
            if: Surroundings.isLong && Surroundings.hasProgram("python3") && Surroundings.hasProgram("java") && Surroundings.has("kafka/kafka"),
            "it is for the long run while answers differ, or there is no Python, no Java, or no Kafka to compare with"))
    func kafkaAnswersTheSame() throws {
        let size = Surroundings.isLong ? ["--count", "10000", "--seconds", "1200"] : ["--count", "500", "--seconds", "60"]
        let (output, status) = try python("kafka_differential.py", [millrace, "--kafka", Surroundings.shared + "/kafka"] + size)
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Each kind of statement, connection and query again and again, with a bound for what may stay; the long run does 10,000 of each.
    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func memoryComesBack() throws {
        let (output, status) = try python("memory.py", [millrace] + (Surroundings.isLong ? ["long"] : []))
        #expect(status == 0, "\(output)")
        print(output)
    }
}
