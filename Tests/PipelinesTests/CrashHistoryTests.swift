import Pipelines
import Platform
import TestSupport
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

/// A commit of the task that died ends a row of crashes, also for the starts after this one; commits of its neighbours do not.
@Test func aCommitClearsTheCrashesOfItsTask() throws {
    let files = MemoryFileSystem()
    try files.createDirectory("/data")
    try note(["a partition 1", "b partition 0", "a partition 1", "a", "a partition 1", "a partition 2"], in: files)
    let history = try CrashHistory(files: files, path: "/data/crashes")
    try history.clear("a", partition: 0)
    try history.clear("a", partition: 2)
    try history.clear("unknown", partition: 1)
    #expect(history.crashes(of: "a") == 3)
    #expect(history.queriesToPause.keys.sorted() == ["a"])
    try history.clear("a", partition: 1)
    try note(["a partition 1"], in: files)
    let next = try CrashHistory(files: files, path: "/data/crashes")
    #expect(next.crashes(of: "a") == 1)
    #expect(next.crashes(of: "b") == 1)
    try next.keep(only: ["a"])
    #expect(try files.contents(of: "/data/crashes") == Array("a partition 1\n".utf8))
    try next.clear("a")
    #expect(next.crashes(of: "a") == 0)
}

/// Crashes while a query starts end with any commit of it: all its tasks were there.
@Test func aCommitClearsTheCrashesOfTheStart() throws {
    let files = MemoryFileSystem()
    try files.createDirectory("/data")
    try note(["a", "a", "a"], in: files)
    let history = try CrashHistory(files: files, path: "/data/crashes")
    #expect(history.queriesToPause.keys.sorted() == ["a"])
    try history.clear("a", partition: 4)
    #expect(history.crashes(of: "a") == 0)
}
