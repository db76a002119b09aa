// One client of the line protocol: its bytes become requests, its requests run in the engine, its answers leave in order. Untagged
// requests are carried out one after the other, tagged ones at once.

import Bytes
import Diagnostics
import Engine
import JSONText
import Platform
import Sessions
import Wire

/// A request that was begun and has not ended.
final class ActiveRequest {
    let tag: String?
    /// Nil for a `.put`.
    let sink: RequestSink?
    var request: (any RunningRequest)?
    var put: PutRequest?
    /// Whether `.end` or an abort has come for the `.put`.
    var hasPutEnded = false

    init(tag: String?, sink: RequestSink?) {
        self.tag = tag
        self.sink = sink
    }

    func cancel() {
        request?.cancel()
        put?.abort(Diagnostic(.cancelled, "cancelled on request", category: .general))
        hasPutEnded = true
    }

    /// Lets go of what has ended. It calls back when it ends and so holds this request, as this request holds it.
    func release() {
        request = nil
        put = nil
    }
}

/// A connection.
///
/// `@unchecked`: everything but the outbox is touched on the loop's thread only; other threads merely carry the reference in work that
/// they post to the loop.
final class Connection: SocketOwner, @unchecked Sendable {
    /// An untagged request, or a piece of one, that waits for its turn.
    enum Waiting {
        case event(RequestEvent)
        case answer((inout AnswerEncoder) -> Void)
    }

    let number: Int
    let server: MillraceServer
    let socket: SocketStream
    let outbox: Outbox
    let session: EngineSession
    /// What listings say about it.
    private let listed: ListedClient
    private var intake = RequestIntake()
    /// Whether the loop has been asked for another turn.
    private var isTurnAsked = false
    /// Nothing is read because the client does not read its answers.
    private var isOwed = false

    /// The untagged request under way.
    var current: ActiveRequest?
    var tagged: [String: ActiveRequest] = [:]
    var waiting: [Waiting] = []
    /// Bytes of records among those that wait.
    var waitingBytes = 0
    /// The tagged `.put` that the records now coming in belong to.
    var taggedPut: ActiveRequest?
    var isReadingTaggedPut = false

    /// How far the client's login is; nil when it has logged in, or need not.
    var login: ConnectionLogin?
    private var hasInputEnded = false
    /// No further request is taken: the client quit, speaks another protocol, or the server stops.
    var isLeaving = false
    private var hasFinishedWriting = false
    private var ticksSinceSending = 0
    private var ticksSinceFinishing = 0
    /// Looks of a server that stops since the client sent something, or took the last of what was written to it.
    private var quietLooks = 0

    init(_ socket: SocketStream, number: Int, server: MillraceServer) {
        self.socket = socket
        self.number = number
        self.server = server
        session = server.engine.openSession(mayDefine: server.acceptsDefinitions, connection: number)
        listed = ListedClient("LINE", number, socket, in: server.engine)
        let box = Box()
        outbox = Outbox { [loop = server.loop] in loop.post { box.connection?.flush() } }
        box.connection = self
        socket.owner = self
        login = server.users == nil || socket.isOfFile ? nil : ConnectionLogin()
        let asksForLogin = login != nil
        outbox.write { $0.greeting(server.greeting(connection: number, asksForLogin: asksForLogin, isEncrypted: socket.isEncrypted)) }
        socket.setReading(true)
    }

    /// Lets the outbox, which is made before the connection, find it. Written once, then read on the loop only.
    private final class Box: @unchecked Sendable {
        weak var connection: Connection?
    }

    /// A request has come.
    func countRequest() {
        server.counters.requests.raise()
        listed.countRequest()
    }

    // MARK: Socket

    func received(_ bytes: Span<UInt8>) {
        server.counters.bytesReceived.raise(by: bytes.count)
        quietLooks = 0
        if isLeaving { return }
        if login?.hasReceived(bytes.count) == false { return leave(ConnectionLogin.tooMuch) }
        intake.receive(Array(copying: bytes))
        takeTurn()
    }

    /// Takes as many requests as one turn gives; the rest has its turn after the other connections'.
    private func takeTurn() {
        for event in intake.turn() where !isLeaving { take(event) }
        settle()
    }

    private func askForTurn() {
        if isTurnAsked { return }
        isTurnAsked = true
        server.loop.post { [self] in
            isTurnAsked = false
            if !socket.isClosed { takeTurn() }
        }
    }

    func inputEnded() {
        hasInputEnded = true
        if hasFinishedWriting { return socket.close() }
        if !isLeaving { intake.receiveEnd() }
        takeTurn()
        if !socket.isClosed && !hasFinishedWriting { server.probe(self) }
    }

    /// Finds out whether a client that has sent its end is gone: the first time a heartbeat is written, which a client that is gone answers
    /// with a reset. Gives whether there is reason to look again.
    func probe(isFirst: Bool) -> Bool {
        if socket.isClosed || hasFinishedWriting { return false }
        if socket.isReset {
            socket.close()
            return false
        }
        if isFirst {
            if outbox.isEmpty { outbox.write { $0.heartbeat() } }
            flush()
        }
        return true
    }

    func sent(_ count: Int) {
        server.counters.bytesSent.raise(by: count)
        outbox.sent(count)
        if isOwed, !outbox.isOverfull { askForTurn() }
    }

    func failed(_ reason: String) { server.refuse(reason) }

    func closed() {
        isLeaving = true
        let gone = Diagnostic(.connectionLost, "the client is gone", category: .general)
        for active in [current].compactMap(\.self) + tagged.values {
            active.request?.cancel()
            active.put?.abort(gone)
        }
        waiting = []
        outbox.close()
        listed.leave()
        server.forget(self)
    }

    /// Hands everything that has gathered to the socket.
    func flush() {
        let bytes = outbox.take()
        guard !bytes.isEmpty else { return }
        ticksSinceSending = 0
        socket.write(bytes)
    }

    // MARK: Settling

    /// After anything has happened: reads on or pauses, and leaves when there is nothing left to do.
    func settle() {
        if socket.isClosed { return }
        let isOver = (hasInputEnded && !intake.hasMore || isLeaving) && current == nil && tagged.isEmpty && waiting.isEmpty
        if isOver && !hasFinishedWriting {
            flush()
            hasFinishedWriting = true
            // Without waiting for the client's end, unread input would turn the last lines into a reset.
            if hasInputEnded { socket.closeWhenWritten() } else { socket.finishWriting() }
        }
        let mustWait = waiting.count >= WireLimits.waitingRequests || waitingBytes >= WireLimits.unsentBytes
        // Nothing can come that would stop it, so what waits does.
        if mustWait, let current, current.sink?.isEndless ?? false { current.cancel() }
        isOwed = outbox.isOverfull
        let isFull = mustWait || isOwed || current?.put?.isFull ?? false || taggedPut?.put?.isFull ?? false
        let hasMore = intake.hasMore && !isLeaving
        if hasMore && !isFull { askForTurn() }
        socket.setReading(!hasInputEnded && (isLeaving || !isFull && !hasMore))
    }

    /// Ends the connection with a reason.
    func leave(_ error: Diagnostic) {
        outbox.write { $0.failed(error, tag: nil) }
        isLeaving = true
        settle()
    }

    /// Called once a second.
    func tick() {
        if !isLeaving, login?.hasTime == false { return leave(ConnectionLogin.tooLate) }
        if hasFinishedWriting {
            // While the server stops, its grace is what counts.
            if server.isStopping { return }
            ticksSinceFinishing += 1
            if ticksSinceFinishing > 3 { socket.close() }
            return
        }
        if hasInputEnded, socket.isReset { return socket.close() }
        ticksSinceSending += 1
        // A client that has sent its end may be gone, which only a write can tell.
        let interval = hasInputEnded ? MillraceServer.tickMilliseconds : WireLimits.heartbeatMilliseconds
        guard ticksSinceSending * MillraceServer.tickMilliseconds >= interval, outbox.isEmpty else { return }
        outbox.write { $0.heartbeat() }
    }

    /// Called every few milliseconds while the server stops: closes when everything has been said and the client is quiet. While it still
    /// sends, closing would answer it with a reset, which may cost it the last lines.
    func leaveWhenQuiet() {
        guard hasFinishedWriting, outbox.isEmpty else { return }
        quietLooks += 1
        if quietLooks > 1 { socket.close() }
    }

    /// Ends what would never end by itself.
    func cancelEndless() {
        for active in [current].compactMap(\.self) + tagged.values where active.sink?.isEndless ?? false { active.request?.cancel() }
    }

    /// The server stops: takes no more requests, ends those that would never end, and leaves when the others are done.
    func drain() {
        guard !isLeaving else { return }
        isLeaving = true
        let refused = waiting.count { if case .event(let event) = $0 { event.isRequest } else { true } }
        waiting = []
        for active in [current].compactMap(\.self) + tagged.values {
            active.sink?.announceShutdown()
            if !active.hasPutEnded { active.put?.abort(RequestSink.shuttingDown) }
        }
        cancelEndless()
        for _ in 0..<refused { outbox.write { $0.failed(RequestSink.shuttingDown, tag: nil) } }
        if current == nil && tagged.isEmpty && refused == 0 {
            outbox.write { $0.notice(["message": "the server is shutting down"], tag: nil) }
        }
        settle()
    }
}
