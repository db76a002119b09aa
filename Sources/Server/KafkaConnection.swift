// One Kafka client. Its requests are answered one at a time, in their order, as Kafka's own broker does: while one is under way nothing more is
// read than what has come, so that a client which asks and does not read costs one answer.

import Engine
import Kafka
import Platform

/// A connection that speaks Kafka's protocol.
///
/// `@unchecked`: touched on the loop's thread only; the broker's threads post their answers to the loop.
final class KafkaConnection: SocketOwner, @unchecked Sendable {
    /// Open connections at most.
    static let connectionLimit = 10_000
    /// Milliseconds without a request after which a connection is closed, as in Kafka (`connections.max.idle.ms`).
    static let idleMilliseconds = 600_000
    /// Bytes of unfinished requests of all connections; beyond it the one that adds to them is closed.
    private static let mostUnfinished = 512 << 20
    /// Bytes behind the request under way from which on the client has to wait.
    private static let mostWaiting = 1 << 20

    private let server: MillraceServer
    private let session: KafkaSession
    private let socket: SocketStream
    private let listed: ListedClient
    private var intake = FrameIntake()
    /// A request is with the broker, or its answer has not left yet.
    private var isAnswering = false
    private var unsent = 0
    private var hasInputEnded = false
    private var isDraining = false
    private var ticksIdle = 0

    /// Serves a client until it leaves. The server holds the connection until then; the socket holds its owner weakly.
    init(_ socket: SocketStream, _ broker: KafkaBroker, _ server: MillraceServer) {
        self.socket = socket
        session = KafkaSession(broker, random: SystemRandom())
        self.server = server
        listed = ListedClient("KAFKA", server.takeNumber(), socket, in: server.engine)
        socket.owner = self
        socket.setReading(true)
    }

    // MARK: Socket

    func received(_ bytes: Span<UInt8>) {
        let before = intake.waiting
        intake.append(bytes)
        answerNext()
        server.unfinishedKafkaBytes += intake.waiting - before
        if !session.isLoggedIn, intake.waiting > FrameIntake.largestBeforeLogin + 4 {
            return leave("a client that has not logged in sends more than \(FrameIntake.largestBeforeLogin) bytes at once")
        }
        if server.unfinishedKafkaBytes > KafkaConnection.mostUnfinished { return leave("unfinished requests of all clients take too much memory") }
        if isAnswering, intake.waiting > KafkaConnection.mostWaiting { socket.setReading(false) }
    }

    func inputEnded() {
        hasInputEnded = true
        if !isAnswering { socket.closeWhenWritten() }
    }

    func sent(_ count: Int) {
        ticksIdle = 0
        unsent -= count
        if unsent == 0, isAnswering { goOn() }
    }

    func failed(_ reason: String) {
        server.kafkaStatistics?.noteFailedTLS()
        tellLeft(reason)
    }

    func closed() {
        server.unfinishedKafkaBytes -= intake.waiting
        intake = FrameIntake()
        listed.leave()
        server.forget(self)
    }

    /// Called once a second.
    func tick() {
        ticksIdle = isAnswering && unsent == 0 ? 0 : ticksIdle + 1
        if ticksIdle * MillraceServer.tickMilliseconds > KafkaConnection.idleMilliseconds { socket.close() }
    }

    /// The server stops: who waits for an answer gets it, and an idle connection closes now.
    func drain() {
        isDraining = true
        if !isAnswering { socket.close() }
    }

    /// Closes now.
    func close() { socket.close() }

    // MARK: Requests

    private func answerNext() {
        guard !isAnswering, !socket.isClosed else { return }
        do throws(FrameError) {
            guard let frame = try intake.next(largest: session.largestFrame) else {
                if hasInputEnded || isDraining { socket.closeWhenWritten() }
                return
            }
            ticksIdle = 0
            isAnswering = true
            server.counters.kafkaRequests.raise()
            listed.countRequest()
            session.answer(frame) { [self] reply in server.loop.post { [self] in finish(reply) } }
        } catch {
            leave(error.reason)
        }
    }

    private func finish(_ reply: KafkaReply) {
        if socket.isClosed { return }
        switch reply {
        case .frame(let bytes):
            unsent += bytes.count
            socket.write(bytes)
        case .nothing: goOn()
        case .close(let reason): leave(reason)
        case .last(let bytes, let reason):
            tellLeft(reason)
            socket.write(bytes)
            socket.closeWhenWritten()
        }
    }

    /// The answer has left.
    private func goOn() {
        isAnswering = false
        // Not from inside the writing of the answer: a client may have sent thousands of requests at once.
        server.loop.post { [self] in
            socket.setReading(!hasInputEnded)
            let before = intake.waiting
            answerNext()
            server.unfinishedKafkaBytes += intake.waiting - before
        }
    }

    private func leave(_ reason: String) {
        tellLeft(reason)
        socket.close()
    }

    private func tellLeft(_ reason: String) { session.tellLeft(reason, from: socket.client ?? "of this machine") }
}
