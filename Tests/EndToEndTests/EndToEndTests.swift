import Foundation
import Testing

/// The project's root.
private let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

/// The program that was built with these tests: it lies beside the test runner.
private let millrace: String = {
    var folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    for _ in 0..<4 {
        let candidate = folder.appending(path: "millrace").path
        if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        folder.deleteLastPathComponent()
    }
    return root + "/.build/debug/millrace"
}()

private let isLong = ProcessInfo.processInfo.environment["MILLRACE_LONG"] == "1"

/// What a program printed and how it ended.
private func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> (output: String, status: Int32) {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.merging(["MILLRACE": millrace]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (text, process.terminationStatus)
}

private func python(_ script: String, _ arguments: [String]) throws -> (output: String, status: Int32) {
    try run("/usr/bin/env", ["python3", root + "/Tests/EndToEndTests/" + script] + arguments)
}

@Suite(.serialized) struct EndToEnd {
    /// Each example prints what it printed before. `MILLRACE_UPDATE_GOLDEN=1` rewrites the expectations.
    @Test(arguments: ["orders", "access-log", "earthquakes", "flights"])
    func theExamplesRun(name: String) throws {
        let (output, status) = try run("/bin/bash", [root + "/examples/\(name)/run"])
        #expect(status == 0, "\(output)")
        if output.hasPrefix("skipped") { return print("\(name): \(output)") }
        let expected = URL(filePath: root + "/examples/\(name)/expected.txt")
        if ProcessInfo.processInfo.environment["MILLRACE_UPDATE_GOLDEN"] == "1" { try output.write(to: expected, atomically: true, encoding: .utf8) }
        #expect(output == (try String(contentsOf: expected, encoding: .utf8)))
    }

    /// The figures of the examples over real input, computed by other means.
    @Test(arguments: [("access-log", "access.log"), ("earthquakes", "earthquakes.jsonl"), ("flights", "flights.jsonl")])
    func theFiguresAreRight(name: String, file: String) throws {
        let path = root + "/../shared/data/" + file
        guard FileManager.default.fileExists(atPath: path) else { return print("skipped: \(file) is not beside the project") }
        let figures = try python("figures.py", [name, path])
        #expect(figures.status == 0, "\(figures.output)")
        let example = try run("/bin/bash", [root + "/examples/\(name)/run", path])
        #expect(example.output == figures.output)
    }

    /// The package log of this machine, if it has one: as many actions as it has lines.
    @Test func theMachinesOwnLogIsCounted() throws {
        let path = "/var/log/dpkg.log"
        guard FileManager.default.isReadableFile(atPath: path) else { return print("skipped: there is no \(path)") }
        let copy = FileManager.default.temporaryDirectory.appending(path: "dpkg-\(UUID().uuidString).log")
        defer { try? FileManager.default.removeItem(at: copy) }
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        let lines = try String(contentsOf: copy, encoding: .utf8).split(separator: "\n").filter { $0.utf16.count > 20 }
        let (output, status) = try run("/bin/bash", [root + "/examples/packages/run", copy.path])
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

    @Test func aPersonUsesTheShell() throws {
        let (output, status) = try python("terminal.py", [millrace])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    /// The suite runs; its figures are for release builds.
    @Test func theBenchmarksRun() throws {
        let (output, status) = try run(millrace, ["bench", "--rows", "3000", "--runs", "1", "--durability", "os", "--output", "csv"])
        #expect(status == 0, "\(output)")
        let rows = output.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        #expect(rows.map { $0[0] } == ["benchmark", "start", "latency", "load", "q0", "q1", "q2", "q5", "q11", "q12"])
        #expect(rows.dropFirst().allSatisfy { Int($0[3]).map { $0 > 0 } ?? false }, "\(output)")
    }

    /// Killed under load again and again; the long run makes fifty cycles.
    @Test(arguments: ["fsync", "os"])
    func nothingAcknowledgedIsLost(durability: String) throws {
        let (output, status) = try python("crash.py", [millrace, isLong ? "50" : "6", durability])
        #expect(status == 0, "\(output)")
        print(output)
    }

    /// Many rows, keys, windows and queries, compared with what Python computes, across kills and restarts.
    @Test func muchIsAsRightAsLittle() throws {
        let (output, status) = try python("scale.py", [millrace, isLong ? "60000" : "600"])
        #expect(status == 0, "\(output)")
        print(output)
    }
}
