// The in-memory twin of the file system. It keeps, for every file and directory, what a power cut would leave beside what a
// reader sees, so that crash tests can lose exactly what was not synced. The shell without a data directory works on it too.
import Synchronization

/// A tree of files in memory. A reference: all holders share the files, which go with the last of them.
package final class MemoryFileSystem: FileSystem {
    private struct Tree {
        /// Keyed by normalised path.
        var files: [String: MemoryFileContent] = [:]
        var directories: Set<String> = ["/"]
        /// What would be found after a power cut.
        var durableFiles: [String: MemoryFileContent] = [:]
        var durableDirectories: Set<String> = ["/"]
        var locked: Set<String> = []
    }
    private let tree: Mutex<Tree>
    private let keepsDurable: Bool

    /// With `simulatingPowerCuts` each file holds its synced content a second time, for `afterPowerCut`.
    package init(simulatingPowerCuts: Bool = false) {
        keepsDurable = simulatingPowerCuts
        tree = Mutex(Tree())
    }

    package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
        let key = normalised(path)
        let outcome: Result<MemoryFileContent, SystemError> = tree.withLock { tree in
            if tree.directories.contains(key) { return .failure(refusal(.isADirectory, "open", path)) }
            if let content = tree.files[key] {
                if case .truncate = mode { content.resize(0) }
                return .success(content)
            }
            switch mode {
            case .read, .write:
                return .failure(refusal(.notFound, "open", path))
            case .create, .truncate:
                guard tree.directories.contains(parent(of: key)) else { return .failure(refusal(.notFound, "open", path)) }
                let content = MemoryFileContent(keepsDurable: keepsDurable)
                tree.files[key] = content
                return .success(content)
            }
        }
        return MemoryFile(path: path, content: try outcome.get())
    }

    package func list(_ directory: String) throws(SystemError) -> [String] {
        let key = normalised(directory)
        let prefix = key == "/" ? "/" : key + "/"
        let names: [String]? = tree.withLock { tree in
            guard tree.directories.contains(key) else { return nil }
            return (Array(tree.files.keys) + tree.directories)
                .filter { $0.utf8.count > prefix.utf8.count && $0.hasPrefix(prefix) }
                .map { String($0.dropFirst(prefix.count)) }
                .filter { !$0.contains("/") }
        }
        guard let names else { throw refusal(.notFound, "list", directory) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func exists(_ path: String) -> Bool {
        let key = normalised(path)
        return tree.withLock { $0.files[key] != nil || $0.directories.contains(key) }
    }

    package func createDirectory(_ path: String) throws(SystemError) {
        let key = normalised(path)
        let isFree = tree.withLock { tree in
            var ancestor = key
            while !tree.directories.contains(ancestor) {
                if tree.files[ancestor] != nil { return false }
                tree.directories.insert(ancestor)
                ancestor = parent(of: ancestor)
            }
            return true
        }
        if !isFree { throw refusal(.notADirectory, "create directory", path) }
    }

    package func rename(_ path: String, to newPath: String) throws(SystemError) {
        let (old, new) = (normalised(path), normalised(newPath))
        let isDone = tree.withLock { tree in
            if let content = tree.files.removeValue(forKey: old) {
                tree.files[new] = content
                return true
            }
            guard tree.directories.remove(old) != nil else { return false }
            tree.directories.insert(new)
            for key in tree.directories where key.hasPrefix(old + "/") {
                tree.directories.remove(key)
                tree.directories.insert(new + key.dropFirst(old.count))
            }
            for key in tree.files.keys where key.hasPrefix(old + "/") {
                tree.files[new + key.dropFirst(old.count)] = tree.files.removeValue(forKey: key)
            }
            return true
        }
        if !isDone { throw refusal(.notFound, "rename to \(newPath)", path) }
    }

    package func removeFile(_ path: String) throws(SystemError) {
        let key = normalised(path)
        let kind: SystemError.Kind? = tree.withLock { tree in
            if tree.directories.contains(key) { return .isADirectory }
            return tree.files.removeValue(forKey: key) == nil ? .notFound : nil
        }
        if let kind { throw refusal(kind, "remove", path) }
    }

    package func removeDirectory(_ path: String) throws(SystemError) {
        guard try list(path).isEmpty else { throw refusal(.other, "remove directory", path) }
        tree.withLock { _ = $0.directories.remove(normalised(path)) }
    }

    package func synchronizeDirectory(_ path: String) throws(SystemError) {
        guard keepsDurable else { return }
        let key = normalised(path)
        let isThere = tree.withLock { tree in
            guard tree.directories.contains(key) else { return false }
            // As on ext4: syncing a directory makes its own name durable as well.
            tree.durableDirectories.insert(key)
            for name in tree.durableFiles.keys where parent(of: name) == key && tree.files[name] == nil {
                tree.durableFiles[name] = nil
            }
            for (name, content) in tree.files where parent(of: name) == key { tree.durableFiles[name] = content }
            for name in tree.durableDirectories where parent(of: name) == key && !tree.directories.contains(name) {
                tree.durableDirectories.remove(name)
                // What was in it is gone with it, also when another directory of that name is made.
                for inner in tree.durableFiles.keys where inner.hasPrefix(name + "/") { tree.durableFiles[inner] = nil }
                for inner in tree.durableDirectories where inner.hasPrefix(name + "/") { tree.durableDirectories.remove(inner) }
            }
            for name in tree.directories where parent(of: name) == key { tree.durableDirectories.insert(name) }
            return true
        }
        if !isThere { throw refusal(.notFound, "sync directory", path) }
    }

    package func lockDirectory(_ path: String) throws(SystemError) -> any DirectoryLock {
        let key = normalised(path)
        guard exists(path) else { throw refusal(.notFound, "lock", path) }
        guard tree.withLock({ $0.locked.insert(key).inserted }) else {
            throw SystemError(kind: .inUse, number: 0, attempt: "lock", path: path, reason: "in use by another process")
        }
        return MemoryLock { [self] in tree.withLock { _ = $0.locked.remove(key) } }
    }

    /// What a power cut now would leave: synced content under synced names. Of what was written but not synced, `chance` decides
    /// block by block (512 bytes) and name by name what reached the disk all the same; with nil, nothing did.
    package func afterPowerCut(keepingByChance chance: SeededRandom? = nil) -> MemoryFileSystem {
        precondition(keepsDurable, "the file system was made to simulate power cuts")
        let survivor = MemoryFileSystem(simulatingPowerCuts: true)
        tree.withLock { tree in
            var files = tree.durableFiles
            var directories = tree.durableDirectories
            if let chance {
                for (name, content) in tree.files.sorted(by: { $0.key < $1.key }) where files[name] == nil && chance.below(2) == 0 {
                    files[name] = content
                }
                for name in tree.durableFiles.keys.sorted() where tree.files[name] == nil && chance.below(2) == 0 {
                    files[name] = nil
                }
                directories.formUnion(tree.directories)
            }
            let copies = files.sorted { $0.key < $1.key }.map { ($0.key, $0.value.afterPowerCut(chance)) }
            survivor.tree.withLock { new in
                for (name, content) in copies where directories.contains(parent(of: name)) {
                    new.files[name] = content
                    new.durableFiles[name] = content
                }
                new.directories = directories
                new.durableDirectories = directories
            }
        }
        return survivor
    }

    private func normalised(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." { parts.append(part) }
        return "/" + parts.joined(separator: "/")
    }
}

/// The error of the in-memory files, in the words of the real ones.
func refusal(_ kind: SystemError.Kind, _ attempt: String, _ path: String) -> SystemError {
    let reason =
        switch kind {
        case .notFound: "No such file or directory"
        case .isADirectory: "Is a directory"
        case .notADirectory: "Not a directory"
        case .noSpace: "No space left on device"
        case .inputOutput: "Input/output error"
        case .permissionDenied: "Permission denied"
        case .readOnly: "Read-only file system"
        case .alreadyExists: "File exists"
        case .tooManyOpenFiles: "Too many open files"
        case .inUse: "Resource temporarily unavailable"
        case .other: "Operation not permitted"
        }
    return SystemError(kind: kind, number: 0, attempt: attempt, path: path, reason: reason)
}

private final class MemoryFile: File {
    let path: String
    private let content: MemoryFileContent

    init(path: String, content: MemoryFileContent) {
        self.path = path
        self.content = content
    }

    func read(at position: Int64, count: Int, padding: Int) throws(SystemError) -> [UInt8] {
        content.read(at: Int(position), count: count, padding: padding)
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int64) throws(SystemError) {
        content.write(bytes, range, at: Int(position))
    }

    func synchronize() throws(SystemError) { content.synchronize() }
    /// Nothing to do: what was not synced may or may not survive a power cut anyway.
    func beginWriteback(_ range: Range<Int64>) {}
    func truncate(to size: Int64) throws(SystemError) { content.resize(Int(size)) }
    func size() throws(SystemError) -> Int64 { Int64(content.count) }
    func close() {}
}

private final class MemoryLock: DirectoryLock {
    private let onRelease: Mutex<(@Sendable () -> Void)?>

    init(onRelease: @escaping @Sendable () -> Void) {
        self.onRelease = Mutex(onRelease)
    }

    deinit { release() }

    func release() {
        let action = onRelease.withLock { action in
            defer { action = nil }
            return action
        }
        action?()
    }
}
