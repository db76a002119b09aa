import Pipelines
import Platform
import Testing

private func note(_ ids: [String], in files: MemoryFileSystem) throws {
    let file = try files.open("/data/crashes", .create)
    for id in ids { try file.write(Array((id + "\n").utf8), at: file.size()) }
}

@Test func threeCrashesInARowPauseAQuery() throws {
    let files = MemoryFileSystem()
    try files.createDirectory("/data")
    #expect(try CrashHistory(files: files, path: "/data/crashes").queriesToPause.isEmpty)
    try note(["a", "b", "a", "a", "b"], in: files)
    let history = try CrashHistory(files: files, path: "/data/crashes")
    #expect(history.crashes(of: "a") == 3)
    #expect(history.queriesToPause.keys.sorted() == ["a"])
    #expect(history.queriesToPause["a"]?.contains("3 times in a row") == true)
}

/// A commit ends a row of crashes, also for the starts after this one.
@Test func aCommitClearsTheCrashesOfItsQuery() throws {
    let files = MemoryFileSystem()
    try files.createDirectory("/data")
    try note(["a", "b", "a"], in: files)
    let history = try CrashHistory(files: files, path: "/data/crashes")
    try history.clear("a")
    try history.clear("unknown")
    try note(["a"], in: files)
    let next = try CrashHistory(files: files, path: "/data/crashes")
    #expect(next.crashes(of: "a") == 1)
    #expect(next.crashes(of: "b") == 1)
    try next.keep(only: ["a"])
    #expect(try files.contents(of: "/data/crashes") == Array("a\n".utf8))
}
