// URI references as java.net.URI reads them: RFC 2396 with the bracketed addresses of RFC 2732, and letters beyond ASCII tolerated.

import Values

/// The parts of a URI reference, escapes not decoded; nil for parts that are absent.
struct URIReference {
    private(set) var scheme: ArraySlice<UInt8>?
    private(set) var host: ArraySlice<UInt8>?
    private(set) var port: Int32?
    /// Absent in opaque references such as `mailto:x`.
    private(set) var path: ArraySlice<UInt8>?
    private(set) var query: ArraySlice<UInt8>?
    private(set) var fragment: ArraySlice<UInt8>?

    private static let mark = "-_.!~*'()"
    private static let pathMarks = Array((mark + ":@&=+$,;/").utf8)
    private static let uriMarks = Array((mark + ";/?:@&=+$,[]").utf8)
    private static let userMarks = Array((mark + ";:&=+$,").utf8)
    private static let serverMarks = Array((mark + ";:&=+$,@[]").utf8)
    private static let registryMarks = Array((mark + "$,;:@&=+").utf8)

    init(_ text: ArraySlice<UInt8>) throws(EvaluationError) {
        func invalid() -> EvaluationError { EvaluationError("URL input has invalid syntax: \(string(text))") }
        var rest = text
        if let hash = rest.firstIndex(of: UInt8(ascii: "#")) {
            fragment = rest[(hash + 1)...]
            rest = rest[..<hash]
            guard URIReference.consists(text[(hash + 1)...], URIReference.uriMarks) else { throw invalid() }
        }
        if let end = rest.firstIndex(where: { ":/?".utf8.contains($0) }), rest[end] == UInt8(ascii: ":") {
            let name = rest[..<end]
            guard let first = name.first, URIReference.isLetter(first),
                name.allSatisfy({ URIReference.isLetter($0) || URIReference.isDigit($0) || "+-.".utf8.contains($0) })
            else { throw invalid() }
            scheme = name
            rest = rest[(end + 1)...]
            if rest.first != UInt8(ascii: "/") {
                // An opaque reference has no parts.
                guard !rest.isEmpty, URIReference.consists(rest, URIReference.uriMarks) else { throw invalid() }
                return
            }
        }
        guard readHierarchy(rest) else { throw invalid() }
    }

    private mutating func readHierarchy(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        if rest.starts(with: "//".utf8) {
            rest = rest.dropFirst(2)
            let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
            rest = rest[authority.endIndex...]
            if authority.isEmpty ? rest.isEmpty && fragment == nil : !readAuthority(authority) { return false }
        }
        let path = rest.prefix { $0 != UInt8(ascii: "?") }
        self.path = path
        guard URIReference.consists(path, URIReference.pathMarks) else { return false }
        rest = rest[path.endIndex...]
        guard !rest.isEmpty else { return true }
        query = rest.dropFirst()
        return URIReference.consists(rest.dropFirst(), URIReference.uriMarks)
    }

    /// An authority that is no server but a name of some registry has neither host nor port.
    private mutating func readAuthority(_ text: ArraySlice<UInt8>) -> Bool {
        let isRegistry = URIReference.consists(text, URIReference.registryMarks)
        if text.contains(UInt8(ascii: "]")) || URIReference.consists(text, URIReference.serverMarks, beyondASCII: false) {
            if readServer(text) { return true }
            host = nil
            port = nil
        }
        return isRegistry
    }

    private mutating func readServer(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        if let at = rest.firstIndex(of: UInt8(ascii: "@")) {
            guard URIReference.consists(rest[..<at], URIReference.userMarks) else { return false }
            rest = rest[(at + 1)...]
        }
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = rest[rest.startIndex...end]
            let digits = address.dropFirst().dropLast().prefix { $0 != UInt8(ascii: "%") }
            guard digits.contains(UInt8(ascii: ":")), digits.allSatisfy({ URIReference.hexDigit($0) != nil || ":.".utf8.contains($0) })
            else {
                return false
            }
            host = address
        } else {
            let name = rest.prefix { $0 != UInt8(ascii: ":") }
            guard URIReference.isHostName(name) else { return false }
            host = name
        }
        guard let host else { return false }
        rest = rest[host.endIndex...]
        guard let colon = rest.popFirst() else { return true }
        guard colon == UInt8(ascii: ":"), rest.allSatisfy(URIReference.isDigit) else { return false }
        if rest.isEmpty { return true }
        guard let number = NumberText.integer(rest), let value = Int32(exactly: number) else { return false }
        port = value
        return true
    }

    /// An IPv4 address, or labels of letters, digits and inner hyphens of which the last of several starts with a letter.
    private static func isHostName(_ name: ArraySlice<UInt8>) -> Bool {
        var labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count == 4,
            labels.allSatisfy({ !$0.isEmpty && $0.count <= 3 && $0.allSatisfy(isDigit) && NumberText.integer($0) ?? 256 < 256 })
        {
            return true
        }
        // A dot may stand at the end.
        if labels.count > 1, labels.last?.isEmpty ?? false { labels.removeLast() }
        guard let last = labels.last?.first, labels.count == 1 || isLetter(last) else { return false }
        return labels.allSatisfy { label in
            guard let first = label.first, let last = label.last, first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else {
                return false
            }
            return label.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A }
    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// Whether a text has only letters, digits, these marks, whole escapes and, if allowed, printing characters beyond ASCII.
    private static func consists(_ text: ArraySlice<UInt8>, _ marks: [UInt8], beyondASCII: Bool = true) -> Bool {
        var at = text.startIndex
        var hasOthers = false
        while at < text.endIndex {
            let byte = text[at]
            if byte == UInt8(ascii: "%") {
                guard at + 2 < text.endIndex, hexDigit(text[at + 1]) != nil, hexDigit(text[at + 2]) != nil else { return false }
                at += 2
            } else if byte >= 0x80 {
                hasOthers = true
            } else if !isLetter(byte), !isDigit(byte), !marks.contains(byte) {
                return false
            }
            at += 1
        }
        guard hasOthers else { return true }
        return beyondASCII
            && string(text).unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .spaceSeparator, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
    }

    /// The text with its escapes decoded; bytes that are no UTF-8 become U+FFFD. Nil for a broken escape.
    static func decoded(_ text: ArraySlice<UInt8>, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var at = text.startIndex
        while at < text.endIndex {
            if text[at] == UInt8(ascii: "%") {
                guard at + 2 < text.endIndex, let high = hexDigit(text[at + 1]), let low = hexDigit(text[at + 2]) else { return nil }
                bytes.append(high << 4 | low)
                at += 3
            } else {
                bytes.append(plusIsSpace && text[at] == UInt8(ascii: "+") ? 0x20 : text[at])
                at += 1
            }
        }
        return string(bytes)
    }
}
