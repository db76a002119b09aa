// A text of statements and the name of the file that it came from. What editors and shells put before the first statement of a file is
// no part of it: a byte order mark, and a first line that begins with `#!`.

import Bytes
package import Diagnostics
package import Platform
import Syntax

/// Statements from a file, from standard input or from the command line.
package struct Script: Hashable, Sendable {
    /// The name of the file for error messages; nil for the text of `-c`.
    package let name: String?
    /// The statements.
    package let text: String

    package init(name: String?, text: String) {
        self.name = name
        self.text = text
    }

    /// The content of a file. Errors: it is in another encoding than UTF-8; the place of the first wrong byte is not searched for.
    package init(name: String, bytes: [UInt8]) throws(Diagnostic) {
        do throws(TextProblem) {
            let text = try utf8Text(of: bytes)
            self.init(name: name, text: Script.statements(of: text))
        } catch {
            throw Diagnostic(.noSuchFile, "the script \(name) cannot be read: \(error)", category: .general)
        }
    }

    /// Reads a file. Errors: it cannot be read, or is not UTF-8.
    package init(reading path: String, from files: any FileSystem) throws(Diagnostic) {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try files.contents(of: path)
        } catch {
            throw Diagnostic(.noSuchFile, "the script \(path) cannot be read: \(error)", category: .general)
        }
        try self.init(name: path, bytes: bytes)
    }

    /// A statement of a script.
    package struct Piece: Hashable, Sendable {
        /// The text with its `;`, without what stands in front of its first word.
        package let text: String
        /// The line of the script on which it begins, from 1.
        package let line: Int
        /// The byte of the script at which it begins, from 0.
        package let start: Int
    }

    /// The statements one by one. The last one may lack its `;`, which is put there.
    package var pieces: [Piece] {
        var pieces: [Piece] = []
        var splitter = StatementSplitter()
        let bytes = Array(text.utf8)
        var line = 1
        // Where the statement under way begins; nil between statements.
        var start: (index: Int, line: Int)?
        for (index, byte) in bytes.enumerated() {
            if splitter.take(byte) {
                if let start { pieces.append(Piece(text: String(decoding: bytes[start.index...index], as: UTF8.self), line: start.line, start: start.index)) }
                start = nil
            } else if splitter.pending == .nothing {
                // What looked like a statement was the first half of a comment mark.
                start = nil
            } else if start == nil {
                start = (index, line)
            }
            if byte == UInt8(ascii: "\n") { line += 1 }
        }
        if let start {
            // On a line of its own, in case the last one ends with a comment.
            pieces.append(Piece(text: String(decoding: bytes[start.index...], as: UTF8.self) + "\n;", line: start.line, start: start.index))
        }
        return pieces
    }

    /// A stretch of a script.
    package enum Part: Hashable, Sendable {
        /// Statements, behind as many ends of lines as the script has before them, so that their lines are those of the script.
        case statements(String)
        /// A command of the shell, and its line.
        case command(ShellCommand, line: Int)
    }

    /// The statements and the commands of the shell between them.
    package var parts: [Part] {
        var parts: [Part] = []
        var splitter = StatementSplitter()
        var statements = ""
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if splitter.pending == .nothing, let command = ShellCommand(String(line)) {
                if statements.contains(where: { !$0.isWhitespace }) { parts.append(.statements(statements)) }
                parts.append(.command(command, line: index + 1))
                statements = String(repeating: "\n", count: index + 1)
                continue
            }
            for byte in line.utf8 { _ = splitter.take(byte) }
            _ = splitter.take(UInt8(ascii: "\n"))
            statements += line + "\n"
        }
        // A script without a command is what it was, also one without a statement.
        if parts.isEmpty { return [.statements(text)] }
        if statements.contains(where: { !$0.isWhitespace }) { parts.append(.statements(statements)) }
        return parts
    }

    /// The text behind a `#!` line. The end of that line stays, so that line numbers are those of the file.
    static func statements(of text: String) -> String {
        guard text.hasPrefix("#!") else { return text }
        // By bytes: as characters, a carriage return and a line feed are one.
        return String(decoding: text.utf8.drop { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
