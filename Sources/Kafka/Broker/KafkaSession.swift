// One client's connection: who it is, and what it may ask before that is known. (SASL in Kafka's protocol: kafka.apache.org/protocol#sasl_handshake.
// A client of old, which chooses a mechanism by version 0 of the request, then sends bare tokens in the place of frames.)
//
//   waiting ── chooses a mechanism ──▶ chosen ── tokens ──▶ known
//      ▲ another mechanism │              └── a wrong one ──▶ the connection ends

import Credentials
package import Platform
import Synchronization

/// A mechanism of SASL that is offered.
private enum LoginMechanism: Equatable {
    /// The password as it is (RFC 4616).
    case plain
    case scram(SCRAMMechanism)

    var name: String {
        switch self {
        case .plain: "PLAIN"
        case .scram(let mechanism): mechanism.rawValue
        }
    }
}

/// A connection. Its frames are handed over one at a time, in their order.
package final class KafkaSession: Sendable {
    private enum State {
        case waiting
        /// A mechanism with how far its exchange has come. `isBare`: tokens come without the frames of requests.
        case chosen(LoginMechanism, SCRAMExchange?, isBare: Bool)
        case known
        case ended
    }

    private let broker: KafkaBroker
    private let random: any RandomSource
    private let state = Mutex(State.waiting)

    /// A new connection to a broker; `random` makes nonces.
    package init(_ broker: KafkaBroker, random: any RandomSource) {
        self.broker = broker
        self.random = random
    }

    /// Whether the client may ask for everything: it has logged in, or nobody has to.
    package var isLoggedIn: Bool { broker.options.users == nil || state.withLock { if case .known = $0 { true } else { false } } }

    /// Bytes of the largest frame that the client may send now. Who has not logged in is given no memory to hold.
    package var largestFrame: Int { isLoggedIn ? FrameIntake.largestFrame : FrameIntake.largestBeforeLogin }

    /// Says in the log why the connection of a client at this address ends; a few times, where many end for the same reason.
    package func tellLeft(_ reason: String, from client: String) {
        broker.lines.warn("kafka_client_left", kind: reason, "\(reason) (\(client))")
    }

    /// Answers a frame, as the broker does.
    package func answer(_ frame: [UInt8], reply: @escaping @Sendable (KafkaReply) -> Void) {
        guard let users = broker.options.users else { return broker.answer(frame, reply: reply) }
        if isLoggedIn { return broker.answer(frame, reply: reply) }
        broker.perform({ [self] in
            let isBare = state.withLock { if case .chosen(_, _, isBare: true) = $0 { true } else { false } }
            if isBare { reply(bareToken(frame, users)) } else { beforeLogin(frame, users, reply) }
        }, orElse: reply)
    }

    private func beforeLogin(_ frame: [UInt8], _ users: UserFile, _ reply: @escaping @Sendable (KafkaReply) -> Void) {
        do throws(MessageError) {
            let header = try APIs.header(of: frame)
            let began = broker.clock.monotonicNanoseconds()
            func counted(_ response: ResponseFrame) -> [UInt8] {
                broker.statistics.note(
                    header, received: frame.count + 4, response, nanoseconds: broker.clock.monotonicNanoseconds() - began)
                return response.bytes
            }
            switch header.key {
            case ApiVersionsRequest.key: broker.process(frame, reply)
            case SaslHandshakeRequest.key where SaslHandshakeRequest.versions.contains(header.version):
                reply(.frame(counted(choose(try SaslHandshakeRequest(frame, header), isBare: header.version == 0).frame(header))))
            case SaslAuthenticateRequest.key where SaslAuthenticateRequest.versions.contains(header.version):
                let (response, refusal) = token(try SaslAuthenticateRequest(frame, header), users)
                let bytes = counted(response.frame(header))
                reply(refusal.map { .last(bytes, $0) } ?? .frame(bytes))
            default:
                reply(.close("\(header.client.map { "'\($0)'" } ?? "a client") asks for \(APIs.all[header.key]?.name ?? "API \(header.key)") before it has logged in"))
            }
        } catch {
            reply(.close("a request cannot be read: \(error.reason)"))
        }
    }

    // MARK: Choosing

    /// What is offered: passwords as they are only where nobody else can read them.
    private var offered: [LoginMechanism] {
        (broker.options.takesPlainPasswords ? [.plain] : []) + SCRAMMechanism.allCases.map { .scram($0) }
    }

    private func choose(_ request: SaslHandshakeRequest, isBare: Bool) -> SaslHandshakeResponse {
        var response = SaslHandshakeResponse()
        response.mechanisms = offered.map(\.name)
        state.withLock { state in
            guard case .waiting = state else { return response.errorCode = KafkaError.illegalSaslState.rawValue }
            guard let chosen = offered.first(where: { $0.name == request.mechanism }) else {
                return response.errorCode = KafkaError.unsupportedSaslMechanism.rawValue
            }
            let exchange: SCRAMExchange? = if case .scram(let mechanism) = chosen { SCRAMExchange(mechanism, random: random) } else { nil }
            state = .chosen(chosen, exchange, isBare: isBare)
        }
        return response
    }

    // MARK: Tokens

    /// The answer to a token; with the reason where the connection ends behind it.
    private func token(_ request: SaslAuthenticateRequest, _ users: UserFile) -> (SaslAuthenticateResponse, refusal: String?) {
        var response = SaslAuthenticateResponse()
        response.errorMessage = nil
        do throws(LoginFailure) {
            guard let answer = try take(request.authBytes, users) else {
                response.errorCode = KafkaError.illegalSaslState.rawValue
                response.errorMessage = "a mechanism is chosen first"
                return (response, nil)
            }
            response.authBytes = answer
            return (response, nil)
        } catch {
            response.errorCode = KafkaError.saslAuthenticationFailed.rawValue
            response.errorMessage = error.reason
            return (response, refused(error))
        }
    }

    private func bareToken(_ token: [UInt8], _ users: UserFile) -> KafkaReply {
        do throws(LoginFailure) {
            let answer = try take(token, users) ?? []
            var writer = MessageWriter(isFlexible: false)
            writer.put(bytes: answer)
            return .frame(writer.bytes)
        } catch {
            // There is no place for an error in such an answer.
            return .close(refused(error))
        }
    }

    private func refused(_ failure: LoginFailure) -> String {
        state.withLock { $0 = .ended }
        broker.statistics.noteRefusedLogin()
        return "a login is refused: \(failure.reason)"
    }

    /// Takes a token and gives the answer to it; nil where none is expected. Errors: the login has failed.
    private func take(_ token: [UInt8], _ users: UserFile) throws(LoginFailure) -> [UInt8]? {
        let before = state.withLock { state in
            defer { if case .chosen = state { state = .ended } }
            return state
        }
        guard case .chosen(let mechanism, let exchange, let isBare) = before else { return nil }
        let table: UserTable
        do throws(UserFileError) { table = try users.read() } catch {
            broker.lines.warn("kafka_users", error.message)
            throw LoginFailure("the users cannot be read")
        }
        if case .scram(let kind) = mechanism, var exchange {
            let (answer, user) = try exchange.receive(token) { table.credential(of: $0, kind) }
            state.withLock { $0 = user == nil ? .chosen(mechanism, exchange, isBare: isBare) : .known }
            return answer
        }
        try KafkaSession.check(plain: token, table)
        state.withLock { $0 = .known }
        return []
    }

    /// Checks a token of PLAIN: a name to act under, the user, and the password, with a zero byte between them. Errors: nobody may come by it.
    private static func check(plain token: [UInt8], _ table: UserTable) throws(LoginFailure) {
        let parts = token.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3, let user = String(validating: parts[1], as: UTF8.self) else { throw LoginFailure("the token of PLAIN cannot be read") }
        guard parts[0].isEmpty || parts[0] == parts[1] else { throw LoginFailure("nobody may act under another name") }
        guard table.admits(user, password: Array(parts[2])) else { throw .refused }
    }
}
