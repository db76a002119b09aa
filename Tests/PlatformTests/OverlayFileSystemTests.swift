// The overlay behaves as a file system of its own, and leaves what is below it alone.
import Platform
import Testing

@Suite struct OverlayFileSystemTests {
    /// Random operations on an overlay and on a copy give the same files, and the base stays as it was.
    @Test func behavesAsACopy() throws {
        for seed in 0..<60 {
            let chance = SeededRandom(seed: UInt64(seed))
            func fill(_ files: any FileSystem) throws {
                for name in 0..<4 {
                    try files.createDirectory("d/e")
                    let bytes = (0..<(name * 5000)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ name) }
                    try files.open("d/e/\(name)", .truncate).write(bytes, at: 0)
                }
            }
            let (base, copy) = (MemoryFileSystem(), MemoryFileSystem())
            try fill(base)
            try fill(copy)
            let overlay = OverlayFileSystem(over: base)
            for _ in 0..<40 {
                let path = "d/e/\(chance.below(6))"
                let (place, count) = (chance.below(18_000), 1 + chance.below(9000))
                let action = chance.below(6)
                var outcomes: [String] = []
                for files in [overlay, copy] as [any FileSystem] {
                    do throws(SystemError) {
                        switch action {
                        case 0: try files.open(path, .write).write([UInt8](repeating: UInt8(count % 251), count: count), at: Int64(place))
                        case 1: try files.open(path, .create).truncate(to: Int64(place))
                        case 2: try files.removeFile(path)
                        case 3: try files.rename(path, to: "d/e/\((place + count) % 6)")
                        case 4: _ = try files.open(path, .truncate)
                        default: try files.replace(path, with: [1, 2, 3])
                        }
                        outcomes.append("done")
                    } catch {
                        outcomes.append("\(error.kind)")
                    }
                }
                #expect(outcomes[0] == outcomes[1], "seed \(seed), action \(action)")
                #expect(try overlay.list("d/e") == copy.list("d/e"), "seed \(seed)")
                for name in try copy.list("d/e") {
                    #expect(try overlay.contents(of: "d/e/" + name) == copy.contents(of: "d/e/" + name), "seed \(seed), \(name)")
                }
            }
            let before = MemoryFileSystem()
            try fill(before)
            #expect(try base.list("d/e") == before.list("d/e"))
            for name in try before.list("d/e") { #expect(try base.contents(of: "d/e/" + name) == before.contents(of: "d/e/" + name)) }
        }
    }

    @Test func directoriesAreMadeAndRemovedAboveTheBase() throws {
        let base = MemoryFileSystem()
        try base.createDirectory("d")
        try base.replace("d/a", with: [1])
        let overlay = OverlayFileSystem(over: base)
        try overlay.createDirectory("d/x/y")
        try overlay.replace("d/x/y/z", with: [2])
        #expect(try overlay.list("d") == ["a", "x"] && overlay.list("d/x/y") == ["z"])
        try overlay.removeTree("d")
        #expect(!overlay.exists("d") && !overlay.exists("d/a") && !overlay.exists("d/x/y/z"))
        #expect(try base.list("d") == ["a"])
        #expect { try overlay.open("d/a", .read) } throws: { ($0 as? SystemError)?.kind == .notFound }
        #expect { try overlay.open("d/b", .create) } throws: { ($0 as? SystemError)?.kind == .notFound }
    }
}
