// A file system that misbehaves on command, around another one. It counts every operation that changes something, so that a
// test can let the n-th fail, for each n. In a simulation each of these operations is a point where another thread may go on.
import Synchronization

/// What goes wrong, decided before each changing operation.
package enum Fault: Hashable, Sendable {
    /// The operation fails and does nothing.
    case fail(SystemError.Kind)
    /// Half of a write is done, then it fails for lack of space.
    case shortWrite
    /// A sync reports success and does nothing.
    case lostSync
    /// A sync fails, and what it should have saved will not be saved by a later sync either, as Linux may do.
    case failedSync
    /// This operation and all after it fail; what was not synced is gone.
    case powerCut
}

/// A changing operation, as shown to the function that decides about faults.
package struct FileOperation: Hashable, Sendable {
    /// What is about to happen.
    package enum Kind: Hashable, Sendable {
        case create, write, synchronize, truncate, rename, remove, createDirectory, synchronizeDirectory
    }
    /// Counts from 0 over the whole file system.
    package let number: Int
    /// What is about to happen.
    package let kind: Kind
    /// To what.
    package let path: String
}

/// Passes everything on to `base`, unless `decide` names a fault.
package final class FaultyFileSystem: FileSystem {
    private struct State {
        var operationCount = 0
        var hasNoPower = false
        var decide: @Sendable (FileOperation) -> Fault?
    }
    private let base: any FileSystem
    private let state: Mutex<State>

    /// A file system around `base`; `decide` is asked before each changing operation.
    package init(_ base: any FileSystem, decide: @escaping @Sendable (FileOperation) -> Fault? = { _ in nil }) {
        self.base = base
        state = Mutex(State(decide: decide))
    }

    /// How many changing operations there were.
    package var operationCount: Int { state.withLock { $0.operationCount } }

    /// Changes what goes wrong from now on.
    package func setFaults(_ decide: @escaping @Sendable (FileOperation) -> Fault?) {
        state.withLock { $0.decide = decide }
    }

    /// Flips one bit of a file, past all bookkeeping.
    package func flipBit(_ bit: Int, ofByteAt position: Int64, in path: String) throws(SystemError) {
        let file = try base.open(path, .write)
        var bytes = try file.read(at: position, count: 1, padding: 0)
        guard !bytes.isEmpty else { throw refusal(.inputOutput, "flip a bit of", path) }
        bytes[0] ^= 1 << UInt8(truncatingIfNeeded: bit)
        try file.write(bytes, at: position)
        try file.synchronize()
    }

    /// Counts the operation; the fault for it, or an error when there is no power.
    fileprivate func fault(_ kind: FileOperation.Kind, _ path: String) throws(SystemError) -> Fault? {
        SeededScheduler.switchPoint()
        let (number, decide) = state.withLock { state in
            defer { if !state.hasNoPower { state.operationCount += 1 } }
            return (state.operationCount, state.hasNoPower ? { _ in .powerCut } : state.decide)
        }
        // Not under the lock: the decision may wait, and so delay the operation.
        let fault = decide(FileOperation(number: number, kind: kind, path: path))
        if fault == .powerCut { state.withLock { $0.hasNoPower = true } }
        switch fault {
        case .powerCut: throw refusal(.inputOutput, "\(kind)", path)
        case .fail(let reason): throw refusal(reason, "\(kind)", path)
        case nil, .shortWrite, .lostSync, .failedSync: return fault
        }
    }

    package func open(_ path: String, _ mode: OpenMode) throws(SystemError) -> any File {
        switch mode {
        case .read, .write: break
        case .create, .truncate: _ = try fault(.create, path)
        }
        return FaultyFile(base: try base.open(path, mode), system: self)
    }

    package func list(_ directory: String) throws(SystemError) -> [String] { try base.list(directory) }
    package func exists(_ path: String) -> Bool { base.exists(path) }

    package func createDirectory(_ path: String) throws(SystemError) {
        _ = try fault(.createDirectory, path)
        try base.createDirectory(path)
    }

    package func rename(_ path: String, to newPath: String) throws(SystemError) {
        _ = try fault(.rename, path)
        try base.rename(path, to: newPath)
    }

    package func removeFile(_ path: String) throws(SystemError) {
        _ = try fault(.remove, path)
        try base.removeFile(path)
    }

    package func removeDirectory(_ path: String) throws(SystemError) {
        _ = try fault(.remove, path)
        try base.removeDirectory(path)
    }

    package func synchronizeDirectory(_ path: String) throws(SystemError) {
        switch try fault(.synchronizeDirectory, path) {
        case .lostSync: return
        case .failedSync: throw refusal(.inputOutput, "sync directory", path)
        case nil, .fail, .shortWrite, .powerCut: try base.synchronizeDirectory(path)
        }
    }

    package func lockDirectory(_ path: String) throws(SystemError) -> any DirectoryLock { try base.lockDirectory(path) }
}

private final class FaultyFile: File {
    private let base: any File
    private let system: FaultyFileSystem
    /// Set by a failed sync: later ones succeed without doing anything.
    private let isTainted = Atomic(false)

    init(base: any File, system: FaultyFileSystem) {
        self.base = base
        self.system = system
    }

    var path: String { base.path }

    func read(at position: Int64, count: Int, padding: Int) throws(SystemError) -> [UInt8] {
        try base.read(at: position, count: count, padding: padding)
    }

    func write(_ bytes: [UInt8], _ range: Range<Int>, at position: Int64) throws(SystemError) {
        if case .shortWrite = try system.fault(.write, path) {
            try base.write(bytes, range.lowerBound..<range.lowerBound + range.count / 2, at: position)
            throw refusal(.noSpace, "write \(range.count) bytes to", path)
        }
        try base.write(bytes, range, at: position)
    }

    func synchronize() throws(SystemError) {
        switch try system.fault(.synchronize, path) {
        case .lostSync: return
        case .failedSync:
            isTainted.store(true, ordering: .relaxed)
            throw refusal(.inputOutput, "sync", path)
        case nil, .fail, .shortWrite, .powerCut:
            if !isTainted.load(ordering: .relaxed) { try base.synchronize() }
        }
    }

    func beginWriteback(_ range: Range<Int64>) { base.beginWriteback(range) }

    func truncate(to size: Int64) throws(SystemError) {
        _ = try system.fault(.truncate, path)
        try base.truncate(to: size)
    }

    func size() throws(SystemError) -> Int64 { try base.size() }
    var times: FileTimes { base.times }
    func close() { base.close() }
}
