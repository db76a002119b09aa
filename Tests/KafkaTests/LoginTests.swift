// Logins at a broker that has users: what may be asked before, how it goes, and what whatever else comes leads to.

import Bytes
import Credentials
import Foundation
import LogStore
import Platform
import Testing

@testable import Kafka

@Suite struct LoginTests {
    private let broker: KafkaBroker
    private let users: UserFile

    init() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "millrace-login-\(UUID().uuidString)").path
        users = UserFile(path: path)
        var table = UserTable()
        _ = table.set("ann", password: Array("secret".utf8), random: SeededRandom(seed: 1))
        try users.write(table)
        var options = KafkaOptions(host: "localhost", port: 9092)
        options.users = users
        options.takesPlainPasswords = true
        broker = try KafkaBroker(
            SegmentedLog(
                directory: "/data", files: MemoryFileSystem(), clock: SystemTime(), random: SeededRandom(seed: 1), options: .inMemory),
            options, clock: SystemTime(), random: SeededRandom(seed: 2), scheduler: HostScheduler())
    }

    private func session() -> KafkaSession { KafkaSession(broker, random: SeededRandom(seed: 3)) }

    private func reply(_ session: KafkaSession, _ frame: [UInt8]) -> KafkaReply {
        let result = Monitor<KafkaReply?>(nil)
        session.answer(frame) { reply in result.update { $0 = reply } }
        return result.wait(until: { $0 != nil }) { $0 ?? .nothing }
    }

    private func ask<Request: MessageRequest, Response: MessageResponse>(
        _ session: KafkaSession, _ request: Request, as _: Response.Type, version: Int16 = Request.versions.upperBound
    ) throws -> Response {
        switch reply(session, KafkaClient.frame(request, version)) {
        case .frame(let bytes), .last(let bytes, _): return try KafkaClient.read(bytes, version: version)
        case .nothing: throw MessageError(reason: "there is no answer")
        case .close(let reason): throw MessageError(reason: reason)
        }
    }

    private func choose(_ session: KafkaSession, _ mechanism: String, version: Int16 = 1) throws -> SaslHandshakeResponse {
        var request = SaslHandshakeRequest()
        request.mechanism = mechanism
        return try ask(session, request, as: SaslHandshakeResponse.self, version: version)
    }

    @Test func loginsAreCounted() throws {
        let first = session()
        _ = try choose(first, "PLAIN")
        _ = try token(first, Array("\0ann\0secret".utf8))
        let second = session()
        _ = try choose(second, "PLAIN")
        _ = try token(second, Array("\0ann\0wrong".utf8))
        let counted = Dictionary(uniqueKeysWithValues: broker.statistics.byAPI.map { ($0.name, $0.counts) })
        #expect(counted["SaslHandshake"]?.requests == 2 && counted["SaslHandshake"]?.errors == 0)
        #expect(counted["SaslAuthenticate"]?.requests == 2 && counted["SaslAuthenticate"]?.errors == 1)
        #expect(broker.statistics.refusedLogins == 1)
    }

    private func token(_ session: KafkaSession, _ bytes: [UInt8]) throws -> SaslAuthenticateResponse {
        var request = SaslAuthenticateRequest()
        request.authBytes = bytes
        return try ask(session, request, as: SaslAuthenticateResponse.self)
    }

    private func plain(_ user: String, _ password: String) -> [UInt8] { [0] + Array(user.utf8) + [0] + Array(password.utf8) }

    @Test func onlyWhoHasLoggedInMayAsk() throws {
        defer { try? FileManager.default.removeItem(atPath: users.path) }
        let session = session()
        #expect(!session.isLoggedIn && session.largestFrame == FrameIntake.largestBeforeLogin)
        #expect(try ask(session, ApiVersionsRequest(), as: ApiVersionsResponse.self).apiKeys.contains { $0.apiKey == 36 })
        #expect(try token(session, plain("ann", "secret")).errorCode == KafkaError.illegalSaslState.rawValue)
        guard case .close(let reason) = reply(self.session(), KafkaClient.frame(MetadataRequest(), 5)) else {
            throw MessageError(reason: "it is answered")
        }
        #expect(reason == "'test' asks for Metadata before it has logged in")
        let other = try choose(session, "GSSAPI")
        #expect(other.errorCode == KafkaError.unsupportedSaslMechanism.rawValue)
        #expect(other.mechanisms == ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
        #expect(try choose(session, "PLAIN").errorCode == 0)
        #expect(try choose(session, "PLAIN").errorCode == KafkaError.illegalSaslState.rawValue)
        #expect(try token(session, plain("ann", "secret")).errorCode == 0)
        #expect(session.isLoggedIn && session.largestFrame == FrameIntake.largestFrame)
        #expect(try ask(session, MetadataRequest(), as: MetadataResponse.self).brokers.count == 1)
        // Nothing more to log in to.
        #expect(try choose(session, "PLAIN").errorCode == KafkaError.illegalSaslState.rawValue)
    }

    @Test func wrongPasswordsEndTheConnection() throws {
        defer { try? FileManager.default.removeItem(atPath: users.path) }
        for wrong in [plain("ann", "Secret"), plain("bob", "secret"), Array("ann".utf8), [], plain("ann", "se\u{0}cret"), [1, 0, 2, 0, 3]] {
            let session = session()
            #expect(try choose(session, "PLAIN").errorCode == 0)
            var request = SaslAuthenticateRequest()
            request.authBytes = wrong
            guard case .last(let bytes, _) = reply(session, KafkaClient.frame(request, 2)) else { throw MessageError(reason: "it goes on") }
            let response: SaslAuthenticateResponse = try KafkaClient.read(bytes, version: 2)
            #expect(response.errorCode == KafkaError.saslAuthenticationFailed.rawValue)
            #expect(throws: MessageError.self) { try ask(session, MetadataRequest(), as: MetadataResponse.self) }
        }
    }

    /// Clients of old send their tokens without frames of requests.
    @Test func bareTokens() throws {
        defer { try? FileManager.default.removeItem(atPath: users.path) }
        let session = session()
        #expect(try choose(session, "PLAIN", version: 0).errorCode == 0)
        guard case .frame(let answer) = reply(session, plain("ann", "secret")) else { throw MessageError(reason: "it is refused") }
        #expect(answer == [0, 0, 0, 0])
        #expect(try ask(session, MetadataRequest(), as: MetadataResponse.self).brokers.count == 1)
        let wrong = self.session()
        #expect(try choose(wrong, "PLAIN", version: 0).errorCode == 0)
        guard case .close = reply(wrong, plain("ann", "x")) else { throw MessageError(reason: "it goes on") }
    }

    /// Users of now count, not those of the start.
    @Test func usersMayChange() throws {
        defer { try? FileManager.default.removeItem(atPath: users.path) }
        var table = UserTable()
        _ = table.set("bob", password: Array("other".utf8), random: SeededRandom(seed: 9))
        try users.write(table)
        let first = session()
        _ = try choose(first, "PLAIN")
        #expect(try token(first, plain("ann", "secret")).errorCode == KafkaError.saslAuthenticationFailed.rawValue)
        let second = session()
        _ = try choose(second, "PLAIN")
        #expect(try token(second, plain("bob", "other")).errorCode == 0)
    }

    /// Whatever comes, in whatever order: nobody is let in who has not logged in, and every frame has its answer.
    @Test(arguments: 0..<8) func anything(seed: UInt64) throws {
        defer { try? FileManager.default.removeItem(atPath: users.path) }
        let random = SeededRandom(seed: seed + 1)
        func number(_ bound: UInt64) -> Int { Int(random.next() % bound) }
        for _ in 0..<60 {
            let session = session()
            for _ in 0..<8 {
                var frame: [UInt8]
                switch number(7) {
                case 0:
                    var request = SaslHandshakeRequest()
                    request.mechanism = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", ""][number(4)]
                    frame = KafkaClient.frame(request, Int16(number(2)))
                case 1, 2:
                    var request = SaslAuthenticateRequest()
                    request.authBytes = [Array("n,,n=ann,r=abc".utf8), Array("c=biws,r=abc,p=AAAA".utf8), plain("ann", "wrong"), [UInt8](repeating: 0, count: number(40))][number(4)]
                    frame = KafkaClient.frame(request, Int16(number(3)))
                case 3: frame = KafkaClient.frame(MetadataRequest(), 5)
                case 4: frame = KafkaClient.frame(ApiVersionsRequest(), 3)
                case 5: frame = (0..<number(60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                default: frame = plain("ann", "wrong")
                }
                if number(3) == 0, !frame.isEmpty { frame[number(UInt64(frame.count))] ^= UInt8(1 << number(8)) }
                guard case .frame(let bytes) = reply(session, frame), frame.count >= 4 else { continue }
                // Only what is allowed before a login is answered by a frame.
                let key = Int16(frame[0]) << 8 | Int16(frame[1])
                #expect([17, 18, 36].contains(key) || bytes.count < 100, "API \(key) is answered")
                #expect(key != 3, "a stranger gets metadata")
            }
        }
    }
}
