import Foundation
import Testing

/// The project's root.
private let root = URL(filePath: "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/"))

/// All Swift files under `folder`, with their text, by path relative to the root.
private func files(under folder: String) -> [(path: String, lines: [Substring])] {
    let base = root.appending(path: folder)
    guard let walker = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else { return [] }
    var found: [(String, [Substring])] = []
    for case let url as URL in walker where url.pathExtension == "swift" {
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
        found.append((String(url.path.dropFirst(root.path.count + 1)), text.split(separator: "\n", omittingEmptySubsequences: false)))
    }
    return found.sorted { $0.0 < $1.0 }
}

@Test func theTopLevelIsCalm() throws {
    let allowed: Set<String> = ["Package.swift", "Sources", "Tests", "grammar", "examples", "README.md", "LICENSE", "Package.resolved"]
    let entries = try FileManager.default.contentsOfDirectory(atPath: root.path).filter { !$0.hasPrefix(".") }
    #expect(Set(entries).subtracting(allowed).isEmpty)
}

@Test func everyRoomHasOneSentence() throws {
    let manifest = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
    let rooms = manifest.matches(of: /room\("(\w+)", "([^"]+)"/)
    #expect(rooms.count > 15)
    for room in rooms {
        #expect(!room.2.contains(". "), "\(room.1) has more than one sentence")
        let folder = root.appending(path: "Sources/\(room.1)").path
        #expect(FileManager.default.fileExists(atPath: folder), "\(room.1) has no folder")
    }
}

@Test func filesStayReadable() {
    for (path, lines) in files(under: "Sources") {
        #expect(lines.count <= 600, "\(path) has \(lines.count) lines: what is its second idea?")
        #expect(lines.first?.hasPrefix("//") == true || path.hasSuffix("main.swift"), "\(path) does not open with what it is for")
        for (number, line) in lines.enumerated() where line.count > 180 {
            Issue.record("\(path):\(number + 1) has \(line.count) columns")
        }
    }
}

@Test func nothingIsLeftHalfDone() {
    let marks = ["TO" + "DO", "FIX" + "ME", "try" + "!", " as" + "! ", "fatal" + "Error("]
    for (path, lines) in files(under: "Sources") {
        for (number, line) in lines.enumerated() where !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
            for mark in marks where line.contains(mark) { Issue.record("\(path):\(number + 1) has \(mark)") }
        }
    }
}

/// Raw memory only where the design puts it: bytes, the outside world, the hot room's codecs and tables, and the borders to C libraries.
@Test func unsafeCodeStaysWhereItBelongs() {
    let allowed = [
        "Sources/Bytes/", "Sources/Platform/", "Sources/Operators/", "Sources/LogStore/", "Sources/Server/", "Sources/Shell/",
        "Sources/millrace/", "Sources/CommandLineTable/",
    ]
    for (path, lines) in files(under: "Sources") where !allowed.contains(where: path.hasPrefix) {
        for (number, line) in lines.enumerated() where line.contains("unsafe ") && !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
            Issue.record("\(path):\(number + 1): \(line)")
        }
    }
}

/// The SQL rooms and the data rooms meet only in Plans; Foundation stays out of the server.
@Test func roomsImportOnlyDownwards() {
    for (path, lines) in files(under: "Sources") {
        for (number, line) in lines.enumerated() where line.contains("import ") && !line.hasPrefix("//") {
            #expect(!line.hasSuffix("import Foundation"), "\(path):\(number + 1) imports Foundation")
        }
    }
}

@Test func nothingOfOneMachineIsWrittenDown() throws {
    let home = "/" + "root/", work = "/" + "work/"
    for folder in ["Sources", "Tests", "examples", "grammar"] {
        let base = root.appending(path: folder)
        guard let walker = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else { continue }
        for case let url as URL in walker {
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            #expect(!text.contains(home) && !text.contains(work), "\(url.lastPathComponent) has a path of one machine")
        }
    }
}
