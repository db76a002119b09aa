// What a user gets beside the program: pages whose SQL says what stands below it, libraries with their examples, and a package.

import Foundation
import TestSupport
import Testing

private let root = Surroundings.root

/// A folder of a test's own.
private func temporaryFolder(_ name: String) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "\(name)-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

/// A server in a process of its own, on a free port.
private final class ServerProcess {
    private let process = Process()
    let address: String

    init(_ program: String, data: String, arguments: [String] = []) throws {
        process.executableURL = URL(filePath: program)
        process.arguments = ["serve", "--data", data, "--listen", "127.0.0.1:0"] + arguments
        let log = Pipe()
        process.standardError = log
        try process.run()
        var seen = ""
        while !seen.contains("event=listening") || !seen.hasSuffix("\n") {
            let piece = log.fileHandleForReading.availableData
            guard !piece.isEmpty else { break }
            seen += String(decoding: piece, as: UTF8.self)
        }
        address = try #require(seen.firstMatch(of: /address=(127\.0\.0\.1:\d+)/), "\(seen)").1.description
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }
}

@Suite struct Pages {
    /// The SQL of a page, carried out block by block, answers what stands behind each block. `MILLRACE_UPDATE_GOLDEN=1` writes the answers.
    @Test(arguments: ["Tutorial", "FromKsqlDB", "FromKafka", "Operations"])
    func answersStandBelowTheirStatements(page: String) throws {
        let path = "\(root)/Sources/Documentation.docc/\(page).md"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        // Pieces at odd places are code; those of SQL may be followed by their answers.
        var pieces = text.components(separatedBy: "```")
        let blocks = pieces.indices.filter { $0 % 2 == 1 && pieces[$0].hasPrefix("sql\n") }
        #expect(!blocks.isEmpty)
        let script = blocks.map { pieces[$0].dropFirst(4) + "\\echo @@\n" }.joined()
        let file = try temporaryFolder("page").appending(path: "page.sql")
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
        try script.write(to: file, atomically: true, encoding: .utf8)
        let (output, status) = try run(millrace, ["run", file.path])
        #expect(status == 0, "\(output)")
        let answers = output.components(separatedBy: "@@\n")
        try #require(answers.count == blocks.count + 1, "\(output)")
        for (block, answer) in zip(blocks, answers).reversed() {
            let lines = answer.split(separator: "\n").map { String($0).trimmingCharacters(in: .whitespaces) }
            let follows = block + 3 < pieces.count && pieces[block + 1] == "\n\n" && pieces[block + 2].hasPrefix("\n")
            if Surroundings.updatesGolden {
                let shown = "\n" + answer.split(separator: "\n").map { $0 + "\n" }.joined()
                if follows { pieces.removeSubrange((block + 2)...(block + 3)) }
                guard !lines.isEmpty else { continue }
                let after = follows ? "" : pieces[block + 1]
                if !follows { pieces[block + 1] = "\n\n" }
                pieces.insert(contentsOf: follows ? [shown, "\n\n"] : [shown, after], at: block + 2)
            } else {
                let expected = follows ? pieces[block + 2].split(separator: "\n").map { String($0).trimmingCharacters(in: .whitespaces) } : []
                #expect(lines == expected, "\(pieces[block])")
            }
        }
        if Surroundings.updatesGolden { try pieces.joined(separator: "```").write(toFile: path, atomically: true, encoding: .utf8) }
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func theConversationOnThePageIsOne() throws {
        let (output, status) = try python("protocol_page.py", [millrace, root + "/Sources/Documentation.docc/Protocol.md"])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    /// In the terminal: by topic, in the shell, and what to do about a topic that is none.
    @Test func pagesAreShown() throws {
        let page = try run(millrace, ["help", "tutorial"])
        #expect(page.status == 0 && page.output.hasPrefix("TUTORIAL\n") && page.output.contains("    CREATE STREAM visits"), "\(page.output)")
        let shell = try run(millrace, ["run", "-c", "help from-ksqldb"])
        #expect(shell.status == 0 && shell.output.hasPrefix("FROM KSQLDB IN TEN MINUTES\n"), "\(shell.output)")
        let unknown = try run(millrace, ["help", "tutorail"])
        #expect(unknown.status == 2 && unknown.output.contains("Did you mean tutorial?"), "\(unknown.output)")
    }
}

@Suite struct Libraries {
    /// The example of the client, built by this package, at a server.
    @Test func theExampleOfTheClientRuns() throws {
        let folder = try temporaryFolder("client")
        defer { try? FileManager.default.removeItem(at: folder) }
        let server = try ServerProcess(millrace, data: folder.path + "/data")
        let (output, status) = try run(built("SwiftClientExample"), [server.address])
        #expect(
            status == 0 && output == """
                3 records are durable
                slow: bob at /a, 930 ms
                slow: ann at /b, 1204 ms
                /a: 2 visits, 1050 ms
                /b: 1 visits, 1204 ms
                42703 in line 1

                """, "\(output)")
    }

    /// The example of the engine inside a program keeps its counts.
    @Test func theExampleOfTheEngineRuns() throws {
        let folder = try temporaryFolder("embedded")
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try run(built("EmbeddedExample"), [folder.path + "/words", "to", "be", "or", "not", "to", "be"])
        #expect(first.status == 0 && first.output == "6 words, 0 refused\nbe: 2\nto: 2\nnot: 1\nor: 1\n", "\(first.output)")
        let second = try run(built("EmbeddedExample"), [folder.path + "/words", "be"])
        #expect(second.status == 0 && second.output.hasPrefix("1 words, 0 refused\nbe: 3\n"), "\(second.output)")
    }

    /// The examples are packages of their own: their manifests name a product of this one, by path.
    @Test(arguments: [("swift-client", "MillraceClient"), ("embedded", "Millrace")])
    func theExamplesArePackages(example: String, product: String) throws {
        let manifest = try String(contentsOfFile: "\(root)/examples/\(example)/Package.swift", encoding: .utf8)
        #expect(manifest.contains(#".product(name: "\#(product)", package: "millrace")"#) && manifest.contains(#"path: "../..""#))
        let own = try String(contentsOfFile: root + "/Package.swift", encoding: .utf8)
        #expect(own.contains(#".library(name: "\#(product)", targets: ["\#(product)"])"#))
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func theLineProtocolSpeaksTLSAndAsksForLogins() throws {
        guard Surroundings.hasProgram("openssl") else { return }
        let (output, status) = try python("line_security.py", [millrace, root + "/examples/python"])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }

    @Test(.enabled(if: Surroundings.hasProgram("python3"), "there is no Python"))
    func theClientForAsyncioDoesWhatItSays() throws {
        let (output, status) = try python("python_asyncio.py", [millrace, root + "/examples/python"])
        #expect(status == 0 && output == "ok\n", "\(output)")
    }
}

@Suite struct Packages {
    /// The package is made of a program that is there, unpacked, and the server started from there.
    @Test(.enabled(if: Surroundings.hasProgram("dpkg-deb"), "there is no dpkg-deb"))
    func thePackageHoldsAServer() throws {
        let folder = try temporaryFolder("package")
        defer { try? FileManager.default.removeItem(at: folder) }
        // The program of the tests is large, and how it is compressed is not the question.
        let made = try run(
            "/bin/bash", [root + "/examples/deploy/package", "--for-this-machine", folder.path], environment: ["DPKG_DEB_COMPRESSOR_TYPE": "none"])
        #expect(made.status == 0, "\(made.output)")
        let package = try #require(made.output.split(separator: "\n").last).description
        let place = folder.path + "/root"
        let unpacked = try run("/usr/bin/env", ["dpkg-deb", "-x", package, place])
        #expect(unpacked.status == 0, "\(unpacked.output)")
        let files = try Set(FileManager.default.subpathsOfDirectory(atPath: place))
        for path in [
            "usr/bin/millrace", "usr/share/man/man1/millrace.1.gz", "usr/share/bash-completion/completions/millrace", "usr/share/zsh/vendor-completions/_millrace",
            "usr/share/fish/vendor_completions.d/millrace.fish", "lib/systemd/system/millrace.service", "etc/millrace/server.properties",
        ] { #expect(files.contains(path), "\(path) is missing") }
        let program = place + "/usr/bin/millrace"
        let version = try run(program, ["--version"]).output.split(separator: " ").last.map { $0.trimmingCharacters(in: .newlines) }
        let field = try run("/usr/bin/env", ["dpkg-deb", "-f", package, "Version"])
        #expect(field.output.trimmingCharacters(in: .newlines) == version)
        // Each library of the program that a package has is named by that.
        let libraries = try run("/usr/bin/ldd", [program]).output
        let needed = try run("/usr/bin/env", ["dpkg-deb", "-f", package, "Depends"]).output.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        for (library, owner) in [("libc.so", "libc6"), ("libstdc++", "libstdc++6"), ("libcurl", "libcurl4")] {
            #expect(libraries.contains(library) == needed.contains { $0.hasPrefix(owner) }, "\(owner): \(needed)")
        }
        #expect(needed.contains("adduser") && needed.contains("tzdata"))
        // A program with libraries of nobody's makes no package for others.
        if libraries.contains("/opt/") || libraries.contains("libswiftCore") {
            let refused = try run("/bin/bash", [root + "/examples/deploy/package", folder.path])
            #expect(refused.status == 1 && refused.output.contains("belongs to no package"), "\(refused.output)")
        }
        // Scripts of the package are a shell's.
        let control = folder.path + "/control"
        #expect(try run("/usr/bin/env", ["dpkg-deb", "-e", package, control]).status == 0)
        for script in ["postinst", "prerm", "postrm"] { #expect(try run("/bin/sh", ["-n", "\(control)/\(script)"]).status == 0, "\(script)") }

        let socket = folder.path + "/socket"
        let server = try ServerProcess(
            program, data: folder.path + "/data", arguments: ["--config", place + "/etc/millrace/server.properties", "--socket", socket])
        let (output, status) = try run(program, ["run", "--server", server.address, "-c", "SELECT 6 * 7 AS answer;"])
        #expect(status == 0 && output.contains("42"), "\(output)")
        // What the unit starts is a command line of this program.
        let unit = try String(contentsOfFile: place + "/lib/systemd/system/millrace.service", encoding: .utf8)
        let line = try #require(unit.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
        let known = try run(program, ["serve", "--help"]).output
        for flag in line.split(separator: " ") where flag.hasPrefix("--") { #expect(known.contains(flag), "\(flag)") }
    }

    /// The quickstart needs no compiler where a program is given, and says in one line what to do where there is neither.
    @Test func theQuickstartNeedsNoCompiler() throws {
        let folder = try temporaryFolder("path")
        defer { try? FileManager.default.removeItem(at: folder) }
        for tool in ["dirname", "mktemp", "rm", "grep", "cat", "sed", "head", "awk"] {
            let found = try #require(["/usr/bin/", "/bin/"].map { $0 + tool }.first { FileManager.default.fileExists(atPath: $0) })
            try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/\(tool)", withDestinationPath: found)
        }
        let path = ["PATH": folder.path]
        let given = try run("/bin/bash", [root + "/examples/quickstart"], environment: path)
        #expect(given.status == 0 && given.output.contains("everything is still there"), "\(given.output)")
        let neither = try run("/bin/bash", [root + "/examples/quickstart"], environment: path.merging(["MILLRACE": ""]) { $1 }, givesProgram: false)
        #expect(neither.status == 69 && neither.output.contains("MILLRACE=/path/to/millrace examples/quickstart"), "\(neither.output)")
    }
}
