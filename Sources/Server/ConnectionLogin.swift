// The login of a client of the line protocol: SCRAM in two requests, checked on a thread of its own. Until then a client may send little, and not
// for long.

import Bytes
import Credentials
import Diagnostics
import Engine
import Platform
import Wire

/// How far a login is. Touched on the loop's thread only.
struct ConnectionLogin {
    /// Bytes that a client may send before it has logged in.
    private static let mostBytes = 64 << 10
    /// Seconds for it.
    private static let mostTicks = 10
    /// Logins that may fail before the connection ends.
    private static let mostFailures = 3

    /// What the last message belongs to.
    var exchange: SCRAMExchange?
    private var received = 0
    private var ticks = 0
    private var failures = 0

    /// Counts bytes of a client. False when they are too many.
    mutating func hasReceived(_ count: Int) -> Bool {
        received += count
        return received <= ConnectionLogin.mostBytes
    }

    /// Counts a second. False when there were too many.
    var hasTime: Bool {
        mutating get {
            ticks += 1
            return ticks <= ConnectionLogin.mostTicks
        }
    }

    /// Counts a login that failed. False when there were too many.
    mutating func hasPatience() -> Bool {
        exchange = nil
        failures += 1
        return failures < ConnectionLogin.mostFailures
    }

    static let needed = Diagnostic(
        .authenticationRequired, "the server asks for a login first", category: .general,
        hint: "millrace takes --user NAME, the clients for Swift and Python a user and a password; the greeting names the ways for others.")
    static let tooLate = Diagnostic(
        .authenticationRequired, "there was no login within \(mostTicks) seconds", category: .general, hint: "Connect again, and log in first.")
    static let tooMuch = Diagnostic(
        .authenticationRequired, "more than \(mostBytes) bytes came before the login", category: .general, hint: "Log in first.")
}

extension Connection {
    /// Whether a request may be carried out before the login.
    func needsLogin(_ event: RequestEvent) -> Bool {
        switch event {
        case .ping, .help, .quit, .authenticate, .refused: false
        default: login != nil
        }
    }

    /// Takes one message of a login.
    func authenticate(_ text: String, _ tag: String?) {
        guard let users = server.users, let login else {
            let hint = "The greeting lists the ways to log in; here there are none."
            return fail(Diagnostic(.wrongState, server.users == nil ? "nobody has to log in here" : "you are logged in", category: .general, hint: hint), tag)
        }
        let words = text.split(separator: " ")
        var exchange = login.exchange
        if words.count == 2, let mechanism = SCRAMMechanism(rawValue: String(words[0])) { exchange = SCRAMExchange(mechanism, random: SystemRandom()) }
        guard let begun = exchange, let word = words.last, let message = Base64.decode(Array(word.utf8)[...]) else {
            return fail(
                Diagnostic(
                    .authenticationFailed, "the message of a login cannot be read", category: .general,
                    hint: ".auth MECHANISM MESSAGE begins one, .auth MESSAGE ends it; messages are in base64."), tag)
        }
        let active = ActiveRequest(tag: tag, sink: nil)
        begin(active)
        let ended = ended(active)
        let isTaken = server.loginThreads.run { [self] in
            var next = begun
            let result: Result<(answer: [UInt8], user: String?), LoginFailure>
            do throws(LoginFailure) {
                let table: UserTable
                do throws(UserFileError) { table = try users.read() } catch { throw LoginFailure("the server cannot read its file of users") }
                let mechanism = next.usedMechanism
                result = .success(try next.receive(message) { table.credential(of: $0, mechanism) })
            } catch {
                result = .failure(error)
            }
            let exchange = next
            server.loop.post { [self] in
                took(result, exchange, tag)
                ended()
            }
        }
        if !isTaken { ended() }
    }

    private func took(_ result: Result<(answer: [UInt8], user: String?), LoginFailure>, _ exchange: SCRAMExchange, _ tag: String?) {
        switch result {
        case .success(let (answer, user)):
            if user == nil { login?.exchange = exchange } else { login = nil }
            outbox.write { $0.done(loginFacts(answer, user: user), tag: tag) }
        case .failure(let failure):
            server.log(.warning, "login_failed", ["connection": "\(number)", "client": socket.client ?? "", "reason": failure.reason])
            fail(Diagnostic(.authenticationFailed, failure.reason, category: .general, hint: "millrace user list --users FILE names those who may come."), tag)
            if login?.hasPatience() == false { isLeaving = true }
        }
    }
}
