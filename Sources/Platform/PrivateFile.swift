// Files that their owner alone may read: those with secrets.

import Glibc

/// Reads and writes such files.
package enum PrivateFile {
    /// The content of a file of `most` bytes at most. Errors: it is not there, larger, open to others, or no file.
    package static func read(_ path: String, most: Int) throws(SystemError) -> [UInt8] {
        try read(path, most: most, isPrivate: true)
    }

    /// The content of a file that others may read as well, of `most` bytes at most. Errors: it is not there, or larger, or no file: a pipe would
    /// be waited for without end.
    package static func readPublic(_ path: String, most: Int) throws(SystemError) -> [UInt8] { try read(path, most: most, isPrivate: false) }

    private static func read(_ path: String, most: Int, isPrivate: Bool) throws(SystemError) -> [UInt8] {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw systemError("read", path) }
        func refused(_ reason: String) -> SystemError { SystemError(kind: .other, number: 0, attempt: "use", path: path, reason: reason) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw refused("it is no file, but a folder, a pipe or a device") }
        guard !isPrivate || status.st_mode & 0o077 == 0 else { throw refused("others than its owner may read it: chmod 600 helps") }
        guard status.st_size <= Int64(most) else { throw refused("it has more than \(most) bytes") }
        let file = try HostFileSystem().open(path, .read)
        defer { file.close() }
        return try file.read(at: 0, count: most, padding: 0)
    }

    /// Replaces a file so that a crash leaves the old or the new, durably. Nobody else may read it from its first moment on.
    package static func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
        let new = path + ".new"
        let descriptor = unsafe Glibc.open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw systemError("make", new) }
        let file = HostFile(path: new, descriptor: descriptor)
        // One that was there may have been open to others.
        guard fchmod(descriptor, 0o600) == 0 else { throw systemError("protect", new) }
        try file.write(bytes, 0..<bytes.count, at: 0)
        try file.synchronize()
        file.close()
        try HostFileSystem().rename(new, to: path)
    }
}
