// The machine's own files, by the system calls of POSIX.
import CHardware
import Glibc
package import Quantities
import Synchronization

/// Files of the machine.
package final class HostFileSystem: FileSystem {
    /// How many files the process may have open; nil when the machine does not say.
    private let openFileLimit: Int?

    /// Also lets the process open as many files as the machine allows. `openFileLimit`: how many these are; nil asks the machine.
    package init(openFileLimit: Int? = nil) {
        let raised = raisedOpenFileLimit()
        self.openFileLimit = openFileLimit ?? raised
    }

    package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .write: O_RDWR
            case .create: O_RDWR | O_CREAT
            case .truncate: O_RDWR | O_CREAT | O_TRUNC
            }
        let descriptor = retrying { unsafe Glibc.open(path, flags | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw systemError("open", path) }
        return HostFile(path: path, descriptor: descriptor)
    }

    /// An eighth of what may be open, at least 32 and at most 256, is left for files and sockets that are open for a while only.
    package func openToKeep(_ path: String) throws(SystemError) -> any File {
        let isNew = !exists(path)
        let descriptor = retrying { unsafe Glibc.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw systemError("open", path) }
        let file = HostFile(path: path, descriptor: descriptor)
        // The system gives the lowest number that is free.
        guard let limit = openFileLimit, Int(descriptor) >= limit - min(256, max(32, limit / 8)) else { return file }
        file.close()
        if isNew { try removeFile(path) }
        throw SystemError(
            kind: .tooManyOpenFiles, number: EMFILE, attempt: "open", path: path, reason: "Too many open files, of which there may be \(limit)")
    }

    package func list(_ directory: String) throws(SystemError) -> [String] {
        guard let stream = unsafe opendir(directory) else { throw systemError("list", directory) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { raw in
                unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    package func createDirectory(_ path: String) throws(SystemError) {
        guard unsafe mkdir(path, 0o755) != 0 else { return }
        switch errno {
        case EEXIST:
            guard isDirectory(path) else {
                errno = ENOTDIR
                throw systemError("create directory", path)
            }
        case ENOENT where parent(of: path) != path:
            try createDirectory(parent(of: path))
            guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else { throw systemError("create directory", path) }
        default:
            throw systemError("create directory", path)
        }
    }

    package func rename(_ path: String, to newPath: String) throws(SystemError) {
        guard unsafe Glibc.rename(path, newPath) == 0 else { throw systemError("rename to \(newPath)", path) }
    }

    package func removeFile(_ path: String) throws(SystemError) {
        guard unsafe unlink(path) == 0 else {
            // Linux says EISDIR for a directory, POSIX allows EPERM.
            if errno == EPERM && isDirectory(path) { errno = EISDIR }
            throw systemError("remove", path)
        }
    }

    package func removeDirectory(_ path: String) throws(SystemError) {
        guard unsafe rmdir(path) == 0 else { throw systemError("remove directory", path) }
    }

    package func synchronizeDirectory(_ path: String) throws(SystemError) {
        let descriptor = retrying { unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw systemError("open directory", path) }
        defer { _ = Glibc.close(descriptor) }
        guard retrying({ fsync(descriptor) }) == 0 else { throw systemError("sync directory", path) }
    }

    package func lockDirectory(_ path: String) throws(SystemError) -> any DirectoryLock {
        let lockPath = path + "/lock"
        let descriptor = retrying { unsafe Glibc.open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        guard descriptor >= 0 else { throw systemError("open", lockPath) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error = systemError("lock", path)
            _ = Glibc.close(descriptor)
            guard error.number == EWOULDBLOCK else { throw error }
            throw SystemError(
                kind: .inUse, number: error.number, attempt: "lock", path: path, reason: "in use by another process")
        }
        return HostDirectoryLock(descriptor: descriptor)
    }

    package func freeBytes(in directory: String) throws(SystemError) -> ByteCount {
        var status = statvfs()
        guard unsafe statvfs(directory, &status) == 0 else { throw systemError("ask the free room of", directory) }
        return ByteCount(clamping: Int64(clamping: status.f_bavail).multipliedSaturated(by: Int64(clamping: status.f_frsize)))
    }

    private func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

/// One open descriptor. `close` must not race with other calls: owners close a file only when no other thread uses it.
final class HostFile: File {
    let path: String
    private let descriptor: Atomic<Int32>

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = Atomic(descriptor)
    }

    deinit { close() }

    func read(at position: Int64, count: Int, padding: Int) throws(SystemError) -> [UInt8] {
        let descriptor = self.descriptor.load(ordering: .relaxed)
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count + padding) { buffer, initialized in
            guard let base = buffer.baseAddress else { return }
            var done = 0
            while done < count {
                let got = retrying { unsafe pread(descriptor, base + done, count - done, off_t(position) + done) }
                failed = got < 0
                if got <= 0 { break }
                done += got
            }
            unsafe (base + done).initialize(repeating: 0, count: padding)
            initialized = done + padding
        }
        if failed { throw systemError("read", path) }
        return bytes
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int64) throws(SystemError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range to write lies in the bytes")
        let descriptor = self.descriptor.load(ordering: .relaxed)
        let succeeded = unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return true }
            var done = range.lowerBound
            while done < range.upperBound {
                let put = retrying {
                    unsafe pwrite(descriptor, base + done, range.upperBound - done, off_t(position) + done - range.lowerBound)
                }
                if put < 0 { return false }
                done += put
            }
            return true
        }
        if !succeeded { throw systemError("write \(range.count) bytes to", path) }
    }

    func synchronize() throws(SystemError) {
        let descriptor = self.descriptor.load(ordering: .relaxed)
        guard fdatasync(descriptor) == 0 else { throw systemError("sync", path) }
    }

    func beginWriteback(_ range: Range<Int64>) {
        millrace_begin_writeback(descriptor.load(ordering: .relaxed), range.lowerBound, range.upperBound - range.lowerBound)
    }

    func truncate(to size: Int64) throws(SystemError) {
        let descriptor = self.descriptor.load(ordering: .relaxed)
        guard retrying({ ftruncate(descriptor, off_t(size)) }) == 0 else { throw systemError("truncate", path) }
    }

    func size() throws(SystemError) -> Int64 {
        var status = stat()
        guard unsafe fstat(descriptor.load(ordering: .relaxed), &status) == 0 else { throw systemError("ask the size of", path) }
        return Int64(status.st_size)
    }

    var times: FileTimes {
        var (made, changed): (Int64, Int64) = (-1, -1)
        unsafe millrace_file_times(descriptor.load(ordering: .relaxed), &made, &changed)
        return FileTimes(made: made < 0 ? nil : made, changed: changed < 0 ? nil : changed)
    }

    func close() {
        let old = descriptor.exchange(-1, ordering: .relaxed)
        if old >= 0 { _ = Glibc.close(old) }
    }
}

private final class HostDirectoryLock: DirectoryLock {
    private let descriptor: Atomic<Int32>

    init(descriptor: Int32) {
        self.descriptor = Atomic(descriptor)
    }

    deinit { release() }

    func release() {
        let old = descriptor.exchange(-1, ordering: .relaxed)
        if old >= 0 { _ = Glibc.close(old) }
    }
}

/// Repeats a call that a signal interrupted.
func retrying<Result: BinaryInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

/// The error that `errno` names.
func systemError(_ attempt: String, _ path: String) -> SystemError {
    let number = errno
    let kind: SystemError.Kind =
        switch number {
        case ENOENT: .notFound
        case EEXIST: .alreadyExists
        case EACCES, EPERM: .permissionDenied
        case ENOTDIR: .notADirectory
        case EISDIR: .isADirectory
        case ENOSPC, EDQUOT: .noSpace
        case EROFS: .readOnly
        case EMFILE, ENFILE: .tooManyOpenFiles
        case EWOULDBLOCK: .inUse
        case EIO: .inputOutput
        default: .other
        }
    let reason = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
    return SystemError(kind: kind, number: number, attempt: attempt, path: path, reason: reason)
}

/// Each segment being read holds a file, and the usual limit is 1024. Gives what the limit is now; nil when that is unknown.
private func raisedOpenFileLimit() -> Int? {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    let before = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    let isRaised = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    return Int(clamping: isRaised ? limit.rlim_cur : before)
}
