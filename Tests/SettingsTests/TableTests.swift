import Diagnostics
import Foundation
import Quantities
import Settings
import Testing

/// The project's root.
private let root = URL(filePath: "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/"))

/// What strangers send where a number or a word is wanted.
let nasty = [
    String(Int64.max), String(Int64.min), "-1", "0", String(repeating: "9", count: 18), "", String(repeating: "x", count: 1 << 20),
    String(repeating: "9", count: 1 << 20), "1e400", "nan", "\u{0}", "'; DROP STREAM a;",
]

@Suite struct TableTests {
    @Test func everyNameIsThereOnce() {
        let names = SettingTable.entries.map(\.name)
        #expect(Set(names).count == names.count, "\(names.filter { name in names.filter { $0 == name }.count > 1 })")
        #expect(SettingTable.aliases.values.allSatisfy { names.contains($0) })
        #expect(SettingTable.aliases.keys.allSatisfy { !names.contains($0) })
    }

    @Test func defaultsAreValuesOfTheirKind() {
        for entry in SettingTable.entries {
            if let text = entry.defaultText { #expect(entry.kind.problem(with: text) == nil, "\(entry.name)") }
            #expect(!entry.summary.isEmpty && !entry.summary.hasSuffix("."))
            if !entry.isRead { #expect(entry.defaultText == nil, "\(entry.name) has a default that means nothing") }
        }
    }

    /// Each key has one entry, each entry that counts as read has a key, and code outside of the table reads the key.
    @Test func everySettingIsReadByCode() throws {
        let keys = try String(contentsOf: root.appending(path: "Sources/Settings/SettingKeys.swift"), encoding: .utf8)
        let declared = keys.matches(of: /static var (\w+): [\w<>]+ \{ Self\("([^"]+)"\) \}/).map { (String($0.1), String($0.2)) }
        #expect(Set(declared.map(\.1)) == Set(SettingTable.entries.filter(\.isRead).map(\.name)))
        var code = ""
        let sources = root.appending(path: "Sources")
        let walker = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        for case let url as URL in walker where url.pathExtension == "swift" && !url.path.contains("/Sources/Settings/") {
            code += try String(contentsOf: url, encoding: .utf8)
        }
        for (key, name) in declared {
            let pattern = try Regex("\\[\\.\(key)\\]|, \\.\(key)\\)|>\\.\(key)\\b")
            #expect(code.contains(pattern), "nothing reads .\(key), which is \(name)")
        }
    }

    @Test func whatChangesNothingSaysWhy() throws {
        for entry in SettingTable.entries where !entry.isRead {
            let name = entry.name.hasSuffix("*") ? entry.name.dropLast() + "something" : entry.name
            switch entry.treatment {
            case .noted:
                let accepted = try SettingTable.listed(name, "1")
                #expect(accepted.notice?.contains("changes nothing: Millrace ") == true, "\(name)")
            case .refused:
                #expect(throws: Diagnostic.self, "\(name)") { try SettingTable.listed(name, "some/file") }
                #expect(throws: Diagnostic.self) { try SettingTable.accept(name, value: "some/file") }
            case .read: break
            }
        }
        // A file that says that there is none of it asks for nothing.
        #expect(try SettingTable.listed("authentication.method", "NONE").notice != nil)
        #expect(try SettingTable.listed("security.protocol", "PLAINTEXT").notice != nil)
    }

    /// No text reaches a trap, and each answer is one sentence of bounded length.
    @Test func everyValueIsTakenOrRefusedInOneSentence() {
        for entry in SettingTable.entries {
            let name = entry.name.hasSuffix("*") ? entry.name.dropLast() + "something" : entry.name
            for text in nasty {
                if let problem = entry.kind.problem(with: text) { #expect(problem.utf8.count < 300, "\(name)") }
                do throws(Diagnostic) {
                    _ = try SettingTable.accept(name, value: text)
                } catch {
                    #expect(error.code == .invalidSetting && error.message.utf8.count < 400 && !error.message.contains("\n"), "\(name)")
                }
                do throws(Diagnostic) {
                    _ = try parseEnvironment([SettingTable.environmentName(name): text])
                } catch {
                    #expect(error.message.utf8.count < 400, "\(name)")
                }
            }
        }
        for text in nasty {
            #expect(throws: Diagnostic.self) { try SettingTable.accept(text, value: "1") }
            _ = try? SettingTable.listenerAddresses(text)
            _ = try? parseProperties(text)
            _ = try? parseProperties("commit.interval.ms=" + text + "\\")
        }
    }

    /// What an old catalog may hold is brought into range, and said.
    @Test func oldValuesAreMended() {
        for entry in SettingTable.entries where entry.isRead {
            for text in nasty {
                let (mended, notes) = SettingValues.mending([entry.name: text])
                if let value = mended[entry.name] { #expect(entry.kind.problem(with: value) == nil, "\(entry.name)") }
                #expect(notes.isEmpty == (mended[entry.name] == text), "\(entry.name)")
                #expect(notes.allSatisfy { $0.utf8.count < 400 })
            }
        }
        let values = SettingValues(["commit.interval.ms": "10000000000000", "cache.max.bytes.buffering": "-5", "auto.offset.reset": "soon"])
        #expect(values[.commitInterval] == Milliseconds(3_600_000))
        #expect(values[.cacheBytes] == 0)
        #expect(values[.offsetReset] == nil)
        #expect(SettingValues([:])[.commitInterval] == Milliseconds(100))
        #expect(SettingValues(["commit.interval.ms": String(repeating: "9", count: 100)])[.commitInterval] == Milliseconds(3_600_000))
    }

    @Test func rangesAreSaid() {
        do throws(Diagnostic) {
            _ = try SettingTable.accept("commit.interval.ms", value: "10000000000000")
            Issue.record("it was taken")
        } catch {
            #expect(error.message == "commit.interval.ms takes a number from 1 to 3600000 ms, not 10000000000000")
        }
    }

    @Test func sessionsMayNotChangeWhatIsTheServers() throws {
        #expect(throws: Diagnostic.self) { try SettingTable.accept("ksql.service.id", value: "x") }
        #expect(throws: Diagnostic.self) { try SettingTable.accept("auto.offset.reset", value: "latest", denied: ["auto.offset.reset"]) }
        #expect(try SettingTable.accept("ksql.streams.auto.offset.reset", value: "latest").name == "auto.offset.reset")
        #expect(try SettingTable.accept("statestore.cache.max.bytes", value: "0").name == "cache.max.bytes.buffering")
    }

    @Test func listenersAreAddresses() throws {
        let two = try SettingTable.listenerAddresses("http://0.0.0.0:8088, http://[::1]:0/")
        #expect(two == [NetworkAddress(host: "0.0.0.0", port: 8088), NetworkAddress(host: "::1", port: 0)])
        #expect(throws: Diagnostic.self) { try SettingTable.listenerAddresses("https://0.0.0.0:8088") }
        #expect(throws: Diagnostic.self) { try SettingTable.listenerAddresses(",") }
    }

    @Test func loopbackIsThisMachineAlone() {
        #expect(NetworkAddress(host: "127.0.0.9", port: 1).isLoopback && NetworkAddress(host: "::1", port: 1).isLoopback)
        for host in ["127.0.0.1.example.org", "127.example.org", "0.0.0.0", "::", "127.1", "10.0.0.1"] {
            #expect(!NetworkAddress(host: host, port: 1).isLoopback, "\(host)")
        }
    }
}
