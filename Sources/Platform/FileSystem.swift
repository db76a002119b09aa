// Files as all other rooms see them. Three implementations: the machine's (`HostFileSystem`), one in memory
// (`MemoryFileSystem`), and one that wraps either and misbehaves on command (`FaultyFileSystem`).

package import Quantities

/// What to do about a file that is, or is not, there.
package enum OpenMode: Sendable {
    /// For reading; it must exist.
    case read
    /// For reading and writing; it must exist.
    case write
    /// For reading and writing; made when absent.
    case create
    /// For reading and writing; made, or emptied when present.
    case truncate
}

/// A tree of files and directories. Paths use "/"; relative ones start at the working directory (in memory: at the root).
package protocol FileSystem: AnyObject, Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File

    /// Makes a file, or empties one, that stays open for as long as there is something to write. Error kind `tooManyOpenFiles` while some
    /// could still be opened: what is opened for a moment (a directory to be synced, a copy, a connection) must not fail for such files.
    func openToKeep(_ path: String) throws(SystemError) -> any File

    /// Names in a directory, sorted by their bytes, without "." and "..".
    func list(_ directory: String) throws(SystemError) -> [String]

    /// Whether a file or directory of this name exists and can be seen.
    func exists(_ path: String) -> Bool

    /// Makes a directory and its missing ancestors; no error when it exists.
    func createDirectory(_ path: String) throws(SystemError)

    /// Renames a file or directory, replacing a file of the new name atomically.
    func rename(_ path: String, to newPath: String) throws(SystemError)

    /// Removes a file. What is open stays readable.
    func removeFile(_ path: String) throws(SystemError)

    /// Removes an empty directory.
    func removeDirectory(_ path: String) throws(SystemError)

    /// Makes the entries of a directory durable: files created, renamed or removed in it.
    func synchronizeDirectory(_ path: String) throws(SystemError)

    /// How much more can be written into a directory.
    func freeBytes(in directory: String) throws(SystemError) -> ByteCount

    /// Takes the exclusive lock of a directory, a file `lock` in it, until the result is released or the process ends.
    /// Error kind `inUse` when another holder has it.
    func lockDirectory(_ path: String) throws(SystemError) -> any DirectoryLock
}

extension FileSystem {
    /// A file system without a limit of open files.
    package func openToKeep(_ path: String) throws(SystemError) -> any File { try open(path, .truncate) }

    /// A file system without a limit of bytes.
    package func freeBytes(in directory: String) throws(SystemError) -> ByteCount { ByteCount(clamping: .max) }
}

/// An open file. Positions and sizes are bytes. Reads may come from any thread; writes from one at a time.
package protocol File: AnyObject, Sendable {
    var path: String { get }

    /// Up to `count` bytes from `position` on (fewer only at the end of the file), followed by `padding` zero bytes.
    func read(at position: Int64, count: Int, padding: Int) throws(SystemError) -> [UInt8]

    /// Writes all of `bytes[range]` at `position`. On an error some of it may have been written.
    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int64) throws(SystemError)

    /// Makes the content and size durable. After an error nothing is known about what was written since the last success.
    func synchronize() throws(SystemError)

    /// Asks the system to begin writing these bytes to the disk, and does not wait for it: a later `synchronize` has less to do.
    /// A hint that promises nothing; failures come to light in `synchronize`.
    func beginWriteback(_ range: Range<Int64>)

    func truncate(to size: Int64) throws(SystemError)
    func size() throws(SystemError) -> Int64

    /// When the file was made and when it last changed.
    var times: FileTimes { get }

    /// Closes the file; later calls fail. Also happens when the last reference is released.
    func close()
}

/// Milliseconds since the epoch, by the wall clock of the machine; nil for what the file system does not know.
package struct FileTimes: Hashable, Sendable {
    /// When the file was made.
    package var made: Int64?
    /// When its content last changed.
    package var changed: Int64?

    /// Times as given.
    package init(made: Int64? = nil, changed: Int64? = nil) {
        self.made = made
        self.changed = changed
    }
}

extension File {
    /// A file in memory, of which nothing is known.
    package var times: FileTimes { FileTimes() }

    /// Writes all of `bytes` at `position`.
    package func write(_ bytes: [UInt8], at position: Int64) throws(SystemError) {
        try write(bytes, 0..<bytes.count, at: position)
    }
}

extension FileSystem {
    /// The whole content of a file.
    package func contents(of path: String) throws(SystemError) -> [UInt8] {
        let file = try open(path, .read)
        defer { file.close() }
        return try file.read(at: 0, count: Int(file.size()), padding: 0)
    }

    /// Replaces a file's content so that a crash leaves the old or the new, durably: written beside it, synced, renamed.
    package func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
        try replace([(path, bytes)])
    }

    /// Replaces the contents of files of one directory, each so that a crash leaves the old or the new; all are durable afterwards. Their
    /// names are synced once for all. Files that need not be durable are not synced: a power failure may leave them empty.
    package func replace(_ files: [(path: String, bytes: [UInt8])], isDurable: Bool = true) throws(SystemError) {
        try stage(files, isDurable: isDurable)
        try takeStaged(files.map(\.path), isDurable: isDurable)
    }

    /// The first half of `replace`, which needs room on the disk: new contents are written beside the files.
    package func stage(_ files: [(path: String, bytes: [UInt8])], isDurable: Bool) throws(SystemError) {
        for (path, bytes) in files {
            let file = try open(path + ".new", .truncate)
            defer { file.close() }
            try file.write(bytes, at: 0)
            if isDurable { try file.synchronize() }
        }
    }

    /// The second half: what was staged takes the place of the files.
    package func takeStaged(_ paths: [String], isDurable: Bool) throws(SystemError) {
        for path in paths { try rename(path + ".new", to: path) }
        guard isDurable else { return }
        for directory in Set(paths.map { parent(of: $0) }).sorted() { try synchronizeDirectory(directory) }
    }

    /// Removes what was staged and will not be taken.
    package func dropStaged(_ paths: [String]) {
        for path in paths { try? removeFile(path + ".new") }
    }

    /// Removes a file or a whole directory; no error when there is none.
    package func removeTree(_ path: String) throws(SystemError) {
        do {
            try removeFile(path)
        } catch where error.kind == .notFound {
            return
        } catch where error.kind == .isADirectory {
            for name in try list(path) { try removeTree(path + "/" + name) }
            try removeDirectory(path)
        }
    }
}

/// The path of the directory that holds `path`; "." for a bare name.
package func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// A directory that this process holds.
package protocol DirectoryLock: AnyObject, Sendable {
    func release()
}
