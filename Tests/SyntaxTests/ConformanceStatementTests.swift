// Every statement of the conformance cases goes through the parser, and its tree through the printer and back.

import Diagnostics
import Foundation
import Syntax
import TestSupport
import Testing

/// A case of the conformance files, as far as the parser is concerned.
struct ConformanceCase: CustomStringConvertible {
    var file: String
    var name: String
    var statements: [String]
    /// Set when an error is expected: its class, if one is named, and the part of the message that is pinned.
    var expectedError: (type: String, message: String)?

    var text: String { statements.joined(separator: "\n") }
    var description: String { "\(file): \(name)" }
}

enum Conformance {
    /// The folder beside the project.
    static let folder = URL(filePath: Surroundings.shared + "/conformance")

    /// The cases of all folders.
    static let cases: [ConformanceCase] = {
        return ["queries", "random", "random-registry", "rest"].flatMap { name -> [ConformanceCase] in
            let files = (try? FileManager.default.contentsOfDirectory(at: folder.appendingPathComponent(name), includingPropertiesForKeys: nil)) ?? []
            return files.filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }.flatMap(load)
        }
    }()

    private static func load(_ file: URL) -> [ConformanceCase] {
        guard let data = try? Data(contentsOf: file),
            let root = try? JSONSerialization.jsonObject(with: withoutComments(data)) as? [String: Any],
            let nodes = root["tests"] as? [[String: Any]]
        else {
            Issue.record("cannot read \(file.path)")
            return []
        }
        return nodes.flatMap { node -> [ConformanceCase] in
            let statements = node["statements"] as? [String] ?? []
            let error = (node["expectedException"] ?? node["expectedError"]) as? [String: Any]
            let formats = node["format"] as? [String] ?? [""]
            // Server cases send their queries one by one, after everything else.
            let isServerCase = file.deletingLastPathComponent().lastPathComponent == "rest"
            let queries = isServerCase ? statements.filter { $0.hasPrefix("SELECT ") } : []
            let batch = isServerCase ? statements.filter { !$0.hasPrefix("SELECT ") } : statements
            return formats.flatMap { format in
                ([batch] + queries.map { [$0] }).map { sent in
                    ConformanceCase(
                        file: file.lastPathComponent, name: node["name"] as? String ?? "?",
                        statements: sent.map { $0.replacingOccurrences(of: "{FORMAT}", with: format) },
                        expectedError: error.map { ($0["type"] as? String ?? "", $0["message"] as? String ?? "") })
                }
            }
        }
    }

    /// The bytes with `//` and `/* */` comments blanked, as the case files have them.
    private static func withoutComments(_ data: Data) -> Data {
        var bytes = [UInt8](data)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                while index < bytes.count, bytes[index] != UInt8(ascii: "\"") { index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1 }
                index += 1
            case UInt8(ascii: "/") where index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "/"):
                while index < bytes.count, bytes[index] != UInt8(ascii: "\n") {
                    bytes[index] = 0x20
                    index += 1
                }
            case UInt8(ascii: "/") where index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "*"):
                while !(bytes[index] == UInt8(ascii: "*") && bytes[index + 1] == UInt8(ascii: "/")) {
                    bytes[index] = 0x20
                    index += 1
                }
                bytes[index] = 0x20
                bytes[index + 1] = 0x20
                index += 2
            default: index += 1
            }
        }
        return Data(bytes)
    }
}

@Suite(.enabled(if: Surroundings.has("conformance/queries"), "the conformance cases are not beside the project"))
struct ConformanceStatementTests {
    @Test func everythingThatShouldParseDoes() {
        for test in Conformance.cases {
            do {
                _ = try parse(test.text)
                if let expected = test.expectedError, test.file.hasPrefix("pull") == false, expected.message.contains("Syntax Error") || expected.message.contains("Syntax error") {
                    Issue.record("\(test): should not parse: \(expected.message)")
                }
            } catch {
                guard let expected = test.expectedError else {
                    Issue.record("\(test): \(error.fullMessage)")
                    continue
                }
                #expect(error.fullMessage.contains(expected.message), "\(test): \(error.fullMessage)")
                if expected.type.hasSuffix("ParseFailedException") { #expect(error.category == .parseFailed, "\(test)") }
            }
        }
    }

    @Test func printsAndParsesBackToTheSameTree() throws {
        var seen = Set<String>()
        for test in Conformance.cases {
            guard seen.insert(test.text).inserted, let statements = try? parse(test.text) else { continue }
            for parsed in statements {
                let printed = parsed.statement.canonicalText
                do {
                    let again = try parse(printed.hasSuffix(";") ? printed : printed + ";")
                    #expect(again.map(\.statement) == [parsed.statement], "\(test): \(printed)")
                    #expect(again.first?.statement.canonicalText == printed)
                } catch {
                    Issue.record("\(test): \(printed)\n\(error.fullMessage)")
                }
            }
        }
    }

    @Test func splitterCutsWhereTheParserDoes() throws {
        for test in Conformance.cases {
            guard let statements = try? parse(test.text) else { continue }
            let pieces = StatementSplitter.split(test.text)
            #expect(pieces.count == statements.count, "\(test)")
            for (piece, statement) in zip(pieces, statements) { #expect(piece.hasSuffix(statement.text), "\(test)") }
        }
    }
}
