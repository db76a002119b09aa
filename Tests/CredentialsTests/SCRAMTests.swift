// Logins: the examples of the standards, whole exchanges, and what is refused.

import Bytes
import Foundation
import Platform
import Testing

@testable import Credentials

/// A client of SCRAM, for the tests.
private struct SCRAMClient {
    let user: String
    let password: String
    let mechanism: SCRAMMechanism
    let nonce = "fyko+d2lbbFgONRv9qkxdawL"
    /// As librdkafka before 2.6.1: its own nonce stands twice in the last message.
    var repeatsNonce = false

    var first: String { "n,,n=\(user),r=\(nonce)" }

    /// The last message for the server's first.
    func last(_ answer: String) -> String {
        let fields = Dictionary(uniqueKeysWithValues: answer.split(separator: ",").map { ($0.first ?? " ", String($0.dropFirst(2))) })
        let salt = Base64.decode(Array((fields["s"] ?? "").utf8)[...]) ?? []
        let function = mechanism.function
        let salted = function.stretch(Array(password.utf8), salt: salt, iterations: Int(fields["i"] ?? "") ?? 1)
        let key = function.authenticate(Array("Client Key".utf8), key: salted)
        let without = "c=biws,r=\(repeatsNonce ? nonce : "")\(fields["r"] ?? "")"
        let signed = "n=\(user),r=\(nonce),\(answer),\(without)"
        let signature = function.authenticate(Array(signed.utf8), key: function.hash(key))
        return without + ",p=" + Base64.text(of: zip(key, signature).map { $0 ^ $1 })
    }
}

@Suite struct SCRAMTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The example of RFC 7677.
    @Test func exampleOfTheStandard() throws {
        let salt = try #require(Base64.decode(Array("W22ZaJ0SNY7soEsUEjb6gQ==".utf8)[...]))
        let credential = SCRAMCredential(Array("pencil".utf8), .sha256, salt: salt, iterations: 4096)
        let function = HashFunction.sha256
        let signed = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
            + "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        let signature = function.authenticate(Array(signed.utf8), key: credential.serverKey)
        #expect(Base64.text(of: signature) == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        #expect(function.hash([]).prefix(4) == [0xe3, 0xb0, 0xc4, 0x42])
    }

    @Test(arguments: SCRAMMechanism.allCases) func exchanges(_ mechanism: SCRAMMechanism) throws {
        var table = UserTable()
        _ = table.set("ann", password: Array("s3crét".utf8), random: SeededRandom(seed: 1))
        for (password, isRight, repeatsNonce) in [("s3crét", true, false), ("secret", false, false), ("s3crét", true, true), ("secret", false, true)] {
            let client = SCRAMClient(user: "ann", password: password, mechanism: mechanism, repeatsNonce: repeatsNonce)
            var exchange = SCRAMExchange(mechanism, random: SeededRandom(seed: 2))
            let challenge = try exchange.receive(Array(client.first.utf8)) { table.credential(of: $0, mechanism) }
            #expect(challenge.user == nil)
            let last = Array(client.last(text(challenge.answer)).utf8)
            if isRight {
                let end = try exchange.receive(last) { _ in nil }
                #expect(end.user == "ann" && text(end.answer).hasPrefix("v="))
            } else {
                #expect(throws: LoginFailure.refused) { _ = try exchange.receive(last) { _ in nil } }
            }
            #expect(throws: LoginFailure.self) { _ = try exchange.receive(last) { _ in nil } }
        }
        // Who is not there is told so at the end, as one with another password is.
        let stranger = SCRAMClient(user: "bob", password: "x", mechanism: mechanism)
        var exchange = SCRAMExchange(mechanism, random: SeededRandom(seed: 3))
        let challenge = try exchange.receive(Array(stranger.first.utf8)) { table.credential(of: $0, mechanism) }
        #expect(text(challenge.answer).hasSuffix(",i=\(SCRAMCredential.usualIterations)"))
        #expect(throws: LoginFailure.refused) { _ = try exchange.receive(Array(stranger.last(text(challenge.answer)).utf8)) { _ in nil } }
    }

    @Test(arguments: [
        "", "n,,", "n,,n=,r=a", "n,,n=a", "p=tls-unique,,n=ann,r=a", "n,a=root,n=ann,r=a", "n,,n=a=2D,r=a", "x,,n=ann,r=a", "n,,m=1,n=ann,r=a",
    ])
    func firstMessagesThatAreRefused(_ message: String) {
        var exchange = SCRAMExchange(.sha256, random: SeededRandom(seed: 1))
        #expect(throws: LoginFailure.self) { _ = try exchange.receive(Array(message.utf8)) { _ in nil } }
    }

    /// Whatever comes as the last message: it is refused, and nothing else happens.
    @Test func lastMessagesThatAreRefused() throws {
        var table = UserTable()
        _ = table.set("ann", password: [1], random: SeededRandom(seed: 1))
        let client = SCRAMClient(user: "ann", password: "\u{1}", mechanism: .sha256)
        var begun = SCRAMExchange(.sha256, random: SeededRandom(seed: 2))
        let challenge = try begun.receive(Array(client.first.utf8)) { table.credential(of: $0, .sha256) }
        let right = Array(client.last(text(challenge.answer)).utf8)
        var fresh = begun
        let accepted = try fresh.receive(right) { _ in nil }
        #expect(accepted.user == "ann")
        for place in right.indices {
            for other in [right[..<place] + right[(place + 1)...], right[..<place] + [right[place] ^ 1] + right[(place + 1)...], right[..<place]] {
                var exchange = begun
                // Bits of base64 behind the last byte are ignored.
                let outcome = try? exchange.receive(Array(other)) { _ in nil }
                if let outcome { #expect(outcome.user == "ann" && place >= right.count - 3, "\(place)") }
            }
        }
    }

    @Test func filesOfUsers() throws {
        var table = UserTable()
        for name in ["zoe", "ann", "é=,x"] { _ = table.set(name, password: Array(name.utf8), random: SeededRandom(seed: 1)) }
        for name in ["", "#a", "a b", "a\tb", "a\nb", String(repeating: "x", count: 201)] {
            let isTaken = table.set(name, password: [1], random: SeededRandom(seed: 1))
            #expect(!isTaken, "\(name)")
        }
        #expect(try UserTable(table.text) == table)
        #expect(table.names == ["ann", "zoe", "é=,x"] && table.admits("ann", password: Array("ann".utf8)))
        #expect(!table.admits("ann", password: []) && !table.admits("bob", password: []))
        let removals = [table.remove("ann"), table.remove("ann")]
        #expect(removals == [true, false] && !table.admits("ann", password: Array("ann".utf8)))
        #expect(throws: UserFileError("line 2 is no user")) { try UserTable("# users\nann SCRAM-SHA-256 salt=AA==,iterations=1\n") }
        let path = FileManager.default.temporaryDirectory.appending(path: "millrace-users-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = UserFile(path: path)
        #expect(throws: UserFileError.self) { try file.read() }
        try file.write(table)
        #expect(try file.read() == table)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect { try file.read() } throws: { ($0 as? UserFileError)?.message.contains("others than its owner may read it") == true }
    }
}

/// The client that programs use, against the server's side: names with signs of the exchange in them, and what either side must not take.
@Suite struct LoginTests {
    private func exchange(
        _ client: inout Credentials.SCRAMClient, _ table: UserTable
    ) throws -> (server: SCRAMExchange, first: [UInt8], proof: [UInt8]) {
        var server = SCRAMExchange(.sha256, random: SeededRandom(seed: 3))
        let first = try server.receive(client.first) { table.credential(of: $0, .sha256) }.answer
        return (server, first, try client.proof(for: first))
    }

    @Test(arguments: ["ann", "b=o,b", "Zoë"])
    func aClientLogsIn(user: String) throws {
        var table = UserTable()
        let isSet = table.set(user, password: Array("secret".utf8), random: SeededRandom(seed: 1))
        #expect(isSet)
        var client = Credentials.SCRAMClient(user: user, password: Array("secret".utf8), random: SeededRandom(seed: 2))
        var (server, _, proof) = try exchange(&client, table)
        let (last, who) = try server.receive(proof) { table.credential(of: $0, .sha256) }
        #expect(who == user)
        try client.check(last)
        #expect(throws: LoginFailure.self) { try client.check(Array("v=AAAA".utf8)) }

        var wrong = Credentials.SCRAMClient(user: user, password: Array("other".utf8), random: SeededRandom(seed: 2))
        (server, _, proof) = try exchange(&wrong, table)
        do throws(LoginFailure) {
            _ = try server.receive(proof) { table.credential(of: $0, .sha256) }
            Issue.record("a wrong password is taken")
        } catch {
            #expect(error == .refused)
        }
        // A server that asks for a million times the work, or answers another client.
        for message in ["r=x,s=AAAA,i=4096", "", "r=,s=,i=", String(decoding: client.first, as: UTF8.self)] {
            #expect(!takes(client, message), "\(message)")
        }
        let nonce = String(decoding: client.first, as: UTF8.self).split(separator: ",").last.map { $0.dropFirst(2) } ?? ""
        #expect(!takes(client, "r=\(nonce)x,s=AAAA,i=100000000") && !takes(client, "r=\(nonce)x,s=AAAA,i=1"))
        #expect(takes(client, "r=\(nonce)x,s=AAAA,i=4096"))
    }

    private func takes(_ client: Credentials.SCRAMClient, _ message: String) -> Bool {
        var client = client
        return (try? client.proof(for: Array(message.utf8))) != nil
    }
}
