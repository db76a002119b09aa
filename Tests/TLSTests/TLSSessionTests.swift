// TLS as a machine: handshakes in pieces of all sizes, garbage, certificates, and files that cannot be used.

import CTLS
import Foundation
import TestSupport
import Testing

@testable import TLS

/// Whether the tests can run: the library and the program that makes certificates.
private let isPossible = TLSLibrary.shared != nil && Surroundings.hasProgram("openssl")

/// Hands bytes over in pieces of a size, and gives the plain ones.
private func feed(_ session: TLSSession, _ bytes: [UInt8], by size: Int) throws(TLSFailure) -> [UInt8] {
    var plain: [UInt8] = []
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + size)
        plain += try session.receive(Array(bytes[start..<end]))
        start = end
    }
    return plain
}

/// Lets the two talk until both are silent.
private func converse(_ client: TLSClient, _ session: TLSSession, by size: Int = .max) throws(TLSFailure) {
    var toServer = client.receive([])
    while !toServer.isEmpty {
        _ = try feed(session, toServer, by: min(size, toServer.count))
        toServer = client.receive(session.takeOutput())
    }
}

private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

@Suite(.enabled(if: isPossible, "libssl.so.3 or openssl is not installed")) struct TLSSessionTests {
    private let certificates: Certificates
    private let context: TLSContext

    init() throws {
        certificates = try Certificates()
        context = try TLSContext(certificates.files())
    }

    @Test(arguments: [1, 2, 5, 100, 1 << 20], [nil, TLS1_2_VERSION]) func bytesComeInPieces(size: Int, newest: Int32?) throws {
        let session = TLSSession(context)
        let client = try #require(TLSClient(newest: newest))
        try converse(client, session, by: size)
        #expect(session.isEstablished && client.isEstablished)
        let (question, answer) = (bytes(70_000), bytes(200_000))
        #expect(try feed(session, client.send(question), by: size) == question)
        try session.send(answer)
        _ = client.receive(session.takeOutput())
        #expect(client.received == answer)
        #expect(!session.hasInputEnded)
        _ = try feed(session, client.finish(), by: size)
        #expect(session.hasInputEnded)
        session.finish()
        #expect(!session.takeOutput().isEmpty)
    }

    @Test func whatIsSaidEarlyIsSentBehindTheHandshake() throws {
        let session = TLSSession(context)
        try session.send(Array("welcome".utf8))
        #expect(session.takeOutput().isEmpty)
        let client = try #require(TLSClient())
        try converse(client, session)
        #expect(client.received == Array("welcome".utf8))
    }

    /// All sessions share the library's buffers: none sees what is another's.
    @Test func sessionsTakeTurnsInTheMiddleOfRecords() throws {
        let sessions = (0..<5).map { _ in TLSSession(context) }
        let clients = try (0..<5).map { _ in try #require(TLSClient()) }
        for (client, session) in zip(clients, sessions) { try converse(client, session, by: 7) }
        let sent = clients.indices.map { number in clients[number].send(bytes(3_000 + number)) }
        var received = [[UInt8]](repeating: [], count: 5)
        for start in stride(from: 0, to: 4_000, by: 11) {
            for number in sessions.indices {
                received[number] += try sessions[number].receive(Array(sent[number].dropFirst(start).prefix(11)))
            }
        }
        for number in clients.indices { #expect(received[number] == bytes(3_000 + number)) }
    }

    @Test func whoSpeaksNoTLSIsTold() throws {
        for text in ["GET / HTTP/1.1\r\n\r\n", "\0\0\0\u{12}"] {
            let session = TLSSession(context)
            #expect(throws: TLSFailure("a client speaks without TLS at a listener that speaks TLS")) { try session.receive(Array(text.utf8)) }
            // An alert, which clients of many protocols know.
            #expect(session.takeOutput() == [0x15, 3, 3, 0, 2, 2, 10])
        }
    }

    /// The side of a client: it takes the server by its name, and no other one for it.
    @Test(arguments: [("server", true), ("example.org", false), ("127.0.0.1", false)])
    func aClientKnowsItsServer(host: String, isKnown: Bool) throws {
        let client = try TLSSession(try TLSContext(trusting: certificates.path("authority.pem")), asClientOf: host)
        let server = TLSSession(context)
        func talk() throws {
            while true {
                let toServer = client.takeOutput()
                if !toServer.isEmpty { _ = try? server.receive(toServer) }
                let toClient = server.takeOutput()
                if toServer.isEmpty && toClient.isEmpty { return }
                _ = try client.receive(toClient)
            }
        }
        guard isKnown else {
            #expect(throws: TLSFailure.self) { try talk() }
            return
        }
        try talk()
        #expect(client.isEstablished && server.isEstablished)
        try client.send(bytes(50_000))
        #expect(try server.receive(client.takeOutput()) == bytes(50_000))
        try server.send(bytes(70_000))
        #expect(try client.receive(server.takeOutput()) == bytes(70_000))
        // Nobody whom the system trusts vouches for it.
        let stranger = try TLSSession(try TLSContext(trusting: nil), asClientOf: host)
        let other = TLSSession(context)
        _ = try other.receive(stranger.takeOutput())
        let refusal = #expect(throws: TLSFailure.self) { try stranger.receive(other.takeOutput()) }
        #expect(refusal?.message.hasPrefix("the certificate of the server is refused: ") == true, "\(refusal?.message ?? "")")
    }

    @Test func garbageEndsASessionAndNoOther() throws {
        var random = SystemRandomNumberGenerator()
        let good = TLSSession(context)
        let client = try #require(TLSClient())
        var hello = client.receive([])
        for round in 0..<2_000 {
            let session = TLSSession(context)
            var garbage: [UInt8] = (0..<Int.random(in: 1...600, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            if round % 2 == 0 { garbage[0] = 0x16 }
            if round % 4 == 0 {
                // A real beginning, damaged in one place.
                garbage = hello
                garbage[Int.random(in: 0..<garbage.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            _ = try? feed(session, garbage, by: Int.random(in: 1...garbage.count, using: &random))
            #expect(session.takeOutput().count < 8_000)
        }
        while !hello.isEmpty {
            _ = try good.receive(hello)
            hello = client.receive(good.takeOutput())
        }
        #expect(good.isEstablished)
    }

    @Test func aDamagedRecordEndsTheSession() throws {
        let session = TLSSession(context)
        let client = try #require(TLSClient())
        try converse(client, session)
        var record = client.send(bytes(100))
        record[record.count - 3] ^= 4
        #expect { try session.receive(record) } throws: { ($0 as? TLSFailure)?.message.hasPrefix("a client breaks TLS: ") ?? false }
        #expect(!session.takeOutput().isEmpty)
    }

    @Test func aHandshakeHasAnEnd() throws {
        let session = TLSSession(context)
        // A hello that says that it is longer than any, in records that say it is going on.
        let record: [UInt8] = [0x16, 3, 1, 0x40, 0] + [1, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 3, count: (16 << 10) - 4)
        #expect(throws: TLSFailure.self) { for _ in 0..<20 { _ = try session.receive(record) } }
    }

    @Test func authoritiesVouchForClients() throws {
        let asking = try TLSContext(certificates.files(authorities: "authority.pem"))
        #expect(asking.asksForCertificates && !context.asksForCertificates)
        let stranger = try #require(TLSClient(newest: TLS1_2_VERSION))
        let refused = TLSSession(asking)
        #expect(throws: TLSFailure("a TLS handshake fails: peer did not return a certificate")) { try converse(stranger, refused) }
        let known = try #require(TLSClient(certificate: certificates.path("client.pem"), key: certificates.path("client.key")))
        let session = TLSSession(asking)
        try converse(known, session)
        #expect(session.isEstablished)
        // One that another authority, here itself, vouches for.
        let foreign = try Certificates()
        let other = try #require(TLSClient(certificate: foreign.path("client.pem"), key: foreign.path("client.key")))
        #expect { try converse(other, TLSSession(asking)) } throws: {
            ($0 as? TLSFailure)?.message.hasPrefix("the certificate of a client is refused: ") ?? false
        }
    }

    @Test func filesThatCannotBeUsedAreNamed() throws {
        func refusal(_ files: TLSFiles) -> String {
            do throws(TLSFailure) {
                _ = try TLSContext(files)
                return ""
            } catch {
                return error.message.replacing(certificates.folder.path + "/", with: "")
            }
        }
        #expect(refusal(certificates.files("none.pem")) == "cannot read none.pem: No such file or directory")
        #expect(refusal(certificates.files("server.key")) == "server.key holds no certificate: no start line")
        #expect(refusal(certificates.files("server.pem", "server.pem")).contains("others than its owner may read it"))
        #expect(refusal(certificates.files("server.pem", "other.key")) == "the key of other.key is not that of the certificate of server.pem: key values mismatch")
        #expect(refusal(certificates.files("server.pem", "locked.key")).hasPrefix("locked.key holds no private key that can be read without a passphrase"))
        #expect(refusal(certificates.files(authorities: "server.key")).hasPrefix("server.key holds no certificate"))
        let text = try String(contentsOfFile: certificates.path("server.pem"), encoding: .utf8)
        try (text + text.replacing("MII", with: "MIJ")).write(toFile: certificates.path("half.pem"), atomically: true, encoding: .utf8)
        #expect(refusal(certificates.files("half.pem")).hasPrefix("certificate 2 of half.pem cannot be used"))
        #expect((0...2).contains(context.daysLeft))
    }

    @Test func filesAreReadAgain() throws {
        let identity = try TLSIdentity(certificates.files())
        let first = identity.context
        try identity.reload()
        #expect(identity.context !== first)
        let second = identity.context
        try FileManager.default.removeItem(atPath: certificates.path("server.pem"))
        #expect(throws: TLSFailure.self) { try identity.reload() }
        #expect(identity.context === second)
        // Who has come before goes on.
        let session = TLSSession(first)
        try converse(try #require(TLSClient()), session)
        #expect(session.isEstablished)
    }
}
