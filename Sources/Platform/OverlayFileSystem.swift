// A file system over another one that it never changes: what is written, made, renamed or removed stays in memory. With it a
// directory can be opened by code that repairs what it finds, and only looked at all the same.
import Synchronization

/// Shows the files of `base`, and over them all changes that were made here. Directories cannot be renamed.
package final class OverlayFileSystem: FileSystem {
    /// What stands at a path instead of what `base` has.
    private enum Entry {
        case file(OverlayContent)
        case directory
        case nothing
    }

    /// The changes by directory and then by path: a directory with few of them is listed quickly, however many there are elsewhere.
    private struct Entries {
        private var byDirectory: [String: [String: Entry]] = [:]

        subscript(path: String) -> Entry? {
            get { byDirectory[parent(of: path)]?[path] }
            set { byDirectory[parent(of: path), default: [:]][path] = newValue }
        }

        func inside(_ directory: String) -> [String: Entry] { byDirectory[directory] ?? [:] }
    }

    private let base: any FileSystem
    private let entries = Mutex(Entries())

    /// An overlay without changes.
    package init(over base: any FileSystem) {
        self.base = base
    }

    package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
        let known = entries.withLock { $0[path] }
        if case .directory? = known { throw refusal(.isADirectory, "open", path) }
        if case .file(let content)? = known { return try opened(content, path, mode) }
        // Read through: nothing of it was changed.
        if known == nil, case .read = mode { return try base.open(path, .read) }
        let isInBase = known == nil && base.exists(path)
        switch mode {
        case .read, .write: if !isInBase { throw refusal(.notFound, "open", path) }
        case .create, .truncate: if !exists(parent(of: path)) { throw refusal(.notFound, "open", path) }
        }
        // What cannot be read cannot be changed either.
        let size = isInBase ? try base.open(path, .read).size() : 0
        let content = OverlayContent(basePath: isInBase ? path : nil, size: size)
        let winner = entries.withLock { entries -> OverlayContent in
            if case .file(let other)? = entries[path] { return other }
            entries[path] = .file(content)
            return content
        }
        return try opened(winner, path, mode)
    }

    private func opened(_ content: OverlayContent, _ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
        if case .truncate = mode { content.truncate(to: 0) }
        let file = try content.basePath.map { path throws(SystemError) in try base.open(path, .read) }
        return OverlayFile(path: path, content: content, base: file)
    }

    package func list(_ directory: String) throws(SystemError) -> [String] {
        let (own, inside) = entries.withLock { ($0[directory], $0.inside(directory)) }
        var names: Set<String> = []
        switch own {
        case .directory?: break
        case .file?, .nothing?: throw refusal(.notFound, "list", directory)
        case nil: names = Set(try base.list(directory))
        }
        for (path, entry) in inside {
            let name = String(path.dropFirst(directory.utf8.count + 1))
            if case .nothing = entry { names.remove(name) } else { names.insert(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func exists(_ path: String) -> Bool {
        switch entries.withLock({ $0[path] }) {
        case .file?, .directory?: true
        case .nothing?: false
        case nil: base.exists(path)
        }
    }

    /// Whether there is such a file or directory below the changes.
    package func isInBase(_ path: String) -> Bool { base.exists(path) }

    package func createDirectory(_ path: String) throws(SystemError) {
        guard !exists(path) else { return }
        let above = parent(of: path)
        if above != path { try createDirectory(above) }
        entries.withLock { $0[path] = .directory }
    }

    package func rename(_ path: String, to newPath: String) throws(SystemError) {
        if isDirectory(path) { throw refusal(.isADirectory, "rename to \(newPath)", path) }
        // Opened first, so that the content of `base` has an entry that can be moved.
        _ = try open(path, .write)
        if path == newPath { return }
        entries.withLock { entries in
            entries[newPath] = entries[path]
            entries[path] = .nothing
        }
    }

    package func removeFile(_ path: String) throws(SystemError) {
        if isDirectory(path) { throw refusal(.isADirectory, "remove", path) }
        guard exists(path) else { throw refusal(.notFound, "remove", path) }
        entries.withLock { $0[path] = .nothing }
    }

    package func removeDirectory(_ path: String) throws(SystemError) {
        guard try list(path).isEmpty else { throw refusal(.other, "remove directory", path) }
        entries.withLock { $0[path] = .nothing }
    }

    private func isDirectory(_ path: String) -> Bool {
        switch entries.withLock({ $0[path] }) {
        case .directory?: true
        case .file?, .nothing?: false
        // Only a directory can be listed.
        case nil: (try? base.list(path)) != nil
        }
    }

    package func synchronizeDirectory(_ path: String) throws(SystemError) {
        guard exists(path) else { throw refusal(.notFound, "sync directory", path) }
    }

    /// The lock of the directory in `base`, unless nobody has ever held that: then there is none, because its file would have to be made.
    package func lockDirectory(_ path: String) throws(SystemError) -> any DirectoryLock {
        base.exists(path + "/lock") ? try base.lockDirectory(path) : NoLock()
    }
}

/// The changes to one file: blocks that were written, over what the base has.
private final class OverlayContent: Sendable {
    static let blockBytes = 4096

    struct State {
        var size: Int64
        /// Bytes of the base that still count; behind them there are zeros.
        var baseLimit: Int64
        var blocks: [Int64: [UInt8]] = [:]
    }
    /// Where its bytes are in the base; nil when it has none there.
    let basePath: String?
    private let state: Mutex<State>

    init(basePath: String?, size: Int64) {
        self.basePath = basePath
        state = Mutex(State(size: size, baseLimit: size))
    }

    var size: Int64 { state.withLock { $0.size } }

    func truncate(to size: Int64) {
        state.withLock { state in
            if size < state.size {
                let blockBytes = Int64(Self.blockBytes)
                state.blocks = state.blocks.filter { $0.key * blockBytes < size }
                let last = size / blockBytes
                if var block = state.blocks[last] {
                    for index in Int(size - last * blockBytes)..<block.count { block[index] = 0 }
                    state.blocks[last] = block
                }
                state.baseLimit = min(state.baseLimit, size)
            }
            state.size = size
        }
    }

    func read(at position: Int64, count: Int, padding: Int, _ base: (any File)?) throws(SystemError) -> [UInt8] {
        let (isUntouched, end) = state.withLock { state in
            let end = min(state.size, position + Int64(count))
            return (state.blocks.isEmpty && end <= state.baseLimit, end)
        }
        if isUntouched, let base { return try base.read(at: position, count: Int(max(0, end - position)), padding: padding) }
        var bytes: [UInt8] = []
        var place = position
        while place < end {
            let (block, start) = Self.block(at: place)
            let stop = min(end, start + Int64(Self.blockBytes))
            bytes.append(contentsOf: try content(of: block, base)[Int(place - start)..<Int(stop - start)])
            place = stop
        }
        return bytes + [UInt8](repeating: 0, count: padding)
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int64, _ base: (any File)?) throws(SystemError) {
        var place = position
        let end = position + Int64(range.count)
        while place < end {
            let (block, start) = Self.block(at: place)
            let stop = min(end, start + Int64(Self.blockBytes))
            var content = try content(of: block, base)
            let source = range.lowerBound + Int(place - position)
            content.replaceSubrange(Int(place - start)..<Int(stop - start), with: bytes[source..<source + Int(stop - place)])
            let new = content
            state.withLock { $0.blocks[block] = new }
            place = stop
        }
        state.withLock { $0.size = max($0.size, end) }
    }

    private static func block(at place: Int64) -> (number: Int64, start: Int64) {
        let number = place / Int64(blockBytes)
        return (number, number * Int64(blockBytes))
    }

    /// A block as it was written here, or as the base has it, filled up with zeros.
    private func content(of block: Int64, _ base: (any File)?) throws(SystemError) -> [UInt8] {
        let (written, baseLimit) = state.withLock { ($0.blocks[block], $0.baseLimit) }
        if let written { return written }
        let start = block * Int64(Self.blockBytes)
        let count = Int(max(0, min(Int64(Self.blockBytes), baseLimit - start)))
        let bytes = count > 0 ? try base?.read(at: start, count: count, padding: 0) ?? [] : []
        return bytes + [UInt8](repeating: 0, count: Self.blockBytes - bytes.count)
    }
}

private final class OverlayFile: File {
    let path: String
    private let content: OverlayContent
    private let base: (any File)?

    init(path: String, content: OverlayContent, base: (any File)?) {
        self.path = path
        self.content = content
        self.base = base
    }

    func read(at position: Int64, count: Int, padding: Int) throws(SystemError) -> [UInt8] {
        try content.read(at: position, count: count, padding: padding, base)
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int64) throws(SystemError) {
        try content.write(bytes, range, at: position, base)
    }

    func synchronize() throws(SystemError) {}
    func beginWriteback(_ range: Range<Int64>) {}
    func truncate(to size: Int64) throws(SystemError) { content.truncate(to: size) }
    func size() throws(SystemError) -> Int64 { content.size }
    func close() { base?.close() }
}

/// Held by who looks at a directory that nobody has ever locked.
private final class NoLock: DirectoryLock {
    func release() {}
}
