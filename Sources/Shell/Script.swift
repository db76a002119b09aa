// A text of statements and the name of the file that it came from. What editors and shells put before the first statement of a file is
// no part of it: a byte order mark, and a first line that begins with `#!`.

import Bytes
package import Diagnostics
package import Platform

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

    /// The text behind a `#!` line. The end of that line stays, so that line numbers are those of the file.
    static func statements(of text: String) -> String {
        guard text.hasPrefix("#!") else { return text }
        // By bytes: as characters, a carriage return and a line feed are one.
        return String(decoding: text.utf8.drop { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
