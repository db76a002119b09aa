// What a service manager such as systemd tells a process and hears from it: by variables of the environment, by datagrams to a socket, and by
// sockets that it has opened. The protocol is that of sd_notify(3) and sd_listen_fds(3), which needs no library.
//
//     NOTIFY_SOCKET     where datagrams of `NAME=value` lines go: a path, or with `@` in front an abstract name of Linux
//     WATCHDOG_USEC     microseconds within which WATCHDOG=1 must come, for the process that WATCHDOG_PID names, or for any
//     LISTEN_FDS        how many sockets are open from descriptor 3 on, for the process that LISTEN_PID names
//     LISTEN_FDNAMES    their names, with colons between

import Glibc

/// A socket that listens already when the process starts.
package struct InheritedSocket: Hashable, Sendable {
    package let descriptor: Int32
    package let address: SocketAddress
    /// The name that the service manager gives it; empty for none.
    package let name: String
}

/// The service manager, where there is one.
package struct ServiceManager: Sendable {
    private let socketName: String?
    /// Whether it wants to hear of the process again and again.
    package let watches: Bool

    /// From the environment, which children of this process see without it.
    package init() {
        let own = String(getpid())
        socketName = Terminal.environment("NOTIFY_SOCKET").flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        let isForThis = Terminal.environment("WATCHDOG_PID").map { $0 == own } ?? true
        watches = socketName != nil && isForThis && Terminal.environment("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0 > 0
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsafe unsetenv(name) }
    }

    /// Tells it lines such as `READY=1`; whether there is one that took them. What cannot be told is not worth an error: a service manager
    /// that does not listen acts by itself, and one whose queue is full is not waited for.
    @discardableResult
    package func notify(_ lines: String...) -> Bool {
        guard let socketName else { return false }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(socketName.utf8)
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
        guard name.count < MemoryLayout<sockaddr_un>.size - offset else { return false }
        unsafe withUnsafeMutableBytes(of: &address) { bytes in
            for (index, byte) in name.enumerated() { unsafe bytes[offset + index] = byte }
        }
        let length = socklen_t(offset + name.count)
        let text = Array(lines.joined(separator: "\n").utf8)
        let sent = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), $0, length)
            }
        }
        return sent == text.count
    }

    /// The sockets that the service manager has opened for this process; none without one. To be asked once.
    package static func inheritedSockets() -> [InheritedSocket] {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsafe unsetenv(name) } }
        guard Terminal.environment("LISTEN_PID") == String(getpid()), let count = Terminal.environment("LISTEN_FDS").flatMap({ Int32($0) }),
            (1...1_000).contains(count)
        else { return [] }
        let names = (Terminal.environment("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        return (3..<3 + count).compactMap { descriptor in
            guard let address = localAddress(ofSocket: descriptor) else { return nil }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let index = Int(descriptor) - 3
            return InheritedSocket(descriptor: descriptor, address: address, name: names.indices.contains(index) ? names[index] : "")
        }
    }
}
