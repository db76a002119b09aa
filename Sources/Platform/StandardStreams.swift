// The process's own input and output, its environment and its exit. Only the executable's outermost files use them.
import Glibc

/// One of the three descriptors that a process is born with, or a file that stands in for one.
package struct ByteStream: Sendable {
    private let descriptor: Int32
    private let name: String

    private init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Descriptor 0.
    package static let input = ByteStream(descriptor: 0, name: "standard input")
    /// Descriptor 1.
    package static let output = ByteStream(descriptor: 1, name: "standard output")
    /// Descriptor 2.
    package static let errors = ByteStream(descriptor: 2, name: "standard error")

    /// Opens a file or a pipe for reading from its beginning. It stays open until it is closed or the process ends.
    package static func reading(_ path: String) throws(SystemError) -> ByteStream {
        let descriptor = retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw systemError("open", path) }
        return ByteStream(descriptor: descriptor, name: path)
    }

    /// Gives a file back to the system. Nothing is to be read of it afterwards.
    package func close() { if descriptor > STDERR_FILENO { Glibc.close(descriptor) } }

    /// Whether a person sits at the other end.
    package var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Bytes of the file, nil for pipes and terminals.
    package var size: Int? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Which file it is, whatever its name has become; nil where the system does not say.
    package var identity: FileIdentity? {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? FileIdentity(status) : nil
    }

    /// Up to `count` bytes, as soon as there are any, put behind those that `buffer` has; how many they were, 0 at the end.
    package func read(upTo count: Int, into buffer: inout [UInt8]) throws(SystemError) -> Int {
        let start = buffer.count
        buffer.reserveCapacity(start + count)
        var got = 0
        var failed = false
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
            got = retrying { unsafe Glibc.read(descriptor, bytes.baseAddress, count) }
            failed = got < 0
            initialized = max(0, got)
        }
        if failed { throw systemError("read", name) }
        if start == 0 { buffer = piece } else { buffer.append(contentsOf: piece) }
        return got
    }

    /// Writes all of `bytes`, as slowly as the reader takes them.
    package func write(_ bytes: [UInt8]) throws(SystemError) {
        let succeeded = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return true }
            var done = 0
            while done < buffer.count {
                let put = retrying { unsafe Glibc.write(descriptor, base + done, buffer.count - done) }
                if put < 0, errno == EAGAIN {
                    // Another program that has the same pipe or terminal does not want to wait for it; this one does.
                    var waited = pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: POLLOUT), revents: 0)
                    guard retrying({ unsafe poll(&waited, 1, -1) }) >= 0 else { return false }
                    continue
                }
                if put < 0 { return false }
                done += put
            }
            return true
        }
        if !succeeded { throw systemError("write", name) }
    }

    /// Writes a text. A standard output that cannot be written ends the process, because whatever else it does nobody sees: in silence
    /// when the reader of the pipe has gone, which is how `| head` ends, else with the reason on standard error and exit code 1. A standard
    /// error that cannot be written is nothing that could be told to anybody.
    package func print(_ text: String) {
        do throws(SystemError) {
            try write(Array(text.utf8))
        } catch {
            guard descriptor == STDOUT_FILENO else { return }
            // What shells report of a program that SIGPIPE ended: 128 and the number of the signal.
            if error.number == EPIPE { abandonProcess(128 + SIGPIPE) }
            try? ByteStream.errors.write(Array("error: \(error)\n".utf8))
            abandonProcess(1)
        }
    }
}

/// Where a file really is: its path from the root, without links; nil where it is not there.
package func canonicalPath(_ path: String) -> String? {
    guard let found = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(found) }
    return unsafe String(cString: found)
}

/// What tells a file from all others of its machine while it is open, also when it is renamed.
package struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let number: UInt64

    fileprivate init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }

    /// That of the file which has a name now; nil where there is none.
    package init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        self.init(status)
    }
}

/// The variables of the process's environment.
package func environmentVariables() -> [String: String] {
    var result: [String: String] = [:]
    var next = unsafe environ
    while let entry = unsafe next.pointee {
        let text = unsafe String(cString: entry)
        if let equals = text.firstIndex(of: "=") { result[String(text[..<equals])] = String(text[text.index(after: equals)...]) }
        unsafe next += 1
    }
    return result
}

/// Ends the process at once with an exit code.
package func exitProcess(_ code: Int32) -> Never { exit(code) }

/// The same while other threads are still at work: nothing of theirs is waited for or taken down, as if the process were killed.
package func abandonProcess(_ code: Int32) -> Never { _exit(code) }
