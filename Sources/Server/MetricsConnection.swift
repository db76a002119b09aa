// One client of the metrics page: HTTP/1.1 as read by http-parser, two pages, nothing else. Requests are answered one at a time: while a page
// is made and written nothing is read, so a client that asks and does not read costs one page.

import CHTTPParser
import Engine
import Platform

/// A connection that asks for `/metrics` or `/healthz`.
///
/// `@unchecked`: touched on the loop's thread only; another thread makes the page, and posts it to the loop.
@safe final class MetricsConnection: SocketOwner, @unchecked Sendable {
    /// Open connections at most; a page is for a few collectors.
    static let connectionLimit = 64
    /// Milliseconds without a request, or without reading its answer, after which a connection is closed.
    static let idleMilliseconds = 30_000

    private let server: MillraceServer
    private let socket: SocketStream
    private let parser: UnsafeMutablePointer<http_parser>
    private let settings: UnsafeMutablePointer<http_parser_settings>
    private var path: [UInt8] = []
    /// What came behind the request that is being answered.
    private var rest: [UInt8] = []
    /// A request is being answered: its page is made, or has not left yet.
    private var isAnswering = false
    private var unsent = 0
    private var isLeaving = false
    private var hasInputEnded = false
    /// The server stops: the connection ends behind the page that is being made or written.
    private var isDraining = false
    private var ticksIdle = 0

    /// Serves a client until it leaves. The server holds the connection until then; the socket holds its owner weakly.
    init(_ socket: SocketStream, _ server: MillraceServer) {
        self.socket = socket
        self.server = server
        unsafe parser = .allocate(capacity: 1)
        unsafe settings = .allocate(capacity: 1)
        unsafe http_parser_settings_init(settings)
        unsafe http_parser_init(parser, HTTP_REQUEST)
        unsafe parser.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        unsafe settings.pointee.on_url = { parser, bytes, count in
            guard let data = unsafe parser?.pointee.data, let bytes = unsafe bytes else { return 0 }
            let piece = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
            unsafe Unmanaged<MetricsConnection>.fromOpaque(data).takeUnretainedValue().path += piece
            return 0
        }
        unsafe settings.pointee.on_message_complete = { parser in
            guard let parser = unsafe parser, let data = unsafe parser.pointee.data else { return 0 }
            let isKept = unsafe http_should_keep_alive(parser) != 0
            // Stops behind this request; what follows is read when it is answered.
            unsafe http_parser_pause(parser, 1)
            unsafe Unmanaged<MetricsConnection>.fromOpaque(data).takeUnretainedValue().answer(
                isGet: parser.pointee.method == HTTP_GET.rawValue, isKept: isKept)
            return 0
        }
        socket.owner = self
        socket.setReading(true)
    }

    deinit {
        unsafe parser.deallocate()
        unsafe settings.deallocate()
    }

    // MARK: Socket

    func received(_ bytes: [UInt8]) {
        if isLeaving { return }
        rest += bytes
        parse()
    }

    func inputEnded() {
        hasInputEnded = true
        if !isAnswering { socket.closeWhenWritten() }
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

    func closed() {
        isLeaving = true
        rest = []
        server.forget(self)
    }

    /// Called once a second.
    func tick() {
        ticksIdle += 1
        if ticksIdle * MillraceServer.tickMilliseconds > MetricsConnection.idleMilliseconds { socket.close() }
    }

    /// The server stops: who waits for a page gets it, and an idle connection closes now.
    func drain() {
        isDraining = true
        if !isAnswering { socket.close() }
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
        } else if read != bytes.count {
            respond("400 Bad Request", "text/plain", "this is no HTTP/1.1 request\n", isKept: false)
        }
    }

    private func answer(isGet: Bool, isKept: Bool) {
        let page = String(decoding: path.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        path = []
        // Not with every byte: a request that never ends would keep its connection open without end.
        ticksIdle = 0
        isAnswering = true
        socket.setReading(false)
        guard isGet else { return respond("405 Method Not Allowed", "text/plain", "only GET\n", isKept: isKept) }
        switch page {
        case "/metrics": answerMetrics(isKept: isKept)
        case "/healthz": respond("200 OK", "text/plain", "ok\n", isKept: isKept)
        default: respond("404 Not Found", "text/plain", "the pages are /metrics and /healthz\n", isKept: isKept)
        }
    }

    /// Has the page made on another thread: it looks at every topic.
    private func answerMetrics(isKept: Bool) {
        let isTaken = server.metricsThreads.run { [self] in
            let page = server.metricsText
            server.loop.post { [self] in respond("200 OK", "text/plain; version=0.0.4; charset=utf-8", page, isKept: isKept) }
        }
        if !isTaken { socket.close() }
    }

    private func respond(_ status: String, _ type: String, _ body: String, isKept: Bool) {
        if socket.isClosed { return }
        let isKept = isKept && !isDraining
        isAnswering = true
        isLeaving = !isKept
        let head = "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: \(isKept ? "keep-alive" : "close")\r\n\r\n"
        let bytes = Array((head + body).utf8)
        unsent += bytes.count
        socket.write(bytes)
        if isLeaving { socket.closeWhenWritten() }
    }
}
