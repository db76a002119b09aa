// The users of a server, as a text file that its owner alone may read: a line for each user and mechanism,
//
//   NAME SCRAM-SHA-256 salt=…,stored_key=…,server_key=…,iterations=…
//
// with lines that begin with # and empty ones in between. There are no passwords in it.

package import Platform

/// Who may come.
package struct UserTable: Hashable, Sendable {
    /// Bytes of a file of users.
    package static let largestFile = 4 << 20
    /// Bytes of a name.
    package static let longestName = 200

    private var credentials: [String: [SCRAMMechanism: SCRAMCredential]] = [:]

    /// Without users.
    package init() {}

    /// Their names, in order.
    package var names: [String] { credentials.keys.sorted() }

    /// What is kept of a user's password; nil where there is no such user.
    package func credential(of user: String, _ mechanism: SCRAMMechanism) -> SCRAMCredential? { credentials[user]?[mechanism] }

    /// Whether this is the password of a user.
    package func admits(_ user: String, password: [UInt8]) -> Bool {
        guard let known = credentials[user] else { return false }
        return (known[.sha256] ?? known[.sha512])?.admits(password) ?? false
    }

    /// Adds a user, or gives one another password. False where that cannot be a name.
    package mutating func set(_ user: String, password: [UInt8], random: any RandomSource) -> Bool {
        guard UserTable.isName(user) else { return false }
        for mechanism in SCRAMMechanism.allCases {
            credentials[user, default: [:]][mechanism] = SCRAMCredential(password, mechanism, random: random)
        }
        return true
    }

    /// Removes a user. False where there is none.
    package mutating func remove(_ user: String) -> Bool { credentials.removeValue(forKey: user) != nil }

    /// Whether it may be a name: it stands between spaces in the file.
    private static func isName(_ name: some StringProtocol) -> Bool {
        !name.isEmpty && name.utf8.count <= longestName && !name.hasPrefix("#")
            && name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && !$0.properties.isWhitespace }
    }

    // MARK: As text

    /// The content of the file.
    package var text: String {
        var lines = ["# Users of millrace: no passwords, but what is needed to check them. Written by `millrace user`."]
        for name in names {
            for mechanism in SCRAMMechanism.allCases {
                if let credential = credentials[name]?[mechanism] { lines.append("\(name) \(mechanism.rawValue) \(credential.text)") }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Reads `text`. Errors: the first line that cannot be understood, by its number.
    package init(_ text: String) throws(UserFileError) {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.isEmpty || line.hasPrefix("#") { continue }
            guard words.count == 3, UserTable.isName(words[0]), let mechanism = SCRAMMechanism(rawValue: String(words[1])),
                let credential = SCRAMCredential(words[2], mechanism)
            else { throw UserFileError("line \(number + 1) is no user") }
            credentials[String(words[0]), default: [:]][mechanism] = credential
        }
    }
}

/// Why a file of users cannot be used.
package struct UserFileError: Error, Hashable {
    /// The sentence, lower case, without a full stop.
    package let message: String

    /// With its sentence.
    package init(_ message: String) { self.message = message }
}

/// A file of users, read anew for each login, so that who has been added may come at once.
package struct UserFile: Sendable {
    /// Where it is.
    package let path: String

    /// At a path; nothing is read yet.
    package init(path: String) { self.path = path }

    /// Its users. Errors: it is not there, others may read it, or it cannot be understood.
    package func read() throws(UserFileError) -> UserTable {
        let bytes: [UInt8]
        do throws(SystemError) { bytes = try PrivateFile.read(path, most: UserTable.largestFile) } catch { throw UserFileError("\(error)") }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw UserFileError("\(path) is no text") }
        do throws(UserFileError) { return try UserTable(text) } catch { throw UserFileError("\(path): \(error.message)") }
    }

    /// Replaces it. Errors: the system refuses.
    package func write(_ table: UserTable) throws(UserFileError) {
        do throws(SystemError) { try PrivateFile.replace(path, with: Array(table.text.utf8)) } catch { throw UserFileError("\(error)") }
    }
}
