// What the value of a flag or setting may be, and how its text becomes a value. Every refusal says what was wanted, in a sentence of
// bounded length whatever was sent.

/// The kind of a value.
package enum ValueKind: Hashable, Sendable {
    /// A switch that takes no value on the command line; `true` or `false` in files.
    case flag
    case text
    /// A text that may have no characters.
    case possiblyEmptyText
    /// SQL text.
    case sql
    case file
    case directory
    /// `HOST:PORT`; the port may be left out where a default is given. Port 0 asks the system for a free one, where that is allowed.
    case address(defaultPort: Int?, allowsZero: Bool)
    case integer(ClosedRange<Int>)
    /// A whole number of milliseconds.
    case milliseconds(ClosedRange<Int>)
    /// A number of bytes, also with a unit: `256M` are 256 MiB. The units are K, M, G and T, in either case.
    case bytes(ClosedRange<Int>)
    case choice([String])
    /// Where a client finds a server: `HOST:PORT`, `tls://HOST:PORT`, or the path of a socket, which has a `/`.
    case server(defaultPort: Int)
    /// `NAME=VALUE`
    case definition
    /// How many of all: a number, or a share as in `5%`.
    case countOrShare

    /// What the value may be; nil where that is more than a few words.
    package var choices: [String]? {
        switch self {
        case .flag: ["true", "false"]
        case .choice(let words): words
        default: nil
        }
    }

    /// The word that stands for the value in help texts.
    package var placeholder: String {
        switch self {
        case .flag: ""
        case .text, .possiblyEmptyText: "TEXT"
        case .sql: "SQL"
        case .file: "FILE"
        case .directory: "DIR"
        case .address: "HOST:PORT"
        case .server: "HOST:PORT|PATH"
        case .integer: "N"
        case .milliseconds: "MS"
        case .bytes: "BYTES"
        case .choice(let words): words.joined(separator: "|")
        case .definition: "NAME=VALUE"
        case .countOrShare: "N|P%"
        }
    }
}

/// A value after its text was checked.
package enum SettingContent: Hashable, Sendable {
    case flag(Bool)
    case text(String)
    case integer(Int)
    case address(NetworkAddress)
    case definition(name: String, value: String)

    /// The text of values that are kept as text: names, paths, SQL and choices.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The number of counts and lengths of time, in the unit of the kind.
    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    /// The address of values that are one.
    package var address: NetworkAddress? { if case .address(let address) = self { address } else { nil } }
    /// The value as a file of settings would have it.
    package var settingText: String {
        switch self {
        case .flag(let isOn): isOn ? "true" : "false"
        case .text(let text): text
        case .integer(let value): String(value)
        case .address(let address): address.description
        case .definition(let name, let value): "\(name)=\(value)"
        }
    }
    /// Whether it is a switch that is on.
    package var isOn: Bool { self == .flag(true) }
}

/// A host and a port to listen on or to connect to.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address; IPv6 without brackets.
    package var host: String
    /// 0 where any free port will do.
    package var port: Int

    /// Whether a client is to speak TLS there: it was written as `tls://HOST:PORT`.
    package var usesTLS = false
    /// The path of the socket that was written instead; host and port mean nothing then.
    package private(set) var path: String?

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// A socket in the file system.
    init(path: String) {
        (host, port) = ("", 0)
        self.path = path
    }

    /// Reads `HOST:PORT`; nil when the text is none. Port 0 can be listened on, but not connected to.
    package init?(_ text: String, allowsZero: Bool = false) {
        guard let value = try? ValueKind.address(defaultPort: nil, allowsZero: allowsZero).value(of: text), let address = value.address else {
            return nil
        }
        self = address
    }

    /// `HOST:PORT`, with brackets round IPv6.
    package var description: String { path ?? ((usesTLS ? NetworkAddress.scheme : "") + (host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")) }

    /// What stands in front of an address where a client is to speak TLS.
    package static let scheme = "tls://"

    /// Whether only this machine can reach it, so that no authentication is needed.
    package var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        // A name such as 127.example.org is no address.
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { part in UInt8(part).map { String($0) == part } ?? false }
    }
}

/// Why a text is no value of a kind, as the end of a sentence that begins with where it stood.
package struct ValueProblem: Error {
    /// What is wrong, as the end of a sentence.
    package let reason: String

    /// A problem with that reason.
    package init(reason: String) { self.reason = reason }
}

/// A text from outside as it may stand in a sentence: its beginning, when it is long.
func shortened(_ text: String) -> String {
    let most = 60
    guard text.utf8.count > most else { return text }
    return String(decoding: text.utf8.prefix(most), as: UTF8.self) + "…"
}

extension ValueKind {
    /// The longest text that names, paths and the like may have, in bytes. SQL is bounded by the parser.
    static let longestText = 4_096
    /// The longest definition of a variable, in bytes: half of what a statement may have.
    static let longestDefinition = 2 << 20

    /// Why a text is no value of this kind; nil when it is one.
    package func problem(with text: String) -> String? {
        do throws(ValueProblem) {
            _ = try value(of: text)
            return nil
        } catch {
            return error.reason
        }
    }

    /// The value of a text, or the nearest one in range when it is a whole number; nil when it is no value at all.
    package func nearestValue(of text: String) -> SettingContent? {
        if let value = try? value(of: text) { return value }
        switch self {
        case .integer(let range), .milliseconds(let range):
            guard let number = ValueKind.wholeNumber(text) else { return nil }
            return .integer(min(max(number, range.lowerBound), range.upperBound))
        case .bytes(let range):
            guard let number = ValueKind.byteCount(text) else { return nil }
            return .integer(min(max(number, range.lowerBound), range.upperBound))
        default: return nil
        }
    }

    /// A whole number of any length, the nearest that 64 bits have.
    private static func wholeNumber(_ text: String) -> Int? {
        if let number = Int(text) { return number }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        guard !digits.isEmpty, text.utf8.count - digits.count <= 1, digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else { return nil }
        return text.hasPrefix("-") ? .min : .max
    }

    /// A number of bytes, with a unit or without, the nearest that 64 bits have; nil when the text is none.
    private static func byteCount(_ text: String) -> Int? {
        let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        guard let letter = text.uppercased().last, let unit = units[letter] else { return wholeNumber(text) }
        guard let number = wholeNumber(String(text.dropLast())) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? (number < 0 ? .min : .max) : product
    }

    /// The value of a text.
    package func value(of text: String) throws(ValueProblem) -> SettingContent {
        if case .sql = self { return .text(text) }
        let longest = self == .definition ? ValueKind.longestDefinition : ValueKind.longestText
        guard text.utf8.count <= longest else {
            throw ValueProblem(reason: "takes a text of at most \(longest) bytes, not one of \(text.utf8.count)")
        }
        if case .possiblyEmptyText = self { return .text(text) }
        guard !text.isEmpty else { throw ValueProblem(reason: "needs a value that is not empty") }
        switch self {
        case .flag:
            switch text.lowercased() {
            case "true", "on", "yes", "1": return .flag(true)
            case "false", "off", "no", "0": return .flag(false)
            default: throw ValueProblem(reason: "takes true or false, not '\(shortened(text))'")
            }
        case .text, .possiblyEmptyText, .sql, .file, .directory: return .text(text)
        case .countOrShare:
            let number = Int(text.hasSuffix("%") ? String(text.dropLast()) : text)
            guard let number, number >= 0, !text.hasSuffix("%") || number <= 100 else {
                throw ValueProblem(reason: "takes a number from 0, or a percentage from 0% to 100%, not '\(shortened(text))'")
            }
            return .text(text)
        case .server(let defaultPort):
            guard text.contains("/"), !text.lowercased().hasPrefix(NetworkAddress.scheme) else {
                return try ValueKind.address(defaultPort: defaultPort, allowsZero: false).value(of: text)
            }
            if text.contains("://") || text.utf8.count > ValueKind.longestText {
                throw ValueProblem(reason: "takes HOST:PORT, tls://HOST:PORT or the path of a socket, not '\(shortened(text))'")
            }
            return .address(NetworkAddress(path: text))
        case .address(let defaultPort, let allowsZero):
            // Only where one connects to; a listener has its certificate.
            let isEncrypted = !allowsZero && text.lowercased().hasPrefix(NetworkAddress.scheme)
            var address = try ValueKind.address(
                isEncrypted ? String(text.dropFirst(NetworkAddress.scheme.count)) : text, defaultPort: defaultPort, allowsZero: allowsZero)
            address.usesTLS = isEncrypted
            return .address(address)
        case .integer(let range): return .integer(try ValueKind.number(text, in: range, unit: ""))
        case .milliseconds(let range): return .integer(try ValueKind.number(text, in: range, unit: " ms"))
        case .bytes(let range):
            guard let number = ValueKind.byteCount(text) else {
                throw ValueProblem(reason: "takes a number of bytes such as 256M or 4G, not '\(shortened(text))'")
            }
            guard range.contains(number) else {
                throw ValueProblem(
                    reason: "takes a number of bytes from \(range.lowerBound) to \(range.upperBound), not \(shortened(text))")
            }
            return .integer(number)
        case .choice(let words):
            guard let word = words.first(where: { $0 == text.lowercased() }) else {
                throw ValueProblem(reason: "takes one of \(words.joined(separator: ", ")), not '\(shortened(text))'")
            }
            return .text(word)
        case .definition:
            guard let equals = text.firstIndex(of: "="), ValueKind.isVariableName(text[..<equals]) else {
                throw ValueProblem(reason: "takes NAME=VALUE with a name of letters, digits and _, not '\(shortened(text))'")
            }
            var value = text[text.index(after: equals)...]
            if value.count >= 2, value.hasPrefix("'"), value.hasSuffix("'") { value = value.dropFirst().dropLast() }
            return .definition(name: String(text[..<equals]), value: String(value))
        }
    }

    private static func number(_ text: String, in range: ClosedRange<Int>, unit: String) throws(ValueProblem) -> Int {
        guard let nearest = wholeNumber(text) else { throw ValueProblem(reason: "takes a whole number, not '\(shortened(text))'") }
        guard let number = Int(text), range.contains(nearest) else {
            throw ValueProblem(
                reason: range.upperBound == .max
                    ? "takes a number of at least \(range.lowerBound)\(unit), not \(shortened(text))"
                    : "takes a number from \(range.lowerBound) to \(range.upperBound)\(unit), not \(shortened(text))")
        }
        return number
    }

    /// Whether `${text}` names a variable.
    private static func isVariableName(_ text: Substring) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool {
            byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte == UInt8(ascii: "_")
        }
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }

    private static func address(_ text: String, defaultPort: Int?, allowsZero: Bool) throws(ValueProblem) -> NetworkAddress {
        var host = text[...]
        var portText: Substring?
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            if rest.hasPrefix(":") {
                portText = rest.dropFirst()
            } else if !rest.isEmpty {
                throw ValueProblem(reason: "takes HOST:PORT, not '\(shortened(text))'")
            }
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        if host.contains("/") {
            throw ValueProblem(reason: "takes HOST:PORT, not '\(shortened(text))'" + (allowsZero ? "; --socket PATH listens at a path" : ""))
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else {
            throw ValueProblem(reason: "takes HOST:PORT, not '\(shortened(text))'")
        }
        guard let portText else {
            guard let defaultPort else { throw ValueProblem(reason: "takes HOST:PORT; the port is missing in '\(shortened(text))'") }
            return NetworkAddress(host: String(host), port: defaultPort)
        }
        guard let port = Int(portText), port >= (allowsZero ? 0 : 1), port <= 65_535 else {
            throw ValueProblem(reason: "takes HOST:PORT with a port from \(allowsZero ? 0 : 1) to 65535, not '\(shortened(text))'")
        }
        return NetworkAddress(host: String(host), port: port)
    }
}
