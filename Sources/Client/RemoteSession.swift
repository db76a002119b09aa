// The client's end of the line protocol: a connection to a server that offers the same session protocol as an engine in this process.
// Requests go out tagged, a reading thread hands their answers to their sinks.

package import Diagnostics
package import Sessions
import Bytes
import Credentials
import JSONText
package import Platform
import Wire

/// A request that runs on a server.
private final class RemoteRequest: RunningRequest {
    private let session: RemoteSession
    private let tag: String

    init(_ session: RemoteSession, _ tag: String) {
        self.session = session
        self.tag = tag
    }

    func cancel() { session.send(RequestEncoder.command(".cancel \(tag)", tag: RemoteSession.cancelTag)) }
}

/// A connection to a server.
package final class RemoteSession: StatementSession {
    /// Takes the events of one request on the reading thread.
    private enum Receiver: Sendable {
        case statements(sink: any AnswerSink, whenFinished: @Sendable (Bool) -> Void)
        case command(@Sendable (Result<JSONValue, Diagnostic>) -> Void)
        case load(onProgress: @Sendable (IngestReport) -> Void, whenFinished: @Sendable (Result<IngestReport, Diagnostic>) -> Void)
    }

    private struct State: Sendable {
        var receivers: [String: Receiver] = [:]
        var nextTag = 1
        /// Why the connection is of no use any more.
        var failure: Diagnostic?
        /// What the server said last about the connection as a whole; when it then ends, that is why.
        var lastWord: String?
        var greeting: JSONValue?
    }

    /// The tag of all cancellations, whose answers are dropped.
    fileprivate static let cancelTag = "cancel"

    private let socket: ServerLine
    private let writing = Monitor(())
    private let state = Monitor(State())

    /// Connects in plain text, without a login.
    package convenience init(connectingTo address: SocketAddress) throws(Diagnostic) { try self.init(connectingTo: ServerPlace(address)) }

    /// Connects, waits for the greeting and logs in. Errors: no server listens there, or one of another protocol, or it lets this user not in.
    package init(connectingTo place: ServerPlace) throws(Diagnostic) {
        let address = place.address
        socket = try ServerLine(connectingTo: place)
        do throws(SystemError) {
            _ = try WorkerThread.start("answers") { [weak self, socket] in RemoteSession.readAnswers(socket) { self?.take($0) } }
        } catch {
            throw Diagnostic(.ioError, error.description, category: .general)
        }
        let isGreeted: @Sendable (borrowing State) -> Bool = { $0.greeting != nil || $0.failure != nil }
        let (isOver, failure) = state.wait(nanoseconds: RemoteSession.greetingNanoseconds, until: isGreeted) {
            ($0.greeting != nil || $0.failure != nil, $0.failure)
        }
        let isGreeting = state.withLock { $0.greeting != nil }
        if let failure {
            // A server that refuses says why; whatever else came instead of a greeting is another program's.
            guard !isGreeting, failure.code == .connectionLost || failure.code == .protocolViolation,
                let other = PeerProbe.description(of: address)
            else { throw failure }
            throw RemoteSession.notMillrace(address, other)
        }
        guard isOver else {
            socket.disconnect()
            if let other = PeerProbe.description(of: address) { throw RemoteSession.notMillrace(address, other) }
            throw Diagnostic(
                .connectionFailed, "\(address) takes connections but does not greet as a Millrace server within 5 seconds", category: .general,
                hint: "Is it the port of another program, for example an HTTP server? Or a Millrace server that has been stopped?")
        }
        try logIn(as: place.login)
    }

    // MARK: Login

    /// Logs in where the greeting asks for it.
    private func logIn(as login: ServerPlace.Login?) throws(Diagnostic) {
        let ways = state.withLock { $0.greeting?["auth"]?.arrayValue ?? [] }.compactMap(\.stringValue)
        if ways.isEmpty { return }
        guard let login else {
            socket.disconnect()
            throw Diagnostic(
                .authenticationRequired, "the server asks for a login", category: .general,
                hint: "millrace takes --user NAME, programs a user and a password.")
        }
        let name = SCRAMClient.mechanism.rawValue
        guard ways.contains(name) else {
            socket.disconnect()
            throw Diagnostic(.authenticationFailed, "the server knows no login by \(name)", category: .general)
        }
        do throws(Diagnostic) {
            var client = SCRAMClient(user: login.user, password: login.password, random: SystemRandom())
            let first = try ask(".auth \(name) \(Base64.text(of: client.first))")
            let proof: [UInt8]
            do throws(LoginFailure) { proof = try client.proof(for: RemoteSession.message(of: first)) } catch { throw RemoteSession.refused(error) }
            let last = try ask(".auth \(Base64.text(of: proof))")
            do throws(LoginFailure) { try client.check(RemoteSession.message(of: last)) } catch { throw RemoteSession.refused(error) }
        } catch {
            socket.disconnect()
            throw error
        }
    }

    private static func refused(_ failure: LoginFailure) -> Diagnostic { Diagnostic(.authenticationFailed, failure.reason, category: .general) }

    /// The message of an exchange in an answer.
    private static func message(of facts: JSONValue) -> [UInt8] { Base64.decode(Array((facts["auth"]?.stringValue ?? "").utf8)[...]) ?? [] }

    /// Sends a command and waits for its answer.
    private func ask(_ command: String) throws(Diagnostic) -> JSONValue {
        let answer = Monitor<Result<JSONValue, Diagnostic>?>(nil)
        let tag = register(.command { result in answer.update { $0 = result } })
        send(RequestEncoder.command(command, tag: tag))
        let result = answer.wait(nanoseconds: RemoteSession.loginNanoseconds, until: { $0 != nil }) { $0 }
        guard let result else { throw Diagnostic(.timedOut, "the server does not answer the login", category: .general) }
        return try result.get()
    }

    /// How long a server has for a message of the login.
    private static let loginNanoseconds: Int64 = 10_000_000_000

    private static func notMillrace(_ address: SocketAddress, _ other: String) -> Diagnostic {
        Diagnostic(
            .connectionFailed, "\(address) is the port of \(other), and not that of Millrace's line protocol", category: .general,
            hint: (other == PeerProbe.tlsServer ? "A Millrace server with a certificate is named by tls://\(address). " : "")
                + "millrace serve prints the address of its line protocol; --listen sets it, and unless set it is port 6455.")
    }

    /// How long a server has for its greeting, which it sends at once.
    private static let greetingNanoseconds: Int64 = 5_000_000_000

    /// How many statements a server takes at once over one connection, with room for loads.
    package static let mostStatements = WireLimits.taggedRequests - 4

    /// Whether the connection has ended.
    package var isLost: Bool { state.withLock { $0.failure != nil } }

    deinit { socket.disconnect() }

    /// The version that the server's greeting tells.
    package var serverVersion: String { state.withLock { $0.greeting?["server"]?.stringValue ?? "" } }

    /// Ends the connection; what runs on it ends with an error.
    package func close() { socket.disconnect() }

    // MARK: Requests

    package func submit(
        _ text: String, positions: PositionWish, into sink: any AnswerSink, whenFinished: @escaping @Sendable (Bool) -> Void
    ) -> any RunningRequest {
        let tag = register(.statements(sink: sink, whenFinished: whenFinished))
        send(RequestEncoder.statement(text, tag: tag, positions: positions))
        return RemoteRequest(self, tag)
    }

    /// Begins a load. Its records follow with `sendRecords`, nothing else may be sent before `endLoad`.
    package func beginLoad(
        into stream: String, format: IngestFormat, onProgress: @escaping @Sendable (IngestReport) -> Void,
        whenFinished: @escaping @Sendable (Result<IngestReport, Diagnostic>) -> Void
    ) {
        let tag = register(.load(onProgress: onProgress, whenFinished: whenFinished))
        send(RequestEncoder.beginRecords(stream: stream, format: format.rawValue, tag: tag))
    }

    /// Sends lines of a load as they are to go over the wire: each with its line end, leading dots doubled.
    package func sendRecords(_ bytes: [UInt8], _ range: Range<Int>) {
        let problem = writing.update { _ -> SystemError? in
            do throws(SystemError) { try socket.write(bytes, range) } catch { return error }
            return nil
        }
        // Why it failed, the server may have said: the reading thread gets to that, or to the end, and ends what runs.
        if problem != nil { socket.disconnect() }
    }

    /// Ends the records of a load.
    package func endLoad() { send(RequestEncoder.endOfRecords) }

    private func register(_ receiver: Receiver) -> String {
        state.update { state in
            defer { state.nextTag += 1 }
            let tag = "r\(state.nextTag)"
            state.receivers[tag] = receiver
            return tag
        }
    }

    /// Sends a request; on a connection that has ended already it ends at once.
    fileprivate func send(_ bytes: [UInt8]) {
        sendRecords(bytes, 0..<bytes.count)
        if let failure = state.withLock({ $0.failure }) { end(with: failure) }
    }

    private static func lost(_ reason: String) -> Diagnostic {
        Diagnostic(
            .connectionLost, "the connection to the server ended: \(reason)", category: .general,
            hint: "Whether a statement that was under way has been carried out is not known.")
    }

    // MARK: Answers

    /// Reads until the connection ends; runs without holding on to the session, which ends it by going away.
    private static func readAnswers(_ socket: ServerLine, _ take: ([AnswerLine]) -> Void) {
        // A server that stops waits for clients that may still be reading.
        defer { socket.disconnect() }
        var reader = AnswerReader()
        while true {
            do throws(SystemError) {
                let bytes = try socket.read()
                if bytes.isEmpty { return take(reader.receiveEnd()) }
                take(reader.receive(bytes))
            } catch {
                return take([.broken(lost(error.description))])
            }
        }
    }

    private func take(_ lines: [AnswerLine]) {
        for line in lines { take(line) }
    }

    private func take(_ line: AnswerLine) {
        switch line {
        case .connection(let word, let facts):
            if word.hasPrefix("MILLRACE/") { state.update { $0.greeting = facts ?? .null } }
        case .columns(let tag, let facts):
            let (columns, kind) = columns(from: facts)
            emit(.columns(columns, kind), tag)
        case .rows(let tag, let block): emit(.rows(block), tag)
        case .progress(let tag, let facts):
            if case .load(let onProgress, _)? = receiver(tag) { return onProgress(IngestReport(facts: facts)) }
            if let position = facts["position"]?.stringValue { emit(.position(position), tag) }
        case .notice(let tag, let facts):
            if let done = facts["done"] {
                emit(.done(AnswerSummary(facts: done)), tag)
            } else {
                let message = facts["message"]?.stringValue ?? ""
                if tag == nil { state.withLock { $0.lastWord = message } }
                emit(.notice(message), tag)
            }
        case .done(let tag, let facts): finish(tag, .success(facts))
        case .failed(let tag, let error):
            // Without a tag it is about the connection: too many connections, a shutdown.
            if tag == nil { end(with: error) } else { finish(tag, .failure(error)) }
        case .broken(let error): end(with: error)
        case .closed: end(with: RemoteSession.lost(state.withLock { $0.lastWord } ?? "the server closed it"))
        }
    }

    private func receiver(_ tag: String?) -> Receiver? { tag.flatMap { tag in state.withLock { $0.receivers[tag] } } }

    private func emit(_ event: AnswerEvent, _ tag: String?) {
        guard case .statements(let sink, _)? = receiver(tag) else { return }
        if case .rows = event {
            // A slow reader blocks the connection, and the server's query with it.
            let mayGoOn = Monitor(false)
            while !sink.hasRoom(orCall: { mayGoOn.update { $0 = true } }) { mayGoOn.wait(until: { $0 }) { $0 = false } }
        }
        sink.emit(event)
    }

    private func finish(_ tag: String?, _ result: Result<JSONValue, Diagnostic>) {
        guard let tag, let receiver = state.update({ $0.receivers.removeValue(forKey: tag) }) else { return }
        RemoteSession.finish(receiver, result)
    }

    private static func finish(_ receiver: Receiver, _ result: Result<JSONValue, Diagnostic>) {
        switch receiver {
        case .statements(let sink, let whenFinished):
            switch result {
            case .success(let facts): sink.emit(.done(AnswerSummary(facts: facts)))
            case .failure(let error): sink.emit(.failed(error))
            }
            if case .success = result { whenFinished(true) } else { whenFinished(false) }
        case .command(let whenFinished): whenFinished(result)
        case .load(_, let whenFinished): whenFinished(result.map { IngestReport(facts: $0) })
        }
    }

    /// The connection is of no use any more: everything that runs on it ends.
    private func end(with error: Diagnostic) {
        let (receivers, first) = state.update { state -> ([Receiver], Diagnostic) in
            let first = state.failure ?? error
            state.failure = first
            defer { state.receivers = [:] }
            return (state.receivers.sorted { $0.key < $1.key }.map(\.value), first)
        }
        for receiver in receivers { RemoteSession.finish(receiver, .failure(first)) }
    }
}
