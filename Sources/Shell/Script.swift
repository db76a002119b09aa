// A text of statements and the name of the file that it came from. What editors and shells put before the first statement of a file is
// no part of it: a byte order mark, and a first line that begins with `#!`.

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

    /// The content of a file. Error: it is not UTF-8; the place of the first wrong byte is not searched for.
    package init(name: String, bytes: [UInt8]) throws(Diagnostic) {
        guard let text = String(validating: Script.statements(of: bytes), as: UTF8.self) else {
            throw Diagnostic(.noSuchFile, "the script \(name) is not UTF-8 text", category: .general)
        }
        self.init(name: name, text: text)
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

    /// The bytes behind a byte order mark and a `#!` line. The end of that line stays, so that line numbers are those of the file.
    static func statements(of bytes: [UInt8]) -> ArraySlice<UInt8> {
        var rest = bytes[...]
        if rest.starts(with: byteOrderMark) { rest = rest.dropFirst(byteOrderMark.count) }
        guard rest.starts(with: [UInt8(ascii: "#"), UInt8(ascii: "!")]) else { return rest }
        return rest.drop { $0 != UInt8(ascii: "\n") }
    }

    /// What some editors write before a text in UTF-8.
    package static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
}
