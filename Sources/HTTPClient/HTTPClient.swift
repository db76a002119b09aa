// The one client of HTTP: libcurl, which is opened with the first request. A request holds up the thread that makes it, so that it belongs
// on threads that may wait. Connections stay open for the next request.

import CCurl
import Quantities
import Synchronization

/// Asks HTTP servers through libcurl.
@safe package final class HTTPClient: HTTPAsking {
    private let options: HTTPClientOptions
    /// Handles that nobody uses now, each with the connections that it has kept open.
    private let idle = Mutex<[Handle]>([])
    /// More handles than that are closed after use.
    private static let mostIdle = 4

    package init(_ options: HTTPClientOptions = HTTPClientOptions()) { self.options = options }

    deinit { for handle in idle.withLock({ $0 }) { handle.close() } }

    package func answer(to request: HTTPRequest) throws(HTTPFailure) -> HTTPAnswer {
        guard let library = Library.shared else {
            throw HTTPFailure("libcurl.so.4 is not there; Debian has it in the package libcurl4", mayPass: false)
        }
        guard let handle = idle.withLock({ $0.popLast() }) ?? Handle(library) else {
            throw HTTPFailure("libcurl has no memory", mayPass: true)
        }
        defer { keep(handle) }
        let body = Body(limit: options.answerBytes)
        let (code, status, reason) = unsafe perform(request, library, handle, body)
        if code == CURLE_OK { return HTTPAnswer(status: status, body: body.bytes) }
        if body.isTooLong {
            throw HTTPFailure("\(request.host) answers with more than \(options.answerBytes) bytes", mayPass: false)
        }
        throw HTTPFailure("\(request.host): \(reason)", mayPass: HTTPClient.passing.contains(code.rawValue))
    }

    /// Errors of the network and of a server that is starting or ending.
    private static let passing: Set<UInt32> = Set(
        [
            CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_PARTIAL_FILE, CURLE_OPERATION_TIMEDOUT,
            CURLE_SSL_CONNECT_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR,
        ].map(\.rawValue))

    private func keep(_ handle: Handle) {
        let isKept = idle.withLock { idle in
            if idle.count < HTTPClient.mostIdle { idle.append(handle) }
            return idle.contains { $0 === handle }
        }
        if !isKept { handle.close() }
    }

    @unsafe private func perform(
        _ request: HTTPRequest, _ library: Library, _ handle: Handle, _ body: Body
    ) -> (code: CURLcode, status: Int, reason: String) {
        var headers: UnsafeMutablePointer<curl_slist>?
        defer { unsafe library.functions.slist_free_all(headers) }
        for line in request.headers { unsafe headers = library.functions.slist_append(headers, line) }
        var reason = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
        var status = 0
        var code = CURLE_FAILED_INIT
        var functions = unsafe library.functions
        unsafe request.url.withCString { url in
            unsafe request.method.withCString { method in
                unsafe withOptionalText(options.user) { user in
                    unsafe withOptionalText(options.authorities) { authorities in
                        unsafe withOptionalBytes(request.body) { sent, count in
                            unsafe reason.withUnsafeMutableBufferPointer { reason in
                                var prepared = unsafe millrace_curl_request(
                                    url: url, method: method, user: user, authorities: authorities, body: sent, body_bytes: count,
                                    connect_ms: Int(clamping: options.connectTime.count), total_ms: Int(clamping: options.totalTime.count),
                                    headers: headers, receive: receive, receiver: Unmanaged.passUnretained(body).toOpaque(),
                                    reason: reason.baseAddress)
                                code = unsafe millrace_curl_perform(&functions, handle.curl, &prepared, &status)
                            }
                        }
                    }
                }
            }
        }
        let said = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        let named = unsafe library.functions.easy_strerror(code).map { unsafe String(cString: $0) }
        return (code, status, said.isEmpty ? named ?? "no answer" : said)
    }
}

/// The library's functions.
@safe private struct Library: Sendable {
    nonisolated(unsafe) let functions: millrace_curl

    /// The library of the system, with OpenSSL or with GnuTLS; nil where there is none. Opened once.
    static let shared: Library? = {
        for name in ["libcurl.so.4", "libcurl-gnutls.so.4"] {
            var functions = millrace_curl()
            if unsafe millrace_curl_open(&functions, name) { return Library(functions: functions) }
        }
        return nil
    }()
}

/// One of libcurl's handles. One user at a time.
@safe private final class Handle: @unchecked Sendable {
    // A request takes it out of the client's list, and puts it back when it is done.
    let curl: UnsafeMutableRawPointer
    private let library: Library

    init?(_ library: Library) {
        guard let made = unsafe library.functions.easy_init() else { return nil }
        unsafe curl = made
        self.library = library
    }

    func close() { unsafe library.functions.easy_cleanup(curl) }
}

/// The body of an answer as it comes in.
private final class Body {
    private(set) var bytes: [UInt8] = []
    private(set) var isTooLong = false
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func append(_ part: UnsafeRawBufferPointer) -> Bool {
        guard part.count <= limit - bytes.count else {
            isTooLong = true
            return false
        }
        unsafe bytes.append(contentsOf: part)
        return true
    }
}

/// What libcurl calls with a part of an answer. It ends the transfer by taking less than it is given.
@unsafe private func receive(_ part: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ receiver: UnsafeMutableRawPointer?) -> Int {
    let (bytes, overflows) = size.multipliedReportingOverflow(by: count)
    guard let part = unsafe part, let receiver = unsafe receiver, !overflows, bytes >= 0 else { return 0 }
    let body = unsafe Unmanaged<Body>.fromOpaque(receiver).takeUnretainedValue()
    return unsafe body.append(UnsafeRawBufferPointer(start: part, count: bytes)) ? bytes : 0
}

@unsafe private func withOptionalText<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let text else { return body(nil) }
    return unsafe text.withCString { unsafe body($0) }
}

@unsafe private func withOptionalBytes<Result>(_ bytes: [UInt8]?, _ body: (UnsafePointer<CChar>?, Int) -> Result) -> Result {
    guard let bytes else { return body(nil, 0) }
    // An empty array may have no address, and the body would be taken for none.
    return unsafe (bytes + [0]).withUnsafeBytes { raw in unsafe body(raw.bindMemory(to: CChar.self).baseAddress, bytes.count) }
}

extension HTTPRequest {
    /// The server that is asked, for messages: the address without path and parameters.
    package var host: String {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.prefix(3).joined(separator: "/")
    }
}
