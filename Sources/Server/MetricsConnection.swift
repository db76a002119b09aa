// One client of the metrics page: HTTP/1.1 as read by http-parser, two pages, nothing else.

import CHTTPParser
import Engine
import Platform

/// A connection that asks for `/metrics` or `/healthz`.
///
/// `@unchecked`: touched on the loop's thread only.
@safe final class MetricsConnection: SocketOwner, @unchecked Sendable {
    private let server: MillraceServer
    private let socket: SocketStream
    private let parser: UnsafeMutablePointer<http_parser>
    private let settings: UnsafeMutablePointer<http_parser_settings>
    private var path: [UInt8] = []
    private var isLeaving = false
    /// The socket holds its owner weakly; this keeps the connection alive until it closes.
    private var itself: MetricsConnection?

    /// Serves a client until it leaves.
    static func serve(_ socket: SocketStream, of server: MillraceServer) {
        let connection = MetricsConnection(socket, server)
        connection.itself = connection
        socket.owner = connection
        socket.setReading(true)
    }

    private init(_ socket: SocketStream, _ server: MillraceServer) {
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
            unsafe Unmanaged<MetricsConnection>.fromOpaque(data).takeUnretainedValue().answer(
                isGet: parser.pointee.method == HTTP_GET.rawValue, isKept: isKept)
            return 0
        }
    }

    deinit {
        unsafe parser.deallocate()
        unsafe settings.deallocate()
    }

    func received(_ bytes: [UInt8]) {
        if isLeaving { return }
        let read = unsafe bytes.withUnsafeBytes { buffer in
            unsafe http_parser_execute(parser, settings, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        if read != bytes.count && !isLeaving { respond("400 Bad Request", "text/plain", "this is no HTTP/1.1 request\n", isKept: false) }
    }

    func inputEnded() { socket.closeWhenWritten() }
    func sent(_ count: Int) {}
    func closed() { itself = nil }

    private func answer(isGet: Bool, isKept: Bool) {
        let page = String(decoding: path.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        path = []
        guard isGet else { return respond("405 Method Not Allowed", "text/plain", "only GET\n", isKept: isKept) }
        switch page {
        case "/metrics": respond("200 OK", "text/plain; version=0.0.4; charset=utf-8", server.metricsText, isKept: isKept)
        case "/healthz": respond("200 OK", "text/plain", "ok\n", isKept: isKept)
        default: respond("404 Not Found", "text/plain", "the pages are /metrics and /healthz\n", isKept: isKept)
        }
    }

    private func respond(_ status: String, _ type: String, _ body: String, isKept: Bool) {
        isLeaving = !isKept
        let head = "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: \(isKept ? "keep-alive" : "close")\r\n\r\n"
        socket.write(Array((head + body).utf8))
        if isLeaving { socket.closeWhenWritten() }
    }
}
