import Foundation
import Platform
import Testing

@Suite struct ChildGroupTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "child-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func start(_ script: String, adding additions: [String: String] = [:]) throws -> ChildGroup {
        try ChildGroup.start("sh", ["-c", script], adding: additions, output: file("output"), errors: file("errors"))
    }

    private func file(_ name: String) -> String { folder.appending(path: name).path }
    private func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }
    private func remove() { try? FileManager.default.removeItem(at: folder) }

    private static let long: Int64 = 60_000_000_000

    @Test func aProgramRunsToItsEnd() throws {
        defer { remove() }
        let child = try start("echo \"$WORD $HOME\"; echo no >&2; exit 7", adding: ["WORD": "yes"])
        #expect(child.wait(nanoseconds: Self.long) == 7)
        // Its end is known a second time, too, and ending it then ends nothing.
        child.end()
        #expect(child.wait(nanoseconds: Self.long) == 7)
        let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
        #expect(try text("output") == "yes \(home)\n" && text("errors") == "no\n")
    }

    @Test func whatIsNotThereIsAnError() {
        defer { remove() }
        #expect(throws: SystemError.self) {
            try ChildGroup.start("no-such-program-anywhere", [], output: file("output"), errors: file("errors"))
        }
    }

    /// A program whose time is over ends, and so does what it has started.
    @Test(arguments: [true, false]) func theWholeGroupEnds(byTime: Bool) throws {
        defer { remove() }
        let child = try start("sleep 1000 & echo $!; wait")
        while try text("output").isEmpty { sched_yield() }
        let other = try #require(pid_t(text("output").trimmingCharacters(in: .whitespacesAndNewlines)))
        if !byTime { child.end() }
        #expect(child.wait(nanoseconds: byTime ? 1 : Self.long) == nil)
        // Its parent is gone: what ends is a zombie until the next one takes care of it, where there is one that does.
        while kill(other, 0) == 0, try !isZombie(other) { sched_yield() }
    }

    /// What a program leaves running when it ends by itself ends with it.
    @Test func nothingIsLeftRunning() throws {
        defer { remove() }
        let child = try start("sleep 1000 & echo $!")
        #expect(child.wait(nanoseconds: Self.long) == 0)
        let other = try #require(pid_t(text("output").trimmingCharacters(in: .whitespacesAndNewlines)))
        while kill(other, 0) == 0, try !isZombie(other) { sched_yield() }
    }

    private func isZombie(_ number: pid_t) throws -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8) else { return true }
        return status.split(separator: ")").last?.split(separator: " ").first == "Z"
    }
}
