import CommandLineTable
import Diagnostics
import Foundation
import Settings
import Testing

/// The project's root.
private let root = URL(filePath: "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/"))

@Suite struct FlagTests {
    @Test func flagsWinOverTheEnvironmentAndThatOverTheFile() throws {
        guard case .run(let invocation) = try parseCommandLine(["serve", "--threads", "3"]) else { return #expect(Bool(false)) }
        let environment = try parseEnvironment(["MILLRACE_THREADS": "4", "MILLRACE_DURABILITY": "os", "HOME": "/", "MILLRACE_THREDS": "1"])
        #expect(environment.notices == ["MILLRACE_THREDS names no setting; did you mean MILLRACE_THREADS?"])
        let file = try parseProperties("millrace.durability=fsync\nmillrace.log.level=warn\n")
        let filled = try invocation.filled(from: environment).filled(from: file)
        #expect(filled[.threads]?.integer == 3 && filled[.durability]?.text == "os" && filled[.logLevel]?.text == "warn")
        #expect(filled[.listen]?.address?.port == 6455)
    }

    @Test func theEnvironmentNamesAServerOrADirectory() throws {
        guard case .run(let run) = try parseCommandLine(["run", "f"]) else { return #expect(Bool(false)) }
        let server = try parseEnvironment(["MILLRACE_SERVER": "host"])
        let both = try parseEnvironment(["MILLRACE_SERVER": "host", "MILLRACE_DATA_DIR": "d"])
        #expect(try run.filled(from: server)[.server]?.address?.port == 6455)
        #expect(throws: Diagnostic.self) { try run.filled(from: both) }
        guard case .run(let flagged) = try parseCommandLine(["run", "--data", "d"]) else { return #expect(Bool(false)) }
        #expect(try flagged.filled(from: both)[.server] == nil)
    }

    @Test func theEnvironmentMaySayInsecure() throws {
        guard case .run(let serve) = try parseCommandLine(["serve", "--listen", "0.0.0.0:7999"]) else { return #expect(Bool(false)) }
        for word in ["1", "true", "yes", "on"] {
            #expect(try serve.filled(from: parseEnvironment(["MILLRACE_INSECURE": word])).isOn(.insecure))
        }
    }

    /// Every flag of every command is read by the code of that command, or by what all commands share.
    @Test func everyFlagIsReadByCode() throws {
        func text(_ file: String) throws -> String {
            try String(contentsOf: root.appending(path: "Sources/millrace/" + file), encoding: .utf8)
        }
        // All settings are handed on to the engine, which reads its own.
        let shared = try text("CommandSettings.swift") + text("../Engine/EngineConfiguration.swift")
        let main = try text("main.swift")
        for spec in CommandTable.commands {
            var code = shared
            if let type = main.firstMatch(of: try Regex("case \\.\(spec.name.rawValue): return try (\\w+)\\(", as: (Substring, Substring).self))?.1 {
                code += try text(type + ".swift")
            }
            if code.contains("Door.open") { code += try text("Door.swift") + text("ServerLogin.swift") }
            if code.contains("BenchChoice(") { code += try text("BenchChoice.swift") }
            if code.contains("scripts()") { code += try text("Scripts.swift") }
            for option in spec.options {
                let words = option.name.rawValue.split(separator: "-")
                let name = words[0] + words.dropFirst().map(\.capitalized).joined()
                let reads = ["[.\(name)]", "isOn(.\(name))", "all(.\(name))", ".option(.\(name)"]
                #expect(reads.contains { code.contains($0) }, "\(spec.name.rawValue) --\(option.name.rawValue) is read by nobody")
            }
        }
    }

    @Test func everyFlagIsThereOnce() {
        for spec in CommandTable.commands {
            let names = spec.allOptions.map(\.name.rawValue), letters = spec.allOptions.compactMap(\.short)
            #expect(Set(names).count == names.count && Set(letters).count == letters.count, "\(spec.name)")
            for option in spec.options where option.setting != nil { #expect(SettingTable.entry(option.setting ?? "")?.isRead == true) }
        }
    }

    @Test func othersMayNotReachAServerWithoutALogin() {
        let near = NetworkAddress(host: "127.0.0.1", port: 1), far = NetworkAddress(host: "0.0.0.0", port: 1)
        #expect(throws: Never.self) { try checkListening(on: [near], kafka: nil, registry: nil, metrics: near, isInsecure: false) }
        #expect(throws: Never.self) { try checkListening(on: [near, far], kafka: nil, registry: nil, metrics: far, isInsecure: true) }
        #expect(throws: Diagnostic.self) { try checkListening(on: [near, far], kafka: nil, registry: nil, metrics: nil, isInsecure: false) }
        #expect(throws: Diagnostic.self) { try checkListening(on: [near], kafka: nil, registry: nil, metrics: far, isInsecure: false) }
        #expect(throws: Diagnostic.self) { try checkListening(on: [near], kafka: far, registry: nil, metrics: nil, isInsecure: false) }
        #expect(throws: Diagnostic.self) { try checkListening(on: [near], kafka: nil, registry: far, metrics: nil, isInsecure: false) }
    }
}
