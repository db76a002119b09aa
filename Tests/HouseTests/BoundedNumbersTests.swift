// A number from outside is bounded before it is used. Two kinds of code break that rule without a word: a product with a number of time
// units, and a conversion to a narrower integer, which traps. Both are allowed only where the list says why.

import Foundation
import Testing

private let root = URL(filePath: "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/"))

/// Files whose products of time units are of numbers that have been bounded before.
private let products: [String: String] = [
    "Sources/Platform/TimeAndChance.swift": "the clocks of the machine, and one that a test moves",
    "Sources/Engine/StatementExecution+Waits.swift": "a TIMEOUT that has been found in its range",
    "Sources/Benchmark/Nexmark/NexmarkGenerator.swift": "the number of an event of a run",
    "Sources/Wire/AnswerFacts.swift": "a double",
    "Sources/Syntax/SyntaxLimits.swift": "a constant",
    "Sources/Shell/ShellCommand.swift": "a double that has been bounded",
    "Sources/Values/TemporalText.swift": "hours, minutes and seconds of at most two digits",
    "Sources/Values/DateTextReader.swift": "hours, minutes and seconds of at most two digits",
    "Sources/Operators/Codecs/JSONEncoder.swift": "a double",
    "Sources/Operators/Codecs/NumberText.swift": "a double",
    "Sources/Operators/Functions/CalendarPattern+Reading.swift": "every number is below 2^40",
    "Sources/Operators/Functions/DatePattern+Reading.swift": "bounded in the line before",
    "Sources/Operators/Functions/DatePattern+Writing.swift": "milliseconds of a day, and offsets of zones",
    "Sources/Operators/Functions/OwnTimes.swift": "a double, and years of dates that are bounded before",
    "Sources/Operators/Functions/TimeZone.swift": "offsets of zones, which have 32 bits",
]

/// Files that convert to 8, 16 or 32 bits what cannot be too large.
private let conversions: [String: String] = [
    "Sources/Platform/Sockets.swift": "constants of C headers",
    "Sources/Platform/ServiceManager.swift": "constants of C headers, and an initialiser that takes text and may fail",
    "Sources/Platform/ChildGroup.swift": "constants of C headers",
    "Sources/Benchmark/Peers/PeerPrograms.swift": "an initialiser that takes text and may fail",
    "Sources/Platform/Threads.swift": "constants of C headers",
    "Sources/Platform/MachineMemory.swift": "constants of C headers",
    "Sources/Platform/CrashRecord.swift": "constants of C headers",
    "Sources/Shell/LineEditor.swift": "constants of C headers",
    "Sources/Server/SocketStream.swift": "sizes of buffers, which limits keep far below 4 GiB",
    "Sources/LogStore/Compressors.swift": "constants of C headers, and sizes of one batch",
    "Sources/LogStore/Journal.swift": "counts and sizes of one commit, whose records have places of 32 bits",
    "Sources/Operators/Tables/WordTable.swift": "numbers of groups, for which memory ends long before 2^31",
    "Sources/Operators/Tables/GroupTable.swift": "numbers of groups, for which memory ends long before 2^31",
    "Sources/Operators/Tables/ByteTable.swift": "numbers of keys, for which memory ends long before 2^31",
    "Sources/Operators/Results/ResultIndex.swift": "numbers of keys, for which memory ends long before 2^31",
    "Sources/Operators/Results/ResultStore.swift": "numbers of keys, for which memory ends long before 2^31",
    "Sources/Settings/ValueKind.swift": "an initialiser that takes text and may fail",
    "Sources/RegistryClient/RegistryClientOptions.swift": "an initialiser that takes text and may fail",
    "Sources/Analysis/ExpressionAnalyser+Constructors.swift": "an initialiser that takes text and may fail",
    "Sources/Operators/Functions/RegularExpression.swift": "constants of C headers",
    "Sources/Bytes/Hashes.swift": "bytes made wider",
    "Sources/Bytes/BatchFraming.swift": "counts and sizes of a batch, which it is cut to",
    "Sources/Bytes/RecordBatchHeader.swift": "the size of a batch, which it is cut to",
    "Sources/Bytes/ByteText.swift": "bytes made wider",
    "Sources/Operators/Codecs/JSONCursor.swift": "bytes made wider",
    "Sources/Operators/Functions/Digests.swift": "bytes made wider",
    "Sources/JSONText/JSONValue+Parsing.swift": "digits made wider",
]

private struct Place: CustomStringConvertible {
    var path: String
    var number: Int
    var line: String
    var description: String { "\(path):\(number): \(line.trimmingCharacters(in: .whitespaces))" }
}

/// Lines of code, without comments, that match outside the files of the list.
private func places(_ pattern: String, except allowed: [String: String]) throws -> [Place] {
    let expression = try NSRegularExpression(pattern: pattern)
    guard let walker = FileManager.default.enumerator(at: root.appending(path: "Sources"), includingPropertiesForKeys: nil) else { return [] }
    var found: [Place] = []
    for case let url as URL in walker where url.pathExtension == "swift" {
        let path = String(url.path.dropFirst(root.path.count + 1))
        guard allowed[path] == nil else { continue }
        for (index, line) in try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n").enumerated() {
            let code = line.range(of: "//").map { String(line[..<$0.lowerBound]) } ?? line
            if expression.firstMatch(in: code, range: NSRange(code.startIndex..., in: code)) != nil {
                found.append(Place(path: path, number: index + 1, line: line))
            }
        }
    }
    return found.sorted { $0.description < $1.description }
}

@Test func noProductOfTimeUnitsIsUnbounded() throws {
    let units = "(1_?000|60_?000|1_?000_?000|3_?600_?000|86_?400_?000|1_?000_?000_?000)\\b"
    for place in try places("[\\w)\\]]\\s*[*]=?\\s*\(units)|\\b\(units)\\s*[*]\\s*[a-z]", except: products) {
        Issue.record("\(place): use Milliseconds, or multipliedSaturated(by:)")
    }
}

@Test func noConversionTraps() throws {
    let labels = "truncatingIfNeeded:|exactly:|clamping:|bitPattern:|littleEndian:|bigEndian:|ascii:|String\\("
    for place in try places("\\bU?Int(8|16|32)\\((?!\(labels))", except: conversions) {
        Issue.record("\(place): use init(exactly:), init(clamping:) or, where it is bounded, init(truncatingIfNeeded:)")
    }
}

/// Room for exactly what comes next, asked for again and again, moves the whole array each time.
@Test func arraysGrowByDoubling() throws {
    for place in try places("(\\w+)\\.reserveCapacity\\(\\1\\.count\\s*\\+", except: ["Sources/Bytes/Room.swift": "doubles"]) {
        Issue.record("\(place): use makeRoom(for:)")
    }
}

@Test func listedFilesExist() {
    for path in Array(products.keys) + conversions.keys {
        #expect(FileManager.default.fileExists(atPath: root.appending(path: path).path), "\(path) is listed and does not exist")
    }
}
