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
}
