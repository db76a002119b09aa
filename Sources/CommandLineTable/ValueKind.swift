// What the value of a flag or setting may be, and how its text becomes a value. Every refusal says what was wanted.

/// The kind of a value.
package enum ValueKind: Hashable, Sendable {
    /// A switch that takes no value on the command line; `true` or `false` in files.
    case flag
    case text
    /// SQL text.
    case sql
    case file
    case directory
    /// `HOST:PORT`; the port may be left out where a default is given. Port 0 asks the system for a free one, where that is allowed.
    case address(defaultPort: Int?, allowsZero: Bool)
    case integer(ClosedRange<Int>)
    /// An integer with an optional unit: `16MiB`, `2g`, `1000`.
    case byteCount
    case choice([String])
    /// `NAME=VALUE`
    case definition

    /// The word that stands for the value in help texts.
    package var placeholder: String {
        switch self {
        case .flag: ""
        case .text: "TEXT"
        case .sql: "SQL"
        case .file: "FILE"
        case .directory: "DIR"
        case .address: "HOST:PORT"
        case .integer: "N"
        case .byteCount: "BYTES"
        case .choice(let words): words.joined(separator: "|")
        case .definition: "NAME=VALUE"
        }
    }
}

/// A value after its text was checked.
package enum OptionValue: Hashable, Sendable {
    case flag(Bool)
    case text(String)
    case integer(Int)
    case address(NetworkAddress)
    case definition(name: String, value: String)

    /// The text of values that are kept as text: names, paths, SQL and choices.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The number of counts and sizes.
    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    /// The address of values that are one.
    package var address: NetworkAddress? { if case .address(let address) = self { address } else { nil } }
    /// Whether it is a switch that is on.
    package var isOn: Bool { self == .flag(true) }
}

/// A host and a port to listen on or to connect to.
package struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address; IPv6 without brackets.
    package var host: String
    /// 0 where any free port will do.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; nil when the text is no address of something that can be connected to.
    package init?(_ text: String) {
        guard case .address(let address)? = try? ValueKind.address(defaultPort: nil, allowsZero: false).value(of: text) else { return nil }
        self = address
    }

    /// `HOST:PORT`, with brackets round IPv6.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can reach it, so that no authentication is needed.
    package var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// Why a text is no value of a kind, as the end of a sentence that begins with where it stood.
struct ValueProblem: Error {
    var reason: String
}

extension ValueKind {
    /// The value of a text.
    func value(of text: String) throws(ValueProblem) -> OptionValue {
        switch self {
        case .flag:
            switch text.lowercased() {
            case "true", "on", "yes", "1": return .flag(true)
            case "false", "off", "no", "0": return .flag(false)
            default: throw ValueProblem(reason: "takes true or false, not '\(text)'")
            }
        case .text, .file, .directory:
            guard !text.isEmpty else { throw ValueProblem(reason: "needs a value that is not empty") }
            return .text(text)
        case .sql: return .text(text)
        case .address(let defaultPort, let allowsZero):
            return .address(try ValueKind.address(text, defaultPort: defaultPort, allowsZero: allowsZero))
        case .integer(let range):
            guard let value = Int(text) else { throw ValueProblem(reason: "takes a whole number, not '\(text)'") }
            guard range.contains(value) else {
                throw ValueProblem(
                    reason: range.upperBound == .max
                        ? "takes a number of at least \(range.lowerBound), not \(value)"
                        : "takes a number from \(range.lowerBound) to \(range.upperBound), not \(value)")
            }
            return .integer(value)
        case .byteCount: return .integer(try ValueKind.byteCount(text))
        case .choice(let words):
            guard let word = words.first(where: { $0 == text.lowercased() }) else {
                throw ValueProblem(reason: "takes one of \(words.joined(separator: ", ")), not '\(text)'")
            }
            return .text(word)
        case .definition:
            guard let equals = text.firstIndex(of: "="), ValueKind.isVariableName(text[..<equals]) else {
                throw ValueProblem(reason: "takes NAME=VALUE with a name of letters, digits and _, not '\(text)'")
            }
            var value = text[text.index(after: equals)...]
            if value.count >= 2, value.hasPrefix("'"), value.hasSuffix("'") { value = value.dropFirst().dropLast() }
            return .definition(name: String(text[..<equals]), value: String(value))
        }
    }

    /// Whether `${text}` names a variable.
    private static func isVariableName(_ text: Substring) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte == UInt8(ascii: "_") }
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
                throw ValueProblem(reason: "takes HOST:PORT, not '\(text)'")
            }
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, !host.contains(where: \.isWhitespace) else { throw ValueProblem(reason: "takes HOST:PORT, not '\(text)'") }
        guard let portText else {
            guard let defaultPort else { throw ValueProblem(reason: "takes HOST:PORT; the port is missing in '\(text)'") }
            return NetworkAddress(host: String(host), port: defaultPort)
        }
        guard let port = Int(portText), port >= (allowsZero ? 0 : 1), port <= 65_535 else {
            throw ValueProblem(reason: "takes HOST:PORT with a port from \(allowsZero ? 0 : 1) to 65535, not '\(text)'")
        }
        return NetworkAddress(host: String(host), port: port)
    }

    private static func byteCount(_ text: String) throws(ValueProblem) -> Int {
        let digits = text.prefix(while: \.isNumber)
        let unit = text[digits.endIndex...].lowercased()
        let shift: Int? =
            switch unit {
            case "", "b": 0
            case "k", "kb", "kib": 10
            case "m", "mb", "mib": 20
            case "g", "gb", "gib": 30
            case "t", "tb", "tib": 40
            default: nil
            }
        guard let shift, let count = Int(digits), count <= Int.max >> shift else {
            throw ValueProblem(reason: "takes a number of bytes such as 1000, 16MiB or 2GiB, not '\(text)'")
        }
        return count << shift
    }
}
