// One client of a page or an interface over HTTP/1.1, as read by http-parser. Requests are answered one at a time: while an answer is made and
// written nothing is read, so a client that asks and does not read costs one answer.

import Bytes
import CHTTPParser
import Platform

/// A connection to one of the services that speak HTTP.
///
/// `@unchecked`: touched on the loop's thread only; another thread makes answers that take time, and posts them to the loop.
@safe final class HTTPConnection: SocketOwner, @unchecked Sendable {
    /// Milliseconds without a request, or without reading its answer, after which a connection is closed. A request that is not complete
    /// until then is none.
    static let idleMilliseconds = 30_000
    /// Bytes that the first line and the headers of a request may have.
    static let headBytes = 32 << 10

    /// What the service serves that the connection belongs to.
    let service: HTTPService
    private let server: MillraceServer
    private let socket: SocketStream
    private let listed: ListedClient
    private let parser: UnsafeMutablePointer<http_parser>
    private let settings: UnsafeMutablePointer<http_parser_settings>
    private var target: [UInt8] = []
    private var body: [UInt8] = []
    private var headCount = 0
    /// Why the request cannot be taken; nil while it can.
    private var refusal: Int?
    /// What came behind the request that is being answered.
    private var rest: [UInt8] = []
    /// A request is being answered: its answer is made, or has not left yet.
    private var isAnswering = false
    private var unsent = 0
    private var isLeaving = false
    /// The client is refused and may still be sending: a reset, which closing would be then, could overtake the answer. What it sends is
    /// read and dropped until it ends, or has been idle for too long.
    private var isLingering = false
    private var hasInputEnded = false
    /// The server stops: the connection ends behind the answer that is being made or written.
    private var isDraining = false
    private var ticksIdle = 0

    /// Serves a client until it leaves. The server holds the connection until then; the socket holds its owner weakly.
    init(_ socket: SocketStream, _ service: HTTPService, _ server: MillraceServer) {
        self.socket = socket
        self.service = service
        self.server = server
        listed = ListedClient("HTTP", server.takeNumber(), socket, in: server.engine)
        unsafe parser = .allocate(capacity: 1)
        unsafe settings = .allocate(capacity: 1)
        unsafe http_parser_settings_init(settings)
        unsafe http_parser_init(parser, HTTP_REQUEST)
        unsafe parser.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        unsafe settings.pointee.on_url = { parser, bytes, count in unsafe HTTPConnection.take(parser, bytes, count) { unsafe $0.target += $1 } }
        unsafe settings.pointee.on_header_field = { parser, bytes, count in unsafe HTTPConnection.take(parser, bytes, count) { _, _ in } }
        unsafe settings.pointee.on_header_value = { parser, bytes, count in unsafe HTTPConnection.take(parser, bytes, count) { _, _ in } }
        unsafe settings.pointee.on_body = { parser, bytes, count in
            guard let data = unsafe parser?.pointee.data, let bytes = unsafe bytes else { return 0 }
            let connection = unsafe Unmanaged<HTTPConnection>.fromOpaque(data).takeUnretainedValue()
            guard connection.body.count + count <= connection.service.bodyBytes else {
                connection.refusal = 413
                return 1
            }
            unsafe connection.body += UnsafeRawBufferPointer(start: bytes, count: count)
            return 0
        }
        unsafe settings.pointee.on_message_complete = { parser in
            guard let parser = unsafe parser, let data = unsafe parser.pointee.data else { return 0 }
            let isKept = unsafe http_should_keep_alive(parser) != 0
            let method = unsafe http_method_str(http_method(rawValue: parser.pointee.method))
            // Stops behind this request; what follows is read when it is answered.
            unsafe http_parser_pause(parser, 1)
            unsafe Unmanaged<HTTPConnection>.fromOpaque(data).takeUnretainedValue().answer(
                unsafe method.map { unsafe String(cString: $0) } ?? "", isKept: isKept)
            return 0
        }
        socket.owner = self
        socket.setReading(true)
    }

    deinit {
        unsafe parser.deallocate()
        unsafe settings.deallocate()
    }

    /// Takes a piece of the first line or of a header; not 0 where the request has too many of them.
    @unsafe private static func take(
        _ parser: UnsafeMutablePointer<http_parser>?, _ bytes: UnsafePointer<CChar>?, _ count: Int,
        _ body: (HTTPConnection, UnsafeRawBufferPointer) -> Void
    ) -> Int32 {
        guard let data = unsafe parser?.pointee.data, let bytes = unsafe bytes else { return 0 }
        let connection = unsafe Unmanaged<HTTPConnection>.fromOpaque(data).takeUnretainedValue()
        connection.headCount += count
        guard connection.headCount <= headBytes else {
            connection.refusal = 431
            return 1
        }
        unsafe body(connection, UnsafeRawBufferPointer(start: bytes, count: count))
        return 0
    }

    // MARK: Socket

    func received(_ bytes: Span<UInt8>) {
        if isLeaving { return }
        rest.append(bytes)
        parse()
    }

    func inputEnded() {
        hasInputEnded = true
        if !isAnswering || isLingering { socket.closeWhenWritten() }
    }

    func sent(_ count: Int) {
        ticksIdle = 0
        unsent -= count
        guard unsent == 0, isAnswering, !isLeaving else { return }
        isAnswering = false
        unsafe http_parser_pause(parser, 0)
        if isDraining || hasInputEnded && rest.isEmpty { return socket.closeWhenWritten() }
        // Not from inside the writing of the answer: a client may have sent thousands of requests at once.
        server.loop.post { [self] in
            socket.setReading(!hasInputEnded)
            parse()
        }
    }

    func failed(_ reason: String) { server.refuse(reason) }

    func closed() {
        isLeaving = true
        rest = []
        listed.leave()
        server.forget(self)
    }

    /// Called once a second.
    func tick() {
        ticksIdle += 1
        if ticksIdle * MillraceServer.tickMilliseconds > HTTPConnection.idleMilliseconds { socket.close() }
    }

    /// The server stops: who waits for an answer gets it, and an idle connection closes now.
    func drain() {
        isDraining = true
        if !isAnswering || isLingering { socket.closeWhenWritten() }
    }

    /// Closes now.
    func close() { socket.close() }

    // MARK: Requests

    private func parse() {
        guard !isAnswering, !isLeaving, !rest.isEmpty else { return }
        let bytes = rest
        rest = []
        let read = unsafe bytes.withUnsafeBytes { buffer in
            unsafe http_parser_execute(parser, settings, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        if isAnswering {
            rest = Array(bytes.dropFirst(min(bytes.count, read)))
        } else if refusal != nil || read != bytes.count {
            isLingering = true
            respond(service.refusal(refusal ?? 400), withBody: true, isKept: false)
        }
    }

    private func answer(_ method: String, isKept: Bool) {
        let request = HTTPRequest(method: method, target: target, body: body)
        target = []
        body = []
        headCount = 0
        // Not with every byte: a request that never ends would keep its connection open without end.
        ticksIdle = 0
        isAnswering = true
        listed.countRequest()
        socket.setReading(false)
        let hasBody = method != "HEAD"
        guard let request else { return respond(service.refusal(400), withBody: hasBody, isKept: isKept) }
        switch service.answer(request) {
        case .now(let answer): respond(answer, withBody: hasBody, isKept: isKept)
        case .later(let threads, let work):
            // Not on the loop: it looks at many things, or waits for the disk.
            let isTaken = threads.run { [self] in
                let answer = work()
                server.loop.post { [self] in respond(answer, withBody: hasBody, isKept: isKept) }
            }
            if !isTaken { socket.close() }
        }
    }

    private func respond(_ answer: HTTPAnswer, withBody: Bool, isKept: Bool) {
        if socket.isClosed { return }
        let isKept = isKept && !isDraining
        isAnswering = true
        isLeaving = !isKept
        var head = "HTTP/1.1 \(answer.status) \(HTTPAnswer.reason(answer.status))\r\nContent-Type: \(answer.type)\r\n"
        head += "Content-Length: \(answer.body.count)\r\nConnection: \(isKept ? "keep-alive" : "close")\r\n\r\n"
        let bytes = Array(head.utf8) + (withBody ? answer.body : [])
        unsent += bytes.count
        socket.write(bytes)
        if isLingering { socket.finishWriting() } else if isLeaving { socket.closeWhenWritten() }
    }
}
