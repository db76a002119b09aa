// Rules that hold for every file of the project, read from its text. What the compiler checks (the imports between rooms, `unsafe` beside
// each use of raw memory, warnings as errors) is not repeated here.

import Foundation
import TestSupport
import Testing

/// The project's root.
private let root = URL(filePath: Surroundings.root)

/// A file of the project, as lines.
private struct SourceFile {
    /// Relative to the root.
    var path: String
    var lines: [Substring]

    /// The lines that are no comment, with their numbers, which count from 1.
    var code: [(number: Int, text: Substring)] {
        lines.enumerated().filter { !$0.element.drop(while: \.isWhitespace).hasPrefix("//") }.map { ($0.offset + 1, $0.element) }
    }
}

/// All Swift files under `folder`.
private func files(under folder: String) -> [SourceFile] {
    let base = root.appending(path: folder)
    guard let walker = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else { return [] }
    var found: [SourceFile] = []
    for case let url as URL in walker where url.pathExtension == "swift" {
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        found.append(SourceFile(path: String(url.path.dropFirst(root.path.count + 1)), lines: lines))
    }
    return found.sorted { $0.path < $1.path }
}

/// A place where a mark may stand, with the reason.
private struct Exception {
    var path: String
    var mark: String
    var reason: String

    init(_ path: String, _ mark: String, _ reason: String) { (self.path, self.mark, self.reason) = (path, mark, reason) }
}

@Test func theTopLevelIsCalm() throws {
    let allowed: Set<String> = ["Package.swift", "Sources", "Tests", "grammar", "examples", "README.md", "LICENSE", "Package.resolved"]
    let entries = try FileManager.default.contentsOfDirectory(atPath: root.path).filter { !$0.hasPrefix(".") }
    #expect(Set(entries).subtracting(allowed).isEmpty)
}

@Test func everyRoomHasOneSentence() throws {
    let manifest = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let rooms = manifest.matches(of: /room\(\s*"(\w+)", "([^"]+)"/)
    #expect(rooms.count > 15)
    for room in rooms {
        #expect(!room.2.contains(". "), "\(room.1) has more than one sentence")
        #expect(readme.contains("| `\(room.1)` | \(room.2) |"), "README's tour does not have \(room.1) with its sentence")
        let folder = root.appending(path: "Sources/\(room.1)").path
        #expect(FileManager.default.fileExists(atPath: folder), "\(room.1) has no folder")
    }
}

@Test func filesStayReadable() {
    for file in files(under: "Sources") {
        #expect(file.lines.count <= 600, "\(file.path) has \(file.lines.count) lines: what is its second idea?")
        #expect(
            file.lines.first?.hasPrefix("//") == true || file.path.hasSuffix("main.swift"),
            "\(file.path) does not open with what it is for")
        for (number, line) in file.lines.enumerated() where line.count > 180 {
            Issue.record("\(file.path):\(number + 1) has \(line.count) columns")
        }
    }
}

/// Comments point to nothing that the project does not have: sections are those of RFCs, and words are those of the field.
@Test func commentsCanBeFollowed() {
    let riddles = /\b(whoever|worked off|for ever|how-manieth)\b/.ignoresCase()
    for file in files(under: "Sources") {
        for (number, line) in file.lines.enumerated() where line.contains("//") {
            let hasSection = line.contains("§") && !line.contains("RFC")
            if hasSection { Issue.record("\(file.path):\(number + 1) names a section of a page that is not here") }
            if let riddle = line.firstMatch(of: riddles)?.0 { Issue.record("\(file.path):\(number + 1) says \(riddle): name the thing") }
        }
    }
}

/// What stops the process, or may, stands only where the list says why.
@Test func nothingIsLeftHalfDone() {
    let marks = [
        "TO" + "DO", "FIX" + "ME", "try" + "!", " as" + "! ", "fatal" + "Error(", "precondition" + "Failure(", ")" + "!", "]" + "!", "un" + "owned",
    ]
    let exceptions = [
        Exception("Sources/Functions/FunctionSignature.swift", "preconditionFailure(", "signatures are literals of this program; a test reads all"),
        Exception("Sources/Operators/Aggregates/Aggregator.swift", "preconditionFailure(", "abstract methods of a class"),
        Exception("Sources/Operators/Steps/Operator.swift", "preconditionFailure(", "an abstract method of a class"),
        Exception("Sources/Operators/Steps/JoinOperator.swift", "preconditionFailure(", "an abstract method of a class"),
        Exception("Sources/Operators/Kernels/Kernel.swift", "preconditionFailure(", "an abstract method of a class"),
        Exception("Sources/Operators/Codecs/SideDecoder.swift", "preconditionFailure(", "an abstract method of a class"),
        Exception("Sources/Planner/JoinPlanner.swift", "preconditionFailure(", "the analyser has put the source there"),
        Exception("Sources/Operators/Kernels/Like.swift", ")!", "UTF-16 has every scalar"),
        Exception("Sources/Operators/Codecs/SideEncoder.swift", ")!", "the address of an empty range, never read; it is not 0"),
        Exception("Sources/LogStore/LogWriter.swift", "unowned", "the log owns its writer and outlives it"),
        Exception("Sources/Operators/Steps/FilterOperator.swift", "unowned", "the closure is the operator's own"),
        Exception("Sources/Operators/Steps/RekeyOperator.swift", "unowned", "the closure is the operator's own"),
        Exception("Sources/Operators/Steps/StreamJoinOperator.swift", "unowned", "the closure is the operator's own"),
        Exception("Sources/Operators/Steps/ForeignKeyJoinOperator.swift", "unowned", "the closure is the operator's own"),
        Exception("Sources/Server/MillraceServer.swift", "unowned", "the loop that holds the closure ends before the server"),
    ]
    for file in files(under: "Sources") {
        for line in file.code {
            for mark in marks where line.text.contains(mark) {
                // `)!=` and `]!=` are comparisons.
                if mark.hasSuffix("!") && !line.text.matches(of: /[)\]]!=/).isEmpty { continue }
                if exceptions.contains(where: { $0.path == file.path && $0.mark == mark }) { continue }
                Issue.record("\(file.path):\(line.number) has \(mark)")
            }
        }
    }
}

/// Raw memory only where the design puts it: bytes, the outside world, the hot room's codecs, columns and tables, and, file by file, the
/// borders to C libraries.
@Test func unsafeCodeStaysWhereItBelongs() {
    let allowed = [
        "Sources/Bytes/", "Sources/Platform/", "Sources/Operators/Codecs/", "Sources/Operators/Columns/", "Sources/Operators/Tables/",
        "Sources/Operators/State/",
        // PCRE2.
        "Sources/Operators/Functions/RegularExpression.swift",
        // The zone's file is read where it lies.
        "Sources/Operators/Functions/DatePattern+Reading.swift",
        // Hashes over the bytes of values, as the tables make them.
        "Sources/Operators/Aggregates/RankedAggregates.swift",
        // Records are read and compared where they lie, between the codecs and the columns.
        "Sources/Operators/Rows/RecordValidator.swift", "Sources/Operators/Results/ResultOrder.swift",
        "Sources/Operators/Steps/SinkOperator.swift", "Sources/Operators/Steps/SourceOperator.swift",
        // The pages as the compiler puts them into the program.
        "Sources/Pages/Page.swift",
        // LZ4, zstd, Snappy and zlib; a file's bytes.
        "Sources/LogStore/Compressors.swift", "Sources/LogStore/Decompressor.swift", "Sources/LogStore/Partition.swift",
        // OpenSSL.
        "Sources/Credentials/HashFunction.swift", "Sources/TLS/",
        // libuv and http-parser.
        "Sources/Server/EventLoop.swift", "Sources/Server/SocketStream.swift", "Sources/Server/HTTPConnection.swift",
        // libcurl.
        "Sources/HTTPClient/HTTPClient.swift",
        // libedit.
        "Sources/Shell/LineEditor.swift",
    ]
    for file in files(under: "Sources") where !allowed.contains(where: file.path.hasPrefix) {
        for line in file.code where line.text.contains(/\bunsafe\b[ (]/) {
            Issue.record("\(file.path):\(line.number): \(line.text)")
        }
    }
}

/// Foundation stays out of the product.
@Test func foundationStaysOut() {
    for file in files(under: "Sources") {
        for line in file.code where line.text.contains(/^\s*(@\w+ |\w+ )*import Foundation/) {
            Issue.record("\(file.path):\(line.number) imports Foundation")
        }
    }
}

/// A test that does not run says so to the runner, which counts and names it; it does not print and pass.
@Test func noTestPassesByLeaving() {
    for file in files(under: "Tests") where !file.path.contains("HouseTests") {
        for line in file.code where line.text.contains(/return print\(|print\("skipped/) {
            Issue.record("\(file.path):\(line.number): use .enabled(if:)")
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
