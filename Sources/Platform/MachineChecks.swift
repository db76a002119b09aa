// Facts about the machine that decide how well a server does on it: limits, the clock's state, and who listens at a port.

import CHardware
import Glibc

/// How many files the process may have open: now, and at most where it asks for more. Nil where the system does not say.
package func openFileLimits() -> (now: Int, most: Int)? {
    var limits = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return nil }
    return (Int(clamping: limits.rlim_cur), Int(clamping: limits.rlim_max))
}

/// What the kernel says of the wall clock.
package enum ClockState: Hashable, Sendable {
    /// Something keeps it right, to within so many microseconds.
    case synchronized(microseconds: Int)
    case unsynchronized
    /// The kernel does not say, as in some containers.
    case unknown
}

/// Whether the wall clock is kept right by somebody. `adjtimex(2)`, without changing anything.
package func clockState() -> ClockState {
    switch millrace_clock_error() {
    case -2: .unknown
    case -1: .unsynchronized
    case let error: .synchronized(microseconds: Int(error))
    }
}

/// Closes a socket that nothing else holds.
package func closeSocket(_ descriptor: Int32) { close(descriptor) }

/// A process that listens at a port of TCP.
package struct PortHolder: Hashable, Sendable {
    /// Nil for one of another user, of which the kernel does not tell.
    package let process: Int?
    /// The name of its program.
    package let program: String?
}

/// Who listens at a port; nil where nobody does. From `/proc/net/tcp` (proc(5)), whose lines have the local address and port in
/// hexadecimal, the state (0A: listens) and the inode of the socket, which the process has among its open files.
package func holder(ofPort port: Int, files: any FileSystem = HostFileSystem()) -> PortHolder? {
    var inode: String?
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        guard let text = kernelText(of: table, files) else { continue }
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A", let end = fields[1].split(separator: ":").last, Int(end, radix: 16) == port else { continue }
            inode = String(fields[9])
        }
    }
    guard let inode else { return nil }
    for entry in (try? files.list("/proc")) ?? [] {
        guard let process = Int(entry), let descriptors = try? files.list("/proc/\(process)/fd") else { continue }
        guard descriptors.contains(where: { linkTarget(of: "/proc/\(process)/fd/\($0)") == "socket:[\(inode)]" }) else { continue }
        let name = kernelText(of: "/proc/\(process)/comm", files)?.split(separator: "\n").first.map(String.init)
        return PortHolder(process: process, program: name)
    }
    return PortHolder(process: nil, program: nil)
}

/// A file of the kernel, which says of itself that it is empty.
private func kernelText(of path: String, _ files: any FileSystem) -> String? {
    guard let file = try? files.open(path, .read) else { return nil }
    defer { file.close() }
    return (try? file.read(at: 0, count: 4 << 20, padding: 0)).map { String(decoding: $0, as: UTF8.self) }
}

private func linkTarget(of path: String) -> String? {
    var target = [UInt8](repeating: 0, count: 256)
    let count = unsafe target.withUnsafeMutableBytes { buffer in
        guard let base = buffer.baseAddress else { return 0 }
        return unsafe readlink(path, base.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    return count > 0 ? String(decoding: target.prefix(count), as: UTF8.self) : nil
}
