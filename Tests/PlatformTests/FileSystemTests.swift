// The three file systems behave alike, except where one is told not to.
import Foundation
import Platform
import Testing

@Suite struct FileSystemTests {
    /// Runs the same body on the machine's files and on those in memory.
    func onBoth(_ body: (any FileSystem, String) throws -> Void) throws {
        let directory = NSTemporaryDirectory() + "millrace-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let host = HostFileSystem()
        try host.createDirectory(directory)
        try body(host, directory)
        let memory = MemoryFileSystem()
        try memory.createDirectory("/tmp/x")
        try body(memory, "/tmp/x")
    }

    /// What stays open leaves some files to what is open for a moment.
    @Test func filesToKeepLeaveRoomForOthers() throws {
        let place = FileManager.default.temporaryDirectory.appending(path: "keep-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        let full = HostFileSystem(openFileLimit: 32)
        let error = #expect(throws: SystemError.self) { _ = try full.openToKeep(place + "/a") }
        #expect(error?.kind == .tooManyOpenFiles && !full.exists(place + "/a"))
        try full.open(place + "/b", .truncate).close()
        try HostFileSystem().openToKeep(place + "/c").close()
        #expect(full.exists(place + "/b") && full.exists(place + "/c"))
    }

    @Test func writingReadingAndCutting() throws {
        try onBoth { files, directory in
            let file = try files.open(directory + "/a", .create)
            try file.write(Array("hello".utf8), at: 3)
            #expect(try file.size() == 8)
            #expect(try file.read(at: 0, count: 100, padding: 2) == [0, 0, 0] + Array("hello".utf8) + [0, 0])
            try file.write(Array("xxELPxx".utf8), 2..<5, at: 4)
            try file.truncate(to: 7)
            try file.truncate(to: 9)
            #expect(try files.contents(of: directory + "/a") == [0, 0, 0] + Array("hELP".utf8) + [0, 0])
            #expect(try file.read(at: 50, count: 5, padding: 1) == [0])
            try file.synchronize()
        }
    }

    @Test func namesAndDirectories() throws {
        try onBoth { files, directory in
            try files.createDirectory(directory + "/d/e")
            try files.createDirectory(directory + "/d/e")
            _ = try files.open(directory + "/d/b", .create)
            _ = try files.open(directory + "/d/a", .create)
            #expect(try files.list(directory + "/d") == ["a", "b", "e"])
            try files.rename(directory + "/d/a", to: directory + "/d/b")
            #expect(try files.list(directory + "/d") == ["b", "e"])
            try files.synchronizeDirectory(directory + "/d")
            #expect(files.exists(directory + "/d/e") && !files.exists(directory + "/d/a"))
            try files.replace(directory + "/d/b", with: [1, 2])
            #expect(try files.contents(of: directory + "/d/b") == [1, 2])
            try files.removeTree(directory + "/d")
            #expect(!files.exists(directory + "/d"))
            try files.removeTree(directory + "/d")
        }
    }

    @Test func refusalsSayWhat() throws {
        try onBoth { files, directory in
            #expect {
                _ = try files.open(directory + "/none", .read)
            } throws: {
                let error = $0 as? SystemError
                return error?.kind == .notFound && error?.description == "cannot open \(directory)/none: No such file or directory"
            }
            #expect { try files.list(directory + "/none") } throws: { ($0 as? SystemError)?.kind == .notFound }
            #expect { try files.removeFile(directory) } throws: { ($0 as? SystemError)?.kind == .isADirectory }
        }
    }

    @Test func aDirectoryIsLockedOnce() throws {
        try onBoth { files, directory in
            let lock = try files.lockDirectory(directory)
            #expect { _ = try files.lockDirectory(directory) } throws: { ($0 as? SystemError)?.kind == .inUse }
            lock.release()
            try files.lockDirectory(directory).release()
        }
    }

    @Test func removedFilesStayReadable() throws {
        try onBoth { files, directory in
            let file = try files.open(directory + "/a", .create)
            try file.write([1, 2, 3], at: 0)
            try files.removeFile(directory + "/a")
            #expect(try file.read(at: 0, count: 3, padding: 0) == [1, 2, 3])
        }
    }

    @Test func aPowerCutLeavesWhatWasSynced() throws {
        let files = MemoryFileSystem(simulatingPowerCuts: true)
        try files.createDirectory("/d")
        try files.synchronizeDirectory("/")
        let file = try files.open("/d/a", .create)
        try file.write([1, 2], at: 0)
        try file.synchronize()
        #expect(!files.afterPowerCut().exists("/d/a"))
        try files.synchronizeDirectory("/d")
        try file.write([3, 4, 5], at: 0)
        #expect(try files.afterPowerCut().contents(of: "/d/a") == [1, 2])
        try files.rename("/d/a", to: "/d/b")
        #expect(try files.afterPowerCut().list("/d") == ["a"])
        try files.synchronizeDirectory("/d")
        try file.synchronize()
        #expect(try files.afterPowerCut().contents(of: "/d/b") == [3, 4, 5])
    }

    @Test func faultsHappenWhenTold() throws {
        let memory = MemoryFileSystem(simulatingPowerCuts: true)
        let files = FaultyFileSystem(memory)
        let file = try files.open("/a", .create)
        try files.synchronizeDirectory("/")
        files.setFaults { $0.kind == .write ? .shortWrite : nil }
        #expect { try file.write([1, 2, 3, 4], at: 0) } throws: { ($0 as? SystemError)?.kind == .noSpace }
        #expect(try file.read(at: 0, count: 9, padding: 0) == [1, 2])
        files.setFaults { $0.kind == .synchronize ? .lostSync : nil }
        try file.synchronize()
        #expect(try memory.afterPowerCut().contents(of: "/a") == [])
        files.setFaults { $0.kind == .synchronize ? .failedSync : nil }
        #expect(throws: SystemError.self) { try file.synchronize() }
        files.setFaults { _ in nil }
        try file.synchronize()
        #expect(try memory.afterPowerCut().contents(of: "/a") == [])
        files.setFaults { _ in .powerCut }
        #expect(throws: SystemError.self) { try file.truncate(to: 0) }
        files.setFaults { _ in nil }
        #expect(throws: SystemError.self) { try file.truncate(to: 0) }
        try files.flipBit(0, ofByteAt: 1, in: "/a")
        #expect(try memory.contents(of: "/a") == [1, 3])
    }
}

@Suite struct ThreadTests {
    @Test func threadsRunAndJoin() throws {
        let count = Monitor(0)
        let threads = try (0..<4).map { number in try WorkerThread.start("worker \(number)") { count.update { $0 += 1 } } }
        for thread in threads { thread.join() }
        #expect(count.withLock { $0 } == 4)
    }

    @Test func aMonitorWaitsForItsCondition() throws {
        let state = Monitor(0)
        let thread = try WorkerThread.start("counter") { for _ in 0..<10 { state.update { $0 += 1 } } }
        #expect(state.wait(until: { $0 == 10 }, then: { $0 }) == 10)
        #expect(state.wait(nanoseconds: 1000, until: { $0 == 11 }, then: { $0 }) == 10)
        thread.join()
    }

    @Test func simulatedTimeAndChance() {
        let time = SimulatedTime(wall: 5000)
        time.advance(milliseconds: 12)
        #expect(time.wallMilliseconds() == 5012 && time.monotonicNanoseconds() == 12_000_000)
        let (first, second) = (SeededRandom(seed: 1), SeededRandom(seed: 1))
        #expect((0..<10).map { _ in first.next() } == (0..<10).map { _ in second.next() })
        #expect(SystemTime().monotonicNanoseconds() <= SystemTime().monotonicNanoseconds())
    }
}
