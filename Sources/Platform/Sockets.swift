// Stream sockets by the system calls of POSIX: listening ends for a server's event loop, and a blocking client.
import Glibc
package import Quantities

/// Where a stream socket listens or connects.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, IPv6 without brackets; port 0 asks for a free one.
    case network(host: String, port: Int)
    /// A socket file.
    case file(String)

    /// `HOST:PORT`, with brackets round IPv6, or the path.
    package var description: String {
        switch self {
        case .network(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .file(let path): path
        }
    }
}

/// Opens sockets that wait for connections. What reads and writes them afterwards is an event loop.
package enum ListeningSocket {
    /// A bound descriptor, not yet listening, and the address that it really got. A socket file without a listener is replaced.
    package static func bind(_ address: SocketAddress) throws(SystemError) -> (descriptor: Int32, address: SocketAddress) {
        switch address {
        case .network(let host, let port): try bindNetwork(host, port)
        case .file(let path): try bindFile(path)
        }
    }

    private static func bindNetwork(_ host: String, _ port: Int) throws(SystemError) -> (descriptor: Int32, address: SocketAddress) {
        let name = SocketAddress.network(host: host, port: port).description
        let descriptor = unsafe try withResolved(host, port: port, passive: true, attempt: "listen on", name: name) {
            family, address, length in
            let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { return nil }
            var on: Int32 = 1
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
            if unsafe Glibc.bind(descriptor, address, length) == 0 { return descriptor }
            let number = errno
            close(descriptor)
            errno = number
            return nil
        }
        return (descriptor, .network(host: host, port: boundPort(descriptor) ?? port))
    }

    private static func boundPort(_ descriptor: Int32) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
        // The port stands at the same place for IPv4 and IPv6, in network order.
        return unsafe withUnsafeBytes(of: storage) { unsafe Int($0[2]) << 8 | Int($0[3]) }
    }

    private static func bindFile(_ path: String) throws(SystemError) -> (descriptor: Int32, address: SocketAddress) {
        if unsafe access(path, F_OK) == 0, (try? ClientSocket(connectingTo: .file(path))) == nil {
            unsafe unlink(path)  // Left behind by a server that did not stop in order.
        }
        let descriptor = unsafe try openFile(path) { descriptor, address, length in unsafe Glibc.bind(descriptor, address, length) }
        return (descriptor, .file(path))
    }
}

/// A connected socket with blocking calls, for clients. Reading and writing may happen on two threads.
package final class ClientSocket: Sendable {
    private let descriptor: Int32
    /// The address of the other end, for messages.
    package let address: SocketAddress

    /// Seconds after which an address that does not answer counts as one where nobody is. The system would try for minutes.
    private static let connectSeconds = 10

    /// Connects, trying all addresses that a name has.
    package init(connectingTo address: SocketAddress) throws(SystemError) {
        ignoreBrokenPipes()
        self.address = address
        switch address {
        case .file(let path):
            descriptor = unsafe try openFile(path) { descriptor, address, length in unsafe connect(descriptor, address, length) }
        case .network(let host, let port):
            descriptor = unsafe try withResolved(host, port: port, passive: false, attempt: "connect to", name: address.description) {
                family, address, length in
                let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                guard descriptor >= 0 else { return nil }
                ClientSocket.limitWaits(of: descriptor, to: ClientSocket.connectSeconds)
                if unsafe connect(descriptor, address, length) == 0 {
                    ClientSocket.limitWaits(of: descriptor, to: 0)
                    return descriptor
                }
                let number = errno
                close(descriptor)
                // What the system says of a wait that was too long speaks of work in progress.
                errno = number == EINPROGRESS || number == EAGAIN ? ETIMEDOUT : number
                return nil
            }
            var on: Int32 = 1
            unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        }
    }

    /// How long connecting and writing wait, in seconds; 0 is without end.
    private static func limitWaits(of descriptor: Int32, to seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Has reads that have waited so long end with an error; 0 lets them wait without end.
    package func limitReading(to time: Milliseconds) {
        let microseconds = max(0, time.nanoseconds / 1000)
        var limit = timeval(tv_sec: Int(microseconds / 1_000_000), tv_usec: Int(microseconds % 1_000_000))
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Up to `count` bytes, as soon as there are any; empty at the end of the other side's output.
    package func read(upTo count: Int) throws(SystemError) -> [UInt8] {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let got = retrying { unsafe recv(descriptor, buffer.baseAddress, count, 0) }
            failed = got < 0
            initialized = max(0, got)
        }
        if failed { throw systemError("read from", address.description) }
        return bytes
    }

    /// Writes all of `bytes[range]`, waiting for as long as the other side takes.
    package func write(_ bytes: [UInt8], _ range: Range<Int>) throws(SystemError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range to write lies in the bytes")
        let succeeded = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return true }
            var done = range.lowerBound
            while done < range.upperBound {
                let put = retrying { unsafe send(descriptor, base + done, range.upperBound - done, Int32(MSG_NOSIGNAL)) }
                if put < 0 { return false }
                done += put
            }
            return true
        }
        if !succeeded { throw systemError("write to", address.description) }
    }

    /// Writes all of `bytes`.
    package func write(_ bytes: [UInt8]) throws(SystemError) { try write(bytes, 0..<bytes.count) }

    /// Says that nothing more will be written; reading goes on.
    package func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends both directions, so that a thread which waits in `read` returns.
    package func disconnect() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Makes the end of this object a reset instead of an orderly end of output.
    package func resetOnClose() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}

/// A write to a connection whose reader is gone shall be an error of that write, not the end of the process.
package func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

/// Whether the other side of a connected TCP socket is known to be gone for both directions. Asking costs one system call.
package func isReset(socket descriptor: Int32) -> Bool {
    var info = tcp_info()
    var length = socklen_t(MemoryLayout<tcp_info>.size)
    guard unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return false }
    return Int(info.tcpi_state) == Int(TCP_CLOSE)
}

/// The address at the other end of a connection over a network, with the host in digits; nil where there is none.
package func peerAddress(ofSocket descriptor: Int32) -> SocketAddress? {
    unsafe address { address, length in unsafe getpeername(descriptor, address, length) }
}

/// The address that a socket has at this end; nil where there is none.
package func localAddress(ofSocket descriptor: Int32) -> SocketAddress? {
    unsafe address { address, length in unsafe getsockname(descriptor, address, length) }
}

private func address(_ get: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
    let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            guard unsafe get(address, &length) == 0 else { return Int32(-1) }
            return unsafe getnameinfo(
                address, length, &host, socklen_t(host.count), &port, socklen_t(port.count), NI_NUMERICHOST | NI_NUMERICSERV)
        }
    }
    guard result == 0 else { return nil }
    func text(_ characters: [CChar]) -> String { String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    // Of a socket file the service is the path.
    if Int32(storage.ss_family) == AF_UNIX { return .file(text(port)) }
    return Int(text(port)).map { .network(host: text(host), port: $0) }
}

// MARK: Addresses

/// A socket of the Unix family after `use`, which binds or connects it.
private func openFile(
    _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
) throws(SystemError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < room else {
        throw SystemError(
            kind: .other, number: ENAMETOOLONG, attempt: "open socket", path: path,
            reason: "the path of a socket has at most \(room - 1) bytes")
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw systemError("open socket", path) }
    let result = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    if result == 0 { return descriptor }
    let error = systemError("open socket", path)
    close(descriptor)
    throw error
}

/// Calls `use` with each address that a name has until it gives a descriptor.
private func withResolved(
    _ host: String, port: Int, passive: Bool, attempt: String, name: String,
    _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32?
) throws(SystemError) -> Int32 {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = passive ? AI_PASSIVE | AI_NUMERICSERV : AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let result = unsafe getaddrinfo(host, String(port), &hints, &list)
    guard result == 0 else {
        throw SystemError(
            kind: .notFound, number: result, attempt: attempt, path: name,
            reason: unsafe gai_strerror(result).map { unsafe String(cString: $0) } ?? "no such address")
    }
    defer { unsafe freeaddrinfo(list) }
    var next = unsafe list
    while let entry = unsafe next {
        if let address = unsafe entry.pointee.ai_addr,
            let descriptor = unsafe use(entry.pointee.ai_family, address, entry.pointee.ai_addrlen) {
            return descriptor
        }
        unsafe next = entry.pointee.ai_next
    }
    throw systemError(attempt, name)
}
